"""Directory roles: who administers a tenant's directory."""

from __future__ import annotations

from strongroom.core.errors import Conflict
from strongroom.core.identity import DirectoryRoleAssignment
from strongroom.directory.principals import require_principal
from strongroom.store import Transaction


async def assign_role(tx: Transaction, tenant: str, *, role: str, principal: str) -> DirectoryRoleAssignment:
    """
    Give a principal a directory role for the whole tenant; *role* is the role's template id.

    Raises:
        Conflict: it holds the role already.
        NotFound: the tenant has no such principal.
    """
    await require_principal(tx, tenant, principal)
    assignment = DirectoryRoleAssignment(f"{role}/{principal}", tenant, role, principal)
    if await tx.record(DirectoryRoleAssignment, assignment.partition, assignment.id) is not None:
        raise Conflict(
            "A conflicting object with one or more of the specified property values is present in the directory."
        )
    await tx.put(assignment)
    return assignment
