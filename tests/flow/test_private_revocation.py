"""Private CAs: revocation, and how everybody learns of it (RFC 5280 section 5, RFC 6960)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from strongroom.core import certificate_limits as limits
from strongroom.core.network import Link
from strongroom.core.objects import Collection
from strongroom.core.private_authorities import ANSWER_S, LIST_S, IssuedCertificate
from strongroom.crypto.certificates.ocsp import NONCE_BYTES
from strongroom.flow.kept_answers import KeptAnswer, KeptAnswers
from strongroom.http.routing import split_path
from tests.flow.client import Client, client_of, make_tenant
from tests.flow.imported import key_pem, pem_of, self_signed
from tests.flow.private_authorities import (
    URL,
    ask_status,
    control,
    create,
    crl,
    fetch,
    issued,
    look_after,
    publishing,
    question,
    revoke,
    shown,
    status_of,
    verified,
)
from tests.world import Answer, Simulation

pytestmark = [pytest.mark.toolchain("openssl"), pytest.mark.usefixtures("restored")]

GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
CA = "Revoking"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world with a CA that is published."""
    simulation = publishing(tmp_path_factory.mktemp("world"))
    create(simulation, CA)
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def above(world: Simulation) -> x509.Certificate:
    """Give the issuing CA's certificate."""
    return issuing(world)


def issuing(world: Simulation, place: int = 0) -> x509.Certificate:
    """Give the certificate of an issuing CA; the newest is the first."""
    return x509.load_pem_x509_certificate(shown(world, CA)["issuing"][place]["certificate"].encode())


def unknown(above: x509.Certificate, serial: int | None = None, *, nonce: bytes | None = None) -> bytes:
    """Ask about a certificate by its serial number alone; about one that was never issued, if there is none."""
    name = hashlib.sha1(above.subject.public_bytes(), usedforsecurity=False).digest()
    key = x509.SubjectKeyIdentifier.from_public_key(above.public_key()).digest
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        name,
        key,
        secrets.randbits(128) if serial is None else serial,
        hashes.SHA1(),  # noqa: S303  as clients do
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


# ---- revocation -----------------------------------------------------------------------------------------------------


def test_a_revoked_certificate_is_no_good_to_anybody(
    world: Simulation, vault: Client, above: x509.Certificate, tmp_path: Path
) -> None:
    """From the answer on it is on the list and in OCSP answers, and OpenSSL refuses it; nothing else changes."""
    name, leaf = issued(vault, CA)
    _, other = issued(vault, CA)
    assert verified(world, tmp_path, CA, leaf)[0]
    assert status_of(world, question(leaf, above)).certificate_status is GOOD
    number = crl(world, shown(world, CA)["issuing"][0]["id"]).extensions.get_extension_for_class(x509.CRLNumber).value
    answer = revoke(world, f"{world.vault.name}/{name}", reason="keyCompromise")
    assert answer.status == 200, answer.body
    assert (answer.json["revoked"], answer.json["reason"]) == (int(world.clock()), "keyCompromise")
    told = status_of(world, question(leaf, above))
    assert (told.certificate_status, told.revocation_reason) == (REVOKED, x509.ReasonFlags.key_compromise)
    assert told.revocation_time_utc == datetime.fromtimestamp(int(world.clock()), UTC)
    now = crl(world, shown(world, CA)["issuing"][0]["id"])
    assert now.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == number.crl_number + 1
    entry = now.get_revoked_certificate_by_serial_number(leaf.serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    good, said = verified(world, tmp_path, CA, leaf)
    assert not good
    assert "certificate revoked" in said
    assert verified(world, tmp_path, CA, other)[0]
    # The vault is not told: it still hands out what it has.
    assert vault.done("GET", f"/certificates/{name}")["attributes"]["enabled"] is True


def test_a_reason_that_says_nothing_is_not_written(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """Of an unspecified reason neither the list nor the answer has a word (RFC 5280 section 5.3.1)."""
    _, leaf = issued(vault, CA)
    assert revoke(world, f"{leaf.serial_number:x}").json["reason"] == "unspecified"
    entry = crl(world, shown(world, CA)["issuing"][0]["id"]).get_revoked_certificate_by_serial_number(
        leaf.serial_number
    )
    assert entry is not None
    assert list(entry.extensions) == []
    assert status_of(world, question(leaf, above)).revocation_reason is None


def test_ways_to_name_a_certificate(world: Simulation, vault: Client) -> None:
    """By its place with a version, be it an older one, and by the serial number as OpenSSL prints it."""
    name, first = issued(vault, CA)
    version = vault.done("GET", f"/certificates/{name}")["id"].rpartition("/")[2]
    vault.ask("POST", f"/certificates/{name}/create", body={})
    world.settle()
    done = revoke(world, f"{world.vault.name}/{name}/{version}")
    assert int(done.json["serial"], 16) == first.serial_number
    _, other = issued(vault, CA)
    digits = f"{other.serial_number:034X}"
    assert revoke(world, ":".join(digits[at : at + 2] for at in range(0, 34, 2))).status == 200


def test_a_serial_number_in_a_vault_is_nobody_elses(world: Simulation, vault: Client, name: str) -> None:
    """SEC-PKI-9: what was brought in with the serial number of another's certificate does not have that one revoked."""
    _, leaf = issued(vault, CA)
    key, other = self_signed(world.clock(), serial=leaf.serial_number)
    vault.done("POST", f"/certificates/{name}/import", body={"value": key_pem(key) + pem_of(other)})
    assert revoke(world, f"{world.vault.name}/{name}").status == 404
    assert revoke(world, f"{leaf.serial_number:x}").status == 200


def test_deleting_in_the_vault_revokes_nothing(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """Whoever has the key still has it; an operator revokes a certificate of a deleted object too."""
    name, leaf = issued(vault, CA)
    stored = world.run(world.store.object(world.vault.id, Collection.CERTIFICATES, name))
    assert stored is not None
    gone = replace(stored, deleted=int(world.clock()), purge_at=int(world.clock()) + LIST_S)
    world.commit(lambda tx: tx.put_object(gone))
    assert vault.ask("GET", f"/certificates/{name}").status == 404
    assert status_of(world, question(leaf, above)).certificate_status is GOOD
    assert revoke(world, f"{world.vault.name}/{name}").status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("none", 400),
        ("", 400),
        ("a" * 41, 400),
        ("abcdef", 404),
        ("nowhere/name", 404),
        ("{vault}/none", 404),
        ("{vault}/a/b", 400),
    ],
    ids=["no digits", "nothing", "too long", "serial", "vault", "certificate", "version"],
)
def test_what_cannot_be_revoked(world: Simulation, target: str, status: int) -> None:
    """What names no certificate of a CA is refused, and no list is signed."""
    before = shown(world, CA)["revoked"]
    assert revoke(world, target.format(vault=world.vault.name)).status == status
    assert shown(world, CA)["revoked"] == before


def test_a_certificate_is_revoked_once(world: Simulation, vault: Client) -> None:
    """There is no second reason, and no way back."""
    _, leaf = issued(vault, CA)
    assert revoke(world, f"{leaf.serial_number:x}").status == 200
    assert revoke(world, f"{leaf.serial_number:x}", reason="superseded").status == 409
    assert revoke(world, f"{leaf.serial_number:x}", reason="forgotten").status == 400


def test_another_tenants_certificate_is_unknown(world: Simulation, vault: Client) -> None:
    """SEC-TENANT-2: an operator who names a tenant revokes what is that tenant's."""
    name, leaf = issued(vault, CA)
    tenant = make_tenant(world)
    for target in (f"{leaf.serial_number:x}", f"{world.vault.name}/{name}"):
        answer = control(world, "POST", "/revoke", {"target": target, "tenant": tenant.id})
        assert answer.status == 404
    assert client_of(world, tenant).origin != vault.origin


def test_a_list_has_so_many_entries(world: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one that there may be is revoked, and one more is refused with what to do."""
    revoked = sum(one.revoked_at is not None for one in world.view.all(IssuedCertificate))
    first, second = (issued(vault, CA)[1] for _ in range(2))
    monkeypatch.setattr(limits, "REVOKED", revoked + 1)
    assert revoke(world, f"{first.serial_number:x}").status == 200
    answer = revoke(world, f"{second.serial_number:x}")
    assert (answer.status, "Renew it first" in answer.error["message"]) == (400, True)


def test_a_revocation_is_recorded(world: Simulation, vault: Client) -> None:
    """The journal has whose certificate was revoked, by which CA and why."""
    _, leaf = issued(vault, CA)
    revoke(world, f"{leaf.serial_number:x}", reason="superseded")
    entry = world.entries()[-1]
    assert entry["operationName"] == "IssuedCertificateRevoke"
    own = {name: entry["properties"][name] for name in ("authority", "serialNumber", "revocationReason", "tenantId")}
    assert own == {
        "authority": CA.casefold(),
        "serialNumber": f"{leaf.serial_number:x}",
        "revocationReason": "superseded",
        "tenantId": world.first.tenant_id,
    }


# ---- what is published ----------------------------------------------------------------------------------------------


def test_a_list_says_until_when_it_may_be_kept(world: Simulation) -> None:
    """It is signed by its CA, good for a week, and kept by others for an hour, so that a revocation comes through."""
    key = shown(world, CA)["issuing"][0]["id"]
    found, answer = crl(world, key), fetch(world, f"/crl/{key}.crl")
    assert found.is_signature_valid(issuing(world).public_key())  # type: ignore[arg-type]  # an EC key
    assert found.next_update_utc is not None
    assert (found.next_update_utc - found.last_update_utc).total_seconds() == LIST_S
    assert answer.headers["cache-control"] == "public, no-transform, must-revalidate, max-age=3600"
    assert answer.headers["expires"] == formatdate(int(world.clock()) + 3600, usegmt=True)
    assert answer.headers["last-modified"] == formatdate(found.last_update_utc.timestamp(), usegmt=True)
    assert "pragma" not in answer.headers


def test_a_list_is_signed_again_before_it_ends(world: Simulation) -> None:
    """When half of its time is over the next one is made, of the root's as well, with the next number; once."""
    found = shown(world, CA)
    keys = [found["root"]["id"], found["issuing"][0]["id"]]
    look_after(world)
    before = [crl(world, key).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for key in keys]
    world.advance(LIST_S // 2 - 1)
    assert look_after(world) == 0
    world.advance(LIST_S)
    assert look_after(world) == 2
    after = [crl(world, key).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for key in keys]
    assert after == [one + 1 for one in before]
    found = shown(world, CA)
    assert [one["listNumber"] for one in (found["root"], found["issuing"][0])] == after
    assert found["root"]["listUntil"] == int(world.clock()) + LIST_S
    assert look_after(world) == 0


def test_ca_certificates_are_there_to_build_chains(world: Simulation) -> None:
    """Both are served in DER, under the URL that what they signed has."""
    found = shown(world, CA)
    for key in (found["root"], found["issuing"][0]):
        served = x509.load_der_x509_certificate(fetch(world, f"/ca/{key['id']}.cer").body)
        assert served == x509.load_pem_x509_certificate(key["certificate"].encode())


# ---- OCSP -----------------------------------------------------------------------------------------------------------


def get(world: Simulation, request: bytes, *, quoted: bool = True) -> Answer:
    """Send a question in a path, with every sign of it encoded or as base64 has it."""
    text = base64.b64encode(request).decode()
    return world.ask("GET", f"{URL}/ocsp/{quote(text, safe='') if quoted else text}", link=Link.PKI)


def test_an_answer_is_the_cas_own(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """It is signed by the key that signed the certificate, says when it was made and until when it is good."""
    _, leaf = issued(vault, CA)
    told = status_of(world, question(leaf, above))
    assert told.serial_number == leaf.serial_number
    assert told.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(above.public_key()).digest
    above.public_key().verify(  # type: ignore[call-arg, union-attr]  # an EC key
        told.signature, told.tbs_response_bytes, ec_signature(told)
    )
    assert told.next_update_utc is not None
    assert (told.next_update_utc - told.this_update_utc).total_seconds() == ANSWER_S


def ec_signature(told: ocsp.OCSPResponse) -> Any:
    """Give the algorithm of an answer's signature."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  here alone

    assert told.signature_hash_algorithm is not None
    return ec.ECDSA(told.signature_hash_algorithm)


@pytest.mark.parametrize("quoted", [True, False])
def test_a_question_in_a_path(world: Simulation, vault: Client, above: x509.Certificate, *, quoted: bool) -> None:
    """GET gives what POST gives, whether or not the client encodes the slashes of base64, and others may keep it."""
    while True:
        _, leaf = issued(vault, CA)
        request = question(leaf, above)
        if "/" in base64.b64encode(request).decode():
            break
    answer = get(world, request, quoted=quoted)
    assert answer.body == ask_status(world, request).body
    assert answer.headers["cache-control"].startswith("public, no-transform, must-revalidate, max-age=3600")


def test_an_answer_is_signed_once(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """The same bytes are given until half of their time is over; then others."""
    _, leaf = issued(vault, CA)
    request = question(leaf, above)
    first = ask_status(world, request).body
    world.advance(ANSWER_S // 2 - 1)
    assert ask_status(world, request).body == first
    world.advance(1)
    assert ask_status(world, request).body != first


def test_a_certificate_that_was_never_issued(world: Simulation, above: x509.Certificate) -> None:
    """It is unknown, and that is signed too: nobody can call a forged certificate good."""
    assert status_of(world, unknown(above)).certificate_status is UNKNOWN


@pytest.mark.parametrize("request_", [b"", b"none", b"\x30\x00", b"\x30\x82"], ids=["nothing", "text", "empty", "cut"])
def test_what_is_no_question(world: Simulation, request_: bytes) -> None:
    """It is malformed, which OCSP has a word of its own for."""
    for answer in (ask_status(world, request_), get(world, request_) if request_ else ask_status(world, b"x")):
        assert answer.status == 200
        told = ocsp.load_der_ocsp_response(answer.body)
        assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["%3F%3F%3F", "%C3%A9", "MD%C3%BC", "%00"])
def test_a_path_that_is_no_base64(world: Simulation, path: str) -> None:
    """It is malformed as well, whatever it is spelled in."""
    answer = world.ask("GET", f"{URL}/ocsp/{path}", link=Link.PKI)
    assert answer.status == 200
    assert ocsp.load_der_ocsp_response(answer.body).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_negative_serial_number(world: Simulation, above: x509.Certificate) -> None:
    """No certificate has one, and a question about it is none, asked of a CA that is here."""
    asked = unknown(above, 0x7F << 120)
    negative = asked.replace(b"\x02\x10\x7f", b"\x02\x10\xff")
    assert negative != asked
    for answer in (ask_status(world, negative), get(world, negative)):
        assert answer.status == 200
        assert ocsp.load_der_ocsp_response(answer.body).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert status_of(world, unknown(above, 0)).certificate_status is UNKNOWN


def test_a_question_is_so_long(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """As many bytes as there may be are read, and one more is not."""
    assert ask_status(world, bytes(limits.OCSP_REQUEST_BYTES)).status == 200
    assert ask_status(world, bytes(limits.OCSP_REQUEST_BYTES + 1)).status == 413
    assert len(question(issued(vault, CA)[1], above)) < limits.OCSP_REQUEST_BYTES


def test_another_cas_certificate(world: Simulation, vault: Client) -> None:
    """Of what others issued, a root among them, nothing is known here, and nothing is signed."""
    create(world, "Other")
    _, leaf = issued(vault, CA)
    other = shown(world, "Other")
    root = x509.load_pem_x509_certificate(shown(world, CA)["root"]["certificate"].encode())
    told = status_of(world, question(issuing(world), root))
    assert told.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    wrong = x509.load_pem_x509_certificate(other["issuing"][0]["certificate"].encode())
    assert status_of(world, unknown(wrong, leaf.serial_number)).certificate_status is UNKNOWN


def test_a_nonce_comes_back(world: Simulation, vault: Client, above: x509.Certificate) -> None:
    """Who sends one gets an answer that was made for this question alone, within the length of RFC 9654."""
    _, leaf = issued(vault, CA)
    nonce = secrets.token_bytes(NONCE_BYTES)
    told = status_of(world, question(leaf, above, nonce=nonce))
    assert told.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    longer = status_of(world, question(leaf, above, nonce=nonce + b"x"))
    assert longer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert list(status_of(world, question(leaf, above)).extensions) == []


def test_what_anybody_may_have_signed_is_bounded(
    world: Simulation, vault: Client, above: x509.Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-PKI-4: beyond so many signatures a second a nonce is left out, and an unknown certificate has to wait."""
    _, leaf = issued(vault, CA)
    monkeypatch.setattr(world.world, "status_answers", KeptAnswers(limits.OCSP_ANSWERS, 2))
    nonce = secrets.token_bytes(16)
    told = [status_of(world, question(leaf, above, nonce=nonce)) for _ in range(3)]
    assert [len(list(one.extensions)) for one in told] == [1, 1, 0]
    for request in (unknown(above), unknown(above, nonce=nonce)):
        assert status_of(world, request).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    assert status_of(world, question(leaf, above)).certificate_status is GOOD
    world.advance(1)
    assert status_of(world, unknown(above)).certificate_status is UNKNOWN


def test_the_signatures_of_a_second_are_so_many() -> None:
    """The last one that there may be is made, and one more is not; the next second has as many."""
    answers = KeptAnswers(limits.OCSP_ANSWERS, limits.OCSP_SIGNATURES_PER_S)
    for second in (7, 8):
        made = [answers.may_sign(second) for _ in range(limits.OCSP_SIGNATURES_PER_S + 1)]
        assert made == [True] * limits.OCSP_SIGNATURES_PER_S + [False]


def test_so_many_answers_are_kept() -> None:
    """One more, and the one goes that was asked for longest ago."""
    answers = KeptAnswers(limits.OCSP_ANSWERS, 0)
    for number in range(limits.OCSP_ANSWERS):
        answers.keep((number,), KeptAnswer(b"", 0, 100))
    assert answers.find((0,), 0) is not None
    answers.keep(("one more",), KeptAnswer(b"", 0, 100))
    assert answers.find((0,), 0) is not None
    assert answers.find((1,), 0) is None


def test_a_slash_in_a_question_is_part_of_it() -> None:
    """The path of a question is one segment however its slashes are written; other paths are left alone."""
    from strongroom.pki.ocsp import respelled  # noqa: PLC0415  here alone

    assert split_path(respelled("GET", b"/ocsp/a/b//c=")) == ["ocsp", "a/b//c="]
    assert respelled("GET", b"/crl/a/b") == b"/crl/a/b"
