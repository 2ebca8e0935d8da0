"""
The firewall's rules: which connections a vault admits, decided from its settings, its surroundings and the connection.

Precedence and defaults from reference azure-key-vault.md section 2. What the records around a vault come to, its
surroundings, is worked out in `core.surroundings`. The texts of a refusal are in `core.denials`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from strongroom.core.echo import ADDRESS, shown
from strongroom.core.errors import Invalid
from strongroom.core.identity import Caller
from strongroom.core.limits import ADDRESS_MEMO_ENTRIES, SOURCE_PREFIX_BITS
from strongroom.core.network import (
    Bypass,
    Connection,
    DefaultAction,
    Link,
    NetworkAcls,
    Passage,
    PublicNetworkAccess,
    Verdict,
)
from strongroom.core.network_limits import IP_RULES
from strongroom.core.networks import ALONE, PerimeterMode, PerimeterRules, Surroundings
from strongroom.core.vaults import Vault

_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_IPV4_BITS = 0xFFFF_FFFF
_PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


# ---- addresses ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=ADDRESS_MEMO_ENTRIES)
def normalise_address(text: str) -> str:
    """
    Give an address in the one form in which addresses are matched.

    An IPv4-mapped or NAT64 (64:ff9b::/96) address is the IPv4 address inside it, and a zone is dropped, so that no
    spelling of an address slips past a rule. A 6to4 or Teredo address stays what it is: anyone can make one up.

    Raises:
        ValueError: *text* is no address.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        address = IPv4Address(int(address) & _IPV4_BITS)
    return str(address)


def source_of(connection: Connection) -> str:
    """
    Say under which name the limits per source count a connection: the one place that decides it.

    An IPv4 address is a source. Of IPv6 it is the /64, because whoever has one address of a network can take any other
    of it. The owner's own socket is a source beside the machine's loopback address, which it shares with nobody.
    """
    return connection.link.value if connection.link is Link.CONTROL else _source_of_address(connection.address)


@lru_cache(maxsize=ADDRESS_MEMO_ENTRIES)
def _source_of_address(address: str) -> str:
    return str(ip_network((address, SOURCE_PREFIX_BITS), strict=False)) if ":" in address else address


# ---- rules ----------------------------------------------------------------------------------------------------------


def parse_ip_rule(text: str, *, extended_ranges: bool = True) -> str:
    """
    Read one `ipRules` value into the form in which it is kept and told: a range, `/32` for a lone IPv4 address.

    Azure takes public IPv4 only. Here IPv6 and private ranges are useful, since vaults are on people's own networks, so
    they are taken too unless *extended_ranges* is off.

    Raises:
        Invalid: it is no address or range, or not one that may be used.
    """
    try:
        rule = unmapped(ip_network(text.strip(), strict=False))
    except ValueError:
        raise _invalid(f"'{shown(text, ADDRESS)}' is not an IP address or a range in CIDR notation.") from None
    if not extended_ranges:
        if isinstance(rule, IPv6Network):
            raise _invalid(f"'{rule}' is an IPv6 address, and only IPv4 addresses are supported.")
        if any(rule.subnet_of(private) for private in _PRIVATE):
            raise _invalid(f"'{rule}' is in a private range, and only public addresses are supported.")
    return str(rule)


def parse_ip_rules(values: Sequence[str], *, extended_ranges: bool = True) -> tuple[str, ...]:
    """
    Read a vault's `ipRules`; the order is kept, and a rule that is there twice counts once.

    Raises:
        Invalid: there are too many, or one is not good.
    """
    if len(values) > IP_RULES:
        raise _invalid(f"A vault can have at most {IP_RULES} IP rules, and {len(values)} were given.")
    return tuple(dict.fromkeys(parse_ip_rule(value, extended_ranges=extended_ranges) for value in values))


def _invalid(detail: str) -> Invalid:
    return Invalid(f"An invalid value was provided for 'networkAcls.ipRules'. {detail}", code="BadRequest")


def unmapped(rule: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Give a range of IPv4-mapped or NAT64 addresses as the range of IPv4 addresses that it is matched against."""
    if isinstance(rule, IPv6Network) and (rule.subnet_of(_MAPPED) or rule.subnet_of(_NAT64)):
        return IPv4Network((int(rule.network_address) & _IPV4_BITS, rule.prefixlen - 96))
    return rule


class AddressRules:
    """
    A vault's IP rules, ready to be asked; immutable, made anew when the vault changes.

    Ranges are kept by their length, so that a question is one look-up for each length in use, the longest first: a
    thousand rules cost no more than one of each length. Where ranges overlap the narrowest one is the evidence.
    """

    __slots__ = ("_memo", "_ranges")

    def __init__(self, rules: Sequence[str]) -> None:
        ranges: dict[int, dict[int, dict[int, str]]] = {4: {}, 6: {}}
        for text in rules:
            rule = unmapped(ip_network(text, strict=False))
            shift = rule.max_prefixlen - rule.prefixlen
            ranges[rule.version].setdefault(shift, {})[int(rule.network_address) >> shift] = text
        # A small shift is a long prefix, so ascending shifts put the narrowest range first.
        self._ranges = {version: tuple(sorted(lengths.items())) for version, lengths in ranges.items()}
        self._memo: dict[str, str | None] = {}

    def find(self, address: str) -> str | None:
        """Find the narrowest rule that a normalised address is in, or None."""
        try:
            return self._memo[address]
        except KeyError:
            pass
        parsed = ip_address(address)
        number = int(parsed)
        found = next(
            (
                prefixes[number >> shift]
                for shift, prefixes in self._ranges[parsed.version]
                if number >> shift in prefixes
            ),
            None,
        )
        if len(self._memo) >= ADDRESS_MEMO_ENTRIES:
            self._memo.clear()
        self._memo[address] = found
        return found


# ---- the judgement --------------------------------------------------------------------------------------------------

_NO_ACLS = NetworkAcls()
_DEFAULT_ALLOWS = Verdict(Passage.ADMITTED, "defaultAction")
_TRUSTED_ONLY = Verdict(Passage.ONLY_IF_TRUSTED, "defaultAction")
_DEFAULT_DENIES = Verdict(Passage.BLOCKED, "defaultAction")
_DISABLED_BUT_TRUSTED = Verdict(Passage.ONLY_IF_TRUSTED, "publicNetworkAccess", by_connection=True)
_DISABLED = Verdict(Passage.BLOCKED, "publicNetworkAccess", by_connection=True)
_NO_PERIMETER = Verdict(Passage.BLOCKED, "publicNetworkAccess", by_perimeter=True)
_ENDPOINT = Link.PRIVATE_ENDPOINT
_NO_ENDPOINT = Verdict(Passage.BLOCKED, "privateEndpoint", by_connection=True)


class _Rules:
    """Ranges with the verdict of each, and what becomes of every other address."""

    __slots__ = ("_admitted", "_find", "_otherwise")

    def __init__(self, otherwise: Verdict, admitted: Mapping[str, Verdict] | None = None) -> None:
        self._otherwise = otherwise
        self._admitted = admitted or {}
        self._find = AddressRules(tuple(self._admitted)).find if admitted else None

    def judge(self, address: str) -> Verdict:
        """Judge a normalised address."""
        if self._find is None:
            return self._otherwise
        found = self._find(address)
        return self._otherwise if found is None else self._admitted[found]


class Firewall:
    """
    One vault's firewall, compiled from its settings and surroundings; immutable, made anew when any of them change.

    The order is that of reference section 2:

        a private endpoint's listener --approved, from its own network--> admitted
                                      --anything else-------------------> blocked: it has no public way in
        in an enforced perimeter -----> the perimeter's rules, and nothing of the vault's own
        publicNetworkAccess ----------> Disabled: the bypass alone; SecuredByPerimeter: the perimeter's rules alone
        defaultAction Allow ----------> admitted
        ipRules, virtualNetworkRules -> admitted, by the narrowest range
        bypass -----------------------> only if the caller is a trusted service
        otherwise --------------------> blocked
    """

    __slots__ = ("_endpoints", "_judge", "_reporting")

    def __init__(self, vault: Vault, surroundings: Surroundings = ALONE) -> None:
        perimeter, access = surroundings.perimeter, vault.public_network_access
        self._endpoints = {
            endpoint: _Rules(_NO_ENDPOINT, _each(ranges, f"privateEndpoint {endpoint}", endpoint=endpoint))
            for endpoint, ranges in surroundings.endpoints.items()
        }
        self._reporting: _Rules | None = None
        if perimeter is None:
            self._judge = _own_rules(vault, surroundings).judge
        elif perimeter.mode is PerimeterMode.ENFORCED or access is PublicNetworkAccess.SECURED_BY_PERIMETER:
            self._judge = _perimeter_rules(perimeter).judge
        else:
            self._judge = _own_rules(vault, surroundings).judge
            self._reporting = _perimeter_rules(perimeter)

    def judge(self, connection: Connection) -> Verdict:
        """Judge how and from where a request comes, before anyone knows whose it is."""
        if connection.link is _ENDPOINT:
            # Listener and source network prove it together, or it is not proved: never on to the public rules.
            rules = self._endpoints.get(connection.endpoint)
            return _NO_ENDPOINT if rules is None else rules.judge(connection.address)
        verdict = self._judge(connection.address)
        if self._reporting is not None:
            return replace(verdict, reported=self._reporting.judge(connection.address))
        return verdict


def _own_rules(vault: Vault, surroundings: Surroundings) -> _Rules:
    """Compile what the vault's own settings say."""
    acls, access = vault.network_acls or _NO_ACLS, vault.public_network_access
    bypassed = acls.bypass is Bypass.AZURE_SERVICES
    if access is PublicNetworkAccess.SECURED_BY_PERIMETER:
        # The bypass does not count here, and there is no perimeter whose rules could admit anyone.
        return _Rules(_NO_PERIMETER)
    if access is PublicNetworkAccess.DISABLED:
        return _Rules(_DISABLED_BUT_TRUSTED if bypassed else _DISABLED)
    if acls.default_action is DefaultAction.ALLOW:
        return _Rules(_DEFAULT_ALLOWS)
    admitted: dict[str, Verdict] = {}
    for rule in acls.virtual_network_rules:
        subnet = rule.id.lower()
        admitted |= _each(surroundings.subnets.get(subnet, ()), f"virtualNetworkRule {subnet}", subnet=subnet)
    # Where a rule names exactly a subnet's range, it is the evidence.
    admitted |= {rule: Verdict(Passage.ADMITTED, f"ipRule {rule}") for rule in acls.ip_rules}
    return _Rules(_TRUSTED_ONLY if bypassed else _DEFAULT_DENIES, admitted)


def _perimeter_rules(perimeter: PerimeterRules) -> _Rules:
    """Compile what the perimeter's rules say; the bypass is overridden."""
    name, subscriptions = perimeter.perimeter, perimeter.subscriptions
    passage = Passage.ONLY_FROM_SUBSCRIPTIONS if subscriptions else Passage.BLOCKED
    otherwise = Verdict(passage, "perimeterRules", by_perimeter=True, subscriptions=subscriptions, perimeter=name)
    return _Rules(
        otherwise,
        {
            one: Verdict(Passage.ADMITTED, f"perimeterRule {one}", by_perimeter=True, perimeter=name)
            for one in perimeter.ranges
        },
    )


def _each(ranges: Sequence[str], rule: str, *, subnet: str = "", endpoint: str = "") -> dict[str, Verdict]:
    """Give each of some ranges the same verdict."""
    verdict = Verdict(Passage.ADMITTED, rule, subnet=subnet, endpoint=endpoint)
    return dict.fromkeys(ranges, verdict)


def judge(vault: Vault, connection: Connection, surroundings: Surroundings = ALONE) -> Verdict:
    """Judge one connection without keeping a firewall: see `Firewall.judge`."""
    return Firewall(vault, surroundings).judge(connection)


def subscription_of(caller: Caller) -> str | None:
    """Name the subscription that a caller's managed identity is a resource of, in lower case; None for all others."""
    parts = (caller.mirid or "").lower().split("/")
    return parts[2] if len(parts) > 2 and parts[:2] == ["", "subscriptions"] else None


def reported(verdict: Verdict, caller: Caller | None) -> str | None:
    """Say what a perimeter that only tells would have decided about a caller; None where none tells."""
    would = verdict.reported
    if would is None:
        return None
    if would.passage is Passage.ADMITTED:
        return f"admitted by {would.rule}"
    subscription = None if caller is None else subscription_of(caller)
    if subscription in would.subscriptions:
        return f"admitted by perimeterRule {subscription}"
    return f"blocked by {would.rule}"
