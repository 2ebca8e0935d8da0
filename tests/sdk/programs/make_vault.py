"""Make a vault with the management client, in the resource group of the first; argument: its name."""

import os
import sys

from azure.identity import EnvironmentCredential
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import Sku, VaultCreateOrUpdateParameters, VaultProperties

with (
    EnvironmentCredential() as credential,
    KeyVaultManagementClient(credential, os.environ["AZURE_SUBSCRIPTION_ID"]) as client,
):
    properties = VaultProperties(
        tenant_id=os.environ["AZURE_TENANT_ID"],
        sku=Sku(family="A", name="standard"),
        enable_rbac_authorization=True,
    )
    parameters = VaultCreateOrUpdateParameters(location="local", properties=properties)
    vault = client.vaults.begin_create_or_update(os.environ["GROUP"], sys.argv[1], parameters).result()
    assert vault.name == sys.argv[1], vault.name
print("done")
