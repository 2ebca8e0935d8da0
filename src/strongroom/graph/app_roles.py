"""Handlers of app role assignments: what a principal was assigned, and what was assigned of a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.core.directory_roles import APPLICATION_PERMISSIONS, power_of
from strongroom.core.errors import Invalid
from strongroom.core.first_party import FIRST_PARTY, GRAPH
from strongroom.core.registration import AppRole
from strongroom.core.relations import AppRoleAssignment
from strongroom.directory.principals import no_such_object
from strongroom.directory.relations import assign_app_role, remove_app_role
from strongroom.flow.authorization import require_power, require_power_over
from strongroom.flow.call import Call
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_principal, find_service_principal
from strongroom.graph.odata import collection, entity
from strongroom.graph.render import instant
from strongroom.graph.wire import AppRoleAssignmentBody
from strongroom.http.message import Response
from strongroom.store import Transaction
from strongroom.view import View

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[AppRoleAssignment]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "appRoleId": Filterable(lambda one: one.app_role, _EQ),
    "principalId": Filterable(lambda one: one.principal, _EQ),
    "resourceId": Filterable(lambda one: one.resource, _EQ),
}


def roles_defined(view: View, tenant: str, resource: str) -> tuple[AppRole, ...]:
    """Give the app roles that a resource's service principal has on offer: its application's."""
    found = view.principal(tenant, resource)
    app_id = getattr(found, "app_id", None)
    if app_id is None:
        return ()
    party, application = FIRST_PARTY.get(app_id), view.application_by_app_id(app_id)
    return party.app_roles if party is not None else application.app_roles if application is not None else ()


async def list_held(call: Call) -> Response:
    """List what a user, group or service principal was assigned."""
    held = call.world.view.app_roles_held_by(call.identity.tenant, find_principal(call))
    return _assignments(call, held)


async def list_given(call: Call) -> Response:
    """List what was assigned of a service principal's roles."""
    found = find_service_principal(call)
    return _assignments(call, call.world.view.app_roles_given_on(found.tenant, found.id))


async def get_held(call: Call) -> Response:
    """Get one assignment of a principal."""
    return _one(call, call.world.view.app_roles_held_by(call.identity.tenant, find_principal(call)))


async def get_given(call: Call) -> Response:
    """Get one assignment of a resource."""
    found = find_service_principal(call)
    return _one(call, call.world.view.app_roles_given_on(found.tenant, found.id))


async def assign_to_principal(call: Call) -> Response:
    """Assign to the principal that the path names."""
    principal = find_principal(call)
    body = await call.body(AppRoleAssignmentBody)
    if body.principal_id is not None and body.principal_id.lower() != principal:
        raise Invalid("The principalId is not the principal's in the path.")
    return await _assign(call, principal, body.resource_id.lower(), body.app_role_id.lower())


async def assign_of_resource(call: Call) -> Response:
    """Assign a role of the service principal that the path names."""
    resource = find_service_principal(call).id
    body = await call.body(AppRoleAssignmentBody)
    if body.resource_id.lower() != resource:
        raise Invalid("The resourceId is not the service principal's in the path.")
    if body.principal_id is None:
        raise Invalid("A value is required for property 'principalId' of resource 'AppRoleAssignment'.")
    return await _assign(call, body.principal_id.lower(), resource, body.app_role_id.lower())


async def remove_held(call: Call) -> Response:
    """Take a role from a principal."""
    return await _remove(call, find_principal(call))


async def remove_given(call: Call) -> Response:
    """Take a role of a resource from whoever has it."""
    return await _remove(call, find_service_principal(call).id)


async def _assign(call: Call, principal: str, resource: str, app_role: str) -> Response:
    view, tenant = call.world.view, call.identity.tenant

    async def change(tx: Transaction) -> AppRoleAssignment:
        graph = view.service_principal_by_app_id(tenant, GRAPH)
        if graph is not None and graph.id == resource and app_role in APPLICATION_PERMISSIONS:
            # A permission of Graph is power over the directory: nobody gives more of it than he has.
            name = APPLICATION_PERMISSIONS[app_role].name
            require_power(call.world, call.identity, power_of((), (app_role,), user=False), f"assignment of {name}")
        return await assign_app_role(
            tx,
            tenant,
            principal=principal,
            resource=resource,
            app_role=app_role,
            defined=roles_defined(view, tenant, resource),
            now=call.now,
            entropy=call.world.entropy,
        )

    call.properties.update(principalId=principal, resource=resource, roleDefinitionId=app_role)
    made = await call.commit(change, lambda one: {"roleAssignmentId": one.id})
    return entity(call, "appRoleAssignments", _render(call.world.view, made), status=201)


async def _remove(call: Call, of: str) -> Response:
    assignment = call.params["assignment"].lower()
    call.properties["roleAssignmentId"] = assignment

    async def change(tx: Transaction) -> None:
        gone = await remove_app_role(tx, call.identity.tenant, assignment, of=of)
        # It is its holder who is changed, whichever name it goes by: with less power it is easier to take over.
        holder = call.world.view.principal(gone.tenant, gone.principal)
        require_power_over(call.world, call.identity, holder, "removal of an app role")

    await call.commit(change)
    return Response(204, content_type=None)


def _one(call: Call, held: Iterable[AppRoleAssignment]) -> Response:
    wanted = call.params["assignment"].lower()
    found = next((one for one in held if one.id == wanted), None)
    if found is None:
        raise no_such_object(call.params["assignment"])
    return entity(call, "appRoleAssignments", _render(call.world.view, found))


def _assignments(call: Call, held: Iterable[AppRoleAssignment]) -> Response:
    view = call.world.view
    return collection(call, "appRoleAssignments", held, FILTERS, "AppRoleAssignment", lambda one: _render(view, one))


def _render(view: View, record: AppRoleAssignment) -> dict[str, Any]:
    principal = view.principal(record.tenant, record.principal)
    resource = view.principal(record.tenant, record.resource)
    return {
        "id": record.id,
        "deletedDateTime": None,
        "appRoleId": record.app_role,
        "createdDateTime": instant(record.created),
        "principalDisplayName": principal.display_name if principal is not None else None,
        "principalId": record.principal,
        "principalType": record.principal_type.value,
        "resourceDisplayName": resource.display_name if resource is not None else None,
        "resourceId": record.resource,
    }
