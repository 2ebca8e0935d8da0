"""Handlers of directory roles, in both of Graph's forms: /directoryRoles and /roleManagement/directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core.directory_roles import DIRECTORY_ROLES, DirectoryRole, power_of
from strongroom.core.errors import Invalid
from strongroom.core.identity import DirectoryRoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.directory.principals import no_such_object
from strongroom.directory.roles import assign_role, remove_role
from strongroom.flow.authorization import require_power
from strongroom.flow.call import Call
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.odata import collection, entity
from strongroom.graph.references import objects, parse_reference, reference_handlers
from strongroom.graph.wire import ActivateRoleBody, ReferenceBody, RoleAssignmentBody
from strongroom.http.message import Response
from strongroom.store import Transaction


@dataclass(frozen=True, slots=True)
class _Listed:
    """A role with its id: every role of the table is active in every tenant, under its template's id."""

    id: str
    role: DirectoryRole


@dataclass(frozen=True, slots=True)
class _Assignment:
    """A role assignment under the id that it has on the wire, where a slash would split the path."""

    id: str
    role: str
    principal: str


_ROLES = tuple(_Listed(id_, role) for id_, role in DIRECTORY_ROLES.items())
_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[_Listed]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "displayName": Filterable(lambda one: one.role.name, _EQ | {Operator.STARTS_WITH}),
    "isBuiltIn": Filterable(lambda _: True, _EQ),
    "roleTemplateId": Filterable(lambda one: one.id, _EQ),
    "templateId": Filterable(lambda one: one.id, _EQ),
}
ASSIGNMENT_FILTERS: Mapping[str, Filterable[_Assignment]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "principalId": Filterable(lambda one: one.principal, _EQ),
    "roleDefinitionId": Filterable(lambda one: one.role, _EQ),
    "directoryScopeId": Filterable(lambda _: "/", _EQ),
}


# ---- /directoryRoles and /directoryRoleTemplates --------------------------------------------------------------------


async def list_roles(call: Call) -> Response:
    """List the roles."""
    return collection(call, "directoryRoles", _ROLES, FILTERS, "DirectoryRole", _role)


async def get_role(call: Call) -> Response:
    """Get one role."""
    return entity(call, "directoryRoles", _role(_find(call)))


async def activate_role(call: Call) -> Response:
    """
    Answer who would activate a role: it is active already, as Graph says it too.

    Raises:
        Invalid: there is no such role, or it is active.
    """
    wanted = (await call.body(ActivateRoleBody)).role_template_id.lower()
    if wanted not in DIRECTORY_ROLES:
        raise Invalid("The role template does not exist.")
    raise Invalid("A conflicting object with one or more of the specified property values is present in the directory.")


async def list_templates(call: Call) -> Response:
    """List the templates."""
    return collection(call, "directoryRoleTemplates", _ROLES, FILTERS, "DirectoryRoleTemplate", _template)


async def get_template(call: Call) -> Response:
    """Get one template."""
    return entity(call, "directoryRoleTemplates", _template(_find(call)))


def _members_of(call: Call) -> list[str]:
    role, tenant = _find(call), call.identity.tenant
    held = call.world.view.all(DirectoryRoleAssignment, tenant_partition(tenant))
    return [one.principal for one in held if one.role == role.id]


list_member_references, get_member_reference = reference_handlers(_members_of)


async def list_members(call: Call) -> Response:
    """List who has a role."""
    return objects(call, _members_of(call))


async def add_member(call: Call) -> Response:
    """Give a principal a role."""
    role = _find(call)
    principal = parse_reference((await call.body(ReferenceBody)).odata_id)
    await _assign(call, role.id, principal)
    return Response(204, content_type=None)


async def remove_member(call: Call) -> Response:
    """Take a role from a principal."""
    return await _remove(call, _find(call).id, call.params["member"].lower())


# ---- /roleManagement/directory --------------------------------------------------------------------------------------


async def list_definitions(call: Call) -> Response:
    """List the roles as definitions."""
    return collection(call, "roleManagement/directory/roleDefinitions", _ROLES, FILTERS, "RoleDefinition", _definition)


async def get_definition(call: Call) -> Response:
    """Get one role as a definition."""
    return entity(call, "roleManagement/directory/roleDefinitions", _definition(_find(call)))


async def list_assignments(call: Call) -> Response:
    """List who has which role."""
    held = call.world.view.all(DirectoryRoleAssignment, tenant_partition(call.identity.tenant))
    return collection(
        call,
        "roleManagement/directory/roleAssignments",
        [_assignment(one) for one in held],
        ASSIGNMENT_FILTERS,
        "RoleAssignment",
        _rendered,
    )


async def get_assignment(call: Call) -> Response:
    """Get one assignment."""
    return entity(call, "roleManagement/directory/roleAssignments", _rendered(_find_assignment(call)))


async def create_assignment(call: Call) -> Response:
    """Give a principal a role over the whole directory, the one scope that there is."""
    body = await call.body(RoleAssignmentBody)
    role = body.role_definition_id.lower()
    if role not in DIRECTORY_ROLES:
        raise Invalid("The role definition does not exist.")
    if body.directory_scope_id != "/" or body.app_scope_id is not None:
        raise Invalid("Only role assignments at the directory's own scope, '/', are supported.")
    made = await _assign(call, role, body.principal_id.lower())
    return entity(call, "roleManagement/directory/roleAssignments", _rendered(_assignment(made)), status=201)


async def delete_assignment(call: Call) -> Response:
    """Take a role away."""
    found = _find_assignment(call)
    return await _remove(call, found.role, found.principal)


# ---- what both share ------------------------------------------------------------------------------------------------


async def _assign(call: Call, role: str, principal: str) -> DirectoryRoleAssignment:
    async def change(tx: Transaction) -> DirectoryRoleAssignment:
        power = power_of((role,), (), user=False)
        require_power(call.world, call.identity, power, f"assignment of {DIRECTORY_ROLES[role].name}")
        return await assign_role(tx, call.identity.tenant, role=role, principal=principal)

    call.properties.update(principalId=principal, roleDefinitionId=role)
    return await call.commit(change)


async def _remove(call: Call, role: str, principal: str) -> Response:
    call.properties.update(principalId=principal, roleDefinitionId=role)
    await call.commit(lambda tx: remove_role(tx, call.identity.tenant, role=role, principal=principal))
    return Response(204, content_type=None)


def _find(call: Call) -> _Listed:
    # Both forms of the alternate key: `directoryRoles(roleTemplateId='...')`, and the older one, as a segment.
    key = call.params.get("template", call.params.get("role", "")).removeprefix("roleTemplateId=")
    found = next((one for one in _ROLES if one.id == key.lower()), None)
    if found is None:
        raise no_such_object(key)
    return found


def _assignment(record: DirectoryRoleAssignment) -> _Assignment:
    return _Assignment(f"{record.role}-{record.principal}", record.role, record.principal)


def _find_assignment(call: Call) -> _Assignment:
    wanted = call.params["assignment"]
    held = call.world.view.all(DirectoryRoleAssignment, tenant_partition(call.identity.tenant))
    found = next((one for one in map(_assignment, held) if one.id == wanted.lower()), None)
    if found is None:
        # Half of the id is a principal's, and nothing says that it has the form of one.
        raise no_such_object("")
    return found


def _role(one: _Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        "deletedDateTime": None,
        "description": one.role.description,
        "displayName": one.role.name,
        "roleTemplateId": one.id,
    }


def _template(one: _Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        "deletedDateTime": None,
        "description": one.role.description,
        "displayName": one.role.name,
    }


def _definition(one: _Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        "description": one.role.description,
        "displayName": one.role.name,
        "isBuiltIn": True,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "rolePermissions": [],
        "templateId": one.id,
        "version": "1",
    }


def _rendered(one: _Assignment) -> dict[str, Any]:
    return {
        "id": one.id,
        "directoryScopeId": "/",
        "principalId": one.principal,
        "principalOrganizationId": None,
        "roleDefinitionId": one.role,
    }
