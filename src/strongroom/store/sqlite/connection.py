"""One connection to an SQLite file: statements with deadlines, and what its errors mean to the layers above."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import apsw

from strongroom.store.protocol import StoreClosed, StoreFailed, StoreTimeout
from strongroom.store.statements import Row, Statement

T = TypeVar("T")

MEMORY = ":memory:"
BUSY_S = 1.0
"""How long a statement waits for another process that holds the database, such as a backup."""
INSTRUCTIONS_PER_LOOK = 10_000
"""How often a long statement looks at its deadline; about every millisecond."""

_OPENS = apsw.SQLITE_OPEN_READWRITE
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    # On Apple's systems fsync alone does not reach the medium.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
)


def translated(error: apsw.Error) -> Exception:
    """Say what an error of the database means. Its own text names tables and files, never values."""
    if isinstance(error, apsw.InterruptError):
        return StoreTimeout("a statement did not finish by its deadline")
    if isinstance(error, apsw.BusyError):
        return StoreTimeout("another process holds the database")
    if isinstance(error, apsw.ConnectionClosedError | apsw.CursorClosedError):
        return StoreClosed("the store is closed")
    return StoreFailed(f"{type(error).__name__}: {error}")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine that never waits.

    Raises:
        RuntimeError: it did wait: a change awaits nothing but its transaction.
    """
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    coroutine.close()
    msg = "a change awaits nothing but its transaction"
    raise RuntimeError(msg)


class Connection:
    """One connection: a `Session` whose statements run at once, in the thread that asks."""

    def __init__(
        self, path: str, *, deadline_s: float, monotonic: Callable[[], float], makes: bool = True
    ) -> None:  # fmt: skip
        """Open a file; one that is not there is made if this connection *makes* it."""
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._deadline = math.inf
        try:
            self.raw = apsw.Connection(path, flags=_OPENS | (apsw.SQLITE_OPEN_CREATE if makes else 0))
            self.raw.set_busy_timeout(int(BUSY_S * 1000))
            self.raw.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            for pragma in _PRAGMAS:
                self.raw.execute(pragma)
            self._cursor = self.raw.cursor()
        except apsw.Error as error:
            raise translated(error) from error
        self.raw.set_progress_handler(self._is_late, INSTRUCTIONS_PER_LOOK)

    def _is_late(self) -> bool:
        return self._monotonic() > self._deadline

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        self._deadline = self._monotonic() + self._deadline_s
        try:
            return self._cursor.execute(sql, parameters).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    async def fetch(self, statement: Statement, /, *parameters: object) -> list[Row]:
        """Run a query and return its rows."""
        return self.execute(statement.sql, parameters)

    async def run(self, statement: Statement, /, *parameters: object) -> int:
        """Run a change and return the number of rows it changed."""
        self._deadline = self._monotonic() + self._deadline_s
        try:
            self._cursor.execute(statement.sql, parameters)
        except apsw.Error as error:
            raise translated(error) from error
        return self.raw.changes()

    def stamp(self) -> int:
        """Return the version of the data that this connection sees: it changes with every COMMIT of any connection."""
        return self.raw.data_version()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open. SQLite ends it by itself after a full disk or an I/O error, undoing it."""
        try:
            return self.raw.in_transaction
        except apsw.Error as error:
            raise translated(error) from error

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Have every query until the end of the block see the same state."""
        return nullcontext() if self.in_transaction else self._still()

    @asynccontextmanager
    async def _still(self) -> AsyncIterator[None]:
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.rollback()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Run a block as one transaction for writing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        finally:
            self.rollback()

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; the last one writes the log back."""
        try:
            self.raw.close()
        except apsw.Error as error:
            raise translated(error) from error


def prepare_file(path: Path) -> None:
    """
    Make the database's file for its owner alone, durably, or see that an existing one is.

    SQLite gives the log beside it the same mode. An existing file is not opened here: closing it would take away the
    locks that another connection of this process holds on it.

    Raises:
        StoreFailed: it cannot be made, or its mode cannot be set.
    """
    try:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            path.chmod(0o600)
            return
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreFailed(f"the data file {path} cannot be prepared: {error.strerror}") from error


def keep_log(connection: Connection) -> None:
    """
    Have an SQLite file keep a write-ahead log.

    Raises:
        StoreFailed: its file system cannot share memory between processes, as the log needs.
    """
    if connection.execute("PRAGMA journal_mode = WAL") != [("wal",)]:
        raise StoreFailed("the file system of the data file does not support a write-ahead log")
