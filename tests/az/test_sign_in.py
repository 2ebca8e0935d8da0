"""Azure CLI registers the instance as a cloud and signs in to it: applications, identities and people."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from tests.assertions import rsa_key
from tests.az.conftest import Az
from tests.plugins.toolchain import AZ
from tests.sdk.applications import administering, make_application
from tests.sdk.conftest import PROGRAMS, Live

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]

_CODE = re.compile(r"open the page (\S+) and enter the code (\S+) to")


def test_a_cloud_and_a_secret(az: Az, tmp_path: Path) -> None:
    """`cloud register` takes everything from the metadata; the first application signs in with its secret."""
    other, first = az.apart().anew(tmp_path), az.first
    cloud = other("cloud show -n Local")
    assert cloud["endpoints"]["activeDirectory"] == first["authority"]
    assert cloud["endpoints"]["resourceManager"] == first["armUri"]
    assert cloud["endpoints"]["microsoftGraphResourceId"] == f"{first['graphUri']}/"
    assert cloud["suffixes"]["keyvaultDns"] == first["vaultUri"].removeprefix(f"https://{first['vaultName']}").rstrip(
        "/"
    )
    assert [one["isActive"] for one in other("cloud list") if one["name"] == "Local"] == [True]

    wrong = other.refused(f"login --service-principal --tenant {first['tenantId']} -u {first['clientId']} -p not-it")
    assert "AADSTS7000215" in wrong
    assert "az login" in other.refused("account show")
    other.sign_in()
    account = other("account show")
    assert (account["id"], account["tenantId"]) == (first["subscriptionId"], first["tenantId"])
    assert account["user"] == {"name": first["clientId"], "type": "servicePrincipal"}
    assert [one["id"] for one in other("account list --refresh")] == [first["subscriptionId"]]
    other("logout")
    assert "az login" in other.refused("account show")


def test_tokens(az: Az) -> None:
    """`account get-access-token` gets one for each resource, from what it remembers, for the right audience."""
    first = az.first
    vaults = first["vaultUri"].replace(f"{first['vaultName']}.", "").rstrip("/")
    for options, audience in (
        ("", f"{first['armUri']}/"),
        ("--resource-type ms-graph", f"{first['graphUri']}/"),
        (f"--resource {vaults}", vaults),
        ("--scope https://vault.azure.net/.default", "https://vault.azure.net"),
    ):
        told = az.apart()(f"account get-access-token {options}")
        claims = jwt.decode(told["accessToken"], options={"verify_signature": False})
        assert (claims["aud"], claims["appid"], claims["tid"]) == (audience, first["clientId"], first["tenantId"])
        assert abs(told["expires_on"] - claims["exp"]) <= 2
    assert "AADSTS500011" in az.refused("account get-access-token --resource https://nobody.example")


def test_a_certificate(az: Az, live: Live, tmp_path: Path) -> None:
    """An application signs in with a certificate that was registered through Graph."""
    with administering(live) as administrator:
        application = make_application(administrator)
        file = application.with_certificate(tmp_path, rsa_key())
    other, first = az.anew(tmp_path / "az").apart(), az.first
    who = f"login --service-principal --tenant {first['tenantId']} -u {application.app_id}"
    assert other(f"{who} --certificate", str(file))[0]["user"]["name"] == application.app_id
    assert other(f"keyvault secret list --vault-name {first['vaultName']}") == []


def test_a_federated_token(az: Az, live: Live, tmp_path: Path) -> None:
    """A workload signs in with a token of an issuer that the application trusts, as in a pipeline."""
    with administering(live) as administrator:
        application = make_application(administrator)
        token = application.with_issuer(live, tmp_path, "https://az.example")
    other, first = az.anew(tmp_path / "az").apart(), az.first
    who = f"login --service-principal --tenant {first['tenantId']} -u {application.app_id}"
    assert other(f"{who} --federated-token", token)[0]["user"]["name"] == application.app_id
    assert other(f"keyvault secret list --vault-name {first['vaultName']}") == []
    said, _, signature = token.rpartition(".")
    forged = f"{said}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    # Anew, since Azure CLI takes a token that it remembers without asking again.
    assert "AADSTS700027" in az.anew(tmp_path / "forged").apart().refused(f"{who} --federated-token", forged)


def test_a_managed_identity(az: Az, live: Live, tmp_path: Path) -> None:
    """`login --identity` takes the managed identity that `strongroom env` offers a shell."""
    shell = live.environment()
    offered = {name: shell[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}
    other = az.anew(tmp_path).apart()
    assert other("login --identity", **offered)[0]["user"]["type"] == "servicePrincipal"
    assert other(f"keyvault secret list --vault-name {az.first['vaultName']}", **offered) == []


def test_a_person_with_a_device_code(az: Az, live: Live, tmp_path: Path) -> None:
    """Azure CLI shows a code, the person types it in at a browser, and is who the CLI then asks for."""
    allowed = live.call("sign-in", "--device-code")
    assert allowed.returncode == 0, allowed.stderr
    other, first = az.anew(tmp_path).apart(), az.first
    told = tmp_path / "told"
    with told.open("w") as stderr:
        process = subprocess.Popen(
            [str(AZ), "login", "--use-device-code", "--tenant", first["tenantId"]],
            env=other.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
    try:
        while (shown := _CODE.search(told.read_text())) is None:
            assert process.poll() is None, told.read_text()
            time.sleep(0.05)
        person = subprocess.run(
            [sys.executable, str(PROGRAMS / "person.py"), shown[1], shown[2]],
            env=other.environment(USER_NAME=first["userName"], USER_PASSWORD=first["userPassword"]),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert person.returncode == 0, person.stderr
        assert process.wait(100) == 0, told.read_text()
    finally:
        process.kill()
        process.wait()
    account = other("account show")
    assert account["user"] == {"name": first["userName"], "type": "user"}
    assert other("ad signed-in-user show")["userPrincipalName"] == first["userName"]
    assert other("group list")[0]["name"] == first["resourceGroup"]
    assert "/me request is only valid" in az.refused("ad signed-in-user show")
