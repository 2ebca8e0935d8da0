"""
Names: of vaults and objects, and which part of the service a host stands for.

This instance's hosts are `{vault}.vault.<domain>`, `login.<domain>`, `management.<domain>` and `graph.<domain>`.
Azure's own names are aliases of the same surfaces, on the owner-only control link and nowhere else (security.md
"Certificates and Azure's names"). Ids are built from the host that was asked and carry a port only if it did
(architecture section 5, decision 10); whatever is made without a request uses the configured names of `Hosts`.
Rules from reference azure-key-vault.md sections 1.2, 1.4 and 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from strongroom.core.echo import NAME_GIVEN, VAULT_NAME, shown
from strongroom.core.errors import Invalid
from strongroom.core.limits import OBJECT_NAME_CHARS
from strongroom.core.network import Link

# ---- vaults and objects ---------------------------------------------------------------------------------------------

# `fullmatch` everywhere, because `$` lets a line feed pass; ASCII, because other alphabets have letters and digits too.
_OBJECT_NAME = re.compile(rf"[0-9A-Za-z-]{{1,{OBJECT_NAME_CHARS}}}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)


def is_vault_name(text: str) -> bool:
    """Tell whether *text* can be a vault's name: reference section 4.1."""
    return VAULT_NAME.fullmatch(text) is not None


def parse_vault_name(text: str) -> str:
    """
    Check a vault's name as ARM does when the vault is made; its case is kept.

    Raises:
        Invalid: `VaultNameNotValid`.
    """
    if not is_vault_name(text):
        raise Invalid(
            "The vault name is invalid. A vault's name must be between 3-24 alphanumeric characters. The name"
            " must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this"
            " link for more information: https://go.microsoft.com/fwlink/?linkid=2147742",
            code="VaultNameNotValid",
        )
    return text


def parse_object_name(text: str) -> str:
    """
    Check the name of a secret, key or certificate as it stands in a path, percent-decoded; its case is kept.

    Raises:
        Invalid: it is not 1 to 127 letters, digits and hyphens.
    """
    if _OBJECT_NAME.fullmatch(text) is None:
        raise Invalid(f"The request URI contains an invalid name: {shown(text, NAME_GIVEN)}", code="BadParameter")
    return text


def parse_version(text: str) -> str | None:
    """
    Read a path's version: 32 hexadecimal digits of either case, given back in lower case; None if it is empty.

    Empty means the latest version: official clients send an empty last segment (reference operations.md section 2).

    Raises:
        Invalid: it is neither (the refusal's text is a choice: ADR 0014).
    """
    if not text:
        return None
    if _VERSION.fullmatch(text) is None:
        raise Invalid(f"The request URI contains an invalid version: {shown(text, NAME_GIVEN)}", code="BadParameter")
    return text.lower()


# ---- hosts ----------------------------------------------------------------------------------------------------------

HTTPS_PORT = "443"

VAULT_RESOURCE = "https://vault.azure.net"
VAULT_RESOURCE_ID = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
MANAGEMENT_RESOURCE = "https://management.azure.com"
CLASSIC_MANAGEMENT_RESOURCE = "https://management.core.windows.net"
MANAGEMENT_RESOURCE_ID = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
GRAPH_RESOURCE = "https://graph.microsoft.com"
GRAPH_RESOURCE_ID = "00000003-0000-0000-c000-000000000000"
MANAGED_HSM_RESOURCE = "https://managedhsm.azure.net"
LOGIN_AUTHORITY = "https://login.microsoftonline.com"


class Surface(StrEnum):
    """A part of the service with hosts of its own. The value is the label before the domain."""

    VAULT = "vault"
    LOGIN = "login"
    MANAGEMENT = "management"
    GRAPH = "graph"


AZURE_VAULT_DOMAIN = "vault.azure.net"
AZURE_HOSTS: Mapping[str, Surface] = {
    "login.microsoftonline.com": Surface.LOGIN,
    "login.microsoft.com": Surface.LOGIN,
    "login.windows.net": Surface.LOGIN,
    "sts.windows.net": Surface.LOGIN,
    "management.azure.com": Surface.MANAGEMENT,
    "graph.microsoft.com": Surface.GRAPH,
}
"""Azure's names that this service answers to on the control link, besides `{vault}.vault.azure.net`."""
AZURE_LOGIN_HOSTS = tuple(host for host, surface in AZURE_HOSTS.items() if surface is Surface.LOGIN)
"""Those of them that are the token service's."""

AZURE_DOMAINS: tuple[str, ...] = (
    # Vaults and HSM pools.
    "vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "vaultcore.azure.net",
    "managedhsm.azure.net", "managedhsm.azure.cn", "managedhsm.usgovcloudapi.net",
    # Authorities.
    "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net", "login.live.com",
    "login.chinacloudapi.cn", "login.partner.microsoftonline.cn", "login.microsoftonline.us",
    "login.usgovcloudapi.net", "login.microsoftonline.de", "login-us.microsoftonline.com",
    # Management planes and directories.
    "management.azure.com", "management.core.windows.net", "management.chinacloudapi.cn",
    "management.usgovcloudapi.net", "graph.microsoft.com", "graph.windows.net", "graph.microsoft.us",
    "graph.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn",
)  # fmt: skip
"""
Domains of Azure's vaults, authorities, management and directory in every cloud (reference section 1.2, clients.md 1.1).

`run` refuses what lies in one of them and is not served, so that no real token reaches this service and no test data
reaches a real vault.
"""


UMBRELLA_DOMAINS: tuple[str, ...] = (
    # The public cloud.
    "azure.com", "azure.net", "windows.net", "microsoftonline.com", "windowsazure.com",
    "ciamlogin.com", "b2clogin.com",
    # Its parts under Microsoft's common domain, most of which is not Azure.
    "login.microsoft.com", "graph.microsoft.com", "management.microsoft.com",
    # China.
    "azure.cn", "chinacloudapi.cn", "windowsazure.cn", "microsoftonline.cn", "b2clogin.cn", "ciamlogin.cn",
    # United States government.
    "azure.us", "usgovcloudapi.net", "microsoftonline.us", "graph.microsoft.us", "dod-graph.microsoft.us",
    "b2clogin.us", "ciamlogin.us",
    # Germany, closed in 2021, which every client still knows.
    "microsoftazure.de", "cloudapi.de", "microsoftonline.de", "b2clogin.de",
    # The sovereign clouds of partners.
    "sovcloud-identity.fr", "sovcloud-identity.de", "sovcloud-identity.sg", "sovcloud-api.fr", "sovcloud-api.de",
)  # fmt: skip
"""
Domains under which every name is Azure's, in every cloud: wider than `AZURE_DOMAINS`, which lists what this service
stands for. A token or a secret of one side has no business on the other, and nobody else has a domain in one of them.
"""


def is_azure_host(hostname: str) -> bool:
    """Tell whether a host name, without its port, belongs to a part of Azure that this service stands for."""
    name = hostname.lower().rstrip(".")
    return any(_within(name, domain) for domain in AZURE_DOMAINS)


def azure_domain_beside(domain: str) -> str | None:
    """
    Give the Azure domain that lies in *domain*, or that *domain* lies in, if there is one.

    An instance of such a domain would have certificates for Azure's names, or an authority that vouches for them, and
    would answer to them on the network (security.md "Certificates and Azure's names").
    """
    every = (*AZURE_DOMAINS, *UMBRELLA_DOMAINS)
    return next((azure for azure in every if _within(azure, domain) or _within(domain, azure)), None)


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class Site:
    """What a host stands for, and how it was asked for."""

    surface: Surface
    vault_name: str | None
    azure: bool
    netloc: str
    """Host and port for the ids of the answer: lower case, and a port only if the client's URL had one but 443."""

    @property
    def base_url(self) -> str:
        """The URL that ids in the answer start with, without a slash at the end."""
        return f"https://{self.netloc}"

    def netloc_beside(self, surface: Surface, vault_name: str | None = None) -> str:
        """
        Give another surface's host for whoever asked here: Azure's name through Azure's, else our own with this port.

        For `VAULT` it is that of one vault, or without a name what the hosts of all vaults end with.
        """
        if self.azure:
            host = _AZURE_URIS[surface][0].removeprefix("https://")
        else:
            label = self.surface.value if self.vault_name is None else f"{self.vault_name.lower()}.{self.surface.value}"
            host = f"{surface.value}.{self.netloc.removeprefix(f'{label}.')}"
        return host if vault_name is None else f"{vault_name.lower()}.{host}"

    def beside(self, surface: Surface, vault_name: str | None = None) -> str:
        """Give another surface's URL for whoever asked here, without a slash at the end."""
        return f"https://{self.netloc_beside(surface, vault_name)}"

    def challenge(self, tenant: str) -> Challenge:
        """
        Make the challenge: the tenant's authority, and the resource that tokens for this surface are for.

        Azure's names get Azure's answer. Own names get our own with the port that was asked, because clients compare
        the resource with the host they called, some of them port included; a vault's resource is its parent domain.
        """
        return Challenge(f"{self.beside(Surface.LOGIN)}/{tenant}", self.beside(self.surface))


@dataclass(frozen=True, slots=True)
class Challenge:
    """Where to get a token and for what: what a 401 tells (reference operations.md section 3)."""

    authority: str
    resource: str

    @property
    def header(self) -> str:
        """
        The value of `WWW-Authenticate`.

        One comma, a space after it, quotes, no slash at the end: the JavaScript client splits on comma and space, the
        Java one on every comma, and the Python one drops an item with a second equals sign.
        """
        return f'Bearer authorization="{self.authority}", resource="{self.resource}"'

    def with_claims(self, claims: str) -> str:
        """Make the header that sends a client for another token, with *claims* in base64 (reference section 1.4)."""
        return f'{self.header}, error="insufficient_claims", claims="{claims}"'


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names this instance goes by. `port` is the one that clients write in their URLs."""

    domain: str
    """Lower case, without a dot at either end."""
    port: int

    def netloc(self, surface: Surface, vault_name: str | None = None) -> str:
        """Give a surface's configured host, with its port unless that is 443; for `VAULT`, that of one vault."""
        label = surface.value if vault_name is None else f"{vault_name.lower()}.{surface.value}"
        port = "" if str(self.port) == HTTPS_PORT else f":{self.port}"
        return f"{label}.{self.domain}{port}"

    def url(self, surface: Surface, vault_name: str | None = None) -> str:
        """Give a surface's configured URL, without a slash at the end. `VAULT` without a name is vaults' resource."""
        return f"https://{self.netloc(surface, vault_name)}"

    def site_of(self, host: str, link: Link) -> Site | None:
        """
        Find what a Host header stands for, or None if nothing here goes by that name.

        Own names want the configured port. On the control link 443 is as good, because `run` relays whatever its child
        asks for and clients leave the port out in places (reference clients.md section 1.1). Azure's names are known
        on the control link alone, and on 443 alone.
        """
        name, colon, asked_port = host.lower().partition(":")
        if colon and not asked_port:
            return None
        asked_port = asked_port or HTTPS_PORT
        default_port = asked_port == HTTPS_PORT
        relayed = default_port and link is Link.CONTROL
        if name.endswith(f".{self.domain}"):
            if asked_port != str(self.port) and not relayed:
                return None
            return _own_site(name[: -len(self.domain) - 1], name if default_port else f"{name}:{asked_port}")
        return _azure_site(name) if relayed else None

    def login_names(self, asked: Site) -> tuple[str, ...]:
        """List what the token service is called by whoever asked here: as it was asked, and as it is configured."""
        return (asked.netloc, self.netloc(Surface.LOGIN))

    def audiences(self, surface: Surface) -> frozenset[str]:
        """
        Give every `aud` that a surface accepts, in lower case.

        It is whatever a challenge may name as the resource, with and without a slash at the end, Azure's names for it
        and its application id (reference azure-key-vault.md section 1.4, clients.md sections 3 and 7).
        """
        return _audiences(self.domain, self.port, surface)

    def surface_of_audience(self, audience: str) -> Surface | None:
        """Find the surface that a resource or an `aud` means, compared without case and otherwise exactly, or None."""
        wanted = audience.lower()
        return next((surface for surface in _RESOURCE_IDS if wanted in self.audiences(surface)), None)


def own_names(domain: str) -> tuple[str, ...]:
    """List the names that the server's certificate is issued for."""
    return (f"*.{Surface.VAULT.value}.{domain}", *(f"{label}.{domain}" for label in _OWN_LABELS))


def tenant_domain(domain: str) -> str:
    """Name the first tenant's verified domain: the instance's, or one below it if that has a single label."""
    return domain if "." in domain else f"strongroom.{domain}"


def azure_names(vault_names: tuple[str, ...]) -> tuple[str, ...]:
    """List the Azure names served for these vaults: what the certificate of one `run` is issued for, and no more."""
    return (*AZURE_HOSTS, *(f"{name.lower()}.{AZURE_VAULT_DOMAIN}" for name in vault_names))


_AZURE_URIS: Mapping[Surface, tuple[str, ...]] = {
    Surface.VAULT: (VAULT_RESOURCE,),
    Surface.MANAGEMENT: (MANAGEMENT_RESOURCE, CLASSIC_MANAGEMENT_RESOURCE),
    Surface.GRAPH: (GRAPH_RESOURCE,),
    Surface.LOGIN: (LOGIN_AUTHORITY,),
}
# The surfaces that tokens are for: nobody asks the token service for a token to itself.
_RESOURCE_IDS: Mapping[Surface, str] = {
    Surface.VAULT: VAULT_RESOURCE_ID,
    Surface.MANAGEMENT: MANAGEMENT_RESOURCE_ID,
    Surface.GRAPH: GRAPH_RESOURCE_ID,
}


@lru_cache(maxsize=64)
def _audiences(domain: str, port: int, surface: Surface) -> frozenset[str]:
    if surface not in _RESOURCE_IDS:
        return frozenset()
    uris = (Hosts(domain, port).url(surface), f"https://{surface.value}.{domain}", *_AZURE_URIS[surface])
    return frozenset(uris) | {f"{uri}/" for uri in uris} | {_RESOURCE_IDS[surface]}


_OWN_LABELS: Mapping[str, Surface] = {
    surface.value: surface for surface in (Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH)
}


def _own_site(labels: str, netloc: str) -> Site | None:
    """Find the site whose host has *labels* before the domain."""
    surface = _OWN_LABELS.get(labels)
    if surface is not None:
        return Site(surface, None, azure=False, netloc=netloc)
    vault, _, kind = labels.partition(".")
    if kind == Surface.VAULT and is_vault_name(vault):
        return Site(Surface.VAULT, vault, azure=False, netloc=netloc)
    return None


def _azure_site(name: str) -> Site | None:
    """Find the site that an Azure name is an alias of."""
    surface = AZURE_HOSTS.get(name)
    if surface is not None:
        return Site(surface, None, azure=True, netloc=name)
    vault, _, domain = name.partition(".")
    if domain == AZURE_VAULT_DOMAIN and is_vault_name(vault):
        return Site(Surface.VAULT, vault, azure=True, netloc=name)
    return None
