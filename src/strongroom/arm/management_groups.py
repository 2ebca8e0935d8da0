"""
Management groups (Microsoft.Management, stable version 2023-04-01).

What hangs under a group inherits the rights given at it, so whoever moves something needs rights over what is moved and
over both places: the handlers ask for those when the change is about to be made, since a row knows only the path.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.arm import rights_wire as wire
from strongroom.arm.paging import page
from strongroom.arm.polling import MANAGEMENT_PLACE, accepted
from strongroom.arm.rights import ASSIGN_ROLES, can, may_below, require_right
from strongroom.arm.rights_documents import GroupTree
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.hierarchy import group_scope
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ManagementGroup, Subscription
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.lookup import management_group_of, subscription_of
from strongroom.resources.management_groups import (
    GroupChange,
    parse_parent,
    place_subscription,
    put_management_group,
    remove_management_group,
)
from strongroom.store import Transaction

GROUP_TYPE = "Microsoft.Management/managementGroups"
READ, WRITE, DELETE = (f"{GROUP_TYPE}/{word}" for word in ("read", "write", "delete"))
_EXPANSIONS = ("children", "path", "ancestors")


async def list_groups(call: Call) -> Response:
    """List the management groups that the caller may read."""
    tree = _tree(call)
    mine = [group for group in tree.groups if can(call, READ, group.scope)]
    return page(call, mine, key=lambda group: group.id, show=tree.show_briefly)


async def get_group(call: Call) -> Response:
    """Get a management group; with `$expand=children` what is in it, and with `$recurse=true` all that is below."""
    group = _the_group(call)
    expand = call.query.get("$expand", "")
    if expand and expand.lower() not in _EXPANSIONS:
        raise Invalid(f"The value of $expand must be one of {', '.join(_EXPANSIONS)}.", code="InvalidQueryParameter")
    recurse = _flag(call.query, "$recurse")
    children = expand.lower() == "children"
    if recurse and not children:
        raise Invalid("$recurse needs $expand=children.", code="InvalidQueryParameter")
    tree = _tree(call)
    shown = tree.show(tree[group], children=children, recurse=recurse, path=expand.lower() in {"path", "ancestors"})
    return json.response(shown)


async def put_group(call: Call) -> Response:
    """Make a management group, or change its display name or its parent."""
    body = await call.body(wire.ManagementGroup)
    properties = body.properties or wire.ManagementGroupProperties()
    parent = None if properties.details is None else properties.details.parent
    if properties.tenant_id is not None and properties.tenant_id.lower() != call.identity.tenant:
        raise Invalid("A management group is in the directory of its maker.", code="InvalidTenantId")
    change = GroupChange(
        display_name=properties.display_name,
        parent=None if parent is None or parent.id is None else parse_parent(parent.id),
    )
    return await _put(call, change)


async def patch_group(call: Call) -> Response:
    """Change the display name or the parent of a management group."""
    body = await call.body(wire.ManagementGroupPatch)
    _the_group(call)
    parent = None if body.parent_group_id is None else parse_parent(body.parent_group_id)
    return await _put(call, GroupChange(body.display_name, parent))


async def delete_group(call: Call) -> Response:
    """Remove an empty management group: 202, or 204 if there was none."""
    tenant, name = call.identity.tenant, call.params["group"]

    async def change(tx: Transaction) -> ManagementGroup | None:
        return await remove_management_group(tx, tenant=tenant, name=name)

    gone = await call.commit(
        change, lambda group: {} if group is None else _describe(group), lambda group: 204 if group is None else 202
    )
    if gone is None:
        return Response(204, content_type=None)
    return accepted(call, MANAGEMENT_PLACE)


async def list_descendants(call: Call) -> Response:
    """List everything below a management group: groups and subscriptions."""
    tree, group = _tree(call), _the_group(call)
    return page(call, tree.descendants(group), key=lambda one: one.scope.lower(), show=tree.show_descendant)


async def list_subscriptions(call: Call) -> Response:
    """List the subscriptions right below a management group."""
    tree, group = _tree(call), _the_group(call)
    return page(call, tree.subscriptions_in(group), key=lambda one: one.id, show=tree.show_subscription)


async def get_subscription(call: Call) -> Response:
    """Get a subscription that is in a management group."""
    tree, group = _tree(call), _the_group(call)
    found = (one for one in tree.subscriptions_in(group) if one.id == parse_guid(call.params["subscription"]))
    subscription = next(found, None)
    if subscription is None:
        raise _not_in(group, call.params["subscription"])
    return json.response(tree.show_subscription(subscription))


async def put_subscription(call: Call) -> Response:
    """Put a subscription into a management group."""
    tenant, group = call.identity.tenant, _the_group(call)
    subscription = _the_subscription(call)

    async def change(tx: Transaction) -> Subscription:
        current = await tx.record(Subscription, tenant_partition(tenant), subscription.id)
        if current is not None:
            _require_move(call, current.scope, current.management_group or tenant, group)
        return await place_subscription(tx, tenant=tenant, subscription=subscription.id, group=group)

    placed = await call.commit(change, _describe_place)
    return json.response(_tree(call).show_subscription(placed))


async def remove_subscription(call: Call) -> Response:
    """Take a subscription out of a management group, back into the root group: 200, or 204 if it was not in it."""
    tenant, group = call.identity.tenant, _the_group(call)
    subscription = _the_subscription(call)

    async def change(tx: Transaction) -> Subscription | None:
        current = await tx.record(Subscription, tenant_partition(tenant), subscription.id)
        if current is None or (current.management_group or tenant) != group:
            return None
        _require_move(call, current.scope, group, tenant)
        return await place_subscription(tx, tenant=tenant, subscription=subscription.id, group=tenant)

    moved = await call.commit(
        change, lambda one: {} if one is None else _describe_place(one), lambda one: 204 if one is None else 200
    )
    return Response(204 if moved is None else 200, content_type=None)


async def _put(call: Call, change: GroupChange) -> Response:
    tenant, name = call.identity.tenant, call.params["group"]

    async def commit(tx: Transaction) -> ManagementGroup:
        existing = await tx.record(ManagementGroup, tenant_partition(tenant), name.lower())
        if existing is None:
            # A group that is not there yet has no rights of its own: they are its parent's to be.
            require_right(call, WRITE, group_scope(change.parent or tenant))
        elif change.parent is not None:
            _require_move(call, existing.scope, existing.parent or tenant, change.parent)
        made, _ = await put_management_group(
            tx, tenant=tenant, name=name, change=change, now=call.now, by=call.identity.oid
        )
        return made

    made = await call.commit(commit, _describe)
    return json.response(_tree(call).show(made))


def _require_move(call: Call, what: str, old: str, new: str) -> None:
    """
    Require the rights that moving takes: over the roles of what is moved, and to both groups, which are given by name.

    To and from the root group none is needed, as in Azure: it stays above, whatever is moved where.

    Raises:
        Denied: one is missing. Over the roles, a right under a condition is not enough: what is moved comes under
            other people's rights.
    """
    if old == new:
        return
    require_right(call, ASSIGN_ROLES, what, unconditional=True)
    for group in (old, new):
        if group != call.identity.tenant:
            require_right(call, WRITE, group_scope(group))


def _tree(call: Call) -> GroupTree:
    view, tenant = call.world.view, call.identity.tenant
    partition = tenant_partition(tenant)
    found = view.tenant(tenant)
    return GroupTree(
        tenant,
        view.all(ManagementGroup, partition),
        view.all(Subscription, partition),
        0 if found is None else found.created,
        lambda scope: may_below(call, scope),
    )


def _the_group(call: Call) -> str:
    """Name the group in the path, which exists, in lower case."""
    tenant = call.identity.tenant
    found = management_group_of(call.world.view, tenant, call.params["group"])
    return tenant if found is None else found.id


def _the_subscription(call: Call) -> Subscription:
    """
    Find the subscription in the path.

    Raises:
        Denied: there is none, and who asks could not move it: the answer is the same as if there were.
        NotFound: `SubscriptionNotFound`.
    """
    name = call.params["subscription"]
    try:
        return subscription_of(call.world.view, call.identity.tenant, name)
    except NotFound:
        require_right(call, ASSIGN_ROLES, f"/subscriptions/{name}", unconditional=True)
        raise


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise Invalid(f"The value of {name} must be true or false.", code="InvalidQueryParameter")
    return text == "true"


def _not_in(group: str, subscription: str) -> NotFound:
    return NotFound(f"'{group_scope(group)}/subscriptions/{shown(subscription, GUID)}' not found", code="NotFound")


def _describe(group: ManagementGroup) -> dict[str, object]:
    """Say in the audit which group is where."""
    return {"managementGroupId": group.id, "parentGroupId": group.parent or group.tenant}


def _describe_place(subscription: Subscription) -> dict[str, object]:
    """Say in the audit which subscription is in which group."""
    return {
        "subscriptionId": subscription.id,
        "parentGroupId": subscription.management_group or subscription.tenant,
    }
