"""A person signs in, as the official clients do it: in the browser, at another one, by password; then uses a secret."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msal
from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential
from azure.keyvault.secrets import SecretClient

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
TENANT = os.environ["TENANT"]


def in_the_browser() -> None:
    """azure-identity opens the browser, which sends the code to its port; Key Vault is asked with the token."""
    credential = InteractiveBrowserCredential(tenant_id=TENANT, timeout=60)
    vault = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"
    with credential, SecretClient(vault, credential) as client:
        client.set_secret(sys.argv[2], os.environ["VALUE"])
        assert client.get_secret(sys.argv[2]).value == os.environ["VALUE"]
        client.begin_delete_secret(sys.argv[2]).wait()
        record = credential.authenticate(scopes=["https://management.azure.com/.default"])
        assert (record.username, record.tenant_id) == (os.environ["USER_NAME"], TENANT)


def by_password() -> None:
    """Msal sends the password, keeps the refresh token, and gets tokens for other resources with it."""
    app = msal.PublicClientApplication(AZURE_CLI, authority="https://login.microsoftonline.com/organizations")
    told = app.acquire_token_by_username_password(
        os.environ["USER_NAME"], os.environ["USER_PASSWORD"], scopes=["https://vault.azure.net/.default"]
    )
    assert "access_token" in told, told
    assert told["id_token_claims"]["preferred_username"] == os.environ["USER_NAME"]
    (account,) = app.get_accounts()
    for resource in ("https://management.azure.com/.default", "https://graph.microsoft.com/.default"):
        again = app.acquire_token_silent_with_error([resource], account=account)
        assert again is not None
        assert "access_token" in again, again


def at_another_device() -> None:
    """azure-identity shows a code and waits; the person types it in at a browser elsewhere."""

    def show(page: str, code: str, _expires: datetime) -> None:
        browser = [sys.executable, str(Path(__file__).with_name("person.py")), page, code]
        subprocess.run(browser, check=True)

    credential = DeviceCodeCredential(tenant_id=TENANT, prompt_callback=show, timeout=60)
    vault = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"
    with credential, SecretClient(vault, credential) as client:
        client.set_secret(sys.argv[2], os.environ["VALUE"])
        assert client.get_secret(sys.argv[2]).value == os.environ["VALUE"]
        client.begin_delete_secret(sys.argv[2]).wait()


{"browser": in_the_browser, "password": by_password, "device": at_another_device}[sys.argv[1]]()
print("done")
