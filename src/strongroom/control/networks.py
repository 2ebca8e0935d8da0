"""The operator's word on networks: real ranges of virtual networks, and addresses of private endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from strongroom.control import networks_wire as wire
from strongroom.control.link import require_control
from strongroom.core.errors import Conflict
from strongroom.core.networks import EndpointListener, NetworkMap
from strongroom.core.operator_networks import parse_listening_address, parse_ranges, require_port
from strongroom.core.records import INSTANCE
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import endpoint_listeners, network_maps
from strongroom.resources.named_networks import find_private_endpoint, find_virtual_network
from strongroom.store import Transaction

# ---- network maps ---------------------------------------------------------------------------------------------------


async def list_network_maps(call: Call) -> Response:
    """List every map. By default there is none, and no address is in any virtual network."""
    require_control(call)
    found = call.world.view.all(NetworkMap, INSTANCE)
    return json.response(wire.NetworkMapList([_show_map(one) for one in found]))


async def set_network_map(call: Call) -> Response:
    """Map a virtual network to the ranges that its addresses really come from, in the place of what was said before."""
    require_control(call)
    body = await call.body(wire.NetworkMapBody)
    world = call.world
    network = find_virtual_network(world.view, body.virtual_network)
    ranges = parse_ranges(body.ranges)
    call.properties.update(virtualNetworkId=network.scope.lower(), tenantId=network.tenant, addressRanges=list(ranges))
    made = await call.commit(lambda tx: network_maps.set_map(tx, network, ranges, now=call.now, entropy=world.entropy))
    return json.response(_show_map(made))


async def remove_network_map(call: Call) -> Response:
    """Remove a virtual network's map: none of its subnets has an address any more."""
    require_control(call)
    body = await call.body(wire.VirtualNetworkBody)
    await call.commit(
        lambda tx: network_maps.remove_map(tx, body.virtual_network),
        lambda gone: {"virtualNetworkId": gone.virtual_network, "tenantId": gone.tenant},
    )
    return Response(204, content_type=None)


def _show_map(one: NetworkMap) -> wire.NetworkMapEntry:
    return wire.NetworkMapEntry(one.virtual_network, one.tenant, list(one.ranges), one.created)


# ---- endpoint listeners ---------------------------------------------------------------------------------------------


async def list_endpoint_listeners(call: Call) -> Response:
    """List the address of every private endpoint that has one here. By default there is none."""
    require_control(call)
    return json.response(wire.EndpointListenerList(show_listeners(call.world)))


async def add_endpoint_listener(call: Call) -> Response:
    """Make an address of this machine a private endpoint, and listen there at once."""
    require_control(call)
    body = await call.body(wire.EndpointListenerBody)
    world = call.world
    endpoint = find_private_endpoint(world.view, body.private_endpoint)
    address = parse_listening_address(body.address)
    port = require_port(world.hosts.port if body.port is None else body.port)
    made = endpoint_listeners.make_listener(endpoint, address, port, now=call.now, entropy=world.entropy)
    _note(call, made)
    endpoint_listeners.require_free(world.view, made)
    async with _listening(world, made):
        await call.commit(lambda tx: endpoint_listeners.add_listener(tx, endpoint, made))
    return json.response(_show_listener(world, made), status=201)


async def remove_endpoint_listener(call: Call) -> Response:
    """Close a private endpoint's listener: nothing comes through the endpoint any more."""
    require_control(call)
    body = await call.body(wire.PrivateEndpointBody)
    found = endpoint_listeners.find_listener(call.world.view, body.private_endpoint)
    _note(call, found)

    async def change(tx: Transaction) -> None:
        await endpoint_listeners.remove_listener(tx, found)

    await call.commit(change)
    if call.world.private_endpoints is not None:
        # Nothing is served there any more. Whoever asked is told when the address is free as well.
        await call.world.private_endpoints.close(found.id)
    return Response(204, content_type=None)


@asynccontextmanager
async def _listening(world: World, made: EndpointListener) -> AsyncIterator[None]:
    """
    Listen at an address before it is said to be a private endpoint's; no longer if it does not come to be.

    Raises:
        Conflict: it cannot be listened on.
    """
    if world.private_endpoints is None:
        raise Conflict("The service does not listen yet. Try again.")
    await world.private_endpoints.open(made)
    try:
        yield
    except BaseException:
        await world.private_endpoints.close(made.id)
        raise


def _note(call: Call, one: EndpointListener) -> None:
    call.properties.update(
        privateEndpointId=one.endpoint, tenantId=one.tenant, source=f"address {one.address} port {one.port}"
    )


def show_listeners(world: World) -> list[wire.EndpointListenerEntry]:
    """Tell of every private endpoint's address."""
    return [_show_listener(world, one) for one in world.view.all(EndpointListener, INSTANCE)]


def _show_listener(world: World, one: EndpointListener) -> wire.EndpointListenerEntry:
    fault = world.private_endpoints.fault_of(one.id) if world.private_endpoints is not None else None
    return wire.EndpointListenerEntry(one.endpoint, one.tenant, one.address, one.port, fault, one.created)
