"""
Azure's service limits: what a vault may be asked in ten seconds, and what of that each request takes.

The numbers are those of reference azure-key-vault.md section 6. A key's operations share the limit of keys in a token,
or of keys in software, and each takes as much of it as its type is dearer: an operation on RSA-4096-HSM, of which there
are 250, costs 8 of those on RSA-2048-HSM, of which there are 2000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from strongroom.core.keys import KeyKind, KeyType

WINDOW_S = 10


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request takes of a limit of its vault."""

    limit: str
    """Its name: requests under one name share it."""
    most: int
    """How much there is of it in a window."""
    cost: int = 1


REQUESTS: Mapping[str, Charge] = {"create": Charge("create", 300), "other": Charge("other", 4000)}
"""
By throttle class, what is charged before the handler runs. A key that is brought in counts with secrets that are
set; what neither makes nor uses a key is `other`.
"""

BY_KEY = "key"
"""The throttle class of what makes or uses a key. Its handler charges it, for only it knows the key's type."""

KEY_CREATES: Mapping[bool, int] = {True: 10, False: 20}
"""Keys made, rotated or released in a window, whatever their size; in a token, and in software."""
KEY_USES: Mapping[bool, Mapping[int, int]] = {
    True: {2048: 2000, 3072: 500, 4096: 250},
    False: {2048: 4000, 3072: 1000, 4096: 500},
}
"""Uses in a window by the size of an RSA key. Keys on curves, and oct keys, are as RSA keys of 2048 bits."""
_LEAST_BITS = 2048


def key_creation(key_type: KeyType) -> Charge:
    """Charge a key's making, rotation or release."""
    return Charge(_name(key_type, "create"), KEY_CREATES[key_type.in_token])


@lru_cache(maxsize=256)
def key_use(key_type: KeyType, bits: int | None) -> Charge:
    """Charge the use of a key for what keys are for. *bits* is an RSA key's size."""
    uses = KEY_USES[key_type.in_token]
    most = uses[_LEAST_BITS]
    of_this = uses.get(bits or _LEAST_BITS, most) if key_type.kind is KeyKind.RSA else most
    return Charge(_name(key_type, "other"), most, most // of_this)


def _name(key_type: KeyType, kind: str) -> str:
    return f"{kind} (keys in {'a token' if key_type.in_token else 'software'})"
