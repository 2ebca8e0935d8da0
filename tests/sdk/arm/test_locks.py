"""azure-mgmt-resource-locks, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.locks import ManagementLockClient
from azure.mgmt.resource.locks.models import ManagementLockObject

from tests.sdk.arm.conftest import Plane


def test_locks(plane: Plane, name: str) -> None:
    """A lock on a vault is made, found at every level, holds, and is removed."""
    scope = plane.create(name).id
    vaults = plane.client(KeyVaultManagementClient, plane.subscription).vaults
    locks = plane.client(ManagementLockClient, plane.subscription).management_locks
    made = locks.create_or_update_by_scope(scope, "kept", ManagementLockObject(level="CanNotDelete", notes="why"))
    assert (made.name, made.level, made.notes) == ("kept", "CanNotDelete", "why")
    assert locks.get_by_scope(scope, "kept").id == made.id
    assert locks.get_at_resource_level(plane.group, "Microsoft.KeyVault", "", "vaults", name, "kept").id == made.id
    for found in (
        locks.list_by_scope(scope),
        locks.list_at_resource_level(plane.group, "Microsoft.KeyVault", "", "vaults", name),
        locks.list_at_resource_group_level(plane.group),
        locks.list_at_subscription_level(),
    ):
        assert made.id in [one.id for one in found]
    with pytest.raises(HttpResponseError) as held:
        vaults.delete(plane.group, name)
    assert held.value.status_code == 409
    assert held.value.error is not None
    assert held.value.error.code == "ScopeLocked"
    locks.delete_by_scope(scope, "kept")
    with pytest.raises(ResourceNotFoundError):
        locks.get_by_scope(scope, "kept")
    vaults.delete(plane.group, name)


def test_a_lock_on_a_group(plane: Plane, name: str) -> None:
    """It is made, read and removed by the group's name."""
    locks = plane.client(ManagementLockClient, plane.subscription).management_locks
    made = locks.create_or_update_at_resource_group_level(plane.group, name, ManagementLockObject(level="CanNotDelete"))
    assert locks.get_at_resource_group_level(plane.group, name).id == made.id
    locks.delete_at_resource_group_level(plane.group, name)
    assert made.id not in [one.id for one in locks.list_at_resource_group_level(plane.group)]
