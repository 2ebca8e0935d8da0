"""Set, get and delete a secret by one class of azure-identity; arguments: the class, `sync` or `aio`, a name."""

import asyncio
import os
import sys

import azure.identity
import azure.identity.aio
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AsyncSecretClient
from person import code_for

KIND, HOW, NAME = sys.argv[1:]
TENANT, CLIENT, SECRET = (os.environ[name] for name in ("TENANT", "CLIENT", "SECRET"))
VAULT = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"
BACK = "http://localhost/back"
IDENTITY = azure.identity if HOW == "sync" else azure.identity.aio


def by_secret() -> object:
    """Make the credential of an application that shows its secret."""
    return IDENTITY.ClientSecretCredential(TENANT, CLIENT, SECRET)


def make() -> object:
    """Make the credential that is asked for."""
    kind = getattr(IDENTITY, KIND)
    if KIND == "AuthorizationCodeCredential":
        code = code_for(CLIENT, BACK, "https://vault.azure.net/user_impersonation")
        return kind(TENANT, CLIENT, code, BACK, client_secret=SECRET)
    if KIND == "ChainedTokenCredential":
        return kind(IDENTITY.EnvironmentCredential(), by_secret())
    if KIND == "UsernamePasswordCredential":
        return kind(CLIENT, os.environ["USER_NAME"], os.environ["USER_PASSWORD"], tenant_id=TENANT)
    if KIND == "AzurePipelinesCredential":
        return kind(
            tenant_id=TENANT, client_id=CLIENT, service_connection_id="a-connection", system_access_token="of-the-job"
        )
    if KIND == "OnBehalfOfCredential":
        return kind(TENANT, CLIENT, client_secret=SECRET, user_assertion=os.environ["ASSERTION"])
    return by_secret()


def use() -> None:
    """Use the vault."""
    credential = make()
    with credential, SecretClient(VAULT, credential) as client:
        client.set_secret(NAME, os.environ["VALUE"])
        assert client.get_secret(NAME).value == os.environ["VALUE"]
        client.begin_delete_secret(NAME).wait()


async def use_async() -> None:
    """Use the vault, asynchronously."""
    credential = make()
    async with credential, AsyncSecretClient(VAULT, credential) as client:
        await client.set_secret(NAME, os.environ["VALUE"])
        assert (await client.get_secret(NAME)).value == os.environ["VALUE"]
        await client.delete_secret(NAME)


if HOW == "sync":
    use()
else:
    asyncio.run(use_async())
print("done")
