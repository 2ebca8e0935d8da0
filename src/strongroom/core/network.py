"""
Network rules: which addresses a vault's firewall admits (reference azure-key-vault.md section 2).

Addresses are normalised before anything is matched: an IPv4-mapped or NAT64 address is the IPv4 address inside it, and
a zone is dropped (security.md "The flow").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple


class PublicNetworkAccess(StrEnum):
    """Whether a vault answers on its public endpoint at all."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SECURED_BY_PERIMETER = "SecuredByPerimeter"


class DefaultAction(StrEnum):
    """What happens to an address that no rule names."""

    ALLOW = "Allow"
    DENY = "Deny"


class Bypass(StrEnum):
    """Who may pass the firewall without a rule."""

    AZURE_SERVICES = "AzureServices"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class VirtualNetworkRule:
    """A subnet whose addresses are admitted; `id` is its ARM id."""

    id: str
    ignore_missing_vnet_service_endpoint: bool = False


@dataclass(frozen=True, slots=True)
class NetworkAcls:
    """A vault's `networkAcls`. `ip_rules` are single addresses or CIDR ranges in canonical form."""

    default_action: DefaultAction = DefaultAction.ALLOW
    bypass: Bypass = Bypass.AZURE_SERVICES
    ip_rules: tuple[str, ...] = ()
    virtual_network_rules: tuple[VirtualNetworkRule, ...] = ()


_LOOPBACKS = {4: "127.0.0.1", 6: "::1"}


def reachable_at(address: str) -> str:
    """Give an address by which a listener at *address* is reached from its own machine."""
    parsed = ip_address(address)
    return _LOOPBACKS[parsed.version] if parsed.is_unspecified else address


class Link(StrEnum):
    """How a connection reached us, known from its listener and never from what the client says."""

    PUBLIC = "public"
    """The main HTTPS listener."""
    CONTROL = "control"
    """The owner-only Unix socket: `run`'s relay and the operator."""
    MANAGED_IDENTITY = "managed_identity"
    """The loopback managed identity listener."""
    METADATA = "metadata"
    """The managed identity listener on an address that the operator named."""
    IDENTITY_SOCKET = "identity_socket"
    """A Unix socket of one identity: who reaches it is that one."""
    PKI = "pki"
    """The plain listener of what anybody may have of the private CAs."""
    PRIVATE_ENDPOINT = "private_endpoint"
    """A private endpoint's own listener: see `Connection.endpoint`."""


PLAIN_LINKS = frozenset({Link.MANAGED_IDENTITY, Link.METADATA, Link.IDENTITY_SOCKET, Link.PKI})
"""Listeners of plain HTTP. What comes to the control socket out of `run`'s relay left its client by TLS."""


class Connection(NamedTuple):
    """
    The facts of the connection a request came over: the first evidence of the flow.

    A tuple, because one is made for every request and a frozen dataclass takes twice as long to make.
    """

    address: str
    """The peer's normalised address."""
    link: Link
    request_id: str
    """A GUID we made: `x-ms-request-id` and the audit's `correlationId` fallback."""
    client_request_id: str | None = None
    endpoint: str = ""
    """The private endpoint whose listener it came through, by its lower-case ARM id; empty for every other listener."""
    proxy: str = ""
    """The address of the trusted proxy that said whose `address` is; empty if the client came by itself."""


class Passage(StrEnum):
    """What the firewall thinks of a connection, before anyone knows whose it is."""

    ADMITTED = "admitted"
    ONLY_IF_TRUSTED = "only_if_trusted"
    ONLY_FROM_SUBSCRIPTIONS = "only_from_subscriptions"
    """A perimeter's rules name subscriptions, whose managed identities may pass: see `Verdict.subscriptions`."""
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The firewall's judgement of a connection."""

    passage: Passage
    rule: str
    """What decided: `defaultAction`, `ipRule 10.0.0.0/8`, `virtualNetworkRule <subnet>`, `privateEndpoint <endpoint>`,
    `perimeterRule 10.0.0.0/8`, `perimeterRules` (none of them), `publicNetworkAccess`."""
    by_connection: bool = False
    """True if a refusal is for the kind of connection (`ForbiddenByConnection`), not for the address."""
    by_perimeter: bool = False
    """True if a perimeter's rules decided, or would have to: the vault's own rules and bypass were not asked."""
    subscriptions: frozenset[str] = frozenset()
    """GUIDs, lower case, of the subscriptions whose managed identities may pass."""
    subnet: str = ""
    """The subnet whose rule admitted, by its lower-case ARM id."""
    endpoint: str = ""
    """The private endpoint whose connection admitted, by its lower-case ARM id."""
    perimeter: str = ""
    """The perimeter whose rules decided, by its ARM id."""
    reported: Verdict | None = None
    """What a perimeter that only tells would have decided."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that the firewall let through, and why: evidence."""

    kind: str
    """`address`, `privateEndpoint`, `perimeter` or `trustedService`."""
    rule: str
    """What is told of it: the verdict's own rule, or which subscription or trusted service it was."""
    trusted_service: str | None = None
    """Which of Azure's trusted services the caller is, where only that let it through."""
