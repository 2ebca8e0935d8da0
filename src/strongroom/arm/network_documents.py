"""How networks, private endpoints and connections are written down: the bodies of answers."""

from __future__ import annotations

import hashlib
from typing import Any

from strongroom.core.guids import guid_of
from strongroom.core.names import Site, Surface
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    EndpointListener,
    LinkRequest,
    PrivateEndpoint,
    Subnet,
    VirtualNetwork,
)
from strongroom.core.records import INSTANCE, Record
from strongroom.core.vaults import Vault
from strongroom.resources.endpoint_connections import connection_scope
from strongroom.resources.network_names import find_subnet, parse_subnet_id, parse_vault_id, subnet_scope
from strongroom.resources.networks import NETWORK_TYPE
from strongroom.resources.private_endpoints import ENDPOINT_TYPE, GROUP_ID
from strongroom.view import View

Document = dict[str, Any]

CONNECTION_TYPE = "Microsoft.KeyVault/vaults/privateEndpointConnections"
_DONE = "Succeeded"


def etag(record: Record) -> str:
    """Give the entity tag of a record as it stands."""
    return f'W/"{guid_of(hashlib.sha256(repr(record).encode()).digest())}"'


def show_tracked(record: Any, resource_type: str, properties: Document) -> Document:
    """Write a resource of a group with its etag and properties, and with its tags if it has some."""
    return {
        "id": record.scope,
        "name": record.name,
        "type": resource_type,
        "location": record.location,
        **({"tags": record.tags} if record.tags else {}),
        "etag": etag(record),
        "properties": {"provisioningState": _DONE, **properties},
    }


# ---- virtual networks -----------------------------------------------------------------------------------------------


def show_network(view: View, network: VirtualNetwork) -> Document:
    """Write a virtual network with its subnets."""
    tag = etag(network)
    return show_tracked(
        network,
        NETWORK_TYPE,
        {
            "addressSpace": {"addressPrefixes": list(network.address_prefixes)},
            "subnets": [show_subnet(view, network, subnet, tag) for subnet in network.subnets],
            "virtualNetworkPeerings": [],
            "enableDdosProtection": False,
            # Azure's default. azurerm sends it and would change a network that does not show it in every plan.
            "privateEndpointVNetPolicies": "Disabled",
        },
    )


def show_subnet(view: View, network: VirtualNetwork, subnet: Subnet, tag: str) -> Document:
    """
    Write a subnet; one prefix is told as one, as Azure tells it, besides.

    *tag* is the network's `etag`. It is made of all the network's subnets, so whoever shows many of them makes it once:
    made for each of 3000, one answer would hold up every other request for many seconds.
    """
    scope = subnet_scope(network, subnet.name)
    properties: Document = {"provisioningState": _DONE}
    if len(subnet.address_prefixes) == 1:
        properties["addressPrefix"] = subnet.address_prefixes[0]
    properties |= {
        "addressPrefixes": list(subnet.address_prefixes),
        "serviceEndpoints": [
            {"provisioningState": _DONE, "service": service, "locations": ["*"]} for service in subnet.service_endpoints
        ],
        "delegations": [],
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
    }
    inside = [{"id": one.scope} for one in view.private_endpoints_in(network.tenant, scope)]
    if inside:
        properties["privateEndpoints"] = inside
    return {
        "id": scope,
        "name": subnet.name,
        "type": f"{NETWORK_TYPE}/subnets",
        "etag": tag,
        "properties": properties,
    }


# ---- private endpoints ----------------------------------------------------------------------------------------------


def show_endpoint(view: View, site: Site, endpoint: PrivateEndpoint) -> Document:
    """Write a private endpoint; its address is told where the operator gave it one."""
    shown = [(request.manual, _show_request(view, endpoint, request)) for request in endpoint.requests]
    return show_tracked(
        endpoint,
        ENDPOINT_TYPE,
        {
            "subnet": {"id": _subnet_id(view, endpoint)},
            "privateLinkServiceConnections": [one for manual, one in shown if not manual],
            "manualPrivateLinkServiceConnections": [one for manual, one in shown if manual],
            "networkInterfaces": [],
            "customDnsConfigs": _dns(view, site, endpoint),
            "customNetworkInterfaceName": "",
            "ipConfigurations": [],
        },
    )


def _show_request(view: View, endpoint: PrivateEndpoint, request: LinkRequest) -> Document:
    vault = _vault(view, endpoint.tenant, request.vault)
    connection = view.connection_between(endpoint.scope, vault.id) if vault is not None else None
    if connection is None:
        # The vault, or its side of the connection, is gone: it will not come back.
        state = _state(ConnectionState.DISCONNECTED, "The connection was removed.")
    else:
        state = _state(connection.state, connection.description, connection.actions_required)
    kind = "manualPrivateLinkServiceConnections" if request.manual else "privateLinkServiceConnections"
    return {
        "id": f"{endpoint.scope}/{kind}/{request.name}",
        "name": request.name,
        "type": f"{ENDPOINT_TYPE}/{kind}",
        "etag": etag(endpoint),
        "properties": {
            "provisioningState": _DONE,
            "privateLinkServiceId": request.vault if vault is None else vault.scope,
            "groupIds": [GROUP_ID],
            "requestMessage": request.message,
            "privateLinkServiceConnectionState": state,
        },
    }


def _dns(view: View, site: Site, endpoint: PrivateEndpoint) -> list[Document]:
    listener = next(
        (one for one in view.all(EndpointListener, INSTANCE) if one.endpoint == endpoint.scope.lower()), None
    )
    references = [parse_vault_id(request.vault) for request in endpoint.requests]
    if listener is None:
        return []
    return [
        {
            "fqdn": site.netloc_beside(Surface.VAULT, reference.name).partition(":")[0],
            "ipAddresses": [listener.address],
        }
        for reference in references
        if reference is not None
    ]


def _subnet_id(view: View, endpoint: PrivateEndpoint) -> str:
    """Give the id of an endpoint's subnet as the subnet itself is written."""
    reference = parse_subnet_id(endpoint.subnet)
    network = None if reference is None else view.get(VirtualNetwork, endpoint.partition, reference.record_id)
    subnet = None if network is None or reference is None else find_subnet(network, reference.child)
    return endpoint.subnet if network is None or subnet is None else subnet_scope(network, subnet.name)


def _vault(view: View, tenant: str, arm_id: str) -> Vault | None:
    reference = parse_vault_id(arm_id)
    vault = None if reference is None else view.vault_by_name(reference.name)
    return vault if vault is not None and (vault.tenant, vault.scope.lower()) == (tenant, arm_id) else None


# ---- a vault's connections ------------------------------------------------------------------------------------------


def show_connection(view: View, vault: Vault, connection: EndpointConnection) -> Document:
    """Write a vault's connection as the resource that it is."""
    item = show_connection_item(view, vault, connection)
    return {
        "id": item["id"],
        "name": connection.name,
        "type": CONNECTION_TYPE,
        "location": vault.location,
        "etag": item["etag"],
        "properties": item["properties"],
    }


def show_connection_item(view: View, vault: Vault, connection: EndpointConnection) -> Document:
    """Write a connection as it stands among its vault's properties."""
    gone = connection.state is ConnectionState.DISCONNECTED
    state = _state(connection.state, connection.description, connection.actions_required)
    if not connection.description:
        del state["description"]
    return {
        "id": connection_scope(vault, connection.name),
        "etag": etag(connection),
        "properties": {
            "provisioningState": "Disconnected" if gone else _DONE,
            "privateEndpoint": {"id": _endpoint_id(view, vault, connection)},
            "privateLinkServiceConnectionState": state,
        },
    }


def show_link_resource(vault: Vault) -> Document:
    """Write the one part of a vault that private endpoints can be for."""
    return {
        "id": f"{vault.scope}/privateLinkResources/{GROUP_ID}",
        "name": GROUP_ID,
        "type": "Microsoft.KeyVault/vaults/privateLinkResources",
        "location": vault.location,
        "tags": {},
        "properties": {
            "groupId": GROUP_ID,
            "requiredMembers": ["default"],
            "requiredZoneNames": ["privatelink.vaultcore.azure.net"],
        },
    }


def _endpoint_id(view: View, vault: Vault, connection: EndpointConnection) -> str:
    """Give the id of a connection's endpoint as the endpoint itself is written."""
    endpoint = view.private_endpoint(vault.tenant, connection.endpoint)
    return connection.endpoint if endpoint is None else endpoint.scope


def _state(state: ConnectionState, description: str, actions_required: str = "None") -> Document:
    return {"status": state.value, "description": description, "actionsRequired": actions_required}
