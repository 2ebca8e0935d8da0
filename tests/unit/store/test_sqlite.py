"""What is true of SQLite alone: its file, its settings, and where a COMMIT waits for the disk."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import os
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from strongroom.core.identity import User
from strongroom.core.objects import Collection
from strongroom.store import StoreFailed, StoreTimeout, statements
from strongroom.store.sqlite import SqliteStore, writer
from tests.conformance.store.samples import VAULT, put, secret, user, users


def tagger(purpose: str, message: bytes) -> bytes:
    """Make tags under a key of zeros."""
    return hmac.digest(bytes(32), purpose.encode() + b"\0" + message, "sha256")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store for the length of a block."""
    store = await SqliteStore.open(path, tagger)
    try:
        yield store
    finally:
        await store.close()


def _modes(directory: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


def test_the_files_are_the_owners_alone(tmp_path: Path) -> None:
    """PIT: "data files readable by others": whatever the umask, and whatever the mode was before."""

    async def scenario() -> None:
        old = os.umask(0)
        try:
            async with opened(tmp_path / "a.db") as store:
                await put(store, user(1))
                assert _modes(tmp_path) == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
        finally:
            os.umask(old)
        (tmp_path / "a.db").chmod(0o644)
        async with opened(tmp_path / "a.db"):
            assert _modes(tmp_path)["a.db"] == 0o600

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("foreign_keys", 1), ("trusted_schema", 0)],
)
def test_both_connections_are_set_for_safety(tmp_path: Path, pragma: str, value: object) -> None:
    """A COMMIT is on the medium, what was removed is overwritten, and a schema from outside has no powers."""

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            for connection in store._connections:
                assert connection.execute(f"PRAGMA {pragma}") == [(value,)]

    asyncio.run(scenario())


def test_a_removed_secret_is_not_left_in_the_file(tmp_path: Path) -> None:
    """SEC-BOOT-12: "SQLite `secure_delete`": the sealed value is overwritten, not only forgotten."""

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            await put(store, *secret("canary-4711"))
        assert b"sealed canary-4711" in (tmp_path / "a.db").read_bytes()
        async with opened(tmp_path / "a.db") as store:
            await store.commit(lambda tx: tx.remove_object(VAULT, Collection.SECRETS, "canary-4711"))
        assert b"sealed canary-4711" not in (tmp_path / "a.db").read_bytes()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but long enough to look at" * 20, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """And left as it is."""
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreFailed):
        asyncio.run(SqliteStore.open(path, tagger))
    assert path.read_bytes() == content


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The message names the file and the reason."""
    with pytest.raises(StoreFailed, match=r"a\.db cannot be prepared: No such file"):
        asyncio.run(SqliteStore.open(tmp_path / "none" / "a.db", tagger))


def test_damage_below_the_rows_is_found(tmp_path: Path) -> None:
    """Pages overwritten with rubbish are told by `verify`."""
    path = tmp_path / "a.db"

    async def fill() -> None:
        async with opened(path) as store:
            for number in range(300):
                await put(store, *secret(f"name-{number}"))

    async def look() -> list[str]:
        async with opened(path) as store:
            return await store.verify()

    asyncio.run(fill())
    content = bytearray(path.read_bytes())
    content[40 * 4096 : 50 * 4096] = os.urandom(10 * 4096)
    path.write_bytes(content)
    assert asyncio.run(look()) != []


def test_another_process_that_holds_the_database_is_waited_for_only_so_long(tmp_path: Path) -> None:
    """A commit then says that the time is over, and the store goes on when the other lets go."""

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store, opened(tmp_path / "a.db") as other:
            store._connections[1].raw.set_busy_timeout(10)
            other._connections[1].execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreTimeout, match="another process"):
                await put(store, user(1))
            other._connections[1].rollback()
            await put(store, user(1))
            assert await users(other) == ["user-00001"]

    asyncio.run(scenario())


def test_two_stores_on_one_file_follow_each_other(tmp_path: Path) -> None:
    """What the one remembers of seals is not believed once the other has committed."""

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as one, opened(tmp_path / "a.db") as other:
            for number in range(6):
                await put((one, other)[number % 2], user(number), *secret(f"s{number}"), entries=(b"x",))
            assert await users(one) == await users(other) == [f"user-{number:05}" for number in range(6)]
            assert [number for number, _ in await one.outbox(limit=9)] == [1, 2, 3, 4, 5, 6]
            assert await one.verify() == []

    asyncio.run(scenario())


# ---- where a COMMIT waits --------------------------------------------------------------------------------------------


async def _threads_of(store: SqliteStore, commits: int) -> list[bool]:
    """Commit one after the other, each in a turn of its own, and say which COMMITs were on the event loop."""
    on_loop: list[bool] = []
    here = threading.get_ident()

    def note() -> bool:
        on_loop.append(threading.get_ident() == here)
        return False

    store._connections[1].raw.set_commit_hook(note)
    for number in range(commits):
        await asyncio.sleep(0)
        await put(store, user(number))
    return on_loop


def test_a_slow_disk_never_holds_up_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While COMMITs are slower than the limit, all of them wait in the thread."""
    monkeypatch.setattr(writer, "DIRECT_S", 0.0)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            assert await _threads_of(store, 5) == [False] * 5

    asyncio.run(scenario())


def test_a_lone_writer_on_a_fast_disk_pays_for_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the disk is known to be fast, COMMIT is where the committer is."""
    monkeypatch.setattr(writer, "DIRECT_S", math.inf)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            await put(store, user(99))
            assert await _threads_of(store, 5) == [True] * 5

    asyncio.run(scenario())


def test_many_committers_share_durable_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 commits at once take at most one on the loop and one group more than a full group needs."""
    monkeypatch.setattr(writer, "DIRECT_S", math.inf)
    monkeypatch.setattr(writer, "GROUP_S", math.inf)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            await put(store, user(999))
            done: list[int] = []

            def count() -> bool:
                done.append(1)
                return False

            store._connections[1].raw.set_commit_hook(count)
            await asyncio.gather(*(put(store, *secret(f"s{number}")) for number in range(100)))
            assert len(done) <= 3

    asyncio.run(scenario())


def test_a_writer_that_never_waits_leaves_turns_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that commits in a row does not starve the loop: others get a turn for at least every second commit."""
    monkeypatch.setattr(writer, "DIRECT_S", math.inf)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            await put(store, user(0))
            task = asyncio.create_task(other())
            for number in range(40):
                await put(store, user(number))
            task.cancel()
        assert turns >= 19

    asyncio.run(scenario())


# ---- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_is_written_back_and_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of commits leave a log of about the limit, for a lone writer and for many."""
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 50)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            for number in range(150):
                await put(store, *secret(f"lone-{number}"))
            for first in range(0, 300, 10):
                await asyncio.gather(*(put(store, *secret(f"group-{first + n}")) for n in range(10)))
            assert (tmp_path / "a.db-wal").stat().st_size < 300 * 4096
            assert await store.verify() == []

    asyncio.run(scenario())


def test_a_log_that_cannot_be_written_back_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads of it, and commits go on."""
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 5)

    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as store:
            monkeypatch.setattr(store._writer, "_connection", _Refusing(store._writer._connection))
            for number in range(20):
                await put(store, *secret(f"name-{number}"))
        async with opened(tmp_path / "a.db") as store:
            assert await store.verify() == []

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert "could not be written back" in caplog.text


class _Refusing:
    """A connection whose log cannot be written back."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.raw = self

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def wal_checkpoint(self, **_options: object) -> None:
        """Refuse."""
        raise apsw.FullError


# ---- the statements --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        (statements.OBJECTS, ("v", "secrets", "active", "", 26), "objects_by_state"),
        (statements.DUE_FOR_PURGE, (1, 10), "objects_due (purge_at"),
        (statements.DUE_OBJECTS, (1, 10), "objects_due_at (due_at"),
        (statements.VERSIONS, ("v", "secrets", "k", 0, 26), "versions_by_ordinal"),
        (statements.NAMES_OF, ("k", "p", "i"), "record_names_by_holder"),
        (statements.DUE_DELIVERIES, ("s", 1, 4), "deliveries_due (subscription=? AND due_at<?"),
        (statements.NEXT_DELIVERY, ("s",), "deliveries_due (subscription=?"),
        (statements.DEAD_DELIVERIES, ("s", 0, 0, 4), "deliveries_dead (subscription=?"),
        (statements.FIRST_READY, ("s", "p"), "deliveries_by_place (subscription=? AND place=? AND state=?"),
        (statements.FIRST_BEHIND, ("s", "p", 0, 0), "deliveries_by_place (subscription=? AND place=? AND state=?"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_listing_uses_its_index(statement: statements.Statement, parameters: tuple[object, ...], index: str) -> None:
    """It costs what it returns, not what the other half of a vault holds."""

    async def scenario() -> None:
        store = await SqliteStore.open(None, tagger)
        plan = store._connections[0].execute(f"EXPLAIN QUERY PLAN {statement.sql}", parameters)
        await store.close()
        steps = " ".join(str(row[-1]) for row in plan)
        assert index in steps
        assert "SCAN" not in steps
        assert "TEMP B-TREE FOR ORDER BY" not in steps

    asyncio.run(scenario())


def test_what_is_due_in_the_same_second_is_not_sorted() -> None:
    """Keys of a whole installation can have one expiry: a batch of them costs what it returns all the same."""

    async def scenario() -> None:
        store = await SqliteStore.open(None, tagger)
        plan = store._connections[0].execute(f"EXPLAIN QUERY PLAN {statements.DUE_OBJECTS.sql}", (1, 10))
        await store.close()
        assert "TEMP B-TREE" not in " ".join(str(row[-1]) for row in plan)

    asyncio.run(scenario())


def test_users_of_another_loop_are_not_mixed_up() -> None:
    """A store in memory is empty each time: two do not share anything."""

    async def scenario() -> None:
        one, other = await SqliteStore.open(None, tagger), await SqliteStore.open(None, tagger)
        await put(one, user(1))
        assert await other.records(User) == []
        await one.close()
        await other.close()

    asyncio.run(scenario())
