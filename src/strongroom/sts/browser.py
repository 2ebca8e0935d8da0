"""
What a browser keeps for us: a secret that binds pages to it, and who is signed in at it.

Both are `__Host-` cookies that no script reads. They come with a navigation from a client's site, which begins a
sign-in, and with no form or script of another site (`SameSite=Lax`).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from strongroom.core.sessions import BrowserSession
from strongroom.directory.browser_sessions import live_session
from strongroom.directory.codes import seal, unseal
from strongroom.flow.call import Call
from strongroom.http.message import Header

_SECRET_COOKIE = b"__Host-sign-in"
_SESSIONS_COOKIE = b"__Host-sessions"
_ATTRIBUTES = b"; Path=/; Secure; HttpOnly; SameSite=Lax"
_SECRET_BYTES = 32
_SECRET_CHARS = 43
_PURPOSE = "browser sessions"


class _Sessions(msgspec.Struct, array_like=True, frozen=True):
    """The tenant and the id of each session of a browser."""

    ids: tuple[tuple[str, str], ...]


def new_secret(call: Call) -> tuple[bytes, Header]:
    """Give the digest of the browser's secret, a new one if it has none, and the cookie that keeps it there."""
    secret = _cookie(call, _SECRET_COOKIE)
    if len(secret) != _SECRET_CHARS or not secret.replace(b"-", b"").replace(b"_", b"").isalnum():
        secret = urlsafe_b64encode(call.world.entropy(_SECRET_BYTES)).rstrip(b"=")
    return sha256(secret).digest(), (b"set-cookie", _SECRET_COOKIE + b"=" + secret + _ATTRIBUTES)


def renewed_secret(call: Call) -> Header:
    """Give the browser another secret: whatever page was made for the one before is worth nothing."""
    secret = urlsafe_b64encode(call.world.entropy(_SECRET_BYTES)).rstrip(b"=")
    return (b"set-cookie", _SECRET_COOKIE + b"=" + secret + _ATTRIBUTES)


def has_secret(call: Call) -> bool:
    """Tell whether the request came with a secret: no other site's form does."""
    return bool(_cookie(call, _SECRET_COOKIE))


def digest_of_secret(call: Call) -> bytes:
    """Give the digest of the secret that the browser sent; of nothing if it sent none."""
    return sha256(_cookie(call, _SECRET_COOKIE)).digest()


def live_sessions(call: Call, tenant: str | None = None) -> list[BrowserSession]:
    """List who is signed in at the browser: of one tenant, or of any; whoever signed in last comes first."""
    found = unseal(call.world.keys, _PURPOSE, _Sessions, _cookie(call, _SESSIONS_COOKIE).decode("latin-1"))
    sessions = [live_session(call.world.view, *one, call.now) for one in (found.ids if found is not None else ())]
    return [one for one in sessions if one is not None and tenant in {None, one.tenant}]


def sessions_cookie(call: Call, sessions: Sequence[BrowserSession]) -> Header:
    """Make the cookie that names the sessions of a browser: with none, it is forgotten."""
    if not sessions:
        return (b"set-cookie", _SESSIONS_COOKIE + b"=" + _ATTRIBUTES + b"; Max-Age=0")
    kept = _Sessions(tuple((one.tenant, one.id) for one in sessions))
    sealed = seal(call.world.keys, _PURPOSE, kept).encode("ascii")
    return (b"set-cookie", _SESSIONS_COOKIE + b"=" + sealed + _ATTRIBUTES)


def _cookie(call: Call, wanted: bytes) -> bytes:
    found = b""
    for pair in call.request.headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == wanted:
            found = value
    return found
