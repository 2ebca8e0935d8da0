"""What the records around a vault come to."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from strongroom.core import limits, network_limits, surroundings
from strongroom.core.networks import (
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterProfile,
    PerimeterRule,
    PerimeterRules,
    Subnet,
    VirtualNetwork,
)
from strongroom.core.surroundings import find_subnet, intersection, network_of, perimeter_rules, subnet_ranges

SUBNETS = (Subnet("Sub", ("10.1.0.0/16",)), Subnet("Sub2", ()))
NETWORK = VirtualNetwork("s/rg/net", "t", "S", "Rg", "Net", "local", 0, ("10.0.0.0/8",), SUBNETS)
MAP = NetworkMap("m", "t", NETWORK.scope.lower(), ("10.1.2.0/24", "10.1.3.0/24", "10.2.0.0/16", "2001:db8::/48"), 0)


def test_ranges_are_cut_out_exactly() -> None:
    """SEC-FLOW-13: what is in both, neighbours joined, v4 and v6 apart."""
    assert intersection(["10.0.0.0/8"], ["10.1.0.0/16", "192.0.2.0/24"]) == ("10.1.0.0/16",)
    assert intersection(["10.1.2.3/32", "2001:db8::/32"], ["10.0.0.0/8", "2001:db8:1::/48"]) == (
        "10.1.2.3/32",
        "2001:db8:1::/48",
    )
    assert intersection(["10.1.0.0/24", "10.1.1.0/24"], ["10.0.0.0/8"]) == ("10.1.0.0/23",)
    assert intersection(["10.0.0.0/8", "10.1.0.0/16"], ["10.1.0.0/16", "10.1.2.0/24"]) == ("10.1.0.0/16",)
    assert intersection(["0.0.0.0/0"], ["::/0"]) == ()
    assert intersection([], ["0.0.0.0/0"]) == intersection(["0.0.0.0/0"], []) == ()


def test_a_subnet_is_found_in_its_network_alone() -> None:
    """Names are compared without case, and whole."""
    assert find_subnet(NETWORK, f"{NETWORK.scope}/subnets/SUB") is NETWORK.subnets[0]
    for other in (NETWORK.scope, f"{NETWORK.scope}2/subnets/Sub", f"{NETWORK.scope}/subnets/Sub/x", "", "Sub"):
        assert find_subnet(NETWORK, other) is None
    assert network_of(f"{NETWORK.scope}/subnets/Sub") == NETWORK.scope.lower()
    assert network_of(NETWORK.scope) == ""


def test_a_subnet_counts_where_it_is_mapped_and_has_the_service_endpoint() -> None:
    """SEC-FLOW-13: three words are needed: the tenant's prefix, its service endpoint, and the operator's map."""
    bare = NETWORK.subnets[0]
    ready = replace(bare, service_endpoints=("Microsoft.Sql", "MICROSOFT.KEYVAULT"))
    assert subnet_ranges(ready, MAP) == ("10.1.2.0/23",)
    assert subnet_ranges(ready, None) == ()
    assert subnet_ranges(bare, MAP) == ()
    for other in ("Microsoft.KeyVaultX", "Microsoft.Storage", "KeyVault", ""):
        assert subnet_ranges(replace(bare, service_endpoints=(other,)), MAP) == ()


def test_the_largest_subnet_and_map_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every vault's rules are worked out anew after any change: it must not take the product of two lengths."""
    prefixes = [f"10.{number}.4.0/24" for number in range(network_limits.SUBNET_PREFIXES)]
    mapped = [f"10.{number}.0.0/21" for number in range(limits.NETWORK_MAP_RANGES)]
    compared, overlaps = [], IPv4Network.overlaps

    def note(one: IPv4Network, other: IPv4Network) -> bool:
        compared.append(one)
        return overlaps(one, other)

    monkeypatch.setattr(IPv4Network, "overlaps", note)
    assert intersection(reversed(prefixes), mapped) == tuple(prefixes[: len(mapped)])
    assert len(compared) <= len(prefixes) + len(mapped)


def test_what_counts_for_a_subnet_is_kept() -> None:
    """For equal records it is not worked out again, and for any other it is; so much is kept and no more."""
    ready = replace(NETWORK.subnets[0], service_endpoints=("Microsoft.KeyVault",))
    kept = surroundings._kept_intersection
    kept.cache_clear()
    for _ in range(2):
        assert subnet_ranges(replace(ready, name="Other"), replace(MAP, id="n")) == ("10.1.2.0/23",)
    assert (kept.cache_info().misses, kept.cache_info().hits) == (1, 1)
    assert subnet_ranges(ready, replace(MAP, ranges=("10.1.2.0/24",))) == ("10.1.2.0/24",)
    assert subnet_ranges(replace(ready, address_prefixes=("10.1.3.0/24",)), MAP) == ("10.1.3.0/24",)
    assert kept.cache_info().maxsize == limits.SUBNETS_COMPILED


def test_a_profile_says_who_comes_in() -> None:
    """Inbound rules of the vault's own profile; what is gone has none."""
    rules = (
        PerimeterRule("a", ("192.0.2.0/24", "192.0.2.0/24")),
        PerimeterRule("b", subscriptions=("5A",)),
        PerimeterRule("c", ("198.51.100.0/24",), outbound=True),
    )
    other = PerimeterProfile("other", 1, (PerimeterRule("d", ("203.0.113.0/24",)),))
    found = Perimeter("s/rg/nsp", "t", "s", "rg", "nsp", "local", 0, "g", (PerimeterProfile("Mine", 1, rules), other))
    inside = PerimeterAssociation("s/rg/nsp/a", "t", found.id, "a", "mine", "v", PerimeterMode.ENFORCED, 0)
    assert perimeter_rules(inside, found) == PerimeterRules(
        found.scope, PerimeterMode.ENFORCED, ("192.0.2.0/24",), frozenset({"5a"})
    )
    assert perimeter_rules(replace(inside, profile="gone"), found) == PerimeterRules(
        found.scope, PerimeterMode.ENFORCED
    )
    assert perimeter_rules(inside, None) == PerimeterRules("", PerimeterMode.ENFORCED)
