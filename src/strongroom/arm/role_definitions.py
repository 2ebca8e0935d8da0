"""Role definitions, built in and custom, and what the caller itself may do at a scope."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.arm import rights_wire as wire
from strongroom.arm.filters import parse_filter
from strongroom.arm.paging import page
from strongroom.arm.rights import can, may_below, require_right
from strongroom.arm.rights_documents import show_permission, show_role
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.rbac import RoleAssignment, RoleDefinition, scope_key
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.action_lists import ActionLists
from strongroom.resources.lookup import hierarchy_of
from strongroom.resources.role_definitions import (
    RoleDraft,
    draft_role,
    parse_role_name,
    put_role_definition,
    remove_role_definition,
)
from strongroom.resources.scopes import ROOT, locate
from strongroom.store import Transaction

READ_ROLES = "Microsoft.Authorization/roleDefinitions/read"
_WRITE_ROLES = "Microsoft.Authorization/roleDefinitions/write"
_DELETE_ROLES = "Microsoft.Authorization/roleDefinitions/delete"
_PROPERTIES = frozenset({"rolename", "type"})
_FUNCTIONS = frozenset({"atscopeandbelow"})
_BUILT_IN, _CUSTOM = "builtinrole", "customrole"


async def list_roles(call: Call) -> Response:
    """List the roles that can be given at a scope; with `atScopeAndBelow()`, also those for what is below it."""
    wanted = parse_filter(call.query.get("$filter"), properties=_PROPERTIES, functions=_FUNCTIONS)
    name, kind = wanted.equals.get("rolename"), wanted.equals.get("type")
    scope = call.target.scope
    tree = hierarchy_of(call.world.view, call.identity.tenant)
    above, here = tree.above(scope), scope_key(scope)

    def is_wanted(role: RoleDefinition) -> bool:
        if role.built_in:
            return True
        places = [scope_key(place) for place in role.assignable_scopes]
        if any(place in above for place in places):
            return True
        below = "atscopeandbelow" in wanted.calls and scope != ROOT
        return below and any(tree.is_below(one, here) and may_below(call, one) for one in places)

    roles = (
        role
        for role in _roles(call)
        if is_wanted(role)
        and (name is None or role.name.lower() == name.lower())
        and (kind is None or kind.lower() == (_BUILT_IN if role.built_in else _CUSTOM))
    )
    return page(call, roles, key=lambda role: role.id, show=lambda role: show_role(scope, role))


async def get_role(call: Call) -> Response:
    """Get a role. At the tenant's own scope a custom one is told to whoever may read roles where it can be given."""
    name = call.params["name"]
    wanted = parse_guid(name)
    found = next((role for role in _roles(call) if role.id == wanted), None)
    if found is None or not (found.built_in or call.target.scope != ROOT or _reads(call, found)):
        raise NotFound(
            f"The specified role definition with ID '{shown(name, GUID)}' does not exist.",
            code="RoleDefinitionDoesNotExist",
        )
    return json.response(show_role(call.target.scope, found))


async def put_role(call: Call) -> Response:
    """Make a custom role, or replace what it is: 201 either way, as clients expect."""
    body = await call.body(wire.RoleDefinition)
    tenant, role = call.identity.tenant, parse_role_name(call.params["name"])
    locate(call.world.view, tenant, call.params["scope"])
    draft = _read_draft(call, body.properties)

    async def change(tx: Transaction) -> RoleDefinition:
        made, _ = await put_role_definition(
            tx,
            tenant=tenant,
            role=role,
            draft=draft,
            gate=lambda scope: require_right(call, _WRITE_ROLES, scope),
            now=call.now,
            by=call.identity.oid,
        )
        return made

    made = await call.commit(change, _describe)
    return json.response(show_role(call.target.scope, made), 201)


async def delete_role(call: Call) -> Response:
    """Remove a custom role that nobody has: 200 with what it was, or 204 if there was none."""
    tenant, role = call.identity.tenant, parse_role_name(call.params["name"])

    async def change(tx: Transaction) -> RoleDefinition | None:
        return await remove_role_definition(
            tx, tenant=tenant, role=role, gate=lambda scope: require_right(call, _DELETE_ROLES, scope)
        )

    gone = await call.commit(
        change, lambda role: {} if role is None else _describe(role), lambda role: 204 if role is None else 200
    )
    return Response(204, content_type=None) if gone is None else json.response(show_role(call.target.scope, gone))


async def list_permissions(call: Call) -> Response:
    """List what the caller may do at a scope: one entry for each role that reaches it."""
    caller = call.identity
    above = hierarchy_of(call.world.view, caller.tenant).above(call.target.scope)
    roles = {role.id: role for role in _roles(call)}
    held = {
        assignment.role
        for assignment in call.world.view.all(RoleAssignment, tenant_partition(caller.tenant))
        if assignment.principal in caller.principals
        and assignment.condition is None
        and scope_key(assignment.scope) in above
    }
    # A role under a condition grants what the condition says of each request, which this list cannot say.
    granting = [role for role in (roles.get(name) for name in held) if role is not None and role.condition is None]
    return page(call, granting, key=lambda role: role.id, show=show_permission)


def _roles(call: Call) -> Iterator[RoleDefinition]:
    yield from BUILTIN_ROLES.values()
    yield from call.world.view.all(RoleDefinition, tenant_partition(call.identity.tenant))


def _reads(call: Call, role: RoleDefinition) -> bool:
    return any(can(call, READ_ROLES, place) for place in role.assignable_scopes)


def _read_draft(call: Call, properties: wire.RoleDefinitionProperties) -> RoleDraft:
    """
    Read what a custom role is to be.

    Raises:
        Invalid: it is no custom role, or has not exactly one permission, or that has a condition: those belong to
            assignments, and a role that was made without it would grant more than its maker meant.
    """
    if properties.type is not None and properties.type.lower() not in {_CUSTOM, ""}:
        raise Invalid("Only roles of type 'CustomRole' can be made.", code="InvalidRoleDefinitionType")
    permissions = properties.permissions or []
    if len(permissions) != 1:
        raise Invalid("A custom role has exactly one permission.", code="InvalidPermissions")
    (permission,) = permissions
    if permission.condition:
        raise Invalid(
            "A custom role has no condition. Conditions belong to role assignments.", code="InvalidPermissions"
        )
    return draft_role(
        call.world.view,
        call.identity.tenant,
        name=properties.role_name,
        description=properties.description,
        lists=read_actions(permission),
        scopes=properties.assignable_scopes or [],
        gate=lambda scope: require_right(call, _WRITE_ROLES, scope),
    )


def read_actions(permission: wire.Permission) -> ActionLists:
    """Read the four lists of a permission."""
    return ActionLists(
        tuple(permission.actions or ()),
        tuple(permission.not_actions or ()),
        tuple(permission.data_actions or ()),
        tuple(permission.not_data_actions or ()),
    )


def _describe(role: RoleDefinition) -> dict[str, object]:
    """Say in the audit which role grants what from now on, and where."""
    return {
        "roleDefinitionId": role.id,
        "roleName": role.name,
        "actions": role.actions,
        "notActions": role.not_actions,
        "dataActions": role.data_actions,
        "notDataActions": role.not_data_actions,
        "assignableScopes": role.assignable_scopes,
    }
