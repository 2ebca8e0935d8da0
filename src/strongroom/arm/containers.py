"""Tenants, subscriptions and resource groups."""

from __future__ import annotations

from strongroom.arm import wire
from strongroom.arm.documents import (
    show_group,
    show_subscription,
    show_tenant,
)
from strongroom.arm.paging import page
from strongroom.arm.polling import RESOURCES_PLACE, accepted
from strongroom.arm.resource_filters import parse_resource_filter
from strongroom.arm.rights import can, sees
from strongroom.core.identity import Tenant
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup, Subscription
from strongroom.directory.applications import delete_identity_principal
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.containers import GroupRemoval, delete_group, put_group, tag_group
from strongroom.resources.lookup import group_not_found, group_of, subscription_of
from strongroom.store import Transaction

READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_GROUP_PROPERTIES = frozenset({"name", "location"})


async def list_tenants(call: Call) -> Response:
    """List the one tenant that the caller's token is of."""
    tenant = call.world.view.tenant(call.identity.tenant)
    return page(call, [tenant] if tenant is not None else [], key=_id_of, show=show_tenant)


async def list_subscriptions(call: Call) -> Response:
    """List the subscriptions in which the caller has any role."""
    mine = call.world.view.all(Subscription, tenant_partition(call.identity.tenant))
    return page(call, [one for one in mine if sees(call, one)], key=_id_of, show=show_subscription)


async def get_subscription(call: Call) -> Response:
    """Get a subscription."""
    return json.response(show_subscription(the_subscription(call)))


async def list_groups(call: Call) -> Response:
    """List the resource groups that the caller may read."""
    parent = the_subscription(call)
    wanted = parse_resource_filter(call.query.get("$filter"), _GROUP_PROPERTIES)
    groups = (
        group
        for group in call.world.view.all(ResourceGroup, tenant_partition(parent.tenant))
        if group.subscription == parent.id
        and can(call, READ_GROUP, group.scope)
        and wanted.matches({"name": group.name, "location": group.location}, group.tags)
    )
    return page(call, groups, key=_id_of, show=show_group)


async def get_group(call: Call) -> Response:
    """Get a resource group."""
    return json.response(show_group(the_group(call)))


async def check_group(call: Call) -> Response:
    """Say whether a resource group exists, without a body: 204 or 404."""
    parent = the_subscription(call)
    exists = call.world.view.resource_group(parent.id, call.params["group"]) is not None
    return Response(204 if exists else 404, content_type=None)


async def put_resource_group(call: Call) -> Response:
    """Make a resource group, or replace its tags."""
    parent, body = the_subscription(call), await call.body(wire.ResourceGroup)

    async def change(tx: Transaction) -> tuple[ResourceGroup, bool]:
        return await put_group(
            tx,
            subscription=parent,
            name=call.params["group"],
            location=body.location,
            tags=body.tags or {},
            now=call.now,
        )

    group, made = await call.commit(change, status=lambda result: _status(made=result[1]))
    return json.response(show_group(group), _status(made=made))


async def patch_group(call: Call) -> Response:
    """Replace a resource group's tags, where the request has some."""
    body, group = await call.body(wire.ResourceGroupPatch), the_group(call)

    async def change(tx: Transaction) -> ResourceGroup:
        return await tag_group(tx, group, body.tags)

    return json.response(show_group(await call.commit(change)))


def _status(*, made: bool) -> int:
    return 201 if made else 200


async def delete_resource_group(call: Call) -> Response:
    """Remove a resource group with everything in it: vaults become recoverable, the rest is gone, identities too."""
    group = the_group(call)

    async def change(tx: Transaction) -> GroupRemoval:
        removal = await delete_group(tx, group, now=call.now)
        for principal in removal.principals:
            await delete_identity_principal(tx, group.tenant, principal)
        return removal

    await call.commit(change, lambda removal: {"vaultIds": [vault.id for vault in removal.vaults]})
    return accepted(call, RESOURCES_PLACE)


def the_subscription(call: Call) -> Subscription:
    """
    Find the subscription that the path names.

    Raises:
        NotFound: `SubscriptionNotFound`; also for one of another tenant.
    """
    return subscription_of(call.world.view, call.identity.tenant, call.params["subscription"])


def the_group(call: Call) -> ResourceGroup:
    """
    Find the resource group that the path names.

    Raises:
        NotFound: `SubscriptionNotFound`, `ResourceGroupNotFound`.
    """
    return group_of(call.world.view, call.identity.tenant, call.params["subscription"], call.params["group"])


def listed_group(call: Call) -> str | None:
    """
    Name the group that a list is limited to, in lower case, or None if the path names none.

    Raises:
        NotFound: the group does not exist, and the caller may know that. For others the list is just empty.
    """
    name = call.params.get("group")
    if name is None:
        return None
    parent = the_subscription(call)
    if call.world.view.resource_group(parent.id, name) is None and can(
        call, READ_GROUP, f"{parent.scope}/resourceGroups/{name}"
    ):
        raise group_not_found(name)
    return name.lower()


def _id_of(record: Tenant | Subscription | ResourceGroup) -> str:
    return record.id
