"""
Interactive sign-in: what a client may ask the authorization endpoint, and where the answer may go.

Sources: RFC 6749 section 4.1, RFC 7636 (S256 alone), RFC 8252 section 7.3 (loopback), reference clients.md section 1.2.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlencode, urlsplit

from strongroom.core.aadsts import refuse

_LOOPBACK = frozenset({"localhost", "127.0.0.1"})
_CHALLENGE_CHARS = 43
_VERIFIER_CHARS = range(43, 129)


WEB, SPA, PUBLIC_CLIENT = "web", "spa", "public_client"
"""The platforms of redirect URIs: a program on a server, a page, an installed program (`core.registration.SignIn`)."""


class ResponseMode(StrEnum):
    """How the answer comes to the client."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client asks the authorization endpoint, as far as it is remembered until the user has answered."""

    tenant: str
    """The first segment of the path: a GUID, a domain, `common` or `organizations`."""
    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    scope: str
    challenge: str
    """The PKCE code challenge, S256."""
    state: str | None = None
    nonce: str | None = None
    login_hint: str | None = None

    def answer(self, members: Mapping[str, str]) -> str:
        """Make the URL that takes an answer to the client, for the modes that go by one."""
        query = urlencode({**members, **({"state": self.state} if self.state is not None else {})})
        mark = "#" if self.response_mode is ResponseMode.FRAGMENT else "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{mark}{query}"


def is_loopback_redirect(uri: str) -> bool:
    """
    Tell whether an answer that goes to *uri* stays on the user's machine: http to loopback, any port, no path.

    What well-known public clients listen at (RFC 8252 section 7.3).
    """
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "http"
        and parts.hostname in _LOOPBACK
        and parts.username is None
        and parts.path in {"", "/"}
        and not parts.query
        and not parts.fragment
        and uri.isascii()
        and uri.isprintable()
    )


def read_authorization_request(tenant: str, query: Mapping[str, str], scope: str) -> AuthorizationRequest:
    """
    Read a request whose client and redirect URI are known to be good.

    Raises:
        Invalid: AADSTS700054, another response type than `code`; 9002325, no PKCE; 50058, `prompt=none`; 900144,
            nothing is asked for.
    """
    if query.get("response_type") != "code":
        raise refuse(700054)
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_CHARS:
        raise refuse(9002325)
    if query.get("prompt") == "none":
        # Every sign-in is a fresh one here, so nobody is signed in already.
        raise refuse(50058)
    if not scope.strip():
        raise refuse(900144, parameter="scope")
    try:
        mode = ResponseMode(query.get("response_mode", ResponseMode.QUERY))
    except ValueError:
        raise refuse(9002313, reason="response_mode") from None
    return AuthorizationRequest(
        tenant=tenant,
        client_id=query["client_id"].lower(),
        redirect_uri=query["redirect_uri"],
        response_mode=mode,
        scope=scope,
        challenge=challenge,
        state=query.get("state"),
        nonce=query.get("nonce"),
        login_hint=query.get("login_hint"),
    )


def check_verifier(verifier: str, challenge: str) -> None:
    """
    Check that whoever redeems a code is who asked for it (RFC 7636 section 4.6).

    Raises:
        Invalid: AADSTS501481.
    """
    digest = urlsafe_b64encode(sha256(verifier.encode("utf-8", "surrogatepass")).digest()).rstrip(b"=")
    if len(verifier) not in _VERIFIER_CHARS or not compare_digest(digest, challenge.encode("utf-8", "surrogatepass")):
        raise refuse(501481, reason="code_verifier does not match")
