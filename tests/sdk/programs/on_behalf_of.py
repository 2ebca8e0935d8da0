"""A web API acts on behalf of whoever called it, as the official clients do it; argument: `secret` or `certificate`."""

import os
import sys
from pathlib import Path

import msal
from azure.identity import OnBehalfOfCredential
from azure.keyvault.secrets import SecretClient

AUTHORITY = f"https://login.microsoftonline.com/{os.environ['TENANT']}"
HOW = sys.argv[1]


def called_with() -> str:
    """Sign the user in to the program that calls the API, and give the token that it calls with."""
    app = msal.PublicClientApplication(os.environ["WEB_ID"], authority=AUTHORITY)
    told = app.acquire_token_by_username_password(
        os.environ["USER_NAME"], os.environ["USER_PASSWORD"], scopes=[f"api://{os.environ['API_ID']}/access"]
    )
    assert "access_token" in told, told
    assert app.get_accounts()[0]["username"] == os.environ["USER_NAME"]
    return str(told["access_token"])


def by_azure_identity(assertion: str) -> None:
    """Open the vault with the user's rights."""
    if HOW == "secret":
        proof = {"client_secret": os.environ["API_SECRET"]}
    else:
        proof = {"client_certificate": Path(os.environ["API_CERTIFICATE"]).read_bytes()}
    credential = OnBehalfOfCredential(os.environ["TENANT"], os.environ["API_ID"], user_assertion=assertion, **proof)
    vault = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"
    name = f"on-behalf-of-{HOW}"
    with credential, SecretClient(vault, credential) as client:
        client.set_secret(name, os.environ["VALUE"])
        assert client.get_secret(name).value == os.environ["VALUE"]
        client.begin_delete_secret(name).wait()


def by_msal(assertion: str) -> None:
    """Msal keeps what it got, refreshes it, and is told what nobody consented to."""
    if HOW == "secret":
        proof = os.environ["API_SECRET"]
    else:
        pem = Path(os.environ["API_CERTIFICATE"]).read_text()
        proof = {"private_key": pem, "public_certificate": pem, "thumbprint": os.environ["API_THUMBPRINT"]}
    app = msal.ConfidentialClientApplication(os.environ["API_ID"], authority=AUTHORITY, client_credential=proof)
    told = app.acquire_token_on_behalf_of(assertion, scopes=["https://vault.azure.net/.default"])
    assert told.get("token_source") == "identity_provider", told
    (account,) = app.get_accounts()
    again = app.acquire_token_silent_with_error(
        ["https://vault.azure.net/.default"], account=account, force_refresh=True
    )
    assert again is not None
    assert again.get("token_source") == "identity_provider", again
    refused = app.acquire_token_on_behalf_of(assertion, scopes=["https://management.azure.com/.default"])
    assert (refused["error"], refused["suberror"]) == ("invalid_grant", "consent_required"), refused


token = called_with()
by_azure_identity(token)
by_msal(token)
print("done")
