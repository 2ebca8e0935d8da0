"""
How a certificate is issued: step by step, by whoever comes to it, once, and whatever happens between two steps.

The job's own function is run, as `strongroom.app.jobs` runs it, under a clock that the tests move.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from strongroom.app.instance import make_world
from strongroom.core import certificate_limits
from strongroom.core.certificates import CertificateAttributes, CertificateVersionBody, PendingStatus
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Failure, Unavailable
from strongroom.core.issuance import Issued, Refused, Step, Waiting, Wanted
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.records import INSTANCE
from strongroom.flow import audit
from strongroom.flow.world import World
from strongroom.objects import certificates
from strongroom.objects.certificate_rows import scheduled, upkeep_of
from strongroom.objects.doomed_keys import destroy_doomed_keys
from strongroom.store import Transaction
from strongroom.vault import certificate_issuance
from strongroom.vault.certificate_issuance import Outcome, make_step
from strongroom.vault.certificate_requests import HANDED_S
from tests.flow.client import Client
from tests.flow.issuing import HOUR_S, ISSUE, NAME, StandIn, begin_anew, lasting_client, look, stand_in
from tests.flow.keys import MemoryToken
from tests.flow.vault_certificates import POLICY, create, loaded, made
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def vault(world: Simulation) -> Client:
    """Administer a vault, with a token of this test's time."""
    return lasting_client(world)


@pytest.fixture(autouse=True)
def a_time_of_its_own(world: Simulation) -> Iterator[None]:
    """Have every test begin at the same time with nothing due."""
    yield
    begin_anew(world)


def pending(vault: Client, name: str) -> Any:
    """Read an operation."""
    return vault.done("GET", f"/certificates/{name}/pending")


def stored_of(world: Simulation, name: str) -> StoredObject:
    """Read a certificate's object."""
    stored = world.run(world.store.object(world.vault.id, Collection.CERTIFICATES, name))
    assert stored is not None
    return stored


def versions(vault: Client, collection: str, name: str) -> int:
    """Count versions."""
    return len(vault.walk(f"/{collection}/{name}/versions"))


# ---- an issuer's steps ----------------------------------------------------------------------------------------------


def test_an_issuer_that_takes_its_time_is_asked_again_when_it_says(vault: Client, world: Simulation, name: str) -> None:
    """With what it wanted to remember, and not before."""
    until = int(world.clock()) + HOUR_S
    issuer, policy = stand_in(vault, world, Waiting(b"order 7", until, "The order is being validated."), ISSUE)
    operation = create(vault, name, **policy)
    assert pending(vault, name)["status_details"] == "The order is being validated."
    assert look(world) == {}
    world.advance(HOUR_S)
    assert look(world) == {"CertificateEnroll": 1}
    assert issuer.asked == [(operation["request_id"], b""), (operation["request_id"], b"order 7")]
    assert pending(vault, name)["status"] == "completed"
    bundle = vault.done("GET", f"/certificates/{name}")
    assert loaded(bundle).issuer.rfc4514_string() == "CN=Issuing"
    assert (versions(vault, "keys", name), versions(vault, "secrets", name)) == (1, 1)


def test_an_issuer_that_is_nearly_done_is_asked_by_the_same_task(vault: Client, world: Simulation, name: str) -> None:
    """What takes a moment does not wait for the job."""
    now = int(world.clock())
    _, policy = stand_in(vault, world, Waiting(b"1", now), Waiting(b"2", now), ISSUE)
    create(vault, name, **policy)
    assert pending(vault, name)["status"] == "completed"


def test_a_refusal_is_told(vault: Client, world: Simulation, name: str) -> None:
    """The operation has failed, which is told with 200 and recorded; the certificate stays as it was."""
    _, policy = stand_in(vault, world, Refused("The name is not yours.", "Request rejected"))
    create(vault, name, **policy)
    found = pending(vault, name)
    assert (found["status"], found["status_details"]) == ("failed", "The name is not yours.")
    assert found["error"] == {"code": "Request rejected", "message": "The name is not yours."}
    entry = next(one for one in reversed(world.entries()) if one["operationName"] == "CertificateEnroll")
    assert (entry["properties"]["httpStatusCode"], entry["resultDescription"]) == (400, "The name is not yours.")
    assert "cer" not in vault.done("GET", f"/certificates/{name}")


def test_what_an_issuer_raises_is_its_error(vault: Client, world: Simulation, name: str) -> None:
    """Its sentence is told under Azure's word for it."""
    _, policy = stand_in(vault, world, Failure("The account is closed."))
    create(vault, name, **policy)
    assert pending(vault, name)["error"] == {
        "code": "Certificate issuer error",
        "message": "The account is closed.",
    }


def test_an_issuer_that_cannot_be_reached_is_tried_again_for_a_while(
    vault: Client, world: Simulation, name: str
) -> None:
    """Each time later, up to an hour; after as many times as the limit says the operation fails and says why."""
    issuer, policy = stand_in(vault, world)
    issuer.away = True
    create(vault, name, **policy)
    pauses = []
    while pending(vault, name)["status"] == "inProgress":
        due = stored_of(world, name).due_at
        assert due is not None
        pauses.append(due - int(world.clock()))
        world.advance(pauses[-1])
        look(world)
    most = certificate_limits.STEP_FAILURES
    assert len(issuer.asked) == most
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, certificate_limits.STEP_RETRY_MAX_S]
    assert pauses[0] == certificate_limits.STEP_RETRY_S
    assert pauses[-1] == certificate_limits.STEP_RETRY_MAX_S
    message = pending(vault, name)["error"]["message"]
    assert message == f"The issuer could not be reached in {most} attempts: The CA does not answer."


def test_an_issuer_that_answers_again_is_forgiven(vault: Client, world: Simulation, name: str) -> None:
    """The count is of failures in a row."""
    now = int(world.clock())
    away = Unavailable("Away.")
    issuer, policy = stand_in(vault, world, away, Waiting(b"x", now + 2 * HOUR_S), away, ISSUE)
    create(vault, name, **policy)
    for pause in (60, 2 * HOUR_S, 60):
        world.advance(pause)
        look(world)
    assert len(issuer.asked) == 4
    assert pending(vault, name)["status"] == "completed"


def test_an_issuer_has_a_longest_time(vault: Client, world: Simulation, name: str) -> None:
    """One that only ever says later is given up."""
    _, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.advance(certificate_limits.ISSUANCE_S)
    look(world)
    assert pending(vault, name)["status"] == "inProgress"
    world.advance(HOUR_S)
    look(world)
    assert pending(vault, name)["error"]["message"] == "The issuer did not issue the certificate within 30 days."


@pytest.mark.parametrize("how", ["expired", "foreign", "weak", "garbage"])
def test_what_an_issuer_gives_is_judged(vault: Client, world: Simulation, name: str, how: str) -> None:
    """SEC-KEY-11: it is not believed because it is an issuer's."""
    issuer, policy = stand_in(vault, world)
    issuer.steps.append(Waiting(b"", int(world.clock()) + HOUR_S))
    operation = create(vault, name, **policy)
    world.settle()
    request = x509.load_der_x509_csr(base64.b64decode(operation["csr"]))
    issuer.steps.append(Issued(issuer.authority.spoilt(request, how)))
    world.advance(HOUR_S)
    look(world)
    error = pending(vault, name)["error"]
    assert error["code"] == "Certificate issuer error"
    assert error["message"].startswith("What the issuer gave is not accepted: ")


def test_a_certificate_of_another_key_is_not_accepted(vault: Client, world: Simulation, name: str) -> None:
    """Whoever issued it."""
    issuer, policy = stand_in(vault, world)
    other = create(vault, f"{name}-other", **policy)
    issuer.steps.append(issuer.issued(base64.b64decode(other["csr"])))
    create(vault, name, **policy)
    assert "does not match the public part" in pending(vault, name)["error"]["message"]


def test_an_issuer_that_the_vault_does_not_have_is_refused(vault: Client, name: str) -> None:
    """At once, and no key is made for it."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"issuer": {"name": "none"}}})
    assert (answer.status, answer.error["code"]) == (404, "CertificateIssuerNotFound")
    assert vault.ask("GET", f"/certificates/{name}").status == 404


def test_an_issuer_that_goes_meanwhile_fails_the_operation(vault: Client, world: Simulation, name: str) -> None:
    """With a sentence that says so."""
    _, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.settle()
    vault.done("DELETE", f"/certificates/issuers/{NAME}")
    world.advance(HOUR_S)
    look(world)
    assert pending(vault, name)["error"]["message"] == f"The vault has no issuer called {NAME} any more."


# ---- who makes a step -----------------------------------------------------------------------------------------------


class _Meanwhile:
    """An issuer during whose step something happens."""

    def __init__(self, inner: StandIn, what: Any) -> None:
        self.inner, self.what = inner, what

    async def step(self, wanted: Wanted, state: bytes) -> Step:
        step = await self.inner.step(wanted, state)
        what, self.what = self.what, None
        if what is not None:
            await what()
        return step

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        await self.inner.cancel(wanted, state)


def during_its_step(world: Simulation, issuer: StandIn, change: Any) -> None:
    """Have a change committed while the issuer is asked."""

    async def commit() -> None:
        await world.store.commit(change)

    world.world.issuers = {"StandIn": _Meanwhile(issuer, commit)}


def test_a_cancellation_that_comes_during_a_step_is_heeded_next(vault: Client, world: Simulation, name: str) -> None:
    """The step's result is not lost, nor is what was asked for: the next step comes at once, and lets go."""
    issuer, policy = stand_in(vault, world, Waiting(b"order 7", int(world.clock()) + HOUR_S))

    async def cancel(tx: Transaction) -> None:
        await certificates.ask_to_cancel(tx, world.vault, name, wanted=True, now=int(world.clock()))

    during_its_step(world, issuer, cancel)
    operation = create(vault, name, **policy)
    assert pending(vault, name)["status"] == "cancelled"
    assert (issuer.cancelled, issuer.kept) == ([operation["request_id"]], b"order 7")


def test_what_was_issued_before_the_cancellation_is_taken(vault: Client, world: Simulation, name: str) -> None:
    """A cancellation that comes too late is one: the certificate is there."""
    issuer, policy = stand_in(vault, world, ISSUE)

    async def cancel(tx: Transaction) -> None:
        await certificates.ask_to_cancel(tx, world.vault, name, wanted=True, now=int(world.clock()))

    during_its_step(world, issuer, cancel)
    create(vault, name, **policy)
    assert pending(vault, name)["status"] == "completed"


def test_what_comes_for_a_forgotten_operation_is_let_go(vault: Client, world: Simulation, name: str) -> None:
    """No version comes of it."""
    issuer, policy = stand_in(vault, world, ISSUE)

    async def forget(tx: Transaction) -> None:
        envelope = world.keys.envelope(world.vault.id, world.vault.wrapped_key)
        await certificates.forget_pending(tx, world.vault, lambda: envelope, name, int(world.clock()))

    during_its_step(world, issuer, forget)
    create(vault, name, **policy)
    world.settle()
    assert vault.ask("GET", f"/certificates/{name}/pending").status == 404
    assert "cer" not in vault.done("GET", f"/certificates/{name}")
    assert vault.ask("GET", f"/keys/{name}").status == 404


def test_an_issuer_is_told_of_an_operation_that_is_forgotten(vault: Client, world: Simulation, name: str) -> None:
    """So that it does not issue for nobody, if it can still help it."""
    issuer, policy = stand_in(vault, world)
    operation = create(vault, name, **policy)
    vault.done("DELETE", f"/certificates/{name}/pending")
    world.settle()
    assert issuer.cancelled == [operation["request_id"]]


def test_an_issuer_is_told_of_a_certificate_that_is_deleted(vault: Client, world: Simulation, name: str) -> None:
    """Its operation is cancelled with it."""
    issuer, policy = stand_in(vault, world)
    operation = create(vault, name, **policy)
    vault.done("DELETE", f"/certificates/{name}")
    world.settle()
    assert issuer.cancelled == [operation["request_id"]]


def test_a_step_that_two_make_counts_once(vault: Client, world: Simulation, name: str) -> None:
    """One of two nodes has its result taken; there is one version, one key and one record."""
    issuer, policy = stand_in(vault, world)
    create(vault, name, **policy)
    world.settle()
    issuer.steps.extend([ISSUE, ISSUE])
    stored, before = stored_of(world, name), len(world.entries())

    async def both() -> list[Outcome]:
        steps = (make_step(world.world, world.vault, stored) for _ in range(2))
        return list(await asyncio.gather(*steps))

    assert sorted(world.run(both())) == [Outcome.ISSUED, Outcome.OVERTAKEN]
    assert (stored_of(world, name).versions, versions(vault, "keys", name)) == (1, 1)
    ends = [one for one in world.entries()[before:] if one["operationName"] == "CertificateEnroll"]
    assert len(ends) == 1


def test_the_job_leaves_a_step_to_the_task_that_makes_it(vault: Client, world: Simulation, name: str) -> None:
    """Nothing is asked twice while the request's own task is at it."""
    issuer, policy = stand_in(vault, world, ISSUE)
    world.settles = False
    try:
        create(vault, name, **policy)
        assert look(world) == {}
    finally:
        world.settles = True
    world.settle()
    assert len(issuer.asked) == 1


def test_a_request_that_comes_during_a_step_is_not_forgotten(vault: Client, world: Simulation, name: str) -> None:
    """The task that is at it looks again when it has ended; it asks nobody before his time."""
    later = Waiting(b"7", int(world.clock()) + HOUR_S)
    issuer, policy = stand_in(vault, world, Refused("No."), later)

    async def begin_again() -> None:
        async def replace_it(tx: Transaction) -> None:
            stored = await tx.object(world.vault.id, Collection.CERTIFICATES, name)
            assert stored is not None
            was = upkeep_of(stored)
            assert was.pending is not None
            fresh = replace(was.pending, request_id="f" * 32)
            await tx.put_object(
                scheduled(stored, CertificateVersionBody(CertificateAttributes(0, 0)), replace(was, pending=fresh))
            )

        await world.store.commit(replace_it)
        certificate_issuance.issue_in_background(world.world, world.vault, await stored_now())

    async def stored_now() -> StoredObject:
        stored = await world.store.object(world.vault.id, Collection.CERTIFICATES, name)
        assert stored is not None
        return stored

    world.world.issuers = {"StandIn": _Meanwhile(issuer, begin_again)}
    first = create(vault, name, **policy)
    world.settle()
    assert issuer.asked == [(first["request_id"], b""), ("f" * 32, b"")]


# ---- restarts -------------------------------------------------------------------------------------------------------


def restarted(world: Simulation) -> World:
    """Make what a new process makes of the same store; what only memory held is gone."""
    own = make_world(
        world.settings, world.first.installation, world.store, world.keys, world.view, world.journal, clock=world.clock
    )
    own.issuers = world.world.issuers
    return own


@pytest.mark.parametrize("issuer", ["Self", NAME])
def test_a_process_that_dies_before_the_first_step_has_it_made_later(
    vault: Client, world: Simulation, name: str, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was answered, and nothing else happened: the next process issues, with the same key."""
    stand_in(vault, world, ISSUE)
    monkeypatch.setattr(certificate_issuance._Issuance, "work", _nothing)
    operation = create(vault, name, issuer={"name": issuer})
    own = restarted(world)
    assert look(world, own) == {}
    world.advance(HANDED_S)
    assert look(world, own) == {"CertificateEnroll": 1}
    request = x509.load_der_x509_csr(base64.b64decode(operation["csr"]))
    assert loaded(vault.done("GET", f"/certificates/{name}")).public_key() == request.public_key()


async def _nothing(_self: object) -> None:
    """Do nothing, like a process that is no more."""


class _Dead(BaseException):
    """A process ends: nobody catches it."""


@pytest.mark.parametrize("taken", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize("state", ["issued", "refused", "cancelled"])
def test_a_process_that_dies_at_the_end_of_an_operation_leaves_one_end(
    vault: Client, world: Simulation, name: str, state: str, *, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-KEY-12: whether its last commit was made or not, the next process comes to the same, and to it once."""
    step: Step = Refused("No.") if state == "refused" else ISSUE
    issuer, policy = stand_in(vault, world, Waiting(b"7", int(world.clock()) + HOUR_S))
    operation = create(vault, name, **policy)
    world.settle()
    if state == "cancelled":
        monkeypatch.setattr(certificate_issuance._Issuance, "work", _nothing)
        vault.done("PATCH", f"/certificates/{name}/pending", body={"cancellation_requested": True})
        world.settle()
    issuer.steps.extend([step, step])
    world.advance(HOUR_S)
    commit_apart = audit.commit_apart

    async def die(*given: Any, **how: Any) -> Any:
        if taken:
            await commit_apart(*given, **how)
        raise _Dead

    with monkeypatch.context() as patch:
        patch.setattr(audit, "commit_apart", die)
        with pytest.raises(_Dead):
            look(world)
    look(world, restarted(world))
    found = pending(vault, name)
    assert found["status"] == {"issued": "completed", "refused": "failed", "cancelled": "cancelled"}[state]
    assert {asked for asked, _ in issuer.asked} == {operation["request_id"]}
    ends = [one for one in world.entries() if one["operationName"] == "CertificateEnroll" and name in str(one)]
    assert len(ends) == 1


def test_a_process_that_dies_while_it_waits_goes_on_with_what_the_issuer_kept(
    vault: Client, world: Simulation, name: str
) -> None:
    """Everything that the next step needs is in the store."""
    issuer, policy = stand_in(vault, world, Waiting(b"order 7", int(world.clock()) + HOUR_S), ISSUE)
    create(vault, name, **policy)
    world.settle()
    world.advance(HOUR_S)
    assert look(world, restarted(world)) == {"CertificateEnroll": 1}
    assert issuer.asked[1][1] == b"order 7"


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_a_key_is_used_again_where_the_policy_says_so(vault: Client, world: Simulation, name: str) -> None:
    """reuse_key: the next version has the key of the one before, unless it is to be another kind of key."""
    key = {"kty": "EC", "crv": "P-256", "reuse_key": True}
    first = made(vault, world, name, key_props=key)
    second = made(vault, world, name, key_props=key)
    assert first["id"] != second["id"]
    assert loaded(first).public_key() == loaded(second).public_key()
    other = made(vault, world, name, key_props=key | {"crv": "P-384"})
    assert loaded(other).public_key() != loaded(second).public_key()
    assert versions(vault, "keys", name) == 3


def test_a_key_that_could_not_leave_is_not_used_again_for_one_that_can(
    vault: Client, world: Simulation, name: str
) -> None:
    """SEC-KEY-13: reuse_key with a policy that became exportable does not hand out a key that was made to stay."""
    key = {"kty": "EC", "crv": "P-256", "reuse_key": True, "exportable": False}
    first = made(vault, world, name, key_props=key)
    vault.done("PATCH", f"/certificates/{name}/policy", body={"key_props": {"exportable": True}})
    second = made(vault, world, name, key_props=key | {"exportable": True})
    assert loaded(second).public_key() != loaded(first).public_key()
    private, leaf, _ = pkcs12.load_key_and_certificates(
        base64.b64decode(vault.done("GET", f"/secrets/{name}")["value"]), None
    )
    assert private is not None
    assert leaf == loaded(second)
    third = made(vault, world, name, key_props=key)
    assert loaded(third).public_key() == loaded(second).public_key()


def test_a_new_version_has_a_new_key_otherwise(vault: Client, world: Simulation, name: str) -> None:
    """Without a policy in the request the one that there is holds."""
    first = made(vault, world, name)
    assert vault.ask("POST", f"/certificates/{name}/create", body={}).status == 202
    second = vault.done("GET", f"/certificates/{name}")
    assert loaded(first).public_key() != loaded(second).public_key()
    assert second["policy"]["x509_props"]["subject"] == "CN=example.com"


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Put a token in its place, for a premium vault."""
    one = MemoryToken()
    world.world.protections.token = one
    world.set_vault(sku="premium")
    yield one
    world.world.protections.token = None


HSM = {"kty": "EC-HSM", "crv": "P-256"}


def test_a_key_in_a_token_never_leaves_it(vault: Client, world: Simulation, token: MemoryToken, name: str) -> None:
    """The certificate is signed there; its secret has the certificate and no key."""
    bundle = made(vault, world, name, key_props=HSM)
    assert (bundle["policy"]["key_props"]["kty"], bundle["policy"]["key_props"]["exportable"]) == ("EC-HSM", False)
    value = vault.done("GET", f"/secrets/{name}")["value"]
    found = pkcs12.load_pkcs12(base64.b64decode(value), None)
    assert found.key is None
    assert [one.certificate for one in found.additional_certs] == [loaded(bundle)]
    key = vault.done("GET", f"/keys/{name}")
    assert (key["key"]["kty"], key["attributes"]["exportable"], len(token.held)) == ("EC-HSM", False, 1)


def test_a_key_in_a_token_needs_a_premium_vault(vault: Client, world: Simulation, name: str) -> None:
    """As any key does."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"key_props": HSM}})
    assert answer.status == 400
    world.set_vault(sku="premium")


def destroy(world: Simulation, token: MemoryToken) -> int:
    """Have the token destroy what is doomed; how much it holds then."""
    world.run(destroy_doomed_keys(world.store, world.world.protections))
    assert world.run(world.store.records(DoomedKey, INSTANCE)) == []
    return len(token.held)


@pytest.mark.parametrize("end", ["forgotten", "replaced"])
def test_the_key_of_an_operation_that_comes_to_nothing_is_destroyed(
    vault: Client, world: Simulation, token: MemoryToken, name: str, end: str
) -> None:
    """Not when it fails, for what was issued can still be merged; when it is forgotten, or another one begins."""
    _, policy = stand_in(vault, world, Refused("No."))
    create(vault, name, key_props=HSM, **policy)
    world.settle()
    assert destroy(world, token) == 1
    if end == "forgotten":
        vault.done("DELETE", f"/certificates/{name}/pending")
        assert destroy(world, token) == 0
    else:
        made(vault, world, name, key_props=HSM)
        assert destroy(world, token) == 1


def test_a_key_that_a_version_has_is_not_destroyed_with_an_operation(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """With reuse_key the operation that fails had the key of the version that stays."""
    key = HSM | {"reuse_key": True}
    made(vault, world, name, key_props=key)
    _, policy = stand_in(vault, world, Refused("No."))
    create(vault, name, key_props=key, **policy)
    assert pending(vault, name)["status"] == "failed"
    vault.done("DELETE", f"/certificates/{name}/pending")
    assert destroy(world, token) == 1


def test_a_key_that_two_versions_have_is_destroyed_once(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """SEC-KEY-12: when both are purged, and not before."""
    key = HSM | {"reuse_key": True}
    first = made(vault, world, name, key_props=key)
    assert loaded(made(vault, world, name, key_props=key)).public_key() == loaded(first).public_key()
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/certificates/{name}")
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/deletedcertificates/{name}")
    assert len(world.run(world.store.records(DoomedKey, INSTANCE))) == 1
    assert destroy(world, token) == 0


def test_a_purged_certificate_takes_the_key_of_its_operation_with_it(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """The operation was cancelled by the deletion, and could have been merged until then."""
    create(vault, name, key_props=HSM, issuer={"name": "Unknown"})
    vault.done("DELETE", f"/certificates/{name}")
    assert destroy(world, token) == 1
    vault.done("DELETE", f"/deletedcertificates/{name}")
    assert destroy(world, token) == 0


def test_a_name_whose_retention_is_over_is_begun_anew(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """Before the clean-up has come by: what was left of the certificate before goes, with its keys in the token."""
    made(vault, world, name, key_props=HSM)
    create(vault, name, key_props=HSM, issuer={"name": "Unknown"})
    assert len(token.held) == 2
    vault.done("DELETE", f"/certificates/{name}")
    world.advance(91 * 86_400)
    bundle = made(vault, world, name, key_props=HSM)
    assert len(vault.walk(f"/certificates/{name}/versions")) == 1
    assert destroy(world, token) == 1
    assert vault.done("GET", f"/keys/{name}")["key"]["kid"] == bundle["kid"]


def test_a_creation_that_is_refused_leaves_no_key(
    vault: Client, world: Simulation, token: MemoryToken, name: str
) -> None:
    """The name is taken by a secret, which is seen only inside the change."""
    vault.put(name)
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | {"key_props": HSM}})
    assert (answer.status, answer.error["code"]) == (409, "Conflict")
    assert token.held == {}


def test_a_token_that_is_away_is_waited_for(vault: Client, world: Simulation, token: MemoryToken, name: str) -> None:
    """The operation stands, counted, and goes on when the token is back."""
    _, policy = stand_in(vault, world, Waiting(b"", int(world.clock()) + HOUR_S), Unavailable("Away."), ISSUE)
    create(vault, name, key_props=HSM, **policy)
    world.settle()
    for pause in (HOUR_S, 60):
        world.advance(pause)
        look(world)
    assert pending(vault, name)["status"] == PendingStatus.COMPLETED
    assert len(token.held) == 1
