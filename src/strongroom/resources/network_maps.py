"""
Network maps: which real source addresses are in a virtual network, by the operator's word.

    set --> the virtual network has these ranges, and a subnet's prefixes count inside them
    set again --> it has the new ones;  removed, or the virtual network is removed --> it has none

A map goes with its virtual network, because another one of the same name is not what the operator spoke of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from strongroom.core import limits
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.networks import NetworkMap, VirtualNetwork
from strongroom.core.operator_networks import VIRTUAL_NETWORKS, find_overlap, parse_network_resource
from strongroom.core.records import INSTANCE
from strongroom.resources.named_networks import no_such_network
from strongroom.store import Transaction


async def set_map(
    tx: Transaction,
    network: VirtualNetwork,
    ranges: Sequence[str],
    *,
    now: int,
    entropy: Callable[[int], bytes],
) -> NetworkMap:
    """
    Map a virtual network to the ranges that its addresses really come from, in the place of what it was mapped to.

    Raises:
        NotFound: the virtual network is gone.
        Conflict: another one has some of the addresses, or there are as many maps as there may be.
    """
    if await tx.record(VirtualNetwork, network.partition, network.id) is None:
        raise no_such_network()
    key = network.scope.lower()
    maps = {one.virtual_network: one for one in await tx.records(NetworkMap, INSTANCE)}
    known = maps.pop(key, None)
    if known is None and len(maps) >= limits.NETWORK_MAPS:
        raise Conflict(f"At most {limits.NETWORK_MAPS} virtual networks are mapped. Remove a map first.")
    other = find_overlap(ranges, {name: one.ranges for name, one in maps.items()})
    if other is not None:
        raise Conflict(f"Some of these addresses are in the ranges of another virtual network, {other}.")
    if known is not None:
        made = replace(known, ranges=tuple(ranges))
    else:
        made = NetworkMap(new_guid(entropy), network.tenant, key, tuple(ranges), now)
    await tx.put(made)
    return made


async def remove_map(tx: Transaction, virtual_network: str) -> NetworkMap:
    """
    Remove the map of a virtual network, named by its ARM id: none of its subnets has an address any more.

    Raises:
        Invalid: it is no ARM id of a virtual network.
        NotFound: it is not mapped.
    """
    place = parse_network_resource(virtual_network, VIRTUAL_NETWORKS)
    for one in await tx.records(NetworkMap, INSTANCE):
        if parse_network_resource(one.virtual_network, VIRTUAL_NETWORKS) == place:
            await tx.remove(one)
            return one
    raise NotFound("This virtual network is not mapped.")


async def remove_maps_of(tx: Transaction, networks: Iterable[VirtualNetwork]) -> None:
    """Remove the maps that virtual networks have, as the networks are removed."""
    scopes = {network.scope.lower() for network in networks}
    for one in await tx.records(NetworkMap, INSTANCE):
        if one.virtual_network in scopes:
            await tx.remove(one)
