"""The operation that makes a version: asked for, cancelled, forgotten, merged (reference section 4.5)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7, pkcs12

from strongroom.core import certificate_limits
from tests.flow.authorities import Authority
from tests.flow.client import Client
from tests.flow.issuing import stand_in
from tests.flow.vault_certificates import create, loaded, made
from tests.world import Answer, Simulation

pytestmark = pytest.mark.usefixtures("restored")

UNKNOWN = {"issuer": {"name": "Unknown"}}
NOT_IN_PROGRESS = {"code": "Forbidden", "message": "Pending status must be in progress to allow update."}
"""As Azure's own client for JavaScript was answered in 2023, for a cancellation that came too late."""


@pytest.fixture(scope="module")
def authority(world: Simulation) -> Authority:
    """Make a CA with a root and an issuing certificate."""
    return Authority(world.clock())


@pytest.fixture(autouse=True)
def settles(world: Simulation) -> Iterator[None]:
    """Have every test begin and end with nothing under way."""
    yield
    world.settles = True
    world.settle()


def merge(vault: Client, name: str, *certificates: bytes, **members: Any) -> Answer:
    """Merge what was issued."""
    x5c = [base64.b64encode(one).decode() for one in certificates]
    return vault.ask("POST", f"/certificates/{name}/pending/merge", body={"x5c": x5c, **members})


def refusal(answer: Answer) -> str:
    """Give the sentence of a 400."""
    assert (answer.status, answer.error["code"]) == (400, "BadParameter"), answer.body
    sentence: str = answer.error["message"]
    return sentence


def requested(vault: Client, name: str, **policy: Any) -> x509.CertificateSigningRequest:
    """Begin a certificate that somebody else issues, and give its request."""
    return x509.load_der_x509_csr(base64.b64decode(create(vault, name, **(UNKNOWN | policy))["csr"]))


# ---- reading --------------------------------------------------------------------------------------------------------


def test_creation_says_where_the_operation_is(vault: Client, name: str) -> None:
    """202 has a Location with the operation's request id, by which it can be asked for, and by no other."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY_OF_UNKNOWN})
    request_id = answer.json["request_id"]
    place = f"{vault.origin}/certificates/{name}/pending"
    assert answer.headers["location"] == f"{place}?api-version=2026-04-01&request_id={request_id}"
    assert answer.json["status_details"].startswith("Pending certificate created. Please Perform Merge")
    path = f"/certificates/{name}/pending"
    assert vault.done("GET", path, query=f"&request_id={request_id}")["id"] == place
    other = vault.ask("GET", path, query=f"&request_id={'0' * 32}")
    assert (other.status, other.error["code"]) == (404, "PendingCertificateNotFound")


POLICY_OF_UNKNOWN = {"x509_props": {"subject": "CN=example.com"}, "key_props": {"kty": "EC"}}


def test_what_is_not_there_has_no_operation(vault: Client, name: str) -> None:
    """The operation of a certificate that does not exist is not found, in the operation's words."""
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"cancellation_requested": True}),
        ("DELETE", "", None),
        ("POST", "/merge", {"x5c": []}),
    ):
        answer = vault.ask(method, f"/certificates/{name}/pending{path}", body=body)
        assert answer.status == 404, method
        assert answer.error == {
            "code": "PendingCertificateNotFound",
            "message": f"Pending certificate not found: {name}",
        }


def test_a_second_operation_is_refused_while_one_is_under_way(vault: Client, name: str) -> None:
    """A conflict, and the first one stands as it was."""
    first = create(vault, name, **UNKNOWN)
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY_OF_UNKNOWN})
    assert (answer.status, answer.error["code"]) == (409, "Conflict")
    assert answer.error["message"] == (
        "A new key vault certificate can not be created or imported while a pending key vault certificate's status is"
        " inProgress."
    )
    assert vault.done("GET", f"/certificates/{name}/pending")["request_id"] == first["request_id"]


def test_a_certificate_that_is_not_issued_is_disabled(vault: Client, name: str) -> None:
    """It can be read and has no certificate, no key and no secret yet."""
    create(vault, name, **UNKNOWN)
    bundle = vault.done("GET", f"/certificates/{name}")
    assert bundle["attributes"]["enabled"] is False
    assert not {"cer", "x5t", "kid", "sid"} & set(bundle)
    assert vault.ask("GET", f"/keys/{name}").status == 404
    assert vault.ask("GET", f"/secrets/{name}").status == 404


# ---- cancellation ---------------------------------------------------------------------------------------------------


def test_a_cancellation_is_asked_for_and_then_heeded(vault: Client, world: Simulation, name: str) -> None:
    """It is answered as still in progress; then the operation is cancelled, and cannot be cancelled again."""
    create(vault, name, **UNKNOWN)
    world.settles = False
    asked = vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    assert (asked["status"], asked["cancellation_requested"]) == ("inProgress", True)
    world.settles = True
    cancelled = vault.done("GET", f"/certificates/{name}/pending")
    assert (cancelled["status"], cancelled["cancellation_requested"]) == ("cancelled", True)
    again = vault.ask("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    assert (again.status, again.error) == (403, NOT_IN_PROGRESS)


def test_a_cancellation_cannot_be_taken_back(vault: Client, world: Simulation, name: str) -> None:
    """Nor is it asked for by a request that says nothing."""
    issuer, policy = stand_in(vault, world)
    issuer.away = True
    create(vault, name, **policy)
    assert not vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": False})[
        "cancellation_requested"
    ]
    assert vault.ask("PATCH", f"/certificates/{name}/pending", body={}).status == 400
    vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    back = vault.ask("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": False})
    assert refusal(back) == "A cancellation that was asked for cannot be taken back."


def test_a_version_that_is_there_cannot_be_cancelled(vault: Client, world: Simulation, name: str) -> None:
    """A completed operation refuses it."""
    made(vault, world, name)
    answer = vault.ask("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    assert (answer.status, answer.error) == (403, NOT_IN_PROGRESS)


def test_a_forgotten_operation_is_gone(vault: Client, name: str) -> None:
    """It is answered as it was; then there is none, and another one can begin, for the same version."""
    first = create(vault, name, **UNKNOWN)
    version = vault.done("GET", f"/certificates/{name}")["id"]
    assert vault.done("DELETE", f"/certificates/{name}/pending") == first
    assert vault.ask("GET", f"/certificates/{name}/pending").status == 404
    assert "pending" not in vault.done("GET", f"/certificates/{name}")
    create(vault, name)
    bundle = vault.done("GET", f"/certificates/{name}")
    assert (bundle["id"], bundle["attributes"]["enabled"]) == (version, True)
    assert len(vault.done("GET", f"/keys/{name}/versions")["value"]) == 1


# ---- merging --------------------------------------------------------------------------------------------------------


def test_what_was_issued_elsewhere_is_merged(vault: Client, authority: Authority, name: str) -> None:
    """201 with the place of the version, whose key, secret and chain are there at once."""
    answer = merge(vault, name_of(vault, name), *authority.issue(requested(vault, name)), tags={"a": "b"})
    assert answer.status == 201, answer.body
    bundle = answer.json
    assert answer.headers["location"] == f"{bundle['id'].rpartition('/')[0]}?api-version=2026-04-01"
    assert (bundle["tags"], bundle["attributes"]["enabled"]) == ({"a": "b"}, True)
    secret = vault.done("GET", f"/secrets/{name}")
    private, leaf, above = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
    assert private is not None
    assert leaf is not None
    assert private.public_key() == leaf.public_key()
    assert leaf == loaded(bundle)
    assert above == [authority.issuing.certificate, authority.root.certificate]
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "completed"
    again = merge(vault, name, leaf.public_bytes(Encoding.DER))
    assert refusal(again) == "There is nothing to merge: the pending certificate is completed."


def name_of(_vault: Client, name: str) -> str:
    """Give the name, for arguments that are evaluated in order."""
    return name


def test_the_record_of_a_merge_says_what_came(
    vault: Client, world: Simulation, authority: Authority, name: str
) -> None:
    """Its subject, its thumbprints and its dates."""
    leaf, *_ = authority.issue(requested(vault, name))
    merge(vault, name, leaf)
    entry = world.entries()[-1]
    told = entry["properties"]["certificateProperties"]
    assert entry["operationName"] == "CertificatePendingMerge"
    assert (told["subject"], len(told["sha1"]), len(told["sha256"])) == ("CN=example.com", 40, 64)


def test_a_chain_in_the_wrong_order_is_put_in_order(vault: Client, authority: Authority, name: str) -> None:
    """Whoever reads the secret gets the leaf first and the root last."""
    chain = authority.issue(requested(vault, name, secret_props={"contentType": "application/x-pem-file"}))
    assert merge(vault, name, *reversed(chain)).status == 201
    value = vault.done("GET", f"/secrets/{name}")["value"]
    found = x509.load_pem_x509_certificates(value.encode())
    assert [one.public_bytes(Encoding.DER) for one in found] == list(chain)


def test_an_order_that_is_to_be_kept_is_kept(vault: Client, authority: Authority, name: str) -> None:
    """With preserveCertOrder the chain is handed out as it came; the leaf has to be the first all the same."""
    body = {"policy": POLICY_OF_UNKNOWN | PEM, "preserveCertOrder": True}
    operation = vault.ask("POST", f"/certificates/{name}/create", body=body).json
    assert operation["preserveCertOrder"] is True
    leaf, issuing, root = authority.issue(x509.load_der_x509_csr(base64.b64decode(operation["csr"])))
    assert refusal(merge(vault, name, issuing, leaf, root)).endswith("the first is not the end-entity's.")
    assert merge(vault, name, leaf, root, issuing).status == 201
    found = x509.load_pem_x509_certificates(vault.done("GET", f"/secrets/{name}")["value"].encode())
    assert [one.public_bytes(Encoding.DER) for one in found] == [leaf, root, issuing]


PEM = {"secret_props": {"contentType": "application/x-pem-file"}}


def test_a_chain_can_come_in_one_file(vault: Client, authority: Authority, name: str) -> None:
    """PKCS#7 or PEM in the place of one certificate; or PEM without its lines, as Azure's own samples send it."""
    request = requested(vault, name)
    chain = [x509.load_der_x509_certificate(one) for one in authority.issue(request)]
    assert merge(vault, name, pkcs7.serialize_certificates(chain, Encoding.DER)).status == 201
    other = f"{name}-pem"
    chain = [x509.load_der_x509_certificate(one) for one in authority.issue(requested(vault, other))]
    assert merge(vault, other, b"".join(one.public_bytes(Encoding.PEM) for one in chain)).status == 201
    bare = f"{name}-bare"
    leaf, *_ = authority.issue(requested(vault, bare))
    assert merge(vault, bare, base64.encodebytes(leaf)).status == 201


def test_a_certificate_of_another_key_is_refused(vault: Client, authority: Authority, name: str) -> None:
    """SEC-KEY-11: in the real service's words; the operation goes on."""
    requested(vault, name)
    other = authority.issue(requested(vault, f"{name}-other"))
    assert refusal(merge(vault, name, *other)) == (
        "The public key of the end-entity certificate in the specified X.509 certificate content does not match the"
        " public part of the specified private key. Please check if certificate is valid."
    )
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "inProgress"


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("expired", "A certificate of the chain has expired."),
        ("early", "A certificate of the chain is not valid yet."),
        ("foreign", "The chain has a certificate that has issued none of the others."),
        ("weak", "A certificate of the chain has an RSA key of fewer than 2048 bits."),
        ("sha1", "A certificate of the chain is signed with a hash that is broken."),
        ("twice", "The chain has more than one certificate of the same key."),
        ("garbage", "A certificate is no X.509 certificate in DER."),
        ("cut", "A certificate is no X.509 certificate in DER."),
        ("broken PEM", "A certificate in PEM cannot be read."),
        ("nothing", "There is no certificate in x5c."),
    ],
)
def test_what_is_wrong_with_a_chain_is_said(
    vault: Client, authority: Authority, name: str, how: str, sentence: str
) -> None:
    """One sentence for each, 400, and nothing is changed."""
    chain = authority.spoilt(requested(vault, name), how)
    assert refusal(merge(vault, name, *chain)) == sentence
    assert "cer" not in vault.done("GET", f"/certificates/{name}")


def test_whoever_signed_need_be_no_authority(vault: Client, authority: Authority, name: str) -> None:
    """Such a chain is merged, as recorded by Azure's own client tests of 2023."""
    answer = merge(vault, name, *authority.spoilt(requested(vault, name), "powerless"))
    assert answer.status == 201


def test_what_is_no_base64_is_refused(vault: Client, name: str) -> None:
    """In x5c."""
    requested(vault, name)
    answer = vault.ask("POST", f"/certificates/{name}/pending/merge", body={"x5c": ["***"]})
    assert refusal(answer) == "A certificate in x5c is not base64."


def test_a_chain_has_a_longest_length(vault: Client, authority: Authority, name: str) -> None:
    """As many certificates as the limit says are taken, and one more is not."""
    leaf, *above = authority.issue(requested(vault, name))
    most = certificate_limits.CHAIN_CERTIFICATES
    assert refusal(merge(vault, name, leaf, *[above[0]] * most)) == f"A chain can have at most {most} certificates."
    # Those that come twice are one.
    assert merge(vault, name, leaf, *[above[0]] * (most - 1)).status == 201


def test_a_certificate_has_a_greatest_size(vault: Client, name: str) -> None:
    """What is larger is not even read."""
    requested(vault, name)
    most = certificate_limits.CERTIFICATE_BYTES
    assert refusal(merge(vault, name, b"x" * most)) == "A certificate is no X.509 certificate in DER."
    assert refusal(merge(vault, name, b"x" * (most + 1))) == f"A certificate has more than {most} bytes."


def test_an_operation_that_an_issuer_has_in_hand_takes_no_merge(
    vault: Client, world: Simulation, authority: Authority, name: str
) -> None:
    """403 in the real service's words while it is in progress; once it is cancelled, what was issued is taken."""
    issuer, policy = stand_in(vault, world)
    operation = create(vault, name, **policy)
    chain = authority.issue(x509.load_der_x509_csr(base64.b64decode(operation["csr"])))
    answer = merge(vault, name, *chain)
    assert (answer.status, answer.error["code"]) == (403, "Forbidden")
    assert answer.error["message"] == (
        "Merge is forbidden on pending object created with issuer : stand-in while it is in progess."
    )
    vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
    world.settle()
    assert issuer.cancelled == [operation["request_id"]]
    assert vault.done("GET", f"/certificates/{name}/pending")["status"] == "cancelled"
    assert merge(vault, name, *chain).status == 201
    pending = vault.done("GET", f"/certificates/{name}/pending")
    assert (pending["status"], "error" in pending) == ("completed", False)


def test_a_certificate_is_disabled_from_the_start_if_that_is_asked(
    vault: Client, authority: Authority, name: str
) -> None:
    """With the merge, or with the creation."""
    assert (
        merge(
            vault, name_of(vault, name), *authority.issue(requested(vault, name)), attributes={"enabled": False}
        ).json["attributes"]["enabled"]
        is False
    )
    other = f"{name}-other"
    body = {"policy": POLICY_OF_UNKNOWN | {"issuer": {"name": "Self"}}, "attributes": {"enabled": False}}
    vault.ask("POST", f"/certificates/{other}/create", body=body)
    bundle = vault.done("GET", f"/certificates/{other}")
    assert (bundle["attributes"]["enabled"], "cer" in bundle) == (False, True)
    assert vault.done("GET", f"/keys/{other}")["attributes"]["enabled"] is False
