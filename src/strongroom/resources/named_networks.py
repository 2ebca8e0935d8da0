"""
Virtual networks and private endpoints that the operator names by ARM id, of whatever tenant.

The operator's word is over all tenants; what a caller of one of them names is found in `lookup`, within its own.
"""

from __future__ import annotations

from strongroom.core.errors import NotFound
from strongroom.core.networks import PrivateEndpoint, VirtualNetwork
from strongroom.core.operator_networks import PRIVATE_ENDPOINTS, VIRTUAL_NETWORKS, parse_network_resource
from strongroom.core.records import tenant_partition
from strongroom.view import View


def find_virtual_network(view: View, text: str) -> VirtualNetwork:
    """
    Find the virtual network that an ARM id names.

    Raises:
        Invalid: it is no ARM id of a virtual network.
        NotFound: there is none.
    """
    place = _place(view, text, VIRTUAL_NETWORKS)
    found = None if place is None else view.get(VirtualNetwork, *place)
    if found is None:
        raise no_such_network()
    return found


def find_private_endpoint(view: View, text: str) -> PrivateEndpoint:
    """
    Find the private endpoint that an ARM id names.

    Raises:
        Invalid: it is no ARM id of a private endpoint.
        NotFound: there is none.
    """
    place = _place(view, text, PRIVATE_ENDPOINTS)
    found = None if place is None else view.get(PrivateEndpoint, *place)
    if found is None:
        raise no_such_endpoint()
    return found


def _place(view: View, text: str, kind: str) -> tuple[str, str] | None:
    """Give the partition and the id of a record, if there is such a subscription."""
    named = parse_network_resource(text, kind)
    subscription = view.subscription(named.subscription)
    return None if subscription is None else (tenant_partition(subscription.tenant), named.record_id)


def no_such_network() -> NotFound:
    """Say that a virtual network does not exist."""
    return NotFound("There is no such virtual network.")


def no_such_endpoint() -> NotFound:
    """Say that a private endpoint does not exist."""
    return NotFound("There is no such private endpoint.")
