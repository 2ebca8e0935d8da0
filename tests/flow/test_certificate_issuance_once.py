"""
How a certificate is issued once, whoever comes to a step, and whatever happens between two.

The job's own function is run, as `strongroom.app.jobs` runs it, under a clock that the tests move.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from strongroom.app.instance import make_world
from strongroom.core.certificates import CertificateAttributes, CertificateVersionBody
from strongroom.core.issuance import Refused, Step, Waiting, Wanted
from strongroom.core.objects import Collection, StoredObject
from strongroom.flow import audit
from strongroom.flow.world import World
from strongroom.objects import certificates
from strongroom.objects.certificate_rows import scheduled, upkeep_of
from strongroom.store import Transaction
from strongroom.vault import certificate_issuance
from strongroom.vault.certificate_issuance import Outcome, make_step
from strongroom.vault.certificate_requests import HANDED_S
from tests.flow.client import Client
from tests.flow.issuing import (
    HOUR_S,
    ISSUE,
    NAME,
    StandIn,
    a_time_of_its_own,
    look,
    pending,
    stand_in,
    stored_of,
    vault,
    versions,
)
from tests.flow.vault_certificates import create, loaded
from tests.world import Simulation

__all__ = ["a_time_of_its_own", "vault"]
pytestmark = pytest.mark.usefixtures("restored")


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
