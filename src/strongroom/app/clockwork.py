"""
The clockwork: it gives every job its turns, one at a time, and knows how the last one of each ended.

    wait for its interval, or to be asked ──> lease, if it is shared ──> the job's own function ──> note, wait
                     ^                                                          │ fails
                     └───────── twice as long after each failure in a row <─────┘

A turn that fails is told of by the class of its fault alone: texts can hold input.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from strongroom.core import limits
from strongroom.core.errors import NotFound, Tampered
from strongroom.core.jobs import ELSEWHERE, OK, JobState
from strongroom.flow.world import World
from strongroom.store import StoreFault

S = TypeVar("S")
_logger = logging.getLogger("strongroom.jobs")

_LEASE_FACTOR = 3
"""A lease outlives a missed turn or two, so that two nodes do not do one job."""
_SLOWEST_LEASE_S = 60
"""A job that takes longer than its interval keeps its lease for as long as this all the same."""


class PartlyDone(Exception):
    """A turn failed at some of what there was, which the job itself has told of, and did the rest."""

    def __init__(self, done: int, outcome: str) -> None:
        super().__init__(outcome)
        self.done = done
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Job(Generic[S]):
    """Something done every *interval_s* seconds; *shared* ones by one node of those that share a store."""

    name: str
    interval_s: float
    run: Callable[[S], Awaitable[int | None]]
    """Does it, and says how much it did if that can be counted."""
    shared: bool = True
    lease: str = ""
    """The lease under which it is done, where that is taken by itself."""
    waiting: Callable[[S], Awaitable[int]] | None = None
    """Counts what is due and not done yet."""
    patient: bool = True
    """Whether it waits longer after it failed. What keeps the service from answering does not."""

    @property
    def about(self) -> str:
        """What it does, in one sentence."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]


@dataclass(slots=True)
class _Turns(Generic[S]):
    """A job with what is known of its turns."""

    job: Job[S]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[asyncio.Future[None]] = field(default_factory=list)
    is_running: bool = False
    began: float | None = None
    ended: float | None = None
    duration_s: float | None = None
    outcome: str = ""
    done: int | None = None
    done_since_start: int = 0
    failures: int = 0
    next_at: float | None = None


class Clockwork(Generic[S]):
    """What gives jobs their turns, for one node."""

    def __init__(self, world: World, node: str, subject: S, jobs: Sequence[Job[S]]) -> None:
        self._world = world
        self._node = node
        self._subject = subject
        self._turns: Mapping[str, _Turns[S]] = {job.name: _Turns(job) for job in jobs}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def node(self) -> str:
        """The id of this node."""
        return self._node

    def start(self) -> None:
        """Begin: every job has its first turn at once, which makes up for what was missed while nothing ran."""
        self._tasks = [asyncio.create_task(self._repeat(turns), name=turns.job.name) for turns in self._turns.values()]

    async def stop(self) -> None:
        """End every job, in the middle of its turn if it has one. What it had begun is done at a later start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run(self, name: str) -> JobState:
        """
        Have a job's next turn begin now, and say how it ended, or that it goes on if it takes long.

        Raises:
            NotFound: there is no such job.
        """
        turns = self._turns.get(name)
        if turns is None:
            raise NotFound(f"There is no such job. There are: {', '.join(sorted(self._turns))}.")
        asked = asyncio.get_running_loop().create_future()
        turns.asked.append(asked)
        turns.wake.set()
        await asyncio.wait([asked], timeout=limits.JOB_ASKED_S)
        return await self._state(turns)

    async def states(self) -> list[JobState]:
        """Say how every job is doing."""
        return [await self._state(turns) for turns in self._turns.values()]

    def failing(self) -> list[str]:
        """Name the jobs whose last turn failed."""
        return [name for name, turns in self._turns.items() if turns.failures]

    async def turn(self, name: str) -> None:
        """Give a job one turn, and note how it ends."""
        turns = self._turns[name]
        loop = asyncio.get_running_loop()
        turns.is_running, turns.began, turns.next_at, started = True, self._world.clock(), None, loop.time()
        done: int | None = None
        try:
            if await self._has_lease(turns.job):
                done, outcome = await turns.job.run(self._subject), OK
            else:
                outcome = ELSEWHERE
        except PartlyDone as part:
            done, outcome = part.done, part.outcome
        except Exception as error:  # noqa: BLE001  a job must not end because one turn failed
            outcome = type(error).__name__
            _logger.error("the job %r failed: %s", name, outcome)  # noqa: TRY400  texts can hold input
        finally:
            turns.is_running, turns.ended, turns.duration_s = False, self._world.clock(), loop.time() - started
        turns.failures = 0 if outcome in {OK, ELSEWHERE} else turns.failures + 1
        turns.outcome, turns.done = outcome, done
        turns.done_since_start += done or 0

    async def _repeat(self, turns: _Turns[S]) -> None:
        """Give one job its turns until it is stopped."""
        while True:
            turns.wake.clear()
            # Whoever asks during a turn is told of the next one, which sees what was there when it was asked.
            asked, turns.asked = turns.asked, []
            await self.turn(turns.job.name)
            for one in asked:
                if not one.done():
                    one.set_result(None)
            pause_s = pause_of(turns.job, turns.failures)
            turns.next_at = self._world.clock() + pause_s
            try:
                async with asyncio.timeout(pause_s):
                    await turns.wake.wait()
            except TimeoutError:
                continue

    async def _has_lease(self, job: Job[S]) -> bool:
        if not job.shared:
            return True
        lifetime_s = int(max(job.interval_s, _SLOWEST_LEASE_S / _LEASE_FACTOR) * _LEASE_FACTOR) + 1
        return await self._world.store.acquire_lease(job.name, self._node, now=self._world.now(), lifetime_s=lifetime_s)

    async def _state(self, turns: _Turns[S]) -> JobState:
        job, lease = turns.job, turns.job.lease or (turns.job.name if turns.job.shared else "")
        return JobState(
            job.name,
            job.about,
            job.interval_s,
            is_shared=bool(lease),
            is_running=turns.is_running,
            began=turns.began,
            ended=turns.ended,
            duration_s=turns.duration_s,
            outcome=turns.outcome,
            done=turns.done,
            done_since_start=turns.done_since_start,
            failures=turns.failures,
            next_at=turns.next_at,
            waiting=await self._waiting(job),
            holder=await self._holder(lease),
        )

    async def _waiting(self, job: Job[S]) -> int | None:
        """Count what waits; a store that cannot say so keeps nobody from seeing how the jobs are doing."""
        try:
            return await job.waiting(self._subject) if job.waiting is not None else None
        except (StoreFault, Tampered):
            return None

    async def _holder(self, lease: str) -> str | None:
        try:
            return await self._world.store.lease_holder(lease, self._world.now()) if lease else None
        except (StoreFault, Tampered):
            return None


def pause_of(job: Job[S], failures: int) -> float:
    """Say how long a job waits: its interval, and after failures in a row twice as long for each, up to a limit."""
    if not job.patient or not failures:
        return job.interval_s
    return max(job.interval_s, min(limits.JOB_PAUSE_S, job.interval_s * 2.0 ** min(failures, 16)))
