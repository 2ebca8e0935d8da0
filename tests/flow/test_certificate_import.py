"""SEC-KEY-9: importing certificates with their keys, from PKCS#12 and PEM (reference section 4.5)."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from strongroom.core import certificate_limits as limits
from strongroom.crypto import forks
from tests.flow.client import Client, version_of
from tests.flow.imported import (
    TWO_KEYS,
    TWO_KEYS_PASSWORD,
    chain,
    in_pem,
    key_pem,
    openssl,
    pem_of,
    self_signed,
    signed,
)
from tests.flow.vault_certificates import create, loaded, made
from tests.plugins.canary import plant
from tests.world import START, Answer, Simulation

pytestmark = pytest.mark.usefixtures("restored")

P12, PEM_FILE = "application/x-pkcs12", "application/x-pem-file"


def bring_in(vault: Client, name: str, value: str, **members: Any) -> Any:
    """Import; the bundle."""
    return vault.done("POST", f"/certificates/{name}/import", body={"value": value, **members})


def refused(vault: Client, name: str, value: str, **members: Any) -> str:
    """Import what is refused: a sentence, and nothing is left."""
    answer = vault.ask("POST", f"/certificates/{name}/import", body={"value": value, **members})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter"), answer.body
    for kind in ("certificates", "keys", "secrets"):
        assert vault.ask("GET", f"/{kind}/{name}").status == 404
    return str(answer.error["message"])


def pfx(key: Any, *certificates: x509.Certificate, password: str | None = None) -> str:
    """Write PKCS#12 as the library does."""
    encryption = BestAvailableEncryption(password.encode()) if password is not None else NoEncryption()
    leaf, above = (certificates[0], certificates[1:]) if certificates else (None, ())
    whole = pkcs12.serialize_key_and_certificates(b"a", key, leaf, above, encryption)
    return base64.b64encode(whole).decode()


@pytest.fixture(scope="module")
def pair() -> tuple[Any, x509.Certificate]:
    """Make a key and its certificate that no test changes."""
    return self_signed(START)


# ---- what comes of one ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [P12, PEM_FILE])
def test_an_import_is_a_certificate_a_key_and_a_secret(
    vault: Client, name: str, pair: tuple[Any, x509.Certificate], form: str
) -> None:
    """All three are there, of one version; the key signs, and the secret hands out both in the form that came."""
    key, certificate = pair
    bundle = bring_in(vault, name, pfx(key, certificate) if form == P12 else in_pem(key, certificate))
    assert loaded(bundle) == certificate
    assert bundle["policy"]["secret_props"] == {"contentType": form}
    secret = vault.done("GET", f"/secrets/{name}")
    assert (secret["contentType"], secret["managed"], secret["kid"]) == (form, True, bundle["kid"])
    if form == P12:
        private, leaf, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
        assert private is not None
        assert (private.public_key(), leaf) == (key.public_key(), certificate)
    else:
        assert secret["value"] == in_pem(key, certificate)
    told = vault.done("GET", f"/keys/{name}")
    numbers = key.public_key().public_numbers()
    assert base64.urlsafe_b64decode(told["key"]["x"] + "=") == numbers.x.to_bytes(32, "big")
    assert {version_of(bundle)} == {one.rpartition("/")[2] for one in (secret["id"], told["key"]["kid"])}


def test_a_policy_is_made_of_the_certificate(vault: Client, name: str) -> None:
    """Without a policy, the certificate's own key, names, usages, purposes and length of life are the policy."""
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("a.example.com"),
            x509.RFC822Name("a@example.com"),
            x509.UniformResourceIdentifier("https://example.com/a"),
            x509.IPAddress(ip_address("192.0.2.1")),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x0da@example.org"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")])
    key = rsa.generate_private_key(65537, 2048)
    subject = "CN=a.example.com,O=Example\\, Inc.,C=DE"
    pair = self_signed(START, subject, key=key, extensions=(names, usage, purposes), days=730)
    policy = bring_in(vault, name, in_pem(*pair))["policy"]
    assert policy["key_props"] == {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False}
    assert policy["x509_props"] == {
        "subject": "CN=a.example.com, O=Example\\, Inc., C=DE",
        "sans": {
            "dns_names": ["a.example.com"],
            "emails": ["a@example.com"],
            "upns": ["a@example.org"],
            "uris": ["https://example.com/a"],
            "ipAddresses": ["192.0.2.1"],
        },
        "ekus": ["1.3.6.1.5.5.7.3.1"],
        "key_usage": ["digitalSignature", "keyEncipherment"],
        "validity_months": 24,
        "basic_constraints": {"ca": False},
    }
    assert policy["secret_props"] == {"contentType": PEM_FILE}
    assert policy["issuer"] == {"name": "Unknown"}
    assert policy["lifetime_actions"] == [
        {"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}
    ]
    assert vault.done("GET", f"/keys/{name}")["key"]["key_ops"] == ["sign", "verify", "wrapKey", "unwrapKey"]


def test_what_is_said_is_kept(vault: Client, world: Simulation, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """Tags, `enabled`, the form of the secret and the issuer of the next version are as the import says."""
    policy = {
        "secret_props": {"contentType": PEM_FILE},
        "issuer": {"name": "Self"},
        "key_props": {"reuse_key": True},
    }
    bundle = bring_in(vault, name, pfx(*pair), policy=policy, tags={"a": "b"}, attributes={"enabled": False, "exp": 1})
    assert (bundle["tags"], bundle["attributes"]["enabled"]) == ({"a": "b"}, False)
    assert bundle["attributes"]["exp"] == int(pair[1].not_valid_after_utc.timestamp())
    assert bundle["policy"]["issuer"] == {"name": "Self"}
    assert bundle["policy"]["key_props"]["reuse_key"] is True
    assert bundle["policy"]["lifetime_actions"][0]["action"]["action_type"] == "AutoRenew"
    vault.done("PATCH", f"/certificates/{name}", body={"attributes": {"enabled": True}})
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(*pair)


def test_a_key_that_is_not_exportable_stays(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """Then the secret has the certificate alone."""
    bring_in(vault, name, in_pem(*pair), policy={"key_props": {"exportable": False}})
    assert vault.done("GET", f"/secrets/{name}")["value"] == pem_of(pair[1])
    assert vault.done("GET", f"/certificates/{name}/policy")["key_props"]["exportable"] is False


def test_a_second_import_is_a_second_version(vault: Client, world: Simulation, name: str) -> None:
    """It follows on whatever made the first, and keeps who issues; each secret names the one before it."""
    first = made(vault, world, name)
    key, certificate = self_signed(START, "CN=second.example.com")
    second = bring_in(vault, name, in_pem(key, certificate))
    assert second["policy"]["issuer"] == {"name": "Self"}
    assert second["policy"]["x509_props"]["subject"] == "CN=second.example.com"
    assert len(vault.walk(f"/certificates/{name}/versions")) == 2
    assert vault.done("GET", f"/secrets/{name}")["previousVersion"] == version_of(first)
    assert "previousVersion" not in vault.done("GET", f"/secrets/{name}/{version_of(first)}")
    assert "previousVersion" not in vault.done("GET", f"/secrets/{name}", version="7.6")
    assert "pending" not in second


def test_an_import_takes_the_place_of_what_was_never_issued(
    vault: Client, name: str, pair: tuple[Any, x509.Certificate]
) -> None:
    """While an operation is under way there is no import; once it is forgotten, its version is what is imported."""
    create(vault, name, issuer={"name": "Unknown"})
    answer = vault.ask("POST", f"/certificates/{name}/import", body={"value": in_pem(*pair)})
    assert answer.status == 409
    assert "while a pending key vault certificate's status is inProgress" in answer.error["message"]
    vault.done("DELETE", f"/certificates/{name}/pending")
    bring_in(vault, name, in_pem(*pair))
    assert len(vault.walk(f"/certificates/{name}/versions", "&maxresults=5")) == 1


@pytest.mark.parametrize("kind", ["keys", "secrets", "deletedcertificates"])
def test_a_name_that_is_taken(vault: Client, name: str, pair: tuple[Any, x509.Certificate], kind: str) -> None:
    """The name of a key, a secret or a deleted certificate is refused."""
    if kind == "keys":
        vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    elif kind == "secrets":
        vault.put(name)
    else:
        bring_in(vault, name, in_pem(*pair))
        vault.done("DELETE", f"/certificates/{name}")
    answer = vault.ask("POST", f"/certificates/{name}/import", body={"value": in_pem(*pair)})
    assert (answer.status, answer.error["code"]) == (409, "Conflict")


def test_the_journal_says_what_came(
    vault: Client, world: Simulation, name: str, pair: tuple[Any, x509.Certificate]
) -> None:
    """The record of an import has the certificate's facts, and nothing of its key."""
    bring_in(vault, name, in_pem(*pair))
    entry = world.entries()[-1]
    assert entry["operationName"] == "CertificateImport"
    assert entry["properties"]["certificateProperties"]["sha1"] == pair[1].fingerprint(hashes.SHA1()).hex()  # noqa: S303


# ---- chains ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_chain_is_put_in_order(vault: Client, name: str, order: tuple[int, ...]) -> None:
    """Whatever order they come in, the secret has the leaf first, and then each before its issuer."""
    key, certificates = chain(START)
    bring_in(vault, name, in_pem(key, *(certificates[one] for one in order)))
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(key, *certificates)


def test_an_order_can_be_kept(vault: Client, name: str) -> None:
    """With `preserveCertOrder` the chain above the leaf stays as it came."""
    key, (leaf, middle, root) = chain(START)
    bundle = bring_in(vault, name, in_pem(key, leaf, root, middle), preserveCertOrder=True)
    assert bundle["preserveCertOrder"] is True
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(key, leaf, root, middle)


def test_older_versions_know_no_order(vault: Client, name: str) -> None:
    """Before 7.6 `preserveCertOrder` is not read, and the chain is put in order."""
    key, (leaf, middle, root) = chain(START)
    body = {"value": in_pem(key, leaf, root, middle), "preserveCertOrder": True}
    bundle = vault.done("POST", f"/certificates/{name}/import", body=body, version="7.5")
    assert "preserveCertOrder" not in bundle
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(key, leaf, middle, root)


def test_what_does_not_belong_is_refused(vault: Client, name: str) -> None:
    """A certificate that has issued none of the others is no part of the chain."""
    key, certificates = chain(START)
    _, stranger = self_signed(START, "CN=Root", is_ca=True)
    assert "issued none of the others" in refused(vault, name, in_pem(key, *certificates, stranger))


def test_a_chain_has_an_end(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """As many certificates as the limit says are read, and one more is refused."""
    key, certificate = pair
    bring_in(vault, f"{name}-full", in_pem(key, *[certificate] * limits.CHAIN_CERTIFICATES))
    assert "at most" in refused(vault, name, in_pem(key, *[certificate] * (limits.CHAIN_CERTIFICATES + 1)))


# ---- what the openssl command writes --------------------------------------------------------------------------------

WRITTEN = {
    "modern": [],
    "AES-256 and SHA-512": ["-macalg", "sha512", "-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC"],
    "triple DES": ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    "RC2 of 40 bits": ["-legacy"],
    "no MAC": ["-nomac"],
    "many iterations": ["-iter", "100000", "-maciter"],
}


@pytest.mark.toolchain("openssl")
@pytest.mark.parametrize("how", WRITTEN)
def test_what_openssl_writes_is_read(vault: Client, name: str, tmp_path: Path, how: str) -> None:
    """PKCS#12 in each form that the command writes comes with its key and its chain, in order."""
    key, certificates = chain(START)
    (tmp_path / "in.pem").write_text(in_pem(key, *certificates))
    password = plant()
    written = openssl(tmp_path, "pkcs12", "-export", "-in", "in.pem", "-passout", f"pass:{password}", *WRITTEN[how])
    bring_in(
        vault,
        name,
        base64.b64encode(written).decode(),
        pwd=password,
        policy={"secret_props": {"contentType": PEM_FILE}},
    )
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(key, *certificates)


@pytest.mark.toolchain("openssl")
@pytest.mark.parametrize("password", ["", None])
def test_an_empty_password_is_none(
    vault: Client, name: str, tmp_path: Path, pair: tuple[Any, x509.Certificate], password: str | None
) -> None:
    """What the command protects with an empty password is read with that, and with none."""
    (tmp_path / "in.pem").write_text(in_pem(*pair))
    written = openssl(tmp_path, "pkcs12", "-export", "-in", "in.pem", "-passout", "pass:")
    assert loaded(bring_in(vault, name, base64.b64encode(written).decode(), pwd=password)) == pair[1]


@pytest.mark.toolchain("openssl")
@pytest.mark.parametrize("form", [P12, PEM_FILE])
def test_openssl_reads_the_secret(vault: Client, name: str, tmp_path: Path, form: str) -> None:
    """The command finds the key and the chain in what the secret hands out, in either form."""
    key, certificates = chain(START)
    bring_in(vault, name, in_pem(key, *certificates), policy={"secret_props": {"contentType": form}})
    value = vault.done("GET", f"/secrets/{name}")["value"]
    if form == P12:
        given = base64.b64decode(value)
        text = openssl(tmp_path, "pkcs12", "-passin", "pass:", "-nodes", given=given).decode()
    else:
        text = value
        (tmp_path / "all.pem").write_text(value)
        openssl(tmp_path, "pkey", "-in", "all.pem", "-noout", "-check")
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
    assert blocks == [pem_of(one) for one in certificates]
    assert key_pem(key) in text


@pytest.mark.parametrize("exportable", [True, False])
def test_a_secret_is_given_in_pem(vault: Client, name: str, *, exportable: bool) -> None:
    """`outContentType` has the same key and the same chain in PEM; older versions do not know it."""
    key, certificates = chain(START)
    policy = {"secret_props": {"contentType": P12}, "key_props": {"exportable": exportable}}
    bring_in(vault, name, in_pem(key, *certificates), policy=policy)
    query = f"&outContentType={PEM_FILE}"
    secret = vault.done("GET", f"/secrets/{name}", query=query)
    assert secret["contentType"] == PEM_FILE
    assert secret["value"] == (key_pem(key) if exportable else "") + "".join(map(pem_of, certificates))
    assert vault.done("GET", f"/secrets/{name}", version="7.6", query=query)["contentType"] == P12


@pytest.mark.parametrize("form", [P12, PEM_FILE])
def test_a_secret_is_given_in_the_form_that_it_has(vault: Client, name: str, form: str) -> None:
    """There is nothing to be converted."""
    key, certificates = chain(START)
    bring_in(vault, name, in_pem(key, *certificates), policy={"secret_props": {"contentType": form}})
    same = vault.done("GET", f"/secrets/{name}")
    assert vault.done("GET", f"/secrets/{name}", query=f"&outContentType={form}") == same


def test_pem_is_not_given_as_pkcs12(vault: Client, name: str) -> None:
    """Azure's sentence says that there is one way alone."""
    key, certificates = chain(START)
    bring_in(vault, name, in_pem(key, *certificates), policy={"secret_props": {"contentType": PEM_FILE}})
    answer = vault.ask("GET", f"/secrets/{name}", query=f"&outContentType={P12}")
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"
    assert answer.error["message"].startswith("The 'PEM' to 'PFX' transformation is not supported.")


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """A wrong password, none, and what is no PKCS#12 at all are one sentence."""
    value = pfx(*pair, password=plant())
    sentence = "The password is wrong, or the value is no PKCS#12 file."
    assert refused(vault, name, value, pwd=plant()) == sentence
    assert refused(vault, name, value) == sentence
    assert refused(vault, name, base64.b64encode(b"nonsense").decode()) == sentence


@pytest.mark.parametrize("value", ["", "?", "-----BEGIN CERTIFICATE-----\n", "é" * 8, "\ud800"])
def test_garbage_is_refused(vault: Client, name: str, value: str) -> None:
    """What is neither PEM nor base64 is one sentence."""
    assert refused(vault, name, value)


@pytest.mark.toolchain("openssl")
def test_a_certificate_without_its_key_is_refused(
    vault: Client, name: str, pair: tuple[Any, x509.Certificate], tmp_path: Path
) -> None:
    """There is nothing to certify then, in either form."""
    sentence = "There is no private key in the value, and a certificate is imported with its own."
    assert refused(vault, name, pem_of(pair[1])) == sentence
    (tmp_path / "in.pem").write_text(pem_of(pair[1]))
    written = openssl(tmp_path, "pkcs12", "-export", "-nokeys", "-in", "in.pem", "-passout", "pass:x")
    assert refused(vault, name, base64.b64encode(written).decode(), pwd="x") == sentence


def test_a_key_without_a_certificate_is_refused(vault: Client, name: str) -> None:
    """A key alone is imported as a key."""
    key = ec.generate_private_key(ec.SECP256R1())
    assert "no certificate" in refused(vault, name, key_pem(key))
    assert "no certificate" in refused(vault, name, pfx(key))


def test_a_key_that_is_not_the_leafs_is_refused(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """A key that none of the certificates has is refused in the real service's words."""
    other = ec.generate_private_key(ec.SECP256R1())
    assert "does not match the public part of the specified private key" in refused(vault, name, in_pem(other, pair[1]))


def test_two_keys_are_refused(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """Which of them it would be is not guessed."""
    other = ec.generate_private_key(ec.SECP256R1())
    assert "more than one" in refused(vault, name, key_pem(other) + in_pem(*pair))


def test_a_store_of_two_certificates_is_refused(vault: Client, name: str) -> None:
    """A store as Java has it, with another key and its certificate in it, is not one certificate with its chain."""
    assert "issued none of the others" in refused(vault, name, TWO_KEYS, pwd=TWO_KEYS_PASSWORD)


def traditional(key: Any) -> str:
    """Write a key as OpenSSL did before PKCS#8."""
    text: str = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return text


def encrypted(key: Any, password: str) -> str:
    """Write an encrypted key."""
    text: str = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    ).decode()
    return text


PEM_FAULTS: dict[str, tuple[Any, str]] = {
    "encrypted": (lambda key, leaf: encrypted(key, plant()) + pem_of(leaf), "is encrypted, and there is no password"),
    "traditional": (lambda key, leaf: traditional(key) + pem_of(leaf), "PKCS#8"),
    "other": (lambda key, leaf: key_pem(key) + pem_of(leaf).replace("CERTIFICATE", "X509 CRL"), "no CERTIFICATE"),
    "broken": (lambda key, leaf: key_pem(key) + pem_of(leaf).replace("M", "*"), "not base64"),
    "cut": (lambda key, leaf: in_pem(key, leaf)[:-10], "does not end"),
    "not a certificate": (
        lambda key, _leaf: key_pem(key) + key_pem(key).replace("PRIVATE KEY", "CERTIFICATE"),
        "X.509",
    ),
    "not a key": (
        lambda _key, leaf: pem_of(leaf) + pem_of(leaf).replace("CERTIFICATE", "PRIVATE KEY"),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("fault", PEM_FAULTS)
def test_pem_that_is_not_right(vault: Client, name: str, pair: tuple[Any, x509.Certificate], fault: str) -> None:
    """An encrypted key, an older form, another block, one that is broken or cut: each is told."""
    make, words = PEM_FAULTS[fault]
    assert words in refused(vault, name, make(*pair))


ENCRYPTED = {
    "PBES1": ["-v1", "PBE-SHA1-3DES"],
    "PBES2": ["-v2", "aes-256-cbc"],
    "scrypt": ["-scrypt"],
}


@pytest.mark.parametrize("how", ENCRYPTED)
def test_an_encrypted_key_in_pem_is_read(
    vault: Client, name: str, tmp_path: Path, pair: tuple[Any, x509.Certificate], how: str
) -> None:
    """With the password of the import, as the Azure CLI's own tests have it; the secret has it decrypted."""
    (tmp_path / "key.pem").write_text(key_pem(pair[0]))
    password = plant()
    arguments = ("pkcs8", "-topk8", "-in", "key.pem", "-passout", f"pass:{password}", *ENCRYPTED[how])
    value = openssl(tmp_path, *arguments).decode() + pem_of(pair[1])
    assert "The password is wrong" in refused(vault, name, value, pwd=f"{password}x")
    bring_in(vault, name, value, pwd=password)
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(*pair)


def test_pem_can_have_other_line_ends_and_text_between(
    vault: Client, name: str, pair: tuple[Any, x509.Certificate]
) -> None:
    """CRLF, text between the blocks, base64 around all of it, and the key last are read as what they are."""
    text = f"subject=x\n{pem_of(pair[1])}\nkey:\n{key_pem(pair[0])}".replace("\n", "\r\n")
    bring_in(vault, name, base64.b64encode(text.encode()).decode())
    assert vault.done("GET", f"/secrets/{name}")["value"] == in_pem(*pair)


KEYS: dict[str, tuple[Any, str]] = {
    "ed25519": (ed25519.Ed25519PrivateKey.generate, "RSA or an EC key"),
    "curve": (lambda: ec.generate_private_key(ec.SECP224R1()), "curve"),
    "short": (lambda: rsa.generate_private_key(65537, 1024), "bits"),  # noqa: S505  it is refused,
}


@pytest.mark.parametrize(("kind", "form"), [*((kind, PEM_FILE) for kind in KEYS), ("ed25519", P12)])
def test_a_key_that_vaults_do_not_have(vault: Client, name: str, kind: str, form: str) -> None:
    """RSA of fewer than 2048 bits, other curves and other kinds are refused, in either form."""
    make, words = KEYS[kind]
    key, issuer = make(), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name.from_rfc4514_string("CN=a")
    certificate = signed(START, subject, subject, key.public_key(), issuer)
    assert words in refused(vault, name, pfx(key, certificate) if form == P12 else in_pem(key, certificate))


def test_numbers_that_do_not_belong_together_are_refused(vault: Client, name: str) -> None:
    """An RSA key is judged as one that is imported by its members."""
    key = rsa.generate_private_key(65537, 2048)
    own = key.private_numbers()
    _, certificate = self_signed(START, key=key)
    wrong = rsa.RSAPrivateNumbers(own.p, own.q, own.d, own.dmp1 + 2, own.dmq1, own.iqmp, own.public_numbers)
    spoilt = wrong.private_key(unsafe_skip_rsa_key_validation=True)
    assert "do not belong together" in refused(vault, name, in_pem(spoilt, certificate))


TIMES = {"expired": (-10, 9, "expired"), "to come": (1, 9, "not valid yet")}


@pytest.mark.parametrize("when", TIMES)
def test_a_certificate_whose_time_it_is_not(vault: Client, name: str, when: str) -> None:
    """An expired certificate is refused, and so is one whose life has not begun."""
    begins, days, words = TIMES[when]
    assert words in refused(vault, name, in_pem(*self_signed(START, begins=begins, days=days)))


def test_a_policy_does_not_say_what_the_certificate_says(vault: Client, name: str) -> None:
    """Of `x509_props` nothing counts but the certificate's own, as recorded by Azure's own client tests of 2023."""
    pair = self_signed(START, "CN=a.example.com", extensions=(x509.SubjectAlternativeName([x509.DNSName("a")]),))
    bundle = bring_in(
        vault,
        name,
        in_pem(*pair),
        policy={
            "x509_props": {
                "subject": "CN=b.example.com",
                "sans": {"dns_names": ["b"]},
                "ekus": ["1.3.6.1.5.5.7.3.1"],
                "key_usage": ["keyCertSign"],
                "validity_months": 60,
                "basic_constraints": {"ca": True},
            }
        },
    )
    assert bundle["policy"]["x509_props"] == {
        "subject": "CN=a.example.com",
        "sans": {"dns_names": ["a"]},
        "ekus": [],
        "key_usage": [],
        "validity_months": 12,
        "basic_constraints": {"ca": False},
    }


def test_a_policy_asks_for_no_other_key(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """One of another type or curve than the key that came is refused."""
    for key in ({"kty": "RSA"}, {"crv": "P-384"}):
        assert "is not what the certificate says" in refused(vault, name, in_pem(*pair), policy={"key_props": key})
    bring_in(vault, name, in_pem(*pair), policy={"key_props": {"kty": "EC", "crv": "P-256"}})


def test_a_subject_is_spelled_as_the_real_service_spells_it(vault: Client, name: str) -> None:
    """A state is `S` and an e-mail address `E`, as recorded by Azure's own client tests of 2023."""
    parts = [
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(x509.NameOID.STATE_OR_PROVINCE_NAME, "WA"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example"),
        x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "a@example.com"),
    ]
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name(parts)
    bundle = bring_in(vault, name, in_pem(key, signed(START, subject, subject, key.public_key(), key)))
    assert bundle["policy"]["x509_props"]["subject"] == "E=a@example.com, CN=Example, S=WA, C=US"


@pytest.mark.parametrize(("days", "months"), [(2, 1), (365, 12), (366, 13), (3650, 120), (36_500, 1200)])
def test_a_month_that_has_begun_counts(vault: Client, name: str, days: int, months: int) -> None:
    """Months of validity are the calendar's, as recorded by Azure's own client tests of 2021 to 2023."""
    bundle = bring_in(vault, name, in_pem(*self_signed(START, days=days)))
    assert bundle["policy"]["x509_props"]["validity_months"] == months


@pytest.mark.parametrize("seconds", [600, 86_399], ids=["dated back", "to the end of the day"])
def test_less_than_a_day_begins_no_month(vault: Client, name: str, seconds: int) -> None:
    """Authorities date a certificate for a year back, or let it end with a day: it has twelve months."""
    bundle = bring_in(vault, name, in_pem(*self_signed(START, days=365 + seconds / 86_400)))
    assert bundle["policy"]["x509_props"]["validity_months"] == 12


def test_a_policy_keeps_its_rules(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """What is given of a policy is held to what every policy is."""
    for policy in (
        {"secret_props": {"contentType": "text/plain"}},
        {"lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}]},
        {"key_props": {"kty": "oct"}},
        {"key_props": {"kty": "EC-HSM"}},
    ):
        refused(vault, name, in_pem(*pair), policy=policy)


# ---- limits ---------------------------------------------------------------------------------------------------------


def test_a_subject_has_a_length(vault: Client, name: str) -> None:
    """A subject of two hundred characters is taken, and one more is not."""
    units = ",".join(f"OU={'x' * 45}" for _ in range(3))
    # A comma and a blank stand between two parts.
    last = limits.SUBJECT_NAME_CHARS - len(f"O=,{units}".replace(",", ", "))
    subject = f"O={'x' * last},{units}"
    full = bring_in(vault, f"{name}-full", in_pem(*self_signed(START, subject)))
    assert len(full["policy"]["x509_props"]["subject"]) == limits.SUBJECT_NAME_CHARS
    assert "subject" in refused(vault, name, in_pem(*self_signed(START, subject.replace("O=", "O=x", 1))))


def test_a_value_has_a_length(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """A value as long as the limit is read, and one more character is not."""
    value = in_pem(*pair)
    value += "\n" * (limits.IMPORT_CHARS - len(value))
    bring_in(vault, f"{name}-full", value)
    assert "characters" in refused(vault, name, f"{value}\n")


def test_a_password_has_a_length(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """A password of two hundred characters opens, and a longer one is not tried."""
    password = plant().ljust(limits.IMPORT_PASSWORD_CHARS, "x")
    value = pfx(*pair, password=password)
    bring_in(vault, f"{name}-full", value, pwd=password)
    assert "password" in refused(vault, name, value, pwd=f"{password}x")


PATIENT_SERVER = """
from strongroom.crypto import forks

forks.WALL_FACTOR = 60
from strongroom.crypto import fork_server

fork_server.main()
"""
"""A server whose works get their seconds of a processor, however many others want it meanwhile."""


@pytest.fixture
def patient(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have files opened by such a server."""
    world.world.forks.end()
    monkeypatch.setattr(forks, "COMMAND", (sys.executable, "-P", "-c", PATIENT_SERVER))
    monkeypatch.setattr(forks, "WALL_FACTOR", 60)
    yield
    world.world.forks.end()


COSTLY: dict[str, tuple[list[str], list[str]]] = {
    P12: (["pkcs12", "-export"], ["-nomac"]),
    PEM_FILE: (["pkcs8", "-topk8", "-outform", "DER"], []),
}


@pytest.mark.toolchain("openssl")
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("form", COSTLY)
def test_a_file_that_costs_too_much_is_refused(
    vault: Client,
    name: str,
    tmp_path: Path,
    pair: tuple[Any, x509.Certificate],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    """What wants its password hashed without end is given up in bounded time; the sentence says why."""
    monkeypatch.setattr(limits, "IMPORT_CPU_S", 1)
    (tmp_path / "in.pem").write_text(in_pem(*pair))
    command, besides = COSTLY[form]
    written = openssl(tmp_path, *command, "-in", "in.pem", "-passout", "pass:x", "-iter", "65536", *besides)
    endless = written.replace(b"\x02\x03\x01\x00\x00", b"\x02\x03\x7f\xff\xff")
    assert endless != written
    value = base64.encodebytes(endless).decode()
    if form == PEM_FILE:
        value = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{value}-----END ENCRYPTED PRIVATE KEY-----\n{pem_of(pair[1])}"
    assert "hashed too many times" in refused(vault, name, value, pwd="x")


def test_too_many_imports_wait(
    vault: Client, world: Simulation, name: str, pair: tuple[Any, x509.Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many imports as the limits say are read or wait; what comes then is told to come later."""
    line = world.world.incoming_certificates._line
    assert line.places == limits.IMPORTS_AT_ONCE + limits.IMPORTS_WAITING
    with monkeypatch.context() as patched:
        patched.setattr(line, "held", line.places)
        answer: Answer = vault.ask("POST", f"/certificates/{name}/import", body={"value": in_pem(*pair)})
        assert answer.status == 429
    bring_in(vault, name, in_pem(*pair))


def test_an_issuer_that_is_not_there_is_told(vault: Client, name: str, pair: tuple[Any, x509.Certificate]) -> None:
    """A policy that names an issuer which the vault does not have is refused, and nothing is imported."""
    body = {"value": in_pem(*pair), "policy": {"issuer": {"name": "nobody"}}}
    answer = vault.ask("POST", f"/certificates/{name}/import", body=body)
    assert (answer.status, answer.error["code"]) == (404, "CertificateIssuerNotFound")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


@pytest.mark.parametrize("reserved", ["issuers", "Contacts"])
def test_a_name_that_means_something_else(vault: Client, pair: tuple[Any, x509.Certificate], reserved: str) -> None:
    """No certificate is called as the vault's issuers or contacts are, whatever the case."""
    answer = vault.ask("POST", f"/certificates/{reserved}/import", body={"value": in_pem(*pair)})
    assert answer.status == 400
