"""
What a vault's firewall rests on besides the vault's own settings: networks, private endpoints, perimeters.

Facts from reference azure-key-vault.md section 2. What tenants own (virtual networks, endpoints, perimeters) says what
they would like to be so; what the operator owns (`NetworkMap`, `EndpointListener`, `TrustedService`) says what is so,
and belongs to the instance: no tenant can make one (security.md "Bootstrap, keys, data"). ARM ids that point at other
records are kept in lower case, because they are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from strongroom.core.records import INSTANCE, Record, record, tenant_partition, vault_partition


def _arm_id(subscription: str, resource_group: str, kind: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Network/{kind}/{name}"


# ---- what tenants own -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subnet:
    """A part of a virtual network. `address_prefixes` are ranges in canonical form."""

    name: str
    address_prefixes: tuple[str, ...]
    service_endpoints: tuple[str, ...] = ()
    """Services that are reached from it by its own addresses, such as `Microsoft.KeyVault`."""


@record
@dataclass(frozen=True, slots=True)
class VirtualNetwork(Record):
    """A virtual network: ranges of addresses, which count for nothing until the operator maps them to real ones."""

    KIND: ClassVar[str] = "virtual_network"
    id: str
    """`{subscription}/{lower-case group}/{lower-case name}`."""
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    created: int
    address_prefixes: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id."""
        return _arm_id(self.subscription, self.resource_group, "virtualNetworks", self.name)


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a private endpoint asks to be connected to."""

    name: str
    vault: str
    """The vault's ARM id, lower case."""
    manual: bool = False
    """True if it asks for approval, false if whoever makes it approves it too."""
    message: str = ""


@record
@dataclass(frozen=True, slots=True)
class PrivateEndpoint(Record):
    """A private endpoint: a vault's own address within a virtual network."""

    KIND: ClassVar[str] = "private_endpoint"
    id: str
    """`{subscription}/{lower-case group}/{lower-case name}`."""
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    created: int
    subnet: str
    """The subnet's ARM id, lower case."""
    requests: tuple[LinkRequest, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id."""
        return _arm_id(self.subscription, self.resource_group, "privateEndpoints", self.name)


class ConnectionState(StrEnum):
    """
    How a private endpoint's connection to a vault stands. Only an approved one lets anybody through.

        Pending --> Approved | Rejected;  Approved --> Rejected | Disconnected (its endpoint is gone)
    """

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"


@record
@dataclass(frozen=True, slots=True)
class EndpointConnection(Record):
    """A vault's side of a private endpoint: its owner's word on whether the endpoint may reach it."""

    KIND: ClassVar[str] = "endpoint_connection"
    id: str
    """The connection's name, lower case."""
    tenant: str
    vault: str
    """The vault's GUID."""
    endpoint: str
    """The private endpoint's ARM id, lower case."""
    state: ConnectionState
    created: int
    description: str = ""
    actions_required: str = "None"
    spelling: str = ""
    """The name as the endpoint's maker spelled it; empty where it is the id."""

    @property
    def name(self) -> str:
        """How it is called in answers."""
        return self.spelling or self.id

    @property
    def partition(self) -> str:
        """Its vault's."""
        return vault_partition(self.vault)


class PerimeterMode(StrEnum):
    """Whether a perimeter decides about a resource, or only tells what it would have decided."""

    LEARNING = "Learning"
    """Azure calls it Transition: the resource's own settings decide."""
    ENFORCED = "Enforced"
    AUDIT = "Audit"
    """As Learning."""


@dataclass(frozen=True, slots=True)
class PerimeterRule:
    """An inbound rule: ranges of addresses, or subscriptions whose identities may come in; or an outbound one."""

    name: str
    address_prefixes: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    """GUIDs, lower case."""
    outbound: bool = False
    """Outbound rules are kept and told, and decide nothing: a vault ignores them (reference section 2)."""
    fully_qualified_domain_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PerimeterProfile:
    """A set of rules that resources are associated with."""

    name: str
    version: int = 0
    rules: tuple[PerimeterRule, ...] = ()


@record
@dataclass(frozen=True, slots=True)
class Perimeter(Record):
    """A network security perimeter."""

    KIND: ClassVar[str] = "network_security_perimeter"
    id: str
    """`{subscription}/{lower-case group}/{lower-case name}`."""
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    created: int
    guid: str
    profiles: tuple[PerimeterProfile, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id."""
        return _arm_id(self.subscription, self.resource_group, "networkSecurityPerimeters", self.name)


@record
@dataclass(frozen=True, slots=True)
class PerimeterAssociation(Record):
    """That a vault is in a perimeter. A vault is in one at most."""

    KIND: ClassVar[str] = "perimeter_association"
    id: str
    """`{perimeter's id}/{lower-case name}`."""
    tenant: str
    perimeter: str
    """The perimeter's record id."""
    name: str
    profile: str
    """The profile's name, lower case."""
    vault: str
    """The vault's GUID."""
    mode: PerimeterMode
    created: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: a vault has one association."""
        return (f"perimeter_association:{self.vault}",)


# ---- what the operator owns -----------------------------------------------------------------------------------------


@record
@dataclass(frozen=True, slots=True)
class NetworkMap(Record):
    """That real source addresses belong to a virtual network. A subnet's prefixes count inside these ranges only."""

    KIND: ClassVar[str] = "network_map"
    id: str
    tenant: str
    virtual_network: str
    """The virtual network's ARM id, lower case."""
    ranges: tuple[str, ...]
    created: int

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: one map for each virtual network."""
        return (f"network_map:{self.virtual_network}",)


@record
@dataclass(frozen=True, slots=True)
class EndpointListener(Record):
    """That a private endpoint is an address of this machine, with a listener of its own."""

    KIND: ClassVar[str] = "endpoint_listener"
    id: str
    tenant: str
    endpoint: str
    """The private endpoint's ARM id, lower case: what `Connection.endpoint` says."""
    address: str
    port: int
    created: int

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: one listener for each endpoint, one endpoint for each address."""
        return (f"endpoint_listener:{self.endpoint}", f"endpoint_address:{self.address}:{self.port}")


class DeploymentFlag(StrEnum):
    """The vault's setting that a trusted service's scenario needs besides, in ARM's words."""

    DEPLOYMENT = "enabledForDeployment"
    DISK_ENCRYPTION = "enabledForDiskEncryption"
    TEMPLATE_DEPLOYMENT = "enabledForTemplateDeployment"


@record
@dataclass(frozen=True, slots=True)
class TrustedService(Record):
    """
    That a service principal is one of Azure's trusted services, for named operations.

    Being one passes the firewall of vaults whose bypass says `AzureServices`, and nothing more: token and permission
    are needed as ever.
    """

    KIND: ClassVar[str] = "trusted_service"
    id: str
    tenant: str
    principal: str
    """The service principal's object id. An application id alone never makes a trusted service."""
    service: str
    """Which one of the list it is, by its name."""
    operations: tuple[str, ...]
    """The names of the operations it is trusted for (`Op.name`)."""
    created: int
    flag: DeploymentFlag | None = None

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: a principal is one service."""
        return (f"trusted_service:{self.tenant}:{self.principal}",)


# ---- what the firewall is compiled from -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PerimeterRules:
    """What the perimeter that a vault is in says about who comes in."""

    perimeter: str
    """Its ARM id."""
    mode: PerimeterMode
    ranges: tuple[str, ...] = ()
    subscriptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    One vault's surroundings, as the view finds them in the records.

    Attributes:
        subnets: for a subnet's lower-case ARM id, the ranges that count for it: its prefixes inside what the operator
            mapped to its virtual network. Only subnets that the vault's rules name and that have the service endpoint.
        endpoints: for the lower-case ARM id of each private endpoint with an approved connection to this vault, the
            source ranges of its virtual network that the operator mapped.
        perimeter: the rules of the perimeter that the vault is in, if it is in one.
    """

    subnets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    endpoints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    perimeter: PerimeterRules | None = None


ALONE = Surroundings()
"""A vault that nothing outside its own settings is said about."""
