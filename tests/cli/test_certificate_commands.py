"""`strongroom certificate`, as an operator types it at a real service, from request to backup."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.operators import Operator
from tests.plugins.canary import remember


def openssl(*words: str, stdin: bytes = b"") -> bytes:
    """Run openssl."""
    return subprocess.run(["openssl", *words], check=True, capture_output=True, input=stdin).stdout


EC = ("--type", "EC", "--curve", "P-256")


def test_a_certificates_life(operator: Operator, vault: str) -> None:
    """It is made and waited for, listed, changed, renewed, deleted, recovered and purged."""
    names = ("--subject", "CN=www.example.com", "--dns-name", "www.example.com")
    made = operator.json("certificate", "create", vault, "life", "--issuer", "Self", *names, *EC, "--tag", "a=b")
    assert (made["tags"], made["policy"]["x509_props"]["subject"]) == ({"a": "b"}, "CN=www.example.com")
    again = operator.json("certificate", "create", vault, "life")
    assert {one["id"] for one in operator.json("certificate", "versions", vault, "life")} == {made["id"], again["id"]}
    assert operator.json("certificate", "show", vault, "life", made["id"].rpartition("/")[2])["cer"] == made["cer"]
    assert "www.example.com" in operator.done("certificate", "show", vault, "life")
    assert "life" in operator.done("certificate", "list", vault)
    changed = operator.json("certificate", "update", vault, "life", "--disabled", "--tag", "c=d")
    assert (changed["attributes"]["enabled"], changed["tags"]) == (False, {"c": "d"})
    assert "completed" in operator.done("certificate", "pending", "show", vault, "life")
    assert "add --yes" in operator.fails(2, "certificate", "delete", vault, "life")
    deleted = operator.run("certificate", "delete", vault, "life", "--yes")
    assert f"strongroom certificate recover {vault} life" in deleted.stderr
    assert "there is no certificate called life" in operator.fails(1, "certificate", "show", vault, "life")
    assert "life" in operator.done("certificate", "list-deleted", vault)
    told = operator.fails(1, "certificate", "create", vault, "life", "--issuer", "Self", *names, *EC)
    assert f"strongroom certificate recover {vault} life" in told
    operator.done("certificate", "recover", vault, "life")
    operator.done("certificate", "delete", vault, "life", "--yes")
    operator.done("certificate", "purge", vault, "life", "--yes")


@pytest.mark.toolchain("openssl")
def test_one_that_is_signed_elsewhere(operator: Operator, vault: str, tmp_path: Path) -> None:
    """Its request goes out in PEM, what a CA issued comes in, and openssl verifies what the vault hands out."""
    ca_key, ca, csr, leaf, out = (tmp_path / name for name in ("ca.key", "ca.pem", "leaf.csr", "leaf.pem", "out.pem"))
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(ca_key),
        "-out", str(ca), "-subj", "/CN=A CA elsewhere", "-days", "30",
    )  # fmt: skip
    remember(ca_key.read_text())
    words = ("--subject", "CN=elsewhere.example.com", *EC, "--content", "pem")
    begun = operator.run("certificate", "create", vault, "elsewhere", *words)
    assert (begun.returncode, "certificate merge" in begun.stderr) == (0, True)
    assert operator.json("certificate", "list", vault, "--pending") != operator.json("certificate", "list", vault)
    operator.done("certificate", "csr", vault, "elsewhere", "--output", str(csr))
    openssl("x509", "-req", "-in", str(csr), "-CA", str(ca), "-CAkey", str(ca_key), "-out", str(leaf), "-days", "20")
    leaf.write_bytes(leaf.read_bytes() + ca.read_bytes())
    operator.done("certificate", "merge", vault, "elsewhere", "--file", str(leaf))
    operator.done("certificate", "download", vault, "elsewhere", "--output", str(out), "--with-key")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    remember(out.read_text())
    assert b"OK" in openssl("verify", "-CAfile", str(ca), str(out))
    assert openssl("pkey", "-in", str(out), "-pubout") == openssl("x509", "-in", str(out), "-pubkey", "-noout")


@pytest.mark.toolchain("openssl")
def test_one_that_is_brought_in(operator: Operator, vault: str, tmp_path: Path) -> None:
    """PKCS#12 with its password in a file; it comes back out of a backup as it was."""
    key, pem, pfx, password, saved = (tmp_path / name for name in ("k.pem", "c.pem", "c.pfx", "password", "backup"))
    password.write_text("correct horse\n")
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key),
        "-out", str(pem), "-subj", "/CN=mine", "-days", "30",
    )  # fmt: skip
    remember(key.read_text())
    openssl(
        "pkcs12", "-export", "-inkey", str(key), "-in", str(pem), "-out", str(pfx), "-passout", "pass:correct horse"
    )
    assert "password" in operator.fails(1, "certificate", "import", vault, "mine", "--file", str(pfx)).lower()
    made = operator.json(
        "certificate", "import", vault, "mine", "--file", str(pfx), "--password-file", str(password)
    )  # fmt: skip
    assert operator.done("certificate", "download", vault, "mine") == pem.read_text()
    operator.done("certificate", "backup", vault, "mine", "--file", str(saved))
    operator.done("certificate", "delete", vault, "mine", "--yes")
    operator.done("certificate", "purge", vault, "mine", "--yes")
    assert operator.json("certificate", "restore", vault, "--file", str(saved))["cer"] == made["cer"]


def test_a_policy_goes_through_a_file(operator: Operator, vault: str, tmp_path: Path) -> None:
    """What `policy show` prints, `policy set` and `create --policy` read; options go before it, for another key too."""
    file = tmp_path / "policy.json"
    names = ("--subject", "CN=policy.example.com", "--validity-months", "6")
    operator.done("certificate", "create", vault, "by-policy", "--issuer", "Self", *names, *EC)
    policy = json.loads(operator.done("certificate", "policy", "show", vault, "by-policy"))
    assert policy["x509_props"]["validity_months"] == 6
    policy["x509_props"]["validity_months"] = 3
    rest = {"uris": ["spiffe://example.com/shop"], "ipAddresses": ["192.0.2.1"]}
    policy["x509_props"]["sans"] = {"dns_names": ["policy.example.com"], **rest}
    file.write_text(json.dumps(policy))
    operator.done("certificate", "policy", "set", vault, "by-policy", "--file", str(file))
    shown = json.loads(operator.done("certificate", "policy", "show", vault, "by-policy"))
    assert shown["x509_props"]["validity_months"] == 3
    assert rest.items() <= shown["x509_props"]["sans"].items()
    again = operator.json("certificate", "create", vault, "by-file", "--policy", str(file))
    assert again["policy"]["key_props"]["crv"] == "P-256"
    assert rest.items() <= again["policy"]["x509_props"]["sans"].items()
    named = operator.json("certificate", "create", vault, "by-file", "--policy", str(file), "--dns-name", "a.example")
    assert named["policy"]["x509_props"]["sans"] == {"dns_names": ["a.example"], **rest}
    for words, key in ((("--curve", "P-384"), ("EC", 384, "P-384")), (("--type", "RSA"), ("RSA", 2048, None))):
        other = operator.json("certificate", "create", vault, "by-file", "--policy", str(file), *words)
        made = other["policy"]["key_props"]
        assert (made["kty"], made["key_size"], made.get("crv")) == key


def test_issuers_and_contacts(operator: Operator, vault: str, tmp_path: Path) -> None:
    """An issuer's password goes in and never comes out; of a CA without an account it is said why nothing comes."""
    password = tmp_path / "password"
    password.write_text("of no meaning but this\n")
    remember("of no meaning but this")
    words = ("--provider", "DigiCert", "--account", "an account", "--password-file", str(password))
    made = operator.json("certificate", "issuer", "set", vault, "digicert", *words)
    assert made["credentials"] == {"account_id": "an account"}
    assert operator.json("certificate", "issuer", "update", vault, "digicert", "--organization", "x")["org_details"]
    assert "digicert" in operator.done("certificate", "issuer", "list", vault)
    told = operator.fails(1, "certificate", "create", vault, "paid", "--issuer", "digicert", "--subject", "CN=a", *EC)
    assert "DigiCert" in told
    operator.done("certificate", "issuer", "delete", vault, "digicert", "--yes")
    assert "angle brackets" in " ".join(operator.done("certificate", "contacts", "set", "--help").split())
    assert "Ops" in operator.done("certificate", "contacts", "set", vault, "Ops <ops@example.com>", "b@example.com")
    assert len(operator.json("certificate", "contacts", "show", vault)) == 2
    operator.done("certificate", "contacts", "delete", vault, "--yes")
