"""What the records around a vault come to."""

from dataclasses import replace

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
