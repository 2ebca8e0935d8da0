from __future__ import annotations

import asyncio
import hmac
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.core.event_deliveries import Addressee
from strongroom.core.objects import Collection
from strongroom.store import StoreFailed, StoreTooNew
from strongroom.store.migrations import MIGRATIONS, Migration, migrate
from strongroom.store.reader import Session
from strongroom.store.seals import Tags
from strongroom.store.sqlite import SqliteStore
from strongroom.store.sqlite.connection import Connection
from strongroom.store.sqlite.store import DIALECT
from tests.conformance.store.samples import VAULT, announce, event, put, secret


def tagger(purpose: str, message: bytes) -> bytes:
    """Make tags under a key of zeros."""
    return hmac.digest(bytes(32), purpose.encode() + b"\0" + message, "sha256")


async def _nothing(_session: Session, _tags: Tags) -> None:
    return


async def _stumble(session: Session, tags: Tags) -> None:
    await session.fetch(MIGRATED_BADLY)
    del tags


MIGRATED_BADLY = type("Statement", (), {"name": "bad", "sql": "SELECT * FROM nowhere"})()

ONE = Migration(1, "one", ("CREATE TABLE first (a {integer})",), _nothing)
TWO = Migration(2, "two", ("CREATE TABLE second (a {text})", "INSERT INTO second VALUES ('x')"))
BROKEN_SQL = Migration(2, "two", ("CREATE TABLE second (a {text})", "INSERT INTO nowhere VALUES (1)"))
BROKEN_STEP = Migration(2, "two", ("CREATE TABLE second (a {text})",), _stumble)


@asynccontextmanager
async def database(path: Path) -> AsyncIterator[Connection]:
    """Open a bare database."""
    connection = Connection(str(path), deadline_s=5, monotonic=time.monotonic)
    try:
        yield connection
    finally:
        connection.close()


async def bring_up(connection: Connection, *migrations: Migration) -> int:
    """Migrate with these."""
    return await migrate(connection, Tags(tagger), DIALECT, connection.writing, migrations)


def tables(connection: Connection) -> set[str]:
    """Name the tables there are."""
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_migrations_are_done_once_each_and_in_order(tmp_path: Path) -> None:
    """A database of the first version gets the second only; one that has both gets none."""

    async def scenario() -> None:
        async with database(tmp_path / "a.db") as connection:
            assert await bring_up(connection, ONE) == 1
            assert await bring_up(connection, ONE, TWO) == 2
            assert await bring_up(connection, ONE, TWO) == 2
            assert connection.execute("SELECT a FROM second") == [("x",)]
            assert connection.execute("SELECT version, name FROM migrations") == [(1, "one"), (2, "two")]

    asyncio.run(scenario())


@pytest.mark.parametrize("broken", [BROKEN_SQL, BROKEN_STEP], ids=["statement", "step"])
def test_a_migration_that_fails_has_not_begun(tmp_path: Path, broken: Migration) -> None:
    """PIT: "a half-applied migration": its tables are not there, the ones before are, and it can be tried again."""

    async def scenario() -> None:
        async with database(tmp_path / "a.db") as connection:
            with pytest.raises(StoreFailed, match="nowhere"):
                await bring_up(connection, ONE, broken)
            assert tables(connection) == {"migrations", "first"}
            assert await bring_up(connection, ONE, TWO) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("known", [(ONE,), (ONE, Migration(2, "another two", ()))], ids=["unknown", "different"])
def test_a_database_of_a_newer_program_is_refused(tmp_path: Path, known: tuple[Migration, ...]) -> None:
    """The message says what it has seen and what to do, and nothing is changed."""

    async def scenario() -> None:
        async with database(tmp_path / "a.db") as connection:
            await bring_up(connection, ONE, TWO)
            with pytest.raises(StoreTooNew, match=r"version 2 \(two\).*newer Strongroom"):
                await bring_up(connection, *known)
            assert connection.execute("SELECT a FROM second") == [("x",)]

    asyncio.run(scenario())


def test_a_store_does_not_open_a_newer_database(tmp_path: Path) -> None:
    """And leaves it as it is."""

    async def scenario() -> None:
        await (await SqliteStore.open(tmp_path / "a.db", tagger)).close()
        async with database(tmp_path / "a.db") as connection:
            connection.execute("INSERT INTO migrations VALUES (?, 'of the future')", (len(MIGRATIONS) + 1,))
        with pytest.raises(StoreTooNew, match="of the future"):
            await SqliteStore.open(tmp_path / "a.db", tagger)

    asyncio.run(scenario())


def old_database(path: Path, version: int = 1) -> Path:
    """Make a database as a released schema had it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / f"schema_{version}.sql").read_text())
    return path


def test_a_database_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """
    PIT: "Every released schema is kept as a fixture and migrated in a test".

    Every row still carries the tag it was written with, reads as it did, and takes what the new columns hold.
    """

    async def scenario() -> None:
        store = await SqliteStore.open(old_database(tmp_path / "a.db"), tagger)
        assert await store.verify() == []
        assert await store.object(VAULT, Collection.SECRETS, "active") == secret("Active", 2)[0]
        assert await store.object(VAULT, Collection.SECRETS, "gone") == secret("gone", deleted=5, purge_at=9)[0]
        assert [entry for _, entry in await store.outbox(limit=9)] == [b"one", b"two"]
        due = replace(secret("Active", 2)[0], policy=b"policy", due_at=7)
        await put(store, due)
        assert await store.due_objects(7, limit=9) == [due]
        assert await store.verify() == []
        await store.close()

    asyncio.run(scenario())


def test_a_database_of_the_second_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its objects with policies read as they did, and events are recorded in it."""

    async def scenario() -> None:
        store = await SqliteStore.open(old_database(tmp_path / "a.db", 2), tagger)
        assert await store.verify() == []
        assert await store.due_objects(7, limit=9) == [replace(secret("Active", 2)[0], policy=b"policy", due_at=7)]
        assert [entry for _, entry in await store.outbox(limit=9)] == [b"one", b"two"]
        store.route(lambda _: [Addressee("hook", VAULT)])
        await announce(store, event())
        assert [one.event for one in await store.due_deliveries("hook", 100, limit=9)] == [event()]
        assert await store.verify() == []
        await store.close()

    asyncio.run(scenario())


def test_who_only_looks_refuses_an_older_database(tmp_path: Path) -> None:
    """A check beside the service migrates nothing under it: the file stays as it is."""

    async def scenario() -> None:
        path = old_database(tmp_path / "a.db")
        before = path.read_bytes()
        with pytest.raises(StoreFailed, match="an older Strongroom wrote the data file"):
            await SqliteStore.open(path, tagger, looks_only=True)
        assert path.read_bytes() == before

    asyncio.run(scenario())


def test_two_programs_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    """The version is read inside the transaction that changes it."""

    async def scenario() -> None:
        stores = await asyncio.gather(*(asyncio.to_thread(_open, tmp_path / "a.db") for _ in range(4)))
        assert stores == [[]] * 4

    asyncio.run(scenario())


def _open(path: Path) -> list[str]:
    async def scenario() -> list[str]:
        store = await SqliteStore.open(path, tagger)
        faults = await store.verify()
        await store.close()
        return faults

    return asyncio.run(scenario())


def test_versions_count_from_one_without_a_gap() -> None:
    """The number of migrations done is the version of the database."""
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
