"""
What requests carry (inventory of azure-mgmt-keyvault 14.1.0). Rights have `rights_wire`.

Almost every member is optional here, because what is required depends on the operation; the handlers say which. Members
we do not know are ignored, as ARM ignores them. Words of closed lists are text here and read by `resources`, which says
where a wrong one stands.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from strongroom.core import limits


class Sku(Struct, rename="camel"):
    """A vault's SKU."""

    family: str = "A"
    name: str = ""


class Permissions(Struct, rename="camel"):
    """The permission words of an access policy."""

    keys: list[str] | None = None
    secrets: list[str] | None = None
    certificates: list[str] | None = None
    storage: list[str] | None = None


class AccessPolicyEntry(Struct, rename="camel"):
    """One access policy."""

    tenant_id: str
    object_id: str
    permissions: Permissions
    application_id: str | None = None


class IPRule(Struct, rename="camel"):
    """An address or range that the firewall admits."""

    value: str


class VirtualNetworkRule(Struct, rename="camel"):
    """A subnet that the firewall admits."""

    id: str
    ignore_missing_vnet_service_endpoint: bool | None = None


class NetworkRuleSet(Struct, rename="camel"):
    """A vault's firewall."""

    bypass: str | None = None
    default_action: str | None = None
    ip_rules: list[IPRule] | None = None
    virtual_network_rules: list[VirtualNetworkRule] | None = None


class VaultProperties(Struct, rename="camel"):
    """A vault's settings. Read-only members, such as `vaultUri`, are ignored."""

    tenant_id: str | None = None
    sku: Sku | None = None
    access_policies: list[AccessPolicyEntry] | None = None
    enabled_for_deployment: bool | None = None
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None
    enable_soft_delete: bool | None = None
    soft_delete_retention_in_days: int | None = None
    enable_rbac_authorization: bool | None = None
    create_mode: str | None = None
    enable_purge_protection: bool | None = None
    network_acls: NetworkRuleSet | None = None
    public_network_access: str | None = None


class VaultCreateOrUpdateParameters(Struct, rename="camel"):
    """The body of PUT vault."""

    properties: VaultProperties
    location: str | None = None
    tags: dict[str, str] | None = None


class VaultPatchParameters(Struct, rename="camel"):
    """The body of PATCH vault."""

    properties: VaultProperties | None = None
    tags: dict[str, str] | None = None


class VaultAccessPolicyProperties(Struct, rename="camel"):
    """The access policies to add, replace or remove."""

    access_policies: list[AccessPolicyEntry]


class VaultAccessPolicyParameters(Struct, rename="camel"):
    """The body of PUT accessPolicies."""

    properties: VaultAccessPolicyProperties


class VaultCheckNameAvailabilityParameters(Struct, rename="camel"):
    """The body of POST checkNameAvailability."""

    name: str
    type: str


class ResourceGroup(Struct, rename="camel"):
    """The body of PUT resource group."""

    location: str = ""
    tags: dict[str, str] | None = None


class ResourceGroupPatch(Struct, rename="camel"):
    """The body of PATCH resource group."""

    tags: dict[str, str] | None = None


class ResourcesMove(Struct, rename="camel"):
    """The body of POST moveResources."""

    resources: list[str]
    target_resource_group: str


class TagsProperties(Struct, rename="camel"):
    """Tags."""

    tags: dict[str, str] | None = None


class TagsResource(Struct, rename="camel"):
    """The body of PUT tags."""

    properties: TagsProperties


class TagsPatch(Struct, rename="camel"):
    """The body of PATCH tags."""

    operation: str
    properties: TagsProperties | None = None


class Identity(Struct, rename="camel"):
    """The body of PUT user-assigned identity. Its ids are ours to give, so `properties` is ignored."""

    location: str = ""
    tags: dict[str, str] | None = None


class IdentityUpdate(Struct, rename="camel"):
    """The body of PATCH user-assigned identity."""

    location: str | None = None
    tags: dict[str, str] | None = None


class ResourceIdentity(Struct, rename="camel"):
    """What identity a resource is to have. Its ids are ours to give."""

    type: str


class MachineProperties(Struct, rename="camel"):
    """Of what Arc's agent says of a machine, what is kept."""

    vm_id: str | None = None


class Machine(Struct, rename="camel"):
    """The body of PUT machine."""

    location: str = ""
    tags: dict[str, str] | None = None
    identity: ResourceIdentity | None = None
    properties: MachineProperties | None = None


class MachineUpdate(Struct, rename="camel"):
    """The body of PATCH machine."""

    tags: dict[str, str] | None = None
    identity: ResourceIdentity | None = None


class FederatedIdentityCredentialProperties(Struct, rename="camel"):
    """Which subject of which issuer is the identity."""

    issuer: str | None = None
    subject: str | None = None
    audiences: list[str] | None = None
    claims_matching_expression: Any = None


class FederatedIdentityCredential(Struct, rename="camel"):
    """The body of PUT federated identity credential."""

    properties: FederatedIdentityCredentialProperties


_Name = Annotated[str, Meta(max_length=limits.PATH_BYTES)]
_Word = Annotated[str, Meta(max_length=limits.OBJECT_NAME_CHARS)]


class ExplainOwnParameters(Struct, rename="camel"):
    """Which operation of the data plane, on which object of the vault."""

    operation: _Word
    """The audit's name of it, such as `SecretGet`, or its words: `get-secret`."""
    object_name: _Word = ""
    api_version: _Word = ""


class ExplainParameters(ExplainOwnParameters, rename="camel", kw_only=True):
    """Who would do it, and from where."""

    principal: _Name
    """An object id, a user principal name, a client id, or a managed identity's ARM id."""
    address: _Word = ""
    private_endpoint_id: _Name = ""
    client_id: _Word = ""
    """The application that a user would call through."""
