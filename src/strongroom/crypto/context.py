"""
Associated data: the bytes that bind a sealed value to its place.

What is sealed in one place opens in no other, because both sides build these bytes from what they know, not from what
they were given (security.md "Bootstrap, keys, data"). Standard library only.
"""

from __future__ import annotations


def bind(*parts: str) -> bytes:
    """
    Join *parts* so that no two different lists of parts give the same bytes.

    Each part is preceded by its length, as in a netstring, so a character cannot move from one part to its neighbour.
    """
    # Lone surrogates are kept apart instead of refused: what comes from outside is compared here, not judged.
    return "".join([f"{len(part)}:{part}" for part in parts]).encode("utf-8", "surrogatepass")


def context(purpose: str, tenant: str, vault: str, object_id: str, version: str, value_format: str) -> bytes:
    """
    Bind a version's value to everything that says which value it is.

    *vault* and *object_id* are GUIDs, never names: a name can be given to another vault or object later.
    """
    return bind(purpose, tenant, vault, object_id, version, value_format)
