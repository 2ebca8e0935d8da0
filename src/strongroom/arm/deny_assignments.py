"""Deny assignments at any scope (reference operations.md, mgmt-authorization). The making of them is ours."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.arm import rights_wire as wire
from strongroom.arm.filters import Filter, parse_filter
from strongroom.arm.paging import page
from strongroom.arm.rights import may_below
from strongroom.arm.rights_documents import show_denial
from strongroom.arm.role_definitions import read_actions
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import EVERYONE, DenyAssignment, scope_key
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.condition_text import check_condition
from strongroom.resources.deny_assignments import (
    SYSTEM_DEFINED,
    Denial,
    Named,
    check_denial,
    parse_denial_id,
    put_deny_assignment,
    remove_deny_assignment,
)
from strongroom.resources.lookup import hierarchy_of
from strongroom.resources.scopes import confirm, locate
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction

_PROPERTIES = frozenset({"principalid", "denyassignmentname", "gdprexportprincipalid"})
_FUNCTIONS = frozenset({"atscope", "assignedto"})


async def put_denial(call: Call) -> Response:
    """Take actions from principals at the path's scope."""
    body = await call.body(wire.DenyAssignment)
    tenant, assignment = call.identity.tenant, parse_denial_id(call.params["name"])
    scope = locate(call.world.view, tenant, call.params["scope"])
    denial = _read_denial(body.properties)

    async def change(tx: Transaction) -> tuple[DenyAssignment, bool]:
        await confirm(tx, scope)
        return await put_deny_assignment(
            tx, tenant=tenant, assignment=assignment, scope=scope, denial=denial, now=call.now, by=call.identity.oid
        )

    given, made = await call.commit(
        change, lambda result: _describe(result[0]), lambda result: 201 if result[1] else 200
    )
    return json.response(show_denial(call.world.view, given), 201 if made else 200)


async def get_denial(call: Call) -> Response:
    """Get a deny assignment that is at the path's scope."""
    tenant, assignment = call.identity.tenant, parse_denial_id(call.params["name"])
    found = call.world.view.get(DenyAssignment, tenant_partition(tenant), assignment)
    if found is None or scope_key(found.scope) != scope_key(call.params["scope"]):
        raise NotFound(f"The deny assignment '{assignment}' is not found.", code="DenyAssignmentNotFound")
    return json.response(show_denial(call.world.view, found))


async def delete_denial(call: Call) -> Response:
    """Take a denial back: 200 with what it was, or 204 if there was none at the path's scope."""
    tenant, assignment = call.identity.tenant, parse_denial_id(call.params["name"])

    async def change(tx: Transaction) -> DenyAssignment | None:
        return await remove_deny_assignment(tx, tenant=tenant, assignment=assignment, scope=call.params["scope"])

    gone = await call.commit(
        change, lambda one: {} if one is None else _describe(one), lambda one: 204 if one is None else 200
    )
    return Response(204, content_type=None) if gone is None else json.response(show_denial(call.world.view, gone))


async def list_denials(call: Call) -> Response:
    """List the deny assignments at, above and below a scope; with `atScope()`, only at and above it."""
    scope = locate(call.world.view, call.identity.tenant, call.params["scope"])
    wanted = _predicate(
        call, parse_filter(call.query.get("$filter"), properties=_PROPERTIES, functions=_FUNCTIONS), scope.path
    )
    found = (
        denial
        for denial in call.world.view.all(DenyAssignment, tenant_partition(call.identity.tenant))
        if wanted(denial)
    )
    return page(call, found, key=lambda denial: denial.id, show=lambda denial: show_denial(call.world.view, denial))


def _predicate(call: Call, wanted: Filter, scope: str) -> Callable[[DenyAssignment], bool]:
    tree = hierarchy_of(call.world.view, call.identity.tenant)
    here, above = scope_key(scope), tree.above(scope)
    below = "atscope" not in wanted.calls
    name = wanted.equals.get("denyassignmentname")
    named = [_principal(text) for text in (wanted.equals.get(one) for one in _BY_PRINCIPAL) if text is not None]
    assigned_to = wanted.calls.get("assignedto")
    view, tenant = call.world.view, call.identity.tenant

    def is_wanted(denial: DenyAssignment) -> bool:
        if scope_key(denial.scope) not in above and not (
            below and tree.is_below(denial.scope, here) and may_below(call, denial.scope)
        ):
            return False
        if name is not None and denial.name.casefold() != name.casefold():
            return False
        if any(principal not in (*denial.principals, *denial.exclude_principals) for principal in named):
            return False
        return reached is None or not reached.isdisjoint(denial.principals)

    reached: frozenset[str] | None = None
    if assigned_to is not None:
        principal = _principal(assigned_to)
        reached = view.groups_of(tenant, principal) | {principal, EVERYONE}
    return is_wanted


_BY_PRINCIPAL = ("principalid", "gdprexportprincipalid")


def _principal(text: str) -> str:
    guid = parse_guid(text)
    if guid is None:
        raise Invalid("A valid principal ID must be provided for a deny assignment.", code="InvalidPrincipalId")
    return guid


def _read_denial(properties: wire.DenyAssignmentProperties) -> Denial:
    """
    Read whom a denial takes what.

    Raises:
        Invalid: it says that the system protects it, has not exactly one permission, or what `check_denial` says.
    """
    if properties.is_system_protected:
        raise Invalid("A deny assignment that users make is not system protected.", code="InvalidDenyAssignment")
    permissions = properties.permissions or []
    if len(permissions) != 1:
        raise Invalid("A deny assignment has exactly one permission.", code="InvalidPermissions")
    (permission,) = permissions
    condition = check_condition(properties.condition, properties.condition_version)
    inner = check_condition(permission.condition, permission.condition_version)
    if condition is not None and inner is not None and condition != inner:
        raise Invalid("A deny assignment has one condition.", code="InvalidPermissions")
    return check_denial(
        Denial(
            name=(properties.deny_assignment_name or "").strip(),
            lists=read_actions(permission),
            principals=tuple(_read_principal(one) for one in properties.principals or ()),
            excluded=tuple(_read_principal(one) for one in properties.exclude_principals or ()),
            description=properties.description or "",
            only_here=bool(properties.do_not_apply_to_child_scopes),
            condition=condition or inner,
        )
    )


def _read_principal(principal: wire.Principal) -> Named:
    guid, kind = _principal(principal.id), principal.type or ""
    if (guid == EVERYONE) != (kind.lower() == SYSTEM_DEFINED.lower()):
        raise Invalid(
            f"Everyone is the principal '{EVERYONE}' of type '{SYSTEM_DEFINED}'; no other has that type.",
            code="InvalidPrincipals",
        )
    if guid == EVERYONE or not kind:
        return Named(guid)
    return Named(guid, parse_word(PrincipalType, kind, "properties.principals.type"))


def _describe(denial: DenyAssignment) -> dict[str, object]:
    """Say in the audit from whom what is taken where, or was."""
    return {
        "denyAssignmentId": denial.arm_id,
        "denyAssignmentName": denial.name,
        "actions": denial.actions,
        "notActions": denial.not_actions,
        "dataActions": denial.data_actions,
        "notDataActions": denial.not_data_actions,
        "principalIds": denial.principals,
        "excludedPrincipalIds": denial.exclude_principals,
        "doNotApplyToChildScopes": denial.only_here,
        "condition": denial.condition,
        "scope": denial.scope,
    }
