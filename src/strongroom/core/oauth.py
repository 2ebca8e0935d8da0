"""
The token service's rules: what a token is for, what it says, how long it lives, and each way of saying no.

Signs nothing and looks nobody up. Sources: reference clients.md section 7 and section 1.2, azure-key-vault.md section
1.6; choices where they are silent are in ADR 0014. The number, trace id and time of a refusal are added to its sentence
by whoever renders it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.core.echo import GUID, RESOURCE, SCOPE, TENANT, Form, one_of, shown
from strongroom.core.errors import Failure, Invalid, Unauthenticated
from strongroom.core.limits import ACCESS_TOKEN_MAX_S, ACCESS_TOKEN_MIN_S, MANAGED_IDENTITY_TOKEN_S
from strongroom.core.names import Hosts, Surface

# ---- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """One AADSTS number: the word for programs, the class of failure, and the sentence with places for its details."""

    number: int
    error: str
    kind: type[Failure]
    sentence: str


_CLIENT, _REQUEST = ("invalid_client", Unauthenticated), ("invalid_request", Invalid)
_SCOPE, _RESOURCE = ("invalid_scope", Invalid), ("invalid_resource", Invalid)
_UNAUTHORIZED = ("unauthorized_client", Invalid)
_NOT_INSTALLED = (
    " This can happen if the application has not been installed by the administrator of the tenant or consented to by"
    " any user in the tenant. You may have sent your authentication request to the wrong tenant."
)

_TABLE = (
    # The client.
    Refusal(
        7000215,
        *_CLIENT,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
        " value, not the client secret ID, for a secret added to app '{client_id}'.",
    ),
    Refusal(
        7000222,
        *_CLIENT,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to"
        " create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for"
        " added security: https://aka.ms/certCreds.",
    ),
    Refusal(
        7000216,
        *_CLIENT,
        "'client_assertion', 'client_secret' or 'request' is required for the '{grant_type}' grant type.",
    ),
    Refusal(
        7000218,
        *_CLIENT,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    Refusal(
        700016,
        *_UNAUTHORIZED,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'." + _NOT_INSTALLED,
    ),
    Refusal(7000112, *_UNAUTHORIZED, "Application '{client_id}' is disabled."),
    # The tenant.
    Refusal(
        90002,
        *_REQUEST,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into"
        " the correct cloud. Check with your subscription administrator, this may happen if there are no active"
        " subscriptions for the tenant.",
    ),
    Refusal(
        900023,
        *_REQUEST,
        "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    ),
    Refusal(50049, "invalid_instance", Invalid, "Unknown or invalid instance."),
    # The request.
    Refusal(900144, *_REQUEST, "The request body must contain the following parameter: '{parameter}'."),
    Refusal(
        90014,
        *_REQUEST,
        "The required field '{parameter}' is missing from the credential. Ensure that you have all the"
        " necessary parameters for the login request.",
    ),
    Refusal(70003, "unsupported_grant_type", Invalid, "The app requested an unsupported grant type '{grant_type}'."),
    Refusal(
        70011,
        *_SCOPE,
        "The provided request must include a 'scope' input parameter. The provided value for the input"
        " parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    Refusal(
        1002012,
        *_SCOPE,
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value"
        " with /.default suffixed to the resource identifier (application ID URI).",
    ),
    Refusal(
        500011,
        *_RESOURCE,
        "The resource principal named {resource} was not found in the tenant named {tenant}." + _NOT_INSTALLED,
    ),
    Refusal(
        50059,
        *_REQUEST,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    Refusal(9000411, *_REQUEST, "The request is not properly formatted. The parameter '{parameter}' is duplicated."),
    Refusal(901002, *_REQUEST, "The 'resource' request parameter is not supported."),
    Refusal(9002313, *_REQUEST, "Invalid request. Request is malformed or invalid."),
    Refusal(9000410, *_REQUEST, "Malformed JSON in the parameter '{parameter}'."),
    Refusal(
        700027,
        *_CLIENT,
        "The certificate with identifier used to sign the client assertion is not registered on application"
        " '{client_id}'.",
    ),
    Refusal(700024, *_CLIENT, "Client assertion is not within its valid time range."),
    Refusal(392196, *_REQUEST, "The resource application '{resource}' does not support certificate-bound tokens."),
)

REFUSALS: Mapping[int, Refusal] = {row.number: row for row in _TABLE}
"""Every AADSTS number that is given, by itself; a grant that is added later brings its own."""

_GRANT_TYPES = (
    "client_credentials", "authorization_code", "password", "refresh_token", "device_code", "implicit",
    *(f"urn:ietf:params:oauth:grant-type:{name}" for name in ("device_code", "jwt-bearer", "saml2-bearer",
    "saml1_1-bearer", "token-exchange")),
)  # fmt: skip
_PARAMETERS = (
    "assertion", "authorization_endpoint", "claims", "client_assertion", "client_assertion_type", "client_id",
    "client_info", "client_secret", "code", "code_verifier", "device_code", "grant_type", "password", "redirect_uri",
    "refresh_token", "requested_token_use", "resource", "scope", "token_type", "username",
)  # fmt: skip
_DETAILS: Mapping[str, Form] = {
    "client_id": GUID,
    "grant_type": one_of(_GRANT_TYPES),
    "parameter": one_of(_PARAMETERS),
    "resource": RESOURCE,
    "scope": SCOPE,
    "tenant": TENANT,
}
"""What a sentence repeats, and the form that it must have for that."""


def refuse(number: int, *, reason: str | None = None, error: str | None = None, **details: str) -> Failure:
    """
    Make the failure of an AADSTS number, with *details* in their places as far as they have their form (`core.echo`).

    *error* replaces the word for programs where one number has two: discovery says `invalid_tenant` for 90002.
    *reason* is for the audit alone.
    """
    row = REFUSALS[number]
    repeated = {name: shown(text, _DETAILS[name]) for name, text in details.items()}
    return row.kind(row.sentence.format(**repeated), code=error or row.error, number=number, reason=reason)


# ---- what a token is for --------------------------------------------------------------------------------------------

DEFAULT_SCOPE = "/.default"
_USER_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})


@dataclass(frozen=True, slots=True)
class Resource:
    """What a token is for: the surface that will take it, and the `aud` that it gets."""

    surface: Surface
    audience: str
    """The resource as it was asked for, in lower case."""


def parse_client_credentials_scope(scope: str | None, hosts: Hosts, tenant: str) -> Resource:
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
    items = [item for item in scope.split() if item not in _USER_SCOPES]
    if len(items) != 1 or not items[0].endswith(DEFAULT_SCOPE):
        raise refuse(1002012, scope=scope)
    return _resource(items[0].removesuffix(DEFAULT_SCOPE), hosts, tenant)


def parse_resource(resource: str | None, hosts: Hosts, tenant: str) -> Resource:
    """
    Read the v1 endpoint's `resource`, or a managed identity's.

    Raises:
        Invalid: AADSTS900144 or 500011.
    """
    if not resource:
        raise refuse(900144, parameter="resource")
    return _resource(resource, hosts, tenant)


def _resource(text: str, hosts: Hosts, tenant: str) -> Resource:
    surface = hosts.surface_of_audience(text)
    if surface is None:
        raise refuse(500011, resource=text, tenant=tenant)
    return Resource(surface, text.lower())


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


def application_lifetime(now: int, entropy: Callable[[int], bytes]) -> Lifetime:
    """Choose the lifetime of an application's token: 60 to 90 minutes at random, so that renewals spread."""
    span = ACCESS_TOKEN_MAX_S - ACCESS_TOKEN_MIN_S + 1
    # The remainder of 64 bits by so small a number favours no second by more than one part in 10^15.
    return _lifetime(now, ACCESS_TOKEN_MIN_S + int.from_bytes(entropy(8), "big") % span)


def managed_identity_lifetime(now: int, until: int | None = None) -> Lifetime:
    """Give the lifetime of a managed identity's token: a day, or up to *until*, when its credential ends."""
    return _lifetime(now, MANAGED_IDENTITY_TOKEN_S if until is None else min(MANAGED_IDENTITY_TOKEN_S, until - now))


def _lifetime(now: int, lifetime_s: int) -> Lifetime:
    # Clients are told a second less than they have, as Azure tells them.
    return Lifetime(now - BACKDATED_S, now + lifetime_s, lifetime_s - 1)


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


def opaque_text(entropy: Callable[[int], bytes], size: int) -> str:
    """Make a text for a claim that only its issuer could read, and that says nothing: *size* random bytes."""
    return urlsafe_b64encode(entropy(size)).rstrip(b"=").decode("ascii")


def service_principal_claims(facts: TokenFacts, *, oid: str, roles: tuple[str, ...] = ()) -> dict[str, object]:
    """Make the claims of an application's own token (v1). `sub` is the object id, and there is no user in it."""
    claims = {**_claims(facts), "idtyp": "app", "oid": oid, "sub": oid}
    if roles:
        claims["roles"] = list(roles)
    return claims


def managed_identity_claims(facts: TokenFacts, *, oid: str, resource_id: str) -> dict[str, object]:
    """Make the claims of a managed identity's token (v1): a service principal's, and which resource it stands for."""
    return {**service_principal_claims(facts, oid=oid), "xms_mirid": resource_id}


def _claims(facts: TokenFacts) -> dict[str, object]:
    issuer = issuer_v1(facts.tenant)
    return {
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
