"""
Tampering by whoever can write SQL, in every table.

SEC-BOOT-16, SEC-BOOT-17: "a deleted, replayed or rolled-back row in those tables is detected". Settings, assignments,
rules and credentials are records, and what holds for the records here holds for every kind of them.
"""

# ruff: noqa: S608  The statements are those of an attacker.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from strongroom.core.errors import Tampered
from strongroom.core.event_deliveries import Addressee
from strongroom.core.identity import Group, Tenant, User
from strongroom.core.objects import Collection
from strongroom.core.records import KINDS, Record
from strongroom.store import ObjectState, Store, Transaction
from tests.conformance.store.backends import Backend, other_tagger
from tests.conformance.store.samples import (
    OTHER_VAULT,
    PARTITION,
    VAULT,
    event,
    group,
    put,
    remove,
    secret,
    user,
)

SECRETS = Collection.SECRETS


async def fill(store: Store) -> None:
    """Have a row of every table, and a second one to take its place."""
    await put(store, user(1), user(2), group(1), entries=(b"first", b"second"))
    await put(store, *secret("a"), *secret("b"), *secret("a", vault=OTHER_VAULT), entries=(b"third",))
    store.route(lambda _: [Addressee("hook", VAULT)])
    await put(store, *secret("a", 2), event("a"), event("a", 2), event("b"))
    await put(store, user(3))
    await store.acquire_lease("job", "me", now=1, lifetime_s=9)


ALONE = "PRAGMA foreign_keys = OFF"
"""Has SQLite alter a record without its names."""

ALTERED = {
    "a record's body": ("UPDATE records SET body = zeroblob(9) WHERE id = 'user-00001'",),
    "a record's tag": ("UPDATE records SET tag = zeroblob(32) WHERE id = 'user-00001'",),
    "a record's id": (ALONE, "UPDATE records SET id = 'user-00009' WHERE id = 'user-00001'"),
    "a record's partition": (ALONE, "UPDATE records SET partition = 'x' WHERE kind = 'user'"),
    "a record's kind": ("UPDATE records SET kind = 'tenant' WHERE kind = 'group'",),
    "a record, copied over others": (
        "UPDATE records SET (body, tag) = (SELECT body, tag FROM records WHERE id = 'user-00002')",
    ),
    "a record, copied to another id": (
        "INSERT INTO records SELECT kind, partition, 'user-00009', body, tag FROM records WHERE id = 'user-00001'",
    ),
    "a record, removed": (ALONE, "DELETE FROM records WHERE id = 'user-00001'"),
    "all records of a kind, removed": ("DELETE FROM records WHERE kind = 'group'",),
    "all records of a kind, removed with their seal": (
        "DELETE FROM records WHERE kind = 'group'",
        "DELETE FROM seals WHERE kind = 'group'",
    ),
    "a name, removed": ("DELETE FROM record_names WHERE id = 'user-00001'",),
    "a name, given to another": ("UPDATE record_names SET id = 'user-00002' WHERE id = 'user-00001'",),
    "a name, invented": ("INSERT INTO record_names SELECT 'upn:x', kind, partition, id FROM records LIMIT 1",),
    "an object's policy": ("UPDATE objects SET policy = X'01' WHERE key = 'a'",),
    "when an object is due": ("UPDATE objects SET due_at = 1 WHERE key = 'a'",),
    "an object's life": ("UPDATE objects SET deleted = 1, purge_at = 1 WHERE key = 'a'",),
    "an object's latest version": (f"UPDATE objects SET latest = '{1:032x}' WHERE key = 'a'",),
    "an object's vault": (
        f"DELETE FROM objects WHERE key = 'a' AND vault = '{OTHER_VAULT}'",
        f"UPDATE objects SET vault = '{OTHER_VAULT}' WHERE key = 'a'",
    ),
    "an object, removed": ("DELETE FROM objects WHERE key = 'b'",),
    "an object, removed with its versions": (
        "DELETE FROM objects WHERE key = 'b'",
        "DELETE FROM versions WHERE key = 'b'",
    ),
    "a version's value": ("UPDATE versions SET sealed = x'00' WHERE key = 'b'",),
    "a version's attributes": ("UPDATE versions SET body = x'00' WHERE key = 'b'",),
    "a version's ordinal": ("UPDATE versions SET ordinal = 7 WHERE key = 'b'",),
    "a version, copied over others": (
        "UPDATE versions SET (body, sealed, tag) = (SELECT body, sealed, tag FROM versions WHERE key = 'b')",
    ),
    "an old version, removed": ("DELETE FROM versions WHERE key = 'a' AND ordinal = 1",),
    "the latest version, removed": ("DELETE FROM versions WHERE key = 'a' AND ordinal = 2",),
    "a seal's count": ("UPDATE seals SET count = count + 1 WHERE kind = 'user'",),
    "a seal's digest": ("UPDATE seals SET digest = zeroblob(32) WHERE kind = 'user'",),
    "a seal, removed": ("DELETE FROM seals WHERE kind = 'group'",),
    "all seals, removed": ("DELETE FROM seals",),
    "an audit entry that waits": ("UPDATE commits SET entries = x'9100' WHERE sequence = 2",),
    "audit entries that wait, removed": ("UPDATE commits SET entries = NULL WHERE sequence = 1",),
    "what a commit changed": ("UPDATE commits SET changes = x'90' WHERE sequence = 3",),
    "a commit, removed": ("DELETE FROM commits WHERE sequence = 2",),
    "the latest commit, removed": ("DELETE FROM commits WHERE sequence = 4",),
    "the first commits, removed": ("DELETE FROM commits WHERE sequence < 3",),
    "all commits, removed": ("DELETE FROM commits",),
    "a commit, renumbered": ("UPDATE commits SET sequence = 9 WHERE sequence = 4",),
    "how far the journal is": ("UPDATE commits SET audited = 3 WHERE sequence = 4",),
    "an event that waits": ("UPDATE deliveries SET event = x'00' WHERE place = 'secret/b'",),
    "when an event is delivered": ("UPDATE deliveries SET due_at = 999 WHERE place = 'secret/b'",),
    "an event that waits, removed": ("DELETE FROM deliveries WHERE place = 'secret/b'",),
    "an event that is waited for, removed": ("DELETE FROM deliveries WHERE place = 'secret/a' AND state = 'ready'",),
    "all events that wait, removed with their seal": (
        "DELETE FROM deliveries",
        "DELETE FROM seals WHERE kind = 'event deliveries'",
    ),
    "an event that waits, given to another": ("UPDATE deliveries SET subscription = 'other' WHERE place = 'secret/b'",),
    "an event that waits, twice": (
        "CREATE TABLE copied AS SELECT * FROM deliveries WHERE place = 'secret/b'",
        "UPDATE copied SET ordinal = 9",
        "INSERT INTO deliveries SELECT * FROM copied",
    ),
    "a lease": ("UPDATE leases SET holder = 'they'",),
}
"""What was altered, and how."""


@pytest.mark.parametrize("crime", ALTERED)
async def test_verify_finds_every_kind_of_tampering(backend: Backend, crime: str) -> None:
    """Whatever row of whatever table was altered, added, moved or removed, `verify` has something to say."""
    async with backend.open() as store:
        await fill(store)
        assert await store.verify() == []
        for statement in ALTERED[crime]:
            backend.sql(store, statement)
        assert await store.verify() != []


@dataclass(frozen=True)
class Rollback:
    """What somebody puts back as it was, tags and all, after it was changed."""

    what: str
    tables: tuple[str, ...]
    change: Callable[[Store], Awaitable[object]]


async def deliver_all(store: Store) -> None:
    """Have every event delivered that is first of its object."""

    async def remove_all(transaction: Transaction) -> None:
        for one in await transaction.due_deliveries("hook", 999, limit=9):
            assert await transaction.remove_delivery(one)

    await store.commit(remove_all)


ROLLED_BACK = [
    Rollback("a record", ("records",), lambda store: put(store, user(1, name="Renamed"))),
    Rollback("a removed record", ("records", "record_names"), lambda store: remove(store, user(1))),
    Rollback("a record and its seal", ("records", "seals"), lambda store: put(store, user(1, name="Renamed"))),
    Rollback("a seal", ("seals",), lambda store: put(store, user(1, name="Renamed"))),
    Rollback("an object", ("objects",), lambda store: put(store, *secret("a", 3))),
    Rollback("an object and its versions", ("objects", "versions"), lambda store: put(store, *secret("a", 3))),
    Rollback("a vault with its seal", ("objects", "versions", "seals"), lambda store: put(store, *secret("a", 3))),
    Rollback("a delivered event", ("deliveries",), deliver_all),
    Rollback("a delivered event with its seal", ("deliveries", "seals"), deliver_all),
    Rollback("the commits", ("commits",), lambda store: put(store, user(1, name="Renamed"), entries=(b"x",))),
]


@pytest.mark.parametrize("rollback", ROLLED_BACK, ids=lambda rollback: rollback.what)
async def test_verify_finds_what_was_rolled_back(backend: Backend, rollback: Rollback) -> None:
    """Rows with the tags they once had do not pass for the present ones."""
    async with backend.open() as store:
        await fill(store)
        for table in rollback.tables:
            backend.sql(store, f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
        await rollback.change(store)
        backend.sql(store, ALONE)
        for table in rollback.tables:
            backend.sql(store, f"DELETE FROM {table}")
            backend.sql(store, f"INSERT INTO {table} SELECT * FROM kept_{table}")
            backend.sql(store, f"DROP TABLE kept_{table}")
        assert await store.verify() != []


async def test_a_record_that_was_altered_is_not_read(backend: Backend) -> None:
    """Neither alone nor among others, and not inside a change."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "UPDATE records SET body = zeroblob(9) WHERE id = 'user-00001'")
        for attempt in (
            store.record(User, PARTITION, "user-00001"),
            store.records(User),
            store.commit(lambda transaction: transaction.record(User, PARTITION, "user-00001")),
        ):
            with pytest.raises(Tampered):
                await attempt


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM records WHERE id = 'user-00001'",
        "UPDATE seals SET count = 2 WHERE kind = 'user'",
        "DELETE FROM seals WHERE kind = 'user'",
        "DELETE FROM records WHERE kind = 'user'",
    ],
)
async def test_records_are_read_whole_or_not_at_all(backend: Backend, statement: str) -> None:
    """A set from which a row is missing is refused, of one partition, of all, and inside a change."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, ALONE)
        backend.sql(store, statement)
        for attempt in (
            store.records(User),
            store.records(User, PARTITION),
            store.commit(lambda transaction: transaction.records(User)),
        ):
            with pytest.raises(Tampered):
                await attempt


async def test_records_that_stand_alone_are_read_beside_an_altered_one(backend: Backend) -> None:
    """For whoever wants to be told of it: the altered one is not among them, and a set that is not whole is told."""
    async with backend.open() as store:
        await fill(store)
        every = await store.records(User)
        told: list[str] = []
        backend.sql(store, "UPDATE records SET body = zeroblob(9) WHERE id = 'user-00001'")
        assert await store.records(User, altered=told.append) == [one for one in every if one.id != "user-00001"]
        (row,) = told
        assert "user-00001" in row
        backend.sql(store, ALONE)
        backend.sql(store, "DELETE FROM records WHERE id = 'user-00001'")
        assert len(await store.records(User, altered=told.append)) == len(every) - 1
        assert "rows are there" in told[1]
        backend.sql(store, "UPDATE seals SET count = 2 WHERE kind = 'user'")
        assert len(await store.records(User, altered=told.append)) == len(every) - 1
        assert "a row of seals" in told[2]


async def test_an_older_record_put_back_is_refused_with_its_set(backend: Backend) -> None:
    """A disabled user does not come back to life."""
    async with backend.open() as store:
        await fill(store)
        ((body, tag),) = backend.sql(store, "SELECT body, tag FROM records WHERE id = 'user-00001'")
        await put(store, user(1, name="Disabled"))
        backend.sql(store, "UPDATE records SET body = ?, tag = ? WHERE id = 'user-00001'", body, tag)
        with pytest.raises(Tampered):
            await store.records(User)


async def test_an_object_or_version_that_was_altered_is_not_read(backend: Backend) -> None:
    """By name, by version and in listings."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "UPDATE objects SET created = 2 WHERE key = 'a'")
        backend.sql(store, "UPDATE versions SET sealed = x'00' WHERE key = 'b'")
        for attempt in (
            store.object(VAULT, SECRETS, "a"),
            store.version(VAULT, SECRETS, "b", secret("b")[0].latest),
            store.versions(VAULT, SECRETS, "b", after=0, limit=9),
            store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after="a", limit=9),
            store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=1),
        ):
            with pytest.raises(Tampered):
                await attempt


async def test_an_object_whose_version_was_removed_does_not_vanish_from_a_listing(backend: Backend) -> None:
    """The listing is refused instead."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "DELETE FROM versions WHERE key = 'b'")
        with pytest.raises(Tampered, match="latest version"):
            await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=9)


@pytest.mark.parametrize("what", ["sealed = x'00'", "tag = zeroblob(32)"])
async def test_a_vault_that_was_tampered_with_can_be_purged(backend: Backend, what: str) -> None:
    """Nobody has to keep what nobody can read."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, f"UPDATE versions SET {what} WHERE vault = '{OTHER_VAULT}'")
        await store.commit(lambda transaction: transaction.remove_vault_objects(OTHER_VAULT, 99))
        assert await store.verify() == []


async def test_a_vault_of_versions_without_objects_can_be_purged(backend: Backend) -> None:
    """They go at once: there is no object to wait for."""
    async with backend.open() as store:
        await fill(store)
        await put(store, *secret("b", vault=OTHER_VAULT))
        backend.sql(store, f"DELETE FROM objects WHERE vault = '{OTHER_VAULT}'")
        await store.commit(lambda transaction: transaction.remove_vault_objects(OTHER_VAULT, 1))
        assert await store.verify() == []


async def test_a_vault_that_was_emptied_behind_the_stores_back_can_be_purged(backend: Backend) -> None:
    """Its seal goes too, so that the rest of the database is sound again."""
    async with backend.open() as store:
        await fill(store)
        for table in ("objects", "versions"):
            backend.sql(store, f"DELETE FROM {table} WHERE vault = '{OTHER_VAULT}'")
        assert await store.verify() != []
        assert (await store.commit(lambda transaction: transaction.remove_vault_objects(OTHER_VAULT, 99))).result == 0
        assert await store.verify() == []


async def test_an_emptied_set_does_not_hide_that_it_was_tampered_with(backend: Backend) -> None:
    """Removing the last row of a set is refused if it is not the row that was sealed."""
    async with backend.open() as store:
        await put(store, user(1))
        ((body, tag),) = backend.sql(store, "SELECT body, tag FROM records")
        await put(store, user(1, name="Disabled"))
        backend.sql(store, "UPDATE records SET body = ?, tag = ?", body, tag)
        with pytest.raises(Tampered, match="not the ones that were sealed"):
            await remove(store, user(1))


async def test_a_feed_with_a_hole_is_not_followed(backend: Backend) -> None:
    """A node that misses a change would go on trusting what was revoked."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "DELETE FROM commits WHERE sequence = 2")
        with pytest.raises(Tampered):
            await store.changes_since(0, limit=9)
        with pytest.raises(Tampered):
            await store.changes_since(1, limit=1)


async def test_an_audit_entry_that_was_altered_is_not_handed_out(backend: Backend) -> None:
    """SEC: "audit verify finds ... rewriting": between commit and journal as well."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "UPDATE commits SET entries = x'9100' WHERE sequence = 2")
        with pytest.raises(Tampered):
            await store.outbox(limit=9)


async def test_a_lease_that_was_altered_is_not_believed(backend: Backend) -> None:
    """Nobody gets a lease by writing himself into the table."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "UPDATE leases SET holder = 'they'")
        with pytest.raises(Tampered):
            await store.acquire_lease("job", "they", now=2, lifetime_s=9)


async def test_nothing_is_written_onto_a_tampered_latest_commit(backend: Backend) -> None:
    """A commit does not lend its tag to what stands under a forged one."""
    async with backend.open() as store:
        await fill(store)
        backend.sql(store, "UPDATE commits SET digest = zeroblob(32) WHERE sequence = 4")
        # What the store knows was tagged; to notice, it must look at the row and not only at its number and tag.
        backend.sql(store, "UPDATE commits SET tag = zeroblob(32) WHERE sequence = 4")
        with pytest.raises(Tampered):
            await put(store, user(4))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commits SET audited = 3 WHERE sequence = 4",
        "DELETE FROM commits WHERE sequence = 4",
        "DELETE FROM commits WHERE sequence = 2",
        "DELETE FROM commits",
        "DELETE FROM seals WHERE kind = 'group'",
        "UPDATE seals SET digest = zeroblob(32) WHERE kind = 'group'",
    ],
)
async def test_a_database_that_is_broken_at_the_top_is_not_opened(lasting: Backend, statement: str) -> None:
    """What stands over everything is checked at every start, and whether audit entries are missing."""
    async with lasting.open() as store:
        await fill(store)
        lasting.sql(store, statement)
    with pytest.raises(Tampered):
        async with lasting.open():
            pass


async def test_a_database_of_another_root_key_is_not_opened(lasting: Backend) -> None:
    """And the message says that this may be the reason."""
    async with lasting.open() as store:
        await fill(store)
    with pytest.raises(Tampered, match="another root key"):
        async with lasting.open(tagger=other_tagger):
            pass


async def test_faults_are_all_told_at_once_and_without_what_rows_hold(backend: Backend) -> None:
    """`verify` goes on after the first fault; its sentences name places, never values."""
    async with backend.open() as store:
        canary = user(1, name="canary-4711")
        await put(store, canary, *secret("a"), entries=(b"canary-4711",))
        for table in ("records", "objects", "versions", "commits", "seals"):
            backend.sql(store, f"UPDATE {table} SET tag = zeroblob(32)")
        faults = await store.verify()
        for table in ("records", "objects", "versions", "commits", "seals"):
            assert any(table in fault or "commit" in fault for fault in faults)
        assert len(faults) > 4
        assert "canary" not in " ".join(faults)
        assert "sealed a" not in " ".join(faults)


async def test_a_row_that_stands_twice_is_noticed(lasting: Backend) -> None:
    """A table that was made again without its key may hold a row twice, each with a tag that fits."""
    async with lasting.open() as store:
        await fill(store)
    async with lasting.open() as store:
        lasting.sql(store, "CREATE TABLE again AS SELECT * FROM records")
        lasting.sql(store, "INSERT INTO again SELECT * FROM records WHERE kind = 'group'")
        lasting.sql(store, "DROP TABLE record_names")
        lasting.sql(store, "DROP TABLE records")
        lasting.sql(store, "ALTER TABLE again RENAME TO records")
        lasting.sql(store, "CREATE TABLE record_names (name, kind, partition, id)")
        with pytest.raises(Tampered, match="more than one group"):
            await store.record(Group, PARTITION, "group-00001")
        with pytest.raises(Tampered, match="2 rows are there, 1 were sealed"):
            await store.records(Group)
        assert any("group" in fault and "2 rows" in fault for fault in await store.verify())


async def test_a_version_of_another_object_is_not_listed_as_the_latest(backend: Backend) -> None:
    """A name that was deleted and made again is another object; its old versions do not come back."""
    async with backend.open() as store:
        stored, version = secret("a")
        await put(store, stored, version)
        (old,) = backend.sql(store, "SELECT * FROM versions")
        await store.commit(lambda transaction: transaction.remove_object(VAULT, SECRETS, "a"))
        again = (replace(stored, object_id="another"), replace(version, object_id="another"))
        await put(store, *again)
        backend.sql(store, "DELETE FROM versions")
        backend.sql(store, f"INSERT INTO versions VALUES ({', '.join('?' for _ in old)})", *old)
        with pytest.raises(Tampered, match="a version of another object"):
            await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=9)
        assert await store.verify() != []


@pytest.mark.parametrize(
    ("known", "fault"), [({}, "unknown kind group"), ({"group": Tenant}, "cannot be read by this")]
)
async def test_a_record_that_this_program_cannot_read_is_told(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, known: dict[str, type[Record]], fault: str
) -> None:
    """Such as one of a newer release: it is sound, but nobody here obeys it."""
    async with backend.open() as store:
        await put(store, group(1))
        monkeypatch.delitem(KINDS, "group")
        for kind, cls in known.items():
            monkeypatch.setitem(KINDS, kind, cls)
        (told,) = await store.verify()
        assert fault in told
