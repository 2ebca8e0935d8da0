"""Resource providers, secrets as resources, and what is polled, as the official clients read them."""

from __future__ import annotations

from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    SecretCreateOrUpdateParameters,
    SecretPatchParameters,
    SecretPatchProperties,
    SecretProperties,
)
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient

from tests.plugins.canary import plant
from tests.sdk.arm.conftest import Plane


def test_providers(plane: Plane) -> None:
    """Providers are listed, unregistered and registered; a region is listed; actions are known."""
    providers = plane.client(ResourceManagementClient, plane.subscription).providers
    found = {one.namespace: one for one in providers.list()}
    assert found["Microsoft.KeyVault"].registration_state == "Registered"
    assert "vaults/secrets" in {kind.resource_type for kind in found["Microsoft.KeyVault"].resource_types}
    assert providers.unregister("Microsoft.HybridCompute").registration_state == "Unregistered"
    assert providers.register("Microsoft.HybridCompute").registration_state == "Registered"
    assert providers.get("Microsoft.HybridCompute").registration_policy == "RegistrationRequired"
    assert [one.namespace for one in providers.list_at_tenant_scope()] == list(found)
    (region,) = plane.client(SubscriptionClient).subscriptions.list_locations(plane.subscription)
    assert region.name == "local"
    operations = plane.client(KeyVaultManagementClient, plane.subscription).operations.list()
    assert "Microsoft.KeyVault/vaults/read" in {one.name for one in operations}
    metadata = plane.client(AuthorizationManagementClient, plane.subscription).provider_operations_metadata
    shown = metadata.get("Microsoft.KeyVault", expand="resourceTypes")
    assert "vaults/secrets" in {kind.name for kind in shown.resource_types}


def test_secrets(plane: Plane, name: str) -> None:
    """A secret is set, changed and listed, and its value is in no answer."""
    plane.create(name)
    secrets = plane.client(KeyVaultManagementClient, plane.subscription).secrets
    properties = SecretProperties(value=plant(), content_type="text/plain")
    made = secrets.create_or_update(plane.group, name, "s", SecretCreateOrUpdateParameters(properties=properties))
    assert (made.properties.value, made.properties.content_type) == (None, "text/plain")
    patch = SecretPatchParameters(tags={"a": "b"}, properties=SecretPatchProperties(content_type="x"))
    changed = secrets.update(plane.group, name, "s", patch)
    assert (changed.tags, changed.properties.secret_uri_with_version) == (
        {"a": "b"},
        made.properties.secret_uri_with_version,
    )
    assert [one.id for one in secrets.list(plane.group, name)] == [made.id]
    assert secrets.get(plane.group, name, "s").properties.attributes.created is not None


def test_group(plane: Plane, name: str) -> None:
    """A group's removal is polled to its end."""
    groups = plane.client(ResourceManagementClient, plane.subscription).resource_groups
    groups.create_or_update(name, {"location": "local"})
    assert groups.begin_delete(name).result() is None
    assert groups.check_existence(name) is False
