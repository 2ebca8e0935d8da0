"""What a program written for Azure does with its management plane: finds its vault, and gives itself a role."""

import os
import sys
import uuid

import jwt
from azure.core.exceptions import ResourceExistsError
from azure.identity import DefaultAzureCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.keyvault import KeyVaultManagementClient

(subscription,) = sys.argv[1:]
name = os.environ["KEY_VAULT_NAME"]

with DefaultAzureCredential() as credential:
    token = credential.get_token("https://management.azure.com/.default").token
    principal = jwt.decode(token, options={"verify_signature": False})["oid"]
    with KeyVaultManagementClient(credential, subscription) as client:
        (vault,) = [found for found in client.vaults.list_by_subscription() if found.name == name]
    assert vault.properties.vault_uri == f"https://{name}.vault.azure.net/", vault.properties.vault_uri
    with AuthorizationManagementClient(credential, subscription) as rights:
        (role,) = rights.role_definitions.list(vault.id, filter="roleName eq 'Key Vault Reader'")
        parameters = RoleAssignmentCreateParameters(
            role_definition_id=role.id, principal_id=principal, principal_type="ServicePrincipal"
        )
        given = rights.role_assignments.create(vault.id, str(uuid.uuid4()), parameters)
        try:
            rights.role_assignments.create(vault.id, str(uuid.uuid4()), parameters)
        except ResourceExistsError:
            print("refused twice")
        rights.role_assignments.delete_by_id(given.id)
print("done")
