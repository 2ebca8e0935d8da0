"""azure-mgmt-authorization, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import Permission, RoleAssignmentCreateParameters, RoleDefinition

from tests.sdk.arm.conftest import Plane


@pytest.fixture(scope="module")
def client(plane: Plane) -> AuthorizationManagementClient:
    """Make the package's client."""
    made: AuthorizationManagementClient = plane.client(AuthorizationManagementClient, plane.subscription)
    return made


def test_role_assignments(plane: Plane, client: AuthorizationManagementClient, name: str) -> None:
    """A role is found by name, given, listed at every scope, and taken back."""
    scope = plane.create(name).id
    (role,) = client.role_definitions.list(scope, filter="roleName eq 'Key Vault Secrets User'")
    assert client.role_definitions.get_by_id(role.id).role_name == "Key Vault Secrets User"
    identifier = str(uuid.uuid4())
    parameters = RoleAssignmentCreateParameters(
        role_definition_id=role.id, principal_id=plane.claims["oid"], principal_type="ServicePrincipal"
    )
    given = client.role_assignments.create(scope, identifier, parameters)
    assert (given.scope, given.role_definition_id, given.principal_type) == (scope, role.id, "ServicePrincipal")
    assert client.role_assignments.get(scope, identifier).id == given.id
    assert client.role_assignments.get_by_id(given.id).created_on == given.created_on
    with pytest.raises(ResourceExistsError):
        client.role_assignments.create(scope, str(uuid.uuid4()), parameters)
    lists = client.role_assignments
    for found in (
        lists.list_for_scope(scope, filter="atScope()"),
        lists.list_for_resource(plane.group, "Microsoft.KeyVault", "vaults", name),
        lists.list_for_resource_group(plane.group, filter=f"principalId eq '{plane.claims['oid']}'"),
        lists.list_for_subscription(filter=f"assignedTo('{plane.claims['oid']}')"),
    ):
        assert given.id in [one.id for one in found]
    assert client.role_assignments.delete(scope, identifier).id == given.id
    assert client.role_assignments.delete(scope, identifier) is None
    with pytest.raises(ResourceNotFoundError):
        client.role_assignments.get(scope, identifier)


def test_custom_roles(plane: Plane, client: AuthorizationManagementClient, name: str) -> None:
    """A custom role is made, changed, found by name, given under a condition, and removed."""
    scope, roles = plane.create(name).id, client.role_definitions
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
    given = client.role_assignments.create(
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
    client.role_assignments.delete_by_id(given.id)
    assert roles.delete(scope, identifier).name == identifier
    assert roles.delete(scope, identifier) is None


def test_deny_assignments(plane: Plane, client: AuthorizationManagementClient) -> None:
    """The client, which makes no denial, lists those that there are."""
    assert list(client.deny_assignments.list()) == []
    assert list(client.deny_assignments.list_for_resource_group(plane.group, filter="atScope()")) == []


def test_permissions(plane: Plane, client: AuthorizationManagementClient) -> None:
    """The caller's own permissions are listed."""
    mine = list(client.permissions.list_for_resource_group(plane.group))
    assert ["*"] in [one.actions for one in mine]


def test_provider_operations(client: AuthorizationManagementClient) -> None:
    """What roles can be made of is listed by provider."""
    shown = client.provider_operations_metadata.get("Microsoft.KeyVault", expand="resourceTypes")
    actions = {one.name: one.is_data_action for kind in shown.resource_types for one in kind.operations}
    assert actions["Microsoft.KeyVault/vaults/secrets/getSecret/action"] is True
    assert "Microsoft.KeyVault" in [one.name for one in client.provider_operations_metadata.list()]
