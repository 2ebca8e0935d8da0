"""azure-mgmt-resource and azure-mgmt-resource-subscriptions, unmodified, against a live service on its own names."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import (
    GenericResource,
    ResourceGroup,
    ResourceGroupPatchable,
    ResourcesMoveInfo,
    Tags,
    TagsPatchResource,
    TagsResource,
)
from azure.mgmt.resource.subscriptions import SubscriptionClient

from tests.sdk.arm.conftest import Plane

VAULT_VERSION = "2023-07-01"


@pytest.fixture(scope="module")
def client(plane: Plane) -> ResourceManagementClient:
    """Make the package's client."""
    made: ResourceManagementClient = plane.client(ResourceManagementClient, plane.subscription)
    return made


def test_groups(client: ResourceManagementClient, name: str) -> None:
    """A group is made, found, changed, listed by a tag, and deleted with the poller."""
    groups = client.resource_groups
    made = groups.create_or_update(name, ResourceGroup(location="local", tags={"env": "test"}))
    assert (made.name, made.location, made.tags) == (name, "local", {"env": "test"})
    assert made.properties.provisioning_state == "Succeeded"
    assert groups.check_existence(name)
    assert groups.update(name, ResourceGroupPatchable(tags={"env": name})).tags == {"env": name}
    assert name in [one.name for one in groups.list(top=1)]
    assert [one.name for one in groups.list(filter=f"tagName eq 'env' and tagValue eq '{name}'")] == [name]
    assert groups.begin_delete(name).result() is None
    assert not groups.check_existence(name)
    with pytest.raises(ResourceNotFoundError) as absent:
        groups.get(name)
    assert absent.value.error.code == "ResourceGroupNotFound"


def test_resources(plane: Plane, client: ResourceManagementClient, name: str) -> None:
    """A vault is found among resources of every kind, by its type and its name, and by its id."""
    vault = plane.create(name)
    resources = client.resources
    assert vault.id in [one.id for one in resources.list_by_resource_group(plane.group)]
    (found,) = resources.list(filter=f"resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{name}'")
    assert (found.id, found.type) == (vault.id, "Microsoft.KeyVault/vaults")
    assert resources.check_existence_by_id(vault.id, api_version=VAULT_VERSION)
    assert resources.get_by_id(vault.id, api_version=VAULT_VERSION).location == "local"
    patch = GenericResource(tags={"env": "test"})
    assert resources.begin_update_by_id(vault.id, patch, api_version=VAULT_VERSION).result().tags == {"env": "test"}
    resources.begin_delete_by_id(vault.id, api_version=VAULT_VERSION).result()
    assert not resources.check_existence_by_id(vault.id, api_version=VAULT_VERSION)


def test_a_generic_vault(plane: Plane, client: ResourceManagementClient, name: str) -> None:
    """A vault is made by its id, with properties that the client knows nothing of."""
    wanted = GenericResource(
        location="local",
        properties={"tenantId": plane.facts["tenantId"], "sku": {"family": "A", "name": "standard"}},
    )
    place = f"{plane.scope}/providers/Microsoft.KeyVault/vaults/{name}"
    made = client.resources.begin_create_or_update_by_id(place, wanted, api_version=VAULT_VERSION).result()
    assert (made.id, made.properties["provisioningState"]) == (place, "Succeeded")


def test_tags(plane: Plane, client: ResourceManagementClient, name: str) -> None:
    """Tags are a resource of their own: set, merged, taken away, deleted."""
    scope, tags = plane.create(name).id, client.tags
    wanted = TagsResource(properties=Tags(tags={"a": "b", "c": "d"}))
    assert tags.begin_create_or_update_at_scope(scope, wanted).result().properties.tags == {"a": "b", "c": "d"}
    for operation, given, left in (
        ("Merge", {"e": "f"}, {"a": "b", "c": "d", "e": "f"}),
        ("Delete", {"a": "b"}, {"c": "d", "e": "f"}),
        ("Replace", {"g": "h"}, {"g": "h"}),
    ):
        patch = TagsPatchResource(operation=operation, properties=Tags(tags=given))
        assert tags.begin_update_at_scope(scope, patch).result().properties.tags == left
    assert tags.get_at_scope(scope).properties.tags == {"g": "h"}
    assert "g" in [one.tag_name for one in tags.list()]
    assert tags.begin_delete_at_scope(scope).result() is None
    assert not tags.get_at_scope(scope).properties.tags


def test_a_move(plane: Plane, client: ResourceManagementClient, name: str) -> None:
    """A vault is moved to another group, once that was found good, and keeps its address."""
    vault = plane.create(name)
    target = client.resource_groups.create_or_update(name, ResourceGroup(location="local"))
    info = ResourcesMoveInfo(resources=[vault.id], target_resource_group=target.id)
    assert client.resources.begin_validate_move_resources(plane.group, info).result() is None
    assert client.resources.begin_move_resources(plane.group, info).result() is None
    moved = plane.client(KeyVaultManagementClient, plane.subscription).vaults.get(name, name)
    assert moved.properties.vault_uri == vault.properties.vault_uri
    with pytest.raises(HttpResponseError) as refused:
        client.resources.begin_move_resources(plane.group, info).result()
    assert refused.value.status_code in {400, 404}
    client.resource_groups.begin_delete(name).result()


def test_providers(client: ResourceManagementClient) -> None:
    """Providers are listed, shown with their types and versions, and registered."""
    assert "Microsoft.KeyVault" in [one.namespace for one in client.providers.list()]
    shown = client.providers.get("Microsoft.KeyVault")
    (vaults,) = [one for one in shown.resource_types if one.resource_type == "vaults"]
    assert VAULT_VERSION in vaults.api_versions
    assert client.providers.register("Microsoft.KeyVault").registration_state == "Registered"
    with pytest.raises(ResourceNotFoundError) as unknown:
        client.providers.get("Microsoft.Storage")
    assert unknown.value.error.code == "InvalidResourceNamespace"


def test_subscriptions(plane: Plane) -> None:
    """The subscription, its locations and its tenant are listed."""
    client = plane.client(SubscriptionClient)
    assert plane.subscription in [one.subscription_id for one in client.subscriptions.list()]
    one = client.subscriptions.get(plane.subscription)
    assert (one.state, one.id) == ("Enabled", f"/subscriptions/{plane.subscription}")
    assert [place.name for place in client.subscriptions.list_locations(plane.subscription)] == ["local"]
    assert plane.facts["tenantId"] in [one.tenant_id for one in client.tenants.list()]
