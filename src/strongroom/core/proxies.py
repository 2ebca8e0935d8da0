"""
Trusted proxies: whose word on where a request comes from counts, and what that word may be.

One header counts, `X-Forwarded-For`, and only from a proxy that the operator named (security.md "The flow"). Every
proxy writes at its end whom it was asked by, so it is read from there: the first that is no trusted proxy is the
client, and what stands before that is what the client claims of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.firewall import AddressRules, normalise_address, unmapped

_PORT_MAX = 65_535
_PORT_DIGITS = 5
_UNREADABLE = "The header X-Forwarded-For holds something that is no address."


class TrustedProxies:
    """The addresses of proxies that the operator trusts; immutable."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Sequence[str]) -> None:
        self._ranges = AddressRules(ranges)

    def __contains__(self, address: object) -> bool:
        """Tell whether a normalised address is a trusted proxy's."""
        return isinstance(address, str) and self._ranges.find(address) is not None


def parse_trusted_proxies(text: str) -> tuple[str, ...]:
    """
    Read the operator's list of addresses and ranges, separated by commas or spaces.

    Raises:
        ValueError: one is no range, or holds every address there is, so that anybody would be believed; or there are
            too many. The message says so.
    """
    found: list[IPv4Network | IPv6Network] = []
    for word in text.replace(",", " ").split():
        try:
            # A zone means something on one link, so it says too little.
            network = unmapped(ip_network(word.replace("%", "/zone/")))
        except ValueError:
            raise ValueError(f"{word!r} is no address range") from None
        if network.prefixlen == 0:
            raise ValueError(f"{word!r} is every address there is, and whoever connects would be believed")
        found.append(network)
    if any(whole.prefixlen == 0 for whole in _collapsed(found)):
        raise ValueError("together the ranges are every address there is, and whoever connects would be believed")
    if len(found) > limits.TRUSTED_PROXIES:
        raise ValueError(f"there are {len(found)} ranges, and at most {limits.TRUSTED_PROXIES} are taken")
    return tuple(map(str, found))


def _collapsed(networks: Sequence[IPv4Network | IPv6Network]) -> list[IPv4Network | IPv6Network]:
    return [
        *collapse_addresses(one for one in networks if isinstance(one, IPv4Network)),
        *collapse_addresses(one for one in networks if isinstance(one, IPv6Network)),
    ]


def client_of(forwarded_for: str, trusted: TrustedProxies) -> str:
    """
    Find the client of a request that a trusted proxy handed on with this `X-Forwarded-For`.

    If everyone named is a trusted proxy, the first of them is the client.

    Raises:
        Invalid: the header is too long, or holds anything that is no address. What it means would be a guess, and it
            would decide a firewall.
    """
    if len(forwarded_for) > limits.FORWARDED_FOR_CHARS:
        raise Invalid(f"The header X-Forwarded-For is longer than {limits.FORWARDED_FOR_CHARS} characters.")
    entries = forwarded_for.split(",")
    if len(entries) > limits.FORWARDED_FOR_ENTRIES:
        raise Invalid(f"The header X-Forwarded-For has more than {limits.FORWARDED_FOR_ENTRIES} addresses.")
    # All of them are read before one is believed.
    addresses = [_read_address(entry) for entry in entries]
    return next((address for address in reversed(addresses) if address not in trusted), addresses[0])


def asker_of(forwarded_for: str, trusted: TrustedProxies) -> str | None:
    """
    Find whom the trusted proxies were asked by, in a header that `client_of` refuses; None if they wrote no address.

    What they add stands at the end, whatever a client wrote before it. The request is refused all the same: this says
    against whom it counts, so that nobody uses up what a proxy's own requests have.
    """
    for entry in reversed(forwarded_for.rsplit(",", limits.FORWARDED_FOR_ENTRIES)):
        try:
            address = _read_address(entry)
        except Invalid:
            return None
        if address not in trusted:
            return address
    return None


def _read_address(entry: str) -> str:
    """
    Read an address as proxies write it, with a port or without, and normalise it.

    Raises:
        Invalid: it is none, such as `unknown`, a name, or an address with a zone, which means something on one link.
    """
    text = entry.strip(" \t")
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        port = rest[1:]
        is_good = bool(bracket) and ":" in host and (not rest or (rest[0] == ":" and _is_port(port)))
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        is_good = _is_port(port)
    else:
        is_good = True
    if not is_good or "%" in host:
        raise Invalid(_UNREADABLE)
    try:
        return normalise_address(host)
    except ValueError:
        raise Invalid(_UNREADABLE) from None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS and int(text) <= _PORT_MAX
