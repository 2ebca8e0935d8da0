"""
The one place where SQLite is written: who waits for whom, and when a COMMIT waits for the disk on the event loop.

    nobody is writing, first this turn of the loop ──> COMMIT on the loop, if the disk is known to be fast
    nobody is writing, not the first ──> one turn, for others to join ──> still alone: as above
                                                                     └──> others came: queue
    somebody is writing ──> queue ──> a group: one transaction, a savepoint per change ──> COMMIT in a thread

So a lone writer pays for nothing but its own write, readers wait for at most one fast COMMIT in a turn of the loop, a
slow disk holds nobody up, and many writers share each durable write.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import apsw

from strongroom.core.changes import Change
from strongroom.store.group import Group, Known
from strongroom.store.protocol import Committed, Router, StoreClosed, StoreTimeout
from strongroom.store.seals import Root, Tags
from strongroom.store.sqlite.connection import Connection, drive
from strongroom.store.transaction import SqlTransaction

T = TypeVar("T")

DIRECT_S = 0.002
"""A lone COMMIT runs on the event loop while recent ones took less than this."""
GROUP_CHANGES = 128
GROUP_S = 0.010
"""How many changes, and how much time on the event loop, one group may take before its COMMIT."""
CHECKPOINT_PAGES = 4000
"""The log is written back into the database when it has grown by this many pages (16 MB)."""

ChangeOf = Callable[[SqlTransaction], Awaitable[T]]
AuditOf = Callable[[T], Sequence[bytes]] | None

_log = logging.getLogger(__name__)


class _Waiter(Generic[T]):
    """A commit that waits for its turn, or for its group's durable write."""

    __slots__ = ("audit", "change", "context", "future")

    def __init__(self, change: ChangeOf[T], audit: AuditOf[T]) -> None:
        self.change = change
        self.audit = audit
        self.context = contextvars.copy_context()
        """The change runs in the task of the group, but in the context of the one who asked for it."""
        self.future: asyncio.Future[Committed[T]] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        """Answer with an error, unless nobody waits any more."""
        if self.future.done():
            return
        if isinstance(error, asyncio.CancelledError):
            self.future.cancel()
        else:
            self.future.set_exception(error)


class Writer:
    """Commits changes on one connection, alone or in groups."""

    def __init__(
        self,
        connection: Connection,
        tags: Tags,
        root: Root,
        *,
        threads: bool,
        deadline_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self.subscribers: list[Callable[[Sequence[Change]], None]] = []
        self.router: Router | None = None
        """Who says which subscriptions are told of the events of a change."""
        self.audited = root.audited
        """How far the journal has come; the next commit writes it down."""
        self.closed = False
        self._connection = connection
        self._tags = tags
        self._known = Known(root)
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="store-commit") if threads else None
        # A disk is slow until it has been seen to be fast.
        self._commit_s = math.inf if threads else 0.0
        self._queue: deque[_Waiter[Any]] = deque()
        self._writing = False
        self._turn_taken = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._log_pages = 0
        self._log_pages_written_back = 0
        connection.raw.set_wal_hook(self._note_log_pages)

    @property
    def root(self) -> Root:
        """What the last commit of this writer says of the whole."""
        return self._known.root

    async def commit(self, change: ChangeOf[T], audit: AuditOf[T] = None) -> Committed[T]:
        """Commit alone, or join the queue."""
        self.require_open()
        if self._writing:
            waiter = _Waiter(change, audit)
            self._queue.append(waiter)
            return await self._answer(waiter)
        self._writing = True
        try:
            if self._turn_taken:
                await asyncio.sleep(0)
                self.require_open()
            if self._commit_s < DIRECT_S and not self._queue:
                self._take_turn()
                return self._write_alone(change, audit)
            waiter = _Waiter(change, audit)
            self._queue.appendleft(waiter)
        finally:
            self._pass_on()
        return await self._answer(waiter)

    async def _answer(self, waiter: _Waiter[T]) -> Committed[T]:
        """Wait for the group's answer, but not for ever. Whoever stops waiting is passed over if not yet begun."""
        deadline = asyncio.timeout(self._deadline_s)
        try:
            async with deadline:
                return await waiter.future
        except TimeoutError:
            if not deadline.expired():
                raise
            raise StoreTimeout("the commit did not finish by its deadline") from None

    def _take_turn(self) -> None:
        """Have whoever commits in the rest of this turn of the loop let others join first."""
        self._turn_taken = True
        asyncio.get_running_loop().call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        self._turn_taken = False

    def _pass_on(self) -> None:
        """Have the queue written if there is one, and the log back if it is long; else nobody is writing now."""
        if self._queue or (self._is_log_long() and not self.closed):
            self._idle.clear()
            self._task = asyncio.get_running_loop().create_task(self._write_queue())
        else:
            self._writing = False
            self._idle.set()

    # ---- alone -------------------------------------------------------------------------------------------------------

    def _write_alone(self, change: ChangeOf[T], audit: AuditOf[T]) -> Committed[T]:
        """Run one change and make it durable, all in one step of the event loop."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            group, committed = drive(self._apply_alone(change, audit))
            if group.wrote:
                self._make_durable()
                group.publish()
        finally:
            connection.rollback()
        self._tell(committed)
        return committed

    async def _apply_alone(self, change: ChangeOf[T], audit: AuditOf[T]) -> tuple[Group, Committed[T]]:
        group = await Group.begin(self._connection, self._tags, self._known)
        group.router = self.router
        committed = await group.apply(change, audit)
        await group.finish(self.audited)
        return group, committed

    # ---- in groups ---------------------------------------------------------------------------------------------------

    async def _write_queue(self) -> None:
        """Write group after group until the queue is empty, and the log back when it is long."""
        try:
            while not self._stopping and (self._queue or self._is_log_long()):
                if self._is_log_long():
                    await self._in_thread(self._write_log_back)
                if self._queue:
                    await self._write_group()
        finally:
            # Nothing is left here unless this task was cancelled, as happens when the event loop ends.
            while self._queue:
                self._queue.popleft().future.cancel()
            self._writing = False
            self._idle.set()

    async def _write_group(self) -> None:
        """Run the changes that wait as one transaction, and answer each of them."""
        begun = [self._queue.popleft()]
        try:
            accepted = await self._commit_group(begun)
        except BaseException as error:
            # Whatever it was, everyone in the group is told, and nothing of it is left for the next group.
            for waiter in begun:
                waiter.fail(error)
            self._connection.rollback()
            if not isinstance(error, Exception):
                raise
            return
        for waiter, committed in accepted:
            try:
                self._tell(committed)
            except Exception as error:  # noqa: BLE001  a subscriber's fault is the answer to whose change it was
                waiter.fail(error)
            if not waiter.future.done():
                waiter.future.set_result(committed)
        if len(accepted) > 1:
            # They go on together, so their next commits will come together: let these join into a group again.
            self._take_turn()

    async def _commit_group(self, begun: list[_Waiter[Any]]) -> list[tuple[_Waiter[Any], Committed[Any]]]:
        """Run the changes of one group and make them durable; those that were accepted."""
        accepted: list[tuple[_Waiter[Any], Committed[Any]]] = []
        self._connection.execute("BEGIN IMMEDIATE")
        group = drive(Group.begin(self._connection, self._tags, self._known))
        group.router = self.router
        until = self._monotonic() + GROUP_S
        for waiter in begun:
            if not waiter.future.done() and (committed := self._try(group, waiter)) is not None:
                accepted.append((waiter, committed))
                if committed.alters_records:
                    # The next change may rest on what this one takes away, and subscribers hear of it after the COMMIT.
                    break
            if self._queue and len(begun) < GROUP_CHANGES and self._monotonic() < until:
                begun.append(self._queue.popleft())
        if group.wrote:
            drive(group.finish(self.audited))
            await self._in_thread(self._make_durable)
            group.publish()
        self._connection.rollback()
        return accepted

    def _try(self, group: Group, waiter: _Waiter[T]) -> Committed[T] | None:
        """Run one change of a group; if it raises, undo it alone and say so to its committer alone."""
        self._connection.execute("SAVEPOINT change")
        try:
            committed = waiter.context.run(drive, group.apply(waiter.change, waiter.audit))
        except (Exception, asyncio.CancelledError) as error:
            if not self._connection.in_transaction:
                # After a full disk, an I/O error or a deadline in the middle of a write, SQLite has undone everything.
                raise
            self._connection.execute("ROLLBACK TO change")
            self._connection.execute("RELEASE change")
            waiter.fail(error)
            return None
        self._connection.execute("RELEASE change")
        return committed

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """
        Run *work* on the connection where it may wait for the disk, and come back when it is done, no sooner.

        If this task is cancelled meanwhile, the group is still finished and answered: it may be durable already.
        """
        if self._threads is None:
            work()
            return
        done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        while not done.done():
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                self._stopping = True
        done.result()

    # ---- the disk ----------------------------------------------------------------------------------------------------

    def _make_durable(self) -> None:
        """COMMIT, and learn how fast the disk is."""
        began = self._monotonic()
        self._connection.execute("COMMIT")
        took = self._monotonic() - began
        self._commit_s = took if math.isinf(self._commit_s) else 0.8 * self._commit_s + 0.2 * took

    def _note_log_pages(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        """Hear how long the log is after a COMMIT. Once all is written back, it starts at the front again."""
        if pages < self._log_pages:
            self._log_pages_written_back = 0
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _is_log_long(self) -> bool:
        return self._log_pages - self._log_pages_written_back >= CHECKPOINT_PAGES

    def _write_log_back(self) -> None:
        """Copy the log into the database. If the disk refuses, the log still holds everything; tried again later."""
        self._log_pages_written_back = self._log_pages
        try:
            self._connection.raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            _log.exception("the write-ahead log could not be written back, and goes on growing")

    # ---- subscribers, and the end ------------------------------------------------------------------------------------

    def _tell(self, committed: Committed[Any]) -> None:
        """
        Tell every subscriber of one commit's changes.

        Raises:
            Exception: the first that a subscriber raised, once all of them were told: the commit is durable, but who
                made it must not go on as if everyone had followed.
        """
        fault: Exception | None = None
        for subscriber in self.subscribers if committed.changes else ():
            try:
                subscriber(committed.changes)
            except Exception as error:  # noqa: BLE001  raised below
                fault = fault or error
        if fault is not None:
            raise fault

    def require_open(self) -> None:
        """
        Refuse a store that was closed.

        Raises:
            StoreClosed: it was.
        """
        if self.closed:
            raise StoreClosed("the store is closed")

    async def close(self) -> None:
        """Refuse the commits that have not begun, wait for those that have, and write down how far the journal is."""
        self.closed = True
        while self._queue:
            self._queue.popleft().fail(StoreClosed("the store was closed before the commit began"))
        await self._idle.wait()
        try:
            if self.audited > self._known.root.audited:
                async with self._connection.writing():
                    group = await Group.begin(self._connection, self._tags, self._known)
                    group.note_audited()
                    await group.finish(self.audited)
        finally:
            if self._threads is not None:
                self._threads.shutdown()
