"""Virtual networks and their subnets (`Microsoft.Network/virtualNetworks`)."""

from __future__ import annotations

from strongroom.arm import network_wire as wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.network_documents import etag, show_network, show_subnet
from strongroom.arm.paging import page
from strongroom.arm.polling import NETWORK_PLACE, accepted, followed
from strongroom.arm.rights import can
from strongroom.core.networks import Subnet, VirtualNetwork
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import networks
from strongroom.resources.lookup import network_of
from strongroom.resources.network_names import id_in, the_subnet
from strongroom.resources.networks import NETWORK_TYPE, NetworkWish, SubnetWish
from strongroom.store import Transaction

READ_NETWORK = f"{NETWORK_TYPE}/read"


async def get_network(call: Call) -> Response:
    """Get a virtual network with its subnets."""
    return json.response(show_network(call.world.view, _the_network(call)))


async def put_network(call: Call) -> Response:
    """Make a virtual network, or change it; subnets that the body does not name go, if it names any at all."""
    group, name = the_group(call), call.params["network"]
    body = await call.body(wire.VirtualNetwork)
    subnets = body.properties.subnets
    wish = NetworkWish(
        location=body.location,
        address_prefixes=tuple(body.properties.address_space.address_prefixes),
        subnets=None if subnets is None else tuple(_read_subnet(one.name or "", one) for one in subnets),
        tags=body.tags,
    )

    async def change(tx: Transaction) -> tuple[VirtualNetwork, bool]:
        return await networks.put_network(tx, group=group, name=name, wish=wish, now=call.now)

    network, made = await call.commit(change, status=lambda result: _status(made=result[1]))
    answer = json.response(show_network(call.world.view, network), _status(made=made))
    return followed(call, NETWORK_PLACE, answer, location=network.location)


async def patch_network(call: Call) -> Response:
    """Replace a virtual network's tags, where the request has some."""
    network, body = _the_network(call), await call.body(wire.Tags)

    async def change(tx: Transaction) -> VirtualNetwork:
        return await networks.tag_network(tx, network, body.tags)

    return json.response(show_network(call.world.view, await call.commit(change)))


async def delete_network(call: Call) -> Response:
    """Remove a virtual network with its subnets. Absent is 204."""
    group, name = the_group(call), call.params["network"]
    network = call.world.view.get(VirtualNetwork, tenant_partition(group.tenant), id_in(group, name))
    if network is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> None:
        await networks.delete_network(tx, network)

    await call.commit(change)
    return accepted(call, NETWORK_PLACE, location=network.location)


async def list_networks(call: Call) -> Response:
    """List the virtual networks of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    found = (
        network
        for network in call.world.view.all(VirtualNetwork, tenant_partition(parent.tenant))
        if network.subscription == parent.id
        and (group is None or network.resource_group.lower() == group)
        and can(call, READ_NETWORK, network.scope)
    )
    return page(
        call, found, key=lambda network: network.id, show=lambda network: show_network(call.world.view, network)
    )


# ---- subnets --------------------------------------------------------------------------------------------------------


async def get_subnet(call: Call) -> Response:
    """Get a subnet."""
    network = _the_network(call)
    subnet = the_subnet(network, call.params["subnet"])
    return json.response(show_subnet(call.world.view, network, subnet, etag(network)))


async def put_subnet(call: Call) -> Response:
    """Make a subnet, or change it."""
    network, body = _the_network(call), await call.body(wire.Subnet)
    wish = _read_subnet(call.params["subnet"], body)

    async def change(tx: Transaction) -> tuple[VirtualNetwork, Subnet, bool]:
        return await networks.put_subnet(tx, network, wish)

    changed, subnet, made = await call.commit(change, status=lambda result: _status(made=result[2]))
    answer = json.response(show_subnet(call.world.view, changed, subnet, etag(changed)), _status(made=made))
    return followed(call, NETWORK_PLACE, answer, location=network.location)


async def delete_subnet(call: Call) -> Response:
    """Remove a subnet. Absent is 204."""
    network, name = _the_network(call), call.params["subnet"]

    async def change(tx: Transaction) -> bool:
        return await networks.delete_subnet(tx, network, name)

    there = await call.commit(change, status=lambda there: 202 if there else 204)
    if not there:
        return Response(204, content_type=None)
    return accepted(call, NETWORK_PLACE, location=network.location)


async def list_subnets(call: Call) -> Response:
    """List the subnets of a network."""
    network = _the_network(call)
    tag = etag(network)
    return page(
        call,
        network.subnets,
        key=lambda subnet: subnet.name.lower(),
        show=lambda subnet: show_subnet(call.world.view, network, subnet, tag),
    )


def _the_network(call: Call) -> VirtualNetwork:
    return network_of(call.world.view, the_group(call), call.params["network"])


def _read_subnet(name: str, body: wire.Subnet) -> SubnetWish:
    properties = body.properties
    prefixes = properties.address_prefixes or ([properties.address_prefix] if properties.address_prefix else [])
    services = properties.service_endpoints or []
    return SubnetWish(name, tuple(prefixes), tuple(one.service for one in services))


def _status(*, made: bool) -> int:
    return 201 if made else 200
