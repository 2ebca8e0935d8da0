"""Administrators: who has every right over a subscription and over what is in its vaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, OWNER
from strongroom.core.guids import new_guid
from strongroom.core.hierarchy import group_scope
from strongroom.core.rbac import RoleAssignment, scope_key
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
    for role in (OWNER, KEY_VAULT_ADMINISTRATOR):
        await _give(tx, subscription.tenant, scope, Grant(role, principal), now=now, by=by, entropy=entropy)


async def make_root_owner(
    tx: Transaction, tenant: str, principal: str, *, now: int, by: str, entropy: Callable[[int], bytes]
) -> None:
    """
    Make a principal Owner of a tenant's root management group, if it is not yet.

    Raises:
        Invalid: there is no such principal.
    """
    scope = Scope(group_scope(tenant))
    await _give(tx, tenant, scope, Grant(OWNER, principal), now=now, by=by, entropy=entropy)


async def _give(
    tx: Transaction,
    tenant: str,
    scope: Scope,
    grant: Grant,
    *,
    now: int,
    by: str,
    entropy: Callable[[int], bytes],
) -> None:
    """Give a role, unless it is given already under no condition."""
    here = scope_key(scope.path)
    for given in await tx.records(RoleAssignment, tenant_partition(tenant)):
        if (given.principal, given.role, scope_key(given.scope)) == (grant.principal, grant.role, here):
            if given.condition is not None:
                await tx.put(replace(given, condition=None, condition_version=None, updated=now, updated_by=by))
            return
    await put_role_assignment(
        tx,
        tenant=tenant,
        assignment=new_guid(entropy),
        scope=scope,
        grant=grant,
        now=now,
        by=by,
        limited=False,
    )
