"""
What secrets do by themselves, under a clock that the tests move: near expiry, thirty days before it, and expiry.

The job's own function is run, as `strongroom.app.jobs` runs it. Nothing else looks after secrets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from strongroom.app import jobs
from strongroom.app.upkeep import look_after_objects
from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.events import Event as Announced
from strongroom.core.events import EventType
from strongroom.core.lifecycle import DAY_S
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.secret_expiry import Event
from strongroom.objects.secret_expiry import SCHEDULED
from strongroom.store import LeaseLost, Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.store.transaction import SqlTransaction
from strongroom.vault.upkeep import FAILED, LEASE, LEASE_S
from tests.conformance.store.backends import Sqlite
from tests.flow.client import Client
from tests.world import Simulation

NEAR, EXPIRED = Event.NEAR_EXPIRY, Event.EXPIRED
NODE = "node-1"
YEARS_S = 10 * 365 * DAY_S


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world of its own, in a file, since its time passes."""
    simulation = Simulation(tmp_path, database=tmp_path / "store.db")
    yield simulation
    simulation.close()


@pytest.fixture
def vault(apart: Simulation) -> Client:
    """Administer its vault as somebody whose secret outlives the test."""
    who = apart.principal("keeper", lifetime_s=YEARS_S)
    apart.grant(who.oid, KEY_VAULT_ADMINISTRATOR, apart.vault.scope)
    return Client(apart, who)


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[Announced]:
    """Note what is announced."""
    found: list[Announced] = []
    announce = SqlTransaction.announce

    def note(tx: SqlTransaction, event: Announced) -> None:
        found.append(event)
        announce(tx, event)

    monkeypatch.setattr(SqlTransaction, "announce", note)
    return found


def look(world: Simulation) -> dict[str, int]:
    """Run the job once; how much of what it did."""
    return dict(world.run(look_after_objects(world.world, NODE)))


def put(vault: Client, name: str, days: int | None = None, **attributes: Any) -> str:
    """Set a secret that expires in so many days, and give its id."""
    if days is not None:
        attributes["exp"] = int(vault.world.clock()) + days * DAY_S
    done = vault.done("PUT", f"/secrets/{name}", body={"value": "v", "attributes": attributes})
    identifier: str = done["id"]
    return identifier


def stored(world: Simulation, name: str) -> StoredObject:
    """Read a secret's object."""
    found = world.run(world.store.object(world.vault.id, Collection.SECRETS, name))
    assert found is not None
    return found


def told(world: Simulation, identifier: str) -> list[str]:
    """Give what the journal has of what a version did by itself."""
    return [
        entry["operationName"]
        for entry in world.entries()
        if entry["operationName"] in set(Event) and entry["properties"]["id"] == identifier
    ]


def test_expiry_is_noted_at_its_second_before_it_comes_and_when_it_does(apart: Simulation, vault: Client) -> None:
    """SEC-CLOCK-1: thirty days before and at the moment itself, once each, with an entry that has nobody's identity."""
    identifier = put(vault, "one", 90)
    apart.advance(60 * DAY_S - 1)
    assert look(apart) == {}
    apart.advance(1)
    assert [look(apart), look(apart)] == [{NEAR: 1}, {}]
    apart.advance(30 * DAY_S - 1)
    assert look(apart) == {}
    apart.advance(1)
    assert [look(apart), look(apart)] == [{EXPIRED: 1}, {}]
    assert told(apart, identifier) == [NEAR, EXPIRED]
    entry = apart.entries()[-1]
    assert entry["identity"] == {}
    assert entry["resourceId"] == apart.vault.scope.upper()
    assert entry["properties"]["secretProperties"]["attributes"]["enabled"]


def test_what_is_noted_is_announced_with_it(apart: Simulation, vault: Client, announced: list[Announced]) -> None:
    """SEC-CLOCK-1: an event of each, about the version that it is."""
    identifier = put(vault, "one", 31)
    apart.advance(31 * DAY_S)
    announced.clear()
    look(apart)
    assert [event.type for event in announced] == [EventType.SECRET_NEAR_EXPIRY, EventType.SECRET_EXPIRED]
    version = identifier.rsplit("/", 1)[1]
    assert {(one.subject, one.version, one.exp) for one in announced} == {("one", version, int(apart.clock()))}


def test_a_secret_without_an_expiry_keeps_nothing_and_is_never_due(apart: Simulation, vault: Client) -> None:
    """Setting it writes its object once, and no time."""
    writes: list[StoredObject] = []
    put_object = SqlTransaction.put_object

    async def count(tx: SqlTransaction, one: StoredObject) -> None:
        writes.append(one)
        await put_object(tx, one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlTransaction, "put_object", count)
        put(vault, "one")
        put(vault, "one")
    assert [(one.policy, one.due_at) for one in writes] == [(None, None)] * 2


def test_a_new_version_has_a_time_of_its_own(apart: Simulation, vault: Client) -> None:
    """The one before it is not looked after any more, and one without an expiry ends it."""
    put(vault, "one", 35)
    put(vault, "one", 45)
    apart.advance(14 * DAY_S)
    assert look(apart) == {}
    apart.advance(DAY_S)
    assert look(apart) == {NEAR: 1}
    put(vault, "one")
    apart.advance(30 * DAY_S)
    assert look(apart) == {}
    assert (stored(apart, "one").policy, stored(apart, "one").due_at) == (None, None)


def test_a_rotated_secret_is_told_of_once_for_each_version(apart: Simulation, vault: Client) -> None:
    """Whoever writes a new version when the old one is near its expiry hears of the new one in its time."""
    ids = [put(vault, "one", 40)]
    apart.advance(10 * DAY_S)
    assert look(apart) == {NEAR: 1}
    ids.append(put(vault, "one", 40))
    apart.advance(10 * DAY_S)
    assert [look(apart), look(apart)] == [{NEAR: 1}, {}]
    assert [told(apart, one) for one in ids] == [[NEAR], [NEAR]]


def test_an_update_moves_the_time(apart: Simulation, vault: Client) -> None:
    """Another expiry of the latest version is told of again; that of an older version is nobody's concern."""
    first = put(vault, "one", 31)
    apart.advance(DAY_S)
    assert look(apart) == {NEAR: 1}
    later = {"attributes": {"exp": int(apart.clock()) + 50 * DAY_S}}
    vault.done("PATCH", f"/secrets/one/{first.rsplit('/', 1)[1]}", body=later)
    apart.advance(20 * DAY_S - 1)
    assert look(apart) == {}
    apart.advance(1)
    assert look(apart) == {NEAR: 1}
    put(vault, "one")
    vault.done("PATCH", f"/secrets/one/{first.rsplit('/', 1)[1]}", body={"attributes": {"exp": int(apart.clock())}})
    assert look(apart) == {}


def test_a_disabled_secret_is_left_alone_until_it_is_enabled(apart: Simulation, vault: Client) -> None:
    """What came meanwhile is said then."""
    identifier = put(vault, "one", 40, enabled=False)
    apart.advance(50 * DAY_S)
    assert look(apart) == {}
    vault.done("PATCH", f"/secrets/one/{identifier.rsplit('/', 1)[1]}", body={"attributes": {"enabled": True}})
    assert look(apart) == {NEAR: 1, EXPIRED: 1}


def test_a_deleted_secret_waits_for_its_recovery(apart: Simulation, vault: Client) -> None:
    """Nothing is said of it while it is deleted; what came meanwhile is said afterwards."""
    put(vault, "one", 40)
    vault.done("DELETE", "/secrets/one")
    apart.advance(20 * DAY_S)
    assert look(apart) == {}
    vault.done("POST", "/deletedsecrets/one/recover")
    assert look(apart) == {NEAR: 1}


def test_a_restored_secret_is_another_one(apart: Simulation, vault: Client) -> None:
    """What was noted of the one that was backed up was not noted of this one."""
    put(vault, "one", 40)
    apart.advance(10 * DAY_S)
    assert look(apart) == {NEAR: 1}
    blob = vault.done("POST", "/secrets/one/backup")["value"]
    vault.done("DELETE", "/secrets/one")
    assert vault.ask("DELETE", "/deletedsecrets/one").status == 204
    vault.done("POST", "/secrets/restore", body={"value": blob})
    assert look(apart) == {NEAR: 1}


def test_what_is_due_is_counted_for_the_operator(
    apart: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to `JOB_WAITING`: beyond it, more is only more."""
    for number in range(3):
        put(vault, f"secret-{number}", 40)
    service = cast("jobs.Service", SimpleNamespace(opened=SimpleNamespace(world=apart.world)))
    assert apart.run(jobs.count_due(service)) == 0
    apart.advance(10 * DAY_S)
    assert apart.run(jobs.count_due(service)) == 3
    monkeypatch.setattr(limits, "JOB_WAITING", 2)
    assert apart.run(jobs.count_due(service)) == 2
    monkeypatch.setattr(limits, "JOB_WAITING", 3)
    assert apart.run(jobs.count_due(service)) == 3
    assert apart.run(jobs.count_purgeable(service)) == 0


def test_two_nodes_note_an_expiry_once(apart: Simulation, vault: Client) -> None:
    """SEC-CLOCK-1: whoever has the lease does it; the other finds nothing left to do."""
    ids = [put(vault, f"secret-{number}", 40) for number in range(5)]
    apart.advance(10 * DAY_S)

    async def both() -> Counter[str]:
        store = await SqliteStore.open(apart.folder / "store.db", apart.keys.tag, apart.clock)
        other = replace(apart.world, store=store)
        done = await asyncio.gather(look_after_objects(apart.world, NODE), look_after_objects(other, "node-2"))
        await store.close()
        return done[0] + done[1]

    assert apart.run(both()) == {NEAR: 5}
    assert [told(apart, one) for one in ids] == [[NEAR]] * 5


def test_a_lease_that_another_node_took_is_believed_no_more(apart: Simulation, vault: Client) -> None:
    """SEC-CLOCK-1: a node that is sure of its lease commits nothing once another has it, and asks for it again then."""
    put(vault, "one", 40)
    put(vault, "two", 41)
    apart.advance(10 * DAY_S)
    assert look(apart) == {NEAR: 1}
    apart.advance(DAY_S)
    now = int(apart.clock())

    async def take_over() -> bool:
        store = await SqliteStore.open(apart.folder / "store.db", apart.keys.tag, apart.clock)
        taken = await store.acquire_lease(LEASE, "node-2", now=now, lifetime_s=LEASE_S)
        await store.close()
        return taken

    assert apart.run(take_over())
    apart.world.leases_held[LEASE, NODE] = now + LEASE_S
    with pytest.raises(LeaseLost):
        look(apart)
    assert look(apart) == {}
    apart.advance(LEASE_S)
    assert look(apart) == {NEAR: 1}


def test_secrets_of_an_older_release_are_scheduled_once(apart: Simulation, vault: Client) -> None:
    """Those with an expiry, deleted ones too, are looked after from the first turn on; nothing else is written."""
    for name, days in (("a", 40), ("b", None), ("gone", 40)):
        put(vault, name, days)
    vault.done("DELETE", "/secrets/gone")

    async def as_before(tx: Transaction) -> None:
        for name in ("a", "gone"):
            one = await tx.object(apart.vault.id, Collection.SECRETS, name)
            assert one is not None
            await tx.put_object(replace(one, due_at=None))
        await tx.remove(SCHEDULED)

    apart.commit(as_before)
    plain = stored(apart, "b")
    apart.advance(10 * DAY_S)
    assert look(apart) == {NEAR: 1}
    assert stored(apart, "b") == plain
    vault.done("POST", "/deletedsecrets/gone/recover")
    assert look(apart) == {NEAR: 1}
    before = apart.run(apart.store.sequence())
    assert look(apart) == {}
    assert apart.run(apart.store.sequence()) == before


def test_an_altered_secret_of_an_older_release_keeps_no_other_waiting(
    apart: Simulation, vault: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Its vault is told of, and what was scheduled already is looked after."""
    put(vault, "a", 40)
    put(vault, "b", 40)
    apart.commit(lambda tx: tx.remove(SCHEDULED))
    Sqlite(apart.folder).sql(apart.store, "UPDATE objects SET versions = 9 WHERE key = 'a'")
    apart.advance(10 * DAY_S)
    assert look(apart) == {NEAR: 1}
    assert any("secrets of the vault" in message and "are not looked after" in message for message in caplog.messages)


def test_a_secret_that_cannot_be_looked_after_keeps_no_other_waiting(
    apart: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again an hour later."""
    put(vault, "a", 40)
    put(vault, "b", 40)
    apart.advance(10 * DAY_S)
    announce = SqlTransaction.announce

    def fail(tx: SqlTransaction, event: Announced) -> None:
        if event.subject == "a":
            raise ValueError
        announce(tx, event)

    with monkeypatch.context() as patch:
        patch.setattr(SqlTransaction, "announce", fail)
        assert look(apart) == {FAILED: 1, NEAR: 1}
    assert look(apart) == {}
    apart.advance(3_600)
    assert look(apart) == {NEAR: 1}
