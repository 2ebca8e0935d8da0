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
        # The place is given back when the work ends, not when its waiter does: a client that hangs up frees nothing.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more work, drop what waits, and let what runs finish."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _release(self, _: Future[T]) -> None:
        self._places.release()
