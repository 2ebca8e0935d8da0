"""
User-assigned identities: the ARM resource, and with it the principal in the directory.

An identity has no rights when it is made, and who may make one gets none by it: what it may do, others have to give it,
and to whom it is lent is the operator's to say (`control`), so nothing here assigns an identity to anything.
"""

from __future__ import annotations

from strongroom.arm import wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.documents import IDENTITY_TYPE, show_identity
from strongroom.arm.paging import page
from strongroom.arm.rights import can
from strongroom.core.records import tenant_partition
from strongroom.core.resources import UserAssignedIdentity
from strongroom.directory.applications import create_identity_principal, delete_identity_principal
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import identities
from strongroom.resources.lookup import identity_of
from strongroom.store import Transaction

READ_IDENTITY = f"{IDENTITY_TYPE}/read"


async def get_identity(call: Call) -> Response:
    """Get an identity."""
    return json.response(show_identity(_the_identity(call)))


async def put_identity(call: Call) -> Response:
    """Make an identity with its principal, or replace the tags of one that exists."""
    group, name = the_group(call), call.params["identity"]
    body = await call.body(wire.Identity)
    world, now = call.world, call.now

    async def change(tx: Transaction) -> tuple[UserAssignedIdentity, bool]:
        existing = await identities.read_identity(tx, group, name)
        if existing is not None:
            return await identities.update_identity(tx, existing, tags=body.tags or {}, location=body.location), False
        principal = await create_identity_principal(
            tx,
            group.tenant,
            display_name=name,
            resource_id=identities.identity_resource_id(group, name),
            now=now,
            entropy=world.entropy,
        )
        made = await identities.create_user_assigned_identity(
            tx,
            group=group,
            name=name,
            location=body.location,
            client_id=principal.app_id,
            principal_id=principal.id,
            tags=body.tags,
            now=now,
        )
        return made, True

    identity, made = await call.commit(change, _describe, status=_status)
    return json.response(show_identity(identity), _status((identity, made)))


async def patch_identity(call: Call) -> Response:
    """Replace an identity's tags, where the request has some."""
    identity = _the_identity(call)
    body = await call.body(wire.IdentityUpdate)

    async def change(tx: Transaction) -> UserAssignedIdentity:
        return await identities.update_identity(tx, identity, tags=body.tags, location=body.location)

    return json.response(show_identity(await call.commit(change)))


async def delete_identity(call: Call) -> Response:
    """Remove an identity with its principal: every token of it is refused from now on. Absent is 204."""
    group, name = the_group(call), call.params["identity"]
    identity = call.world.view.user_assigned_identity(group.subscription, group.name, name)
    if identity is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> None:
        await identities.remove_identity(tx, identity)
        await delete_identity_principal(tx, identity.tenant, identity.principal_id)

    await call.commit(change, lambda _: {"principalId": identity.principal_id})
    return Response(200, content_type=None)


async def list_identities(call: Call) -> Response:
    """List the identities of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    found = (
        identity
        for identity in call.world.view.all(UserAssignedIdentity, tenant_partition(parent.tenant))
        if identity.subscription == parent.id
        and (group is None or identity.resource_group.lower() == group)
        and can(call, READ_IDENTITY, identity.scope)
    )
    return page(call, found, key=lambda identity: identity.id, show=show_identity)


def _the_identity(call: Call) -> UserAssignedIdentity:
    group, name = the_group(call), call.params["identity"]
    return identity_of(call.world.view, group, name)


def _describe(result: tuple[UserAssignedIdentity, bool]) -> dict[str, object]:
    return {"principalId": result[0].principal_id}


def _status(result: tuple[UserAssignedIdentity, bool]) -> int:
    return 201 if result[1] else 200
