"""A client that understands continuous access: signed in once, its session is revoked, and its address is blocked."""

import os
import time
from pathlib import Path

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import UsernamePasswordCredential
from azure.keyvault.secrets import SecretClient

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def step(number: int) -> None:
    """Wait until the test has done something."""
    folder = Path(os.environ["STEPS"])
    (folder / str(number)).touch()
    while not (folder / f"{number}.done").exists():
        time.sleep(0.02)


credential = UsernamePasswordCredential(
    AZURE_CLI, os.environ["USER_NAME"], os.environ["USER_PASSWORD"], tenant_id=os.environ["TENANT"]
)
vault = f"https://{os.environ['KEY_VAULT_NAME']}.vault.azure.net"
with credential, SecretClient(vault, credential) as client:
    client.set_secret("continuous", os.environ["VALUE"])

    step(0)  # the session is revoked, and the client finds its way by itself
    assert client.get_secret("continuous").value == os.environ["VALUE"]

    step(1)  # a policy blocks this address, and the client says which number it was told
    try:
        client.get_secret("continuous")
    except ClientAuthenticationError as error:
        assert "AADSTS53003" in str(error), error
    else:
        raise AssertionError("a blocked address was let in")

    step(2)  # the policy is gone
    assert client.get_secret("continuous").value == os.environ["VALUE"]
print("done")
