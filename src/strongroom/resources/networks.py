"""
Virtual networks and their subnets, as tenants describe them.

What is described here admits nobody: a subnet's addresses count only inside ranges that the operator mapped to its
network (security.md "The flow"). A subnet with a private endpoint in it stays; a vault's rule that names a subnet which
goes names nothing from then on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from strongroom.core import network_limits as limits
from strongroom.core.echo import RESOURCE_NAME, shown
from strongroom.core.errors import Invalid
from strongroom.core.locks import Effect, ManagementLock
from strongroom.core.networks import PrivateEndpoint, Subnet, VirtualNetwork
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup
from strongroom.resources.address_space import check_subnets, parse_prefixes
from strongroom.resources.locks import judge_locks
from strongroom.resources.lookup import group_not_found, resource_not_found
from strongroom.resources.network_maps import remove_maps_of
from strongroom.resources.network_names import Reference, check_name, find_subnet, id_in, subnet_scope
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location, require_place
from strongroom.store import Transaction

NETWORK_TYPE = "Microsoft.Network/virtualNetworks"
_SERVICE = re.compile(r"[A-Za-z]{1,40}(?:\.[A-Za-z]{1,40}){1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SubnetWish:
    """A subnet as a request describes it."""

    name: str
    address_prefixes: tuple[str, ...]
    service_endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """A virtual network as a request describes it."""

    location: str
    address_prefixes: tuple[str, ...]
    subnets: tuple[SubnetWish, ...] | None = None
    """None leaves those that there are."""
    tags: Mapping[str, str] | None = None


async def read_network(tx: Transaction, group: ResourceGroup, name: str) -> VirtualNetwork | None:
    """Read a virtual network of a group, or None."""
    return await tx.record(VirtualNetwork, tenant_partition(group.tenant), id_in(group, name))


async def read_subnet(
    tx: Transaction, tenant: str, reference: Reference
) -> tuple[VirtualNetwork, Subnet] | tuple[None, None]:
    """Read the subnet that another resource of the tenant names; Nones if there is none, or only in another tenant."""
    network = await tx.record(VirtualNetwork, tenant_partition(tenant), reference.record_id)
    subnet = None if network is None else find_subnet(network, reference.child)
    return (None, None) if network is None or subnet is None else (network, subnet)


async def put_network(
    tx: Transaction, *, group: ResourceGroup, name: str, wish: NetworkWish, now: int
) -> tuple[VirtualNetwork, bool]:
    """
    Make a virtual network or change it into what is asked for; the second value says whether it was made.

    Raises:
        NotFound: the group is gone.
        Conflict: it exists in another location.
        Invalid: something about it, or a subnet that would go is in use.
    """
    existing = await read_network(tx, group, name)
    if existing is None:
        if await tx.record(ResourceGroup, tenant_partition(group.tenant), group.id) is None:
            raise group_not_found(group.name)
        await check_room(tx, group)
        existing = VirtualNetwork(
            id=id_in(group, name),
            tenant=group.tenant,
            subscription=group.subscription,
            resource_group=group.name,
            name=check_name(name),
            location=parse_location(wish.location),
            created=now,
            address_prefixes=(),
        )
        made = True
    else:
        require_place(existing.name, existing.location, wish.location)
        made = False
    scope = existing.scope
    changed = replace(
        existing,
        address_prefixes=parse_prefixes(wish.address_prefixes, scope, limit=limits.NETWORK_PREFIXES),
        tags=check_tags(wish.tags or {}),
        subnets=existing.subnets if wish.subnets is None else _subnets(existing, wish.subnets),
    )
    check_subnets(changed)
    await _remove_subnets(tx, existing, keep=changed.subnets)
    await tx.put(changed)
    return changed, made


async def tag_network(tx: Transaction, network: VirtualNetwork, tags: Mapping[str, str] | None) -> VirtualNetwork:
    """
    Replace a virtual network's tags; None leaves them.

    Raises:
        NotFound: it is gone.
        Invalid: the tags.
    """
    current = await require_network(tx, network)
    changed = current if tags is None else replace(current, tags=check_tags(tags))
    await tx.put(changed)
    return changed


async def put_subnet(tx: Transaction, network: VirtualNetwork, wish: SubnetWish) -> tuple[VirtualNetwork, Subnet, bool]:
    """
    Make a subnet or change it; the last value says whether it was made.

    Raises:
        NotFound: the network is gone.
        Invalid: something about it.
    """
    current = await require_network(tx, network)
    existing = find_subnet(current, wish.name)
    subnet = _subnet(current, wish)
    if existing is None:
        subnets = (*current.subnets, subnet)
    else:
        subnet = replace(subnet, name=existing.name)
        subnets = tuple(subnet if one is existing else one for one in current.subnets)
    changed = replace(current, subnets=subnets)
    _check_count(subnets)
    check_subnets(changed)
    await tx.put(changed)
    return changed, subnet, existing is None


async def delete_subnet(tx: Transaction, network: VirtualNetwork, name: str) -> bool:
    """
    Remove a subnet, and the roles that were given over it; False if there is none.

    Raises:
        NotFound: the network is gone.
        Invalid: `InUseSubnetCannotBeDeleted`.
    """
    current = await require_network(tx, network)
    subnet = find_subnet(current, name)
    if subnet is None:
        return False
    keep = tuple(one for one in current.subnets if one is not subnet)
    await _remove_subnets(tx, current, keep=keep)
    await tx.put(replace(current, subnets=keep))
    return True


async def delete_network(tx: Transaction, network: VirtualNetwork) -> None:
    """
    Remove a virtual network with its subnets, the roles that were given over them, and what it was mapped to.

    Raises:
        NotFound: it is gone already.
        Invalid: `InUseSubnetCannotBeDeleted`.
    """
    current = await require_network(tx, network)
    await _require_unused(tx, current, current.subnets)
    await remove_maps_of(tx, [current])
    # The roles over its subnets are below it.
    await remove_assignments_under(tx, current.tenant, current.scope)
    await tx.remove(current)


async def require_network(tx: Transaction, network: VirtualNetwork) -> VirtualNetwork:
    """
    Read a virtual network again.

    Raises:
        NotFound: it is gone.
    """
    current = await tx.record(VirtualNetwork, network.partition, network.id)
    if current is None:
        raise resource_not_found(NETWORK_TYPE, network.resource_group, network.name)
    return current


def endpoints_in(network: VirtualNetwork, endpoints: Sequence[PrivateEndpoint]) -> list[PrivateEndpoint]:
    """Pick the private endpoints that are in a network's subnets."""
    inside = f"{network.scope.lower()}/subnets/"
    return [endpoint for endpoint in endpoints if endpoint.subnet.startswith(inside)]


async def _remove_subnets(tx: Transaction, network: VirtualNetwork, *, keep: Sequence[Subnet]) -> None:
    """Let go of the subnets that are not kept: roles over them end, and one that an endpoint is in stays."""
    kept = {subnet.name.lower() for subnet in keep}
    going = [subnet for subnet in network.subnets if subnet.name.lower() not in kept]
    if going:
        await _require_unused(tx, network, going)
        await remove_assignments_under(tx, network.tenant, *(subnet_scope(network, one.name) for one in going))


async def _require_unused(tx: Transaction, network: VirtualNetwork, going: Sequence[Subnet]) -> None:
    """
    See that nothing keeps subnets from going.

    Raises:
        Invalid: `InUseSubnetCannotBeDeleted`.
        Conflict: one is locked.
    """
    users = {one.subnet: one for one in reversed(await tx.records(PrivateEndpoint, network.partition))}
    locks: defaultdict[str, list[ManagementLock]] = defaultdict(list)
    for lock in await tx.records(ManagementLock, network.partition):
        locks[lock.scope].append(lock)
    scopes = {subnet.name: subnet_scope(network, subnet.name) for subnet in going}
    for name, scope in scopes.items():
        user = users.get(scope.lower())
        if user is not None:
            raise Invalid(
                f"Subnet {name} is in use by {user.scope} and cannot be deleted. In order to delete the subnet,"
                " delete all the resources within the subnet. See aka.ms/deletesubnet.",
                code="InUseSubnetCannotBeDeleted",
            )
        # Azure takes away a locked subnet that a network is written without; here its lock would outlive it.
        judge_locks(locks[scope], scope, Effect.DELETE, whole=True)


def _subnets(network: VirtualNetwork, wishes: Sequence[SubnetWish]) -> tuple[Subnet, ...]:
    known = {subnet.name.lower(): subnet.name for subnet in network.subnets}
    subnets = [_subnet(network, wish) for wish in wishes]
    if len({subnet.name.lower() for subnet in subnets}) != len(subnets):
        raise Invalid(
            f"Virtual network '{shown(network.name, RESOURCE_NAME)}' has two subnets of one name.",
            code="DuplicateResourceName",
        )
    _check_count(subnets)
    return tuple(replace(subnet, name=known.get(subnet.name.lower(), subnet.name)) for subnet in subnets)


def _subnet(network: VirtualNetwork, wish: SubnetWish) -> Subnet:
    scope = subnet_scope(network, check_name(wish.name))
    services = tuple(dict.fromkeys(wish.service_endpoints))
    if not all(_SERVICE.fullmatch(service) for service in services):
        raise Invalid(
            f"Subnet {shown(wish.name, RESOURCE_NAME)} names a service endpoint that is no service's name, such as"
            " Microsoft.KeyVault.",
            code="InvalidServiceName",
        )
    prefixes = parse_prefixes(wish.address_prefixes, scope, limit=limits.SUBNET_PREFIXES)
    return Subnet(wish.name, prefixes, services)


def _check_count(subnets: Sequence[Subnet]) -> None:
    if len(subnets) > limits.SUBNETS:
        raise Invalid(f"A virtual network can have at most {limits.SUBNETS} subnets.", code="SubnetCountLimitReached")


async def check_room(tx: Transaction, group: ResourceGroup, more: int = 1) -> None:
    """Refuse *more* networks than a group's subscription can have besides those that it has."""
    networks = await tx.records(VirtualNetwork, tenant_partition(group.tenant))
    if sum(one.subscription == group.subscription for one in networks) + more > limits.VIRTUAL_NETWORKS:
        raise Invalid(
            f"Cannot create more than {limits.VIRTUAL_NETWORKS} virtual networks for this subscription in this region.",
            code="VirtualNetworkCountLimitReached",
        )
