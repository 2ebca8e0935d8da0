"""
Limits on how long requests may wait, for less than a timer of the event loop each.

A timer costs a request more than to read its body, and next to none ever rings. So there is one for all that is waited
for, set for the earliest limit there was when it was made. It is not unset by what ends: whatever has ended is gone
when it rings.

    no timer --within()--> set --rings--> what is late is ended --> set again for the others, or no timer
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LATENESS_S = 0.05
"""How much later than its limit something may be ended: the timer, which looks at all of them, rings no more often."""


class Deadlines:
    """The limits of what is waited for now. It belongs to one event loop."""

    __slots__ = ("_due", "_rings", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf

    async def within(self, time_s: float, work: Coroutine[Any, Any, T]) -> T:
        """
        Wait for *work*, for one thing at a time in each task, as `asyncio.wait_for` does.

        Raises:
            TimeoutError: it did not end in its time, and was cancelled.
            Whatever *work* raises.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            msg = "a limit is one of a task"
            raise RuntimeError(msg)
        due, cancelled_before = loop.time() + time_s, task.cancelling()
        self._due[task] = due
        if due < self._rings:
            self._set(loop, due)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._due and task.cancelling() == cancelled_before + 1:
                raise TimeoutError from None
            # Somebody else ends the task, even if it is late as well.
            raise
        finally:
            if self._due.pop(task, None) is None:
                task.uncancel()

    def _set(self, loop: asyncio.AbstractEventLoop, rings: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = loop.call_at(rings, self._ring, loop), rings

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._timer, self._rings = None, math.inf
        for task in [task for task, due in self._due.items() if due <= now]:
            del self._due[task]
            task.cancel()
        if self._due:
            self._set(loop, max(min(self._due.values()), now + LATENESS_S))
