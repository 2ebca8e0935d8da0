"""
What the suite needs of a database besides the protocol: to be opened, and to be mistreated.

A backend joins by deriving from `Backend` and standing in `BACKENDS`. Nothing in the tests names a database.
"""

from __future__ import annotations

import hmac
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import apsw

from strongroom.store import Store
from strongroom.store.sqlite import SqliteStore

KEY = bytes(range(32))
Row = tuple[Any, ...]


def tagger(purpose: str, message: bytes) -> bytes:
    """Make tags under a fixed key, so that a database can be opened again."""
    return hmac.digest(KEY, purpose.encode() + b"\0" + message, "sha256")


def other_tagger(purpose: str, message: bytes) -> bytes:
    """Make tags under another root key."""
    return hmac.digest(bytes(32), purpose.encode() + b"\0" + message, "sha256")


class Clock:
    """Both clocks of a store: one that tells the time, and one that only goes forward, which can be made to race."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.racing = False
        self._monotonic = 0.0

    def time(self) -> float:
        """Tell the time."""
        return self.now

    def monotonic(self) -> float:
        """Go forward: hardly, or by far more than any deadline with every look."""
        self._monotonic += 1000.0 if self.racing else 1e-6
        return self._monotonic


class Hold:
    """A durable write that hangs."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._let_go = threading.Event()

    def hang(self) -> bool:
        """Say that the write has come here, and wait; False, so that it then goes on."""
        self._reached.set()
        if not self._let_go.wait(60):
            msg = "nobody let the held COMMIT go"
            raise AssertionError(msg)
        return False

    def reached(self) -> bool:
        """Whether the write has come to where it hangs."""
        return self._reached.is_set()

    def let_go(self) -> None:
        """Let it, and every later one, go on."""
        self._let_go.set()


class Backend(ABC):
    """One database, which can be opened several times, one after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()

    @abstractmethod
    def open(self, **options: Any) -> AbstractAsyncContextManager[Store]:
        """Open the database; it is closed at the end of the block."""

    @abstractmethod
    def sql(self, store: Store, text: str, *parameters: Any) -> list[Row]:
        """Run a statement behind the store's back, as somebody with the file or the database's password could."""

    @abstractmethod
    def fail_commits(self, store: Store) -> AbstractContextManager[None]:
        """Have every durable write fail until the end of the block."""

    @abstractmethod
    def fill_disk(self, store: Store) -> AbstractContextManager[None]:
        """Have the database unable to grow until the end of the block."""

    @abstractmethod
    def forbid_writing(self, store: Store) -> AbstractContextManager[None]:
        """Have the database refuse every write until the end of the block."""

    @abstractmethod
    def hold_commits(self, store: Store) -> AbstractContextManager[Hold]:
        """Have the next durable write hang until it is let go."""

    @abstractmethod
    def be_patient(self, store: Store) -> None:
        """Have changes from now on be waited for, however short a deadline the store was opened with."""


class Sqlite(Backend):
    """SQLite in memory: it is gone when it is closed."""

    path: Path | None = None

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Store]:
        """Open it with this backend's clocks."""
        settings: dict[str, Any] = {"monotonic": self.clock.monotonic, "tagger": tagger, **options}
        store = await SqliteStore.open(self.path, settings.pop("tagger"), self.clock.time, **settings)
        try:
            yield store
        finally:
            await store.close()

    def sql(self, store: Store, text: str, *parameters: Any) -> list[Row]:
        """Go through the store's own connection: no other sees the same memory."""
        return self._raw(store).execute(text, parameters).fetchall()

    @staticmethod
    def _raw(store: Store) -> apsw.Connection:
        assert isinstance(store, SqliteStore)
        return store._connections[1].raw

    @contextmanager
    def fail_commits(self, store: Store) -> Iterator[None]:
        """Refuse in the hook that SQLite asks before each COMMIT."""
        self._raw(store).set_commit_hook(lambda: True)
        try:
            yield
        finally:
            self._raw(store).set_commit_hook(None)

    @contextmanager
    def fill_disk(self, store: Store) -> Iterator[None]:
        """Forbid more pages than there are."""
        raw = self._raw(store)
        raw.execute("PRAGMA max_page_count = 1").fetchall()
        try:
            yield
        finally:
            raw.execute("PRAGMA max_page_count = 1000000").fetchall()

    @contextmanager
    def forbid_writing(self, store: Store) -> Iterator[None]:
        """Let the connection only read."""
        self._raw(store).execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            self._raw(store).execute("PRAGMA query_only = OFF")

    @contextmanager
    def hold_commits(self, store: Store) -> Iterator[Hold]:
        """Hang in the hook that SQLite asks before each COMMIT, which for this must not be on the event loop."""
        assert isinstance(store, SqliteStore)
        hold = Hold()
        raw = self._raw(store)
        store._writer._commit_s = math.inf
        raw.set_commit_hook(hold.hang)
        try:
            yield hold
        finally:
            hold.let_go()

    def be_patient(self, store: Store) -> None:
        """Give the writer another deadline."""
        assert isinstance(store, SqliteStore)
        store._writer._deadline_s = 60.0


class SqliteFile(Sqlite):
    """SQLite in a file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.path = directory / "store.db"

    def sql(self, store: Store, text: str, *parameters: Any) -> list[Row]:
        """Go through a connection of one's own, as another process would."""
        connection = apsw.Connection(str(self.path))
        try:
            connection.set_busy_timeout(5000)
            return connection.execute(text, parameters).fetchall()
        finally:
            connection.close()


BACKENDS: dict[str, type[Backend]] = {"sqlite-memory": Sqlite, "sqlite-file": SqliteFile}
LASTING = [name for name in BACKENDS if name != "sqlite-memory"]
"""The backends whose rows outlive `close` and whose durable writes happen off the event loop."""
