"""azure-mgmt-resource and azure-mgmt-resource-subscriptions, unmodified, against a live service on its own names."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup
from azure.mgmt.resource.subscriptions import SubscriptionClient

from tests.sdk.arm.conftest import Plane


@pytest.fixture(scope="module")
def client(plane: Plane) -> ResourceManagementClient:
    """Make the package's client."""
    made: ResourceManagementClient = plane.client(ResourceManagementClient, plane.subscription)
    return made


def test_groups(client: ResourceManagementClient, name: str) -> None:
    """A group is made, found, changed, listed, and deleted with the poller."""
    groups = client.resource_groups
    made = groups.create_or_update(name, ResourceGroup(location="local", tags={"env": "test"}))
    assert (made.name, made.location, made.tags) == (name, "local", {"env": "test"})
    assert made.properties.provisioning_state == "Succeeded"
    assert groups.check_existence(name)
    assert name in [one.name for one in groups.list(top=1)]
    assert groups.begin_delete(name).result() is None
    assert not groups.check_existence(name)
    with pytest.raises(ResourceNotFoundError) as absent:
        groups.get(name)
    assert absent.value.error.code == "ResourceGroupNotFound"


def test_resources(plane: Plane, client: ResourceManagementClient, name: str) -> None:
    """A vault is found among resources of every kind, by its type and its name."""
    vault = plane.create(name)
    resources = client.resources
    assert vault.id in [one.id for one in resources.list_by_resource_group(plane.group)]
    (found,) = resources.list(filter=f"resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{name}'")
    assert (found.id, found.type) == (vault.id, "Microsoft.KeyVault/vaults")


def test_subscriptions(plane: Plane) -> None:
    """The subscription and its tenant are listed."""
    client = plane.client(SubscriptionClient)
    assert plane.subscription in [one.subscription_id for one in client.subscriptions.list()]
    one = client.subscriptions.get(plane.subscription)
    assert (one.state, one.id) == ("Enabled", f"/subscriptions/{plane.subscription}")
    assert plane.facts["tenantId"] in [one.tenant_id for one in client.tenants.list()]
