"""azure-mgmt-network, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    NetworkRuleSet,
    PrivateEndpointConnection,
    PrivateLinkServiceConnectionState,
    VirtualNetworkRule,
)
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import (
    AddressSpace,
    PrivateEndpoint,
    PrivateLinkServiceConnection,
    ServiceEndpointPropertiesFormat,
    Subnet,
    TagsObject,
    VirtualNetwork,
)

from tests.sdk.arm.conftest import Plane


@pytest.fixture(scope="module")
def client(plane: Plane) -> NetworkManagementClient:
    """Make the package's client."""
    made: NetworkManagementClient = plane.client(NetworkManagementClient, plane.subscription)
    return made


def make_network(plane: Plane, client: NetworkManagementClient, name: str) -> Any:
    """Make a network with one subnet."""
    wanted = VirtualNetwork(
        location="local",
        address_space=AddressSpace(address_prefixes=["10.9.0.0/16"]),
        subnets=[Subnet(name="first", address_prefix="10.9.1.0/24")],
    )
    return client.virtual_networks.begin_create_or_update(plane.group, name, wanted).result()


def test_networks(plane: Plane, client: NetworkManagementClient, name: str) -> None:
    """A network is made with the poller, read, tagged, listed, and deleted with its subnets."""
    networks = client.virtual_networks
    made = make_network(plane, client, name)
    assert (made.provisioning_state, made.address_space.address_prefixes) == ("Succeeded", ["10.9.0.0/16"])
    assert [one.address_prefix for one in made.subnets] == ["10.9.1.0/24"]
    assert networks.get(plane.group, name).etag == made.etag
    assert networks.update_tags(plane.group, name, TagsObject(tags={"env": "test"})).tags == {"env": "test"}
    assert made.id in [one.id for one in networks.list(plane.group)]
    assert made.id in [one.id for one in networks.list_all()]
    assert networks.begin_delete(plane.group, name).result() is None
    with pytest.raises(ResourceNotFoundError):
        networks.get(plane.group, name)


def test_subnets(plane: Plane, client: NetworkManagementClient, name: str) -> None:
    """A subnet with the service endpoint is added, named by a vault's rule, and stays while it is."""
    make_network(plane, client, name)
    subnets = client.subnets
    wanted = Subnet(
        address_prefix="10.9.2.0/24", service_endpoints=[ServiceEndpointPropertiesFormat(service="Microsoft.KeyVault")]
    )
    made = subnets.begin_create_or_update(plane.group, name, "second", wanted).result()
    assert [one.service for one in made.service_endpoints] == ["Microsoft.KeyVault"]
    assert subnets.get(plane.group, name, "second").id == made.id
    assert [one.name for one in subnets.list(plane.group, name)] == ["first", "second"]
    with pytest.raises(HttpResponseError) as overlapping:
        subnets.begin_create_or_update(plane.group, name, "third", Subnet(address_prefix="10.9.2.0/25")).result()
    assert overlapping.value.status_code == 400
    vault = plane.create(
        name, network_acls=NetworkRuleSet(default_action="Deny", virtual_network_rules=[VirtualNetworkRule(id=made.id)])
    )
    assert [one.id.lower() for one in vault.properties.network_acls.virtual_network_rules] == [made.id.lower()]
    assert subnets.begin_delete(plane.group, name, "first").result() is None
    assert [one.name for one in subnets.list(plane.group, name)] == ["second"]


def test_private_endpoints(plane: Plane, client: NetworkManagementClient, name: str) -> None:
    """A private endpoint asks for a vault, whose owner approves, rejects and removes the connection."""
    vaults = plane.client(KeyVaultManagementClient, plane.subscription)
    vault, network = plane.create(name), make_network(plane, client, name)
    link = PrivateLinkServiceConnection(
        name="link", private_link_service_id=vault.id, group_ids=["vault"], request_message="please"
    )
    wanted = PrivateEndpoint(
        location="local", subnet=Subnet(id=network.subnets[0].id), manual_private_link_service_connections=[link]
    )
    endpoints = client.private_endpoints
    made = endpoints.begin_create_or_update(plane.group, name, wanted).result()
    assert made.provisioning_state == "Succeeded"
    (asked,) = made.manual_private_link_service_connections
    assert asked.private_link_service_connection_state.status == "Pending"
    assert made.id in [one.id for one in endpoints.list(plane.group)]
    assert made.id in [one.id for one in endpoints.list_by_subscription()]

    connections = vaults.private_endpoint_connections
    (seen,) = connections.list_by_resource(plane.group, name)
    assert seen.private_endpoint.id == made.id
    for status in ("Approved", "Rejected"):
        body = PrivateEndpointConnection(
            private_link_service_connection_state=PrivateLinkServiceConnectionState(status=status, description="so")
        )
        connections.put(plane.group, name, seen.name, body)
        answered = connections.get(plane.group, name, seen.name)
        assert answered.private_link_service_connection_state.status == status
        (told,) = endpoints.get(plane.group, name).manual_private_link_service_connections
        assert told.private_link_service_connection_state.status == status
    assert [one.group_id for one in vaults.private_link_resources.list_by_vault(plane.group, name).value] == ["vault"]
    connections.begin_delete(plane.group, name, seen.name).result()
    assert list(connections.list_by_resource(plane.group, name)) == []
    (told,) = endpoints.get(plane.group, name).manual_private_link_service_connections
    assert told.private_link_service_connection_state.status == "Disconnected"
    assert endpoints.begin_delete(plane.group, name).result() is None
