"""
Token ids (`uti`): each carries a keyed reference to the credential that its token was made with.

    uti = base64url( nonce[10] || tag("token-id", nonce || credential id)[:10] )

So a token ends with its credential and with no other one (security.md "The flow"), and no list of issued tokens is
kept. Only this instance can make one, and it tells an onlooker nothing.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

PURPOSE = "token-id"
"""What the tagging key is derived for."""

_NONCE_BYTES = 10
_TAG_BYTES = 10
_TOKEN_ID_CHARS = 27

Tagger = Callable[[str, bytes], bytes]


class Proof(Protocol):
    """What a token is made with and ends with: a credential of any kind."""

    @property
    def id(self) -> str:
        """Its id, which no other proof of the instance ever has."""
        ...


P = TypeVar("P", bound=Proof)


def new_token_id(tag: Tagger, credential: str, entropy: Callable[[int], bytes]) -> str:
    """Make the `uti` of a new token that the credential with this id obtained."""
    nonce = entropy(_NONCE_BYTES)
    return urlsafe_b64encode(nonce + _reference(tag, nonce, credential)).rstrip(b"=").decode("ascii")


def credential_of(tag: Tagger, token_id: str, candidates: Iterable[P]) -> P | None:
    """
    Find which of a principal's credentials a token was made with, or None if it is none of them.

    None is the answer for a removed credential, and for a `uti` that this instance did not make.
    """
    if len(token_id) != _TOKEN_ID_CHARS or not token_id.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token_id + "=")
    except (binascii.Error, ValueError):
        return None
    nonce, reference = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    found: P | None = None
    for candidate in candidates:
        # No early end: how long this takes says nothing about which credential it was.
        if hmac.compare_digest(_reference(tag, nonce, candidate.id), reference):
            found = candidate
    return found


def _reference(tag: Tagger, nonce: bytes, credential: str) -> bytes:
    return tag(PURPOSE, nonce + credential.encode())[:_TAG_BYTES]
