"""Deletion, recovery, purge, and the end of retention (reference sections 4.2 and 4.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.api_versions import DATA_PLANE
from strongroom.core.objects import Collection
from strongroom.objects.jobs import purge_due_objects
from strongroom.store.transaction import SqlTransaction
from tests.flow.client import Client, not_found, version_of
from tests.plugins.canary import plant
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

DAY = 86_400


def test_delete_answers_how_to_recover(world: Simulation, vault: Client, name: str) -> None:
    """Deleting answers the bundle without its value, where it can be recovered, and when it will be purged."""
    bundle = vault.put(name, tags={"a": "b"})
    now = int(world.clock())
    deleted = vault.done("DELETE", f"/secrets/{name}")
    value = bundle.pop("value")
    assert value
    assert deleted == bundle | {
        "recoveryId": f"{world.vault_url}/deletedsecrets/{name}",
        "deletedDate": now,
        "scheduledPurgeDate": now + 90 * DAY,
    }
    assert vault.done("GET", f"/deletedsecrets/{name}") == deleted


def test_a_deleted_secret_reads_as_if_it_had_never_been(vault: Client, name: str) -> None:
    """Every operation on an active secret answers a deleted one as an unknown one: 404, and no versions."""
    version = version_of(vault.put(name))
    vault.done("DELETE", f"/secrets/{name}")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"contentType": "x"}),
        ("DELETE", "", None),
        ("POST", "/backup", None),
    ):
        answer = vault.ask(method, f"/secrets/{name}{path}", body=body)
        assert answer.status == 404
        assert answer.error == not_found(name)
    assert vault.ask("GET", f"/secrets/{name}/{version}").error == not_found(f"{name}/{version}")
    assert vault.walk(f"/secrets/{name}/versions") == []
    assert not [item for item in vault.walk("/secrets") if item["id"].endswith(name)]


def test_a_deleted_name_cannot_be_used(vault: Client, name: str) -> None:
    """Setting a secret under a deleted one's name is 409 `ObjectIsDeletedButRecoverable`, in any case of the name."""
    vault.put(name)
    vault.done("DELETE", f"/secrets/{name}")
    answer = vault.ask("PUT", f"/secrets/{name.upper()}", body={"value": plant()})
    assert answer.status == 409
    assert answer.error == {
        "code": "Conflict",
        "message": (
            f"Secret {name.upper()} is currently in a deleted but recoverable state, and its name cannot be reused; in"
            " this state, the secret can only be recovered or purged."
        ),
        "innererror": {"code": "ObjectIsDeletedButRecoverable"},
    }


def test_recovering_brings_everything_back(vault: Client, name: str) -> None:
    """All versions come back with their values and attributes, and the recovered bundle has no value in it."""
    first, second = vault.put(name, tags={"a": "b"}), vault.put(name, contentType="x")
    vault.done("DELETE", f"/secrets/{name}")
    recovered = vault.done("POST", f"/deletedsecrets/{name}/recover")
    assert recovered == {member: value for member, value in second.items() if member != "value"}
    assert vault.done("GET", f"/secrets/{name}") == second
    assert vault.done("GET", f"/secrets/{name}/{version_of(first)}") == first
    assert vault.ask("GET", f"/deletedsecrets/{name}").status == 404


def test_purging_removes_for_ever(vault: Client, name: str) -> None:
    """Purging answers 204 without a body; afterwards the name is free, and nothing of the old secret is in the new."""
    old = vault.put(name, tags={"a": "b"})
    vault.done("DELETE", f"/secrets/{name}")
    answer = vault.ask("DELETE", f"/deletedsecrets/{name}")
    assert (answer.status, answer.body) == (204, b"")
    assert vault.ask("GET", f"/deletedsecrets/{name}").status == 404
    vault.put(name)
    assert vault.ask("GET", f"/secrets/{name}/{version_of(old)}").status == 404
    assert len(vault.walk(f"/secrets/{name}/versions")) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("active", [False, True], ids=["unknown", "active"])
def test_what_is_not_deleted_cannot_be_purged(vault: Client, name: str, method: str, *, active: bool) -> None:
    """An unknown or active secret is no deleted one: 404 with the words for deleted ones."""
    if active:
        vault.put(name)
    answer = vault.ask(method, f"/deletedsecrets/{name}")
    assert answer.status == 404
    assert answer.error == {"code": "SecretNotFound", "message": f"Deleted Secret not found: {name}"}


@pytest.mark.parametrize("active", [False, True], ids=["unknown", "active"])
def test_what_is_not_deleted_cannot_be_recovered(vault: Client, name: str, *, active: bool) -> None:
    """A recovery is refused in the words for an active secret, as recorded by Azure's own client tests (2022-2026)."""
    if active:
        vault.put(name)
    answer = vault.ask("POST", f"/deletedsecrets/{name}/recover")
    assert (answer.status, answer.error["code"]) == (404, "SecretNotFound")
    assert answer.error["message"].startswith(f"A secret with (name/id) {name} was not found in this key vault.")


def test_a_deleted_secret_that_is_disabled_is_not_told(vault: Client, name: str) -> None:
    """Get-deleted of a disabled secret is `SecretDisabled`; it is still listed, recovered and purged (section 4.6)."""
    vault.put(name, attributes={"enabled": False})
    vault.done("DELETE", f"/secrets/{name}")
    answer = vault.ask("GET", f"/deletedsecrets/{name}")
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "SecretDisabled"}
    assert [item for item in vault.walk("/deletedsecrets") if item["id"].endswith(name)]
    vault.done("POST", f"/deletedsecrets/{name}/recover")
    vault.done("DELETE", f"/secrets/{name}")
    assert vault.ask("DELETE", f"/deletedsecrets/{name}").status == 204


def test_purge_protection_keeps_everybody_from_purging(world: Simulation, vault: Client, name: str) -> None:
    """In a vault with purge protection the administrator's purge is 403 in the reference's words; nothing is lost."""
    vault.put(name)
    vault.done("DELETE", f"/secrets/{name}")
    world.set_vault(purge_protection=True)
    answer = vault.ask("DELETE", f"/deletedsecrets/{name}")
    assert answer.status == 403
    assert answer.error == {
        "code": "Forbidden",
        "message": (
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service'
            " will automatically purge it after the retention period has passed."
            f" Vault: {world.vault.name};location={world.vault.location}"
        ),
    }
    assert vault.ask("GET", f"/deletedsecrets/{name}").status == 200


@pytest.mark.parametrize("protected", [False, True], ids=["purgeable", "protected"])
@pytest.mark.parametrize("days", [7, 89, 90])
@pytest.mark.parametrize("version", DATA_PLANE)
def test_recovery_levels(
    world: Simulation, vault: Client, name: str, version: str, days: int, *, protected: bool
) -> None:
    """
    `recoveryLevel` and `recoverableDays` follow from the vault's settings (section 4.2) and the api-version.

    The first version knows neither, those before 7.1 know the levels alone (as recorded by Azure CLI's tests of 2022).
    """
    world.set_vault(retention_days=days, purge_protection=protected)
    attributes = vault.done("PUT", f"/secrets/{name}", version=version, body={"value": plant()})["attributes"]
    told = {key: attributes[key] for key in ("recoveryLevel", "recoverableDays") if key in attributes}
    level = "Recoverable" if protected else "Recoverable+Purgeable"
    expected = {"recoveryLevel": level if days == 90 else f"Customized{level}", "recoverableDays": days}
    if version == "2015-06-01":
        expected = {}
    elif version in {"2016-10-01", "7.0"}:
        del expected["recoverableDays"]
    assert told == expected


@pytest.fixture
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world of its own whose vault keeps deleted secrets for seven days."""
    world = Simulation(tmp_path_factory.mktemp("short"))
    world.set_vault(retention_days=7)
    yield world
    world.close()


def _until_purge(world: Simulation, vault: Client, name: str) -> None:
    """Let time pass up to the second in which a deleted secret's retention ends."""
    due = vault.done("GET", f"/deletedsecrets/{name}")["scheduledPurgeDate"]
    assert due == int(world.clock()) + 7 * DAY
    world.advance(due - world.clock())


def test_a_secret_is_gone_the_second_its_retention_ends(short_lived: Simulation) -> None:
    """From the promised second on a deleted secret is absent, whether or not anything has cleaned up."""
    vault = Client(short_lived)
    for name in ("a", "b"):
        vault.put(name)
    vault.done("DELETE", "/secrets/a")
    short_lived.advance(1)
    vault.done("DELETE", "/secrets/b")
    short_lived.advance(-1)
    due = vault.done("GET", "/deletedsecrets/a")["scheduledPurgeDate"]
    short_lived.advance(due - 1 - short_lived.clock())
    assert vault.ask("GET", "/deletedsecrets/a").status == 200
    short_lived.advance(1)
    assert [item["id"].rpartition("/")[2] for item in vault.walk("/deletedsecrets")] == ["b"]
    for method, path in (("GET", ""), ("POST", "/recover"), ("DELETE", "")):
        assert vault.ask(method, f"/deletedsecrets/a{path}").status == 404


def test_a_name_is_free_the_second_its_retention_ends(short_lived: Simulation) -> None:
    """A new secret of the name is another secret: none of the old versions is in it."""
    vault = Client(short_lived)
    old = vault.put("a")
    vault.done("DELETE", "/secrets/a")
    _until_purge(short_lived, vault, "a")
    new = vault.put("a")
    assert [item["id"] for item in vault.walk("/secrets/a/versions")] == [new["id"]]
    assert vault.ask("GET", f"/secrets/a/{version_of(old)}").status == 404


def test_the_scheduled_purge_removes_what_is_due(short_lived: Simulation) -> None:
    """The job removes the row of a secret whose retention is over, and of no other, purge protection or not."""
    vault, world = Client(short_lived), short_lived
    world.set_vault(purge_protection=True)
    for name in ("due", "kept", "active"):
        vault.put(name)
    vault.done("DELETE", "/secrets/due")
    world.advance(1)
    vault.done("DELETE", "/secrets/kept")
    world.advance(7 * DAY - 1)
    assert world.run(purge_due_objects(world.store, world.keys, int(world.clock()))) == 1
    stored = [world.run(world.store.object(world.vault.id, Collection.SECRETS, name)) for name in ("due", "kept")]
    assert stored[0] is None
    assert stored[1] is not None
    assert vault.ask("GET", "/secrets/active").status == 200


def test_many_versions_are_purged_bit_by_bit(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No change removes more than so many: the secret is gone at once for everybody, and the job has its rows."""
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 4)
    removed: list[int] = []
    remove = SqlTransaction.remove_versions

    async def remove_versions(*what: Any) -> int:
        removed.append(await remove(*what))
        return removed[-1]

    monkeypatch.setattr(SqlTransaction, "remove_versions", remove_versions)
    for _ in range(12):
        vault.put(name)
    vault.done("DELETE", f"/secrets/{name}")
    assert vault.ask("DELETE", f"/deletedsecrets/{name}").status == 204
    assert len(world.run(world.store.versions(world.vault.id, Collection.SECRETS, name, after=0, limit=99)).rows) == 12
    for method, path in (("GET", ""), ("POST", "/recover"), ("DELETE", "")):
        assert vault.ask(method, f"/deletedsecrets/{name}{path}").status == 404
    assert name not in [one["id"].rsplit("/", 1)[1] for one in vault.done("GET", "/deletedsecrets")["value"]]
    # Whatever the clock says later: nobody has it back.
    world.run(purge_due_objects(world.store, world.keys, 1))
    assert removed == [4, 4, 3]
    assert world.run(world.store.object(world.vault.id, Collection.SECRETS, name)) is None
    assert world.run(world.store.verify()) == []


def test_as_many_versions_as_one_change_removes_go_at_once(
    world: Simulation, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit nothing is left for the job; one version more is."""
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 2)
    for each, versions in ((name, 2), (f"{name}-more", 3)):
        for _ in range(versions):
            vault.put(each)
        vault.done("DELETE", f"/secrets/{each}")
        assert vault.ask("DELETE", f"/deletedsecrets/{each}").status == 204
        left = world.run(world.store.object(world.vault.id, Collection.SECRETS, each))
        assert (left is not None) == (versions > 2)


def test_the_name_of_a_secret_of_many_versions_is_free_once_it_is_purged(
    vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the job has come by: the new one has none of the versions before."""
    monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 1)
    for _ in range(2):
        vault.put(name)
    vault.done("DELETE", f"/secrets/{name}")
    assert vault.ask("DELETE", f"/deletedsecrets/{name}").status == 204
    vault.put(name)
    assert len(vault.done("GET", f"/secrets/{name}/versions")["value"]) == 1


def test_a_changed_retention_is_for_later_deletions(world: Simulation, vault: Client, name: str) -> None:
    """The date that was promised when a secret was deleted stays, whatever the vault's retention becomes."""
    vault.put(name)
    promised = vault.done("DELETE", f"/secrets/{name}")["scheduledPurgeDate"]
    world.set_vault(retention_days=7)
    assert vault.done("GET", f"/deletedsecrets/{name}")["scheduledPurgeDate"] == promised
