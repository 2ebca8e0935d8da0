"""azure-mgmt-keyvault, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    AccessPolicyEntry,
    Action,
    IPRule,
    KeyCreateParameters,
    KeyProperties,
    KeyRotationPolicyAttributes,
    LifetimeAction,
    NetworkRuleSet,
    Permissions,
    RotationPolicy,
    SecretAttributes,
    SecretCreateOrUpdateParameters,
    SecretPatchParameters,
    SecretPatchProperties,
    SecretProperties,
    Trigger,
    VaultAccessPolicyParameters,
    VaultAccessPolicyProperties,
    VaultCheckNameAvailabilityParameters,
    VaultPatchParameters,
    VaultPatchProperties,
)

from tests.sdk.arm.conftest import Plane
from tests.sdk.conftest import PROGRAMS, Live


@pytest.fixture(scope="module")
def client(plane: Plane) -> KeyVaultManagementClient:
    """Make the package's client."""
    made: KeyVaultManagementClient = plane.client(KeyVaultManagementClient, plane.subscription)
    return made


def test_life_of_a_vault(plane: Plane, client: KeyVaultManagementClient, name: str) -> None:
    """Created, read, updated, listed, deleted, recovered, deleted and purged, by the pollers and pagers."""
    vaults = client.vaults
    made = plane.create(
        name, network_acls=NetworkRuleSet(default_action="Deny", ip_rules=[IPRule(value="203.0.113.9")])
    )
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.vault_uri == plane.facts["vaultUri"].replace(plane.facts["vaultName"], name)
    assert made.properties.enable_rbac_authorization is True
    assert made.properties.network_acls.ip_rules[0].value == "203.0.113.9/32"
    assert made.system_data.created_by == plane.claims["appid"]
    assert vaults.get(plane.group, name).id == made.id

    patch = VaultPatchParameters(tags={"env": "test"}, properties=VaultPatchProperties(enabled_for_deployment=True))
    changed = vaults.update(plane.group, name, patch)
    assert (changed.tags, changed.properties.enabled_for_deployment) == ({"env": "test"}, True)
    assert changed.properties.network_acls == made.properties.network_acls

    assert made.id in [one.id for one in vaults.list_by_subscription(top=1)]
    assert made.id in [one.id for one in vaults.list_by_resource_group(plane.group, top=1)]
    wanted = "resourceType eq 'Microsoft.KeyVault/vaults'"
    assert made.id in [one.id for one in vaults.list(filter=wanted, top=1)]

    vaults.delete(plane.group, name)
    with pytest.raises(ResourceNotFoundError):
        vaults.get(plane.group, name)
    deleted = vaults.get_deleted(name, "local")
    assert deleted.properties.vault_id == made.id
    assert (deleted.properties.scheduled_purge_date - deleted.properties.deletion_date).days == 90
    assert name in [one.name for one in vaults.list_deleted()]

    recovered = plane.create(name, create_mode="recover")
    assert recovered.properties.network_acls == made.properties.network_acls
    vaults.delete(plane.group, name)
    assert vaults.begin_purge_deleted(name, "local").result() is None
    with pytest.raises(ResourceNotFoundError):
        vaults.get_deleted(name, "local")


def test_access_policies(plane: Plane, client: KeyVaultManagementClient, name: str) -> None:
    """Access policies are added and removed one by one."""
    plane.create(name, enable_rbac_authorization=False)
    entry = AccessPolicyEntry(
        tenant_id=plane.facts["tenantId"],
        object_id=plane.claims["oid"],
        permissions=Permissions(keys_property=["wrapKey"], secrets=["get", "list"]),
    )
    parameters = VaultAccessPolicyParameters(properties=VaultAccessPolicyProperties(access_policies=[entry]))
    added = client.vaults.update_access_policy(plane.group, name, "add", parameters)
    (policy,) = added.properties.access_policies
    assert (policy.permissions.keys_property, policy.permissions.secrets) == (["wrapKey"], ["get", "list"])
    removed = client.vaults.update_access_policy(plane.group, name, "remove", parameters)
    assert removed.properties.access_policies == []


def test_names(plane: Plane, client: KeyVaultManagementClient, name: str) -> None:
    """A name is free until a vault has it."""

    def check() -> Any:
        wanted = VaultCheckNameAvailabilityParameters(name=name, type="Microsoft.KeyVault/vaults")
        return client.vaults.check_name_availability(wanted)

    assert check().name_available
    plane.create(name)
    assert (check().name_available, check().reason) == (False, "AlreadyExists")


def test_refusals(plane: Plane, client: KeyVaultManagementClient, name: str) -> None:
    """Refusals reach the program as the exceptions that Azure's do, with code and message."""
    with pytest.raises(ResourceNotFoundError) as absent:
        client.vaults.get(plane.group, name)
    assert absent.value.error is not None
    assert absent.value.error.code == "ResourceNotFound"
    plane.create(name, enable_purge_protection=True)
    client.vaults.delete(plane.group, name)
    with pytest.raises(ResourceExistsError) as taken:
        plane.create(name)
    assert taken.value.error is not None
    assert taken.value.error.code == "ConflictError"
    with pytest.raises(HttpResponseError) as purged:
        client.vaults.begin_purge_deleted(name, "local").result()
    assert purged.value.status_code == 405
    with pytest.raises(HttpResponseError) as invalid:
        plane.create(f"{name}2", soft_delete_retention_in_days=6)
    assert invalid.value.status_code == 400
    assert "softDeleteRetentionInDays" in invalid.value.message


def test_secrets(plane: Plane, client: KeyVaultManagementClient, name: str, canary: str) -> None:
    """A secret of a vault is set as a resource, changed and listed; no answer has its value."""
    plane.create(name)
    wanted = SecretCreateOrUpdateParameters(properties=SecretProperties(value=canary, content_type="text/plain"))
    made = client.secrets.create_or_update(plane.group, name, "s", wanted)
    assert (made.name, made.properties.value, made.properties.content_type) == ("s", None, "text/plain")
    assert made.properties.secret_uri == f"{plane.facts['vaultUri'].replace(plane.facts['vaultName'], name)}secrets/s"
    assert made.properties.secret_uri_with_version.startswith(f"{made.properties.secret_uri}/")
    patch = SecretPatchParameters(
        tags={"env": "test"}, properties=SecretPatchProperties(attributes=SecretAttributes(enabled=False))
    )
    changed = client.secrets.update(plane.group, name, "s", patch)
    assert (changed.properties.attributes.enabled, changed.tags) == (False, {"env": "test"})
    assert [one.name for one in client.secrets.list(plane.group, name)] == ["s"]
    shown = client.secrets.get(plane.group, name, "s")
    assert (shown.properties.value, shown.properties.attributes.enabled) == (None, False)


def test_keys(plane: Plane, client: KeyVaultManagementClient, name: str) -> None:
    """A key of a vault is made once as a resource, and described and listed with its versions."""
    plane.create(name)
    policy = RotationPolicy(
        attributes=KeyRotationPolicyAttributes(expiry_time="P1Y"),
        lifetime_actions=[
            LifetimeAction(trigger=Trigger(time_before_expiry="P30D"), action=Action(type="rotate")),
        ],
    )
    properties = KeyProperties(kty="EC", curve_name="P-384", key_ops=["sign", "verify"], rotation_policy=policy)
    wanted = KeyCreateParameters(properties=properties, tags={"env": "test"})
    made = client.keys.create_if_not_exist(plane.group, name, "k", wanted)
    assert (made.name, made.properties.kty, made.properties.curve_name, made.tags) == (
        "k", "EC", "P-384", {"env": "test"},
    )  # fmt: skip
    assert made.properties.rotation_policy.attributes.expiry_time == "P1Y"
    assert [one.action.type for one in made.properties.rotation_policy.lifetime_actions] == ["rotate", "notify"]
    other = KeyCreateParameters(properties=KeyProperties(kty="RSA"))
    again = client.keys.create_if_not_exist(plane.group, name, "k", other)
    assert again.properties.key_uri_with_version == made.properties.key_uri_with_version
    version = made.properties.key_uri_with_version.rpartition("/")[2]
    assert client.keys.get(plane.group, name, "k").properties.key_ops == ["sign", "verify"]
    assert client.keys.get_version(plane.group, name, "k", version).name == version
    assert [one.name for one in client.keys.list(plane.group, name)] == ["k"]
    assert [one.name for one in client.keys.list_versions(plane.group, name, "k")] == [version]


def test_operations(client: KeyVaultManagementClient) -> None:
    """The provider says what can be done to its resources, and to what is in them."""
    known = {one.name: one.is_data_action for one in client.operations.list()}
    assert known["Microsoft.KeyVault/vaults/write"] is False
    assert known["Microsoft.KeyVault/vaults/secrets/getSecret/action"] is True


def test_what_is_not_served(client: KeyVaultManagementClient) -> None:
    """There are no managed HSMs, and to ask for one is refused with what there is."""
    assert list(client.managed_hsms.list_by_subscription()) == []
    assert list(client.managed_hsms.list_deleted()) == []
    with pytest.raises(ResourceNotFoundError) as refused:
        client.managed_hsms.get("absent", "absent")
    assert refused.value.error is not None
    assert refused.value.error.code == "InvalidResourceType"
    assert "This service has these resource types of it: checkNameAvailability" in str(refused.value.error.message)


def test_under_azures_names(live: Live) -> None:
    """A program written for Azure's management plane runs under `run`, and is told Azure's name of its vault."""
    program = (sys.executable, PROGRAMS / "management.py", live.facts["subscriptionId"])
    result = live.run(program, "--service-principal")
    assert (result.returncode, result.stdout) == (0, "refused twice\ndone\n"), result.stderr
