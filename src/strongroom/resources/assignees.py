"""Principals that a right is given to or taken from: that they exist, and are what they are said to be."""

from __future__ import annotations

from strongroom.core.errors import Invalid
from strongroom.core.identity import Group, PrincipalType, ServicePrincipal, User
from strongroom.core.records import tenant_partition
from strongroom.store import Transaction


async def find_principal(tx: Transaction, tenant: str, principal: str) -> PrincipalType | None:
    """Find out what a principal is, or None: an application's object id is none, a frequent mistake (section 1.1)."""
    partition = tenant_partition(tenant)
    if await tx.record(User, partition, principal) is not None:
        return PrincipalType.USER
    if await tx.record(Group, partition, principal) is not None:
        return PrincipalType.GROUP
    if await tx.record(ServicePrincipal, partition, principal) is not None:
        return PrincipalType.SERVICE_PRINCIPAL
    return None


async def require_principal(
    tx: Transaction, tenant: str, principal: str, expected: PrincipalType | None
) -> PrincipalType:
    """
    Find out what a principal is, which is *expected* if anything was said.

    Raises:
        Invalid: `PrincipalNotFound`, `UnmatchedPrincipalType`.
    """
    kind = await find_principal(tx, tenant, principal)
    if kind is None:
        raise Invalid(
            f"Principal {principal.replace('-', '')} does not exist in the directory {tenant}. Check that you"
            " have the correct principal ID. If you are creating this principal and then immediately assigning a role,"
            " this error might be related to a replication delay. In this case, set the role assignment principalType"
            " property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
            code="PrincipalNotFound",
        )
    if expected not in {None, kind}:
        raise Invalid(
            f"The PrincipalId '{principal.replace('-', '')}' has type '{kind}' , which is different from"
            f" specified PrinciaplType '{expected}'.",
            code="UnmatchedPrincipalType",
        )
    return kind
