"""
The firewall's rules: which addresses a vault admits, decided from its settings and an address alone.

Precedence and defaults from reference azure-key-vault.md section 2. Private endpoints, virtual-network rules and
perimeters are not built yet, so nothing is admitted by them. The texts of a refusal are in `core.denials`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from strongroom.core.echo import ADDRESS, shown
from strongroom.core.errors import Invalid
from strongroom.core.limits import ADDRESS_MEMO_ENTRIES, IP_RULES, SOURCE_PREFIX_BITS
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
        rule = _unmapped(ip_network(text.strip(), strict=False))
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


def _unmapped(rule: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
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
            rule = _unmapped(ip_network(text, strict=False))
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
_PERIMETER = Verdict(Passage.BLOCKED, "publicNetworkAccess")


class Firewall:
    """One vault's firewall, compiled from its settings; immutable, made anew when the vault changes."""

    __slots__ = ("_admitted", "_fixed", "_otherwise", "_rules")

    def __init__(self, vault: Vault) -> None:
        acls = vault.network_acls or _NO_ACLS
        bypassed = acls.bypass is Bypass.AZURE_SERVICES
        self._fixed: Verdict | None = None
        if vault.public_network_access is PublicNetworkAccess.SECURED_BY_PERIMETER:
            # The bypass does not count here, and there are no perimeter rules that could admit anyone.
            self._fixed = _PERIMETER
        elif vault.public_network_access is PublicNetworkAccess.DISABLED:
            self._fixed = _DISABLED_BUT_TRUSTED if bypassed else _DISABLED
        elif acls.default_action is DefaultAction.ALLOW:
            self._fixed = _DEFAULT_ALLOWS
        self._otherwise = _TRUSTED_ONLY if bypassed else _DEFAULT_DENIES
        self._rules = AddressRules(acls.ip_rules)
        self._admitted = {rule: Verdict(Passage.ADMITTED, f"ipRule {rule}") for rule in acls.ip_rules}

    def judge(self, connection: Connection) -> Verdict:
        """Judge where a request comes from, before anyone knows whose it is."""
        if self._fixed is not None:
            return self._fixed
        rule = self._rules.find(connection.address)
        return self._otherwise if rule is None else self._admitted[rule]


def judge(vault: Vault, connection: Connection) -> Verdict:
    """Judge one connection without keeping a firewall: see `Firewall.judge`."""
    return Firewall(vault).judge(connection)
