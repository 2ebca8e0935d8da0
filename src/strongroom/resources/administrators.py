"""Administrators: who has every right over a subscription and over what is in its vaults."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, OWNER
from strongroom.core.guids import new_guid
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Subscription
from strongroom.resources.role_assignments import Grant, put_role_assignment
from strongroom.resources.scopes import Scope
from strongroom.store import Transaction


async def make_owner(
    tx: Transaction,
    subscription: Subscription,
    principal: str,
    *,
    now: int,
    by: str,
    entropy: Callable[[int], bytes],
) -> None:
    """
    Make a principal Owner of a subscription and Key Vault Administrator of its vaults, where it is not yet.

    Raises:
        Invalid: there is no such principal.
    """
    scope = Scope(subscription.scope, subscription.id, subscription)
    held = {
        given.role
        for given in await tx.records(RoleAssignment, tenant_partition(subscription.tenant))
        if given.principal == principal and given.scope.lower() == scope.path.lower()
    }
    for role in (OWNER, KEY_VAULT_ADMINISTRATOR):
        if role not in held:
            await put_role_assignment(
                tx,
                tenant=subscription.tenant,
                assignment=new_guid(entropy),
                scope=scope,
                grant=Grant(role, principal),
                now=now,
                by=by,
                limited=False,
            )
