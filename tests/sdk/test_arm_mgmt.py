"""The official management clients, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import json
import socket
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import Permission, RoleAssignmentCreateParameters, RoleDefinition
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    AccessPolicyEntry,
    IPRule,
    NetworkRuleSet,
    Permissions,
    Sku,
    VaultAccessPolicyParameters,
    VaultAccessPolicyProperties,
    VaultCheckNameAvailabilityParameters,
    VaultCreateOrUpdateParameters,
    VaultPatchParameters,
    VaultPatchProperties,
    VaultProperties,
)

from tests.plugins.canary import remember
from tests.sdk.conftest import PROGRAMS, Live


@dataclass(frozen=True, slots=True)
class Plane:
    """The management clients of one instance, signed in as its administrator."""

    facts: dict[str, Any]
    """The service's run.json."""
    claims: dict[str, Any]
    """What the caller's token says."""
    vaults: KeyVaultManagementClient
    rights: AuthorizationManagementClient

    @property
    def group(self) -> str:
        """The first resource group's name."""
        group: str = self.facts["resourceGroup"]
        return group

    def properties(self, **more: Any) -> VaultProperties:
        """Give the least properties of a vault, and more."""
        return VaultProperties(tenant_id=self.facts["tenantId"], sku=Sku(family="A", name="standard"), **more)

    def create(self, name: str, **more: Any) -> Any:
        """Make a vault with the poller."""
        parameters = VaultCreateOrUpdateParameters(location="local", properties=self.properties(**more))
        return self.vaults.vaults.begin_create_or_update(self.group, name, parameters).result()


@pytest.fixture(scope="module")
def plane(live: Live) -> Iterator[Plane]:
    """Sign in to the live service, with the credential that `env` gives a shell."""
    shell = live.call("env", "--json", "--service-principal")
    assert shell.returncode == 0, shell.stderr
    variables = json.loads(shell.stdout)
    for name in ("AZURE_CLIENT_SECRET", "IDENTITY_HEADER"):
        remember(variables[name])
    resolve = socket.getaddrinfo

    def loopback(host: Any, *rest: Any, **more: Any) -> Any:
        # Plain glibc knows no name below `localhost`, as a browser does.
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", loopback)
        facts = live.facts
        ca, scope = facts["caFile"], f"{facts['armUri']}/.default"
        credential = ClientSecretCredential(
            facts["tenantId"],
            variables["AZURE_CLIENT_ID"],
            variables["AZURE_CLIENT_SECRET"],
            authority=facts["authority"],
            disable_instance_discovery=True,
            connection_verify=ca,
        )
        how: dict[str, Any] = {
            "base_url": facts["armUri"],
            "credential_scopes": [scope],
            "connection_verify": ca,
        }
        vaults = KeyVaultManagementClient(credential, facts["subscriptionId"], **how)
        rights = AuthorizationManagementClient(credential, facts["subscriptionId"], **how)
        with credential, vaults, rights:
            claims = jwt.decode(credential.get_token(scope).token, options={"verify_signature": False})
            yield Plane(facts, claims, vaults, rights)


@pytest.fixture
def name() -> str:
    """Give a vault's name that no other test uses."""
    return f"v-{uuid.uuid4().hex[:12]}"


def test_life_of_a_vault(plane: Plane, name: str) -> None:
    """Created, read, updated, listed, deleted, recovered, deleted and purged, by the pollers and pagers."""
    client = plane.vaults.vaults
    made = plane.create(
        name, network_acls=NetworkRuleSet(default_action="Deny", ip_rules=[IPRule(value="203.0.113.9")])
    )
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.vault_uri == plane.facts["vaultUri"].replace(plane.facts["vaultName"], name)
    assert made.properties.enable_rbac_authorization is True
    assert made.properties.network_acls.ip_rules[0].value == "203.0.113.9/32"
    assert made.system_data.created_by == plane.claims["appid"]
    assert client.get(plane.group, name).id == made.id

    patch = VaultPatchParameters(tags={"env": "test"}, properties=VaultPatchProperties(enabled_for_deployment=True))
    changed = client.update(plane.group, name, patch)
    assert (changed.tags, changed.properties.enabled_for_deployment) == ({"env": "test"}, True)
    assert changed.properties.network_acls == made.properties.network_acls

    assert made.id in [one.id for one in client.list_by_subscription(top=1)]
    assert made.id in [one.id for one in client.list_by_resource_group(plane.group, top=1)]
    wanted = "resourceType eq 'Microsoft.KeyVault/vaults'"
    assert made.id in [one.id for one in client.list(filter=wanted, top=1)]

    client.delete(plane.group, name)
    with pytest.raises(ResourceNotFoundError):
        client.get(plane.group, name)
    deleted = client.get_deleted(name, "local")
    assert deleted.properties.vault_id == made.id
    assert (deleted.properties.scheduled_purge_date - deleted.properties.deletion_date).days == 90
    assert name in [one.name for one in client.list_deleted()]

    recovered = plane.create(name, create_mode="recover")
    assert recovered.properties.network_acls == made.properties.network_acls
    client.delete(plane.group, name)
    assert client.begin_purge_deleted(name, "local").result() is None
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted(name, "local")


def test_access_policies(plane: Plane, name: str) -> None:
    """Access policies are added and removed one by one."""
    plane.create(name, enable_rbac_authorization=False)
    entry = AccessPolicyEntry(
        tenant_id=plane.facts["tenantId"],
        object_id=plane.claims["oid"],
        permissions=Permissions(keys_property=["wrapKey"], secrets=["get", "list"]),
    )
    parameters = VaultAccessPolicyParameters(properties=VaultAccessPolicyProperties(access_policies=[entry]))
    added = plane.vaults.vaults.update_access_policy(plane.group, name, "add", parameters)
    (policy,) = added.properties.access_policies
    assert (policy.permissions.keys_property, policy.permissions.secrets) == (["wrapKey"], ["get", "list"])
    removed = plane.vaults.vaults.update_access_policy(plane.group, name, "remove", parameters)
    assert removed.properties.access_policies == []


def test_names(plane: Plane, name: str) -> None:
    """A name is free until a vault has it."""

    def check() -> Any:
        wanted = VaultCheckNameAvailabilityParameters(name=name, type="Microsoft.KeyVault/vaults")
        return plane.vaults.vaults.check_name_availability(wanted)

    assert check().name_available
    plane.create(name)
    assert (check().name_available, check().reason) == (False, "AlreadyExists")


def test_refusals(plane: Plane, name: str) -> None:
    """Refusals reach the program as the exceptions that Azure's do, with code and message."""
    with pytest.raises(ResourceNotFoundError) as absent:
        plane.vaults.vaults.get(plane.group, name)
    assert absent.value.error is not None
    assert absent.value.error.code == "ResourceNotFound"
    plane.create(name, enable_purge_protection=True)
    plane.vaults.vaults.delete(plane.group, name)
    with pytest.raises(ResourceExistsError) as taken:
        plane.create(name)
    assert taken.value.error is not None
    assert taken.value.error.code == "ConflictError"
    with pytest.raises(HttpResponseError) as purged:
        plane.vaults.vaults.begin_purge_deleted(name, "local").result()
    assert purged.value.status_code == 405
    with pytest.raises(HttpResponseError) as invalid:
        plane.create(f"{name}2", soft_delete_retention_in_days=6)
    assert invalid.value.status_code == 400
    assert "softDeleteRetentionInDays" in invalid.value.message


def test_role_assignments(plane: Plane, name: str) -> None:
    """A role is found by name, given, listed at every scope, and taken back."""
    scope = plane.create(name).id
    (role,) = plane.rights.role_definitions.list(scope, filter="roleName eq 'Key Vault Secrets User'")
    assert plane.rights.role_definitions.get_by_id(role.id).role_name == "Key Vault Secrets User"
    identifier = str(uuid.uuid4())
    parameters = RoleAssignmentCreateParameters(
        role_definition_id=role.id, principal_id=plane.claims["oid"], principal_type="ServicePrincipal"
    )
    given = plane.rights.role_assignments.create(scope, identifier, parameters)
    assert (given.scope, given.role_definition_id, given.principal_type) == (scope, role.id, "ServicePrincipal")
    assert plane.rights.role_assignments.get(scope, identifier).id == given.id
    assert plane.rights.role_assignments.get_by_id(given.id).created_on == given.created_on
    with pytest.raises(ResourceExistsError):
        plane.rights.role_assignments.create(scope, str(uuid.uuid4()), parameters)
    lists = plane.rights.role_assignments
    for found in (
        lists.list_for_scope(scope, filter="atScope()"),
        lists.list_for_resource(plane.group, "Microsoft.KeyVault", "vaults", name),
        lists.list_for_resource_group(plane.group, filter=f"principalId eq '{plane.claims['oid']}'"),
        lists.list_for_subscription(filter=f"assignedTo('{plane.claims['oid']}')"),
    ):
        assert given.id in [one.id for one in found]
    assert plane.rights.role_assignments.delete(scope, identifier).id == given.id
    assert plane.rights.role_assignments.delete(scope, identifier) is None
    with pytest.raises(ResourceNotFoundError):
        plane.rights.role_assignments.get(scope, identifier)


def test_custom_roles(plane: Plane, name: str) -> None:
    """A custom role is made, changed, found by name, given under a condition, and removed."""
    scope, roles = plane.create(name).id, plane.rights.role_definitions
    identifier = str(uuid.uuid4())
    wanted = RoleDefinition(
        role_name=f"Rotators of {name}",
        role_type="CustomRole",
        description="Set secrets and read none.",
        permissions=[Permission(data_actions=["Microsoft.KeyVault/vaults/secrets/setSecret/action"])],
        assignable_scopes=[scope],
    )
    made = roles.create_or_update(scope, identifier, wanted)
    assert (made.name, made.role_type, made.created_by) == (identifier, "CustomRole", plane.claims["oid"])
    wanted.permissions[0].data_actions.append("Microsoft.KeyVault/vaults/secrets/delete")
    assert roles.create_or_update(scope, identifier, wanted).permissions[0].data_actions == [
        "Microsoft.KeyVault/vaults/secrets/setSecret/action",
        "Microsoft.KeyVault/vaults/secrets/delete",
    ]
    (found,) = roles.list(scope, filter=f"roleName eq 'Rotators of {name}'")
    assert found.id == made.id == roles.get_by_id(made.id).id
    given = plane.rights.role_assignments.create(
        scope,
        str(uuid.uuid4()),
        RoleAssignmentCreateParameters(
            role_definition_id=made.id,
            principal_id=plane.claims["oid"],
            principal_type="ServicePrincipal",
            condition="@Request[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'",
            condition_version="2.0",
        ),
    )
    assert given.condition_version == "2.0"
    with pytest.raises(ResourceExistsError) as refused:
        roles.delete(scope, identifier)
    assert refused.value.error.code == "RoleDefinitionHasAssignments"
    plane.rights.role_assignments.delete_by_id(given.id)
    assert roles.delete(scope, identifier).name == identifier
    assert roles.delete(scope, identifier) is None


def test_deny_assignments(plane: Plane) -> None:
    """The client, which makes no denial, lists those that there are."""
    assert list(plane.rights.deny_assignments.list()) == []
    assert list(plane.rights.deny_assignments.list_for_resource_group(plane.group, filter="atScope()")) == []


def test_permissions(plane: Plane) -> None:
    """The caller's own permissions are listed."""
    mine = list(plane.rights.permissions.list_for_resource_group(plane.group))
    assert ["*"] in [one.actions for one in mine]


def test_under_azures_names(live: Live) -> None:
    """A program written for Azure's management plane runs under `run`, and is told Azure's name of its vault."""
    program = (sys.executable, PROGRAMS / "management.py", live.facts["subscriptionId"])
    result = live.run(program, "--service-principal")
    assert (result.returncode, result.stdout) == (0, "refused twice\ndone\n"), result.stderr
