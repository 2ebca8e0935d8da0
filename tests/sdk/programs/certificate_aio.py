"""The same with the asynchronous clients, which make their assertions themselves."""

import asyncio
import os
import sys

from azure.identity.aio import CertificateCredential, EnvironmentCredential
from azure.keyvault.secrets.aio import SecretClient


async def main() -> None:
    """Do it."""
    name, *options = sys.argv[1:]
    if "environment" in options:
        credential = EnvironmentCredential()
    else:
        credential = CertificateCredential(
            os.environ["AZURE_TENANT_ID"],
            os.environ["AZURE_CLIENT_ID"],
            os.environ["AZURE_CLIENT_CERTIFICATE_PATH"],
            send_certificate_chain="chain" in options,
        )
    async with credential, SecretClient(os.environ["VAULT_URL"], credential) as client:
        await client.set_secret(name, os.environ["VALUE"])
        assert (await client.get_secret(name)).value == os.environ["VALUE"]
        await client.delete_secret(name)
        await client.purge_deleted_secret(name)
    print("done")


asyncio.run(main())
