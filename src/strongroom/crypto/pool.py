"""
A bounded pool of threads for what takes long: RSA signatures, password hashes.

These release the interpreter's lock while they work, so threads give real parallelism; the bound keeps a burst of
sign-ins from taking the memory and the processors that everyone else's requests need (architecture 5.3). The threads
stay, and take jobs from a queue with nothing around it: the executors of the standard library take as long to hand over
a job and its result as a tenth of an RSA-2048 signature. Where many brief jobs wait, those who wait for the first ones
are told together (ADR 0024), since to wake the loop for each by itself takes longer than anything else around a job.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from weakref import WeakSet

from strongroom.core.errors import Throttled

T = TypeVar("T")

TOLD_TOGETHER = 8
"""How many brief jobs are done before those who wait for them are told, at most."""


class BoundedPool:
    """Some threads and a queue of limited length in front of them."""

    __slots__ = ("_line", "_retry_after_s")

    def __init__(self, name: str, *, threads: int, waiting: int, retry_after_s: int = 2) -> None:
        self._line = _Line(name, threads, threads + waiting)
        self._retry_after_s = retry_after_s

    async def run(self, work: Callable[[], T], *, is_brief: bool = False) -> T:
        """
        Run *work* on a thread and wait for it without blocking the loop.

        What takes a millisecond at most may be called brief: its end may be told a few brief jobs later, where more of
        them wait.

        Raises:
            Throttled: every thread is busy and the queue is full. Nothing was started.
            Whatever *work* raises.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        job = _Job(work, is_brief, loop, waiter)
        if not self._line.put(job):
            raise Throttled(
                "Too many requests of this kind are being worked on. Try again later.",
                reason="pool_full",
                headers=(("Retry-After", str(self._retry_after_s)),),
            )
        try:
            return await waiter
        except asyncio.CancelledError:
            # What has not begun need not begin any more.
            self._line.drop(job)
            raise
        finally:
            # A failure knows this frame, which must not know it too.
            del job, waiter

    def close(self) -> None:
        """Take no more work, drop what waits, and let what runs finish."""
        self._line.close()

    def __del__(self) -> None:
        """Let the threads go that nobody can give work any more."""
        # No more than this: it may be called in the middle of anything.
        self._line.jobs.put(None)


@dataclass(slots=True)
class _Job:
    """One piece of work and who waits for it. Whoever gets `turn` decides about it: a thread, or who drops it."""

    work: Callable[[], Any] | None = field(repr=False)
    is_brief: bool
    loop: asyncio.AbstractEventLoop
    waiter: asyncio.Future[Any]
    turn: threading.Lock = field(default_factory=threading.Lock)
    result: Any = field(default=None, repr=False)
    failure: BaseException | None = None

    def is_mine(self) -> bool:
        """Take it, if nobody has."""
        return self.turn.acquire(blocking=False)

    def do(self) -> None:
        """Work, and keep what came of it until it is told."""
        work, self.work = self.work, None
        try:
            if work is not None:
                self.result = work()
        except BaseException as failure:  # noqa: BLE001  it is whose waits
            self.failure = failure
            # The failure knows this frame, which must not know it too.
            del self, work

    def tell(self) -> None:
        """Tell who waits how it ended, on the loop's thread; who gave up is told nothing."""
        waiter = self.waiter
        if waiter.done():
            return
        if self.failure is not None:
            waiter.set_exception(self.failure)
        else:
            waiter.set_result(self.result)


def _tell_all(done: list[_Job]) -> None:
    """Tell those who wait for what is done, waking each loop once, and keep nothing of it."""
    jobs = done.copy()
    done.clear()
    for loop in {job.loop for job in jobs}:
        with suppress(RuntimeError):  # The loop is closed, so nobody waits.
            loop.call_soon_threadsafe(_tell, [job for job in jobs if job.loop is loop])


def _tell(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()


class _Line:
    """The jobs of a pool, and the threads that take them. These know it and not the pool, which may go before them."""

    __slots__ = ("__weakref__", "_is_closed", "_lock", "_name", "held", "jobs", "most", "places", "threads")

    def __init__(self, name: str, threads: int, places: int) -> None:
        self._name, self.most, self.places = name, threads, places
        self._lock = threading.Lock()
        self._is_closed = False
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        """None is for the threads to end."""
        self.threads: list[threading.Thread] = []
        self.held = 0
        """Places that are taken: by jobs that run, and by those that wait."""
        _lines.add(self)

    def put(self, job: _Job) -> bool:
        """
        Put a job at the end of the line, if it has a place left.

        Raises:
            RuntimeError: the pool is closed.
        """
        with self._lock:
            if self._is_closed:
                msg = f"the pool {self._name!r} is closed"
                raise RuntimeError(msg)
            if self.held >= self.places:
                return False
            if len(self.threads) < min(self.most, self.held + 1):
                self._start_thread()
            self.held += 1
            self.jobs.put(job)
        return True

    def drop(self, job: _Job) -> None:
        """Give the place of a job back that has not begun; one that runs keeps its place until it ends."""
        if job.is_mine():
            self._give_back()

    def close(self) -> None:
        """Take no more jobs, and drop those that wait."""
        with self._lock:
            self._is_closed = True
        with suppress(Empty):
            while True:
                job = self.jobs.get_nowait()
                if job is not None and job.is_mine():
                    self._give_back()
                    with suppress(RuntimeError):  # As in `_tell_all`.
                        job.loop.call_soon_threadsafe(job.waiter.cancel)
        self.jobs.put(None)

    def _start_thread(self) -> None:
        # A daemon, since others keep the interpreter from ending until they end by themselves. See `_end_all`.
        thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self.threads)}", daemon=True)
        thread.start()
        self.threads.append(thread)

    def _work(self) -> None:
        done: list[_Job] = []
        while (job := self._next(done)) is not None:
            if job.is_mine():
                job.do()
                self._give_back()
                done.append(job)
                # Nobody waits for more jobs of others than there are of others that wait for theirs.
                if not job.is_brief or len(done) >= min(TOLD_TOGETHER, self.jobs.qsize()):
                    _tell_all(done)
            # Nothing of it is kept while the thread waits for the next.
            del job
        self.jobs.put(None)

    def _next(self, done: list[_Job]) -> _Job | None:
        """Take the next job. Who waits for one that is done waits neither for a long one, nor for there to be one."""
        if not done:
            return self.jobs.get()
        try:
            job = self.jobs.get_nowait()
        except Empty:
            _tell_all(done)
            return self.jobs.get()
        if job is None or not job.is_brief:
            _tell_all(done)
        return job

    def _give_back(self) -> None:
        with self._lock:
            self.held -= 1


_lines: WeakSet[_Line] = WeakSet()


@atexit.register
def _end_all() -> None:
    """Let what runs finish before the interpreter ends, which a thread that comes back to it afterwards would crash."""
    lines = list(_lines)
    for line in lines:
        line.close()
    for line in lines:
        for thread in line.threads:
            thread.join()
