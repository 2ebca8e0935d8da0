"""Backup and restore of keys (reference section 4.7)."""

from __future__ import annotations

import base64
import re
import secrets as chance
from collections.abc import Iterator
from dataclasses import replace

import pytest

from strongroom.core.guids import new_guid
from strongroom.core.limits import VERSIONS_IN_BACKUP
from strongroom.core.objects import Collection
from strongroom.resources import containers
from strongroom.store import Transaction
from tests.flow.client import Client, client_of, make_tenant, make_vault
from tests.flow.keys import MemoryToken, create, ec_jwk, oct_jwk, version_of
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")
NO_BACKUP = {
    "code": "Malformed backup blob",
    "message": "The backup blob is not a backup of a key of this subscription.",
}


def back_up(vault: Client, name: str) -> str:
    """Back a key up."""
    blob: str = vault.done("POST", f"/keys/{name}/backup")["value"]
    return blob


def remove(vault: Client, name: str) -> None:
    """Delete and purge a key."""
    vault.done("DELETE", f"/keys/{name}")
    vault.done("DELETE", f"/deletedkeys/{name}")


def decoded(blob: str) -> bytes:
    """Read base64url."""
    return base64.urlsafe_b64decode(blob + "=" * (-len(blob) % 4))


@pytest.fixture(scope="module")
def other(world: Simulation) -> Client:
    """Make another vault of the same subscription, in another resource group."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id, group="another")
    return Client(world, origin=f"https://{made.name}.vault.localhost:8443")


@pytest.fixture
def token(world: Simulation) -> Iterator[MemoryToken]:
    """Give the service a token, and the vault the SKU that has keys in it."""
    held = MemoryToken()
    world.world.protections.token = held
    world.set_vault(sku="premium")
    yield held
    world.world.protections.token = None


def test_a_backup_is_base64url_that_tells_nothing(vault: Client, name: str) -> None:
    """A backup is base64url without padding, and neither name nor private part can be seen in it."""
    key = oct_jwk()
    vault.done("PUT", f"/keys/{name}", body={"key": key})
    blob = back_up(vault, name)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", blob)
    assert name.encode() not in decoded(blob)
    assert decoded(key["k"]) not in decoded(blob)


def test_a_restored_key_is_what_it_was(world: Simulation, vault: Client, name: str) -> None:
    """A restore keeps the name, every version and what it says, its dates too."""
    first = create(vault, f"{name}-Case", tags={"a": "b"}, attributes={"nbf": 1, "exp": 9, "enabled": False})
    vault.done("PUT", f"/keys/{name}-case", body={"key": oct_jwk()})
    last = vault.done("PUT", f"/keys/{name}-case", body={"key": ec_jwk() | {"key_ops": ["verify"]}})
    listed = vault.walk(f"/keys/{name}-case/versions")
    blob = back_up(vault, f"{name}-case")
    remove(vault, f"{name}-case")
    world.advance(500)
    assert vault.done("POST", "/keys/restore", body={"value": blob}) == last
    assert vault.done("GET", f"/keys/{name}-case/{version_of(first)}") == first
    assert vault.walk(f"/keys/{name}-case/versions") == listed


def test_a_copy_can_be_backed_up_in_turn(vault: Client, other: Client, name: str) -> None:
    """The copy in another vault of the subscription has the private part: a backup of it is of the same key again."""
    bundle = create(vault, name)
    copy = other.done("POST", "/keys/restore", body={"value": back_up(vault, name)})
    assert copy["key"]["kid"] == f"{other.origin}/keys/{name}/{version_of(bundle)}"
    remove(vault, name)
    vault.done("POST", "/keys/restore", body={"value": back_up(other, name)})
    assert vault.done("GET", f"/keys/{name}") == bundle


def test_a_backup_outlives_its_vault(world: Simulation, other: Client, name: str) -> None:
    """A backup opens when the vault it was made in is gone (SEC-BOOT-18): its key belongs to the subscription."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    gone = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    public = create(gone, name)["key"]["x"]
    blob = back_up(gone, name)

    async def remove_vault(tx: Transaction) -> None:
        await tx.remove_vault_objects(made.id, 99)
        await tx.remove(made)

    world.commit(remove_vault)
    assert other.done("POST", "/keys/restore", body={"value": blob})["key"]["x"] == public


def test_a_rotation_policy_travels_with_its_key(vault: Client, other: Client, name: str) -> None:
    """What is to be done with a key by itself is in its backup."""
    create(vault, name)
    rotate = {"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}
    policy = {"lifetimeActions": [rotate], "attributes": {"expiryTime": "P2Y"}}
    vault.done("PUT", f"/keys/{name}/rotationpolicy", body=policy)
    other.done("POST", "/keys/restore", body={"value": back_up(vault, name)})
    told, restored = (client.done("GET", f"/keys/{name}/rotationpolicy") for client in (vault, other))
    assert told["lifetimeActions"][0] == rotate
    assert {member: restored[member] for member in ("lifetimeActions", "attributes")} == {
        member: told[member] for member in ("lifetimeActions", "attributes")
    }


def test_a_backup_is_for_its_subscription_and_tenant(world: Simulation, vault: Client, name: str) -> None:
    """In another subscription of the tenant, and in another tenant, a backup is none."""
    first = world.first
    create(vault, name)
    blob = back_up(vault, name)
    subscription = world.commit(
        lambda tx: containers.create_subscription(
            tx,
            subscription=new_guid(chance.token_bytes),
            tenant=first.tenant_id,
            display_name="Second",
            now=int(world.clock()),
        )
    )
    made = make_vault(world, first.tenant_id, subscription.id, first.object_id)
    elsewhere = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    for stranger in (elsewhere, client_of(world, make_tenant(world))):
        answer = stranger.ask("POST", "/keys/restore", body={"value": blob})
        assert answer.status == 400
        assert answer.error == NO_BACKUP
        assert stranger.ask("GET", f"/keys/{name}").status == 404


@pytest.mark.parametrize("place", [0, 1, 20, 60, -20, -1])
def test_an_altered_backup_is_refused(vault: Client, other: Client, name: str, place: int) -> None:
    """A backup with one bit changed anywhere is none, and nothing is restored."""
    create(vault, name)
    content = bytearray(decoded(back_up(vault, name)))
    content[place] ^= 1
    altered = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    answer = other.ask("POST", "/keys/restore", body={"value": altered})
    assert answer.status == 400
    assert answer.error == NO_BACKUP
    assert other.ask("GET", f"/keys/{name}").status == 404


@pytest.mark.parametrize("value", [None, "", "A", "AAAA", "*", "é", "a b", "AA+/"])
def test_what_is_no_backup_is_refused(vault: Client, value: str | None) -> None:
    """Whatever else comes as a backup is 400, and never a fault of ours."""
    answer = vault.ask("POST", "/keys/restore", body={"value": value})
    assert answer.status == 400
    assert answer.error["code"] in {"BadParameter", NO_BACKUP["code"]}


def test_a_secrets_backup_is_no_keys(vault: Client, name: str) -> None:
    """What was sealed for one kind of object opens for no other, in either direction."""
    vault.put(name)
    create(vault, name)
    secret = vault.done("POST", f"/secrets/{name}/backup")["value"]
    assert vault.ask("POST", "/keys/restore", body={"value": secret}).error == NO_BACKUP
    assert vault.ask("POST", "/secrets/restore", body={"value": back_up(vault, name)}).status == 400


def test_restoring_over_a_key_is_a_conflict(vault: Client, name: str) -> None:
    """A name in use is 409 in the real service's words, and so is that of a deleted key."""
    create(vault, name)
    blob = back_up(vault, name)
    newer = create(vault, name)
    answer = vault.ask("POST", "/keys/restore", body={"value": blob})
    uri = f"{vault.origin}/keys/{name}"
    assert answer.status == 409
    assert answer.error["code"] == "Conflict"
    assert answer.error["message"].startswith(f"There was a conflict restoring the key '{uri}'. ")
    assert vault.done("GET", f"/keys/{name}") == newer
    vault.done("DELETE", f"/keys/{name}")
    answer = vault.ask("POST", "/keys/restore", body={"value": blob})
    assert answer.error["innererror"] == {"code": "ObjectIsDeletedButRecoverable"}


def test_a_backup_holds_500_versions(world: Simulation, vault: Client, name: str) -> None:
    """A key with 501 versions is refused, and with 500 is not (by what its row counts)."""
    create(vault, name)

    async def count(tx: Transaction, versions: int) -> None:
        stored = await tx.object(world.vault.id, Collection.KEYS, name)
        assert stored is not None
        await tx.put_object(replace(stored, versions=versions))

    world.commit(lambda tx: count(tx, VERSIONS_IN_BACKUP))
    back_up(vault, name)
    world.commit(lambda tx: count(tx, VERSIONS_IN_BACKUP + 1))
    answer = vault.ask("POST", f"/keys/{name}/backup")
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"


# ---- tokens ---------------------------------------------------------------------------------------------------------


def test_a_key_in_a_token_is_restored_there(vault: Client, token: MemoryToken, name: str) -> None:
    """Every version comes back into the place that it was in."""
    first, last = create(vault, name, kty="EC-HSM"), create(vault, name)
    blob = back_up(vault, name)
    remove(vault, name)
    token.held.clear()
    assert vault.done("POST", "/keys/restore", body={"value": blob}) == last
    assert vault.done("GET", f"/keys/{name}/{version_of(first)}") == first
    assert len(token.held) == 1


def test_a_restore_that_is_refused_leaves_nothing_in_the_token(vault: Client, token: MemoryToken, name: str) -> None:
    """What was brought back for a key that is there already is destroyed again."""
    create(vault, name, kty="EC-HSM")
    before = dict(token.held)
    assert vault.ask("POST", "/keys/restore", body={"value": back_up(vault, name)}).status == 409
    assert token.held == before


def test_a_vault_that_cannot_hold_a_version_restores_none(
    world: Simulation, vault: Client, token: MemoryToken, name: str
) -> None:
    """With a `-HSM` version, a standard vault, and a service without a token, refuse the whole backup."""
    create(vault, name)
    create(vault, name, kty="EC-HSM")
    blob = back_up(vault, name)
    remove(vault, name)
    world.set_vault(sku="standard")
    assert vault.ask("POST", "/keys/restore", body={"value": blob}).status == 400
    world.set_vault(sku="premium")
    world.world.protections.token = None
    assert vault.ask("POST", "/keys/restore", body={"value": blob}).status == 400
    assert len(token.held) == 1
    assert vault.ask("GET", f"/keys/{name}").status == 404
