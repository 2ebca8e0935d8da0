"""Set, get and delete a secret by a federated token; arguments: the secret's name, the kind of credential."""

import os
import sys
from pathlib import Path

from azure.identity import ClientAssertionCredential, DefaultAzureCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient

name, kind = sys.argv[1:]
tenant, client_id = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]
token_file = os.environ["AZURE_FEDERATED_TOKEN_FILE"]
if kind == "assertion":
    credential = ClientAssertionCredential(tenant, client_id, Path(token_file).read_text)
elif kind == "workload":
    credential = WorkloadIdentityCredential()
else:
    credential = DefaultAzureCredential()
with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
    client.set_secret(name, os.environ["VALUE"])
    assert client.get_secret(name).value == os.environ["VALUE"]
    client.begin_delete_secret(name).wait()
    client.purge_deleted_secret(name)
print("done")
