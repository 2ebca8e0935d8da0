"""
Interactive sign-in: what a client may ask the authorization endpoint.

Sources: RFC 6749 section 4.1, RFC 7636 (S256 alone), OpenID Connect Core section 3.1.2.1, reference clients.md section
1.2. Where the answer may go is in `core.redirects`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import TypeVar
from urllib.parse import urlencode

from strongroom.core.aadsts import refuse
from strongroom.core.redirects import Platform

_CHALLENGE_CHARS = 43
_MAX_AGE_DIGITS = 9
_VERIFIER_CHARS = range(43, 129)
E = TypeVar("E", bound=StrEnum)


class ResponseMode(StrEnum):
    """How the answer comes to the client."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


class Prompt(StrEnum):
    """What the client wants the person to be asked; nothing by itself is `DEFAULT`."""

    DEFAULT = ""
    NONE = "none"
    """Nothing: an answer, or an error."""
    LOGIN = "login"
    """Who they are, also if they have just said so."""
    SELECT_ACCOUNT = "select_account"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client asks the authorization endpoint, as far as it is remembered until the user has answered."""

    tenant: str
    """The first segment of the path: a GUID, a domain, `common` or `organizations`."""
    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    scope: str
    challenge: str | None
    """The PKCE code challenge, S256; None of a server that goes without."""
    platform: Platform
    state: str | None = None
    nonce: str | None = None
    login_hint: str | None = None
    prompt: Prompt = Prompt.DEFAULT
    max_age: int | None = None
    """How long ago the person may have signed in, in seconds."""

    def answer(self, members: Mapping[str, str]) -> str:
        """Make the URL that takes an answer to the client, for the modes that go by one."""
        query = urlencode({**members, **({"state": self.state} if self.state is not None else {})})
        mark = "#" if self.response_mode is ResponseMode.FRAGMENT else "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{mark}{query}"


def read_authorization_request(
    tenant: str, query: Mapping[str, str], scope: str, platform: Platform
) -> AuthorizationRequest:
    """
    Read a request whose client and redirect URI are known to be good.

    Raises:
        Invalid: AADSTS700054, another response type than `code`; 9002325, no PKCE; 900144, nothing is asked for;
            9002313, another member is malformed.
    """
    if query.get("response_type") != "code":
        raise refuse(700054)
    if not scope.strip():
        raise refuse(900144, parameter="scope")
    return AuthorizationRequest(
        tenant=tenant,
        client_id=query["client_id"].lower(),
        redirect_uri=query["redirect_uri"],
        response_mode=_one_of(ResponseMode, query, "response_mode", ResponseMode.QUERY),
        scope=scope,
        challenge=_challenge(query, platform),
        platform=platform,
        state=query.get("state"),
        nonce=query.get("nonce"),
        login_hint=query.get("login_hint"),
        prompt=_one_of(Prompt, query, "prompt", Prompt.DEFAULT),
        max_age=_max_age(query.get("max_age")),
    )


def _challenge(query: Mapping[str, str], platform: Platform) -> str | None:
    """Read the code challenge. Only a server that proves itself may go without (RFC 9700 section 2.1.1)."""
    if platform is Platform.WEB and not {"code_challenge", "code_challenge_method"} & query.keys():
        return None
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_CHARS:
        raise refuse(9002325)
    return challenge


def _one_of(kind: type[E], query: Mapping[str, str], name: str, default: E) -> E:
    try:
        return kind(query.get(name, default))
    except ValueError:
        raise refuse(9002313, reason=name) from None


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_AGE_DIGITS:
        raise refuse(9002313, reason="max_age")
    return int(text)


def check_verifier(verifier: str, challenge: str) -> None:
    """
    Check that whoever redeems a code is who asked for it (RFC 7636 section 4.6).

    Raises:
        Invalid: AADSTS501481.
    """
    digest = urlsafe_b64encode(sha256(verifier.encode("utf-8", "surrogatepass")).digest()).rstrip(b"=")
    if len(verifier) not in _VERIFIER_CHARS or not compare_digest(digest, challenge.encode("utf-8", "surrogatepass")):
        raise refuse(501481, reason="code_verifier does not match")
