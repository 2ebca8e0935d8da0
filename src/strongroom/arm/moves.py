"""Moving resources between resource groups, and asking whether they could be moved (`az resource move`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from strongroom.arm import wire
from strongroom.arm.containers import the_group
from strongroom.arm.documents import TYPES, Resource
from strongroom.arm.polling import RESOURCES_PLACE, accepted
from strongroom.arm.registered import is_registered, unregistered
from strongroom.arm.rights import ASSIGN_ROLES, require_linked_right, require_right
from strongroom.core import limits
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import GUID_PATTERN
from strongroom.core.rbac import DenyAssignment, scope_key
from strongroom.core.resources import ResourceGroup
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.resources.lookup import group_of, read_hierarchy
from strongroom.resources.moves import Movable, move, unsupported
from strongroom.resources.scopes import locate
from strongroom.store import Transaction

WRITE_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/write"
LIFT_DENIAL = "Microsoft.Authorization/denyAssignments/delete"
_GROUP_ID = re.compile(rf"/subscriptions/({GUID_PATTERN})/resourcegroups/([^/]+)/?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A move as a request describes it."""

    source: ResourceGroup
    target: ResourceGroup
    resources: tuple[Movable, ...]
    named: tuple[str, ...]
    """The ids of the resources as the request spells them."""


class _Possible(Exception):
    """Takes a move back that was only tried."""


async def move_resources(call: Call) -> Response:
    """Move resources to another group. It is done when the answer comes, all of it or nothing."""
    plan = await _read(call)
    await call.commit(lambda tx: _move(call, tx, plan), lambda moved: _describe(plan, moved))
    return accepted(call, RESOURCES_PLACE)


async def validate_move(call: Call) -> Response:
    """Say whether resources could be moved, by the move itself, which is taken back: 204, or why not."""
    plan = await _read(call)

    async def attempt(tx: Transaction) -> None:
        await _move(call, tx, plan)
        raise _Possible

    with suppress(_Possible):
        await call.commit(attempt)
    return Response(204, content_type=None)


async def _move(call: Call, tx: Transaction, plan: _Plan) -> tuple[Movable, ...]:
    _require_rights(call, plan.target.scope, plan.named)
    await _require_to_lift(call, tx, plan)
    return await move(
        tx,
        source=plan.source,
        target=plan.target,
        resources=plan.resources,
        now=call.now,
        by=call.identity.oid,
    )


async def _read(call: Call) -> _Plan:
    """
    Read what is to be moved where, once the caller's rights over it are known.

    Raises:
        Denied: a right over the target, or over one of the resources, is missing.
        NotFound: the target, or one of the resources, is not there.
        Conflict: the target is the group itself.
        Invalid: an id is none, or of something that cannot be moved; or there are none, or too many.
    """
    body = await call.body(wire.ResourcesMove)
    source, named = the_group(call), tuple(dict.fromkeys(one.rstrip("/") for one in body.resources))
    if not 1 <= len(named) <= limits.MOVED_RESOURCES:
        raise Invalid(
            f"A move is of 1 to {limits.MOVED_RESOURCES} resources; this one is of {len(named)}.",
            code="InvalidMoveRequest",
        )
    place = _GROUP_ID.fullmatch(body.target_resource_group)
    if place is None:
        raise Invalid("The target resource group is not the resource ID of a group.", code="InvalidMoveRequest")
    for one in named:
        if not one.lower().startswith(f"{source.scope.lower()}/providers/") or "//" in one:
            raise Invalid(
                f"The resource '{shown(one, RESOURCE_ID)}' is not one of the resource group '{source.name}'.",
                code="InvalidMoveRequest",
            )
    _require_rights(call, body.target_resource_group, named)
    target = group_of(call.world.view, call.identity.tenant, place[1], place[2])
    if target.id == source.id:
        raise Conflict(
            f"The source and the target of a move are the same resource group '{source.name}'.",
            code="MoveCannotProceedWithSameResourceGroup",
        )
    _require_registered(call, target, named)
    found = {one.scope: one for one in (_resource(call, name) for name in named)}
    return _Plan(source, target, tuple(found.values()), named)


def _require_registered(call: Call, target: ResourceGroup, resources: Sequence[str]) -> None:
    """
    Refuse to move something to a subscription that does without its provider.

    Raises:
        Conflict: `MissingSubscriptionRegistration`.
    """
    for namespace in {one.split("/")[6] for one in resources}:
        if not is_registered(call, target.subscription, namespace):
            raise unregistered(namespace)


def _require_rights(call: Call, target: str, resources: Sequence[str]) -> None:
    """
    Require the rights that a move takes besides the row's.

    What is moved comes under other people's rights, so it takes the unrestricted right to assign roles over it, as
    moving a subscription to another management group does.
    """
    require_linked_right(call, WRITE_GROUP, target)
    for one in resources:
        require_right(call, ASSIGN_ROLES, one, unconditional=True)


async def _require_to_lift(call: Call, tx: Transaction, plan: _Plan) -> None:
    """
    Require the right to take back each denial that what is moved comes out from under.

    Otherwise who may move a vault would lift a denial by it that he could not lift himself.
    """
    tree = await read_hierarchy(tx, plan.source.tenant)
    left = frozenset(tree.above(plan.source.scope)).difference(tree.above(plan.target.scope))
    for denial in await tx.records(DenyAssignment, plan.source.partition):
        if not denial.only_here and scope_key(denial.scope) in left:
            require_right(call, LIFT_DENIAL, denial.scope)


def _resource(call: Call, name: str) -> Movable:
    scope = locate(call.world.view, call.identity.tenant, name)
    found = scope.resource
    if not isinstance(found, Movable):
        raise unsupported(TYPES[type(found)] if isinstance(found, Resource) else "of this kind")
    if found.scope != scope.path:
        raise Invalid(
            f"The resource '{shown(name, RESOURCE_ID)}' is a part of another and goes where that goes.",
            code="InvalidMoveRequest",
        )
    return found


def _describe(plan: _Plan, moved: Sequence[Movable]) -> dict[str, object]:
    """Say in the audit what went where."""
    return {"scope": plan.target.scope, "resourceIds": [one.scope for one in moved]}
