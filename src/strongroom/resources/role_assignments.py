"""
Role assignments: giving a role to a principal at a scope, and taking it back (reference section 3.5).

One assignment is the triple of scope, role and principal; a second one of the same triple is refused, and none of the
three can be changed afterwards: only the description and the condition can. An assignment goes with the resource at its
scope and comes back with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.guids import parse_guid
from strongroom.core.hierarchy import group_name
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import RoleAssignment, RoleDefinition, root_of, scope_key
from strongroom.core.records import tenant_partition
from strongroom.resources.assignees import require_principal
from strongroom.resources.condition_text import ConditionText
from strongroom.resources.lookup import read_hierarchy
from strongroom.resources.scopes import Scope
from strongroom.store import Transaction

_ROLE_DEFINITION = "/providers/microsoft.authorization/roledefinitions/"


@dataclass(frozen=True, slots=True)
class Grant:
    """What is asked for: who gets which role, and what is said about it."""

    role: str
    """The role definition's GUID."""
    principal: str
    principal_type: PrincipalType | None = None
    """What the principal is said to be; None if nothing was said."""
    description: str | None = None
    condition: ConditionText | None = None


def parse_role_id(text: str) -> str:
    """
    Read the GUID at the end of a role definition's ARM id, at whatever scope it is written.

    Raises:
        Invalid: `InvalidRoleDefinitionId`.
    """
    scope, separator, name = text.lower().rpartition(_ROLE_DEFINITION)
    guid = parse_guid(name) if separator and (not scope or scope.startswith("/")) else None
    if guid is None:
        raise Invalid(
            f"The role definition ID '{shown(text, RESOURCE_ID)}' is not valid. The expected role definition ID is"
            " '/subscriptions/{subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/"
            "{roleDefinitionGuid}'.",
            code="InvalidRoleDefinitionId",
        )
    return guid


def parse_assignment_id(text: str) -> str:
    """
    Read the name of a role assignment, which is a GUID.

    Raises:
        Invalid: `InvalidRoleAssignmentId`.
    """
    guid = parse_guid(text)
    if guid is None:
        raise Invalid(
            "The role assignment ID is not valid. The role assignment ID must be a GUID.",
            code="InvalidRoleAssignmentId",
        )
    return guid


def parse_principal_id(text: str) -> str:
    """
    Read the object id of a principal.

    Raises:
        Invalid: `InvalidPrincipalId`.
    """
    guid = parse_guid(text)
    if guid is None:
        raise Invalid("A valid principal ID must be provided for role assignment.", code="InvalidPrincipalId")
    return guid


def check_description(text: str | None) -> str | None:
    """
    Check what is said about an assignment.

    Raises:
        Invalid: it is too long.
    """
    if text is not None and len(text) > limits.ROLE_ASSIGNMENT_DESCRIPTION_CHARS:
        raise Invalid(
            f"The description of a role assignment has at most {limits.ROLE_ASSIGNMENT_DESCRIPTION_CHARS} characters.",
            code="InvalidDescription",
        )
    return text


async def put_role_assignment(
    tx: Transaction,
    *,
    tenant: str,
    assignment: str,
    scope: Scope,
    grant: Grant,
    now: int,
    by: str,
    limited: bool = True,
) -> tuple[RoleAssignment, bool]:
    """
    Give a role, or change what may change of one that was given; the second value says whether it was given now.

    *assignment* is the GUID that names it; *scope* has been located and is confirmed by the caller in *tx*.
    *limited* is false for the operator's recovery alone: whoever filled a subscription must not keep its owner out.

    Raises:
        Invalid: `RoleDefinitionDoesNotExist`, `PrincipalNotFound`, `UnmatchedPrincipalType`,
            `RoleAssignmentUpdateNotPermitted`, `RoleAssignmentLimitExceeded`.
        Conflict: `RoleAssignmentExists`.
    """
    partition = tenant_partition(tenant)
    existing = await tx.record(RoleAssignment, partition, assignment)
    if existing is not None:
        changed = _change(existing, scope, grant, now=now, by=by)
        await tx.put(changed)
        return changed, False
    await _require_role(tx, tenant, grant.role, scope.path)
    kind = await require_principal(tx, tenant, grant.principal, grant.principal_type)
    others = await tx.records(RoleAssignment, partition)
    if limited:
        _check_limit(others, scope)
    made = RoleAssignment(
        id=assignment,
        tenant=tenant,
        scope=scope.path,
        role=grant.role,
        principal=grant.principal,
        principal_type=kind,
        created=now,
        created_by=by,
        description=check_description(grant.description),
        condition=None if grant.condition is None else grant.condition.text,
        condition_version=None if grant.condition is None else grant.condition.version,
    )
    try:
        await tx.put(made)
    except NameTaken as taken:
        same = next((other.id for other in others if taken.name in other.names), "")
        raise Conflict(
            f"The role assignment already exists. The ID of the existing role assignment is {same.replace('-', '')}.",
            code="RoleAssignmentExists",
        ) from None
    return made, True


async def find_role_assignment(tx: Transaction, *, tenant: str, assignment: str, scope: str) -> RoleAssignment | None:
    """Find the assignment of this name that was given at this very scope, or None."""
    existing = await tx.record(RoleAssignment, tenant_partition(tenant), assignment)
    return None if existing is None or scope_key(existing.scope) != scope_key(scope) else existing


async def remove_role_assignment(tx: Transaction, *, tenant: str, assignment: str, scope: str) -> RoleAssignment | None:
    """Take a role back; None if no assignment of this name is at this very scope."""
    existing = await find_role_assignment(tx, tenant=tenant, assignment=assignment, scope=scope)
    if existing is not None:
        await tx.remove(existing)
    return existing


async def remove_assignments_under(tx: Transaction, tenant: str, *scopes: str) -> int:
    """Take back every role given at one of *scopes* or below it; how many there were. They are gone through once."""
    roots = {scope_key(scope) for scope in scopes}
    below = [
        assignment
        for assignment in await tx.records(RoleAssignment, tenant_partition(tenant))
        if root_of(assignment.scope, roots) is not None
    ]
    for assignment in below:
        await tx.remove(assignment)
    return len(below)


def _change(existing: RoleAssignment, scope: Scope, grant: Grant, *, now: int, by: str) -> RoleAssignment:
    """Change what may change about an assignment: its description and its condition."""
    same = (
        scope_key(existing.scope) == scope_key(scope.path)
        and existing.role == grant.role
        and existing.principal == grant.principal
        and grant.principal_type in {None, existing.principal_type}
    )
    if not same:
        raise Invalid(
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            code="RoleAssignmentUpdateNotPermitted",
        )
    return replace(
        existing,
        description=check_description(grant.description),
        condition=None if grant.condition is None else grant.condition.text,
        condition_version=None if grant.condition is None else grant.condition.version,
        updated=now,
        updated_by=by,
    )


async def _require_role(tx: Transaction, tenant: str, role: str, scope: str) -> None:
    """Refuse a role that does not exist, or that is not meant for this scope."""
    definition = BUILTIN_ROLES.get(role) or await tx.record(RoleDefinition, tenant_partition(tenant), role)
    if definition is None:
        raise Invalid(
            f"The specified role definition with ID '{role.replace('-', '')}' does not exist.",
            code="RoleDefinitionDoesNotExist",
        )
    if definition.built_in:
        return
    above = (await read_hierarchy(tx, tenant)).above(scope)
    if not any(scope_key(place) in above for place in definition.assignable_scopes):
        raise Invalid(
            f"The role '{definition.name}' is not assignable at the scope '{scope}'.",
            code="RoleDefinitionNotAssignableAtScope",
        )


def _check_limit(others: list[RoleAssignment], scope: Scope) -> None:
    """Refuse an assignment beyond what a subscription, or a management group, may have."""
    here = scope_key(scope.path)
    if scope.subscription is not None:
        root = f"/subscriptions/{scope.subscription}"
        count = sum(f"{scope_key(other.scope)}/".startswith(f"{root}/") for other in others)
        most, what = limits.ROLE_ASSIGNMENTS_PER_SUBSCRIPTION, "subscription"
    elif group_name(here) is not None:
        count = sum(scope_key(other.scope) == here for other in others)
        most, what = limits.ROLE_ASSIGNMENTS_PER_MANAGEMENT_GROUP, "management group"
    else:
        return
    if count >= most:
        raise Invalid(
            f"The role assignment limit has been exceeded. No more role assignments can be created. A {what} can"
            f" have {most}.",
            code="RoleAssignmentLimitExceeded",
        )
