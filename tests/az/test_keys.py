"""Azure CLI does with keys all that it can."""

from __future__ import annotations

import base64
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.az.conftest import Az
from tests.plugins.canary import remember

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az", "openssl"), pytest.mark.timeout(600)]


@pytest.fixture
def vault(az: Az, group: str, tag: str) -> str:
    """Give the name of a new vault: the signed-in application administers all of the subscription's."""
    made = az(f"keyvault create -n k-{tag} -g {group} -l local --retention-days 7")
    name: str = made["name"]
    return name


def test_the_life_of_a_key(az: Az, vault: str, tmp_path: Path) -> None:
    """Made, shown, changed, rotated, used, downloaded, backed up, deleted, recovered, purged and restored."""
    place = f"--vault-name {vault} -n k"
    first = az.apart()(f"keyvault key create {place} --kty RSA --size 2048 --tags env=test")
    assert (first["key"]["kty"], first["tags"]) == ("RSA", {"env": "test"})
    changed = az(
        f"keyvault key set-attributes {place} --expires 2099-01-01T00:00:00Z --ops sign verify encrypt decrypt"
    )
    assert changed["attributes"]["expires"] == "2099-01-01T00:00:00+00:00"
    assert changed["key"]["keyOps"] == ["sign", "verify", "encrypt", "decrypt"]
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}],'
        ' "attributes": {"expiryTime": "P1Y"}}'
    )
    az(f"keyvault key rotation-policy update {place} --value {policy}")
    assert az(f"keyvault key rotation-policy show {place}")["expiresIn"] == "P1Y"
    second = az(f"keyvault key rotate {place}")
    assert second["key"]["kid"] != first["key"]["kid"]
    assert az(f"keyvault key show {place}")["key"]["kid"] == second["key"]["kid"]
    versions = az(f"keyvault key list-versions {place}")
    assert {one["kid"] for one in versions} == {first["key"]["kid"], second["key"]["kid"]}
    assert [one["name"] for one in az(f"keyvault key list --vault-name {vault}")] == ["k"]

    value = base64.b64encode(b"for az to encrypt").decode()
    sealed = az(f"keyvault key encrypt {place} --algorithm RSA-OAEP-256 --value {value}")
    opened = az(f"keyvault key decrypt {place} --algorithm RSA-OAEP-256 --value", sealed["result"])
    assert opened["result"] == value
    digest = base64.b64encode(sha256(b"for az to sign").digest()).decode()
    signed = az(f"keyvault key sign {place} --algorithm PS256 --digest {digest}")
    command = f"keyvault key verify {place} --algorithm PS256 --digest {digest} --signature"
    assert az(command, signed["signature"])["isValid"] is True

    public, backup = tmp_path / "public.pem", tmp_path / "backup"
    az(f"keyvault key download {place} -f {public}")
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    az(f"keyvault key backup {place} -f {backup}")
    assert az(f"keyvault key delete {place}")["recoveryId"].endswith("/deletedkeys/k")
    assert "KeyNotFound" in az.refused(f"keyvault key show {place}")
    az(f"keyvault key recover {place}")
    az(f"keyvault key delete {place}")
    az(f"keyvault key purge {place}")
    assert az(f"keyvault key list-deleted --vault-name {vault}") == []
    assert az(f"keyvault key restore --vault-name {vault} -f {backup}")["key"]["kid"] == second["key"]["kid"]


@pytest.mark.parametrize(("curve", "answered"), [("P-256", "P-256"), ("secp256k1", "P-256K")])
def test_import(az: Az, vault: str, tmp_path: Path, curve: str, answered: str) -> None:
    """A private key in PEM goes in, and its public part comes out."""
    file, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", file], check=True
    )
    remember(file.read_text())
    assert az(f"keyvault key import --vault-name {vault} -n k --pem-file {file}")["key"]["crv"] == answered
    az(f"keyvault key download --vault-name {vault} -n k -f {public}")
    wanted = subprocess.run(["openssl", "pkey", "-in", file, "-pubout"], check=True, capture_output=True, text=True)
    assert public.read_text().split() == wanted.stdout.split()
