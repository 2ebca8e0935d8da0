"""
What requests about networks carry, in the members of azure-mgmt-network's models.

Members that decide nothing here (route tables, delegations, DNS servers, peerings) are ignored, as ARM ignores what it
does not know. A member that names another resource is an object with its `id`.
"""

from __future__ import annotations

from msgspec import Struct, field


class ResourceId(Struct, rename="camel"):
    """Another resource."""

    id: str = ""


class Tags(Struct, rename="camel"):
    """The body of a PATCH that replaces tags."""

    tags: dict[str, str] | None = None


# ---- virtual networks -----------------------------------------------------------------------------------------------


class ServiceEndpoint(Struct, rename="camel"):
    """A service that is reached from a subnet by its own addresses."""

    service: str


class SubnetProperties(Struct, rename="camel"):
    """A subnet's settings: one prefix, or several."""

    address_prefix: str | None = None
    address_prefixes: list[str] | None = None
    service_endpoints: list[ServiceEndpoint] | None = None


class Subnet(Struct, rename="camel"):
    """A subnet within a network's body; as a body of its own its name is in the path."""

    name: str | None = None
    properties: SubnetProperties = field(default_factory=SubnetProperties)


class AddressSpace(Struct, rename="camel"):
    """The ranges of a network."""

    address_prefixes: list[str] = field(default_factory=list)


class VirtualNetworkProperties(Struct, rename="camel"):
    """A network's settings."""

    address_space: AddressSpace = field(default_factory=AddressSpace)
    subnets: list[Subnet] | None = None


class VirtualNetwork(Struct, rename="camel"):
    """The body of PUT virtual network."""

    location: str = ""
    properties: VirtualNetworkProperties = field(default_factory=VirtualNetworkProperties)
    tags: dict[str, str] | None = None


# ---- private endpoints ----------------------------------------------------------------------------------------------


class LinkConnectionProperties(Struct, rename="camel"):
    """Which resource, and which part of it, an endpoint is to reach."""

    private_link_service_id: str = ""
    group_ids: list[str] = field(default_factory=list)
    request_message: str | None = None


class LinkConnection(Struct, rename="camel"):
    """One connection of an endpoint."""

    name: str = ""
    properties: LinkConnectionProperties = field(default_factory=LinkConnectionProperties)


class PrivateEndpointProperties(Struct, rename="camel"):
    """An endpoint's place and what it is to reach."""

    subnet: ResourceId = field(default_factory=ResourceId)
    private_link_service_connections: list[LinkConnection] | None = None
    manual_private_link_service_connections: list[LinkConnection] | None = None


class PrivateEndpoint(Struct, rename="camel"):
    """The body of PUT private endpoint."""

    properties: PrivateEndpointProperties
    location: str = ""
    tags: dict[str, str] | None = None


class ConnectionState(Struct, rename="camel"):
    """What a vault's owner says of a connection."""

    status: str | None = None
    description: str | None = None


class ConnectionProperties(Struct, rename="camel"):
    """A vault's side of a connection."""

    private_link_service_connection_state: ConnectionState


class PrivateEndpointConnection(Struct, rename="camel"):
    """The body of PUT private endpoint connection."""

    properties: ConnectionProperties


# ---- perimeters -----------------------------------------------------------------------------------------------------


class Perimeter(Struct, rename="camel"):
    """The body of PUT network security perimeter."""

    location: str = ""
    tags: dict[str, str] | None = None


class PerimeterProfile(Struct, rename="camel"):
    """The body of PUT profile, in which nothing is said that decides anything."""


class AccessRuleProperties(Struct, rename="camel"):
    """Whom an access rule is about."""

    direction: str = ""
    address_prefixes: list[str] | None = None
    subscriptions: list[ResourceId] | None = None
    fully_qualified_domain_names: list[str] | None = None


class AccessRule(Struct, rename="camel"):
    """The body of PUT access rule."""

    properties: AccessRuleProperties


class ResourceAssociationProperties(Struct, rename="camel"):
    """Which resource goes by which profile, and whether it has to."""

    private_link_resource: ResourceId = field(default_factory=ResourceId)
    profile: ResourceId = field(default_factory=ResourceId)
    access_mode: str = "Learning"


class ResourceAssociation(Struct, rename="camel"):
    """The body of PUT resource association."""

    properties: ResourceAssociationProperties
