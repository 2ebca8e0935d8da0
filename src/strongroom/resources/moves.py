"""
Moving resources to another resource group, of the same subscription or of another one of the tenant.

    in a group, unlocked --> in the other group, all of what was named, in one change

What is moved stays what it is: a vault keeps its GUID, its name, its address and all that is in it. What names it by
its ARM id follows, if to be left behind would open something, and is left behind otherwise: see `_follow`. Only vaults
and virtual networks can be moved; what else there is carries its ARM id in tokens or in what the operator said of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.locks import Effect, ManagementLock
from strongroom.core.network import VirtualNetworkRule
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    NetworkMap,
    PrivateEndpoint,
    VirtualNetwork,
)
from strongroom.core.rbac import DenyAssignment, RoleAssignment, root_of, scope_key
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.core.resources import ResourceGroup
from strongroom.core.surroundings import network_of
from strongroom.core.vaults import Vault
from strongroom.resources.diagnostic_settings import keep_settings_of
from strongroom.resources.endpoint_connections import check_subscription
from strongroom.resources.locks import judge_locks
from strongroom.resources.lookup import group_not_found, is_in, require_active, vault_not_found
from strongroom.resources.network_names import id_in
from strongroom.resources.networks import check_room, require_network
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

    What a tenant has of each kind is read once, however much is moved: nobody else writes meanwhile.

    Raises:
        NotFound: a group is gone, or one of them is not in the group any more.
        Conflict: one of them or the target is locked, is in use, or has something in its place already.
        Invalid: one of them is not to be moved, or the target's subscription has no room.
    """
    for group in (source, target):
        if await tx.record(ResourceGroup, group.partition, group.id) is None:
            raise group_not_found(group.name)
    await _require_free(tx, source, target, resources)
    vaults = [one for one in resources if isinstance(one, Vault)]
    networks = [one for one in resources if isinstance(one, VirtualNetwork)]
    moved: dict[str, Movable] = {}
    if vaults:
        moved |= await _move_vaults(tx, vaults, source, target, now=now, by=by)
    if networks:
        moved |= await _move_networks(tx, networks, source, target)
    await _follow(tx, source.tenant, {scope: new.scope for scope, new in moved.items()})
    return tuple(moved[scope_key(one.scope)] for one in resources)


async def _require_free(
    tx: Transaction, source: ResourceGroup, target: ResourceGroup, resources: Sequence[Movable]
) -> None:
    """
    Refuse to move what a lock holds, or what a condition names by its ARM id: it would no longer say what it was
    written to say.

    Raises:
        Conflict: `ScopeLocked`, `ResourceMoveNotSupported`.
    """  # noqa: D205  the sentence is longer than a line
    locks = await tx.records(ManagementLock, tenant_partition(source.tenant))
    judge_locks(locks, target.scope, Effect.WRITE, whole=True)
    keys = {scope_key(resource.scope) for resource in resources}
    here = f"{scope_key(source.scope)}/"
    above = [lock for lock in locks if here.startswith(f"{scope_key(lock.scope)}/")]
    below: defaultdict[str, list[ManagementLock]] = defaultdict(list)
    for lock in locks:
        root = root_of(lock.scope, keys)
        if root is not None:
            below[root].append(lock)
    named = await _named(tx, source, keys)
    for resource in resources:
        key = scope_key(resource.scope)
        judge_locks([*above, *below[key]], resource.scope, Effect.DELETE, whole=True)
        if key in named:
            raise Conflict(
                f"The resource '{resource.scope}' cannot be moved: the condition of '{named[key]}' names it.",
                code="ResourceMoveNotSupported",
            )


async def _named(tx: Transaction, source: ResourceGroup, keys: Collection[str]) -> dict[str, str]:
    """Find which scopes in a group conditions name, each with the ARM id of one that does."""
    partition, here = tenant_partition(source.tenant), f"{scope_key(source.scope)}/"
    longest = max(map(len, keys), default=0)
    held: list[RoleAssignment | DenyAssignment] = [
        *await tx.records(RoleAssignment, partition),
        *await tx.records(DenyAssignment, partition),
    ]
    said: dict[str, str] = {}
    for one in held:
        text = (one.condition or "").lower()
        place = text.find(here)
        while place >= 0:
            said.setdefault(text[place : place + longest], one.arm_id)
            place = text.find(here, place + 1)
    # What begins with a name follows it in this order at once.
    texts = sorted(said)
    found: dict[str, str] = {}
    for key in keys:
        place = bisect_left(texts, key)
        if place < len(texts) and texts[place].startswith(key):
            found[key] = said[texts[place]]
    return found


async def _move_vaults(
    tx: Transaction, vaults: Sequence[Vault], source: ResourceGroup, target: ResourceGroup, *, now: int, by: str
) -> dict[str, Movable]:
    moved: dict[str, Movable] = {}
    known: list[Vault] = []
    for vault in vaults:
        current = await require_active(tx, vault)
        if not is_in(current, source):
            raise vault_not_found(source.name, vault.name)
        new = replace(current, subscription=target.subscription, resource_group=target.name, updated=now, updated_by=by)
        connections = await tx.records(EndpointConnection, current.partition)
        if target.subscription != source.subscription and any(
            one.state is not ConnectionState.DISCONNECTED for one in connections
        ):
            await check_subscription(tx, new)
        await tx.put(new)
        known.append(current)
        moved[scope_key(current.scope)] = new
    await keep_settings_of(tx, source.tenant, known)
    for endpoint in await tx.records(PrivateEndpoint):
        if any(request.vault in moved for request in endpoint.requests):
            requests = tuple(
                replace(request, vault=moved[request.vault].scope.lower()) if request.vault in moved else request
                for request in endpoint.requests
            )
            await tx.put(replace(endpoint, requests=requests))
    return moved


async def _move_networks(
    tx: Transaction, networks: Sequence[VirtualNetwork], source: ResourceGroup, target: ResourceGroup
) -> dict[str, Movable]:
    partition = tenant_partition(source.tenant)
    keys = {scope_key(network.scope) for network in networks}
    users = {root_of(one.subnet, keys): one for one in reversed(await tx.records(PrivateEndpoint, partition))}
    if target.subscription != source.subscription:
        await check_room(tx, target, len(networks))
    moved: dict[str, Movable] = {}
    for network in networks:
        current = await require_network(tx, network)
        user = users.get(scope_key(current.scope))
        if user is not None:
            raise Conflict(
                f"The virtual network '{current.name}' cannot be moved while the private endpoint '{user.scope}' is in"
                " it.",
                code="ResourceMoveNotSupported",
            )
        new = replace(
            current,
            id=id_in(target, current.name),
            subscription=target.subscription,
            resource_group=target.name,
        )
        if await tx.record(VirtualNetwork, new.partition, new.id) is not None:
            raise Conflict(
                f"The resource group '{target.name}' has a resource '{new.scope}' already.", code="ResourceMoveConflict"
            )
        await tx.remove(current)
        await tx.put(new)
        moved[scope_key(current.scope)] = new
    names = {old: new.scope for old, new in moved.items()}
    for mapped in await tx.records(NetworkMap, INSTANCE):
        if mapped.virtual_network in names:
            await tx.put(replace(mapped, virtual_network=names[mapped.virtual_network].lower()))
    for vault in await tx.records(Vault):
        acls = vault.network_acls
        if acls is None or vault.tenant != source.tenant:
            continue
        rules = tuple(_renamed(rule, names) for rule in acls.virtual_network_rules)
        if rules != acls.virtual_network_rules:
            await tx.put(replace(vault, network_acls=replace(acls, virtual_network_rules=rules)))
    return moved


def _renamed(rule: VirtualNetworkRule, names: Mapping[str, str]) -> VirtualNetworkRule:
    """Give a vault's rule as it is once its network is called otherwise."""
    new = names.get(network_of(rule.id))
    return rule if new is None else replace(rule, id=f"{new}/subnets/{rule.id.rpartition('/')[2]}")


async def _follow(tx: Transaction, tenant: str, names: Mapping[str, str]) -> None:
    """
    Take back the roles given over what was moved, and let the denials go with it.

    Azure leaves roles behind, at a scope where nothing is; here they go, so that nobody has them who makes a resource
    of that name again. A denial that stayed behind would open what it keeps closed.
    """
    await remove_assignments_under(tx, tenant, *names)
    for denial in await tx.records(DenyAssignment, tenant_partition(tenant)):
        root = root_of(denial.scope, names)
        if root is not None:
            await tx.put(replace(denial, scope=f"{names[root]}{denial.scope[len(root) :]}"))


def unsupported(resource_type: str) -> Invalid:
    """Say that resources of a type cannot be moved."""
    return Invalid(
        f"Resource move is not supported for resource types '{resource_type}'.", code="ResourceMoveNotSupported"
    )
