"""
The token service's rules: what a token is for, what it says, and how long it lives.

Signs nothing and looks nobody up; how it says no is in `core.aadsts`. Sources: reference clients.md section 7 and
section 1.2, azure-key-vault.md section 1.6; choices where they are silent are in ADR 0014.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from strongroom.core.aadsts import refuse
from strongroom.core.claims_request import CONTINUOUS
from strongroom.core.first_party import MANAGED_HSM
from strongroom.core.limits import (
    ACCESS_TOKEN_MAX_S,
    ACCESS_TOKEN_MIN_S,
    CONTINUOUS_TOKEN_MAX_S,
    CONTINUOUS_TOKEN_MIN_S,
    MANAGED_IDENTITY_TOKEN_S,
)
from strongroom.core.names import MANAGED_HSM_RESOURCE, Hosts, Surface

# ---- what a token is for --------------------------------------------------------------------------------------------

DEFAULT_SCOPE = "/.default"
OPENID, PROFILE, EMAIL, OFFLINE_ACCESS = "openid", "profile", "email", "offline_access"
OPENID_SCOPES = frozenset({OPENID, PROFILE, EMAIL, OFFLINE_ACCESS})
"""The words of OpenID Connect: what a client asks for of the user, and of no resource."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a token is for: the surface that will take it, or another program that does, and how it is named."""

    surface: Surface | None
    """None: no surface of ours takes tokens for it."""
    audience: str
    """The resource as it was asked for, in lower case; a registered application as it calls itself."""
    app_id: str | None = None
    """The client id, where it is not the surface that says what is asked for."""
    token_version: int = 1
    """The version of the access tokens that it wants."""


FindApi = Callable[[str], Resource | None]
"""Finds what is a resource in a tenant by having been registered there, or None."""


def no_api(_name: str) -> None:
    """Find nothing: where the surfaces are all there is."""


def parse_client_credentials_scope(scope: str | None, hosts: Hosts, tenant: str, find: FindApi = no_api) -> Resource:
    """
    Read the v2 endpoint's `scope` for client credentials: one resource with `/.default` after it.

    Exactly that suffix is taken off, so `https://management.azure.com//.default` means the resource with its slash:
    Azure CLI asks so, and compares the `aud` it gets.

    Raises:
        Invalid: AADSTS900144, 1002012 or 500011.
    """
    if not scope or scope.isspace():
        raise refuse(900144, parameter="scope")
    # The Go and Java libraries add what they ask for users to every request; to an application it means nothing.
    items = [item for item in scope.split() if item not in OPENID_SCOPES]
    if len(items) != 1 or not items[0].endswith(DEFAULT_SCOPE):
        raise refuse(1002012, scope=scope)
    return _resource(items[0].removesuffix(DEFAULT_SCOPE), hosts, tenant, find)


def parse_resource(resource: str | None, hosts: Hosts, tenant: str, find: FindApi = no_api) -> Resource:
    """
    Read the v1 endpoint's `resource`, or a managed identity's.

    Raises:
        Invalid: AADSTS900144 or 500011.
    """
    if not resource:
        raise refuse(900144, parameter="resource")
    return _resource(resource, hosts, tenant, find)


def _resource(text: str, hosts: Hosts, tenant: str, find: FindApi) -> Resource:
    surface = hosts.surface_of_audience(text)
    if surface is not None:
        # Before anything that was registered: no application takes a name of ours, and gets tokens that open us.
        return Resource(surface, text.lower())
    if text.lower().removesuffix("/") in {MANAGED_HSM_RESOURCE, MANAGED_HSM}:
        return Resource(None, text.lower(), MANAGED_HSM)
    found = find(text)
    # Two texts may be one name to the directory and two to the surfaces (case folds further than lower case), so what
    # was found is asked again.
    if found is None or hosts.surface_of_audience(found.audience) is not None:
        raise refuse(500011, resource=text, tenant=tenant)
    return found


# ---- what a token says ----------------------------------------------------------------------------------------------

BACKDATED_S = 300
"""A token is dated this far back, so that a clock that is behind does not take it for one of the future."""
PUBLIC_CLIENT, SECRET_CLIENT, CERTIFICATE_CLIENT = "0", "1", "2"
"""`appidacr`: how the application proved itself. A managed identity counts as having a certificate."""


def issuer_v1(tenant: str) -> str:
    """Give the `iss` of v1 tokens: Azure's, on every host, because clients and libraries know that one."""
    return f"https://sts.windows.net/{tenant}/"


def issuer_v2(authority: str, tenant: str) -> str:
    """Give the `iss` of v2 tokens. *authority* is the URL of the login surface, without a slash at the end."""
    return f"{authority}/{tenant}/v2.0"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a token is valid, in Unix seconds, and what the answer says of it."""

    issued: int
    expires: int
    expires_in: int


def application_lifetime(now: int, entropy: Callable[[int], bytes], *, not_before: int | None = None) -> Lifetime:
    """Choose the lifetime of an application's token: 60 to 90 minutes at random, so that renewals spread."""
    return _lifetime(now, _at_random(entropy, ACCESS_TOKEN_MIN_S, ACCESS_TOKEN_MAX_S), not_before)


def continuous_lifetime(
    now: int, entropy: Callable[[int], bytes], *, until: int | None = None, not_before: int | None = None
) -> Lifetime:
    """
    Choose the lifetime of a token whose client understands that it can end at any moment: 20 to 28 hours at random.

    It ends no later than *until*, when the credential that it was got with does.
    """
    span = _at_random(entropy, CONTINUOUS_TOKEN_MIN_S, CONTINUOUS_TOKEN_MAX_S)
    return _lifetime(now, span if until is None else max(1, min(span, until - now)), not_before)


def _at_random(entropy: Callable[[int], bytes], least: int, most: int) -> int:
    # The remainder of 64 bits by so small a number favours no second by more than one part in 10^14.
    return least + int.from_bytes(entropy(8), "big") % (most - least + 1)


def managed_identity_lifetime(now: int, until: int | None = None) -> Lifetime:
    """Give the lifetime of a managed identity's token: a day, or up to *until*, when its credential ends."""
    return _lifetime(now, MANAGED_IDENTITY_TOKEN_S if until is None else min(MANAGED_IDENTITY_TOKEN_S, until - now))


def _lifetime(now: int, lifetime_s: int, not_before: int | None = None) -> Lifetime:
    # Clients are told a second less than they have, as Azure tells them. Whoever demands a token that is no older than
    # some moment gets one whose dates say so.
    return Lifetime(max(now - BACKDATED_S, not_before or 0), now + lifetime_s, lifetime_s - 1)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What every access token says, whoever it is for."""

    tenant: str
    resource: Resource
    app_id: str
    appidacr: str
    lifetime: Lifetime
    token_id: str
    """The `uti`, which leads back to the credential: `core.token_ids`."""
    aio: str
    """Opaque; see `opaque_text`."""
    rh: str
    """Opaque as well."""
    continuous: bool = False
    """The client understands that the token may be refused before it ends: `xms_cc`."""


def opaque_text(entropy: Callable[[int], bytes], size: int) -> str:
    """Make a text for a claim that only its issuer could read, and that says nothing: *size* random bytes."""
    return urlsafe_b64encode(entropy(size)).rstrip(b"=").decode("ascii")


def service_principal_claims(facts: TokenFacts, *, oid: str, roles: tuple[str, ...] = ()) -> dict[str, object]:
    """Make the claims of an application's own token (v1). `sub` is the object id, and there is no user in it."""
    claims = {**common_claims(facts), "idtyp": "app", "oid": oid, "sub": oid}
    if roles:
        claims["roles"] = list(roles)
    return claims


def managed_identity_claims(
    facts: TokenFacts, *, oid: str, resource_id: str, roles: tuple[str, ...] = ()
) -> dict[str, object]:
    """Make the claims of a managed identity's token (v1): a service principal's, and which resource it stands for."""
    return {**service_principal_claims(facts, oid=oid, roles=roles), "xms_mirid": resource_id}


def common_claims(facts: TokenFacts) -> dict[str, object]:
    """Make the claims that every access token has (v1)."""
    issuer = issuer_v1(facts.tenant)
    claims: dict[str, object] = {
        "aud": facts.resource.audience,
        "iss": issuer,
        "iat": facts.lifetime.issued,
        "nbf": facts.lifetime.issued,
        "exp": facts.lifetime.expires,
        "aio": facts.aio,
        "appid": facts.app_id,
        "appidacr": facts.appidacr,
        "idp": issuer,
        "rh": facts.rh,
        "tid": facts.tenant,
        "uti": facts.token_id,
        "ver": "1.0",
    }
    if facts.continuous:
        claims |= {"xms_cc": [CONTINUOUS], "xms_ssm": "1"}
    return claims
