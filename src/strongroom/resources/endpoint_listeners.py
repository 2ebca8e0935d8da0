"""
Endpoint listeners: which address of this machine a private endpoint is, by the operator's word.

    add --> the record, and `strongroom.app` listens at the address
    removed, or the private endpoint is removed --> the record is gone, and the listener closes

A request that came through the listener came through the private endpoint, and what that opens is for the vault's
firewall to say. A listener goes with its private endpoint, because another one of the same name is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from strongroom.core import limits
from strongroom.core.errors import Conflict, NameTaken, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.networks import EndpointListener, PrivateEndpoint
from strongroom.core.operator_networks import PRIVATE_ENDPOINTS, parse_network_resource
from strongroom.core.records import INSTANCE
from strongroom.resources.named_networks import no_such_endpoint
from strongroom.store import Transaction
from strongroom.view import View


def make_listener(
    endpoint: PrivateEndpoint, address: str, port: int, *, now: int, entropy: Callable[[int], bytes]
) -> EndpointListener:
    """Make the record of a private endpoint's listener; `add_listener` makes it count."""
    return EndpointListener(new_guid(entropy), endpoint.tenant, endpoint.scope.lower(), address, port, now)


def require_free(view: View, made: EndpointListener) -> None:
    """
    Make sure that neither endpoint nor address has a listener, before one is opened; `add_listener` decides it.

    Raises:
        Conflict: one of them has.
    """
    for one in view.all(EndpointListener, INSTANCE):
        if not set(one.names).isdisjoint(made.names):
            raise _taken()


def _taken() -> Conflict:
    return Conflict("This private endpoint has an address already, or the address is another one's.")


async def add_listener(tx: Transaction, endpoint: PrivateEndpoint, made: EndpointListener) -> None:
    """
    Let a private endpoint's listener count.

    Raises:
        NotFound: the private endpoint is gone.
        Conflict: it has an address already, the address is another one's, or there are as many as there may be.
    """
    if len(await tx.records(EndpointListener, INSTANCE)) >= limits.ENDPOINT_LISTENERS:
        raise Conflict(f"At most {limits.ENDPOINT_LISTENERS} private endpoints have a listener. Remove one first.")
    if await tx.record(PrivateEndpoint, endpoint.partition, endpoint.id) is None:
        raise no_such_endpoint()
    try:
        await tx.put(made)
    except NameTaken:
        raise _taken() from None


def find_listener(view: View, text: str) -> EndpointListener:
    """
    Find the listener of a private endpoint, named by its ARM id.

    Raises:
        Invalid: it is no ARM id of a private endpoint.
        NotFound: it has none.
    """
    place = parse_network_resource(text, PRIVATE_ENDPOINTS)
    for one in view.all(EndpointListener, INSTANCE):
        if parse_network_resource(one.endpoint, PRIVATE_ENDPOINTS) == place:
            return one
    raise _no_listener()


def _no_listener() -> NotFound:
    return NotFound("This private endpoint has no listener.")


async def remove_listener(tx: Transaction, listener: EndpointListener) -> None:
    """
    Remove the record of a listener: nothing comes through the private endpoint any more.

    Raises:
        NotFound: it is gone already.
    """
    if not await tx.remove(listener):
        raise _no_listener()


async def remove_listeners_of(tx: Transaction, endpoints: Iterable[PrivateEndpoint]) -> None:
    """Remove the listeners that private endpoints have, as the endpoints are removed."""
    scopes = {endpoint.scope.lower() for endpoint in endpoints}
    for one in await tx.records(EndpointListener, INSTANCE):
        if one.endpoint in scopes:
            await tx.remove(one)
