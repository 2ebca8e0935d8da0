"""Private CAs: how they come to be, are renewed and go, and that an operation issues once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from strongroom.control.private_authorities import keeper_of
from strongroom.core import certificate_limits as limits
from strongroom.core.certificates import AlternativeNames, IssuerParameters, KeyUsage, X509Properties
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Conflict, Unavailable
from strongroom.core.issuance import Issued, Refused, Step, Wanted
from strongroom.core.private_authorities import (
    ISSUING_S,
    LIST_S,
    YEAR_S,
    IssuedCertificate,
    PrivateAuthority,
    RevocationList,
)
from strongroom.core.records import tenant_partition
from strongroom.crypto.protocol import Unsealable
from strongroom.directory import tenants
from strongroom.objects.issuers import authority_life
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from tests.flow.attesting import StandIn
from tests.flow.client import make_tenant
from tests.flow.private_authorities import (
    control,
    create,
    fetch,
    look_after,
    publishing,
    question,
    revoke,
    shown,
    status_of,
    verified,
)
from tests.world import Simulation

pytestmark = [pytest.mark.toolchain("openssl"), pytest.mark.usefixtures("restored")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world whose CAs are published."""
    simulation = publishing(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture
def ca(world: Simulation) -> Iterator[str]:
    """Make a CA for the test, and remove it after that if it is still there."""
    name = f"ca-{secrets.token_hex(4)}"
    create(world, name)
    yield name
    control(world, "POST", "/remove", named(world, name, force=True))


def named(world: Simulation, name: str, **members: object) -> dict[str, object]:
    """Name a CA of the first tenant."""
    return {"name": name, "tenant": world.first.tenant_id} | members


def loaded(pem: str) -> x509.Certificate:
    """Read a certificate."""
    return x509.load_pem_x509_certificate(pem.encode())


# ---- an operation issues once ---------------------------------------------------------------------------------------


PROPERTIES = X509Properties("CN=example.com", AlternativeNames(("example.com",)), (), (KeyUsage.DIGITAL_SIGNATURE,), 1)


def wanted(world: Simulation, authority: str, csr: bytes | None = None, **changes: Any) -> Wanted:
    """Give what an operation asks of a CA, for a new key unless there is a request."""
    return replace(
        Wanted(
            secrets.token_hex(16),
            world.vault.id,
            world.first.tenant_id,
            "direct",
            request() if csr is None else csr,
            PROPERTIES,
            IssuerParameters(authority),
            int(world.clock()),
            authority,
        ),
        **changes,
    )


def request(key: Any = None, subject: str = "CN=example.com", name: str = "example.com") -> bytes:
    """Make a request, on P-256 unless there is a key."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name.from_rfc4514_string(subject))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(Encoding.DER)


def step(world: Simulation, asked: Wanted) -> Step:
    """Make a step of an operation."""
    return world.run(world.world.issuers["PrivateCA"].step(asked, b""))


def issued(world: Simulation, authority: str, *, months: int = 1) -> x509.Certificate:
    """Have a CA issue, past the vault: no token is needed, whatever time it is."""
    done = step(world, wanted(world, authority, x509=replace(PROPERTIES, validity_months=months)))
    assert isinstance(done, Issued), done
    return x509.load_der_x509_certificate(done.chain[0])


def test_a_step_that_is_made_again_issues_nothing_more(world: Simulation, ca: str) -> None:
    """SEC-PKI-5: after a crash, or once another issuing CA took over, the operation gets the certificate there is."""
    asked = wanted(world, ca)
    first = step(world, asked)
    assert isinstance(first, Issued)
    world.advance(60)
    assert step(world, replace(asked, now=asked.now + 60)) == first
    assert control(world, "POST", "/renew", named(world, ca)).status == 200
    assert step(world, asked) == first
    assert shown(world, ca)["issued"] == 1


def test_two_nodes_that_make_one_step_issue_once(world: Simulation, ca: str) -> None:
    """SEC-PKI-5: both get the same certificate, whoever was first."""
    asked, issuer = wanted(world, ca), world.world.issuers["PrivateCA"]

    async def both() -> list[Step]:
        return await asyncio.gather(*(issuer.step(asked, b"") for _ in range(2)))

    first, second = world.run(both())
    assert isinstance(first, Issued)
    assert first == second
    assert shown(world, ca)["issued"] == 1


def test_another_operation_gets_another_certificate(world: Simulation, ca: str) -> None:
    """The same request, asked for twice, is two certificates."""
    csr = request()
    chains = {step(world, wanted(world, ca, csr)) for _ in range(2)}
    assert len(chains) == 2


@pytest.mark.parametrize(
    ("csr", "sentence"),
    [
        (b"none", "The certificate request is none, or is not signed by the key in it."),
        (request()[:-1] + b"\x00", "The certificate request is none, or is not signed by the key in it."),
        (request(subject="CN=other.example"), "The request does not have the names that the policy says."),
        (request(name="other.example"), "The request does not have the names that the policy says."),
        (
            request(ec.generate_private_key(ec.SECP256K1())),
            "The CA certifies RSA keys of 2048 bits and more, and keys on P-256, P-384 and P-521.",
        ),
        (
            request(rsa.generate_private_key(65537, 1024)),  # noqa: S505  to be refused
            "The CA certifies RSA keys of 2048 bits and more, and keys on P-256, P-384 and P-521.",
        ),
    ],
    ids=["garbage", "signature", "subject", "names", "P-256K", "RSA-1024"],
)
def test_requests_that_a_ca_refuses(world: Simulation, ca: str, csr: bytes, sentence: str) -> None:
    """SEC-PKI-2: a CA looks at the request itself, whoever made it: at the proof, the key and the names."""
    step_ = step(world, wanted(world, ca, csr))
    assert isinstance(step_, Refused)
    assert step_.message == sentence


def test_a_key_that_cannot_be_used_now(world: Simulation, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is to be made another time, and nothing is kept of it."""

    async def away(*_: object) -> bytes:
        raise Unavailable("The token cannot be reached.")

    monkeypatch.setattr(type(world.world.protections.software), "sign", away)
    with pytest.raises(Unavailable):
        step(world, wanted(world, ca))
    assert shown(world, ca)["issued"] == 0
    issuing = loaded(shown(world, ca)["issuing"][0]["certificate"])
    key = x509.SubjectKeyIdentifier.from_public_key(issuing.public_key()).digest
    asked = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        hashed(issuing.subject.public_bytes()),
        key,
        1,
        hashes.SHA1(),  # noqa: S303  as clients do
    )
    told = status_of(world, asked.build().public_bytes(Encoding.DER))
    assert told.response_status is ocsp.OCSPResponseStatus.TRY_LATER


def hashed(octets: bytes) -> bytes:
    """Hash what OCSP names a CA by."""
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303  as clients do
    digest.update(octets)
    return digest.finalize()


# ---- made -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "-a"},
        {"name": "a/b"},
        {"name": "a" * 65},
        {"keyType": "P-256K"},
        {"years": 0},
        {"years": limits.AUTHORITY_YEARS + 1},
        {"subject": "CN=Mine"},
        {"subject": "no name"},
        {"permitted": ["*.example.com"]},
        {"permitted": ["exa mple.com"]},
        {"permitted": ["10.0.0.0/33"]},
        {"permitted": ["a.example"] * (limits.AUTHORITY_CONSTRAINTS + 1)},
        {"profiles": ["none"]},
        {"inToken": True},
    ],
    ids=str,
)
def test_what_no_ca_is(world: Simulation, members: dict[str, object]) -> None:
    """Bad input is refused with a sentence, and makes nothing."""
    before = control(world, "GET", "").json
    answer = control(world, "POST", "", named(world, "Bad") | members)
    assert answer.status == 400
    assert answer.error["message"]
    assert control(world, "GET", "").json == before


def test_limits_of_a_ca(world: Simulation) -> None:
    """The longest life and the most constraints that there may be are taken."""
    permitted = [f"d{number}.example" for number in range(limits.AUTHORITY_CONSTRAINTS)]
    made = create(world, "Longest", years=limits.AUTHORITY_YEARS, permitted=permitted)
    assert made["permitted"] == permitted
    assert made["root"]["notAfter"] == int(world.clock()) + limits.AUTHORITY_YEARS * YEAR_S
    without = create(world, "Usual")
    assert without["root"]["notAfter"] == int(world.clock()) + limits.AUTHORITY_YEARS_DEFAULT * YEAR_S
    for name in ("Longest", "Usual"):
        assert control(world, "POST", "/remove", named(world, name)).status == 204


def test_a_tenant_has_so_many_cas(world: Simulation, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one that there may be is made, and one more is refused."""
    there = len(world.view.all(PrivateAuthority, tenant_partition(world.first.tenant_id)))
    monkeypatch.setattr(limits, "AUTHORITIES", there + 1)
    create(world, "Last")
    assert control(world, "POST", "", named(world, "More")).status == 400
    assert control(world, "POST", "/remove", named(world, "Last")).status == 204
    assert ca


def test_a_name_is_taken_in_any_case(world: Simulation, ca: str) -> None:
    """A tenant's CAs differ in more than case; another tenant's may be called the same."""
    assert control(world, "POST", "", named(world, ca.upper())).status == 409
    other = make_tenant(world)
    assert control(world, "POST", "", {"name": ca, "tenant": other.id}).status == 201
    assert control(world, "POST", "/remove", {"name": ca, "tenant": other.id}).status == 204


def test_an_operator_is_shown_so_many_certificates(world: Simulation, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there may be at once, and that there are more."""
    for _ in range(2):
        issued(world, ca)
    for shown_at_once, more in ((2, False), (1, True)):
        monkeypatch.setattr(limits, "ISSUED_SHOWN", shown_at_once)
        found = control(world, "POST", "/issued", named(world, ca)).json
        assert (len(found["value"]), found["more"]) == (shown_at_once, more)


def test_a_ca_that_is_not_published(world: Simulation, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a listener certificates name no place where nobody would answer, and the operator is told."""
    monkeypatch.setattr(world.world.instance, "pki_url", "")
    assert shown(world, ca)["published"] is None
    leaf = issued(world, ca)
    present = {type(one.value) for one in leaf.extensions}
    assert present.isdisjoint({x509.CRLDistributionPoints, x509.AuthorityInformationAccess})


def test_keys_are_sealed_for_their_ca(world: Simulation, ca: str) -> None:
    """SEC-PKI-1: a CA's keys are sealed, in no answer and no text, and open for no other CA."""
    authority = record(world, ca)
    stored = authority.current
    assert b"BEGIN" not in stored.material
    assert repr(stored.material)[2:-1] not in repr(authority)
    keys = AuthorityKeys(world.world.keys, world.world.protections)
    moved = replace(authority, id="another")
    signing = keys.issuer(moved, stored, "").key
    with pytest.raises(Unsealable):
        world.run(signing.sign(signing.algorithm, bytes(32)))


def record(world: Simulation, name: str) -> PrivateAuthority:
    """Give a CA's record."""
    found = world.view.get(PrivateAuthority, tenant_partition(world.first.tenant_id), name.casefold())
    assert found is not None
    return found


def test_a_ca_in_a_token(world: Simulation, tmp_path: Path) -> None:
    """Its keys are made and used there, and are destroyed there once it is removed."""
    world.world.protections.token = StandIn(threads=1)
    create(world, "Token", inToken=True)
    assert shown(world, "Token")["inToken"] is True
    leaf = issued(world, "Token")
    good, told = verified(world, tmp_path, "Token", leaf)
    assert good, told
    assert control(world, "POST", "/remove", named(world, "Token", force=True)).status == 204
    doomed = [one for one in world.view.all(DoomedKey) if one.id.startswith("private-ca-")]
    assert len(doomed) == 2
    world.commit(lambda tx: tx.remove(doomed[0]))
    world.commit(lambda tx: tx.remove(doomed[1]))
    world.world.protections.token = None


# ---- renewed --------------------------------------------------------------------------------------------------------


def test_an_issuing_ca_is_renewed_by_itself(world: Simulation, tmp_path: Path) -> None:
    """At two thirds of its life another takes over; what the first one issued stays good, and revocable, to its end."""
    create(world, "Rolling")
    world.advance(2 * ISSUING_S // 3 - 1200)
    look_after(world)
    assert len(shown(world, "Rolling")["issuing"]) == 1
    before = issued(world, "Rolling")
    world.advance(1200)
    look_after(world)
    new, old = shown(world, "Rolling")["issuing"]
    after = issued(world, "Rolling")
    assert [identifier(one) for one in (before, after)] == [old["id"], new["id"]]
    for leaf in (before, after):
        good, told = verified(world, tmp_path, "Rolling", leaf)
        assert good, told
    assert status_of(world, question(before, loaded(old["certificate"]))).certificate_status is GOOD
    assert revoke(world, f"{before.serial_number:x}").status == 200
    assert not verified(world, tmp_path, "Rolling", before)[0]
    # Two more make certain that it happens once, and that it goes when nobody can ask about it any more.
    assert look_after(world) == 0
    world.advance(ISSUING_S // 3 + LIST_S + 1200)
    look_after(world)
    assert [one["id"] for one in shown(world, "Rolling")["issuing"]] == [new["id"]]
    assert fetch(world, f"/crl/{old['id']}.crl").status == 404
    assert control(world, "POST", "/remove", named(world, "Rolling")).status == 204


GOOD = ocsp.OCSPCertStatus.GOOD


def identifier(leaf: x509.Certificate) -> str:
    """Give the id of the key that signed a certificate."""
    found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert found is not None
    return found.hex()


def test_no_certificate_outlives_its_ca(world: Simulation) -> None:
    """SEC-PKI-8: what would end after its CA is refused, with what to do; an issuing CA ends with its root."""
    made = create(world, "Short", years=1)
    assert made["issuing"][0]["notAfter"] == made["root"]["notAfter"]
    refused = step(world, wanted(world, "Short", x509=replace(PROPERTIES, validity_months=13)))
    assert isinstance(refused, Refused)
    assert refused.message == "The CA Short ends before the certificate would: ask for fewer months, or for another CA."
    leaf = issued(world, "Short", months=11)
    assert leaf.not_valid_after_utc <= loaded(made["issuing"][0]["certificate"]).not_valid_after_utc
    world.advance(0.9 * YEAR_S)
    look_after(world)
    # Another one would end with the same root.
    assert len(shown(world, "Short")["issuing"]) == 1
    assert control(world, "POST", "/remove", named(world, "Short", force=True)).status == 204


def test_an_issuing_ca_that_is_given_up(world: Simulation, ca: str, tmp_path: Path) -> None:
    """An operator who revokes it has the root's list say so, and nothing that it issued counts any more."""
    before = issued(world, ca)
    assert control(world, "POST", "/renew", named(world, ca, revoke=True)).status == 200
    new, old = shown(world, ca)["issuing"]
    assert (new["revoked"], old["revoked"]) == (None, int(world.clock()))
    good, told = verified(world, tmp_path, ca, before)
    assert (good, "certificate revoked" in told) == (False, True)
    after = issued(world, ca)
    assert verified(world, tmp_path, ca, after)[0]


def test_changes_at_the_same_moment(world: Simulation, ca: str) -> None:
    """SEC-PKI-3: a list that was signed beside another one is not taken, so no list lacks a revocation."""
    inner = world.world
    keeper = keeper_of(inner)
    found = [one for one in world.view.all(IssuedCertificate) if one.authority == ca]
    assert found == []
    for _ in range(2):
        issued(world, ca)
    first, second = (one for one in world.view.all(IssuedCertificate) if one.authority == ca)
    reason, now = authority_life.Reason.UNSPECIFIED, int(world.clock())
    drawn = [world.run(authority_life.draw_up_revocation(keeper, one, reason, now)) for one in (first, second)]
    world.commit(lambda tx: authority_life.revoke(tx, *drawn[0]))
    with pytest.raises(Conflict):
        world.commit(lambda tx: authority_life.revoke(tx, *drawn[1]))
    assert shown(world, ca)["revoked"] == 1


# ---- over -----------------------------------------------------------------------------------------------------------


def test_what_is_over_is_forgotten(world: Simulation, ca: str) -> None:
    """A certificate is known until a list was made after its end and is over too; then there is no trace of it."""
    leaf = issued(world, ca)
    ends = leaf.not_valid_after_utc.timestamp()
    assert revoke(world, f"{leaf.serial_number:x}").status == 200
    world.advance(ends + LIST_S - world.clock())
    look_after(world)
    assert shown(world, ca)["issued"] == 1
    world.advance(1)
    look_after(world)
    assert shown(world, ca)["issued"] == 0


def test_many_are_gone_through_a_piece_at_a_time(world: Simulation, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes through all that was issued lets others be served in between, and says the same."""
    monkeypatch.setattr("strongroom.view.view.PIECE", 1)
    monkeypatch.setattr(authority_life, "_FORGOTTEN_AT_ONCE", 1)
    leaves = [issued(world, ca) for _ in range(3)]
    assert revoke(world, f"{leaves[1].serial_number:x}").status == 200
    ours = shown(world, ca)
    assert (ours["issued"], ours["revoked"]) == (3, 1)
    listed = control(world, "POST", "/issued", named(world, ca)).json["value"]
    assert {one["serial"] for one in listed} >= {f"{leaf.serial_number:x}" for leaf in leaves}

    async def turns() -> int:
        number, going = 0, True

        async def count() -> None:
            nonlocal number
            while going:
                number += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async for piece in world.view.pieces(IssuedCertificate):
            assert len(piece) == 1
        going = False
        await counting
        return number

    assert world.run(turns()) >= 3
    world.advance(max(leaf.not_valid_after_utc.timestamp() for leaf in leaves) + LIST_S + 1 - world.clock())
    look_after(world)
    assert shown(world, ca)["issued"] == 0


def test_an_expired_certificate_is_not_revoked(world: Simulation, ca: str) -> None:
    """Nobody accepts it any more."""
    leaf = issued(world, ca)
    world.advance(leaf.not_valid_after_utc.timestamp() - world.clock())
    assert revoke(world, f"{leaf.serial_number:x}").status == 409


def test_a_ca_whose_certificates_have_not_expired_stays(world: Simulation, ca: str) -> None:
    """It is removed once they have, or by force, revoked or not; then nothing of it is left."""
    leaf = issued(world, ca)
    issuing = loaded(shown(world, ca)["issuing"][0]["certificate"])
    answer = control(world, "POST", "/remove", named(world, ca))
    assert (answer.status, "1 certificates that have not expired" in answer.error["message"]) == (409, True)
    assert revoke(world, f"{leaf.serial_number:x}").status == 200
    # Whoever does not insist on a list takes a revoked certificate again when the list is gone.
    assert control(world, "POST", "/remove", named(world, ca)).status == 409
    assert control(world, "POST", "/remove", named(world, ca, force=True)).status == 204
    look_after(world)
    partition = tenant_partition(world.first.tenant_id)
    for kind in (PrivateAuthority, IssuedCertificate, RevocationList):
        assert not [one for one in world.view.all(kind, partition) if ca in {one.id, getattr(one, "authority", "")}]
    told = status_of(world, question(leaf, issuing))
    assert told.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert control(world, "POST", "/remove", named(world, ca)).status == 404


@pytest.mark.parametrize("path", ["/remove", "/renew", "/issued"])
def test_without_a_name_no_ca_is_meant(world: Simulation, path: str) -> None:
    """Where a tenant has one CA an issuer need not name it, but its operator does."""
    other = make_tenant(world)
    assert control(world, "POST", "", {"name": "Only", "tenant": other.id}).status == 201
    assert control(world, "POST", path, {"name": "", "tenant": other.id}).status == 404


def test_a_tenant_with_a_ca_stays(world: Simulation) -> None:
    """A tenant is not removed with a CA whose keys may be in a token."""
    other = world.tenant()
    assert control(world, "POST", "", {"name": "Its", "tenant": other}).status == 201
    with pytest.raises(Conflict, match="1 private CAs"):
        world.commit(lambda tx: tenants.remove_tenant(tx, other))
