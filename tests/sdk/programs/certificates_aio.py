"""A certificate's life with the asynchronous client; arguments: a name."""

import asyncio
import os
import sys

from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.certificates import CertificateContact, CertificatePolicy, KeyType
from azure.keyvault.certificates.aio import CertificateClient


async def live(name: str) -> None:
    """Make, read, renew, delete, recover and purge a certificate."""
    async with DefaultAzureCredential() as credential, CertificateClient(os.environ["VAULT_URL"], credential) as client:
        policy = CertificatePolicy("Self", subject="CN=aio.example.com", key_type=KeyType.ec)
        made = await client.create_certificate(name, policy, _polling_interval=0.2)
        assert (await client.get_certificate(name)).id == made.id
        assert (await client.get_certificate_operation(name)).status == "completed"
        again = await client.create_certificate(name, policy, _polling_interval=0.2)
        versions = [one.version async for one in client.list_properties_of_certificate_versions(name)]
        assert sorted(versions) == sorted([made.properties.version, again.properties.version])
        await client.set_contacts([CertificateContact(email="ops@example.com")])
        assert [one.email for one in await client.get_contacts()] == ["ops@example.com"]
        await client.delete_contacts()
        await client.delete_certificate(name)
        assert (await client.get_deleted_certificate(name)).name == name
        await client.recover_deleted_certificate(name)
        backup = await client.backup_certificate(name)
        await client.delete_certificate(name)
        await client.purge_deleted_certificate(name)
        try:
            await client.get_certificate(name)
        except ResourceNotFoundError as error:
            assert error.error.code == "CertificateNotFound", error.error.code
        else:
            raise AssertionError("a purged certificate was given out")
        assert (await client.restore_certificate_backup(backup)).name == name
        await client.delete_certificate(name)
        await client.purge_deleted_certificate(name)


asyncio.run(live(sys.argv[1]))
print("done")
