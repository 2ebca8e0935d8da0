"""Directory roles: who administers a tenant's directory."""

from __future__ import annotations

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.identity import DirectoryRoleAssignment, Group
from strongroom.core.records import tenant_partition
from strongroom.directory.principals import no_such_object, require_principal
from strongroom.store import Transaction


async def assign_role(tx: Transaction, tenant: str, *, role: str, principal: str) -> DirectoryRoleAssignment:
    """
    Give a principal a directory role for the whole tenant; *role* is the role's template id.

    Raises:
        Conflict: it holds the role already.
        Invalid: it is a group: whoever edits groups makes no administrator.
        NotFound: the tenant has no such principal.
    """
    if isinstance(await require_principal(tx, tenant, principal), Group):
        raise Invalid("The group is not assignable to a role.")
    assignment = DirectoryRoleAssignment(f"{role}/{principal}", tenant, role, principal)
    if await tx.record(DirectoryRoleAssignment, assignment.partition, assignment.id) is not None:
        raise Conflict(
            "A conflicting object with one or more of the specified property values is present in the directory.",
            code="Request_BadRequest",
        )
    await tx.put(assignment)
    return assignment


async def remove_role(tx: Transaction, tenant: str, *, role: str, principal: str) -> None:
    """
    Take a directory role away.

    Raises:
        NotFound: the principal does not hold it.
    """
    found = await tx.record(DirectoryRoleAssignment, tenant_partition(tenant), f"{role}/{principal}")
    if found is None:
        raise no_such_object(principal)
    await tx.remove(found)
