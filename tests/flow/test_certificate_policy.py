"""Policies of certificates and creation, through the API: what is read, changed and refused (reference section 4.5)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.flow.client import Client
from tests.flow.vault_certificates import POLICY, create, loaded, made
from tests.world import Answer, Simulation

pytestmark = pytest.mark.usefixtures("restored")
OLD, NEW = "7.5", "2025-07-01"


def begun(vault: Client, name: str, version: str = "2026-04-01", **members: Any) -> Answer:
    """Ask for a certificate."""
    return vault.ask("POST", f"/certificates/{name}/create", version=version, body={"policy": POLICY} | members)


# ---- what the certificate says --------------------------------------------------------------------------------------


def test_the_certificate_says_what_the_policy_says(vault: Client, world: Simulation, name: str) -> None:
    """Subject, every kind of name, usages and validity, in the request as well as in the certificate."""
    wanted = {
        "subject": 'CN=web, O="Example, Inc.", C=DE',
        "sans": {
            "dns_names": ["*.example.com"],
            "emails": ["a@example.com"],
            "upns": ["dörte@example.com"],
            "uris": ["spiffe://example.com/web"],
            "ipAddresses": ["2001:db8::1"],
        },
        "ekus": ["1.3.6.1.5.5.7.3.4"],
        "key_usage": ["digitalSignature", "keyAgreement", "decipherOnly"],
        "validity_months": 3,
    }
    operation = create(vault, name, x509_props=wanted)
    world.settle()
    certificate = loaded(vault.done("GET", f"/certificates/{name}"))
    request = x509.load_der_x509_csr(base64.b64decode(operation["csr"]))
    for one in (certificate, request):
        assert one.subject.rfc4514_string() == r"CN=web,O=Example\, Inc.,C=DE"
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(getattr(found, "value", "")) for found in names][:2] == ["*.example.com", "a@example.com"]
        (upn,) = (found for found in names if isinstance(found, x509.OtherName))
        # A UTF8String (0x0c) of 18 bytes, under Microsoft's name for it.
        assert upn.type_id.dotted_string == "1.3.6.1.4.1.311.20.2.3"
        assert upn.value == b"\x0c\x12" + "dörte@example.com".encode()
        usage = one.extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.key_agreement, usage.decipher_only, usage.key_encipherment) == (True, True, False)
        purposes = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    bundle = vault.done("GET", f"/certificates/{name}")
    # Usages in the order of the alphabet, as recorded by Azure's own client tests of 2021 and 2022.
    told = {"key_usage": ["decipherOnly", "digitalSignature", "keyAgreement"], "basic_constraints": {"ca": False}}
    assert bundle["policy"]["x509_props"] == wanted | told
    assert 89 <= (bundle["attributes"]["exp"] - int(world.clock())) // 86_400 <= 92
    assert bundle["attributes"]["nbf"] == int(world.clock()) - 600


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "P-256K"])
def test_a_certificate_can_be_of_every_curve(vault: Client, world: Simulation, name: str, curve: str) -> None:
    """Each signs itself with its own algorithm."""
    certificate = loaded(made(vault, world, name, key_props={"kty": "EC", "crv": curve}))
    certificate.verify_directly_issued_by(certificate)
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert vault.done("GET", f"/keys/{name}")["key"]["crv"] == curve


def test_a_certificate_is_of_rsa_if_nobody_says(vault: Client, world: Simulation, name: str) -> None:
    """2048 bits, with the defaults of the real service in its policy and its key's operations."""
    body = {"policy": {"x509_props": {"subject": "CN=a"}, "issuer": {"name": "Self"}}}
    vault.ask("POST", f"/certificates/{name}/create", body=body)
    bundle = vault.done("GET", f"/certificates/{name}")
    public = loaded(bundle).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    policy = bundle["policy"]
    assert policy["key_props"] == {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False}
    assert policy["secret_props"] == {"contentType": "application/x-pkcs12"}
    assert policy["x509_props"] == {
        "subject": "CN=a",
        "ekus": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        "key_usage": ["digitalSignature", "keyEncipherment"],
        "validity_months": 12,
        "basic_constraints": {"ca": False},
    }
    assert policy["lifetime_actions"] == [
        {"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}
    ]
    key = vault.done("GET", f"/keys/{name}")["key"]
    assert key["key_ops"] == ["sign", "verify", "wrapKey", "unwrapKey"]


def test_a_key_that_is_not_exportable_stays(vault: Client, world: Simulation, name: str) -> None:
    """The secret then has the certificate alone."""
    pem = {"contentType": "application/x-pem-file"}
    made(vault, world, name, key_props={"kty": "EC", "exportable": False}, secret_props=pem)
    value = vault.done("GET", f"/secrets/{name}")["value"]
    assert "PRIVATE KEY" not in value
    assert value.startswith("-----BEGIN CERTIFICATE-----")
    assert vault.done("GET", f"/certificates/{name}/policy")["key_props"]["exportable"] is False


# ---- what creation refuses ------------------------------------------------------------------------------------------


def test_a_first_version_needs_a_policy(vault: Client, name: str) -> None:
    """There is none to take over."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={})
    assert (answer.status, answer.error["message"]) == (400, "Property policy has invalid value\r\n")


def test_a_policy_that_is_refused_changes_nothing(vault: Client, world: Simulation, name: str) -> None:
    """Of a certificate that there is."""
    before = made(vault, world, name)
    answer = begun(vault, name, policy=POLICY | {"key_props": {"kty": "oct"}})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert vault.done("GET", f"/certificates/{name}") == before


@pytest.mark.parametrize("collection", ["keys", "secrets"])
def test_the_name_of_a_key_or_a_secret_is_taken(vault: Client, name: str, collection: str) -> None:
    """409, for a certificate would have both."""
    if collection == "keys":
        vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    else:
        vault.put(name)
    answer = begun(vault, name)
    assert (answer.status, answer.error["code"]) == (409, "Conflict")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


def test_the_name_of_a_deleted_certificate_is_taken(vault: Client, world: Simulation, name: str) -> None:
    """As long as it can be recovered."""
    made(vault, world, name)
    vault.done("DELETE", f"/certificates/{name}")
    answer = begun(vault, name)
    assert (answer.status, answer.error["innererror"]) == (409, {"code": "ObjectIsDeletedButRecoverable"})


def test_tags_have_limits(vault: Client, name: str) -> None:
    """Those of every object."""
    answer = begun(vault, name, tags={str(number): "" for number in range(16)})
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


def test_what_azures_own_services_ask_for_is_refused(vault: Client, name: str) -> None:
    """By versions that know it; Azure's clients say that every such call fails."""
    policy = POLICY | {"platformManaged": {"certificateUsage": "x"}}
    answer = begun(vault, name, policy=policy)
    assert (answer.status, answer.error["message"]) == (
        400,
        "Property platformManaged is for Azure's own services and is not taken.",
    )
    assert begun(vault, name, NEW, policy=policy).status == 202


def test_older_versions_do_not_know_newer_names(vault: Client, world: Simulation, name: str) -> None:
    """`uris` and `ipAddresses` are neither read nor answered; nor is preserveCertOrder before 7.6."""
    props = {"subject": "CN=a", "sans": {"uris": ["https://a.example"], "ipAddresses": ["192.0.2.1"]}}
    policy = POLICY | {"x509_props": props}
    assert "preserveCertOrder" not in begun(vault, name, OLD, policy=policy, preserveCertOrder=True).json
    world.settle()
    assert "sans" not in vault.done("GET", f"/certificates/{name}")["policy"]["x509_props"]
    begun(vault, name, NEW, policy=policy)
    known = vault.done("GET", f"/certificates/{name}/policy", version=NEW)
    assert known["x509_props"]["sans"] == props["sans"]
    assert "sans" not in vault.done("GET", f"/certificates/{name}/policy", version=OLD)["x509_props"]


def test_the_policy_alone_says_whether_a_certificate_is_published(vault: Client, world: Simulation, name: str) -> None:
    """The operation does not repeat `cert_transparency`, as recorded by Azure's own client tests of 2023."""
    issuer = {"name": "Self", "cert_transparency": False}
    assert create(vault, name, issuer=issuer)["issuer"] == {"name": "Self"}
    world.settle()
    assert vault.done("GET", f"/certificates/{name}/policy")["issuer"] == issuer


def test_the_record_of_a_creation_says_what_was_asked_for(vault: Client, world: Simulation, name: str) -> None:
    """The policy's properties, and where the operation is."""
    create(vault, name, issuer={"name": "Unknown"})
    entry = world.entries()[-1]
    assert entry["operationName"] == "CertificateCreate"
    told = entry["properties"]["certificatePolicyProperties"]
    assert (told["subject"], told["issuer"], told["keyProperties"]) == (
        "CN=example.com",
        "Unknown",
        {"type": "EC", "curve": "P-256"},
    )


# ---- the policy by itself -------------------------------------------------------------------------------------------


def test_a_policy_is_changed_in_part(vault: Client, world: Simulation, name: str) -> None:
    """What is left out stays, and the version that there is stays as it was."""
    before = made(vault, world, name)
    world.advance(5)
    changed = vault.done(
        "PATCH",
        f"/certificates/{name}/policy",
        body={"x509_props": {"validity_months": 6}, "key_props": {"kty": "RSA"}},
    )
    assert changed["x509_props"] == before["policy"]["x509_props"] | {"validity_months": 6}
    assert changed["key_props"] == {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False}
    assert changed["attributes"]["updated"] == before["policy"]["attributes"]["updated"] + 5
    assert changed["id"] == f"{vault.origin}/certificates/{name}/policy"
    assert vault.done("GET", f"/certificates/{name}/policy") == changed
    assert vault.done("GET", f"/certificates/{name}")["cer"] == before["cer"]
    assert world.entries()[-3]["operationName"] == "CertificatePolicyUpdate"


def test_a_change_that_contradicts_what_stays_is_refused(vault: Client, world: Simulation, name: str) -> None:
    """One clear sentence, and nothing is changed."""
    made(vault, world, name)
    before = vault.done("GET", f"/certificates/{name}/policy")
    answer = vault.ask("PATCH", f"/certificates/{name}/policy", body={"issuer": {"name": "Unknown"}})
    assert (answer.status, answer.error["message"]) == (
        400,
        "Property action_type cannot be AutoRenew where the issuer is Unknown: nobody can be asked.",
    )
    assert vault.done("GET", f"/certificates/{name}/policy") == before


def test_a_change_cannot_name_an_issuer_that_is_not_there(vault: Client, world: Simulation, name: str) -> None:
    """As a creation cannot."""
    made(vault, world, name)
    answer = vault.ask("PATCH", f"/certificates/{name}/policy", body={"issuer": {"name": "none"}})
    assert (answer.status, answer.error["code"]) == (404, "CertificateIssuerNotFound")


def test_what_is_not_there_has_no_policy(vault: Client, name: str) -> None:
    """To read or to change."""
    for method, body in (("GET", None), ("PATCH", {})):
        answer = vault.ask(method, f"/certificates/{name}/policy", body=body)
        assert (answer.status, answer.error["code"]) == (404, "CertificateNotFound")


@pytest.mark.parametrize(("curve", "size"), [("P-256", 256), ("P-384", 384), ("P-521", 521), ("P-256K", 256)])
def test_a_curve_has_a_size(vault: Client, name: str, curve: str, size: int) -> None:
    """A policy says how large its keys are, on a curve too: azurerm reads it without asking whether it is there."""
    create(vault, name, key_props={"kty": "EC", "crv": curve}, issuer={"name": "Unknown"})
    shown = vault.done("GET", f"/certificates/{name}/policy")["key_props"]
    assert (shown["crv"], shown["key_size"]) == (curve, size)
