"""Limits of time without a timer each, on a loop whose clock stands still until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from strongroom.http.deadlines import LATENESS_S, Deadlines

T = TypeVar("T")
STEP_S = 1 / 256
"""How finely a test lets time pass; a power of two, which adds up exactly."""


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time passes when a test says so, and which counts its timers."""

    now = 1000.0
    timers = 0

    def time(self) -> float:
        """Say what time it is."""
        return self.now

    def call_at(self, when: float, callback: Any, *args: Any, **context: Any) -> asyncio.TimerHandle:
        """Set a timer."""
        self.timers += 1
        return super().call_at(when, callback, *args, **context)

    async def go_on(self, seconds: float) -> None:
        """Let time pass, and what is due by then happen."""
        self.now += seconds
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def loop() -> Iterator[Clockwork]:
    """Make a loop."""
    made = Clockwork()
    yield made
    made.close()


def begin(loop: Clockwork, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin something of its own, as each request is."""
    return loop.create_task(work)


async def soon() -> str:
    """End after a turn of the loop, as a body that is there does."""
    await asyncio.sleep(0)
    return "done"


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.get_running_loop().create_future()


def test_many_that_end_in_time_share_one_timer(loop: Clockwork) -> None:
    """However many are waited for, at once or one after the other: one timer is set until it rings."""
    deadlines = Deadlines()

    async def run() -> None:
        for _ in range(10):
            waiting = [begin(loop, deadlines.within(20, soon())) for _ in range(10)]
            assert await asyncio.gather(*waiting) == ["done"] * 10
            await loop.go_on(1)

    loop.run_until_complete(run())
    assert loop.timers == 1


def test_a_timer_that_finds_nothing_is_the_last(loop: Clockwork) -> None:
    """When it rings and nothing is waited for, none is set, until something is."""
    deadlines = Deadlines()

    async def run() -> list[int]:
        timers = []
        for _ in range(2):
            await deadlines.within(20, soon())
            for _ in range(3):
                await loop.go_on(30)
                timers.append(loop.timers)
        return timers

    assert loop.run_until_complete(run()) == [1, 1, 1, 2, 2, 2]


def test_what_is_late_is_ended(loop: Clockwork) -> None:
    """A limit is kept to, no earlier, and the rest of the task goes on as if nothing had been cancelled."""
    deadlines = Deadlines()
    told: list[str] = []

    async def wait() -> int:
        try:
            await deadlines.within(20, never())
        except TimeoutError:
            told.append("late")
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    async def run() -> int:
        waiting = begin(loop, wait())
        await loop.go_on(0)
        await loop.go_on(19.9)
        assert not told
        await loop.go_on(0.1)
        assert told
        return await waiting

    assert loop.run_until_complete(run()) == 0


def test_each_has_its_own_limit(loop: Clockwork) -> None:
    """Whatever began before it, and with whatever limit, all end in their own time or soon after."""
    deadlines = Deadlines()
    ended: dict[float, float] = {}

    async def wait(begins: float, limit_s: float) -> None:
        with pytest.raises(TimeoutError):
            await deadlines.within(limit_s, never())
        ended[begins + limit_s] = loop.now - 1000

    async def run() -> None:
        waiting = []
        for begins, limits in ((0, [20, 5, 30]), (1, [20, 20.5]), (2, [2])):
            waiting += [begin(loop, wait(begins, limit)) for limit in limits]
            await loop.go_on(0)
            await loop.go_on(1)
        while not all(task.done() for task in waiting):
            await loop.go_on(STEP_S)
        await asyncio.gather(*waiting)

    loop.run_until_complete(run())
    assert list(ended) == [4, 5, 20, 21, 21.5, 30]
    assert all(due <= end <= due + LATENESS_S + STEP_S for due, end in ended.items())


def test_many_limits_close_together_ring_seldom(loop: Clockwork) -> None:
    """Whoever begins slowly, again and again, makes the timer ring no more often than the lateness allows."""
    deadlines = Deadlines()

    async def run() -> None:
        waiting = []
        for _ in range(200):
            waiting.append(begin(loop, deadlines.within(20, never())))
            await loop.go_on(0.001)
        while not all(task.done() for task in waiting):
            await loop.go_on(0.001)
        assert {type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)} == {TimeoutError}

    loop.run_until_complete(run())
    assert loop.timers <= 2 + 0.2 / LATENESS_S


@pytest.mark.parametrize("late", [False, True])
def test_who_is_ended_by_others_is_not_late(loop: Clockwork, *, late: bool) -> None:
    """A stop that ends the task ends it, even in the very moment in which its time is over."""
    deadlines = Deadlines()

    async def run() -> None:
        waiting = begin(loop, deadlines.within(20, never()))
        await loop.go_on(0)
        if late:
            loop.now += 20
            loop.call_soon(waiting.cancel)
        else:
            waiting.cancel()
        await loop.go_on(0)
        assert waiting.cancelled()
        await loop.go_on(30)

    loop.run_until_complete(run())


def test_what_fails_by_itself_fails_so(loop: Clockwork) -> None:
    """A fault of what is waited for comes through, and nothing is left to be ended later."""
    deadlines = Deadlines()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def run() -> str:
        with pytest.raises(LookupError):
            await deadlines.within(20, fail())
        await loop.go_on(30)
        return await soon()

    assert loop.run_until_complete(run()) == "done"
