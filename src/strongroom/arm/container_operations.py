"""The rows of `Microsoft.Resources`: the tenant, subscriptions, resource groups, and lists of every resource."""

from __future__ import annotations

from strongroom.arm import cloud, containers, generic_lists, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import GROUP, at
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
    row("ResourceList", "GET", f"{_SUBSCRIPTION}/resources",
        "Microsoft.Resources/resources", _ANYONE, generic_lists.list_resources, _AT_SUBSCRIPTION),
    row("ResourceListByGroup", "GET", f"{GROUP}/resources",
        "Microsoft.Resources/resources", _ANYONE, generic_lists.list_resources, _AT_GROUP),
)  # fmt: skip

CONTAINER_ROWS = (*_TENANT_ROWS, *_GROUP_ROWS)

CONTAINER_TYPES: tuple[str, ...] = (
    "Microsoft.Resources/subscriptions",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/resources",
    "Microsoft.Resources/tenants",
)
"""The resource types that these rows serve."""
