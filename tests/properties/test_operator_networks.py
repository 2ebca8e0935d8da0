"""What the operator says about networks, against the plain meaning of ranges."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid
from strongroom.core.operator_networks import find_overlap, parse_ranges

Network = IPv4Network | IPv6Network


def networks(versions: tuple[type[IPv4Network], int] | tuple[type[IPv6Network], int]) -> st.SearchStrategy[Network]:
    """Draw ranges that lie close together, so that they often have something in common."""
    kind, bits = versions
    return st.builds(
        lambda number, prefix: kind((number << (bits - 8) >> (bits - prefix) << (bits - prefix), prefix)),
        st.integers(0, 255),
        st.integers(1, bits),
    )


ranges = st.one_of(networks((IPv4Network, 32)), networks((IPv6Network, 128)))


@given(st.lists(ranges, max_size=4), st.lists(st.lists(ranges, max_size=4), max_size=4))
def test_an_overlap_is_found_where_there_is_one(ours: list[Network], theirs: list[list[Network]]) -> None:
    """SEC-FLOW-13: with every pair compared; what is found is one that has an address in common."""
    common = {
        f"n{place}"
        for place, others in enumerate(theirs)
        for one in ours
        for other in others
        if one.version == other.version and one.overlaps(other)
    }
    named = {f"n{place}": [str(one) for one in others] for place, others in enumerate(theirs)}
    found = find_overlap([str(one) for one in ours], named)
    assert found in common if common else found is None


def outermost(given_ranges: list[Network], version: int) -> list[Network]:
    """Give the ranges of a version that lie in no other one."""
    distinct = {one for one in given_ranges if one.version == version}
    return [one for one in distinct if all(one == other or not lies_in(one, other) for other in distinct)]


def lies_in(one: Network, other: Network) -> bool:
    """Tell whether a range lies in another one of its version."""
    return one.overlaps(other) and one.prefixlen >= other.prefixlen


@given(st.lists(ranges, min_size=1, max_size=6))
def test_ranges_are_kept_as_they_are(given_ranges: list[Network]) -> None:
    """What is taken means the same addresses, each range once; what is refused is everybody, or this machine's too."""
    loopback = {4: IPv4Network("127.0.0.0/8"), 6: IPv6Network("::1")}
    mixed = any(one.overlaps(loopback[one.version]) and not one.is_loopback for one in given_ranges)
    try:
        kept = parse_ranges([str(one) for one in given_ranges])
    except Invalid:
        # Ranges that are everybody together have as many addresses as there are, none counted twice.
        counts = {version: sum(one.num_addresses for one in outermost(given_ranges, version)) for version in (4, 6)}
        assert mixed or counts[4] == 2**32 or counts[6] == 2**128
    else:
        assert not mixed
        assert kept == tuple(dict.fromkeys(str(one) for one in given_ranges))
