"""Backup and restore (reference section 4.7)."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets as chance
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.guids import new_guid
from strongroom.core.objects import Collection
from strongroom.core.secrets import GivenProperties
from strongroom.objects import lifecycle, secrets
from strongroom.resources import containers
from strongroom.store import Transaction
from strongroom.vault import backup_blobs
from strongroom.vault import secrets as vault_secrets
from tests.flow.client import Client, client_of, make_tenant, make_vault, version_of
from tests.plugins.canary import MARK, plant, search
from tests.world import Simulation

NO_BACKUP = {
    "code": "Malformed backup blob",
    "message": "The backup blob is not a backup of a secret of this subscription.",
}


def back_up(vault: Client, name: str) -> str:
    """Back a secret up."""
    blob: str = vault.done("POST", f"/secrets/{name}/backup")["value"]
    return blob


def remove(vault: Client, name: str) -> None:
    """Delete and purge a secret."""
    vault.done("DELETE", f"/secrets/{name}")
    vault.done("DELETE", f"/deletedsecrets/{name}")


@pytest.fixture(scope="module")
def other(world: Simulation) -> Client:
    """Make another vault of the same subscription, in another resource group."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id, group="another")
    return Client(world, origin=f"https://{made.name}.vault.localhost:8443")


def test_a_backup_is_base64url_that_tells_nothing(vault: Client, name: str, canary: str) -> None:
    """A backup is base64url without padding, and neither name nor value can be seen in it."""
    vault.put(name, canary)
    blob = back_up(vault, name)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", blob)
    content = base64.urlsafe_b64decode(blob + "=" * (-len(blob) % 4))
    assert not search(content)
    assert MARK.encode() not in content
    assert name.encode() not in content


def test_a_restored_secret_is_what_it_was(vault: Client, name: str) -> None:
    """A restore keeps the name, every version, value, attribute and tag; the answer has no value."""
    first = vault.put(f"{name}-Case", tags={"a": "b"}, attributes={"nbf": 1, "exp": 9})
    second = vault.put(f"{name}-case", contentType="x")
    listed = vault.walk(f"/secrets/{name}-case/versions")
    blob = back_up(vault, f"{name}-case")
    remove(vault, f"{name}-case")
    restored = vault.done("POST", "/secrets/restore", body={"value": blob})
    assert restored == {member: value for member, value in second.items() if member != "value"}
    assert vault.done("GET", f"/secrets/{name}-case") == second
    assert vault.done("GET", f"/secrets/{name}-case/{version_of(first)}") == first
    assert vault.walk(f"/secrets/{name}-case/versions") == listed


def test_others_are_served_while_many_versions_are_read(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than ten values are opened before whoever waits is served."""
    opened: list[str] = []
    whole = secrets.open_value

    def note(*what: Any) -> str:
        opened.append("")
        return whole(*what)

    monkeypatch.setattr(secrets, "open_value", note)
    for _ in range(25):
        vault.put(name)
    seen: list[int] = []

    async def both() -> None:
        keys, at = world.keys, world.vault
        backing_up = secrets.back_up_secret(
            world.store, keys, keys.envelope(at.id, at.wrapped_key), at, name, now=world.world.now()
        )
        task = asyncio.get_running_loop().create_task(backing_up)
        while not task.done():
            await asyncio.sleep(0)
            seen.append(len(opened))
        await task

    world.run(both())
    assert len(opened) == 25
    assert max(after - before for before, after in pairwise([0, *seen])) == 10


@pytest.fixture
def meanwhile(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Transaction], Any]], None]:
    """Give what has a change be made while a backup reads its versions, of which three are read at once."""
    monkeypatch.setattr(lifecycle, "_READ_AT_ONCE", 3)
    monkeypatch.setattr(lifecycle, "_SERVED_AFTER", 3)
    later: list[asyncio.Task[Any]] = []
    whole = secrets.open_value

    def make(change: Callable[[Transaction], Any]) -> None:
        def open_first(*what: Any) -> str:
            if not later:
                later.append(asyncio.get_running_loop().create_task(world.store.commit(change)))
            return whole(*what)

        monkeypatch.setattr(secrets, "open_value", open_first)

    return make


def test_a_right_lost_meanwhile_gives_no_backup(
    world: Simulation, vault: Client, name: str, meanwhile: Callable[[Callable[[Transaction], Any]], None]
) -> None:
    """Whoever lost the right while the versions were read gets none of them."""
    for _ in range(7):
        vault.put(name)
    who = world.principal()
    right = world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    meanwhile(lambda tx: tx.remove(right))
    answer = Client(world, who).ask("POST", f"/secrets/{name}/backup")
    assert (answer.status, answer.error["innererror"]) == (403, {"code": "ForbiddenByRbac"})


@pytest.mark.parametrize("again", [0, 7])
def test_what_is_purged_meanwhile_is_not_backed_up(
    world: Simulation, vault: Client, name: str, meanwhile: Callable[[Callable[[Transaction], Any]], None], again: int
) -> None:
    """No backup has some of the versions only, or those of another secret that has the name by then."""
    for _ in range(7):
        vault.put(name)
    now, at, envelope = world.world.now(), world.vault, world.keys.envelope(world.vault.id, world.vault.wrapped_key)

    async def exchange(tx: Transaction) -> None:
        await secrets.delete_secret(tx, at, name, now=now)
        await secrets.purge_secret(tx, at, name, now=now)
        for _ in range(again):
            await secrets.set_secret(tx, at, envelope, name, "", GivenProperties(), now=now, entropy=chance.token_bytes)

    meanwhile(exchange)
    answer = vault.ask("POST", f"/secrets/{name}/backup")
    assert (answer.status, answer.error["code"]) == (404, "SecretNotFound")


class TestLarge:
    """A body that is larger than any other is read in pieces, and has one form."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have bodies be large that are not."""
        monkeypatch.setattr(limits, "BODY_BYTES", 100)
        monkeypatch.setattr(backup_blobs, "_PIECE", 64)

    def test_is_restored_in_pieces(self, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """No step decodes more than a piece, and what comes of them is the backup."""
        pieces: list[str] = []
        whole = vault_secrets._decode_blob

        def decode(text: str) -> bytes:
            pieces.append(text)
            return whole(text)

        monkeypatch.setattr(vault_secrets, "_decode_blob", decode)
        vault.put(name, "v" * 500)
        blob = back_up(vault, name)
        remove(vault, name)
        for padded in (blob + "=" * (-len(blob) % 4), blob):
            raw = f'  {{ "value" : "{padded}" }}\n'.encode()
            assert vault.ask("POST", "/secrets/restore", raw=raw).status == 200
            assert vault.done("GET", f"/secrets/{name}")["value"] == "v" * 500
            remove(vault, name)
        assert "".join(pieces).replace("=", "") == blob * 2
        assert len(pieces) > 20
        assert max(map(len, pieces)) == 64

    def test_begins_one_past_the_limit(self, vault: Client) -> None:
        """A body as long as any other may be has any form; one byte more is too many for that."""
        body = b'{"more":"%s","value":"AAAA"}'
        for more, form in ((0, False), (1, True)):
            raw = body % (b"A" * (100 - len(body) + 2 + more))
            assert len(raw) == 100 + more
            error = vault.ask("POST", "/secrets/restore", raw=raw).error
            assert error["code"] == ("BadParameter" if form else NO_BACKUP["code"])
            assert ("nothing but the member 'value'" in error["message"]) == form

    @pytest.mark.parametrize("path", ["secrets", "keys", "certificates"])
    @pytest.mark.parametrize(
        "raw",
        [
            b'{"value":"%s","x":1}' % (b"A" * 200),
            b'{"value":"%s"}}' % (b"A" * 200),
            b'{"value":"%s' % (b"A" * 200),
            b'{"v\\u0061lue":"%s"}' % (b"A" * 200),
            b'["%s"]' % (b"A" * 200),
            b'{"value":"%s=%s"}' % (b"A" * 63, b"A" * 136),
            b'{"value":"%s"}' % ("é".encode() * 100),
            b'{"value":"%s"}' % (b"!" * 200),
            b'{"value":"%s"}' % (b"A" * 201),
            b'{"value":"AA"}' + b" " * 200,
            b" " * 200,
        ],
    )
    def test_what_is_none_is_refused(self, vault: Client, path: str, raw: bytes) -> None:
        """Another member or form, a second spelling, or what is not base64url is 400."""
        assert vault.ask("POST", f"/{path}/restore", raw=raw).error["code"] == "BadParameter"


def test_dates_of_a_restored_secret_are_the_old_ones(world: Simulation, vault: Client, name: str) -> None:
    """`created` and `updated` are of the versions, not of the restore."""
    bundle = vault.put(name)
    blob = back_up(vault, name)
    remove(vault, name)
    world.advance(500)
    assert vault.done("POST", "/secrets/restore", body={"value": blob})["attributes"] == bundle["attributes"]


def test_a_disabled_version_stays_disabled(vault: Client, name: str) -> None:
    """A backup of a disabled secret is one, and gives out no value by being restored."""
    vault.put(name, attributes={"enabled": False})
    blob = back_up(vault, name)
    remove(vault, name)
    vault.done("POST", "/secrets/restore", body={"value": blob})
    assert vault.ask("GET", f"/secrets/{name}").error["innererror"] == {"code": "SecretDisabled"}


def test_a_backup_restores_in_another_vault_of_the_subscription(vault: Client, other: Client, name: str) -> None:
    """The copy in another vault is independent: what happens to the first does not happen to it."""
    bundle = vault.put(name)
    copy = other.done("POST", "/secrets/restore", body={"value": back_up(vault, name)})
    assert copy["id"] == f"{other.origin}/secrets/{name}/{version_of(bundle)}"
    remove(vault, name)
    other.put(name)
    assert other.done("GET", f"/secrets/{name}/{version_of(bundle)}")["value"] == bundle["value"]


def test_a_backup_outlives_its_vault(world: Simulation, other: Client, name: str) -> None:
    """A backup opens when the vault it was made in is gone (SEC-BOOT-18): its key belongs to the subscription."""
    first = world.first
    made = make_vault(world, first.tenant_id, first.subscription_id, first.object_id)
    gone = Client(world, origin=f"https://{made.name}.vault.localhost:8443")
    bundle = gone.put(name)
    blob = back_up(gone, name)

    async def remove_vault(tx: Transaction) -> None:
        await tx.remove_vault_objects(made.id, 99)
        await tx.remove(made)

    world.commit(remove_vault)
    assert gone.ask("GET", f"/secrets/{name}").status == 404
    other.done("POST", "/secrets/restore", body={"value": blob})
    assert other.done("GET", f"/secrets/{name}")["value"] == bundle["value"]


def test_a_backup_is_for_its_subscription(world: Simulation, vault: Client, name: str) -> None:
    """In another subscription of the same tenant a backup is none (section 4.7)."""
    first = world.first
    vault.put(name)
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
    answer = elsewhere.ask("POST", "/secrets/restore", body={"value": blob})
    assert answer.status == 400
    assert answer.error == NO_BACKUP
    assert elsewhere.ask("GET", f"/secrets/{name}").status == 404


def test_a_backup_is_for_its_tenant(world: Simulation, vault: Client, name: str) -> None:
    """In another tenant a backup is none (pitfalls.md: "backup blobs ... usable in another ... tenant")."""
    vault.put(name)
    stranger = client_of(world, make_tenant(world))
    answer = stranger.ask("POST", "/secrets/restore", body={"value": back_up(vault, name)})
    assert answer.status == 400
    assert answer.error == NO_BACKUP


@pytest.mark.parametrize("place", [0, 1, 20, 40, 60, -20, -2])
def test_an_altered_backup_is_refused(vault: Client, name: str, place: int) -> None:
    """A backup with one bit changed anywhere is none, and nothing is restored."""
    vault.put(name)
    blob = back_up(vault, name)
    remove(vault, name)
    content = bytearray(base64.urlsafe_b64decode(blob + "=" * (-len(blob) % 4)))
    content[place] ^= 1
    altered = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    answer = vault.ask("POST", "/secrets/restore", body={"value": altered})
    assert answer.status == 400
    assert answer.error == NO_BACKUP
    assert vault.ask("GET", f"/secrets/{name}").status == 404


@pytest.mark.parametrize("how", ["shorter", "longer", "twice"])
def test_a_cut_or_lengthened_backup_is_refused(vault: Client, name: str, how: str) -> None:
    """A part of a backup, or more than one, is none."""
    vault.put(name)
    blob = back_up(vault, name)
    remove(vault, name)
    altered = {"shorter": blob[: len(blob) // 8 * 4], "longer": f"{blob[: len(blob) // 4 * 4]}AAAA", "twice": blob * 2}
    assert vault.ask("POST", "/secrets/restore", body={"value": altered[how]}).status == 400


@pytest.mark.parametrize("value", [None, "", "A", "AAAA", "*", "é", "a b", "YQ==", "AA+/", "\ud800"])
def test_what_is_no_backup_is_refused(vault: Client, value: str | None) -> None:
    """Whatever else comes as a backup is 400, and never a fault of ours."""
    answer = vault.ask("POST", "/secrets/restore", body={"value": value})
    assert answer.status == 400
    assert answer.error["code"] in {"BadParameter", NO_BACKUP["code"]}


def test_a_skip_token_is_no_backup(vault: Client, name: str) -> None:
    """What was sealed for one purpose opens for no other."""
    for _ in range(2):
        vault.put(name)
    link = vault.done("GET", f"/secrets/{name}/versions", query="&maxresults=1")["nextLink"]
    answer = vault.ask("POST", "/secrets/restore", body={"value": link.rpartition("=")[2]})
    assert answer.error == NO_BACKUP


def test_restoring_over_a_secret_is_a_conflict(vault: Client, name: str) -> None:
    """A name in use is 409, in the real service's words, and the secret stays as it is."""
    vault.put(name)
    blob = back_up(vault, name)
    newer = vault.put(name)
    answer = vault.ask("POST", "/secrets/restore", body={"value": blob})
    uri = f"{vault.origin}/secrets/{name}"
    assert answer.status == 409
    assert answer.error["code"] == "Conflict"
    assert answer.error["message"].startswith(f"There was a conflict restoring the secret '{uri}'. ")
    assert vault.done("GET", f"/secrets/{name}") == newer


def test_restoring_over_a_deleted_secret_is_a_conflict(vault: Client, name: str) -> None:
    """The name of a deleted secret is held for it."""
    vault.put(name)
    blob = back_up(vault, name)
    vault.done("DELETE", f"/secrets/{name}")
    answer = vault.ask("POST", "/secrets/restore", body={"value": blob})
    assert answer.status == 409
    assert answer.error["innererror"] == {"code": "ObjectIsDeletedButRecoverable"}
    vault.done("POST", f"/deletedsecrets/{name}/recover")


def _with_versions(world: Simulation, name: str, count: int) -> None:
    """Make a secret with many versions in one change, the values and seals of which are real."""
    vault = world.vault
    envelope, now = world.keys.envelope(vault.id, vault.wrapped_key), int(world.clock())

    async def make(tx: Transaction) -> None:
        for _ in range(count):
            await secrets.set_secret(
                tx, vault, envelope, name, plant(), GivenProperties(), now=now, entropy=chance.token_bytes
            )

    world.commit(make)


def test_a_backup_holds_500_versions(world: Simulation, vault: Client, other: Client, name: str) -> None:
    """A secret of 500 versions is backed up and restored whole."""
    _with_versions(world, name, 500)
    other.done("POST", "/secrets/restore", body={"value": back_up(vault, name)})
    stored = world.run(world.store.object(world.vault.id, Collection.SECRETS, name))
    assert stored is not None
    assert stored.versions == 500
    assert [version_of(item) for item in other.walk(f"/secrets/{name}/versions")] == [
        version_of(item) for item in vault.walk(f"/secrets/{name}/versions")
    ]
    assert other.done("GET", f"/secrets/{name}")["value"] == vault.done("GET", f"/secrets/{name}")["value"]


def test_a_backup_holds_no_501_versions(world: Simulation, vault: Client, name: str) -> None:
    """One version more is refused with a sentence that says why."""
    _with_versions(world, name, 501)
    answer = vault.ask("POST", f"/secrets/{name}/backup")
    assert answer.status == 400
    assert answer.error == {
        "code": "BadParameter",
        "message": "The secret has 501 versions, and a backup can hold at most 500.",
    }
