"""
Keys that nothing can be done for: altered rows, seals that do not fit, rows of other rules. They keep no key waiting.

Of `strongroom.app.upkeep` and of the purge of what is due.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from strongroom.app import jobs, upkeep
from strongroom.app.clockwork import Clockwork
from strongroom.app.upkeep import look_after_objects
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.key_rotation import Event
from strongroom.core.keys import KeySpec
from strongroom.core.lifecycle import DAY_S
from strongroom.core.objects import Collection, StoredObject
from strongroom.crypto.keys.protocol import MadeKey, Place
from strongroom.objects.doomed_keys import destroy_doomed_keys
from strongroom.objects.jobs import purge_due_objects
from strongroom.store import Transaction
from strongroom.store.codec import encode_record
from strongroom.vault import upkeep as shared
from tests.conformance.store.backends import Sqlite
from tests.flow.arm import Arm
from tests.flow.client import Client, make_vault
from tests.flow.keys import MemoryToken, create
from tests.world import Simulation

NODE = "node-1"


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Simulation]:
    """Make a world of its own, since its rows are altered."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()


@pytest.fixture
def vault(apart: Simulation) -> Client:
    """Administer its vault as somebody whose secret outlives the test."""
    who = apart.principal("keeper", lifetime_s=3650 * DAY_S)
    apart.grant(who.oid, KEY_VAULT_ADMINISTRATOR, apart.vault.scope)
    return Client(apart, who)


def look(world: Simulation) -> dict[str, int]:
    """Run the job once; how much of what it did."""
    return dict(world.run(look_after_objects(world.world, NODE)))


def rotating(vault: Client, name: str) -> None:
    """Make a key that rotates after eight days."""
    vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"})
    body = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P8D"}, "action": {"type": "Rotate"}}]}
    vault.done("PUT", f"/keys/{name}/rotationpolicy", body=body)


def stored_key(world: Simulation, name: str) -> StoredObject:
    """Read a key."""
    stored = world.run(world.store.object(world.vault.id, Collection.KEYS, name))
    assert stored is not None
    return stored


def alter(world: Simulation, statement: str) -> None:
    """Change rows as somebody does who can write the file."""
    Sqlite(world.folder).sql(world.store, statement)


def test_altered_keys_are_told_of_and_the_others_rotate(
    apart: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many are due before them; what was altered stays as it is."""
    monkeypatch.setattr(upkeep, "BATCH", 2)
    for name in ("a", "b", "c", "d", "e", "f"):
        rotating(vault, name)
    apart.advance(8 * DAY_S)
    alter(apart, "UPDATE objects SET policy = X'01' WHERE key IN ('a', 'b', 'c')")
    assert look(apart) == {Event.ROTATE: 3}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.rsplit(" ", 1)[1] for text in told] == ["a", "b", "c"]
    assert look(apart) == {}


def test_a_vault_whose_seal_does_not_fit_keeps_no_other_from_it(
    apart: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be written there, not even that its keys wait: those of other vaults are looked after."""
    monkeypatch.setattr(upkeep, "BATCH", 2)
    rotating(vault, "z")
    whole = stored_key(apart, "z")
    other = "ffffffff-0000-4000-8000-000000000000"
    second = replace(apart.vault, id=other, name="second-vault", wrapped_key=apart.keys.new_vault_key(other))
    for name in ("a", "b", "c"):
        rotating(vault, name)
    apart.advance(8 * DAY_S)

    async def copy(tx: Transaction) -> None:
        row = await tx.version(whole.vault, Collection.KEYS, "z", whole.latest)
        assert row is not None
        await tx.remove_object(whole.vault, Collection.KEYS, "z")
        await tx.put(second)
        await tx.put_object(replace(whole, vault=second.id))
        await tx.put_version(replace(row, vault=second.id))

    apart.commit(copy)
    alter(apart, "UPDATE seals SET digest = zeroblob(32) WHERE kind = 'vault contents' AND count > 2")
    apart.run(forget_seals(apart))
    assert look(apart) == {shared.FAILED: 3, Event.ROTATE: 1}


async def forget_seals(world: Simulation) -> None:
    """Have the store read seals again, as after a start."""
    world.store._writer._known.seals.clear()


def test_a_row_of_other_rules_is_put_right(apart: Simulation, vault: Client) -> None:
    """It says that something is due, and nothing is: it does not stand before what is."""
    rotating(vault, "early")
    rotating(vault, "never")
    vault.done("PATCH", "/keys/never", body={"attributes": {"enabled": False}})

    async def misdate(tx: Transaction) -> None:
        for name in ("early", "never"):
            await tx.put_object(replace(stored_key_in[name], due_at=1))

    stored_key_in = {name: stored_key(apart, name) for name in ("early", "never")}
    apart.commit(misdate)
    assert look(apart) == {}
    assert {name: stored_key(apart, name) for name in stored_key_in} == stored_key_in


def test_a_batch_may_take_longer_than_the_lease(
    apart: Simulation, vault: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that are slowly made are made all the same, even if each takes longer than a lease lasts."""
    for name in ("a", "b", "c"):
        rotating(vault, name)
    apart.advance(8 * DAY_S)
    place = apart.world.protections.software
    make = place.make

    async def slow(spec: KeySpec, where: Place) -> MadeKey:
        apart.advance(shared.LEASE_S + 1)
        return await make(spec, where)

    monkeypatch.setattr(type(place), "make", lambda _self, spec, where: slow(spec, where))
    assert look(apart) == {Event.ROTATE: 3}


# ---- what is to be purged -------------------------------------------------------------------------------------------


@pytest.fixture
def token(apart: Simulation) -> MemoryToken:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    apart.world.protections.token = held
    apart.set_vault(sku="premium", retention_days=7)
    return held


def test_what_was_altered_keeps_nothing_else_from_being_purged(
    apart: Simulation, vault: Client, token: MemoryToken, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an altered object nor an altered version of one; both are told of, and stay."""
    for name in ("a", "b", "c"):
        create(vault, name, kty="EC-HSM")
        vault.done("DELETE", f"/keys/{name}")
    vault.done("PUT", "/secrets/d", body={"value": "v"})
    vault.done("DELETE", "/secrets/d")
    apart.advance(7 * DAY_S)
    alter(apart, "UPDATE objects SET deleted = 1 WHERE key = 'a'")
    alter(apart, "UPDATE versions SET sealed = X'00' WHERE key = 'b'")
    assert apart.run(purge_due_objects(apart.store, apart.world.keys, int(apart.clock()))) == 2
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.split(" ")[-2 if "versions" in text else -1] for text in told] == ["a", "b"]
    assert apart.run(destroy_doomed_keys(apart.store, apart.world.protections)) == 1
    assert len(token.held) == 2


def test_an_altered_note_of_a_doomed_key_is_told_of_and_never_acted_on(
    apart: Simulation, vault: Client, token: MemoryToken, caplog: pytest.LogCaptureFixture
) -> None:
    """The other purged keys leave the token; the job, its health and the log say that one did not."""
    create(vault, "kept", kty="EC-HSM")
    (kept,) = token.held
    for name in ("a", "b", "c"):
        create(vault, name, kty="EC-HSM")
        vault.done("DELETE", f"/keys/{name}")
        vault.done("DELETE", f"/deletedkeys/{name}")
    doomed = apart.run(apart.store.records(DoomedKey))
    altered = replace(doomed[1], material=kept)
    statement = "UPDATE records SET body = ? WHERE id = ?"
    Sqlite(apart.folder).sql(apart.store, statement, encode_record(altered), altered.id)
    service = cast("jobs.Service", SimpleNamespace(opened=SimpleNamespace(world=apart.world)))
    job = next(one for one in jobs.JOBS if one.name == "destroy-purged-keys")
    clockwork = Clockwork(apart.world, NODE, service, [replace(job, waiting=None)])
    apart.run(clockwork.turn(job.name))
    (state,) = apart.run(clockwork.states())
    assert (state.outcome, state.done, state.failures) == ("Tampered", 2, 1)
    assert clockwork.failing() == [job.name]
    assert set(token.held) == {kept, doomed[1].material}
    (told,) = [text for text in caplog.messages if "is not destroyed in its token" in text]
    assert altered.id in told


def test_a_vault_with_altered_keys_can_be_purged(
    apart: Simulation, token: MemoryToken, caplog: pytest.LogCaptureFixture
) -> None:
    """Its other keys go from the token; the log says by which label what is left can be found."""
    arm, first = Arm(apart, apart.administrator), apart.first
    made = make_vault(apart, first.tenant_id, first.subscription_id, first.object_id, arm.vault_name)
    apart.commit(lambda tx: tx.put(replace(made, sku="premium")))
    vault = Client(apart, origin=f"https://{made.name}.vault.localhost:8443")
    for name in ("a", "b", "c"):
        create(vault, name, kty="EC-HSM")
    create(vault, "b", kty="EC-HSM")
    arm.do("DELETE", made.scope)
    alter(apart, "UPDATE versions SET sealed = X'00' WHERE key = 'b' AND ordinal = 1")
    assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 202
    assert f"labelled {made.id}/" in caplog.text
    assert apart.run(destroy_doomed_keys(apart.store, apart.world.protections)) == 2
    assert len(token.held) == 2
    assert apart.world.view.vault(made.id) is None


# ---- a vault that may have no such key any more ---------------------------------------------------------------------


def test_a_standard_vault_gets_no_key_of_a_token_by_rotation(
    apart: Simulation, vault: Client, token: MemoryToken
) -> None:
    """Neither on request nor by itself; what it has stays, and rotates when the vault is premium again."""
    create(vault, "a", kty="EC-HSM")
    body = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P8D"}, "action": {"type": "Rotate"}}]}
    vault.done("PUT", "/keys/a/rotationpolicy", body=body)
    apart.set_vault(sku="standard")
    assert vault.ask("POST", "/keys/a/rotate").status == 400
    apart.advance(8 * DAY_S)
    assert look(apart) == {shared.FAILED: 1}
    entry = next(one for one in reversed(apart.entries()) if one["operationName"] == Event.ROTATE)
    assert entry["properties"]["httpStatusCode"] == 400
    assert "need a vault with the premium SKU" in entry["resultDescription"]
    assert len(token.held) == 1
    apart.set_vault(sku="premium")
    apart.advance(60)
    assert look(apart) == {Event.ROTATE: 1}
    assert len(token.held) == 2
