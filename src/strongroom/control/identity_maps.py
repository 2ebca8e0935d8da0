"""Identity maps: which Unix users, networks and sockets may ask for a managed identity's tokens without a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from strongroom.control.identities import find_identity, require_identity_principal
from strongroom.control.link import require_control
from strongroom.control.wire import IdentityMapBody, IdentityMapEntry, IdentityMapList
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.identity import ServicePrincipal
from strongroom.core.identity_maps import IdentityMap, parse_network, parse_socket
from strongroom.core.records import INSTANCE
from strongroom.directory import identity_maps
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.http.peer_owner import UNNAMED_USER, tells_owners
from strongroom.store import Transaction


async def list_identity_maps(call: Call) -> Response:
    """List every map. By default there is none."""
    require_control(call)
    view = call.world.view
    return json.response(IdentityMapList([_show(call.world, one) for one in view.all(IdentityMap, INSTANCE)]))


async def add_identity_map(call: Call) -> Response:
    """Map a user of this machine, a network, or a socket, to an identity; its tokens end with the map."""
    require_control(call)
    body = await call.body(IdentityMapBody)
    if sum(one is not None for one in (body.user, body.network, body.socket)) != 1:
        raise Invalid("A map is of a user, of a network or of a socket, and of one of them.")
    if body.owner is not None and body.socket is None:
        raise Invalid("Only a socket has an owner.")
    if UNNAMED_USER in {body.user, body.owner}:
        raise Invalid(f"User {UNNAMED_USER} stands for whoever has no number on this machine, which is nobody certain.")
    if body.socket is None and not tells_owners():
        # Without this a local program could not be told from another machine, nor one user from another.
        raise Conflict("This platform does not say whose a connection is, so nobody can be mapped here.")
    world = call.world
    principal = require_identity_principal(world.view, find_identity(world.view, body.identity))
    network = None if body.network is None else parse_network(body.network)
    made = identity_maps.make_map(
        principal,
        user=body.user,
        network=network,
        socket=None if body.socket is None else parse_socket(body.socket),
        owner=body.owner,
        now=call.now,
        entropy=world.entropy,
    )
    _note(call, made)
    async with _listening(world, made):
        await call.commit(lambda tx: identity_maps.add_map(tx, made))
    return json.response(_show(world, made), status=201)


async def remove_identity_map(call: Call) -> Response:
    """Remove a map: every token that it made is refused from now on."""
    require_control(call)
    map_id = call.params["map"]
    found = call.world.view.get(IdentityMap, INSTANCE, map_id)
    if found is not None:
        _note(call, found)

    async def change(tx: Transaction) -> None:
        await identity_maps.remove_map(tx, map_id)

    await call.commit(change)
    if found is not None and found.socket is not None and call.world.sockets is not None:
        # It opens nothing any more. Whoever asked is told when it is gone as well.
        await call.world.sockets.close(map_id)
    return Response(204, content_type=None)


@asynccontextmanager
async def _listening(world: World, made: IdentityMap) -> AsyncIterator[None]:
    """
    Listen at a map's socket, if it is of one, before it is said to be there; no longer if it does not come to be.

    Raises:
        Conflict: the socket cannot be made.
    """
    if made.socket is None:
        yield
        return
    if world.sockets is None:
        raise Conflict("The service does not listen yet. Try again.")
    await world.sockets.open(made)
    try:
        yield
    except BaseException:
        await world.sockets.close(made.id)
        raise


def _note(call: Call, one: IdentityMap) -> None:
    call.properties.update(identityMapId=one.id, tenantId=one.tenant, objectId=one.principal, source=one.source)


def _show(world: World, one: IdentityMap) -> IdentityMapEntry:
    principal = world.view.principal(one.tenant, one.principal)
    resource = principal.resource_id if isinstance(principal, ServicePrincipal) else None
    return IdentityMapEntry(
        id=one.id,
        tenant_id=one.tenant,
        object_id=one.principal,
        resource_id=resource,
        user=one.user,
        network=one.network,
        socket=one.socket,
        owner=one.owner,
        fault=world.sockets.fault_of(one.id) if world.sockets is not None else None,
        created=one.created,
    )
