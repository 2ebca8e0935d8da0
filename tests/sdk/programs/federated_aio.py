"""The same with the asynchronous clients."""

import asyncio
import os
import sys
from pathlib import Path

from azure.identity.aio import ClientAssertionCredential, DefaultAzureCredential, WorkloadIdentityCredential
from azure.keyvault.secrets.aio import SecretClient


async def main() -> None:
    """Do it."""
    name, kind = sys.argv[1:]
    tenant, client_id = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]
    token_file = os.environ["AZURE_FEDERATED_TOKEN_FILE"]
    if kind == "assertion":
        credential = ClientAssertionCredential(tenant, client_id, Path(token_file).read_text)
    elif kind == "workload":
        credential = WorkloadIdentityCredential()
    else:
        credential = DefaultAzureCredential()
    async with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
        await client.set_secret(name, os.environ["VALUE"])
        assert (await client.get_secret(name)).value == os.environ["VALUE"]
        await client.delete_secret(name)
        await client.purge_deleted_secret(name)
    print("done")


asyncio.run(main())
