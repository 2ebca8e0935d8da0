"""
Opaque handles: what a client carries back to us and may neither read, change nor use elsewhere.

Skip tokens, operation ids and their like are sealed with the purpose and context they were issued for, so one that
comes back in another vault, tenant or listing does not open (pitfalls.md "Paths, handles, parsing").
"""

from __future__ import annotations

import base64
import binascii
import re

from strongroom.core import limits
from strongroom.crypto.protocol import RootKey, Unsealable

_HANDLE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def seal_handle(protection: RootKey, purpose: str, context: bytes, payload: bytes) -> str:
    """
    Make a handle of `[A-Za-z0-9_-]` that only `open_handle` with the same purpose and context reads.

    Raises:
        ValueError: the payload makes a handle longer than `open_handle` would read.
    """
    handle = base64.urlsafe_b64encode(protection.seal(purpose, context, payload)).rstrip(b"=").decode("ascii")
    if len(handle) > limits.HANDLE_CHARS:
        raise ValueError(f"a handle is at most {limits.HANDLE_CHARS} characters long")
    return handle


def open_handle(protection: RootKey, purpose: str, context: bytes, handle: str, *, longest: int | None = None) -> bytes:
    """
    Read a handle that came back from outside; one is at most `HANDLE_CHARS` characters long, or *longest*.

    Raises:
        Unsealable: it is not one that `seal_handle` made for this purpose and context, character by character.
    """
    if len(handle) > (longest or limits.HANDLE_CHARS) or not _HANDLE.fullmatch(handle):
        raise Unsealable
    try:
        sealed = base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4))
    except binascii.Error:
        raise Unsealable from None
    if base64.urlsafe_b64encode(sealed).rstrip(b"=") != handle.encode("ascii"):
        # Unused bits at the end: the same bytes in another spelling, which we never wrote.
        raise Unsealable
    return protection.open(purpose, context, sealed)
