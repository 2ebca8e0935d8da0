"""
Moving resources to another resource group, of the same subscription or of another one of the tenant.

    in a group, unlocked --> in the other group, all of what was named, in one change

What is moved stays what it is: a vault keeps its GUID, its name, its address and all that is in it. What names it by
its ARM id follows, if to be left behind would open something, and is left behind otherwise: see `_follow`. Only vaults
and virtual networks can be moved; what else there is carries its ARM id in tokens or in what the operator said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.locks import Effect
from strongroom.core.network import VirtualNetworkRule
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    NetworkMap,
    PrivateEndpoint,
    VirtualNetwork,
)
from strongroom.core.rbac import DenyAssignment, RoleAssignment, scope_key
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.core.resources import ResourceGroup
from strongroom.core.surroundings import network_of
from strongroom.core.vaults import Vault
from strongroom.resources.endpoint_connections import check_subscription
from strongroom.resources.locks import require_unlocked
from strongroom.resources.lookup import group_not_found, is_in, require_active, vault_not_found
from strongroom.resources.network_names import id_in
from strongroom.resources.networks import check_room, endpoints_in, require_network
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.store import Transaction

Movable = Vault | VirtualNetwork
"""What can be moved."""


async def move(
    tx: Transaction,
    *,
    source: ResourceGroup,
    target: ResourceGroup,
    resources: Sequence[Movable],
    now: int,
    by: str,
) -> tuple[Movable, ...]:
    """
    Move resources from one group to another; all of them or none.

    Raises:
        NotFound: a group is gone, or one of them is not in the group any more.
        Conflict: one of them or the target is locked, is in use, or has something in its place already.
        Invalid: one of them is not to be moved, or the target's subscription has no room.
    """
    for group in (source, target):
        if await tx.record(ResourceGroup, group.partition, group.id) is None:
            raise group_not_found(group.name)
    await require_unlocked(tx, target.tenant, target.scope, Effect.WRITE, whole=True)
    moved: list[Movable] = []
    for resource in resources:
        await require_unlocked(tx, source.tenant, resource.scope, Effect.DELETE, whole=True)
        await _require_unnamed(tx, resource)
        if isinstance(resource, Vault):
            moved.append(await _move_vault(tx, resource, source, target, now=now, by=by))
        else:
            moved.append(await _move_network(tx, resource, source, target))
        await _follow(tx, resource, moved[-1])
    return tuple(moved)


async def _move_vault(
    tx: Transaction, vault: Vault, source: ResourceGroup, target: ResourceGroup, *, now: int, by: str
) -> Vault:
    current = await require_active(tx, vault)
    if not is_in(current, source):
        raise vault_not_found(source.name, vault.name)
    moved = replace(current, subscription=target.subscription, resource_group=target.name, updated=now, updated_by=by)
    connections = await tx.records(EndpointConnection, current.partition)
    if target.subscription != source.subscription and any(
        one.state is not ConnectionState.DISCONNECTED for one in connections
    ):
        await check_subscription(tx, moved)
    await tx.put(moved)
    old, new = current.scope.lower(), moved.scope.lower()
    for endpoint in await tx.records(PrivateEndpoint):
        if any(request.vault == old for request in endpoint.requests):
            requests = tuple(
                replace(request, vault=new) if request.vault == old else request for request in endpoint.requests
            )
            await tx.put(replace(endpoint, requests=requests))
    return moved


async def _move_network(
    tx: Transaction, network: VirtualNetwork, source: ResourceGroup, target: ResourceGroup
) -> VirtualNetwork:
    current = await require_network(tx, network)
    users = endpoints_in(current, await tx.records(PrivateEndpoint, current.partition))
    if users:
        raise Conflict(
            f"The virtual network '{current.name}' cannot be moved while the private endpoint '{users[0].scope}' is in"
            " it.",
            code="ResourceMoveNotSupported",
        )
    moved = replace(
        current,
        id=id_in(target, current.name),
        subscription=target.subscription,
        resource_group=target.name,
    )
    if await tx.record(VirtualNetwork, moved.partition, moved.id) is not None:
        raise Conflict(
            f"The resource group '{target.name}' has a resource '{moved.scope}' already.", code="ResourceMoveConflict"
        )
    if target.subscription != source.subscription:
        await check_room(tx, target)
    await tx.remove(current)
    await tx.put(moved)
    old, new = current.scope.lower(), moved.scope.lower()
    for mapped in await tx.records(NetworkMap, INSTANCE):
        if mapped.virtual_network == old:
            await tx.put(replace(mapped, virtual_network=new))
    for vault in await tx.records(Vault):
        acls = vault.network_acls
        if acls is None or vault.tenant != current.tenant:
            continue
        rules = tuple(_renamed(rule, old, moved.scope) for rule in acls.virtual_network_rules)
        if rules != acls.virtual_network_rules:
            await tx.put(replace(vault, network_acls=replace(acls, virtual_network_rules=rules)))
    return moved


def _renamed(rule: VirtualNetworkRule, old: str, new: str) -> VirtualNetworkRule:
    """Give a vault's rule as it is once its network is called otherwise."""
    if network_of(rule.id) != old:
        return rule
    return replace(rule, id=f"{new}/subnets/{rule.id.rpartition('/')[2]}")


async def _follow(tx: Transaction, old: Movable, new: Movable) -> None:
    """
    Take back the roles given over what was moved, and let the denials go with it.

    Azure leaves roles behind, at a scope where nothing is; here they go, so that nobody has them who makes a resource
    of that name again. A denial that stayed behind would open what it keeps closed.
    """
    await remove_assignments_under(tx, old.tenant, old.scope)
    here = scope_key(old.scope)
    for denial in await tx.records(DenyAssignment, tenant_partition(old.tenant)):
        if f"{scope_key(denial.scope)}/".startswith(f"{here}/"):
            await tx.put(replace(denial, scope=f"{new.scope}{denial.scope[len(old.scope) :]}"))


async def _require_unnamed(tx: Transaction, resource: Movable) -> None:
    """
    Refuse to move what a condition names by its ARM id: it would no longer say what it was written to say.

    Raises:
        Conflict: `ResourceMoveNotSupported`.
    """
    name, partition = resource.scope.lower(), tenant_partition(resource.tenant)
    held: list[RoleAssignment | DenyAssignment] = [
        *await tx.records(RoleAssignment, partition),
        *await tx.records(DenyAssignment, partition),
    ]
    for one in held:
        if one.condition is not None and name in one.condition.lower():
            raise Conflict(
                f"The resource '{resource.scope}' cannot be moved: the condition of '{one.arm_id}' names it.",
                code="ResourceMoveNotSupported",
            )


def unsupported(resource_type: str) -> Invalid:
    """Say that resources of a type cannot be moved."""
    return Invalid(
        f"Resource move is not supported for resource types '{resource_type}'.", code="ResourceMoveNotSupported"
    )
