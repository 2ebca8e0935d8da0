"""
Get tokens with msal itself, and use one; the argument is what the client proves itself by, or `device`.

The parts of the credential are in the folder that MATERIAL names.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal
import requests

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
TENANT, VAULT = os.environ["TENANT"], os.environ["VAULT_URL"]
AUTHORITY = f"https://login.microsoftonline.com/{TENANT}"
SCOPES = ["https://vault.azure.net/.default"]


def read(name: str) -> str:
    """Read a part of the credential."""
    return (Path(os.environ["MATERIAL"]) / name).read_text()


def use(answer: dict[str, Any] | None) -> None:
    """List the vault's secrets with a token."""
    assert answer is not None
    assert "access_token" in answer, answer
    listed = requests.get(
        f"{VAULT}/secrets?api-version=7.4", headers={"Authorization": f"Bearer {answer['access_token']}"}, timeout=30
    )
    assert listed.status_code == 200, listed.text


CREDENTIALS: dict[str, Callable[[], object]] = {
    "secret": lambda: os.environ["SECRET"],
    # Named by its SHA-1, as everybody did until lately.
    "certificate": lambda: {"private_key": read("key.pem"), "thumbprint": os.environ["THUMBPRINT"]},
    # With the certificate sent along (x5c, for subject name and issuer); alone it is then named by its SHA-256.
    "certificate x5c": lambda: {
        "private_key": read("key.pem"),
        "thumbprint": os.environ["THUMBPRINT"],
        "public_certificate": read("certificate.pem"),
    },
    "certificate sha256": lambda: {"private_key": read("key.pem"), "public_certificate": read("certificate.pem")},
    "pfx": lambda: {"private_key_pfx_path": f"{os.environ['MATERIAL']}/both.pfx", "passphrase": "a phrase"},
    "pfx x5c": lambda: {
        "private_key_pfx_path": f"{os.environ['MATERIAL']}/both.pfx",
        "passphrase": "a phrase",
        "public_certificate": True,
    },
    "assertion": lambda: {"client_assertion": read("token")},
    "assertion function": lambda: {"client_assertion": lambda: read("token")},
}


def as_itself(kind: str) -> None:
    """Be a confidential client, whose second token is the first one, from its cache."""
    app = msal.ConfidentialClientApplication(
        os.environ["CLIENT_ID"], authority=AUTHORITY, client_credential=CREDENTIALS[kind]()
    )
    first = app.acquire_token_for_client(SCOPES)
    use(first)
    again = app.acquire_token_for_client(SCOPES)
    assert (again["token_source"], again["access_token"]) == ("cache", first["access_token"])
    assert app.remove_tokens_for_client() is None
    use(app.acquire_token_for_client(SCOPES))


def for_a_user() -> None:
    """Be a public client without a browser: show a code, and wait until the person has typed it in elsewhere."""
    app = msal.PublicClientApplication(AZURE_CLI, authority=AUTHORITY)
    flow = app.initiate_device_flow(SCOPES)
    assert flow["user_code"] in flow["message"]
    browser = [sys.executable, str(Path(__file__).with_name("person.py")), flow["verification_uri"], flow["user_code"]]
    subprocess.run(browser, check=True)
    answer = app.acquire_token_by_device_flow(flow)
    use(answer)
    assert answer["id_token_claims"]["preferred_username"] == os.environ["USER_NAME"]
    (account,) = app.get_accounts(username=os.environ["USER_NAME"])
    use(app.acquire_token_silent_with_error(SCOPES, account=account))
    use(app.acquire_token_silent_with_error(SCOPES, account=account, force_refresh=True))
    app.remove_account(account)
    assert app.get_accounts() == []


if sys.argv[1] == "device":
    for_a_user()
else:
    as_itself(sys.argv[1])
print("done")
