"""
A bounded pool of threads for what takes long: RSA signatures, password hashes.

These release the interpreter's lock while they work, so threads give real parallelism; the bound keeps a burst of
sign-ins from taking the memory and the processors that everyone else's requests need (architecture 5.3).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from strongroom.core.errors import Throttled

T = TypeVar("T")


class BoundedPool:
    """Some threads and a queue of limited length in front of them."""

    __slots__ = ("_executor", "_places", "_retry_after_s")

    def __init__(self, name: str, *, threads: int, waiting: int, retry_after_s: int = 2) -> None:
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._places = threading.Semaphore(threads + waiting)
        self._retry_after_s = retry_after_s

    async def run(self, work: Callable[[], T]) -> T:
        """
        Run *work* on a thread and wait for it without blocking the loop.

        Raises:
            Throttled: every thread is busy and the queue is full. Nothing was started.
            Whatever *work* raises.
        """
        if not self._places.acquire(blocking=False):
            raise Throttled(
                "Too many requests of this kind are being worked on. Try again later.",
                reason="pool_full",
                headers=(("Retry-After", str(self._retry_after_s)),),
            )
        try:
            future = self._executor.submit(work)
        except BaseException:
            self._places.release()
            raise
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()

        def end(ended: Future[T]) -> None:
            # The place is given back when the work ends, not when its waiter does: a client that hangs up frees none.
            self._places.release()
            with suppress(RuntimeError):  # The loop is closed, so nobody waits.
                loop.call_soon_threadsafe(_tell, waiter, ended)

        # What `asyncio.wrap_future` does, at half of its cost.
        future.add_done_callback(end)
        try:
            return await waiter
        except asyncio.CancelledError:
            # What has not begun need not begin any more.
            future.cancel()
            raise

    def close(self) -> None:
        """Take no more work, drop what waits, and let what runs finish."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _tell(waiter: asyncio.Future[T], ended: Future[T]) -> None:
    """Tell who waits how the work ended, on the loop's thread; who gave up is told nothing."""
    if waiter.done():
        return
    if ended.cancelled():
        waiter.cancel()
        return
    failure = ended.exception()
    if failure is None:
        waiter.set_result(ended.result())
    else:
        waiter.set_exception(failure)
