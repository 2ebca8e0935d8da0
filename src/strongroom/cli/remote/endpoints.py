"""Where the parts of an instance are, and what its certificates are verified by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from strongroom.cli.azure_names import is_loopback_name
from strongroom.cli.instance import Instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.core.names import HTTPS_PORT, Surface, is_vault_name
from strongroom.core.network import reachable_at

LOOPBACK = "127.0.0.1"
_MANAGEMENT_LABEL = f"{Surface.MANAGEMENT.value}."
_PARTS = {Surface.LOGIN.value, Surface.MANAGEMENT.value, Surface.GRAPH.value}
_PLACE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?")
"""A domain and perhaps a port; one in another alphabet is written as DNS has it."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The names of one instance."""

    suffix: str
    """What stands behind `login.`, `management.`, `graph.` and `NAME.vault.`: a domain, and a port unless it is 443."""
    ca_file: Path | None
    """The authority that its certificates come from; None for those that this machine trusts."""
    address: str = ""
    """What to connect to, whatever a resolver says of the names; empty where the resolver is to be asked."""
    data: Path | None = None
    """The data directory, if the instance is one of this machine."""
    port: int | None = None
    """What port to connect to at `address`; None for that of the URLs."""

    @property
    def authority(self) -> str:
        """The URL of the token service, without a slash at the end."""
        return self._url(Surface.LOGIN)

    @property
    def arm(self) -> str:
        """The URL of Resource Manager, without a slash at the end."""
        return self._url(Surface.MANAGEMENT)

    @property
    def graph(self) -> str:
        """The URL of Microsoft Graph, without a slash at the end."""
        return self._url(Surface.GRAPH)

    @property
    def domain(self) -> str:
        """The domain, without a port."""
        return self.suffix.partition(":")[0]

    def vault(self, name: str) -> str:
        """
        Give the URL of a vault, without a slash at the end.

        Raises:
            Halt: no vault can be called that; as a part of a URL it could be another host.
        """
        if not is_vault_name(name):
            raise Halt(
                f"{name!r} cannot be a vault's name: 3 to 24 letters, digits and single hyphens, a letter first",
                Exit.USAGE,
            )
        return f"https://{name.lower()}.{Surface.VAULT.value}.{self.suffix}"

    def owns(self, url: str) -> bool:
        """Tell whether a URL is of this instance: a token is sent to no other, be it below the same domain."""
        parts = urlsplit(url)
        label, dot, suffix = parts.netloc.lower().removesuffix(f":{HTTPS_PORT}").partition(f".{self.suffix}")
        name, _, surface = label.rpartition(".")
        if parts.scheme != "https" or not dot or suffix:
            return False
        return label in _PARTS or (surface == Surface.VAULT.value and is_vault_name(name))

    def _url(self, surface: Surface) -> str:
        return f"https://{surface.value}.{self.suffix}"


def local_endpoints(instance: Instance) -> Endpoints:
    """Give the endpoints of an instance that runs on this machine."""
    port = instance.url_port or instance.port
    suffix = instance.domain if str(port) == HTTPS_PORT else f"{instance.domain}:{port}"
    return Endpoints(suffix, instance.ca_file, reachable_at(instance.address), instance.data, instance.port)


def endpoints_at(url: str, ca_file: Path | None) -> Endpoints:
    """
    Give the endpoints of an instance whose management endpoint is at *url*.

    Raises:
        Halt: it is no such URL.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme != "https" or not parts.netloc.lower().startswith(_MANAGEMENT_LABEL) or "@" in parts.netloc:
        raise Halt(f"{url} is not a management endpoint: https://management.DOMAIN, with its port", Exit.USAGE)
    suffix = parts.netloc.lower().removeprefix(_MANAGEMENT_LABEL).removesuffix(f":{HTTPS_PORT}")
    if not _PLACE.fullmatch(suffix):
        raise Halt(f"{url} is not a management endpoint: its domain and port cannot be", Exit.USAGE)
    if ca_file is not None and not ca_file.is_file():
        raise Halt(f"{ca_file} is not there: name the certificate of the instance's CA with --ca-file", Exit.USAGE)
    # RFC 6761 section 6.3: plain glibc does not know that these are this machine.
    address = LOOPBACK if is_loopback_name(suffix.partition(":")[0]) else ""
    return Endpoints(suffix, ca_file and ca_file.expanduser().absolute(), address)
