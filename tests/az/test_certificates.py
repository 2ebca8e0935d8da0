"""Azure CLI makes certificates, has one signed elsewhere, brings one in, and says who issues and who is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.az.conftest import Az
from tests.plugins.canary import remember

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az", "openssl"), pytest.mark.timeout(600)]


@pytest.fixture
def vault(az: Az, group: str, tag: str) -> str:
    """Give the name of a new vault: the signed-in application administers all of the subscription's."""
    name: str = az(f"keyvault create -n c-{tag} -g {group} -l local --retention-days 7")["name"]
    return name


def openssl(*words: str) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def policy(issuer: str) -> str:
    """Give the policy of a certificate that is quickly made, as az reads it."""
    return json.dumps(
        {
            "issuerParameters": {"name": issuer},
            "keyProperties": {"exportable": True, "keyType": "EC", "curve": "P-256", "reuseKey": False},
            "secretProperties": {"contentType": "application/x-pem-file"},
            "x509CertificateProperties": {"subject": "CN=az.example.com", "validityInMonths": 6},
        }
    )


def test_a_certificates_life(az: Az, vault: str, tag: str, tmp_path: Path) -> None:
    """It is made, shown, downloaded, changed, backed up, deleted, purged and restored."""
    it = f"--vault-name {vault} -n c-{tag}"
    assert az("keyvault certificate get-default-policy")["issuerParameters"]["name"] == "Self"
    made = az(f"keyvault certificate create {it} -p", policy("Self"))
    assert made["status"] == "completed"
    shown = az(f"keyvault certificate show {it}")
    assert shown["policy"]["x509CertificateProperties"]["validityInMonths"] == 6
    file, saved = tmp_path / "c.pem", tmp_path / "backup"
    az(f"keyvault certificate download {it} -f {file}")
    openssl("x509", "-in", str(file), "-noout")
    assert az(f"keyvault certificate set-attributes {it} --tags a=b")["tags"] == {"a": "b"}
    assert [one["name"] for one in az(f"keyvault certificate list --vault-name {vault}")] == [f"c-{tag}"]
    assert len(az(f"keyvault certificate list-versions {it}")) == 1
    az(f"keyvault certificate backup {it} -f {saved}")
    az(f"keyvault certificate delete {it}")
    az(f"keyvault certificate purge {it}")
    assert az(f"keyvault certificate restore --vault-name {vault} -f {saved}")["cer"] == shown["cer"]


def test_one_that_is_signed_elsewhere(az: Az, vault: str, tag: str, tmp_path: Path) -> None:
    """Its request is signed by a CA of openssl, and merged; another is brought in with its key."""
    it = f"--vault-name {vault} -n m-{tag}"
    ca_key, ca, csr, leaf, both = (tmp_path / name for name in ("ca.key", "ca.pem", "r.pem", "l.pem", "both.pem"))
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(ca_key),
        "-out", str(ca), "-subj", "/CN=A CA elsewhere", "-days", "30",
    )  # fmt: skip
    remember(ca_key.read_text())
    begun = az(f"keyvault certificate create {it} -p", policy("Unknown"))
    csr.write_text(f"-----BEGIN CERTIFICATE REQUEST-----\n{begun['csr']}\n-----END CERTIFICATE REQUEST-----\n")
    openssl("x509", "-req", "-in", str(csr), "-CA", str(ca), "-CAkey", str(ca_key), "-out", str(leaf), "-days", "20")
    assert az(f"keyvault certificate pending merge {it} -f {leaf}")["attributes"]["enabled"] is True
    both.write_text(ca_key.read_text() + ca.read_text())
    assert az(f"keyvault certificate import --vault-name {vault} -n i-{tag} -f {both}")["cer"]


def test_issuers_and_contacts(az: Az, vault: str, tag: str) -> None:
    """An issuer is made and removed, and so is whoever is told."""
    at = f"--vault-name {vault}"
    made = az(f"keyvault certificate issuer create {at} --issuer-name i-{tag} --provider-name DigiCert --account-id a")
    assert made["provider"] == "DigiCert"
    assert az(f"keyvault certificate issuer list {at}")[0]["provider"] == "DigiCert"
    az(f"keyvault certificate issuer delete {at} --issuer-name i-{tag}")
    told = az(f"keyvault certificate contact add {at} --email ops@example.com --name Ops")
    assert told["contactList"][0]["emailAddress"] == "ops@example.com"
    az(f"keyvault certificate contact delete {at} --email ops@example.com")
