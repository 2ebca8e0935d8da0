"""Azure CLI under `strongroom run`: Azure's own cloud, nothing registered, nothing said of certificates."""

from __future__ import annotations

import json

import pytest

from tests.plugins.toolchain import AZ
from tests.sdk.conftest import Live

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]

AROUND = {
    # What is not this instance's leads to a port where nobody is.
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "AZURE_CORE_SURVEY_MESSAGE": "false",
    "AZURE_CORE_LOGIN_EXPERIENCE_V2": "false",
}
"""What the shell around `run` says."""


def transcript(live: Live, script: str, *options: str, **variables: str) -> dict[str, object]:
    """Run a shell script under `run`, in which `az` is Azure CLI; each of its lines prints a name and a document."""
    beginning = f"""
set -eu
az() {{ {AZ} "$@" --only-show-errors --output json; }}
show() {{ name=$1; shift; printf '{{"%s": ' "$name"; az "$@"; echo '}}'; }}
"""
    result = live.run(["sh", "-c", beginning + script], *options, **AROUND, **variables)
    assert result.returncode == 0, result.stderr
    told: dict[str, object] = {}
    decoder, text = json.JSONDecoder(), result.stdout.strip()
    while text:
        one, end = decoder.raw_decode(text)
        told |= one
        text = text[end:].strip()
    return told


def test_an_application(live: Live, canary: str) -> None:
    """The run's service principal signs in, makes a group, and keeps a secret in the vault by Azure's name."""
    told = transcript(
        live,
        """
az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" >/dev/null
show account account show
show group group create -n by-az-under-run -l local
show set keyvault secret set --vault-name "$KEY_VAULT_NAME" -n by-az --value "$VALUE"
show secret keyvault secret show --vault-name "$KEY_VAULT_NAME" -n by-az
show apps ad app list --query '[].appId'
az keyvault secret delete --vault-name "$KEY_VAULT_NAME" -n by-az >/dev/null
az group delete -n by-az-under-run --yes
""",
        "--service-principal",
        VALUE=canary,
    )
    account, secret = told["account"], told["secret"]
    assert isinstance(account, dict)
    assert isinstance(secret, dict)
    assert (account["environmentName"], account["id"]) == ("AzureCloud", live.facts["subscriptionId"])
    assert secret["value"] == canary
    assert secret["id"].startswith(f"https://{live.facts['vaultName']}.vault.azure.net/secrets/by-az/")
    assert live.service.first["clientId"] in json.dumps(told["apps"])


def test_a_managed_identity(live: Live) -> None:
    """`login --identity` takes the run's own identity."""
    told = transcript(
        live,
        """
az login --identity >/dev/null
show account account show
show secrets keyvault secret list --vault-name "$KEY_VAULT_NAME"
""",
    )
    account = told["account"]
    assert isinstance(account, dict)
    assert account["user"]["assignedIdentityInfo"] == "MSI"
    assert isinstance(told["secrets"], list)


def test_a_person_by_password(live: Live) -> None:
    """Where the operator allows it, a person signs in with the password; it is asked on Azure's own port."""
    first = live.service.first
    allowed = live.call("sign-in", "--password-grant")
    assert allowed.returncode == 0, allowed.stderr
    told = transcript(
        live,
        """
az login -u "$USER_NAME" -p "$USER_PASSWORD" >/dev/null
show account account show
show me ad signed-in-user show
show secrets keyvault secret list --vault-name "$KEY_VAULT_NAME"
""",
        USER_NAME=first["userName"],
        USER_PASSWORD=first["userPassword"],
    )
    account, me = told["account"], told["me"]
    assert isinstance(account, dict)
    assert isinstance(me, dict)
    assert account["user"] == {"name": first["userName"], "type": "user"}
    assert me["userPrincipalName"] == first["userName"]
