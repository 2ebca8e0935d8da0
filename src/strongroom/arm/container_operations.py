"""The rows of `Microsoft.Resources`: the tenant, subscriptions, resource groups, and lists of every resource."""

from __future__ import annotations

from strongroom.arm import cloud, containers, generic_lists, moves, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import ENDPOINT, GROUP, IDENTITY, MACHINE, NETWORK, PERIMETER, VAULT, at
from strongroom.core.permissions import Authenticated, Public

_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_AT_TENANT, _AT_SUBSCRIPTION, _AT_GROUP = at("/"), at(_SUBSCRIPTION), at(GROUP)

_TENANT_ROWS = (
    row("CloudMetadataGet", "GET", "/metadata/endpoints",
        "Microsoft.Resources/metadata", Public(), cloud.get_cloud_metadata, _AT_TENANT),
    row("TenantList", "GET", "/tenants",
        "Microsoft.Resources/tenants", _ANYONE, containers.list_tenants, _AT_TENANT),
    row("SubscriptionList", "GET", "/subscriptions",
        "Microsoft.Resources/subscriptions", _ANYONE, containers.list_subscriptions, _AT_TENANT),
    row("SubscriptionGet", "GET", _SUBSCRIPTION,
        "Microsoft.Resources/subscriptions", action("Microsoft.Resources/subscriptions/read"),
        containers.get_subscription, _AT_SUBSCRIPTION),
)  # fmt: skip

_GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_GROUP_ACTION = "Microsoft.Resources/subscriptions/resourceGroups"
_GROUP_ROWS = (
    row("ResourceGroupList", "GET", f"{_SUBSCRIPTION}/resourceGroups",
        _GROUP_TYPE, _ANYONE, containers.list_groups, _AT_SUBSCRIPTION),
    row("ResourceGroupGet", "GET", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/read"), containers.get_group, _AT_GROUP),
    row("ResourceGroupExists", "HEAD", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/read"), containers.check_group, _AT_GROUP, success=204),
    row("ResourceGroupPut", "PUT", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/write"), containers.put_resource_group, _AT_GROUP,
        success=201, body=wire.ResourceGroup),
    row("ResourceGroupPatch", "PATCH", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/write"), containers.patch_group, _AT_GROUP,
        body=wire.ResourceGroupPatch),
    row("ResourceGroupDelete", "DELETE", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/delete"), containers.delete_resource_group, _AT_GROUP,
        success=202),
    # They take rights over the target and over who may in what is moved besides, which the handler asks for.
    row("ResourceMove", "POST", f"{GROUP}/moveResources",
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/moveResources/action"), moves.move_resources, _AT_GROUP,
        success=202, body=wire.ResourcesMove),
    row("ResourceMoveValidate", "POST", f"{GROUP}/validateMoveResources",
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/validateMoveResources/action"), moves.validate_move, _AT_GROUP,
        success=204, body=wire.ResourcesMove),
    row("ResourceList", "GET", f"{_SUBSCRIPTION}/resources",
        "Microsoft.Resources/resources", _ANYONE, generic_lists.list_resources, _AT_SUBSCRIPTION),
    row("ResourceListByGroup", "GET", f"{GROUP}/resources",
        "Microsoft.Resources/resources", _ANYONE, generic_lists.list_resources, _AT_GROUP),
)  # fmt: skip

_RESOURCES = (
    ("Vault", VAULT, "Microsoft.KeyVault/vaults"),
    ("UserAssignedIdentity", IDENTITY, "Microsoft.ManagedIdentity/userAssignedIdentities"),
    ("Machine", MACHINE, "Microsoft.HybridCompute/machines"),
    ("VirtualNetwork", NETWORK, "Microsoft.Network/virtualNetworks"),
    ("PrivateEndpoint", ENDPOINT, "Microsoft.Network/privateEndpoints"),
    ("NetworkSecurityPerimeter", PERIMETER, "Microsoft.Network/networkSecurityPerimeters"),
)
_EXISTENCE_ROWS = tuple(
    row(f"{name}Exists", "HEAD", path,
        kind, action(f"{kind}/read"), generic_lists.check_resource, at(path), success=204)
    for name, path, kind in _RESOURCES
)  # fmt: skip

CONTAINER_ROWS = (*_TENANT_ROWS, *_GROUP_ROWS, *_EXISTENCE_ROWS)

CONTAINER_TYPES: tuple[str, ...] = (
    "Microsoft.Resources/subscriptions",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/resources",
    "Microsoft.Resources/tenants",
)
"""The resource types that these rows serve."""
