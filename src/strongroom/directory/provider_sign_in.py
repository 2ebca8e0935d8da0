"""
Signing in at an identity provider, as its client (OpenID Connect Core section 3.1, RFC 7636, RFC 9207).

    metadata --> the authorization URL --> (the person is there) --> code --token endpoint--> id token --> who it is

Everything that is fetched or sent goes through `egress`, to places that the issuer's own metadata name. Of the answer
the id token is read and nothing else: no access token of the provider is kept.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote_plus, urlencode

from strongroom.core import limits
from strongroom.core.aadsts import refuse
from strongroom.core.federation import IssuerKey
from strongroom.core.identity_providers import BadIdToken, IdentityProvider, ProvedPerson, judge_id_token
from strongroom.core.names import Hosts, Surface
from strongroom.core.outgoing import parse_destination
from strongroom.core.strict_json import parse_object
from strongroom.directory.issuer_keys import BadMetadata, fetch_metadata, read_document, text_of
from strongroom.egress import Documents, Unreachable, Unsuccessful

_BASIC, _POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider says of itself, as far as it is needed (OpenID Connect Discovery section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    key_set: str
    authentication: str
    """How this service proves itself at the token endpoint: Basic, unless the provider does not take it."""
    names_itself: bool
    """Whether its answers have `iss` (RFC 9207): then one without it is not its own."""


@dataclass(frozen=True, slots=True)
class Departure:
    """One person on the way to a provider: what is said there of the sign-in, and what is kept of it here."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str = field(repr=False)
    """The PKCE code verifier."""
    begun: int
    hint: str = ""
    max_age: int | None = None
    """How long before it the person may have signed in there; 0 means that they have to do it anew."""


def redirect_uri(hosts: Hosts, provider: IdentityProvider) -> str:
    """Give the one URL that a provider sends people back to, on the instance's own name whatever name was asked."""
    return f"{hosts.url(Surface.LOGIN)}/{provider.tenant}/oauth2/callback"


async def read_metadata(documents: Documents, provider: IdentityProvider) -> ProviderMetadata:
    """
    Find out where a provider's endpoints are.

    Raises:
        Unavailable: AADSTS40010, it does not answer.
        Invalid: AADSTS40008, what it says of itself is not what it has to be.
    """
    try:
        members = await fetch_metadata(documents, provider.issuer)
        return ProviderMetadata(
            authorization_endpoint=_place(members, "authorization_endpoint"),
            token_endpoint=_place(members, "token_endpoint"),
            key_set=_place(members, "jwks_uri"),
            authentication=_authentication(members),
            names_itself=members.get("authorization_response_iss_parameter_supported") is True,
        )
    except Unreachable as fault:
        raise refuse(40010, reason=f"metadata of the identity provider: {fault}") from None
    except BadMetadata as fault:
        raise refuse(40008, reason=f"metadata of the identity provider: {fault}") from None


def _place(members: dict[str, object], name: str) -> str:
    text = text_of(members, name)
    try:
        parse_destination(text)
    except ValueError:
        raise BadMetadata(f"its {name} is no https URL") from None
    return text


def _authentication(members: dict[str, object]) -> str:
    taken = members.get("token_endpoint_auth_methods_supported", [_BASIC])
    for name in (_BASIC, _POST):
        if isinstance(taken, list) and name in taken:
            return name
    raise BadMetadata("it takes no client secret")


def authorization_url(provider: IdentityProvider, metadata: ProviderMetadata, departure: Departure) -> str:
    """Make the URL that sends a person to a provider."""
    challenge = urlsafe_b64encode(sha256(departure.verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    query = {
        "client_id": provider.client_id,
        "response_type": "code",
        "redirect_uri": departure.redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": departure.state,
        "nonce": departure.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if departure.hint:
        query["login_hint"] = departure.hint
    if departure.max_age is not None:
        query["max_age"] = str(departure.max_age)
        if departure.max_age == 0:
            query["prompt"] = "login"
    mark = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{mark}{urlencode(query)}"


async def redeem(
    documents: Documents,
    provider: IdentityProvider,
    metadata: ProviderMetadata,
    departure: Departure,
    *,
    code: str,
    secret: str,
    now: int,
) -> ProvedPerson:
    """
    Redeem a code that a person came back with, and say who it is.

    Raises:
        Unavailable: AADSTS40010, the provider does not answer.
        Invalid: AADSTS40015, it does not take the code; 40008, its answer is none; 50027, its id token does not hold.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": departure.redirect_uri,
        "code_verifier": departure.verifier,
        "client_id": provider.client_id,
    }
    headers: list[tuple[str, str]] = []
    if metadata.authentication == _BASIC:
        # RFC 6749 section 2.3.1: each part is form-encoded first.
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"
        headers.append(("Authorization", f"Basic {b64encode(pair.encode('ascii')).decode('ascii')}"))
    else:
        form["client_secret"] = secret
    try:
        answer = await documents.post(metadata.token_endpoint, form, headers)
    except Unsuccessful as fault:
        raise refuse(40015, reason=f"token endpoint of the identity provider: {fault}") from None
    except Unreachable as fault:
        raise refuse(40010, reason=f"token endpoint of the identity provider: {fault}") from None
    claims = await _verify(documents, metadata, _id_token(answer))
    try:
        return _judged(claims, provider, departure, now)
    except BadIdToken as bad:
        raise refuse(50027, reason=str(bad)) from None


def _id_token(answer: bytes) -> str:
    try:
        text = parse_object(answer).get("id_token")
    except (TypeError, ValueError):
        raise refuse(40008, reason="token endpoint's answer is no JSON object") from None
    if not isinstance(text, str) or len(text) > limits.TOKEN_CHARS:
        raise refuse(40008, reason="token endpoint's answer has no id token")
    return text


async def _verify(documents: Documents, metadata: ProviderMetadata, text: str) -> dict[str, object]:
    """
    Check an id token's signature by the provider's keys, and return its claims, which nobody has judged yet.

    Raises:
        Unavailable, Invalid: AADSTS40010, 40008, the keys cannot be had; 50027, none of them signed it.
    """
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.assertions import AssertionRefused, parse_assertion, verify_assertion  # noqa: PLC0415
    from strongroom.crypto.jwk import PROVIDER_ALGORITHMS, BadKeySet, issuer_key  # noqa: PLC0415

    try:
        unverified = parse_assertion(text)
        key = await _find_key(documents, metadata.key_set, unverified.kid)
        if key is None:
            raise refuse(50027, reason="id token names no key of the provider")
        return verify_assertion(unverified, issuer_key(key.public_key), algorithms=PROVIDER_ALGORITHMS)
    except AssertionRefused as refused:
        raise refuse(50027, reason=f"id token: {refused}") from None
    except Unreachable as fault:
        raise refuse(40010, reason=f"keys of the identity provider: {fault}") from None
    except BadKeySet as fault:
        raise refuse(40008, reason=f"keys of the identity provider: {fault}") from None


async def _find_key(documents: Documents, place: str, kid: str | None) -> IssuerKey | None:
    """
    Find a provider's key, or None; a `kid` that is not known makes the set be asked for again.

    A token without one is signed by the only key there is (OpenID Connect Core section 10.1).
    """
    from strongroom.crypto.jwk import PROVIDER_ALGORITHMS, parse_key_set  # noqa: PLC0415  see _verify

    keys = await read_document(documents, place, lambda document: parse_key_set(document, PROVIDER_ALGORITHMS))
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    found = next((key for key in keys if key.kid == kid), None)
    if found is None:
        keys = parse_key_set(await documents.fetch(place, again=True), PROVIDER_ALGORITHMS)
        found = next((key for key in keys if key.kid == kid), None)
    return found


def _judged(claims: dict[str, object], provider: IdentityProvider, departure: Departure, now: int) -> ProvedPerson:
    person = judge_id_token(claims, provider, nonce=departure.nonce, now=now)
    if departure.max_age is not None:
        # OpenID Connect Core section 3.1.2.1: who asks by `max_age` is told when it was.
        if person.authenticated is None:
            raise BadIdToken("provider does not say when the person signed in")
        if person.authenticated < departure.begun - departure.max_age - limits.ID_TOKEN_LEEWAY_S:
            raise BadIdToken("sign-in at the provider is too long ago")
    return person
