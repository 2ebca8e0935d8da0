"""The clockwork gives jobs their turns, tells how they went, and lets one node of several do what is shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from strongroom.app.clockwork import Clockwork, Job, pause_of
from strongroom.core import limits
from strongroom.core.errors import NotFound
from strongroom.core.jobs import ELSEWHERE, OK, JobState
from strongroom.flow.world import World
from strongroom.store import StoreFailed
from strongroom.store.sqlite import SqliteStore
from tests.unit.store.test_migrations import tagger

SECRET_TEXT = "what a fault may quote"


class Node:
    """A node of some that share a database, with a clock that the test moves."""

    def __init__(self, store: SqliteStore, name: str) -> None:
        self.now = 1_000.0
        self.turns: list[str] = []
        self.fails = False
        self.waits = asyncio.Event()
        self.waits.set()
        self.entered = asyncio.Event()
        self.took = asyncio.Event()
        world = SimpleNamespace(store=store, clock=lambda: self.now, now=lambda: int(self.now))
        jobs = (
            JOB,
            Job("own", 60.0, type(self).own, shared=False),
        )
        self.clockwork = Clockwork(cast("World", world), name, self, jobs)

    async def shared(self) -> int:
        """Do what one node does."""
        self.entered.set()
        await self.waits.wait()
        if self.fails:
            raise ValueError(SECRET_TEXT)
        self.turns.append("shared")
        self.took.set()
        return 3

    async def own(self) -> None:
        """Do what every node does."""
        self.turns.append("own")

    async def count(self) -> int:
        """Count what waits."""
        return 7

    async def state(self, name: str) -> JobState:
        """Say how a job is doing."""
        (found,) = [one for one in await self.clockwork.states() if one.name == name]
        return found


JOB = Job("shared", 60.0, Node.shared, waiting=Node.count)


@asynccontextmanager
async def nodes(path: Path, *names: str) -> AsyncIterator[list[Node]]:
    """Open a database as several nodes."""
    made = [Node(await SqliteStore.open(path / "store.db", tagger), name) for name in names]
    try:
        yield made
    finally:
        for node in made:
            await node.clockwork.stop()
            await cast("SqliteStore", node.clockwork._world.store).close()


def played(path: Path, play: Callable[[list[Node]], Awaitable[None]], *names: str) -> None:
    """Play something with nodes."""

    async def run() -> None:
        async with nodes(path, *names) as made:
            await play(made)

    asyncio.run(run())


def test_a_turn_is_told_of(tmp_path: Path) -> None:
    """When it began and ended, how, how much it did, what waits, and who has the lease."""

    async def play(made: list[Node]) -> None:
        (node,) = made
        assert (await node.state("shared")).outcome == ""
        await node.clockwork.turn("shared")
        await node.clockwork.turn("shared")
        state = await node.state("shared")
        assert (state.began, state.ended, state.outcome) == (1000.0, 1000.0, OK)
        assert (state.done, state.done_since_start, state.waiting, state.holder) == (3, 6, 7, "a")
        assert state.about == "Do what one node does."
        await node.clockwork.turn("own")
        own = await node.state("own")
        assert (own.outcome, own.done, own.waiting, own.holder, own.is_shared) == (OK, None, None, None, False)

    played(tmp_path, play, "a")


def test_a_fault_is_told_of_by_its_class_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SEC-CLOCK-2: neither the log nor the answer repeats its text; failures in a row are counted until one is none."""

    async def play(made: list[Node]) -> None:
        (node,) = made
        node.fails = True
        await node.clockwork.turn("shared")
        await node.clockwork.turn("shared")
        state = await node.state("shared")
        assert (state.outcome, state.failures, state.done) == ("ValueError", 2, None)
        assert SECRET_TEXT not in repr(state)
        assert node.clockwork.failing() == ["shared"]
        node.fails = False
        await node.clockwork.turn("shared")
        assert ((await node.state("shared")).failures, node.clockwork.failing()) == (0, [])

    played(tmp_path, play, "a")
    assert caplog.messages == ["the job 'shared' failed: ValueError"] * 2


def test_a_store_that_fails_hides_nothing(tmp_path: Path) -> None:
    """How the jobs are doing is told all the same, without what only the store knows."""

    async def play(made: list[Node]) -> None:
        (node,) = made

        async def fail() -> int:
            raise StoreFailed("the disk is full")

        await node.clockwork.turn("shared")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SqliteStore, "lease_holder", lambda *_: fail())
            patch.setattr(node.clockwork._turns["shared"], "job", replace(JOB, waiting=lambda _: fail()))
            state = await node.state("shared")
        assert (state.outcome, state.waiting, state.holder) == (OK, None, None)

    played(tmp_path, play, "a")


def test_one_node_does_what_is_shared_and_another_takes_over(tmp_path: Path) -> None:
    """SEC-CLOCK-1: the second finds nothing to do while the first has the lease, and does it once that has run out."""

    async def play(made: list[Node]) -> None:
        first, second = made
        await first.clockwork.turn("shared")
        await second.clockwork.turn("shared")
        await second.clockwork.turn("own")
        assert (first.turns, second.turns) == (["shared"], ["own"])
        state = await second.state("shared")
        assert (state.outcome, state.holder, state.failures) == (ELSEWHERE, "a", 0)
        # The first one is gone for longer than its lease lasts.
        second.now += 60 * 3 + 1
        await second.clockwork.turn("shared")
        first.now = second.now
        await first.clockwork.turn("shared")
        assert (first.turns, second.turns) == (["shared"], ["own", "shared"])
        assert (await first.state("shared")).holder == "b"

    played(tmp_path, play, "a", "b")


def test_every_job_has_its_first_turn_at_once(tmp_path: Path) -> None:
    """What was missed while nothing ran is made up for as the service starts, and the next turn is told of."""

    async def play(made: list[Node]) -> None:
        (node,) = made
        node.clockwork.start()
        await node.took.wait()
        assert sorted(node.turns) == ["own", "shared"]
        assert (await node.state("shared")).next_at == 1060.0

    played(tmp_path, play, "a")


def test_a_job_runs_when_it_is_asked_for(tmp_path: Path) -> None:
    """Whoever asks during a turn is told of the next one, since that sees what was there when it was asked."""

    async def play(made: list[Node]) -> None:
        (node,) = made
        node.waits.clear()
        node.clockwork.start()
        await node.entered.wait()
        asked = asyncio.create_task(node.clockwork.run("shared"))
        await asyncio.sleep(0)
        node.waits.set()
        assert ((await asked).outcome, node.turns.count("shared")) == (OK, 2)
        with pytest.raises(NotFound, match=r"There are: own, shared\."):
            await node.clockwork.run("no such job")

    played(tmp_path, play, "a")


def test_a_job_that_takes_long_goes_on_without_whoever_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked is told that it runs."""
    monkeypatch.setattr(limits, "JOB_ASKED_S", 0.01)

    async def play(made: list[Node]) -> None:
        (node,) = made
        node.waits.clear()
        node.clockwork.start()
        await node.entered.wait()
        assert (await node.clockwork.run("shared")).is_running
        node.waits.set()
        await node.took.wait()

    played(tmp_path, play, "a")


def test_failures_back_off() -> None:
    """Twice as long for each failure in a row, up to `JOB_PAUSE_S`, or the job's own interval if that is longer."""
    quick, slow = Job("a", 15.0, Node.shared), Job("b", 3600.0, Node.shared)
    assert [pause_of(quick, failures) for failures in (0, 1, 2, 99)] == [15.0, 30.0, 60.0, limits.JOB_PAUSE_S]
    assert [pause_of(slow, failures) for failures in (0, 1, 99)] == [3600.0] * 3
    urgent = Job("c", 1.0, Node.shared, patient=False)
    assert pause_of(urgent, 99) == 1.0
