"""Every operation on a secret with the asynchronous client; arguments: the credential, a name."""

import asyncio
import os
import sys

from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential, EnvironmentCredential, ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

CREDENTIALS = {
    "default": DefaultAzureCredential,
    "environment": EnvironmentCredential,
    "identity": ManagedIdentityCredential,
}


async def main() -> None:
    """Do it."""
    credential, name = CREDENTIALS[sys.argv[1]](), sys.argv[2]
    value = os.environ["VALUE"]
    async with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
        first = await client.set_secret(name, value, tags={"a": "b"})
        await asyncio.gather(*(client.set_secret(name, f"{value}{number}") for number in range(5)))
        assert (await client.get_secret(name, first.properties.version)).value == value
        versions = [properties.version async for properties in client.list_properties_of_secret_versions(name)]
        assert len(set(versions)) == 6
        assert name in [properties.name async for properties in client.list_properties_of_secrets()]
        await client.update_secret_properties(name, first.properties.version, content_type="x")
        backup = await client.backup_secret(name)
        await client.delete_secret(name)
        try:
            await client.get_secret(name)
        except ResourceNotFoundError as error:
            assert error.error.code == "SecretNotFound", error.error.code
        else:
            raise AssertionError("a deleted secret was given out")
        await client.recover_deleted_secret(name)
        await client.delete_secret(name)
        await client.purge_deleted_secret(name)
        await client.restore_secret_backup(backup)
        assert (await client.get_secret(name, first.properties.version)).value == value
        await client.delete_secret(name)
        await client.purge_deleted_secret(name)
    print("done")


asyncio.run(main())
