import asyncio
import threading

import pytest

from strongroom.core.errors import Throttled
from strongroom.crypto.pool import BoundedPool


class Blocked:
    """Work that runs until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.started = threading.Semaphore(0)

    def __call__(self) -> str:
        """Say that it began, and wait."""
        self.started.release()
        assert self.go.wait(30)
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
        assert work.started.acquire(timeout=10)
        assert work.started.acquire(timeout=10)
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
        assert await asyncio.to_thread(work.started.acquire, timeout=10)
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
        pool.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 10)
        work.go.set()
        assert await running == "done"

    asyncio.run(scenario())


def test_work_that_outlives_its_loop_ends_in_peace() -> None:
    """A loop that has gone is told nothing, and the place comes back all the same."""
    pool, work = BoundedPool("test", threads=1, waiting=0), Blocked()

    async def begin() -> None:
        task = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(work.started.acquire, timeout=10)
        task.cancel()

    asyncio.run(begin())
    work.go.set()
    asyncio.run(until(pool))
    pool.close()
