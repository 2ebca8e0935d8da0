"""
Get a token as the managed identity and use it; arguments: `sync` or `aio`, and perhaps an identity's client id.

The libraries look for Arc's key files in one system folder. ARC_FOLDER stands in its place, so that a test needs no
root; nothing else of them is changed.
"""

import asyncio
import os
import sys
from pathlib import Path

import msal.managed_identity
from azure.identity import ManagedIdentityCredential
from azure.identity import aio as identity_aio
from azure.identity._credentials import azure_arc
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AsyncSecretClient

folder = os.environ.get("ARC_FOLDER")
if folder:
    msal.managed_identity._supported_arc_platforms_and_their_prefixes["linux"] = folder
    azure_arc._get_key_file_path = lambda: str(Path(folder))

client_id = sys.argv[2] if len(sys.argv) > 2 else None
value = os.environ["VALUE"]
name = f"by-{sys.argv[1]}"


def synchronously() -> None:
    """Set and get a secret."""
    with ManagedIdentityCredential(client_id=client_id) as credential:
        client = SecretClient(os.environ["VAULT_URL"], credential)
        client.set_secret(name, value)
        assert client.get_secret(name).value == value


async def asynchronously() -> None:
    """Do the same."""
    async with (
        identity_aio.ManagedIdentityCredential(client_id=client_id) as credential,
        AsyncSecretClient(os.environ["VAULT_URL"], credential) as client,
    ):
        await client.set_secret(name, value)
        assert (await client.get_secret(name)).value == value


if sys.argv[1] == "sync":
    synchronously()
else:
    asyncio.run(asynchronously())
print("done")
