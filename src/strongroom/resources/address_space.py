"""
Address ranges of virtual networks: how they are read, and how subnets must lie in them.

Codes and sentences are those that users of the real service report (ADR 0014).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from itertools import pairwise

from strongroom.core.echo import ADDRESS, RESOURCE_ID, RESOURCE_NAME, shown
from strongroom.core.errors import Invalid
from strongroom.core.networks import Subnet, VirtualNetwork

_Range = tuple[int, int]
"""The first and the last address of a range, as numbers."""


def parse_prefix(text: str, of: str) -> str:
    """
    Read an address prefix of the resource *of*, in its one form.

    Raises:
        Invalid: `InvalidAddressPrefixFormat`, `InvalidCIDRNotation`.
    """
    address, _, length = text.partition("/")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or not (length.isascii() and length.isdigit()) or "%" in address:
        raise Invalid(
            f"Address prefix {shown(text, ADDRESS)} of resource {shown(of, RESOURCE_ID)} is not formatted correctly. It"
            " should follow CIDR notation, for example 10.0.0.0/24.",
            code="InvalidAddressPrefixFormat",
        )
    if ip_address(address) != network.network_address:
        raise Invalid(
            f"The address prefix {shown(text, ADDRESS)} in resource {shown(of, RESOURCE_ID)} has an invalid CIDR"
            f" notation. For the given prefix length, the address prefix should be {network}.",
            code="InvalidCIDRNotation",
        )
    return str(network)


def parse_prefixes(texts: Sequence[str], of: str, *, limit: int) -> tuple[str, ...]:
    """
    Read the address prefixes of the resource *of*: one at least; one that is there twice counts once.

    Raises:
        Invalid: there is none, there are too many, or one is malformed.
    """
    if not texts:
        raise Invalid(
            f"Resource {shown(of, RESOURCE_ID)} must have at least one address prefix.", code="MissingAddressPrefix"
        )
    if len(texts) > limit:
        raise Invalid(
            f"Resource {shown(of, RESOURCE_ID)} can have at most {limit} address prefixes, not {len(texts)}.",
            code="TooManyAddressPrefixes",
        )
    return tuple(dict.fromkeys(parse_prefix(text, of) for text in texts))


def check_subnets(network: VirtualNetwork) -> None:
    """
    Check that every subnet lies within the network and that no two share an address.

    Raises:
        Invalid: `NetcfgSubnetRangeOutsideVnet`, `NetcfgSubnetRangesOverlap`.
    """
    for version in (4, 6):
        space = _ranges(network.address_prefixes, version)
        starts = [first for first, _ in space]
        taken: list[tuple[_Range, Subnet]] = []
        for subnet in network.subnets:
            for first, last in _ranges(subnet.address_prefixes, version):
                place = bisect_right(starts, first) - 1
                if place < 0 or space[place][1] < last:
                    raise _outside(subnet, network)
                taken.append(((first, last), subnet))
        # If any two ranges share an address, so do two that are neighbours in the order of their beginnings.
        taken.sort(key=lambda entry: entry[0])
        for ((_, last), one), ((first, _), other) in pairwise(taken):
            if first <= last:
                raise _overlap(max(one, other, key=network.subnets.index), network)


def _ranges(prefixes: Iterable[str], version: int) -> list[_Range]:
    """Give the prefixes of an IP version as ranges in order, those that touch made one."""
    networks = [network for network in map(ip_network, prefixes) if network.version == version]
    collapsed: Iterable[IPv4Network | IPv6Network] = collapse_addresses(networks)  # type: ignore[type-var]  # all of one version
    joined: list[_Range] = []
    for network in collapsed:
        first, last = int(network.network_address), int(network.broadcast_address)
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _outside(subnet: Subnet, network: VirtualNetwork) -> Invalid:
    return Invalid(
        f"Subnet '{shown(subnet.name, RESOURCE_NAME)}' is not valid because its IP address range is outside the IP"
        f" address range of virtual network '{network.name}'.",
        code="NetcfgSubnetRangeOutsideVnet",
    )


def _overlap(subnet: Subnet, network: VirtualNetwork) -> Invalid:
    return Invalid(
        f"Subnet '{shown(subnet.name, RESOURCE_NAME)}' is not valid because its IP address range overlaps with that of"
        f" an existing subnet in virtual network '{network.name}'.",
        code="NetcfgSubnetRangesOverlap",
    )
