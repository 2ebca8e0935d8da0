"""
What keys do by themselves, under a clock that the tests move: rotation, near expiry, expiry (reference section 5.1).

The job's own function is run, as `strongroom.app.jobs` runs it; nothing else moves the keys.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from strongroom.app import upkeep
from strongroom.app.jobs import JOBS, Service
from strongroom.app.upkeep import look_after_objects
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.errors import Unavailable
from strongroom.core.key_rotation import Event
from strongroom.core.keys import KeySpec
from strongroom.core.lifecycle import DAY_S
from strongroom.core.network import Link
from strongroom.core.objects import Collection, StoredObject
from strongroom.crypto.keys.protocol import MadeKey, Place
from strongroom.flow import audit
from strongroom.store import LeaseLost, StoreFault, Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.vault import upkeep as shared
from tests.conformance.store.backends import Sqlite
from tests.flow.attesting import StandIn
from tests.flow.client import Client
from tests.world import START, Simulation

ROTATE, NEAR, EXPIRED = Event.ROTATE, Event.NEAR_EXPIRY, Event.EXPIRED
NODE = "node-1"


YEARS_S = 10 * 365 * DAY_S


@pytest.fixture
def vault(world: Simulation) -> Client:
    """Administer keys, with a token of this test's time."""
    return lasting_client(world)


def lasting_client(world: Simulation) -> Client:
    """Administer a vault as somebody whose secret outlives the test."""
    who = world.principal("keeper", lifetime_s=YEARS_S)
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return Client(world, who)


@pytest.fixture(autouse=True)
def a_time_of_its_own(world: Simulation) -> Iterator[None]:
    """Have every test begin at the same time with nothing due, since tokens' signing keys do not last for all."""
    yield
    stored = world.run(world.store.due_objects(2**60, limit=1000))

    async def forget(tx: Transaction) -> None:
        for one in stored:
            await tx.remove_object(one.vault, one.collection, one.name)

    world.commit(forget)
    world.advance(START - world.clock())


def look(world: Simulation) -> dict[str, int]:
    """Run the job once; how much of what it did."""
    return dict(world.run(look_after_objects(world.world, NODE)))


def create(vault: Client, name: str, *, expires_in: int | None = None, **members: Any) -> str:
    """Create a P-256 key, and give its id."""
    attributes = {"exp": int(vault.world.clock()) + expires_in} if expires_in is not None else {}
    body = {"kty": "EC", "attributes": attributes} | members
    kid: str = vault.done("POST", f"/keys/{name}/create", body=body)["key"]["kid"]
    return kid


def latest(world: Simulation, name: str) -> str:
    """Give the id of a key's latest version. It is read past the flow: no token lives as long as these tests."""
    return f"{world.vault_url}/keys/{name}/{stored_key(world, name).latest}"


def versions(world: Simulation, name: str) -> int:
    """Count a key's versions, likewise."""
    return stored_key(world, name).versions


def stored_key(world: Simulation, name: str) -> StoredObject:
    """Read a key."""
    stored = world.run(world.store.object(world.vault.id, Collection.KEYS, name))
    assert stored is not None
    return stored


def every(vault: Client, name: str, period: str, *, expiry: str | None = None) -> None:
    """Have a key rotate after a period."""
    policy(vault, name, {"timeAfterCreate": period}, expiry)


def policy(vault: Client, name: str, trigger: dict[str, str], expiry: str | None = None) -> None:
    """Have a key rotate."""
    body = {
        "lifetimeActions": [{"trigger": trigger, "action": {"type": "Rotate"}}],
        "attributes": {"expiryTime": expiry},
    }
    vault.done("PUT", f"/keys/{name}/rotationpolicy", body=body)


def told(world: Simulation, name: str) -> list[tuple[str, int]]:
    """Give what the journal has of what a key did by itself: operation and status."""
    return [
        (entry["operationName"], entry["properties"]["httpStatusCode"])
        for entry in world.entries()
        if entry["operationName"] in set(Event) and f"/keys/{name}/" in entry["properties"]["id"]
    ]


# ---- rotation -------------------------------------------------------------------------------------------------------


def test_a_key_rotates_at_its_second_and_not_one_before(world: Simulation, vault: Client, name: str) -> None:
    """And from then on the name means the new version, whose own time has begun."""
    old = create(vault, name)
    every(vault, name, "P90D")
    world.advance(90 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {ROTATE: 1}
    new = latest(world, name)
    assert new != old
    assert look(world) == {}
    world.advance(90 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {ROTATE: 1}
    assert versions(world, name) == 3


def test_a_key_rotates_before_its_expiry(world: Simulation, vault: Client, name: str) -> None:
    """Counted back from the latest version's; the next expires as the policy says."""
    create(vault, name, expires_in=60 * DAY_S)
    policy(vault, name, {"timeBeforeExpiry": "P40D"}, "P90D")
    world.advance(20 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {ROTATE: 1}
    new = vault.done("GET", f"/keys/{name}")["attributes"]
    assert new["exp"] == new["created"] + 90 * DAY_S == int(world.clock()) + 90 * DAY_S


def test_a_key_without_an_expiry_waits_for_one(world: Simulation, vault: Client, name: str) -> None:
    """A policy that counts back from an expiry is taken, and does nothing until a version has one."""
    create(vault, name)
    policy(vault, name, {"timeBeforeExpiry": "P30D"}, "P90D")
    world.advance(20 * DAY_S)
    assert look(world) == {}
    vault.done("PATCH", f"/keys/{name}/", body={"attributes": {"exp": int(world.clock()) + 31 * DAY_S}})
    world.advance(DAY_S)
    assert look(world) == {ROTATE: 1}


def test_a_key_that_was_due_many_times_rotates_once(world: Simulation, vault: Client, name: str) -> None:
    """After years without the service there is one new version, not one for each period."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(900 * DAY_S)
    assert look(world) == {ROTATE: 1}
    assert look(world) == {}
    assert versions(world, name) == 2


def test_rotation_on_request_begins_the_period_anew(world: Simulation, vault: Client, name: str) -> None:
    """The time is that of the latest version."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(7 * DAY_S)
    vault.done("POST", f"/keys/{name}/rotate")
    world.advance(7 * DAY_S)
    assert look(world) == {}


def test_rotation_is_recorded_as_nobodys_with_the_new_version(world: Simulation, vault: Client, name: str) -> None:
    """In the vault's own journal, so that its diagnostic settings deliver it."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    look(world)
    (entry,) = [one for one in world.entries() if one["operationName"] == ROTATE and f"/{name}/" in str(one)]
    assert entry["identity"] == {}
    assert entry["resourceId"].lower() == world.vault.scope.lower()
    assert entry["resultType"] == "Success"
    assert entry["properties"]["id"] == latest(world, name)
    assert entry["properties"]["keyProperties"]["operations"] == ["sign", "verify"]


def test_a_deleted_key_does_not_rotate_and_a_recovered_one_does(world: Simulation, vault: Client, name: str) -> None:
    """What it missed meanwhile it does once."""
    create(vault, name)
    every(vault, name, "P8D")
    vault.done("DELETE", f"/keys/{name}")
    world.advance(20 * DAY_S)
    assert look(world) == {}
    vault.done("POST", f"/deletedkeys/{name}/recover")
    assert look(world) == {ROTATE: 1}


def test_a_disabled_key_waits_until_it_is_enabled(world: Simulation, vault: Client, name: str) -> None:
    """Nothing comes alive behind a name that was put out of use."""
    create(vault, name)
    every(vault, name, "P8D")
    vault.done("PATCH", f"/keys/{name}/", body={"attributes": {"enabled": False}})
    world.advance(20 * DAY_S)
    assert look(world) == {}
    vault.done("PATCH", f"/keys/{name}/", body={"attributes": {"enabled": True}})
    assert look(world) == {ROTATE: 1}


def test_keys_of_a_deleted_vault_wait_for_it(world: Simulation, vault: Client, name: str) -> None:
    """They are looked at again a day later, and rotate once the vault is there again."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    there = world.vault
    world.set_vault(deleted=int(world.clock()), purge_at=int(world.clock()) + 90 * DAY_S)
    assert look(world) == {}
    world.commit(lambda tx: tx.put(there))
    world.advance(DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {ROTATE: 1}


def test_the_service_looks_after_keys(world: Simulation, vault: Client, name: str) -> None:
    """Among its jobs is one that does all this."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    (job,) = [one for one in JOBS if one.name == "upkeep"]
    opened = SimpleNamespace(world=world.world, installation=SimpleNamespace(id=NODE))
    world.run(job.run(cast("Service", SimpleNamespace(opened=opened))))
    assert versions(world, name) == 2


def test_many_keys_are_looked_after_in_batches(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One turn does all that is due, and says in one line how much it was."""
    monkeypatch.setattr(upkeep, "BATCH", 2)
    for number in range(5):
        create(vault, f"{name}-{number}")
        every(vault, f"{name}-{number}", "P8D")
    world.advance(8 * DAY_S)
    with caplog.at_level(logging.INFO, "strongroom.upkeep"):
        assert look(world) == {ROTATE: 5}
    assert caplog.messages == ["looked after what was due: KeyRotateIfDue 5"]


# ---- what fails -----------------------------------------------------------------------------------------------------


@pytest.fixture
def away(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have the place of keys refuse to make keys of one name."""
    place = world.world.protections.software
    make = place.make

    def leave(name: str) -> None:
        async def refuse(spec: KeySpec, where: Place) -> MadeKey:
            if where.name == name:
                raise Unavailable("The token cannot be reached.")
            return await make(spec, where)

        monkeypatch.setattr(type(place), "make", lambda _self, spec, where: refuse(spec, where))

    return leave


def test_a_key_that_cannot_rotate_keeps_no_other_from_it(
    world: Simulation, vault: Client, name: str, away: Callable[[str], None]
) -> None:
    """It is recorded as failed, tried again later and later, and rotates when its place is back."""
    for one in (name, f"{name}-2"):
        create(vault, one)
        every(vault, one, "P8D")
    world.advance(8 * DAY_S)
    away(name)
    assert look(world) == {shared.FAILED: 1, ROTATE: 1}
    world.advance(59)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {shared.FAILED: 1}
    world.advance(119)
    assert look(world) == {}
    away("")
    world.advance(1)
    assert look(world) == {ROTATE: 1}
    assert told(world, name) == [(ROTATE, 503), (ROTATE, 503), (ROTATE, 200)]
    assert told(world, f"{name}-2") == [(ROTATE, 200)]


def test_a_vault_that_is_premium_no_more_rotates_no_key_in_a_token(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself no more than on request: what such a vault may not have made, it does not get by waiting."""
    monkeypatch.setattr(world.world.protections, "token", StandIn(threads=1))
    world.set_vault(sku="premium")
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC-HSM"})
    every(vault, name, "P8D")
    world.set_vault(sku="standard")
    world.advance(8 * DAY_S)
    assert vault.ask("POST", f"/keys/{name}/rotate").status == 400
    assert look(world) == {shared.FAILED: 1}
    world.set_vault(sku="premium")
    world.advance(60)
    assert look(world) == {ROTATE: 1}
    assert told(world, name) == [(ROTATE, 400), (ROTATE, 200)]
    world.set_vault(sku="standard")


def test_a_failed_rotation_says_why(world: Simulation, vault: Client, name: str, away: Callable[[str], None]) -> None:
    """With the version that could not be replaced."""
    old = create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    away(name)
    look(world)
    (entry,) = [one for one in world.entries() if one["operationName"] == ROTATE and f"/{name}/" in str(one)]
    assert entry["properties"]["id"] == old
    assert entry["resultDescription"] == "The token cannot be reached."


def test_a_guardrail_keeps_a_key_from_rotating_into_what_it_forbids(
    world: Simulation, vault: Client, name: str
) -> None:
    """Nobody asked, so nobody is refused: the entry says which guardrail it was, and the key stays as it is."""
    old = create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    text = '[[guardrail]]\nname = "keys end"\nrule = "key-expiry"\neffect = "{}"\nmax_days = 90\n'
    control(world, "POST", {"text": text.format("deny")})
    assert look(world) == {shared.FAILED: 1}
    assert latest(world, name) == old
    entry = world.entries()[-1]
    entry = next(one for one in reversed(world.entries()) if one["operationName"] == ROTATE)
    assert entry["properties"]["httpStatusCode"] == 403
    assert entry["properties"]["errorCode"] == "DisallowedByPolicy"
    assert "keys end: the key must have an expiry date" in entry["resultDescription"]
    control(world, "POST", {"text": text.format("audit")})
    world.advance(60)
    assert look(world) == {ROTATE: 1}
    entry = next(one for one in reversed(world.entries()) if one["operationName"] == ROTATE)
    assert entry["properties"]["policyAudits"] == ["keys end: the key must have an expiry date"]
    control(world, "DELETE", None)


def control(world: Simulation, method: str, body: object) -> None:
    """Put guardrails in force, or out of force."""
    answer = world.ask(method, "http://control/policy", body=body, link=Link.CONTROL)
    assert answer.status in {200, 204}, answer.body


# ---- expiry ---------------------------------------------------------------------------------------------------------


def test_near_expiry_and_expiry_are_each_noted_once(world: Simulation, vault: Client, name: str) -> None:
    """Thirty days before unless the policy says otherwise, and at the second of the expiry."""
    create(vault, name, expires_in=40 * DAY_S)
    world.advance(10 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {NEAR: 1}
    assert look(world) == {}
    world.advance(30 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {EXPIRED: 1}
    world.advance(900 * DAY_S)
    assert look(world) == {}
    assert told(world, name) == [(NEAR, 200), (EXPIRED, 200)]


def test_what_was_missed_is_noted_late(world: Simulation, vault: Client, name: str) -> None:
    """Both in one turn, once each."""
    create(vault, name, expires_in=40 * DAY_S)
    world.advance(90 * DAY_S)
    assert look(world) == {NEAR: 1, EXPIRED: 1}
    assert look(world) == {}


def test_a_policy_says_how_long_before(world: Simulation, vault: Client, name: str) -> None:
    """And can be changed while nothing was noted."""
    create(vault, name, expires_in=40 * DAY_S)
    body = {"lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P10D"}, "action": {"type": "Notify"}}]}
    vault.done("PUT", f"/keys/{name}/rotationpolicy", body=body)
    world.advance(30 * DAY_S - 1)
    assert look(world) == {}
    world.advance(1)
    assert look(world) == {NEAR: 1}


def test_a_postponed_expiry_comes_near_again(world: Simulation, vault: Client, name: str) -> None:
    """It is another expiry; any other change of the version is not."""
    create(vault, name, expires_in=20 * DAY_S)
    assert look(world) == {NEAR: 1}
    vault.done("PATCH", f"/keys/{name}/", body={"tags": {"a": "b"}})
    assert look(world) == {}
    vault.done("PATCH", f"/keys/{name}/", body={"attributes": {"exp": int(world.clock()) + 25 * DAY_S}})
    assert look(world) == {NEAR: 1}


def test_a_version_that_was_replaced_comes_near_nothing(world: Simulation, vault: Client, name: str) -> None:
    """Only the latest one is looked after."""
    create(vault, name, expires_in=40 * DAY_S)
    vault.done("POST", f"/keys/{name}/rotate")
    world.advance(90 * DAY_S)
    assert look(world) == {}


# ---- two nodes, and one that dies -----------------------------------------------------------------------------------


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world whose database is a file, which another node can open."""
    simulation = Simulation(tmp_path, database=tmp_path / "store.db")
    yield simulation
    simulation.close()


def test_two_nodes_rotate_a_key_once(lasting: Simulation) -> None:
    """SEC-KEY-8: whoever has the lease does it; the other finds nothing left to do."""
    vault = lasting_client(lasting)
    create(vault, "one")
    every(vault, "one", "P8D")
    lasting.advance(8 * DAY_S)

    async def both() -> Counter[str]:
        store = await SqliteStore.open(lasting.folder / "store.db", lasting.keys.tag, lasting.clock)
        other = replace(lasting.world, store=store)
        done = await asyncio.gather(look_after_objects(lasting.world, NODE), look_after_objects(other, "node-2"))
        await store.close()
        return done[0] + done[1]

    assert lasting.run(both()) == {ROTATE: 1}
    assert versions(lasting, "one") == 2
    assert told(lasting, "one") == [(ROTATE, 200)]


def test_a_node_that_lost_its_lease_commits_nothing(lasting: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was so slow at making the key that another node took over: its commit is refused, and the other's stands."""
    vault = lasting_client(lasting)
    create(vault, "one")
    every(vault, "one", "P8D")
    lasting.advance(8 * DAY_S)
    place = lasting.world.protections.software
    make = type(place).make
    others: list[Counter[str]] = []

    async def slow(spec: KeySpec, where: Place) -> MadeKey:
        monkeypatch.setattr(type(place), "make", make)
        lasting.advance(shared.LEASE_S + 1)
        store = await SqliteStore.open(lasting.folder / "store.db", lasting.keys.tag, lasting.clock)
        others.append(await look_after_objects(replace(lasting.world, store=store), "node-2"))
        await store.close()
        return await place.make(spec, where)

    monkeypatch.setattr(type(place), "make", lambda _self, spec, where: slow(spec, where))
    with pytest.raises(LeaseLost):
        look(lasting)
    assert others == [{ROTATE: 1}]
    assert versions(lasting, "one") == 2


def test_a_rotation_whose_commit_fails_is_done_at_the_next_turn(world: Simulation, vault: Client, name: str) -> None:
    """SEC-KEY-8: nothing of it is left, no version and no entry, and then one of each."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)
    world.run(world.store.acquire_lease(shared.LEASE, NODE, now=int(world.clock()), lifetime_s=300))
    with Sqlite(world.folder).fail_commits(world.store), pytest.raises(StoreFault):
        look(world)
    assert versions(world, name) == 1
    assert look(world) == {ROTATE: 1}
    assert versions(world, name) == 2
    assert told(world, name) == [(ROTATE, 200)]


def test_a_node_that_dies_after_its_commit_leaves_the_entry_behind(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-KEY-8: version and entry are one commit: what the journal did not get, the next start appends, once."""
    create(vault, name)
    every(vault, name, "P8D")
    world.advance(8 * DAY_S)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(world.journal), "append", die)
        with pytest.raises(KeyboardInterrupt):
            look(world)
    assert told(world, name) == []
    world.run(audit.drain(world.world))
    assert told(world, name) == [(ROTATE, 200)]
    assert look(world) == {}
    assert versions(world, name) == 2
