"""Role assignments at any scope (reference operations.md, mgmt-authorization)."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.arm import rights_wire as wire
from strongroom.arm.filters import Filter, parse_filter
from strongroom.arm.paging import page
from strongroom.arm.rights import may_below, require_right
from strongroom.arm.rights_documents import show_assignment
from strongroom.core.condition_attributes import PRINCIPAL_ID, PRINCIPAL_TYPE, ROLE_DEFINITION_ID
from strongroom.core.errors import NotFound
from strongroom.core.facts import Value
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import RoleAssignment, scope_key
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.assignees import find_principal
from strongroom.resources.condition_text import check_condition
from strongroom.resources.lookup import hierarchy_of
from strongroom.resources.role_assignments import (
    Grant,
    find_role_assignment,
    parse_assignment_id,
    parse_principal_id,
    parse_role_id,
    put_role_assignment,
    remove_role_assignment,
)
from strongroom.resources.scopes import ROOT, confirm, locate
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction

WRITE, DELETE = (f"Microsoft.Authorization/roleAssignments/{word}" for word in ("write", "delete"))
_PROPERTIES = frozenset({"principalid"})
_FUNCTIONS = frozenset({"atscope", "assignedto"})


async def put_assignment(call: Call) -> Response:
    """
    Give a role at the path's scope, or change the description or the condition of one that was given.

    The right to it may be under a condition on what is given to whom. So it is asked here, when that is known, and
    before anything is told of what there is.
    """
    body = await call.body(wire.RoleAssignmentCreateParameters)
    tenant, assignment = call.identity.tenant, parse_assignment_id(call.params["name"])
    grant = _read_grant(body.properties)

    async def change(tx: Transaction) -> tuple[RoleAssignment, bool]:
        kind = await find_principal(tx, tenant, grant.principal) or grant.principal_type
        asked = _attributes(grant.role, grant.principal, kind)
        require_right(call, WRITE, call.target.scope, request=asked)
        scope = locate(call.world.view, tenant, call.params["scope"])
        await confirm(tx, scope)
        return await put_role_assignment(
            tx, tenant=tenant, assignment=assignment, scope=scope, grant=grant, now=call.now, by=call.identity.oid
        )

    given, made = await call.commit(
        change, lambda result: _describe(result[0]), lambda result: 201 if result[1] else 200
    )
    return json.response(show_assignment(given), 201 if made else 200)


async def get_assignment(call: Call) -> Response:
    """Get a role assignment that was given at the path's scope."""
    name = call.params["name"]
    tenant, assignment = call.identity.tenant, parse_assignment_id(name)
    found = call.world.view.get(RoleAssignment, tenant_partition(tenant), assignment)
    if found is None or scope_key(found.scope) != scope_key(call.params["scope"]):
        raise NotFound(f"The role assignment '{name}' is not found.", code="RoleAssignmentNotFound")
    return json.response(show_assignment(found))


async def delete_assignment(call: Call) -> Response:
    """
    Take back a role that was given at the path's scope: 200 with what it was, or 204 if there was none.

    Under a condition, what may be taken back depends on what it is: of what is not there, nothing holds.
    """
    tenant, assignment = call.identity.tenant, parse_assignment_id(call.params["name"])

    async def change(tx: Transaction) -> RoleAssignment | None:
        there = await find_role_assignment(tx, tenant=tenant, assignment=assignment, scope=call.params["scope"])
        known = {} if there is None else _attributes(there.role, there.principal, there.principal_type)
        require_right(call, DELETE, call.target.scope, resource=known)
        return await remove_role_assignment(tx, tenant=tenant, assignment=assignment, scope=call.params["scope"])

    removed = await call.commit(
        change, lambda gone: {} if gone is None else _describe(gone), lambda gone: 204 if gone is None else 200
    )
    return Response(204, content_type=None) if removed is None else json.response(show_assignment(removed))


async def list_assignments(call: Call) -> Response:
    """List the role assignments at, above and below a scope; with `atScope()`, only at and above it."""
    tenant = call.identity.tenant
    scope = locate(call.world.view, tenant, call.params["scope"])
    wanted = _predicate(
        call,
        parse_filter(call.query.get("$filter"), properties=_PROPERTIES, functions=_FUNCTIONS),
        scope_key(scope.path),
    )
    found = (
        assignment for assignment in call.world.view.all(RoleAssignment, tenant_partition(tenant)) if wanted(assignment)
    )
    return page(call, found, key=lambda assignment: assignment.id, show=show_assignment)


def _predicate(call: Call, wanted: Filter, here: str) -> Callable[[RoleAssignment], bool]:
    tree = hierarchy_of(call.world.view, call.identity.tenant)
    above, below = tree.above(here or ROOT), "atscope" not in wanted.calls
    principals = _principals(call, wanted)

    def is_wanted(assignment: RoleAssignment) -> bool:
        if principals is not None and assignment.principal not in principals:
            return False
        if scope_key(assignment.scope) in above:
            return True
        return below and tree.is_below(assignment.scope, here) and may_below(call, assignment.scope)

    return is_wanted


def _principals(call: Call, wanted: Filter) -> frozenset[str] | None:
    """Name the principals a filter is about: one, or with `assignedTo` also the groups it is in."""
    assigned_to = wanted.calls.get("assignedto")
    if assigned_to is not None:
        principal = parse_principal_id(assigned_to)
        return call.world.view.groups_of(call.identity.tenant, principal) | {principal}
    principal_id = wanted.equals.get("principalid")
    return None if principal_id is None else frozenset({parse_principal_id(principal_id)})


def _read_grant(properties: wire.RoleAssignmentProperties) -> Grant:
    """
    Read who is to get which role, and under which condition.

    Raises:
        Invalid: an id is malformed, or the condition is not one.
    """
    kind = properties.principal_type
    return Grant(
        role=parse_role_id(properties.role_definition_id),
        principal=parse_principal_id(properties.principal_id),
        principal_type=None if not kind else parse_word(PrincipalType, kind, "properties.principalType"),
        description=properties.description,
        condition=check_condition(properties.condition, properties.condition_version),
    )


def _attributes(role: str, principal: str, kind: PrincipalType | None) -> dict[str, Value]:
    """Give what a condition may ask of an assignment. What its principal is, is not known if there is none."""
    known: dict[str, Value] = {ROLE_DEFINITION_ID: role, PRINCIPAL_ID: principal}
    return known if kind is None else known | {PRINCIPAL_TYPE: kind.value}


def _describe(assignment: RoleAssignment) -> dict[str, object]:
    """Say in the audit who got or lost which right where."""
    return {
        "roleAssignmentId": assignment.arm_id,
        "roleDefinitionId": assignment.role,
        "principalId": assignment.principal,
        "principalType": assignment.principal_type.value,
        "scope": assignment.scope,
        "condition": assignment.condition,
    }
