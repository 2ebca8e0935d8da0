"""A vault's side of private endpoints: its connections, and what there is to connect to."""

from __future__ import annotations

from strongroom.arm import network_wire as wire
from strongroom.arm.network_documents import show_connection, show_link_resource
from strongroom.arm.paging import page
from strongroom.arm.polling import KEY_VAULT_PLACE, accepted, followed
from strongroom.arm.vaults import the_vault
from strongroom.core.networks import ConnectionState, EndpointConnection
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.endpoint_connections import connection_not_found, decide_connection, remove_connection
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction


async def list_connections(call: Call) -> Response:
    """List a vault's private endpoint connections, whatever their state."""
    vault = the_vault(call)
    found = call.world.view.all(EndpointConnection, vault_partition(vault.id))
    return page(call, found, key=lambda one: one.id, show=lambda one: show_connection(call.world.view, vault, one))


async def get_connection(call: Call) -> Response:
    """Get a private endpoint connection."""
    vault, name = the_vault(call), call.params["connection"]
    found = call.world.view.get(EndpointConnection, vault_partition(vault.id), name.lower())
    if found is None:
        raise connection_not_found(vault, name)
    return _answer(call, vault, found)


async def put_connection(call: Call) -> Response:
    """Approve or reject a connection, or say something about it. None is made here: its endpoint does that."""
    vault, name = the_vault(call), call.params["connection"]
    said = (await call.body(wire.PrivateEndpointConnection)).properties.private_link_service_connection_state
    place = "properties.privateLinkServiceConnectionState.status"
    state = None if said.status is None else parse_word(ConnectionState, said.status, place)

    async def change(tx: Transaction) -> EndpointConnection:
        return await decide_connection(tx, vault, name, state=state, description=said.description)

    answer = _answer(call, vault, await call.commit(change, _describe))
    return followed(call, KEY_VAULT_PLACE, answer, location=vault.location)


async def delete_connection(call: Call) -> Response:
    """Remove a connection: its endpoint is disconnected for good. Absent is 204."""
    vault, name = the_vault(call), call.params["connection"]
    if call.world.view.get(EndpointConnection, vault_partition(vault.id), name.lower()) is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> EndpointConnection:
        return await remove_connection(tx, vault, name)

    gone = show_connection(call.world.view, vault, await call.commit(change, _describe))
    return accepted(call, KEY_VAULT_PLACE, gone, location=vault.location)


async def list_link_resources(call: Call) -> Response:
    """List what of a vault a private endpoint can be for. This list has no pages (reference operations.md)."""
    return json.response({"value": [show_link_resource(the_vault(call))]})


def _describe(connection: EndpointConnection) -> dict[str, object]:
    return {
        "vaultIds": [connection.vault],
        "privateEndpointId": connection.endpoint,
        "connectionState": connection.state.value,
    }


def _answer(call: Call, vault: Vault, connection: EndpointConnection) -> Response:
    return json.response(show_connection(call.world.view, vault, connection))
