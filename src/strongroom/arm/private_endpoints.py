"""
Private endpoints (`Microsoft.Network/privateEndpoints`): a vault's own address within a virtual network.

Whoever makes one needs rights over two other resources: to join the subnet, and, unless approval is only asked for, to
approve connections to the vault (security.md "Tenants, outgoing requests, audit": subnet join, private-endpoint
approval). Both are looked up before the resources are, by the ids as they were given.
"""

from __future__ import annotations

from strongroom.arm import network_wire as wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.network_documents import show_endpoint
from strongroom.arm.paging import page
from strongroom.arm.polling import NETWORK_PLACE, accepted, followed
from strongroom.arm.rights import can, require_linked_right
from strongroom.core.errors import Invalid
from strongroom.core.networks import EndpointConnection, PrivateEndpoint
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import private_endpoints
from strongroom.resources.lookup import private_endpoint_of
from strongroom.resources.network_names import id_in, parse_subnet_id, unresolved
from strongroom.resources.private_endpoints import (
    ENDPOINT_TYPE,
    EndpointWish,
    check_request,
    endpoint_scope,
    vault_named,
)
from strongroom.store import Transaction

READ_ENDPOINT = f"{ENDPOINT_TYPE}/read"
JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
APPROVE_CONNECTION = "Microsoft.KeyVault/vaults/PrivateEndpointConnectionsApproval/action"


async def get_endpoint(call: Call) -> Response:
    """Get a private endpoint, with how its connection stands."""
    return _answer(call, private_endpoint_of(call.world.view, the_group(call), call.params["endpoint"]))


async def put_endpoint(call: Call) -> Response:
    """Make a private endpoint and its connection, approved or asking for approval; or replace its tags."""
    group, name = the_group(call), call.params["endpoint"]
    wish = _read(await call.body(wire.PrivateEndpoint), endpoint_scope(group, name))
    vault_name = vault_named(wish.vault)
    vault = None if vault_name is None else call.world.view.vault_by_name(vault_name)

    async def change(tx: Transaction) -> tuple[PrivateEndpoint, EndpointConnection | None, bool]:
        require_linked_right(call, JOIN_SUBNET, wish.subnet)
        if not wish.manual:
            require_linked_right(call, APPROVE_CONNECTION, wish.vault)
        return await private_endpoints.put_endpoint(
            tx, group=group, name=name, wish=wish, vault=vault, now=call.now, entropy=call.world.entropy
        )

    endpoint, _, made = await call.commit(change, _describe, lambda result: 201 if result[2] else 200)
    answer = _answer(call, endpoint, 201 if made else 200)
    return followed(call, NETWORK_PLACE, answer, location=endpoint.location)


async def delete_endpoint(call: Call) -> Response:
    """Remove a private endpoint: its connection lets nobody through any more. Absent is 204."""
    group, name = the_group(call), call.params["endpoint"]
    endpoint = call.world.view.get(PrivateEndpoint, tenant_partition(group.tenant), id_in(group, name))
    if endpoint is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> None:
        await private_endpoints.delete_endpoint(tx, endpoint)

    await call.commit(change, lambda _: {"privateEndpointId": endpoint.scope})
    return accepted(call, NETWORK_PLACE, location=endpoint.location)


async def list_endpoints(call: Call) -> Response:
    """List the private endpoints of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    found = (
        endpoint
        for endpoint in call.world.view.all(PrivateEndpoint, tenant_partition(parent.tenant))
        if endpoint.subscription == parent.id
        and (group is None or endpoint.resource_group.lower() == group)
        and can(call, READ_ENDPOINT, endpoint.scope)
    )
    return page(
        call,
        found,
        key=lambda endpoint: endpoint.id,
        show=lambda endpoint: show_endpoint(call.world.view, call.the_site, endpoint),
    )


def _read(body: wire.PrivateEndpoint, scope: str) -> EndpointWish:
    """
    Read what is asked for.

    Raises:
        Invalid: it has no connection or several, or an id is none of a subnet or a vault.
    """
    properties = body.properties
    automatic = properties.private_link_service_connections or []
    manual = properties.manual_private_link_service_connections or []
    if len(automatic) + len(manual) != 1:
        raise Invalid(
            "A private endpoint has exactly one connection: in privateLinkServiceConnections if whoever makes it may"
            " approve it, or in manualPrivateLinkServiceConnections to ask for approval.",
            code="InvalidPrivateLinkServiceConnections",
        )
    asked = (automatic or manual)[0]
    check_request(asked.properties.group_ids, asked.properties.request_message or "")
    subnet, vault = properties.subnet.id, asked.properties.private_link_service_id
    if parse_subnet_id(subnet) is None:
        raise unresolved(subnet, scope)
    if vault_named(vault) is None:
        raise unresolved(vault, scope)
    return EndpointWish(
        location=body.location,
        subnet=subnet.rstrip("/"),
        name=asked.name,
        vault=vault.rstrip("/"),
        manual=bool(manual),
        message=asked.properties.request_message or "",
        tags=body.tags or {},
    )


def _describe(result: tuple[PrivateEndpoint, EndpointConnection | None, bool]) -> dict[str, object]:
    endpoint, connection, _ = result
    named: dict[str, object] = {"privateEndpointId": endpoint.scope, "subnetId": endpoint.subnet}
    return named if connection is None else named | {"vaultIds": [connection.vault]}


def _answer(call: Call, endpoint: PrivateEndpoint, status: int = 200) -> Response:
    return json.response(show_endpoint(call.world.view, call.the_site, endpoint), status)
