"""
The App Service endpoint: `GET IDENTITY_ENDPOINT?api-version&resource`, with the header secret of one run.

It is plain HTTP on loopback, so three things are demanded that a web page in a browser on this machine cannot give: the
exact Host (DNS rebinding), no sign of a proxy in between, and a 256-bit secret in a header (security.md "Tokens and
sign-in"; reference clients.md sections 1.3 and 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.errors import Invalid, Misdirected, Unauthenticated
from strongroom.core.identity import Credential, ServicePrincipal
from strongroom.core.oauth import parse_resource
from strongroom.crypto.secret_texts import WrongSecret
from strongroom.directory.runs import require_run, run_credential_id
from strongroom.directory.tokens import Mint, issue_to_identity
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Request, Response
from strongroom.managed_identity.wire import IdentityToken

_FORWARDING = (
    b"forwarded", b"via", b"x-real-ip",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto",
)  # fmt: skip
_NO_SUCH_IDENTITY = (
    "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
)


@dataclass(frozen=True, slots=True)
class Version:
    """One api-version: where the secret stands, and which parameters may name the identity."""

    header: bytes
    client_id: tuple[str, ...]
    object_id: tuple[str, ...] = ()
    resource_id: tuple[str, ...] = ()


VERSIONS: Mapping[str, Version] = {
    "2017-09-01": Version(b"secret", ("clientid", "client_id")),
    "2019-08-01": Version(b"x-identity-header", ("client_id",), ("object_id", "principal_id"), ("mi_res_id",)),
}


async def issue_token(call: Call) -> Response:
    """Issue a token to the identity that the run was lent, bound to the run's credential."""
    judge_way(call.request, call.world.instance.managed_identity)
    version = VERSIONS.get(call.query.get("api-version", ""))
    credential = _authenticate(call, version)
    call.proved = True
    principal = _principal(call, credential)
    # From here on it is known who asks, so the journal says so whatever the outcome.
    call.properties.update(
        tenantId=principal.tenant,
        appId=principal.app_id,
        objectId=principal.id,
        credentialId=credential.id,
    )
    if version is None:
        raise Invalid(f"The api-version is missing or not one of {', '.join(VERSIONS)}.")
    _judge_selection(call.query, version, principal)
    asked = call.query.get("resource")
    if not asked:
        raise Invalid("The query parameter 'resource' is required.")
    world = call.world
    resource = parse_resource(asked, world.hosts, principal.tenant)
    token = await issue_to_identity(
        Mint(world.keys, world.signers, world.view, world.entropy),
        principal,
        credential,
        resource=resource,
        now=call.now,
    )
    call.properties.update(resource=resource.audience, tokenId=token.token_id)
    answer = IdentityToken(
        access_token=token.text,
        client_id=principal.app_id,
        expires_on=str(token.lifetime.expires),
        not_before=str(token.lifetime.issued),
        resource=asked,
        token_type="Bearer",  # noqa: S106  the kind of token, not one
    )
    return json.response(answer, headers=[(b"cache-control", b"no-store")])


def judge_way(request: Request, origin: str) -> None:
    """
    Refuse what did not come straight from a program on this machine that meant this listener.

    Raises:
        Invalid: a proxy was in between.
        Misdirected: it names another host, such as a page's own name that was made to resolve to loopback.
    """
    if not origin or request.host != origin.removeprefix("http://"):
        raise Misdirected("The Host header does not name this endpoint.")
    if any(name in request.headers for name in _FORWARDING):
        raise Invalid("Forwarded requests are not answered.")


def _authenticate(call: Call, version: Version | None) -> Credential:
    """
    Find the credential that the header's secret belongs to, with equal work if there is none.

    Raises:
        Unauthenticated: the secret is missing, wrong, or its run is over.
    """
    names = (version.header,) if version is not None else tuple(one.header for one in VERSIONS.values())
    secret = next((call.request.headers[name] for name in names if name in call.request.headers), b"").decode("latin-1")
    keys = call.world.keys
    found = call.world.view.credential(run_credential_id(keys, secret))
    try:
        return require_run(keys, found, secret, call.now)
    except WrongSecret:
        raise Unauthenticated("The identity header is missing or wrong.", code="Unauthorized") from None


def _principal(call: Call, credential: Credential) -> ServicePrincipal:
    """
    Find whose the credential is.

    Raises:
        Invalid: the identity is gone or disabled.
    """
    found = call.world.view.principal(credential.tenant, credential.owner)
    if not isinstance(found, ServicePrincipal) or not found.enabled:
        raise Invalid(_NO_SUCH_IDENTITY, reason="identity is gone or disabled")
    return found


def _judge_selection(query: Mapping[str, str], version: Version, principal: ServicePrincipal) -> None:
    """
    Hold the identity that a request names, if it does, against the one the run was lent.

    Raises:
        Invalid: it is another, or it is named in two ways.
    """
    known = {
        **dict.fromkeys(version.client_id, principal.app_id),
        **dict.fromkeys(version.object_id, principal.id),
        **dict.fromkeys(version.resource_id, principal.resource_id or ""),
    }
    named = [name for name in known if name in query]
    if len(named) > 1:
        raise Invalid("At most one of client_id, object_id and mi_res_id may be given.")
    if any(query[name].lower() != known[name].lower() for name in named):
        raise Invalid(_NO_SUCH_IDENTITY)
