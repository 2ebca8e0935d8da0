"""
Who gets in from where, decided the slow way: the second evaluator of a vault's firewall.

Written from the order of precedence in reference azure-key-vault.md section 2, one step after the other, with every
range looked at for every question. It shares no code with the product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network


class Outcome(StrEnum):
    """How a request fares, and by what."""

    BY_ADDRESS = "address"
    BY_ENDPOINT = "privateEndpoint"
    BY_PERIMETER = "perimeter"
    BY_TRUST = "trustedService"
    WRONG_ADDRESS = "ForbiddenByFirewall"
    WRONG_CONNECTION = "ForbiddenByConnection"
    FLAG_MISSING = "AccessDenied"

    @property
    def admitted(self) -> bool:
        """Tell whether it gets in."""
        return self in {Outcome.BY_ADDRESS, Outcome.BY_ENDPOINT, Outcome.BY_PERIMETER, Outcome.BY_TRUST}


@dataclass(frozen=True)
class Subnet:
    """A part of a virtual network, and whether it has vaults' service endpoint."""

    prefixes: tuple[str, ...]
    ready: bool = True


@dataclass(frozen=True)
class Network:
    """A virtual network, and the real ranges that the operator says are its own."""

    subnets: dict[str, Subnet]
    mapped: tuple[str, ...] | None
    foreign: bool = False
    """Whether it is another tenant's than the vault."""


@dataclass(frozen=True)
class Endpoint:
    """A private endpoint in a network, and how its connection to the vault stands; None if it has none."""

    network: str
    state: str | None


@dataclass(frozen=True)
class Rule:
    """A rule of a perimeter."""

    ranges: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    outbound: bool = False


@dataclass(frozen=True)
class Perimeter:
    """The perimeter that the vault is in: its mode, and the rules of the vault's profile. None: the profile is gone."""

    mode: str
    rules: tuple[Rule, ...] | None


@dataclass(frozen=True)
class Place:
    """A vault's settings, and what is around it."""

    access: str
    closed: bool
    """Whether `defaultAction` is Deny."""
    bypass: bool
    ip_rules: tuple[str, ...] = ()
    network_rules: tuple[tuple[str, str], ...] = ()
    """Networks and subnets, by name."""
    flags: frozenset[str] = frozenset()
    networks: dict[str, Network] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    perimeter: Perimeter | None = None


@dataclass(frozen=True)
class Who:
    """Who asks, if a token says so."""

    trusted_for: frozenset[str] = frozenset()
    """The operations that the operator trusts this service with; without any it is no trusted service."""
    flag: str | None = None
    subscription: str | None = None
    """Where its managed identity is a resource."""


@dataclass(frozen=True)
class Knock:
    """A request at the vault's door."""

    address: str
    endpoint: str | None = None
    """The private endpoint whose listener it came through; None for the public one."""
    who: Who | None = None
    operation: str = "SecretGet"


def _among(address: str, ranges: tuple[str, ...]) -> bool:
    asked = ip_address(address)
    networks = (ip_network(text) for text in ranges)
    return any(asked.version == network.version and asked in network for network in networks)


def decide(place: Place, knock: Knock) -> Outcome:
    """Go through the order of precedence."""
    # 1. An approved private endpoint. One that is not is no public way in either, and its address has to be reached
    # from the network that it is in.
    if knock.endpoint is not None:
        return Outcome.BY_ENDPOINT if _is_private(place, knock) else Outcome.WRONG_CONNECTION
    # 2. An enforced perimeter.
    perimeter = place.perimeter
    if perimeter is not None and perimeter.mode == "Enforced":
        return _by_perimeter(perimeter, knock)
    # The vault may leave it to its perimeter by its own setting too; without one it has left it to nobody.
    if place.access == "SecuredByPerimeter":
        return _by_perimeter(perimeter or Perimeter("", ()), knock)
    # 3. No public access: the bypass alone.
    if place.access == "Disabled":
        return _by_bypass(place, knock, Outcome.WRONG_CONNECTION)
    # 4. and 5. Everyone, or those that a rule names.
    if not place.closed or _among(knock.address, place.ip_rules):
        return Outcome.BY_ADDRESS
    if any(_in_subnet(place.networks.get(network), subnet, knock) for network, subnet in place.network_rules):
        return Outcome.BY_ADDRESS
    # 6. and 7. The bypass, or nobody.
    return _by_bypass(place, knock, Outcome.WRONG_ADDRESS)


def _is_private(place: Place, knock: Knock) -> bool:
    endpoint = place.endpoints.get(knock.endpoint or "")
    if endpoint is None or endpoint.state != "Approved":
        return False
    network = place.networks.get(endpoint.network)
    return network is not None and _among(knock.address, network.mapped or ())


def _by_perimeter(perimeter: Perimeter, knock: Knock) -> Outcome:
    for rule in perimeter.rules or ():
        if rule.outbound:
            continue
        if _among(knock.address, rule.ranges):
            return Outcome.BY_PERIMETER
        if knock.who is not None and knock.who.subscription in rule.subscriptions:
            return Outcome.BY_PERIMETER
    return Outcome.WRONG_ADDRESS


def _in_subnet(network: Network | None, name: str, knock: Knock) -> bool:
    """Tell if a subnet admits: if it has the service endpoint, for the addresses that are its own and really there."""
    subnet = network.subnets.get(name) if network is not None and not network.foreign else None
    if network is None or subnet is None or not subnet.ready:
        return False
    return _among(knock.address, subnet.prefixes) and _among(knock.address, network.mapped or ())


def _by_bypass(place: Place, knock: Knock, otherwise: Outcome) -> Outcome:
    """Ask for a trusted service: it is one for named operations, and some need a setting of the vault besides."""
    if not place.bypass or knock.who is None or knock.operation not in knock.who.trusted_for:
        return otherwise
    if knock.who.flag is not None and knock.who.flag not in place.flags:
        return Outcome.FLAG_MISSING
    return Outcome.BY_TRUST
