"""Identity maps: which Unix users and networks may ask for a managed identity's tokens without a secret."""

from __future__ import annotations

from strongroom.control.identities import find_identity, require_identity_principal
from strongroom.control.link import require_control
from strongroom.control.wire import IdentityMapBody, IdentityMapEntry, IdentityMapList
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.identity import ServicePrincipal
from strongroom.core.identity_maps import IdentityMap, parse_network
from strongroom.core.records import INSTANCE
from strongroom.directory import identity_maps
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.http.peer_owner import UNNAMED_USER, tells_owners
from strongroom.store import Transaction
from strongroom.view import View


async def list_identity_maps(call: Call) -> Response:
    """List every map. By default there is none."""
    require_control(call)
    view = call.world.view
    return json.response(IdentityMapList([_show(view, one) for one in view.all(IdentityMap, INSTANCE)]))


async def add_identity_map(call: Call) -> Response:
    """Map a user of this machine, or a network, to an identity; its tokens end with the map."""
    require_control(call)
    body = await call.body(IdentityMapBody)
    if (body.user is None) == (body.network is None):
        raise Invalid("A map is of a user or of a network, and of one of them.")
    if body.user == UNNAMED_USER:
        raise Invalid(f"User {UNNAMED_USER} stands for whoever has no number on this machine, which is nobody certain.")
    if not tells_owners():
        # Without this a local program could not be told from another machine, nor one user from another.
        raise Conflict("This platform does not say whose a connection is, so nobody can be mapped here.")
    world = call.world
    principal = require_identity_principal(world.view, find_identity(world.view, body.identity))
    network = None if body.network is None else parse_network(body.network)
    made = identity_maps.make_map(principal, user=body.user, network=network, now=call.now, entropy=world.entropy)
    _note(call, made)
    await call.commit(lambda tx: identity_maps.add_map(tx, made))
    return json.response(_show(world.view, made), status=201)


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
    return Response(204, content_type=None)


def _note(call: Call, one: IdentityMap) -> None:
    call.properties.update(identityMapId=one.id, tenantId=one.tenant, objectId=one.principal, source=one.source)


def _show(view: View, one: IdentityMap) -> IdentityMapEntry:
    principal = view.principal(one.tenant, one.principal)
    resource = principal.resource_id if isinstance(principal, ServicePrincipal) else None
    return IdentityMapEntry(
        id=one.id,
        tenant_id=one.tenant,
        object_id=one.principal,
        resource_id=resource,
        user=one.user,
        network=one.network,
        created=one.created,
    )
