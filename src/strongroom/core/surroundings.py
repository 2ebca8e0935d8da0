"""
What the records around a vault come to: the surroundings that its firewall is compiled from.

A tenant says which prefixes a subnet has, and the operator which real addresses belong to its virtual network: what
counts is in both (security.md "The flow"). Whatever is missing or contradicts itself counts for nothing, so it admits
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from strongroom.core.limits import SUBNETS_COMPILED
from strongroom.core.networks import (
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterRules,
    Subnet,
    VirtualNetwork,
)

SERVICE_ENDPOINT = "Microsoft.KeyVault"
"""What a subnet has among its service endpoints if its own addresses reach vaults (reference section 2)."""

_Network = IPv4Network | IPv6Network


def intersection(ranges: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """
    Give the addresses that are both in some of *ranges* and in some of *others*, as few ranges as they need.

    Of two ranges one lies in the other or they have nothing in common, so it is exact.
    """
    first, second = _networks(ranges), _networks(others)
    return tuple(
        str(one) for version in (4, 6) for one in _common(_collapsed(first, version), _collapsed(second, version))
    )


@lru_cache(maxsize=SUBNETS_COMPILED)
def _kept_intersection(prefixes: tuple[str, ...], mapped: tuple[str, ...]) -> tuple[str, ...]:
    """Remember it: every vault's surroundings are asked for again whenever any record of anybody's networks changes."""
    return intersection(prefixes, mapped)


def _networks(ranges: Iterable[str]) -> list[_Network]:
    return [ip_network(one, strict=False) for one in ranges]


def _common(ranges: Sequence[_Network], others: Sequence[_Network]) -> Iterator[_Network]:
    """Go through two lists of ranges of one version, each in order and without overlaps, once."""
    place = other_place = 0
    while place < len(ranges) and other_place < len(others):
        one, other = ranges[place], others[other_place]
        if one.overlaps(other):
            yield max(one, other, key=lambda network: network.prefixlen)
        if int(one.broadcast_address) <= int(other.broadcast_address):
            place += 1
        else:
            other_place += 1


def _collapsed(networks: Iterable[_Network], version: int) -> Sequence[_Network]:
    if version == 4:
        return list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))
    return list(collapse_addresses(one for one in networks if isinstance(one, IPv6Network)))


def find_subnet(network: VirtualNetwork, subnet_id: str) -> Subnet | None:
    """Find a virtual network's subnet by its ARM id, in whatever case."""
    above, _, name = subnet_id.lower().rpartition("/subnets/")
    if above != network.scope.lower():
        return None
    return next((one for one in network.subnets if one.name.lower() == name), None)


def network_of(subnet_id: str) -> str:
    """Give the lower-case ARM id of the virtual network that a subnet's ARM id lies in; empty if it is none."""
    return subnet_id.lower().rpartition("/subnets/")[0]


def has_service_endpoint(subnet: Subnet) -> bool:
    """Tell whether a subnet's own addresses reach vaults."""
    return any(one.lower() == SERVICE_ENDPOINT.lower() for one in subnet.service_endpoints)


def subnet_ranges(subnet: Subnet, mapped: NetworkMap | None) -> tuple[str, ...]:
    """
    Give the ranges that count for a subnet in a vault's rule.

    Without the service endpoint there are none: `ignoreMissingVnetServiceEndpoint` lets a rule be saved before the
    subnet is ready, and admits nobody until it is.
    """
    if mapped is None or not has_service_endpoint(subnet):
        return ()
    return _kept_intersection(subnet.address_prefixes, mapped.ranges)


def perimeter_rules(association: PerimeterAssociation, perimeter: Perimeter | None) -> PerimeterRules:
    """
    Gather what the inbound rules of a vault's profile say.

    A perimeter or a profile that is gone has no rules, so that in an enforced association nobody is admitted.
    """
    if perimeter is None:
        return PerimeterRules("", association.mode)
    rules = [
        rule
        for profile in perimeter.profiles
        if profile.name.lower() == association.profile
        for rule in profile.rules
        if not rule.outbound
    ]
    return PerimeterRules(
        perimeter.scope,
        association.mode,
        tuple(dict.fromkeys(one for rule in rules for one in rule.address_prefixes)),
        frozenset(one.lower() for rule in rules for one in rule.subscriptions),
    )
