"""Deletion, recovery, purge of keys, and what a token holds of them (reference sections 4.2 and 4.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest

from strongroom.app.jobs import Service, purge_vaults
from strongroom.core import limits
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Unavailable
from strongroom.core.objects import Collection
from strongroom.crypto.keys.software import SoftwareKeys
from strongroom.objects import jobs
from strongroom.objects.doomed_keys import destroy_doomed_keys, doom_keys_of, find_keys_of
from strongroom.objects.jobs import purge_due_objects
from strongroom.resources.vaults import purge_expired_vault
from strongroom.store import StoreTimeout, Transaction
from tests.flow.arm import Arm
from tests.flow.client import Client, make_vault
from tests.flow.keys import MemoryToken, create, version_of
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")
DAY = 86_400


def test_a_deleted_key_says_how_to_recover_it(world: Simulation, vault: Client, name: str) -> None:
    """Deleting answers the bundle, where it can be recovered, and when it will be purged; so does get-deleted."""
    bundle, now = create(vault, name, tags={"a": "b"}), int(world.clock())
    deleted = vault.done("DELETE", f"/keys/{name}")
    dates = {
        "recoveryId": f"{world.vault_url}/deletedkeys/{name}",
        "deletedDate": now,
        "scheduledPurgeDate": now + 90 * DAY,
    }
    assert deleted == bundle | dates
    assert vault.done("GET", f"/deletedkeys/{name}") == deleted
    assert [item for item in vault.walk("/deletedkeys") if item["recoveryId"].endswith(name)] == [
        {"kid": bundle["key"]["kid"].rpartition("/")[0], "attributes": bundle["attributes"], "tags": {"a": "b"}} | dates
    ]


def test_a_deleted_key_reads_as_if_it_had_never_been(vault: Client, name: str) -> None:
    """A deleted key is answered as an unknown one, by 404 and with no versions, and its name is not free."""
    version = version_of(create(vault, name))
    vault.done("DELETE", f"/keys/{name}")
    for method, path, body in (
        ("GET", "", None),
        ("GET", f"/{version}", None),
        ("PATCH", "", {"tags": {}}),
        ("DELETE", "", None),
        ("POST", "/backup", None),
    ):
        answer = vault.ask(method, f"/keys/{name}{path}", body=body)
        assert answer.status == 404
        assert answer.error["code"] == "KeyNotFound"
    assert vault.walk(f"/keys/{name}/versions") == []
    assert not [item for item in vault.walk("/keys") if item["kid"].endswith(name)]
    answer = vault.ask("POST", f"/keys/{name.upper()}/create", body={"kty": "EC"})
    assert answer.status == 409
    assert answer.error["innererror"] == {"code": "ObjectIsDeletedButRecoverable"}


def test_a_recovered_key_is_what_it_was(vault: Client, name: str) -> None:
    """Recovering brings back every version as it was, disabled or not."""
    first, second = create(vault, name), create(vault, name, attributes={"enabled": False})
    vault.done("DELETE", f"/keys/{name}")
    assert vault.done("POST", f"/deletedkeys/{name}/recover") == second
    assert vault.done("GET", f"/keys/{name}/{version_of(first)}") == first
    assert vault.ask("GET", f"/deletedkeys/{name}").status == 404


def test_a_purged_key_is_gone(vault: Client, name: str) -> None:
    """Purging answers 204; the name is free, and a key of it has none of the old versions."""
    old = create(vault, name)
    vault.done("DELETE", f"/keys/{name}")
    answer = vault.ask("DELETE", f"/deletedkeys/{name}")
    assert (answer.status, answer.body) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = vault.ask(method, f"/deletedkeys/{name}")
        assert answer.status == 404
        assert answer.error == {"code": "KeyNotFound", "message": f"Deleted Key not found: {name}"}
    answer = vault.ask("POST", f"/deletedkeys/{name}/recover")
    assert answer.status == 404
    assert answer.error == vault.ask("GET", f"/keys/{name}").error
    create(vault, name)
    assert vault.ask("GET", f"/keys/{name}/{version_of(old)}").status == 404


def test_an_active_key_is_not_purged_nor_recovered(vault: Client, name: str) -> None:
    """Only what is deleted can be."""
    create(vault, name)
    for method, path in (("GET", ""), ("POST", "/recover"), ("DELETE", "")):
        assert vault.ask(method, f"/deletedkeys/{name}{path}").status == 404


def test_purge_protection_holds_keys_too(world: Simulation, vault: Client, name: str) -> None:
    """Nobody purges a key in a vault with purge protection."""
    world.set_vault(purge_protection=True)
    create(vault, name)
    vault.done("DELETE", f"/keys/{name}")
    assert vault.ask("DELETE", f"/deletedkeys/{name}").status == 403
    vault.done("POST", f"/deletedkeys/{name}/recover")


# ---- memory ---------------------------------------------------------------------------------------------------------


def kept(world: Simulation, vault_id: str) -> int:
    """Count the private keys of a vault that are in memory, ready for use."""
    software = world.world.protections.software
    assert isinstance(software, SoftwareKeys)
    return sum(slot[0][0] == vault_id for slot in software._kept)


def sign(vault: Client, name: str) -> None:
    """Use a key."""
    vault.done("POST", f"/keys/{name}/sign", body={"alg": "ES256", "value": "A" * 43})


def test_no_private_key_of_a_purged_key_stays_in_memory(world: Simulation, vault: Client, name: str) -> None:
    """Nor of one that is deleted; every other that is ready for use stays so."""
    before = kept(world, world.vault.id)
    for each in (name, f"{name}-2"):
        create(vault, each, kty="EC")
        sign(vault, each)
    assert kept(world, world.vault.id) == before + 2
    vault.done("DELETE", f"/keys/{name}")
    vault.done("DELETE", f"/deletedkeys/{name}")
    assert kept(world, world.vault.id) == before + 1


def test_no_private_key_of_a_purged_vault_stays_in_memory(world: Simulation) -> None:
    """From the purge of the vault on, and not from when others have pushed it out."""
    arm, first = Arm(world, world.administrator), world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id, arm.vault_name)
    vault = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    create(vault, "a", kty="EC")
    sign(vault, "a")
    assert kept(world, made.id) == 1
    arm.do("DELETE", made.scope)
    assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 202
    assert kept(world, made.id) == 0


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    world.world.protections.token = held
    world.set_vault(sku="premium", retention_days=7)
    yield held
    world.world.protections.token = None


def destroy(world: Simulation) -> int:
    """Let the job run that destroys in the token what was purged."""
    return world.run(destroy_doomed_keys(world.store, world.world.protections))


def test_a_purged_key_leaves_its_token(world: Simulation, vault: Client, token: MemoryToken, name: str) -> None:
    """Every version of a purged key is destroyed in the token, and no other key; until its purge none is."""
    create(vault, f"{name}-other", kty="EC-HSM")
    others = set(token.held)
    create(vault, name, kty="EC-HSM")
    create(vault, name, kty="EC")
    create(vault, name, kty="EC-HSM")
    vault.done("DELETE", f"/keys/{name}")
    assert destroy(world) == 0
    assert len(token.held) == 3
    vault.done("DELETE", f"/deletedkeys/{name}")
    assert destroy(world) == 2
    assert set(token.held) == others
    assert destroy(world) == 0


def test_a_token_that_is_away_does_not_keep_a_purged_key(
    world: Simulation, vault: Client, token: MemoryToken, name: str
) -> None:
    """A key is purged while its token is away, and destroyed there when the token is back."""
    create(vault, name, kty="EC-HSM")
    vault.done("DELETE", f"/keys/{name}")
    token.away = True
    vault.done("DELETE", f"/deletedkeys/{name}")
    assert destroy(world) == 0
    assert len(token.held) == 1
    token.away = False
    assert destroy(world) == 1
    assert token.held == {}
    assert world.run(world.store.records(DoomedKey)) == []


def test_a_key_of_another_token_holds_up_no_other(
    world: Simulation, vault: Client, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the token cannot destroy stays noted, and the others go."""
    for each in (name, f"{name}-2", f"{name}-3"):
        create(vault, each, kty="EC-HSM")
        vault.done("DELETE", f"/keys/{each}")
        vault.done("DELETE", f"/deletedkeys/{each}")
    foreign = world.run(world.store.records(DoomedKey))[0].material
    whole = token.destroy

    async def destroy_own(material: bytes) -> None:
        if material == foreign:
            raise Unavailable("It is in another token.")
        await whole(material)

    with monkeypatch.context() as patch:
        patch.setattr(token, "destroy", destroy_own)
        assert destroy(world) == 2
    assert set(token.held) == {foreign}
    assert destroy(world) == 1


def test_the_end_of_retention_reaches_the_token(
    world: Simulation, vault: Client, token: MemoryToken, name: str
) -> None:
    """The scheduled purge, and a new key under a name whose retention is over, doom what the token holds."""
    for each in (name, f"{name}-again"):
        create(vault, each, kty="EC-HSM")
        vault.done("DELETE", f"/keys/{each}")
    world.advance(7 * DAY)
    create(vault, f"{name}-again", kty="EC")
    assert destroy(world) == 1
    world.run(purge_due_objects(world.store, world.keys, int(world.clock())))
    assert destroy(world) == 1
    assert token.held == {}
    assert world.run(world.store.object(world.vault.id, Collection.KEYS, name)) is None


def test_a_key_of_many_versions_leaves_its_token_bit_by_bit(
    world: Simulation, vault: Client, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes before the key itself is doomed in the change in which it goes."""
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 5)
    for _ in range(12):
        create(vault, name, kty="EC-HSM")
    vault.done("DELETE", f"/keys/{name}")
    vault.done("DELETE", f"/deletedkeys/{name}")
    assert destroy(world) == 0
    assert world.run(purge_due_objects(world.store, world.keys, world.world.now())) == 1
    assert destroy(world) == 12
    assert token.held == {}


def test_a_key_whose_purge_broke_off_leaves_its_token_once(
    world: Simulation, vault: Client, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stays of the key is not doomed with what goes before it: the token has each key but once to destroy."""
    monkeypatch.setattr(jobs, "_VERSIONS_IN_BATCH", 1)
    for _ in range(3):
        create(vault, name, kty="EC-HSM")
    vault.done("DELETE", f"/keys/{name}")
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 2)
    vault.done("DELETE", f"/deletedkeys/{name}")
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_purge_together", Mock(side_effect=StoreTimeout))
        with pytest.raises(StoreTimeout):
            world.run(purge_due_objects(world.store, world.keys, world.world.now()))
    assert destroy(world) == 2
    assert world.run(purge_due_objects(world.store, world.keys, world.world.now())) == 1
    assert destroy(world) == 1
    assert token.held == {}
    assert world.run(world.store.records(DoomedKey)) == []


def test_the_purge_of_a_vault_reaches_the_token(world: Simulation, token: MemoryToken, name: str) -> None:
    """Keys of a vault that is purged, deleted ones too, are noted in its own purge and destroyed."""
    arm, first = Arm(world, world.administrator), world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id, arm.vault_name)
    world.commit(lambda tx: tx.put(replace(made, sku="premium")))
    vault = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    for each in (name, f"{name}-deleted"):
        create(vault, each, kty="EC-HSM")
    vault.done("DELETE", f"/keys/{name}-deleted")
    arm.do("DELETE", made.scope)
    assert destroy(world) == 0
    assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 202
    assert destroy(world) == 2
    assert token.held == {}


def test_the_end_of_a_vaults_retention_reaches_the_token(world: Simulation, token: MemoryToken, name: str) -> None:
    """So are those of a vault that the scheduled purge removes."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    world.commit(lambda tx: tx.put(replace(made, sku="premium")))
    create(Client(world, origin=f"https://{made.name}.vault.localhost:8443"), name, kty="EC-HSM")
    now = int(world.clock())
    world.commit(lambda tx: tx.put(replace(made, sku="premium", deleted=now, purge_at=now)))
    assert world.run(purge_vaults(cast("Service", SimpleNamespace(opened=SimpleNamespace(world=world.world))))) == 1
    assert destroy(world) == 1
    assert token.held == {}


def test_the_change_that_removes_a_vault_looks_for_none_of_its_keys(
    world: Simulation, token: MemoryToken, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else reads or writes during it, and there may be very many: they were found before, piece by piece."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    over = replace(made, sku="premium", deleted=int(world.clock()), purge_at=int(world.clock()))
    world.commit(lambda tx: tx.put(replace(made, sku="premium")))
    create(Client(world, origin=f"https://{made.name}.vault.localhost:8443"), name, kty="EC-HSM")
    world.commit(lambda tx: tx.put(over))
    found = world.run(find_keys_of(world.store, over, world.keys))

    async def change(tx: Transaction) -> bool:
        monkeypatch.setattr(tx, "objects", None)
        doom = partial(doom_keys_of, tx, over, world.keys, found)
        return await purge_expired_vault(tx, over, now=int(world.clock()), before=doom)

    assert world.commit(change)
    assert (destroy(world), token.held) == (1, {})


@pytest.mark.parametrize("is_back", [True, False], ids=["recovered", "deleted again"])
def test_a_vault_that_was_recovered_meanwhile(
    world: Simulation, token: MemoryToken, name: str, *, is_back: bool
) -> None:
    """Its keys are looked for before it goes, while others are served: what it holds by then is what counts."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    premium = replace(made, sku="premium")
    world.commit(lambda tx: tx.put(premium))
    vault, now = Client(world, origin=f"https://{made.name}.vault.localhost:8443"), int(world.clock())
    over = replace(premium, deleted=now - 1, purge_at=now)
    found = world.run(find_keys_of(world.store, over, world.keys))
    create(vault, name, kty="EC-HSM")
    if not is_back:
        world.commit(lambda tx: tx.put(replace(premium, deleted=now, purge_at=now)))

    async def change(tx: Transaction) -> bool:
        doom = partial(doom_keys_of, tx, over, world.keys, found)
        return await purge_expired_vault(tx, over, now=now, before=doom)

    assert world.commit(change) is not is_back
    assert destroy(world) == (0 if is_back else 1)
    if is_back:
        vault.done("DELETE", f"/keys/{name}")
        vault.done("DELETE", f"/deletedkeys/{name}")
        destroy(world)
    assert token.held == {}
