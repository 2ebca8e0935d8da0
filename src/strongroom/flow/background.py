"""
What goes on after its request was answered, such as a deployment.

    reserve --> start --> runs --> ends by itself
       └──> release          └──> interrupt: begins nothing more, and ends soon

It belongs to one event loop. What a piece of work does, it does through the flow like everybody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

from strongroom.core import deployment_limits
from strongroom.core.errors import Throttled

P = ParamSpec("P")
T = TypeVar("T")


class Work(Protocol):
    """A piece of work."""

    tenant: str
    owner: str
    """The object id of who began it."""

    async def run(self) -> None:
        """Do it."""
        ...

    def cancel(self) -> None:
        """Begin nothing more: somebody asked for it."""
        ...

    def interrupt(self) -> None:
        """Begin nothing more: the service stops."""
        ...


class Background:
    """The pieces of work under way, by what they are about."""

    __slots__ = ("_asking", "_desks", "_is_stopping", "_tasks", "_works")

    def __init__(self) -> None:
        self._asking: Counter[str] = Counter()
        self._desks = asyncio.Semaphore(deployment_limits.TEMPLATES_AT_ONCE)
        self._is_stopping = False
        self._works: dict[str, Work] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def find(self, key: str) -> Work | None:
        """Find the work about something, if it is under way."""
        return self._works.get(key)

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._tasks)

    def count(self, tenant: str, owner: str | None = None) -> int:
        """Count a tenant's, or one owner's of them."""
        return sum(one.tenant == tenant and owner in (None, one.owner) for one in self._works.values())

    def reserve(self, key: str, work: Work) -> None:
        """Let a piece of work count as under way while what it needs is committed."""
        if self._is_stopping:
            work.interrupt()
        self._works[key] = work

    def release(self, key: str) -> None:
        """Take back a reservation of what does not begin after all."""
        del self._works[key]

    def start(self, key: str) -> None:
        """Begin what was reserved."""
        work = self._works[key]
        self._tasks[key] = asyncio.get_running_loop().create_task(self._run(key, work))

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    @contextmanager
    def asking(self, owner: str) -> Iterator[None]:
        """
        Count a request of *owner* that brings a template, for as long as it is worked on or waits.

        Raises:
            Throttled: there are as many as there may be, of all or of that owner.
        """
        if (
            self._asking.total() >= deployment_limits.TEMPLATES_WAITING
            or self._asking[owner] >= deployment_limits.TEMPLATES_WAITING_OF_ONE
        ):
            raise Throttled(
                "Too many requests with templates are being worked on. Try again later.",
                headers=(("Retry-After", "2"),),
            )
        self._asking[owner] += 1
        try:
            yield
        finally:
            self._asking[owner] -= 1
            # An owner that asks for nothing is not remembered.
            self._asking += Counter()

    async def aside(self, function: Callable[P, T], *args: P.args, **how: P.kwargs) -> T:
        """
        Compute beside the loop what may take up to a second.

        Few at once, in the order in which they came: a thread that computes keeps the loop from running for a moment
        each time it wants to, and many of them would for many such moments.
        """
        async with self._desks:
            return await asyncio.to_thread(function, *args, **how)

    async def stop(self, grace_s: float) -> None:
        """Let what is under way end, for a while; then end it. What is still begun meanwhile ends at once."""
        self._is_stopping = True
        for work in self._works.values():
            work.interrupt()
        ends = asyncio.get_running_loop().time() + grace_s
        while self._tasks:
            left = ends - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=max(0.0, left))
            for task in late if left <= 0 else ():
                task.cancel()
            if left <= 0:
                await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, key: str, work: Work) -> None:
        try:
            await work.run()
        finally:
            del self._works[key], self._tasks[key]
