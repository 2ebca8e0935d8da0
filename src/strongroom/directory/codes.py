"""
Authorization codes: what a user agreed to, sealed, and good once.

A code holds all that its redemption needs and nothing is stored until then; that it is good once is because redeeming
begins the token family that it names, and a family begins once (`directory.sessions`).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TypeVar

import msgspec

from strongroom.core.limits import FORM_VALUE_CHARS
from strongroom.core.redirects import Platform
from strongroom.crypto.handles import open_handle
from strongroom.crypto.protocol import RootKey, Unsealable

_FORMAT = b"1"
S = TypeVar("S", bound=msgspec.Struct)


class AuthorizationCode(msgspec.Struct, array_like=True, frozen=True):
    """What an authorization code says."""

    tenant: str
    family: str
    """The id of the token family that it will begin."""
    user: str
    credential: str
    authenticated: int
    amr: tuple[str, ...]
    client_id: str
    redirect_uri: str
    challenge: str | None
    """None of a server that went without one."""
    scope: str
    nonce: str | None
    expires: int
    platform: Platform
    factor: str | None = None
    """The id of the second factor that the user showed."""


def seal(keys: RootKey, purpose: str, content: msgspec.Struct) -> str:
    """Seal something that a browser carries for us: it can neither be read nor made elsewhere."""
    sealed = keys.seal(purpose, _FORMAT, msgspec.msgpack.encode(content))
    return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")


def unseal(keys: RootKey, purpose: str, kind: type[S], text: str) -> S | None:
    """Open what `seal` made for the same purpose; None if it is nothing of the kind."""
    try:
        return msgspec.msgpack.decode(open_handle(keys, purpose, _FORMAT, text, longest=FORM_VALUE_CHARS), type=kind)
    except (Unsealable, msgspec.DecodeError):
        return None
