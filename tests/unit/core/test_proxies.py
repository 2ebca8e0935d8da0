"""Trusted proxies: whose word counts, and what it may be."""

from __future__ import annotations

import pytest

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.proxies import TrustedProxies, asker_of, client_of, parse_trusted_proxies

TRUSTED = TrustedProxies(parse_trusted_proxies("10.0.0.0/8, 192.0.2.1 2001:db8:1::/48"))


# ---- whose word counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "counts"),
    [
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("2001:db8:1:ffff::1", True),
        ("2001:db8:2::1", False),
    ],
)
def test_a_proxy_is_trusted_by_its_address(address: str, *, counts: bool) -> None:
    """SEC-FLOW-10: inside a range that the operator named an address is a trusted proxy's, outside it is not."""
    assert (address in TRUSTED) is counts


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0",
        "::/0",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "10.0.0.1, 0.0.0.0/0",
        "0.0.0.0/0 10.0.0.1",
        "0.0.0.0/1, 128.0.0.0/1",
        "::/1 8000::/1",
        "::ffff:0.0.0.0/97, ::ffff:128.0.0.0/97",
        "64:ff9b::/97, 128.0.0.0/1",
    ],
)
def test_not_everybody_is_trusted(text: str) -> None:
    """Every address, in whatever spelling and number of ranges, is refused: whoever connects would be believed."""
    with pytest.raises(ValueError, match="every address there is"):
        parse_trusted_proxies(text)


@pytest.mark.parametrize("text", ["proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "10.0.0.1:80"])
def test_a_range_is_one(text: str) -> None:
    """What is no range is a fault, and so is one with bits beyond its length: more would be trusted than was meant."""
    with pytest.raises(ValueError, match="is no address range"):
        parse_trusted_proxies(text)


def test_nothing_named_is_nobody() -> None:
    """Commas and spaces alone name nobody."""
    assert parse_trusted_proxies(" , ") == ()


def test_ranges_have_a_limit() -> None:
    """So many ranges are taken, and one more is a fault."""
    ranges = [f"10.{index // 256}.{index % 256}.0/24" for index in range(limits.TRUSTED_PROXIES)]
    assert len(parse_trusted_proxies(",".join(ranges))) == limits.TRUSTED_PROXIES
    with pytest.raises(ValueError, match="at most 1000"):
        parse_trusted_proxies(",".join([*ranges, "192.0.2.0/24"]))


# ---- who the client is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.1.1.1, 192.0.2.1", "203.0.113.7"),
        ("10.9.9.9, 203.0.113.7,10.1.1.1", "203.0.113.7"),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.3.3.3", "10.3.3.3"),
        (" \t203.0.113.7\t ", "203.0.113.7"),
        ("203.0.113.7:5678", "203.0.113.7"),
        ("203.0.113.7:0", "203.0.113.7"),
        ("203.0.113.7:65535", "203.0.113.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:5678", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("64:ff9b::cb00:7107", "203.0.113.7"),
        ("203.0.113.7, ::ffff:10.1.1.1", "203.0.113.7"),
    ],
)
def test_the_client_is_the_last_who_is_no_proxy(header: str, client: str) -> None:
    """SEC-FLOW-10: read from its end, where the proxies wrote; what the client claimed of itself before is nothing."""
    assert client_of(header, TRUSTED) == client


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "client.example",
        '"203.0.113.7"',
        "for=203.0.113.7",
        "203.0.113",
        "203.0.113.07",
        "203.0.113.256",
        "203.0.113.7/32",
        "203.0.113.7%1",
        "203.0.113.7:",
        "203.0.113.7:x",
        "203.0.113.7:65536",
        "203.0.113.7:000080",
        "203.0.113.7:-1",
        "203.0.113.7: 80",
        "203.0.113.7:\N{SUPERSCRIPT TWO}",
        "203.0.113.7\x0b",
        "[203.0.113.7]",
        "[203.0.113.7]:80",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]80",
        "[2001:db8::7]:",
        "[2001:db8::7]:65536",
        "[[2001:db8::7]]",
        "[]",
        "fe80::1%eth0",
        "[fe80::1%eth0]:80",
        "2001:db8:::7",
        "203.0.113.7 203.0.113.8",
        "203.0.113.\xb2",
        "localhost:80",
        "3405803783",
        "0xcb007107",
    ],
)
@pytest.mark.parametrize("form", ["{}", "{}, 203.0.113.7", "203.0.113.7, {}", "203.0.113.7, {}, 10.1.1.1"])
def test_what_is_no_address_is_refused(entry: str, form: str) -> None:
    """Wherever it stands: what it means would be a guess. The refusal repeats nothing of it."""
    with pytest.raises(Invalid) as refused:
        client_of(form.format(entry), TRUSTED)
    assert refused.value.message == "The header X-Forwarded-For holds something that is no address."


def test_a_header_names_so_many() -> None:
    """So many addresses are read, and with one more the request is refused."""
    addresses = ["203.0.113.7"] * limits.FORWARDED_FOR_ENTRIES
    assert client_of(",".join(addresses), TRUSTED) == "203.0.113.7"
    with pytest.raises(Invalid, match="more than 32 addresses"):
        client_of(",".join([*addresses, "203.0.113.7"]), TRUSTED)


def test_a_header_has_a_length() -> None:
    """So many characters are read, and with one more the request is refused."""
    header = "203.0.113.7".rjust(limits.FORWARDED_FOR_CHARS)
    assert client_of(header, TRUSTED) == "203.0.113.7"
    with pytest.raises(Invalid, match="longer than 2048 characters"):
        client_of(f" {header}", TRUSTED)


@pytest.mark.parametrize(
    ("header", "asker"),
    [
        ("unknown, 203.0.113.7", "203.0.113.7"),
        ("unknown, 203.0.113.7, 10.1.1.1, 192.0.2.1", "203.0.113.7"),
        ("198.51.100.1, unknown, 10.1.1.1", None),
        ("unknown, 10.1.1.1", None),
        ("unknown", None),
        ("10.2.2.2, 10.1.1.1", None),
        ("198.51.100.1, " * limits.FORWARDED_FOR_ENTRIES + "203.0.113.7", "203.0.113.7"),
    ],
)
def test_what_cannot_be_read_counts_against_whom_the_proxies_name(header: str, asker: str | None) -> None:
    """SEC-FLOW-10: what the proxies wrote at the end names them, and nothing that stands before what is no address."""
    assert asker_of(header, TRUSTED) == asker
