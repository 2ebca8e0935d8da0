"""IP rules against the standard library, rule by rule, and addresses in all their spellings."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.firewall import AddressRules, normalise_address, parse_ip_rule
from strongroom.core.surroundings import intersection

# Few high bits vary, so that ranges and addresses meet often.
v4_numbers = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 2**12 - 1).map(lambda low: 10 << 24 | low << 4))
v6_numbers = st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 2**12 - 1).map(lambda low: 0x2001_0DB8 << 96 | low))
addresses = st.one_of(v4_numbers.map(ipaddress.IPv4Address), v6_numbers.map(ipaddress.IPv6Address))
ranges = st.one_of(
    st.builds(
        lambda number, length: ipaddress.IPv4Network((number, length), strict=False), v4_numbers, st.integers(0, 32)
    ),
    st.builds(
        lambda number, length: ipaddress.IPv6Network((number, length), strict=False), v6_numbers, st.integers(0, 128)
    ),
)


@given(st.lists(ranges, max_size=40), st.lists(addresses, max_size=10))
def test_rules_agree_with_looking_at_every_range(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    asked: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    """An address is admitted exactly if a range contains it, and the narrowest such range is named."""
    rules = AddressRules([parse_ip_rule(str(network)) for network in networks])
    kept = [ipaddress.ip_network(parse_ip_rule(str(network))) for network in networks]
    edges = [end for network in networks for end in (network.network_address, network.broadcast_address)]
    for address in [*asked, *edges]:
        normal = ipaddress.ip_address(normalise_address(str(address)))
        around = [network for network in kept if network.version == normal.version and normal in network]
        expected = str(max(around, key=lambda network: network.prefixlen)) if around else None
        assert rules.find(str(normal)) == expected
        assert rules.find(str(normal)) == expected  # from what was kept


@given(v4_numbers)
def test_every_spelling_of_an_ipv4_address_is_that_address(number: int) -> None:
    """SEC-FLOW-9: no spelling of an address slips past a rule for it."""
    plain = str(ipaddress.IPv4Address(number))
    rules = AddressRules([f"{plain}/32"])
    for prefix in (0xFFFF << 32, 0x64_FF9B << 96):
        mapped = ipaddress.IPv6Address(prefix | number)
        for spelled in (str(mapped), mapped.exploded.upper(), f"{mapped}%eth0"):
            assert normalise_address(spelled) == plain
            assert rules.find(normalise_address(spelled)) == f"{plain}/32"


@given(addresses)
def test_normalising_twice_changes_nothing(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """The normal form is its own normal form."""
    once = normalise_address(str(address))
    assert normalise_address(once) == once


@given(ranges)
def test_a_kept_rule_reads_as_itself(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    """What is told of a rule can be sent back."""
    kept = parse_ip_rule(str(network))
    assert parse_ip_rule(kept) == kept


@given(st.lists(ranges, max_size=8), st.lists(ranges, max_size=8), st.lists(addresses, max_size=10))
def test_an_intersection_is_what_is_in_both(
    first: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    second: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
    asked: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    """SEC-FLOW-13: an address is in the intersection exactly if a range of each contains it, at every edge too."""
    both = [ipaddress.ip_network(one) for one in intersection(map(str, first), map(str, second))]
    edges = [end for network in (*first, *second) for end in (network.network_address, network.broadcast_address)]
    for address in [*asked, *edges]:

        def is_in(networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network], address: object = address) -> bool:
            return any(address in network for network in networks)

        assert is_in(both) == (is_in(first) and is_in(second))
