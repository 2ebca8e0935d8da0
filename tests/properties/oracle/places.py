"""
Random vaults with what is around them, and requests at their doors, made so that they meet.

The ranges are few and lie in one another; names of networks and subnets differ in case or by a letter at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from random import Random

from tests.properties.oracle.firewall import Endpoint, Knock, Network, Perimeter, Place, Rule, Subnet, Who

RANGES = (
    "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.0/25", "10.1.2.3/32", "10.1.3.0/24",
    "192.0.2.0/24", "192.0.2.128/25", "203.0.113.7/32", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::7/128",
    "::/0",
)  # fmt: skip
WIDE = ("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32")
NETWORKS, SUBNETS = ("net", "net2", "elsewhere"), ("default", "default2", "office")
ENDPOINTS = ("door", "door2", "window")
STATES = ("Approved", "Approved", "Approved", "Pending", "Rejected", "Disconnected", None)
SUBSCRIPTIONS = ("5ab50000-0000-4000-8000-000000000001", "5ab50000-0000-4000-8000-000000000002")
FLAGS = ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")
OPERATIONS = ("SecretGet", "SecretList", "SecretSet")


def _edges(ranges: Iterable[str]) -> list[str]:
    """List the first and the last address of every range, and the ones beside it."""
    return [
        str(edge)
        for text in ranges
        if (network := ip_network(text)).prefixlen
        for edge in (
            network.network_address, network.broadcast_address, network.network_address - 1,
            network.broadcast_address + 1,
        )
    ]  # fmt: skip


_ADDRESSES = _edges(RANGES)


def _ranges(chance: Random, most: int) -> tuple[str, ...]:
    # The whole of the Internet is in few, or there would be nobody to refuse.
    wanted = RANGES if chance.random() < 0.1 else RANGES[1:-1]
    return tuple(chance.sample(wanted, chance.randint(0, most)))


def _network(chance: Random) -> Network:
    subnets = {
        name: Subnet(_ranges(chance, 3), chance.random() < 0.85)
        for name in chance.sample(SUBNETS, chance.randint(1, len(SUBNETS)))
    }
    mapped = _ranges(chance, 3) if chance.random() < 0.4 else tuple(chance.sample(WIDE, 2))
    return Network(subnets, None if chance.random() < 0.15 else mapped, chance.random() < 0.2)


def _perimeter(chance: Random) -> Perimeter:
    rules = tuple(
        Rule(
            _ranges(chance, 2) if chance.random() < 0.7 else (),
            tuple(chance.sample(SUBSCRIPTIONS, chance.randint(0, 1))),
            chance.random() < 0.2,
        )
        for _ in range(chance.randint(0, 3))
    )
    mode = chance.choice(["Learning", "Enforced", "Enforced", "Audit"])
    return Perimeter(mode, None if chance.random() < 0.1 else rules)


def place(chance: Random) -> Place:
    """Make a vault and its surroundings."""
    return Place(
        access=chance.choice(["Enabled", "Enabled", "Enabled", "Disabled", "SecuredByPerimeter"]),
        closed=chance.random() < 0.85,
        bypass=chance.random() < 0.5,
        ip_rules=_ranges(chance, 4),
        network_rules=tuple(
            (chance.choice(NETWORKS), chance.choice(SUBNETS)) for _ in range(chance.choice([0, 1, 1, 2, 3]))
        ),
        flags=frozenset(flag for flag in FLAGS if chance.random() < 0.5),
        networks={name: _network(chance) for name in chance.sample(NETWORKS, chance.randint(1, len(NETWORKS)))},
        endpoints={name: Endpoint(chance.choice(NETWORKS), chance.choice(STATES)) for name in ENDPOINTS[:2]},
        perimeter=_perimeter(chance) if chance.random() < 0.3 else None,
    )


def _who(chance: Random) -> Who:
    trusted = chance.random() < 0.6
    return Who(
        frozenset(chance.sample(OPERATIONS, chance.randint(1, 2))) if trusted else frozenset(),
        chance.choice(FLAGS) if trusted and chance.random() < 0.5 else None,
        chance.choice(SUBSCRIPTIONS) if chance.random() < 0.5 else None,
    )


def knock(chance: Random, at: Place) -> Knock:
    """Make a request, from the edge of some range, often one that is said of a subnet."""
    prefixes = {one for net in at.networks.values() for sub in net.subnets.values() for one in sub.prefixes}
    near = _edges(sorted(prefixes)) if chance.random() < 0.5 else []
    return Knock(
        chance.choice(near or _ADDRESSES),
        chance.choice(ENDPOINTS) if chance.random() < 0.3 else None,
        _who(chance) if chance.random() < 0.6 else None,
        chance.choice(OPERATIONS),
    )
