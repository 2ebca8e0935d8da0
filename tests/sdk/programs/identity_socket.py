"""
Get a token over an identity's socket and use it; argument: the socket's path.

The library is as it is published, and asks what it takes for a virtual machine's metadata service; only the connections
of its transport go to the socket.
"""

import asyncio
import os
import sys

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient


async def main() -> None:
    """Set and get a secret."""
    connector = aiohttp.UnixConnector(path=sys.argv[1])
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        ManagedIdentityCredential(transport=AioHttpTransport(session=session, session_owner=False)) as credential,
        SecretClient(os.environ["VAULT_URL"], credential) as client,
    ):
        await client.set_secret("by-socket", os.environ["VALUE"])
        assert (await client.get_secret("by-socket")).value == os.environ["VALUE"]


asyncio.run(main())
print("done")
