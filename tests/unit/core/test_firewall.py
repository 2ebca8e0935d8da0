"""The firewall: addresses, rules and the judgement."""

from ipaddress import IPv6Address

import pytest

from strongroom.core.errors import Invalid
from strongroom.core.firewall import AddressRules, judge, normalise_address, parse_ip_rule, parse_ip_rules, source_of
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
from strongroom.core.vaults import Vault

SAME = [
    ("203.0.113.7", "203.0.113.7"),
    ("::ffff:203.0.113.7", "203.0.113.7"),
    ("::FFFF:cb00:7107", "203.0.113.7"),
    ("64:ff9b::203.0.113.7", "203.0.113.7"),
    ("::ffff:203.0.113.7%eth0", "203.0.113.7"),
    ("fe80::1%lo", "fe80::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
    ("2002:cb00:7107::1", "2002:cb00:7107::1"),
    ("64:ff9b:1::cb00:7107", "64:ff9b:1::cb00:7107"),
    ("::203.0.113.7", "::cb00:7107"),
]


@pytest.mark.parametrize(("text", "address"), SAME)
def test_an_address_has_one_form(text: str, address: str) -> None:
    """SEC-FLOW-9: "Addresses are normalised before matching (IPv4-mapped, NAT64, zones)"; 6to4 stays."""
    assert normalise_address(text) == address


def _source(address: str, link: Link = Link.PUBLIC) -> str:
    return source_of(Connection(normalise_address(address), link, "id"))


def test_an_ipv4_address_is_a_source() -> None:
    """SEC-FLOW-5, SEC-FLOW-9: one address, however it is written, is one source, and the next one is another."""
    assert _source("203.0.113.7") == _source("::ffff:203.0.113.7") == _source("64:ff9b::203.0.113.7") == "203.0.113.7"
    assert _source("203.0.113.8") != _source("203.0.113.7")


def test_an_ipv6_network_is_a_source() -> None:
    """SEC-FLOW-5: addresses that differ after 64 bits are one source; those that differ in the 64th are two."""
    base, bits = int(IPv6Address("2001:db8::1")), 128 - SOURCE_PREFIX_BITS
    assert _source(str(IPv6Address(base))) == _source(str(IPv6Address(base ^ 1 << (bits - 1))))
    assert _source(str(IPv6Address(base))) != _source(str(IPv6Address(base ^ 1 << bits)))


def test_the_owners_socket_is_a_source_of_its_own() -> None:
    """Nobody else on this machine comes through it, so it is not the loopback address."""
    assert _source("127.0.0.1", Link.CONTROL) != _source("127.0.0.1", Link.MANAGED_IDENTITY) == "127.0.0.1"


@pytest.mark.parametrize(
    "text", ["", "localhost", "1.2.3", "1.2.3.4:80", "01.2.3.4", "1.2.3.4/32", "[::1]", "1.2.3.256", "\u0661.2.3.4"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Nothing but an address is one: no port, no leading zero, no foreign digits."""
    with pytest.raises(ValueError, match="address"):
        normalise_address(text)


RULES = [
    ("203.0.113.7", "203.0.113.7/32"),
    ("203.0.113.0/24", "203.0.113.0/24"),
    ("203.0.113.7/24", "203.0.113.0/24"),
    (" 203.0.113.7 ", "203.0.113.7/32"),
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("192.168.1.4", "192.168.1.4/32"),
    ("2001:db8::/32", "2001:db8::/32"),
    ("::1", "::1/128"),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("64:ff9b::203.0.113.7", "203.0.113.7/32"),
    ("0.0.0.0/0", "0.0.0.0/0"),
]


@pytest.mark.parametrize(("text", "rule"), RULES)
def test_a_rule_is_read_as_a_range(text: str, rule: str) -> None:
    """A lone address is told as a range of one, and a range begins where it begins."""
    assert parse_ip_rule(text) == rule
    assert parse_ip_rule(rule) == rule


@pytest.mark.parametrize(
    "text", ["", "x", "203.0.113.7/33", "203.0.113.7-9", "203.0.113.7/", "1.2.3.4/24/24", "2001:db8::/129"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    """A malformed rule is refused by name."""
    with pytest.raises(Invalid, match=r"networkAcls\.ipRules") as refusal:
        parse_ip_rule(text)
    assert refusal.value.code == "BadRequest"


@pytest.mark.parametrize("text", ["10.1.2.3", "172.16.0.0/12", "192.168.0.0/24", "2001:db8::1", "::ffff:10.0.0.1"])
def test_private_and_ipv6_rules_can_be_switched_off(text: str) -> None:
    """With the setting off it is as in Azure, which takes public IPv4 addresses only."""
    parse_ip_rule(text, extended_ranges=True)
    with pytest.raises(Invalid):
        parse_ip_rule(text, extended_ranges=False)


def test_public_rules_need_no_setting() -> None:
    """Public addresses and ranges that are wider than a private one are always taken."""
    for text in ("203.0.113.7", "172.32.0.0/12", "0.0.0.0/0"):
        parse_ip_rule(text, extended_ranges=False)


def test_a_vault_has_1000_rules_and_not_1001() -> None:
    """The limit, at it and one past it; a rule that is there twice counts once among those kept."""
    values = [f"203.{n >> 8}.{n & 255}.1" for n in range(IP_RULES)]
    assert len(parse_ip_rules(values)) == IP_RULES
    with pytest.raises(Invalid, match="1000"):
        parse_ip_rules([*values, "198.51.100.1"])
    assert parse_ip_rules(["10.0.0.1", "10.0.0.2", "10.0.0.1/32"]) == ("10.0.0.1/32", "10.0.0.2/32")


def test_the_narrowest_of_overlapping_rules_is_the_evidence() -> None:
    """Ranges may lie in each other; the one that says most about the address is named."""
    rules = AddressRules(("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "::/0"))
    assert rules.find("10.1.2.3") == "10.1.2.3/32"
    assert rules.find("10.1.9.9") == "10.1.0.0/16"
    assert rules.find("10.255.255.255") == "10.0.0.0/8"
    assert rules.find("11.0.0.0") is None
    assert rules.find("2001:db8::9") == "2001:db8::/32"
    assert rules.find("2001:db9::") == "::/0"
    assert AddressRules(()).find("10.0.0.1") is None
    assert AddressRules(("0.0.0.0/0",)).find("::1") is None


def test_what_is_kept_of_past_addresses_is_bounded() -> None:
    """Ever new addresses do not make the rules grow without end, and answers stay right."""
    rules = AddressRules(("10.0.0.0/8",))
    for number in range(ADDRESS_MEMO_ENTRIES + 10):
        rules.find(f"2001:db8::{number:x}")
    assert len(rules._memo) <= ADDRESS_MEMO_ENTRIES
    assert rules.find("10.0.0.1") == "10.0.0.0/8"


def vault(acls: NetworkAcls | None, access: PublicNetworkAccess = PublicNetworkAccess.ENABLED) -> Vault:
    """Make a vault with these network settings."""
    return Vault(
        id="v",
        tenant="t",
        subscription="s",
        resource_group="rg",
        name="kv1",
        location="local",
        created=0,
        wrapped_key=b"",
        network_acls=acls,
        public_network_access=access,
    )


ALLOW, DENY = DefaultAction.ALLOW, DefaultAction.DENY
TRUSTED, NOBODY = Bypass.AZURE_SERVICES, Bypass.NONE
ENABLED, DISABLED = PublicNetworkAccess.ENABLED, PublicNetworkAccess.DISABLED
PERIMETER = PublicNetworkAccess.SECURED_BY_PERIMETER
LISTED = ("203.0.113.0/24",)

JUDGEMENTS = [
    # A new vault has no firewall.
    (None, ENABLED, "198.51.100.1", Verdict(Passage.ADMITTED, "defaultAction")),
    (NetworkAcls(ALLOW, NOBODY, LISTED), ENABLED, "198.51.100.1", Verdict(Passage.ADMITTED, "defaultAction")),
    # With one, the list decides, and the bypass says what becomes of the rest.
    (NetworkAcls(DENY, NOBODY, LISTED), ENABLED, "203.0.113.9", Verdict(Passage.ADMITTED, "ipRule 203.0.113.0/24")),
    (NetworkAcls(DENY, NOBODY, LISTED), ENABLED, "198.51.100.1", Verdict(Passage.BLOCKED, "defaultAction")),
    (NetworkAcls(DENY, TRUSTED, LISTED), ENABLED, "198.51.100.1", Verdict(Passage.ONLY_IF_TRUSTED, "defaultAction")),
    (NetworkAcls(DENY, TRUSTED), ENABLED, "203.0.113.9", Verdict(Passage.ONLY_IF_TRUSTED, "defaultAction")),
    # Without public access no rule counts; the bypass does.
    (
        NetworkAcls(ALLOW, NOBODY, LISTED),
        DISABLED,
        "203.0.113.9",
        Verdict(Passage.BLOCKED, "publicNetworkAccess", by_connection=True),
    ),
    (
        NetworkAcls(ALLOW, TRUSTED, LISTED),
        DISABLED,
        "203.0.113.9",
        Verdict(Passage.ONLY_IF_TRUSTED, "publicNetworkAccess", by_connection=True),
    ),
    (None, DISABLED, "203.0.113.9", Verdict(Passage.ONLY_IF_TRUSTED, "publicNetworkAccess", by_connection=True)),
    # In a perimeter not even the bypass does.
    (
        NetworkAcls(ALLOW, TRUSTED, LISTED),
        PERIMETER,
        "203.0.113.9",
        Verdict(Passage.BLOCKED, "publicNetworkAccess", by_perimeter=True),
    ),
    (None, PERIMETER, "203.0.113.9", Verdict(Passage.BLOCKED, "publicNetworkAccess", by_perimeter=True)),
]


@pytest.mark.parametrize(("acls", "access", "address", "verdict"), JUDGEMENTS)
@pytest.mark.parametrize("link", [Link.PUBLIC, Link.CONTROL])
def test_settings_are_judged_in_the_documented_order(
    acls: NetworkAcls | None, access: PublicNetworkAccess, address: str, verdict: Verdict, link: Link
) -> None:
    """Reference section 2, "Precedence", for a vault alone; the control link is no way round."""
    assert judge(vault(acls, access), Connection(address, link, "r")) == verdict
