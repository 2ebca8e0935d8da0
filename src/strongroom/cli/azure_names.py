"""
Which host a program under `run` may reach through the relay, and how (security.md "Certificates and Azure's names").

    ours, or Azure's and served    TLS ends in the relay, and the service answers
    Azure's and not served         refused: no real token comes here, no test data goes there
    any other                      passed through untouched: the program had that reach anyway
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from strongroom.core.names import AZURE_DOMAINS, HTTPS_PORT, UMBRELLA_DOMAINS, is_azure_host

_LOOPBACK_DOMAIN = "localhost"


class Way(Enum):
    """What the relay does with a connection."""

    SERVE = "serve"
    REFUSE = "refuse"
    THROUGH = "through"


def is_azure_name(name: str) -> bool:
    """Tell whether a host name, in lower case and without a dot at its end, is one of Azure's."""
    return is_azure_host(name) or within(name, UMBRELLA_DOMAINS)


def within(name: str, domains: Sequence[str]) -> bool:
    """Tell whether *name* is one of *domains* or lies in one."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def is_loopback_name(name: str) -> bool:
    """Tell whether a name means this machine by itself (RFC 6761 section 6.3), whatever the resolver knows."""
    return within(name, (_LOOPBACK_DOMAIN,))


@dataclass(frozen=True, slots=True)
class ServedNames:
    """The names that one run's relay answers for, all in lower case."""

    azure: frozenset[str]
    own: frozenset[str]
    own_port: int

    @property
    def all(self) -> tuple[str, ...]:
        """Every name: what the run's certificate is issued for."""
        return tuple(sorted(self.azure | self.own))

    def way_to(self, name: str, port: int) -> Way:
        """Decide about a host, in lower case and without a dot at its end, and a port."""
        https = port == int(HTTPS_PORT)
        if name in self.azure:
            # Nothing of ours goes by Azure's names on another port, and what is really there is not to be reached.
            return Way.SERVE if https else Way.REFUSE
        if name in self.own and (port == self.own_port or https):
            return Way.SERVE
        return Way.REFUSE if is_azure_name(name) else Way.THROUGH

    def bypasses(self, entry: str) -> bool:
        """
        Tell whether an entry of NO_PROXY could lead a client past the relay to a name that it serves or refuses.

        Clients read entries differently: as a domain, as a suffix of letters, with or without a dot or a star. The
        widest reading counts.
        """
        entry = entry.strip().lower()
        if not entry or _is_address(entry):
            return False
        suffix = entry.partition(":")[0].lstrip("*").strip(".")
        if not suffix:
            # A lone star, which is everything.
            return True
        guarded = (*self.azure, *self.own, *AZURE_DOMAINS, *UMBRELLA_DOMAINS)
        return is_azure_name(suffix) or any(name.endswith(suffix) for name in guarded)


def _is_address(entry: str) -> bool:
    """Tell whether an entry of NO_PROXY is an address or a range of them, which no name can match."""
    try:
        ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
    return True
