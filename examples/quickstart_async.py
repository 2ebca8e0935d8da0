import asyncio
import os

from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient


async def main() -> None:
    vault_url = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"

    async with (
        DefaultAzureCredential() as credential,
        SecretClient(vault_url=vault_url, credential=credential) as client,
    ):
        names = [f"quickstart-async-{number}" for number in range(3)]

        secrets = await asyncio.gather(*(client.set_secret(name, f"value of {name}") for name in names))
        for secret in secrets:
            print(f"set {secret.name}, version {secret.properties.version}")

        async for properties in client.list_properties_of_secrets():
            print(f"listed {properties.name}, enabled: {properties.enabled}")

        for name in names:
            secret = await client.get_secret(name)
            print(f"got {secret.name}: {secret.value!r}")
            deleted = await client.delete_secret(name)
            await client.purge_deleted_secret(name)
            print(f"deleted and purged {deleted.name}")


asyncio.run(main())
