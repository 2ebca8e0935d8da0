"""
Where this service may send requests of its own: https, to addresses that are nobody's inside.

What it fetches is named by others, so an address decides before a packet is sent (security.md "outgoing requests").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from strongroom.core.firewall import normalise_address

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARS = 2048
_HTTPS = 443
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's own host, which answers every virtual machine there
            "64:ff9b:1::/48",  # an IPv4 address inside that only the network itself could name
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one request goes."""

    host: str
    port: int
    target: str
    """Path and query, as they go into the request."""

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS else f"{host}:{self.port}"


def parse_destination(url: str) -> Destination:
    """
    Read a URL that something is to be fetched from.

    Raises:
        ValueError: it is no https URL, too long, or has a user or a fragment.
    """
    if len(url) > URL_CHARS or not _PRINTABLE.fullmatch(url) or "#" in url:
        raise ValueError("not a URL that is fetched from")
    parts = urlsplit(url)
    port = parts.port
    if parts.scheme.lower() != "https" or not parts.hostname or "@" in parts.netloc or port == 0:
        raise ValueError("not an https URL without a user")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.hostname, port or _HTTPS, target)


def parse_networks(text: str) -> tuple[IPNetwork, ...]:
    """
    Read the operator's list of inside ranges, separated by commas or spaces.

    Raises:
        ValueError: one of them is no range; the message names it.
    """
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError:
            raise ValueError(f"{word!r} is no address range") from None
    return tuple(found)


def may_reach(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    """
    Tell whether an address may be connected to: a public one, or an inside one of the operator's *networks*.

    Loopback, link-local and what is nobody's address are never reached, whatever the list says.
    """
    inner = ipaddress.ip_address(normalise_address(str(address)))
    if (
        inner.is_loopback
        or inner.is_link_local
        or inner.is_multicast
        or inner.is_unspecified
        or inner.is_reserved
        or any(inner in network for network in _NEVER if network.version == inner.version)
    ):
        return False
    return inner.is_global or any(inner in network for network in networks if network.version == inner.version)
