"""Role definitions, read only, and what the caller itself may do at a scope."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.arm.documents import show_permission, show_role
from strongroom.arm.filters import parse_filter
from strongroom.arm.paging import page
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.rbac import RoleAssignment, RoleDefinition, scope_key
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response

_PROPERTIES = frozenset({"rolename", "type"})
_FUNCTIONS = frozenset({"atscopeandbelow"})
_BUILT_IN, _CUSTOM = "builtinrole", "customrole"


async def list_roles(call: Call) -> Response:
    """List the roles that can be given at a scope."""
    wanted = parse_filter(call.query.get("$filter"), properties=_PROPERTIES, functions=_FUNCTIONS)
    name, kind = wanted.equals.get("rolename"), wanted.equals.get("type")
    scope = call.target.scope
    roles = (
        role
        for role in _roles(call)
        if _is_assignable(role, scope)
        and (name is None or role.name.lower() == name.lower())
        and (kind is None or kind.lower() == (_BUILT_IN if role.built_in else _CUSTOM))
    )
    return page(call, roles, key=lambda role: role.id, show=lambda role: show_role(scope, role))


async def get_role(call: Call) -> Response:
    """Get a role."""
    name = call.params["name"]
    wanted = parse_guid(name)
    found = next((role for role in _roles(call) if role.id == wanted), None)
    if found is None:
        raise NotFound(
            f"The specified role definition with ID '{shown(name, GUID)}' does not exist.",
            code="RoleDefinitionDoesNotExist",
        )
    return json.response(show_role(call.target.scope, found))


async def list_permissions(call: Call) -> Response:
    """List what the caller may do at a scope: one entry for each role that reaches it."""
    caller, here = call.identity, scope_key(call.target.scope)
    roles = {role.id: role for role in _roles(call)}
    held = {
        assignment.role
        for assignment in call.world.view.all(RoleAssignment, tenant_partition(caller.tenant))
        if assignment.principal in caller.principals
        and assignment.condition is None
        and f"{here}/".startswith(f"{scope_key(assignment.scope)}/")
    }
    # A role under a condition grants nothing until conditions are evaluated, so it is not listed either.
    granting = [role for role in (roles.get(name) for name in held) if role is not None and role.condition is None]
    return page(call, granting, key=lambda role: role.id, show=show_permission)


def _roles(call: Call) -> Iterator[RoleDefinition]:
    yield from BUILTIN_ROLES.values()
    yield from call.world.view.all(RoleDefinition, tenant_partition(call.identity.tenant))


def _is_assignable(role: RoleDefinition, scope: str) -> bool:
    here = f"{scope_key(scope)}/"
    return any(here.startswith(f"{scope_key(place)}/") for place in role.assignable_scopes)
