"""Every resource, whatever its type: whether it is there, lists of them, and of the tags that they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from strongroom.arm.containers import listed_group, the_subscription
from strongroom.arm.documents import TYPES, Document, Resource, show_resource, timestamp
from strongroom.arm.paging import page
from strongroom.arm.resource_filters import parse_resource_filter
from strongroom.arm.rights import can
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.networks import Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.resources.scopes import locate

_BESIDE_VAULTS: tuple[type[UserAssignedIdentity | Machine | VirtualNetwork | PrivateEndpoint | Perimeter], ...] = (
    UserAssignedIdentity,
    Machine,
    VirtualNetwork,
    PrivateEndpoint,
    Perimeter,
)
_PROPERTIES = frozenset({"resourcetype", "name", "resourcegroup", "location"})
_EXPANSIONS = {"createdtime": "createdTime", "changedtime": "changedTime", "provisioningstate": "provisioningState"}
_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"


async def list_resources(call: Call) -> Response:
    """List the resources of a subscription, or of a group in it, that the caller may read."""
    parent = the_subscription(call)
    group = listed_group(call)
    wanted = parse_resource_filter(call.query.get("$filter"), _PROPERTIES)
    expanded = _expansions(call)
    resources = (
        resource
        for resource in resources_of(call, parent)
        if (group is None or resource.resource_group.lower() == group)
        and wanted.matches(
            {
                "resourcetype": TYPES[type(resource)],
                "name": resource.name,
                "resourcegroup": resource.resource_group,
                "location": resource.location,
            },
            resource.tags,
        )
        and can(call, f"{TYPES[type(resource)]}/read", resource.scope)
    )
    return page(
        call,
        resources,
        key=lambda resource: resource.scope.lower(),
        show=lambda resource: {**show_resource(resource), **_expand(resource, expanded)},
    )


async def check_resource(call: Call) -> Response:
    """Say whether a resource exists, without a body: 204 or 404."""
    try:
        locate(call.world.view, call.identity.tenant, call.target.scope)
    except NotFound:
        return Response(404, content_type=None)
    return Response(204, content_type=None)


async def list_tag_names(call: Call) -> Response:
    """List the names and values of the tags in a subscription, with how often each is used, as far as one may read."""
    parent = the_subscription(call)
    counts: dict[str, dict[str, int]] = {}
    names: dict[str, str] = {}
    for tags in _tags_in(call, parent):
        for name, value in tags.items():
            values = counts.setdefault(name.lower(), {})
            names.setdefault(name.lower(), name)
            values[value] = values.get(value, 0) + 1

    def show(key: str) -> Document:
        place = f"{parent.scope}/tagNames/{names[key]}"
        return {
            "id": place,
            "tagName": names[key],
            "count": {"type": "Total", "value": sum(counts[key].values())},
            "values": [
                {"id": f"{place}/tagValues/{value}", "tagValue": value, "count": {"type": "Total", "value": count}}
                for value, count in sorted(counts[key].items())
            ],
        }

    return page(call, counts, key=lambda key: key, show=show)


def resources_of(call: Call, parent: Subscription) -> Iterator[Resource]:
    """Give every resource of a subscription, in no order, whoever may see them."""
    view = call.world.view
    for vault in view.vaults():
        if vault.subscription == parent.id and vault.tenant == parent.tenant and vault.deleted is None:
            yield vault
    for kind in _BESIDE_VAULTS:
        for other in view.all(kind, tenant_partition(parent.tenant)):
            if other.subscription == parent.id:
                yield other


def _tags_in(call: Call, parent: Subscription) -> Iterator[Mapping[str, str]]:
    yield parent.tags
    for group in call.world.view.all(ResourceGroup, tenant_partition(parent.tenant)):
        if group.subscription == parent.id and can(call, _READ_GROUP, group.scope):
            yield group.tags
    for resource in resources_of(call, parent):
        if can(call, f"{TYPES[type(resource)]}/read", resource.scope):
            yield resource.tags


def _expansions(call: Call) -> tuple[str, ...]:
    """
    Read what else is to be told of each resource.

    Raises:
        Invalid: it is none of what can be told.
    """
    words = [word.strip().lower() for word in call.query.get("$expand", "").split(",")]
    if any(word and word not in _EXPANSIONS for word in words):
        raise Invalid(
            f"Invalid $expand in the query string. It is made of {', '.join(_EXPANSIONS.values())}.",
            code="InvalidExpandInQueryString",
        )
    return tuple(_EXPANSIONS[word] for word in words if word)


def _expand(resource: Resource, members: tuple[str, ...]) -> Document:
    changed = resource.updated if isinstance(resource, Vault) else 0
    known = {
        "createdTime": timestamp(resource.created),
        "changedTime": timestamp(changed or resource.created),
        "provisioningState": "Succeeded",
    }
    return {member: known[member] for member in members}
