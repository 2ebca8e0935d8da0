"""
What only the operator says about networks: real ranges of virtual networks, and addresses of private endpoints.

A tenant draws networks as it likes, so nothing that it draws proves where anybody is. A range that is everybody would
make everybody a member of a subnet, and an address in the ranges of two networks would be in both: neither may be said
(security.md "The flow").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import NamedTuple

from strongroom.core import limits
from strongroom.core.echo import ADDRESS, RESOURCE_ID, shown
from strongroom.core.errors import Invalid
from strongroom.core.firewall import parse_ip_rule
from strongroom.core.guids import parse_guid

VIRTUAL_NETWORKS = "virtualNetworks"
PRIVATE_ENDPOINTS = "privateEndpoints"
_PORT_MAX = 65_535
_BROADCAST = IPv4Address("255.255.255.255")
_SEGMENTS = 8


class NetworkResource(NamedTuple):
    """Where a resource of Microsoft.Network is, each part in lower case."""

    subscription: str
    resource_group: str
    name: str

    @property
    def record_id(self) -> str:
        """The id of its record."""
        return "/".join(self)


# ---- ARM ids --------------------------------------------------------------------------------------------------------


def parse_network_resource(text: str, kind: str) -> NetworkResource:
    """
    Read the ARM id of a resource of Microsoft.Network of one kind; case means nothing.

    Raises:
        Invalid: it is not of that form.
    """
    parts = text.strip().strip("/").lower().split("/")
    if len(parts) == _SEGMENTS and all(parts):
        subscription = parse_guid(parts[1])
        wanted = ["subscriptions", parts[1], "resourcegroups", parts[3], "providers", "microsoft.network", kind.lower()]
        if subscription is not None and parts[:-1] == wanted:
            return NetworkResource(subscription, parts[3], parts[7])
    raise Invalid(
        f"'{shown(text, RESOURCE_ID)}' is not an id of the form"
        f" /subscriptions/GUID/resourceGroups/NAME/providers/Microsoft.Network/{kind}/NAME."
    )


# ---- ranges ---------------------------------------------------------------------------------------------------------


def parse_ranges(values: Sequence[str]) -> tuple[str, ...]:
    """
    Read the real source ranges of a virtual network; a range that is there twice counts once.

    Loopback is this machine, whose programs come from it whatever network they were meant to be in: it is taken only
    where it is named for itself.

    Raises:
        Invalid: there is none or are too many, one is no address or range, or together they are everybody.
    """
    if not values:
        raise Invalid("A virtual network is mapped to one range at least.")
    if len(values) > limits.NETWORK_MAP_RANGES:
        raise Invalid(
            f"A virtual network is mapped to at most {limits.NETWORK_MAP_RANGES} ranges, and {len(values)} were given."
        )
    ranges = tuple(dict.fromkeys(_parse_range(value) for value in values))
    if any(one.prefixlen == 0 for one in _collapsed(ranges)):
        raise Invalid("Together these ranges are every address there is: everybody would be in the virtual network.")
    return ranges


def _parse_range(text: str) -> str:
    try:
        # A bit after the mask is more likely a slip in the mask, which would let in far more than was meant.
        ip_network(text.strip())
        network = ip_network(parse_ip_rule(text))
    except (ValueError, Invalid):
        raise Invalid(
            f"'{shown(text, ADDRESS)}' is not an IP address, or a range in CIDR notation without bits after its mask."
        ) from None
    if network.prefixlen == 0:
        raise Invalid(f"'{network}' is everybody, and everybody would be in the virtual network.")
    if network.overlaps(_loopback(network.version)) and not network.is_loopback:
        raise Invalid(
            f"'{network}' has this machine's own addresses among others. Map {_loopback(network.version)} alone."
        )
    return str(network)


def _loopback(version: int) -> IPv4Network | IPv6Network:
    return IPv4Network("127.0.0.0/8") if version == 4 else IPv6Network("::1/128")


def _collapsed(ranges: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    networks = [ip_network(text) for text in ranges]
    return [
        *collapse_addresses(one for one in networks if isinstance(one, IPv4Network)),
        *collapse_addresses(one for one in networks if isinstance(one, IPv6Network)),
    ]


def find_overlap(ranges: Iterable[str], others: Mapping[str, Iterable[str]]) -> str | None:
    """Find one of *others*, by its name, that has an address in common with *ranges*; None if none has."""
    spans = [(one.version, int(one[0]), int(one[-1]), "") for one in _collapsed(ranges)]
    spans += [(one.version, int(one[0]), int(one[-1]), name) for name in others for one in _collapsed(others[name])]
    ours = theirs = (0, -1)
    their_name = ""
    # In the order of their first addresses, a span meets an earlier one if that has not ended yet.
    for version, first, last, name in sorted(spans):
        if name:
            if (version, first) <= ours:
                return name
            if (version, last) > theirs:
                theirs, their_name = (version, last), name
        else:
            if (version, first) <= theirs:
                return their_name
            ours = max(ours, (version, last))
    return None


# ---- addresses ------------------------------------------------------------------------------------------------------


def parse_listening_address(text: str) -> str:
    """
    Read the address that a private endpoint is to be.

    Raises:
        Invalid: it is not one concrete IPv4 or IPv6 address.
    """
    try:
        address = ip_address(text.strip())
    except ValueError:
        raise Invalid(f"'{shown(text, ADDRESS)}' is not an IP address.") from None
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped is not None):
        raise Invalid(f"'{shown(text, ADDRESS)}' is an address of one link or an IPv4 address in another spelling.")
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise Invalid(f"'{address}' is not one address of this machine.")
    return str(address)


def require_port(port: int) -> int:
    """
    Make sure that a port can be listened on.

    Raises:
        Invalid: there is no such port.
    """
    if not 1 <= port <= _PORT_MAX:
        raise Invalid(f"A port is between 1 and {_PORT_MAX}, not {port}.")
    return port
