"""
Redirect URIs: which may be registered, and where an answer to a client may go.

One reading of a URI decides both, so that what is registered can be matched and what cannot be matched is not
registered. Matching is exact, but for the port on loopback, which a program takes as it is free (RFC 8252 section 7.3,
security.md "Tokens and sign-in"). Source of the platforms: reference clients.md section 1.2 and Entra's registrations.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from strongroom.core.limits import REDIRECT_URI_CHARS
from strongroom.core.registration import SignIn, origin_of

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_RUN_BY_BROWSERS = frozenset({"javascript", "data", "vbscript", "file", "blob"})
"""Schemes that a browser makes a page of by itself."""


class Platform(StrEnum):
    """What kind of client listens at a redirect URI, which decides how it redeems a code."""

    WEB = "web"
    """A server: it proves itself when it redeems."""
    SPA = "spa"
    """A page: it redeems from a browser, by PKCE alone."""
    PUBLIC_CLIENT = "public_client"
    """An installed program: by PKCE alone."""


def may_be_registered(uri: str, platform: Platform) -> bool:
    """
    Tell whether an application may have answers sent to *uri*.

    A server and a page listen at HTTPS, or at HTTP on the user's own machine; an installed program wherever it likes.
    """
    parts = _split(uri)
    if parts is None or len(uri) > REDIRECT_URI_CHARS:
        return False
    return platform is Platform.PUBLIC_CLIENT or bool(parts.hostname and parts.scheme == "https") or _is_loopback(parts)


def is_loopback_redirect(uri: str) -> bool:
    """
    Tell whether an answer that goes to *uri* stays on the user's machine: http to loopback, any port, no path.

    What well-known public clients listen at (RFC 8252 section 7.3).
    """
    parts = _split(uri)
    return parts is not None and _is_loopback(parts) and parts.path in {"", "/"} and not parts.query


def find_platform(registered: SignIn, uri: str) -> Platform | None:
    """Find the platform that a registration gives a redirect URI to; None if it has no such URI."""
    if _split(uri) is None:
        return None
    platforms = (
        (Platform.WEB, registered.web),
        (Platform.SPA, registered.spa),
        (Platform.PUBLIC_CLIENT, registered.public_client),
    )
    return next((platform for platform, uris in platforms if any(_matches(one, uri) for one in uris)), None)


def has_page_at(registered: SignIn, origin: str) -> bool:
    """Tell whether a registration has a page of an origin: of two on loopback the port does not count."""
    return any(_is_origin_of(uri, origin) for uri in registered.spa)


def _is_origin_of(uri: str, origin: str) -> bool:
    if origin_of(uri) == origin:
        return True
    known, asked = _split(uri), _split(origin)
    if known is None or asked is None or not (_is_loopback(known) and _is_loopback(asked)):
        return False
    return known.hostname == asked.hostname


def _matches(registered: str, uri: str) -> bool:
    """Compare character by character; of two on loopback the port does not count, and of a bare one the last slash."""
    if registered == uri:
        return True
    known, asked = _split(registered), _split(uri)
    if known is None or asked is None or not (_is_loopback(known) and _is_loopback(asked)):
        return False
    return (known.hostname, known.path or "/", known.query) == (asked.hostname, asked.path or "/", asked.query)


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _split(uri: str) -> SplitResult | None:
    """Take a URI apart; None if readers could disagree about where it leads, or it is none that an answer can go to."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if not (uri.isascii() and uri.isprintable()) or any(char in uri for char in " \\#*"):
        return None
    if any(char in parts.netloc for char in ";,") or parts.username is not None or port == 0:
        return None
    if not parts.scheme or parts.scheme in _RUN_BY_BROWSERS or not (parts.netloc or parts.path):
        return None
    return parts
