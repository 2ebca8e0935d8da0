"""The Store protocol on SQLite: one connection reads, one writes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from strongroom.core.changes import Change
from strongroom.store.feed import FeedReader
from strongroom.store.migrations import Dialect, migrate, require_current
from strongroom.store.protocol import ChangeFunction, Committed, Router, StoreFailed, Tagger
from strongroom.store.seals import Root, Tags
from strongroom.store.sqlite.connection import MEMORY, Connection, drive, keep_log, prepare_file
from strongroom.store.sqlite.writer import Writer
from strongroom.store.transaction import SqlTransaction
from strongroom.store.verification import find_faults, require_unbroken

T = TypeVar("T")

DEADLINE_S = 5.0
"""How long one statement may take, and how long a commit may wait for its turn and its durable write."""

DIALECT = Dialect(integer="INTEGER", text="TEXT", octets="BLOB", table="STRICT", clustered="STRICT, WITHOUT ROWID")


class SqliteStore(FeedReader):
    """
    A Store on one SQLite file, or in memory.

    In memory there is one connection, since two would not see the same database, and every COMMIT is on the event loop,
    since none waits for a disk. Nothing else differs.
    """

    def __init__(
        self,
        reader: Connection,
        writer: Connection,
        tags: Tags,
        root: Root,
        *,
        path: Path | None,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        deadline_s: float,
    ) -> None:
        super().__init__(reader, tags)
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._connections = (reader, writer)
        self._writer = Writer(writer, tags, root, threads=path is not None, deadline_s=deadline_s, monotonic=monotonic)
        self._leases: dict[str, str] = {}
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        path: Path | None,
        tagger: Tagger,
        clock: Callable[[], float] = time.time,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        deadline_s: float = DEADLINE_S,
        looks_only: bool = False,
    ) -> SqliteStore:
        """
        Open a database, make or migrate it if need be, and check that it is unbroken. `path=None` keeps it in memory.

        With *looks_only* nothing is made, migrated or written, not even the file's mode, and one that would have to be
        is refused.

        Raises:
            Tampered: the latest commit, a seal, or a commit that the journal may lack is missing or altered.
            StoreTooNew: a newer program has migrated it.
            StoreFailed: the file cannot be read or written, or is no database.
        """
        tags = Tags(tagger)
        opened: list[Connection] = []

        def connect(name: str) -> Connection:
            opened.append(Connection(name, deadline_s=deadline_s, monotonic=monotonic, makes=not looks_only))
            return opened[-1]

        try:
            if path is None:
                reader = writer = connect(MEMORY)
            elif looks_only:
                reader = writer = connect(str(path))
                reader.execute("PRAGMA query_only = ON")
            else:
                prepare_file(path)
                writer = connect(str(path))
                keep_log(writer)
                reader = connect(str(path))
            if looks_only:
                await require_current(reader)
            else:
                await migrate(writer, tags, DIALECT, writer.writing)
            root = await require_unbroken(reader, tags)
        except BaseException:
            for connection in opened:
                connection.close()
            raise
        return cls(reader, writer, tags, root, path=path, clock=clock, monotonic=monotonic, deadline_s=deadline_s)

    async def commit(
        self,
        change: ChangeFunction[T],
        *,
        audit: Callable[[T], Sequence[bytes]] | None = None,
        lease: str | None = None,
    ) -> Committed[T]:
        """Run *change* in a transaction and make it durable together with its audit entries."""
        if lease is None:
            return await self._writer.commit(change, audit)

        async def change_under_lease(transaction: SqlTransaction) -> T:
            await transaction.require_lease(lease, self._leases.get(lease), int(self._clock()))
            return await change(transaction)

        return await self._writer.commit(change_under_lease, audit)

    def route(self, router: Router) -> None:
        """Have *router* asked who is to be told of the events of every later change; before, nobody is."""
        self._writer.router = router

    def subscribe(self, subscriber: Callable[[Sequence[Change]], None]) -> None:
        """Have *subscriber* called with the changes of every later commit, in order."""
        self._writer.subscribers.append(subscriber)

    async def outbox(self, *, limit: int) -> list[tuple[int, bytes]]:
        """Read audit entries that were committed and not yet marked `audited`, in order of commit."""
        return await self.outbox_after(self._writer.audited, limit=limit)

    async def audited(self, through: int) -> None:
        """Forget outbox entries. It costs no durable write of its own: the next commit takes it along, or `close`."""
        self._writer.require_open()
        if through > self._writer.root.last_entry:
            # A journal that is ahead of the store belongs to another copy of it: entries to come must not count as
            # kept.
            msg = f"there is no outbox entry {through} yet"
            raise ValueError(msg)
        self._writer.audited = max(self._writer.audited, through)

    async def acquire_lease(self, name: str, holder: str, *, now: int, lifetime_s: int) -> bool:
        """Take or renew a lease; False while another holder's runs."""

        async def take(transaction: SqlTransaction) -> bool:
            return await transaction.take_lease(name, holder, now=now, lifetime_s=lifetime_s)

        taken = (await self._writer.commit(take)).result
        if taken:
            self._leases[name] = holder
        elif self._leases.get(name) == holder:
            del self._leases[name]
        return taken

    async def verify(self) -> list[str]:
        """Check the file's own structure, then every tag, count and digest; a sentence for each thing that is wrong."""
        self._writer.require_open()
        if self._path is None:
            return await self._verify_through(self._connections[0])
        # A connection and a thread of its own: it reads everything, and the service goes on meanwhile.
        return await asyncio.to_thread(self._verify_apart, str(self._path))

    def _verify_apart(self, path: str) -> list[str]:
        connection = Connection(path, deadline_s=math.inf, monotonic=self._monotonic)
        try:
            return drive(self._verify_through(connection))
        finally:
            connection.close()

    async def _verify_through(self, connection: Connection) -> list[str]:
        faults: list[str] = []
        try:
            faults += [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
            faults += await find_faults(connection, self._tags)
        except StoreFailed as error:
            faults.append(f"the database cannot be read to its end: {error}")
        return faults

    async def close(self) -> None:
        """Finish what was begun, refuse what comes after, and close the database."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await self._writer.close()
        finally:
            # The reader first: the last connection to close writes the log back into the database.
            for connection in dict.fromkeys(self._connections):
                connection.close()
