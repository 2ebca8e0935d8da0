import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from strongroom.core.errors import Throttled
from strongroom.crypto.pool import TOLD_TOGETHER, BoundedPool


class Blocked:
    """Work that runs until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.started = threading.Semaphore(0)

    def __call__(self) -> str:
        """Say that it began, and wait."""
        self.started.release()
        assert self.go.wait(60)
        return "done"


async def settle() -> None:
    """Let every task run until it waits for something else."""
    for _ in range(5):
        await asyncio.sleep(0)


async def until(pool: BoundedPool) -> None:
    """Wait until the pool takes work again: places come back on the pool's own threads."""
    for _ in range(1000):
        try:
            await pool.run(lambda: None)
        except Throttled:
            await asyncio.sleep(0.01)
        else:
            return
    pytest.fail("no place came back")


def test_the_queue_is_full_exactly_at_its_limit() -> None:
    """SEC: a bounded queue that answers 429; threads and waiting places are taken, the next request is refused."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=2, waiting=3), Blocked()
        admitted = [asyncio.create_task(pool.run(work)) for _ in range(5)]
        await settle()
        assert not any(task.done() for task in admitted)
        with pytest.raises(Throttled) as refusal:
            await pool.run(work)
        assert ("Retry-After", "2") in refusal.value.headers
        work.go.set()
        assert await asyncio.gather(*admitted) == ["done"] * 5
        await until(pool)
        pool.close()

    asyncio.run(scenario())


def test_no_more_threads_run_than_were_allowed() -> None:
    """What waits has not started."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=2, waiting=3), Blocked()
        admitted = [asyncio.create_task(pool.run(work)) for _ in range(5)]
        await settle()
        assert work.started.acquire(timeout=60)
        assert work.started.acquire(timeout=60)
        assert not work.started.acquire(timeout=0.05)
        work.go.set()
        await asyncio.gather(*admitted)
        pool.close()

    asyncio.run(scenario())


def test_a_waiter_that_gives_up_frees_no_place() -> None:
    """A client that hangs up while its work runs cannot make room for more work than the bound."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=1, waiting=0), Blocked()
        task = asyncio.create_task(pool.run(work))
        await settle()
        assert await asyncio.to_thread(work.started.acquire, timeout=60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(Throttled):
            await pool.run(work)
        work.go.set()
        await until(pool)
        pool.close()

    asyncio.run(scenario())


def test_failed_work_raises_and_frees_its_place() -> None:
    """What the work raises reaches the waiter, and its place is free again."""

    def fail() -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        pool = BoundedPool("test", threads=1, waiting=0)
        with pytest.raises(ZeroDivisionError):
            await pool.run(fail)
        await until(pool)
        pool.close()

    asyncio.run(scenario())


def test_where_many_wait_the_first_are_told_together() -> None:
    """One way to the loop's thread serves several brief jobs: up to the limit, and no more than are still waiting."""

    async def scenario() -> list[int]:
        loop, told = asyncio.get_running_loop(), list[int]()
        pool, work = BoundedPool("test", threads=1, waiting=20), Blocked()
        first = asyncio.create_task(pool.run(work))
        await settle()
        wake = loop.call_soon_threadsafe

        def counted(callback: Callable[..., object], jobs: list[object], **how: Any) -> asyncio.Handle:
            told.append(len(jobs))
            return wake(callback, jobs, **how)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "call_soon_threadsafe", counted)
            brief = [asyncio.create_task(pool.run(partial(int, n), is_brief=True)) for n in range(20)]
            await settle()
            work.go.set()
            assert await first == "done"
            assert await asyncio.gather(*brief) == list(range(20))
        pool.close()
        return told

    assert asyncio.run(scenario()) == [1, TOLD_TOGETHER, 6, 3, 2, 1]


@pytest.mark.parametrize("is_brief", [True, False])
def test_who_is_done_waits_for_no_long_work(*, is_brief: bool) -> None:
    """The end of a brief job is told before one begins that is not brief, and before the only other one that waits."""

    async def scenario() -> None:
        pool, gate, work = BoundedPool("test", threads=1, waiting=2), Blocked(), Blocked()
        first = asyncio.create_task(pool.run(gate))
        await settle()
        brief = asyncio.create_task(pool.run(lambda: "brief", is_brief=True))
        other = asyncio.create_task(pool.run(work, is_brief=is_brief))
        await settle()
        gate.go.set()
        assert await first == "done"
        assert await asyncio.wait_for(brief, 60) == "brief"
        assert not other.done()
        work.go.set()
        assert await other == "done"
        pool.close()

    asyncio.run(scenario())


def test_brief_work_that_fails_is_told_to_who_asked_for_it() -> None:
    """Of jobs that are told together each has its own end."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=1, waiting=4), Blocked()
        first = asyncio.create_task(pool.run(work))
        await settle()
        brief = [asyncio.create_task(pool.run(partial(divmod, 7, n), is_brief=True)) for n in (2, 0, 3, 4)]
        await settle()
        work.go.set()
        assert await first == "done"
        ends = await asyncio.gather(*brief, return_exceptions=True)
        assert isinstance(ends[1], ZeroDivisionError)
        assert [*ends[:1], *ends[2:]] == [(3, 1), (2, 1), (1, 3)]
        pool.close()

    asyncio.run(scenario())


def test_a_closed_pool_takes_no_work() -> None:
    """After close nothing is begun, and each refusal says so rather than that the queue is full."""

    async def scenario() -> None:
        pool = BoundedPool("test", threads=1, waiting=0)
        pool.close()
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await pool.run(lambda: None)

    asyncio.run(scenario())


def test_a_waiter_that_gives_up_before_its_turn_frees_its_place() -> None:
    """What has not begun never begins once nobody waits for it, and another may wait in its place."""

    async def scenario() -> None:
        pool, work, begun = BoundedPool("test", threads=1, waiting=1), Blocked(), list[str]()
        running = asyncio.create_task(pool.run(work))
        waiting = asyncio.create_task(pool.run(lambda: begun.append("given up")))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        next_one = asyncio.create_task(pool.run(lambda: begun.append("next")))
        await settle()
        work.go.set()
        assert await running == "done"
        await next_one
        assert begun == ["next"]
        pool.close()

    asyncio.run(scenario())


def test_who_waits_when_a_pool_closes_is_let_go() -> None:
    """What runs ends as it would; who waits for a turn learns that there will be none."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=1, waiting=1), Blocked()
        running, waiting = asyncio.create_task(pool.run(work)), asyncio.create_task(pool.run(work))
        await settle()
        assert await asyncio.to_thread(work.started.acquire, timeout=60)
        pool.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 60)
        work.go.set()
        assert await running == "done"

    asyncio.run(scenario())


def test_threads_are_made_as_they_are_needed() -> None:
    """One thread does what is asked one after the other; no more are made than there is to do at once."""

    async def scenario() -> None:
        pool, work = BoundedPool("test", threads=3, waiting=3), Blocked()
        for _ in range(5):
            await pool.run(lambda: None)
        assert len(pool._line.threads) == 1
        admitted = [asyncio.create_task(pool.run(work)) for _ in range(6)]
        await settle()
        assert len(pool._line.threads) == 3
        work.go.set()
        await asyncio.gather(*admitted)
        pool.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["closed", "forgotten"])
def test_threads_end_with_their_pool(how: str) -> None:
    """Threads of a pool that is closed, or that nobody has any more, end when their work does."""
    pools, work = [BoundedPool("test", threads=2, waiting=0)], Blocked()
    threads = pools[0]._line.threads

    async def scenario() -> None:
        admitted = [asyncio.create_task(pools[0].run(work)) for _ in range(2)]
        await settle()
        if how == "closed":
            pools[0].close()
        work.go.set()
        await asyncio.gather(*admitted, return_exceptions=True)

    asyncio.run(scenario())
    pools.clear()
    assert len(threads) == 2
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_kept_of_what_is_done(*, fails: bool) -> None:
    """A thread that waits for work keeps neither the last one nor what came of it: keys and plaintexts were in them."""

    class Kept:
        pass

    def answer(given: Kept, result: Kept) -> Kept:
        if fails:
            raise ZeroDivisionError
        return result if given else given

    async def scenario() -> None:
        pool, given, result = BoundedPool("test", threads=1, waiting=0), Kept(), Kept()
        traces = [weakref.ref(given), weakref.ref(result)]
        with suppress(ZeroDivisionError):
            await pool.run(partial(answer, given, result))
        del given, result
        for _ in range(1000):
            if not any(trace() for trace in traces):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("they are kept")
        pool.close()

    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()


def test_a_process_ends_when_its_work_has() -> None:
    """Pools that nobody closed keep no process from ending; what runs ends before it, and what waits never begins."""
    program = """
import asyncio, threading, time
from strongroom.crypto.pool import BoundedPool

idle, pool = BoundedPool("idle", threads=2, waiting=0), BoundedPool("busy", threads=1, waiting=1)
begun = threading.Event()

def work(text):
    begun.set()
    # It goes on until the end of the interpreter has dropped what waits behind it.
    while pool._line.held > 1:
        time.sleep(0.001)
    print(text, flush=True)

async def main():
    await idle.run(lambda: None)
    tasks = [asyncio.create_task(pool.run(lambda text=text: work(text))) for text in ("ran", "waited")]
    await asyncio.sleep(0)
    begun.wait()
    return tasks

loop = asyncio.new_event_loop()
kept = loop.run_until_complete(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "ran\n")


def test_work_that_outlives_its_loop_ends_in_peace() -> None:
    """A loop that has gone is told nothing, and the place comes back all the same."""
    pool, work = BoundedPool("test", threads=1, waiting=0), Blocked()

    async def begin() -> None:
        task = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(work.started.acquire, timeout=60)
        task.cancel()

    asyncio.run(begin())
    work.go.set()
    asyncio.run(until(pool))
    pool.close()
