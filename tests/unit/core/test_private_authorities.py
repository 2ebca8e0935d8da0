"""What private CAs may certify: names, and the forms of what an operator says."""

from __future__ import annotations

import pytest

from strongroom.core import certificate_limits as limits
from strongroom.core.private_authorities import is_dns_name, parse_constraints


@pytest.mark.parametrize(
    "text", ["a", "example.com", "*.example.com", "xn--bcher-kva.example", "_dmarc.example.com", "A.b"]
)
def test_dns_names(text: str) -> None:
    """Labels of letters, digits, hyphens and underscores; the first may be a wildcard."""
    assert is_dns_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.b",
        "a-.b",
        "a.*.b",
        "*",
        "*a.b",
        "a b",
        "a\n",
        "bücher.example",
        "10.0.0.1",
        "a@b",
        "a/b",
    ],
)
def test_what_is_no_dns_name(text: str) -> None:
    """An address is none, nor what another reader could take for something else."""
    assert not is_dns_name(text)


def test_a_dns_name_is_so_long() -> None:
    """As long as RFC 1035 has it, and one character more; a label has 63."""
    longest = ".".join(["a" * 63] * 3 + ["a" * (limits.DNS_NAME_CHARS - 192)])
    assert len(longest) == limits.DNS_NAME_CHARS
    assert is_dns_name(longest)
    assert not is_dns_name(f"{longest}a")
    assert not is_dns_name("a" * 64)


def test_constraints_are_kept_in_one_form() -> None:
    """Domains in lower case, networks as ranges, each once."""
    given = ("Example.COM", "example.com", "10.1.2.3/8", "2001:db8::/32", "192.0.2.1")
    assert parse_constraints(given) == (("example.com",), ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"))
