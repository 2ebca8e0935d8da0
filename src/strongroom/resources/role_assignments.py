"""
Role assignments: giving a role to a principal at a scope, and taking it back (reference section 3.5).

One assignment is the triple of scope, role and principal; a second one of the same triple is refused, and none of the
three can be changed afterwards. An assignment goes with the resource at its scope and comes back with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Group, PrincipalType, ServicePrincipal, User
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
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
    Give a role, or change what is said about a role that was given; the second value says whether it was given now.

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
        changed = _change(existing, scope, grant)
        await tx.put(changed)
        return changed, False
    await _require_role(tx, tenant, grant.role, scope.path)
    kind = await _require_principal(tx, tenant, grant)
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


async def remove_role_assignment(tx: Transaction, *, tenant: str, assignment: str, scope: str) -> RoleAssignment | None:
    """Take a role back; None if no assignment of this name is at this very scope."""
    existing = await tx.record(RoleAssignment, tenant_partition(tenant), assignment)
    if existing is None or existing.scope.lower() != scope.lower():
        return None
    await tx.remove(existing)
    return existing


async def remove_assignments_under(tx: Transaction, tenant: str, scope: str) -> int:
    """Take back every role given at *scope* or below it; how many there were."""
    here = scope.lower()
    below = [
        assignment
        for assignment in await tx.records(RoleAssignment, tenant_partition(tenant))
        if assignment.scope.lower() == here or assignment.scope.lower().startswith(f"{here}/")
    ]
    for assignment in below:
        await tx.remove(assignment)
    return len(below)


def _change(existing: RoleAssignment, scope: Scope, grant: Grant) -> RoleAssignment:
    """Change what may change about an assignment: its description."""
    same = (
        existing.scope.lower() == scope.path.lower()
        and existing.role == grant.role
        and existing.principal == grant.principal
        and grant.principal_type in {None, existing.principal_type}
    )
    if not same:
        raise Invalid(
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            code="RoleAssignmentUpdateNotPermitted",
        )
    return replace(existing, description=check_description(grant.description))


async def _require_role(tx: Transaction, tenant: str, role: str, scope: str) -> None:
    """Refuse a role that does not exist, or that is not meant for this scope."""
    definition = BUILTIN_ROLES.get(role) or await tx.record(RoleDefinition, tenant_partition(tenant), role)
    if definition is None:
        raise Invalid(
            f"The specified role definition with ID '{role.replace('-', '')}' does not exist.",
            code="RoleDefinitionDoesNotExist",
        )
    here = f"{scope.lower().rstrip('/')}/"
    if not any(here.startswith(f"{place.lower().rstrip('/')}/") for place in definition.assignable_scopes):
        raise Invalid(
            f"The role '{definition.name}' is not assignable at the scope '{scope}'.",
            code="RoleDefinitionNotAssignableAtScope",
        )


async def _require_principal(tx: Transaction, tenant: str, grant: Grant) -> PrincipalType:
    """Find out what a principal is; an application's object id is none, a frequent mistake (reference section 1.1)."""
    partition = tenant_partition(tenant)
    if await tx.record(User, partition, grant.principal) is not None:
        kind = PrincipalType.USER
    elif await tx.record(Group, partition, grant.principal) is not None:
        kind = PrincipalType.GROUP
    elif await tx.record(ServicePrincipal, partition, grant.principal) is not None:
        kind = PrincipalType.SERVICE_PRINCIPAL
    else:
        raise Invalid(
            f"Principal {grant.principal.replace('-', '')} does not exist in the directory {tenant}. Check that you"
            " have the correct principal ID. If you are creating this principal and then immediately assigning a role,"
            " this error might be related to a replication delay. In this case, set the role assignment principalType"
            " property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            code="PrincipalNotFound",
        )
    if grant.principal_type not in {None, kind}:
        raise Invalid(
            f"The PrincipalId '{grant.principal.replace('-', '')}' has type '{kind}' , which is different from"
            f" specified PrinciaplType '{grant.principal_type}'.",
            code="UnmatchedPrincipalType",
        )
    return kind


def _check_limit(others: list[RoleAssignment], scope: Scope) -> None:
    """Refuse an assignment beyond what a subscription may have."""
    if scope.subscription is None:
        return
    root = f"/subscriptions/{scope.subscription}"
    count = sum(other.scope.lower() == root or other.scope.lower().startswith(f"{root}/") for other in others)
    if count >= limits.ROLE_ASSIGNMENTS_PER_SUBSCRIPTION:
        raise Invalid(
            "The role assignment limit has been exceeded. No more role assignments can be created. A subscription can"
            f" have {limits.ROLE_ASSIGNMENTS_PER_SUBSCRIPTION}.",
            code="RoleAssignmentLimitExceeded",
        )
