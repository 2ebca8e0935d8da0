"""
Token ids (`uti`): each carries a keyed reference to the credential, or a user's token family, that made its token.

    uti = base64url( nonce[10] || tag("token-id", nonce || id of that)[:10] )

So a token ends with its credential or family and with no other one (security.md "The flow"), and no list of issued
tokens is kept. Only this instance can make one, and it tells an onlooker nothing.
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
    """What a token can have been made with: a credential, or the token family of a user."""

    @property
    def id(self) -> str:
        """What it is called."""
        ...


P = TypeVar("P", bound=Proof)


def new_token_id(tag: Tagger, proof: str, entropy: Callable[[int], bytes]) -> str:
    """Make the `uti` of a new token that the credential or family with this id obtained."""
    nonce = entropy(_NONCE_BYTES)
    return urlsafe_b64encode(nonce + _reference(tag, nonce, proof)).rstrip(b"=").decode("ascii")


def proof_of(tag: Tagger, token_id: str, candidates: Iterable[P]) -> P | None:
    """
    Find which of a principal's credentials or token families a token was made with, or None if it is none of them.

    None is the answer for a removed one, and for a `uti` that this instance did not make.
    """
    if len(token_id) != _TOKEN_ID_CHARS:
        # The decoder passes over what is no character of its own, and one token would have many ids.
        return None
    try:
        raw = urlsafe_b64decode(token_id + "=")
    except (binascii.Error, ValueError):
        return None
    nonce, reference = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    found: P | None = None
    for candidate in candidates:
        # No early end: how long this takes says nothing about which one it was.
        if hmac.compare_digest(_reference(tag, nonce, candidate.id), reference):
            found = candidate
    return found


def _reference(tag: Tagger, nonce: bytes, proof: str) -> bytes:
    return tag(PURPOSE, nonce + proof.encode())[:_TAG_BYTES]
