"""
The handlers: one for each place, and the phases that all kinds share.

    way --> proof --> Metadata header --> api-version --> identity --> resource --> issue --> answer

The endpoints are plain HTTP, so three things are demanded that a web page in a browser on this machine cannot give: the
exact Host (DNS rebinding), no sign of a proxy in between, and a secret or a header of its own (security.md "Tokens and
sign-in"; reference clients.md sections 1.3 and 7). Nothing here is 403, and 404 only where there is no endpoint:
clients would try again for minutes, or take it that there are no managed identities (pitfalls "IMDS").
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.conditional_access import Flow
from strongroom.core.echo import GUID
from strongroom.core.errors import Invalid, Misdirected, Unauthenticated
from strongroom.core.identity import ServicePrincipal
from strongroom.core.instance import arc_key_file
from strongroom.core.names import Surface
from strongroom.core.network import Link
from strongroom.core.oauth import parse_resource
from strongroom.directory.apis import app_id_of, finder, require_application_assigned
from strongroom.directory.tokens import Mint, issue_to_identity
from strongroom.flow.access import admit, attempt_of
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Request, Response
from strongroom.http.routing import parse_query
from strongroom.managed_identity.kinds import (
    APP_SERVICE,
    ARC,
    CLOUD_SHELL,
    HEADER_KINDS,
    IMDS,
    Issued,
    Kind,
    is_service_fabric,
)
from strongroom.managed_identity.proof import Lent, Proof, by_connection, by_secret, by_socket

_FORWARDING = (
    b"forwarded", b"via", b"x-real-ip",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto",
)  # fmt: skip
_NO_SUCH_IDENTITY = (
    "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
)
_NOT_FOUND = "Identity not found"
_SEVERAL = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token"
    " request"
)
_TWO_NAMES = "At most one of client_id, object_id and mi_res_id may be given."
_NO_METADATA = "Required metadata header not specified"


async def app_service(call: Call) -> Response:
    """
    Answer in the form of App Service or Azure Machine Learning: the secret of a run stands in a header.

    On the socket of an identity the header says nothing, since who asks is known by the socket. It is demanded as the
    header `Metadata` is elsewhere: a request that was sent astray has none.
    """
    _judge_way(call)
    version = call.query.get("api-version")
    kind = next((kind for kind in HEADER_KINDS if kind.takes(version)), None)
    names = [one.header for one in HEADER_KINDS if one.header and kind in {None, one}]
    secret = next((call.request.headers[name] for name in names if name in call.request.headers), b"")
    if call.request.link is Link.IDENTITY_SOCKET:
        proof = by_socket(call.world, call.request) if secret else None
    else:
        proof = by_secret(call.world, secret.decode("latin-1"), "header", call.now)
    if proof is None:
        raise Unauthenticated("The identity header is missing or wrong.", code="Unauthorized")
    _note(call, kind or APP_SERVICE, proof)
    if is_service_fabric(version):
        raise Invalid("The form of Service Fabric is not served: its clients want TLS with a pinned certificate.")
    if kind is None:
        known = (version for one in HEADER_KINDS for version in one.versions)
        raise Invalid(f"The api-version is missing or not one of {', '.join(sorted(known))}.")
    return await _issue(call, kind, proof, call.query)


async def imds_of_run(call: Call) -> Response:
    """Answer as a virtual machine's metadata service does, under the path prefix of one run."""
    return await _metadata(call, IMDS, _by_path(call), call.query)


async def cloud_shell_of_run(call: Call) -> Response:
    """Answer as Cloud Shell does, under the path prefix of one run."""
    return await _metadata(call, CLOUD_SHELL, _by_path(call), parse_query(await call.raw_body()))


async def imds(call: Call) -> Response:
    """Answer as a virtual machine's metadata service does, to whomever the operator mapped to identities."""
    return await _metadata(call, IMDS, await _by_connection(call), call.query)


async def imds_of_identity(call: Call) -> Response:
    """
    Answer as a virtual machine's metadata service does, under the path prefix that names an identity.

    The prefix says which identity is meant and proves nothing: who asks shows the secret of a run in App Service's
    header, or is mapped.

    Raises:
        Invalid: the request names another identity as well.
    """
    named, secret = call.params["client"], call.request.header(b"x-identity-header")
    if secret is None:
        proof = await _by_connection(call)
    else:
        proof = by_secret(call.world, secret, "header", call.now)
    if call.query.get("client_id", named).lower() != named.lower():
        raise Invalid(_TWO_NAMES)
    return await _metadata(call, IMDS, proof, {**call.query, "client_id": named})


async def cloud_shell(call: Call) -> Response:
    """Answer as Cloud Shell does, to whomever the operator mapped to identities."""
    return await _metadata(call, CLOUD_SHELL, await _by_connection(call), parse_query(await call.raw_body()))


async def arc(call: Call) -> Response:
    """
    Answer as Azure Arc's agent does: whoever can read the key file of a run proves to be its user.

    Raises:
        Unauthenticated: without the file's content; it says where the file is.
    """
    _judge_way(call)
    scheme, _, content = (call.request.header(b"authorization") or "").partition(" ")
    given = content.strip() if scheme.lower() == "basic" else ""
    proof = by_secret(call.world, given, "key file", call.now)
    _require_metadata(call, ARC, proof)
    if proof is None or proof.run != call.params["run"]:
        raise _arc_challenge(call)
    return await _issue(call, ARC, proof, call.query)


def _arc_challenge(call: Call) -> Unauthenticated | Invalid:
    run = call.params["run"]
    if GUID.fullmatch(run) is None:
        # It becomes part of a path in the answer: nothing else may.
        return Invalid(_NOT_FOUND, reason="no run's id")
    # Whether there is such a run is not said: the path follows from the id alone. Clients split at the sign of
    # equality and take no quotation marks.
    realm = arc_key_file(call.world.instance.arc_key_folder, run)
    return Unauthenticated(
        "The key file's content is missing or wrong.",
        code="unauthorized_client",
        headers=(("WWW-Authenticate", f"Basic realm={realm}"),),
    )


def _by_path(call: Call) -> Proof | None:
    return by_secret(call.world, call.params["secret"], "path", call.now)


async def _by_connection(call: Call) -> Proof | None:
    return await by_connection(call.world, call.connection, call.request)


async def _metadata(call: Call, kind: Kind, proof: Proof | None, asked: Mapping[str, str]) -> Response:
    """Answer a kind that demands the Metadata header; whoever is not known is told what one without rights is told."""
    _judge_way(call)
    _require_metadata(call, kind, proof)
    if proof is None:
        raise Invalid(_NOT_FOUND, reason="nobody that an identity was lent to")
    return await _issue(call, kind, proof, asked)


def _judge_way(call: Call) -> None:
    """
    Refuse what did not come straight from a program that meant this listener.

    Raises:
        Invalid: a proxy was in between.
        Misdirected: it names another host, such as a page's own name that was made to resolve to this address.
    """
    request: Request = call.request
    if request.host not in call.world.instance.hosts_of(call.connection.link):
        raise Misdirected("The Host header does not name this endpoint.")
    if any(name in request.headers for name in _FORWARDING):
        raise Invalid("Forwarded requests are not answered.")


def _require_metadata(call: Call, kind: Kind, proof: Proof | None) -> None:
    """
    Demand the header that neither a web page nor a redirected request carries.

    Raises:
        Invalid: it is missing. The first probe of many clients is without it, and takes any such answer for a yes.
    """
    if proof is not None:
        _note(call, kind, proof)
    if (call.request.header(b"metadata") or "").strip().lower() != "true":
        raise Invalid(_NO_METADATA)


def _note(call: Call, kind: Kind, proof: Proof) -> None:
    """Note who asks: from here on the journal says so whatever the outcome, and a refusal is the caller's own."""
    call.proved = True
    call.properties.update(endpoint=kind.name, proof=proof.way)
    if len(proof.credentials) == 1:
        # Of somebody with several, the identity that is asked for says which one counts.
        (only,) = proof.credentials
        call.properties.update(tenantId=only.tenant, credentialId=only.id)


async def _issue(call: Call, kind: Kind, proof: Proof, asked: Mapping[str, str]) -> Response:
    """Choose the identity, issue it a token bound to the credential that asked, and answer in the kind's form."""
    named = {name: asked[name] for name in (*kind.client_id, *kind.object_id, *kind.resource_id) if name in asked}
    _note_asked(call, kind, proof, named)
    if not kind.takes(asked.get("api-version")):
        raise Invalid(f"The api-version is missing or not known: {kind.versions[0]} is.")
    lent = _choose(kind, proof, named)
    principal, world = lent.principal, call.world
    call.properties.update(
        tenantId=principal.tenant,
        appId=principal.app_id,
        objectId=principal.id,
        credentialId=lent.credential.id,
    )
    text = asked.get("resource")
    if not text:
        raise Invalid("The query parameter 'resource' is required.")
    resource = parse_resource(text, world.hosts, principal.tenant, finder(world.view, principal.tenant))
    call.properties["resource"] = resource.audience
    require_application_assigned(world.view, principal, resource)
    attempt = attempt_of(
        world,
        principal,
        flow=Flow.MANAGED_IDENTITY,
        client=principal.app_id,
        resource=app_id_of(resource),
        address=call.connection.address,
        now=call.now,
    )
    admit(call, principal.tenant, attempt, resource=resource.audience)
    token = await issue_to_identity(
        Mint(world.keys, world.signers, world.view, world.entropy, world.hosts.url(Surface.LOGIN)),
        principal,
        lent.credential,
        until=lent.credential.expires,
        resource=resource,
        now=call.now,
    )
    call.properties["tokenId"] = token.token_id
    answer = kind.answer(Issued(token, principal, text, named))
    return json.response(answer, headers=[(b"cache-control", b"no-store")])


def _note_asked(call: Call, kind: Kind, proof: Proof, named: Mapping[str, str]) -> None:
    """
    Note for the journal which identity is asked for, if the directory knows it, whether the caller may have it or not.

    If none is named it is the caller's, where that is certain.
    """
    view = call.world.view
    tenants = {one.tenant for one in proof.credentials}
    found = {(one.tenant, one.owner) for one in proof.credentials}
    if named:
        known = [
            view.service_principal_by_app_id(tenant, name.lower()) for tenant in tenants for name in named.values()
        ]
        found |= {(tenant, name.lower()) for tenant in tenants for name in named.values()}
        found |= {(one.tenant, one.id) for one in known if one is not None}
    principals = [
        one
        for one in (view.principal(*place) for place in found)
        if isinstance(one, ServicePrincipal)
        and all(kind.names(one)[name].lower() == value.lower() for name, value in named.items())
    ]
    if len(principals) == 1:
        asked = principals[0]
        call.properties.update(tenantId=asked.tenant, appId=asked.app_id, objectId=asked.id)
        credentials = [one for one in proof.credentials if one.owner == asked.id]
        if len(credentials) == 1:
            call.properties["credentialId"] = credentials[0].id


def _choose(kind: Kind, proof: Proof, named: Mapping[str, str]) -> Lent:
    """
    Find the identity that a request names. If it names none, it is the machine's own, or the only one there is.

    Raises:
        Invalid: there is none, it is none that the caller has, it is named in two ways, or there are several.
    """
    if len(named) > 1:
        raise Invalid(_TWO_NAMES)
    missing = _NOT_FOUND if kind.metadata else _NO_SUCH_IDENTITY
    fitting = [
        lent
        for lent in proof.lent
        if all(kind.names(lent.principal)[name].lower() == value.lower() for name, value in named.items())
    ]
    # One identity may be lent in two ways; that makes no question.
    fitting = list({lent.principal.id: lent for lent in reversed(fitting)}.values())
    if not fitting:
        raise Invalid(missing, reason=None if proof.lent else "identity is gone or disabled")
    if not named and len(fitting) > 1:
        fitting = [lent for lent in fitting if lent.principal.is_system_assigned] or fitting
    if len(fitting) > 1:
        raise Invalid(_SEVERAL)
    return fitting[0]
