"""Every resource, whatever its type: whether it is there, and lists of them."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.arm.containers import listed_group, the_subscription
from strongroom.arm.documents import TYPES, Document, Resource, show_resource, timestamp
from strongroom.arm.paging import page
from strongroom.arm.resource_filters import parse_resource_filter
from strongroom.arm.rights import can
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.networks import Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Machine, Subscription, UserAssignedIdentity
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
        # First: whoever may read nothing has nothing compared.
        and can(call, f"{TYPES[type(resource)]}/read", resource.scope)
        and wanted.matches(
            {
                "resourcetype": TYPES[type(resource)],
                "name": resource.name,
                "resourcegroup": resource.resource_group,
                "location": resource.location,
            },
            resource.tags,
        )
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
