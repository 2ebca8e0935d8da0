"""
Deny assignments: taking actions from principals at a scope, whatever roles they have, and giving them back.

Azure keeps the making of them to itself; here whoever has the right makes them (ADR 14). A denial outlives what it is
on: deleting a vault and recovering it, or a group and making it again, takes no denial away. It goes when it is
deleted itself, or with a purged vault.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import EVERYONE, DenyAssignment, scope_key
from strongroom.core.records import tenant_partition
from strongroom.resources.action_lists import ActionLists, check_actions
from strongroom.resources.assignees import require_principal
from strongroom.resources.condition_text import ConditionText
from strongroom.resources.scopes import Scope
from strongroom.store import Transaction

SYSTEM_DEFINED = "SystemDefined"
"""The type of the principal that means everyone."""


@dataclass(frozen=True, slots=True)
class Named:
    """A principal that a denial names."""

    id: str
    type: PrincipalType | None = None
    """What it is said to be; None if nothing was said, and for everyone."""


@dataclass(frozen=True, slots=True)
class Denial:
    """What is asked for."""

    name: str
    lists: ActionLists
    principals: tuple[Named, ...]
    excluded: tuple[Named, ...] = ()
    description: str = ""
    only_here: bool = False
    condition: ConditionText | None = None


def parse_denial_id(text: str) -> str:
    """
    Read the name of a deny assignment, which is a GUID.

    Raises:
        Invalid: `InvalidDenyAssignmentId`.
    """
    guid = parse_guid(text)
    if guid is None:
        raise Invalid(
            "The deny assignment ID is not valid. The deny assignment ID must be a GUID.",
            code="InvalidDenyAssignmentId",
        )
    return guid


def check_denial(denial: Denial) -> Denial:
    """
    Check what a denial is to be, as far as it depends on nothing else.

    Raises:
        Invalid: `InvalidDenyAssignmentName`, `InvalidDescription`, `InvalidPrincipals`, or its actions.
    """
    if not 1 <= len(denial.name) <= limits.ROLE_NAME_CHARS or not denial.name.isprintable():
        raise Invalid(
            f"The name of a deny assignment has 1 to {limits.ROLE_NAME_CHARS} printable characters.",
            code="InvalidDenyAssignmentName",
        )
    if len(denial.description) > limits.ROLE_DESCRIPTION_CHARS:
        raise Invalid(
            f"The description of a deny assignment has at most {limits.ROLE_DESCRIPTION_CHARS} characters.",
            code="InvalidDescription",
        )
    most = limits.DENY_ASSIGNMENT_PRINCIPALS
    if not 1 <= len(denial.principals) <= most or len(denial.excluded) > most:
        raise Invalid(
            f"A deny assignment has 1 to {most} principals and excludes at most {most}.", code="InvalidPrincipals"
        )
    if any(one.id == EVERYONE for one in denial.excluded):
        raise Invalid("A deny assignment cannot exclude everyone.", code="InvalidPrincipals")
    check_actions(denial.lists)
    return denial


async def put_deny_assignment(
    tx: Transaction, *, tenant: str, assignment: str, scope: Scope, denial: Denial, now: int, by: str
) -> tuple[DenyAssignment, bool]:
    """
    Make a denial, or replace what it says; the second value says whether it was made.

    *assignment* is the GUID that names it; *scope* has been located and is confirmed by the caller in *tx*.

    Raises:
        Conflict: `DenyAssignmentNameExists`, another one at this scope is called so.
        Invalid: a principal does not exist or is of another type, it is at another scope, or there are too many.
    """
    partition = tenant_partition(tenant)
    existing = await tx.record(DenyAssignment, partition, assignment)
    here = scope_key(scope.path)
    if existing is not None and scope_key(existing.scope) != here:
        raise Invalid(
            "The scope of a deny assignment is not allowed to be updated.", code="DenyAssignmentUpdateNotPermitted"
        )
    others = await tx.records(DenyAssignment, partition)
    name = denial.name.casefold()
    if any(
        other.id != assignment and scope_key(other.scope) == here and other.name.casefold() == name for other in others
    ):
        raise Conflict(
            "A deny assignment with the same name already exists at this scope. Use a different name.",
            code="DenyAssignmentNameExists",
        )
    if existing is None and len(others) >= limits.DENY_ASSIGNMENTS_PER_TENANT:
        raise Invalid(
            "Deny assignment limit exceeded. No more deny assignments can be created. A directory can have"
            f" {limits.DENY_ASSIGNMENTS_PER_TENANT}.",
            code="DenyAssignmentLimitExceeded",
        )
    for one in (*denial.principals, *denial.excluded):
        if one.id != EVERYONE:
            await require_principal(tx, tenant, one.id, one.type)
    base = existing or DenyAssignment(
        id=assignment, tenant=tenant, scope=scope.path, name="", created=now, created_by=by
    )
    made = replace(
        base,
        name=denial.name,
        description=denial.description,
        actions=denial.lists.actions,
        not_actions=denial.lists.not_actions,
        data_actions=denial.lists.data_actions,
        not_data_actions=denial.lists.not_data_actions,
        principals=_ids(denial.principals),
        exclude_principals=_ids(denial.excluded),
        only_here=denial.only_here,
        condition=None if denial.condition is None else denial.condition.text,
        condition_version=None if denial.condition is None else denial.condition.version,
        updated=0 if existing is None else now,
        updated_by="" if existing is None else by,
    )
    await tx.put(made)
    return made, existing is None


async def remove_deny_assignment(tx: Transaction, *, tenant: str, assignment: str, scope: str) -> DenyAssignment | None:
    """Take a denial back; None if none of this name is at this very scope, which need not exist any more."""
    existing = await tx.record(DenyAssignment, tenant_partition(tenant), assignment)
    if existing is None or scope_key(existing.scope) != scope_key(scope):
        return None
    await tx.remove(existing)
    return existing


async def remove_denials_under(tx: Transaction, tenant: str, scope: str) -> None:
    """Take back every denial at *scope* or below it: of a vault that is no more and cannot come back."""
    here = scope_key(scope)
    for denial in await tx.records(DenyAssignment, tenant_partition(tenant)):
        if f"{scope_key(denial.scope)}/".startswith(f"{here}/"):
            await tx.remove(denial)


async def exclude_from_denials(
    tx: Transaction, *, tenant: str, principal: str, groups: Iterable[str], now: int, by: str
) -> tuple[str, ...]:
    """
    Let no denial of a tenant hit a principal that is in *groups*: for the operator's recovery alone; gives their ids.

    Otherwise a denial of everybody's right to take denials back could never be mended.
    """
    hit_as = {EVERYONE, principal, *groups}
    excluded: list[str] = []
    for denial in await tx.records(DenyAssignment, tenant_partition(tenant)):
        if hit_as.isdisjoint(denial.principals) or principal in denial.exclude_principals:
            continue
        await tx.put(
            replace(denial, exclude_principals=(*denial.exclude_principals, principal), updated=now, updated_by=by)
        )
        excluded.append(denial.id)
    return tuple(excluded)


def _ids(named: tuple[Named, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.id for one in named))
