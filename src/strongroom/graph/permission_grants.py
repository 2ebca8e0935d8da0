"""Handlers of /oauth2PermissionGrants: what clients may ask for in whose name, which is consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.core import limits
from strongroom.core.delegated_permissions import power_of_scopes
from strongroom.core.errors import Invalid
from strongroom.core.first_party import GRAPH
from strongroom.core.guids import parse_guid
from strongroom.core.records import tenant_partition
from strongroom.core.relations import PermissionGrant
from strongroom.directory.principals import no_such_object
from strongroom.directory.relations import change_grant, grant_permissions, revoke_grant
from strongroom.flow.authorization import require_power
from strongroom.flow.call import Call
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_principal
from strongroom.graph.odata import collection, entity
from strongroom.graph.wire import GrantChangeBody, PermissionGrantBody
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[PermissionGrant]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "clientId": Filterable(lambda one: one.client, _EQ),
    "consentType": Filterable(lambda one: "AllPrincipals" if one.principal is None else "Principal", _EQ),
    "principalId": Filterable(lambda one: one.principal, _EQ),
    "resourceId": Filterable(lambda one: one.resource, _EQ),
}


async def list_grants(call: Call) -> Response:
    """List every grant of the tenant."""
    return _grants(call, lambda _: True)


async def list_grants_of(call: Call) -> Response:
    """List the grants that a service principal has as a client, or that a user gave."""
    whose = find_principal(call)
    return _grants(call, lambda one: whose in {one.client, one.principal})


async def get_grant(call: Call) -> Response:
    """Get one grant."""
    return entity(call, "oauth2PermissionGrants", _render(_find(call)))


async def create_grant(call: Call) -> Response:
    """Grant permissions to a client, for one user or for all."""
    body = await call.body(PermissionGrantBody)
    principal = body.principal_id.lower() if body.principal_id is not None else None
    if (body.consent_type == "Principal") is not (principal is not None):
        raise Invalid("A grant has a principalId if its consentType is 'Principal', and none if it is 'AllPrincipals'.")
    scopes = _scopes(body.scope)
    _require_power(call, principal, body.resource_id.lower(), scopes)

    async def change(tx: Transaction) -> PermissionGrant:
        return await grant_permissions(
            tx,
            call.identity.tenant,
            client=body.client_id.lower(),
            principal=principal,
            resource=body.resource_id.lower(),
            scopes=scopes,
            entropy=call.world.entropy,
        )

    call.properties.update(servicePrincipalId=body.client_id.lower(), resource=body.resource_id.lower())
    made = await call.commit(change, lambda one: {"grantId": one.id})
    return entity(call, "oauth2PermissionGrants", _render(made), status=201)


async def update_grant(call: Call) -> Response:
    """Replace what is granted."""
    found = _find(call)
    scopes = _scopes((await read_change(call, GrantChangeBody, _render(found))).scope)
    call.properties["grantId"] = found.id
    _require_power(call, found.principal, found.resource, scopes)
    await call.commit(lambda tx: change_grant(tx, found.tenant, found.id, scopes))
    return Response(204, content_type=None)


async def delete_grant(call: Call) -> Response:
    """Take consent back."""
    found = _find(call)
    call.properties["grantId"] = found.id
    await call.commit(lambda tx: revoke_grant(tx, found.tenant, found.id))
    return Response(204, content_type=None)


def _grants(call: Call, shown: Callable[[PermissionGrant], bool]) -> Response:
    every = call.world.view.all(PermissionGrant, tenant_partition(call.identity.tenant))
    return collection(call, "oauth2PermissionGrants", filter(shown, every), FILTERS, "OAuth2PermissionGrant", _render)


def _find(call: Call) -> PermissionGrant:
    key = call.params["grant"]
    grant = parse_guid(key)
    partition = tenant_partition(call.identity.tenant)
    found = call.world.view.get(PermissionGrant, partition, grant) if grant is not None else None
    if found is None:
        raise no_such_object(key)
    return found


def _scopes(text: str) -> tuple[str, ...]:
    if len(text) > limits.GRANT_SCOPE_CHARS:
        raise Invalid(f"The scope of a grant has at most {limits.GRANT_SCOPE_CHARS} characters.")
    return tuple(text.split())


def _require_power(call: Call, principal: str | None, resource: str, scopes: tuple[str, ...]) -> None:
    """
    Require that the caller could do itself what a client may do in others' names then.

    Raises:
        Denied: it could not.
    """
    caller, graph = call.identity, call.world.view.service_principal_by_app_id(call.identity.tenant, GRAPH)
    if graph is not None and resource == graph.id and principal != caller.oid:
        require_power(call.world, caller, power_of_scopes(scopes), "DelegatedPermissionGrant.ReadWrite.All")


def _render(record: PermissionGrant) -> dict[str, Any]:
    return {
        "id": record.id,
        "clientId": record.client,
        "consentType": "AllPrincipals" if record.principal is None else "Principal",
        "principalId": record.principal,
        "resourceId": record.resource,
        "scope": " ".join(record.scopes),
    }
