"""
What a scheduler pass costs in a store with a million objects of which few are due: time and memory.

The objects are written to the file as rows with their tags, most of them due some day, in vaults that nobody looks at.
A pass in which nothing is due is measured against one range query of the index that it goes by, on a connection of its
own; a pass in which some secrets are near their expiry, against the same pass in a store that has nothing else.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import apsw

from bench.instance import make_instance
from bench.loop import run
from bench.measure import Measure, Round, compare
from strongroom import config
from strongroom.app.instance import Opened, open_instance
from strongroom.app.upkeep import look_after_objects
from strongroom.core.secrets import GivenProperties
from strongroom.core.vaults import Vault
from strongroom.objects import secrets
from strongroom.store import Transaction, statements
from strongroom.store.seals import Tags
from strongroom.vault.upkeep import let_go

OBJECTS = 1_000_000
DUE = 20
"""How many are due in a pass that has something to do."""
ROUNDS = 15
IDLE = 200
"""Passes of a round in which nothing is due."""
_VAULTS = 10
_BATCH = 10_000
_DAY_S = 86_400
_NEVER_DUE = 10
"""One of so many objects is never due."""
_QUERY = (
    "SELECT vault, key FROM objects WHERE due_at <= ? AND state = 'active' "
    "ORDER BY due_at, vault, collection, key LIMIT 1"
)


def measure_clock(directory: Path) -> list[Measure]:
    """Measure a store with a million objects, and one with none beside it. Filling it takes longer than measuring."""
    return run(_measure(directory))


async def _measure(directory: Path) -> list[Measure]:
    async with AsyncExitStack() as stack:
        large, small = [
            await stack.enter_async_context(_Passes.open(directory / name, objects))
            for name, objects in (("large", OBJECTS), ("small", 0))
        ]
        idle, busy, held = list[Round](), list[Round](), list[Round]()
        with closing(apsw.Connection(str(large.opened.settings.database))) as bare:
            for _ in range(ROUNDS + 1):
                idle.append((await large.idle_us(), _query_us(bare)))
                busy.append((await large.busy_ms(), await small.busy_ms()))
                held.append((await large.peak_kb(), await small.peak_kb()))
    return [
        compare("scheduler pass, nothing due of 1,000,000, us, against a range query", idle[1:], better="lower"),
        compare(
            f"scheduler pass, {DUE} due of 1,000,000, ms, against {DUE} of {DUE}", busy[1:], better="lower", target=2.0
        ),
        compare("memory of that pass, kB, against the same", held[1:], better="lower", target=2.0),
    ]


def _query_us(bare: apsw.Connection) -> float:
    now, begun = int(time.time()), time.perf_counter()
    for _ in range(IDLE):
        assert bare.execute(_QUERY, (now,)).fetchall() == []
    return (time.perf_counter() - begun) / IDLE * 1e6


@dataclass(slots=True)
class _Passes:
    """An instance, and passes over it."""

    opened: Opened
    vault: Vault
    numbers: count[int]

    @classmethod
    def open(cls, directory: Path, objects: int) -> _Opening:
        """Make an instance with so many objects."""
        return _Opening(directory, objects)

    async def idle_us(self) -> float:
        """Make passes in which nothing is due."""
        begun = time.perf_counter()
        for _ in range(IDLE):
            assert not await self._pass()
        return (time.perf_counter() - begun) / IDLE * 1e6

    async def busy_ms(self) -> float:
        """Make a pass in which some secrets are near their expiry."""
        await self._set()
        begun = time.perf_counter()
        assert await self._pass() == DUE
        return (time.perf_counter() - begun) * 1e3

    async def peak_kb(self) -> float:
        """Make another, and say what it held at most."""
        await self._set()
        tracemalloc.start()
        try:
            assert await self._pass() == DUE
            return tracemalloc.get_traced_memory()[1] / 1e3
        finally:
            tracemalloc.stop()

    async def _pass(self) -> int:
        world, node = self.opened.world, self.opened.installation.id
        let_go(world, node)
        return (await look_after_objects(world, node)).total()

    async def _set(self) -> None:
        """Set secrets that expire in ten days, and so are near their expiry."""
        world, vault = self.opened.world, self.vault
        envelope, now = world.keys.envelope(vault.id, vault.wrapped_key), world.now()

        async def change(tx: Transaction) -> None:
            for number in islice(self.numbers, DUE):
                given = GivenProperties(exp=now + 10 * _DAY_S)
                await secrets.set_secret(
                    tx, vault, envelope, f"due-{number}", "value", given, now=now, entropy=os.urandom
                )

        await world.store.commit(change)


class _Opening:
    """Makes, fills and opens an instance, and closes it."""

    def __init__(self, directory: Path, objects: int) -> None:
        self._directory = directory
        self._objects = objects
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> _Passes:
        self._directory.mkdir()
        settings = config.load(make_instance(self._directory).data, {}, os.environ)
        async with open_instance(settings) as opened:
            tags = Tags(opened.keys.tag)
        _fill(settings.database, tags, self._objects)
        opened = await self._stack.enter_async_context(open_instance(settings))
        vault = opened.world.view.vault(opened.installation.vault)
        assert vault is not None
        return _Passes(opened, vault, count())

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


def _fill(database: Path, tags: Tags, objects: int) -> None:
    """Write rows to the file, past the store; they belong to vaults that no seal is about."""
    rows = _rows(objects, int(time.time()))
    with closing(apsw.Connection(str(database))) as connection:
        while batch := list(islice(rows, _BATCH)):
            with connection:
                connection.executemany(statements.ADD_OBJECT.sql, [(*row, tags.row("objects", row)) for row in batch])


def _rows(objects: int, now: int) -> Iterator[tuple[object, ...]]:
    """Make active secrets that are due over the next ten years, but for some that never are."""
    for number in range(objects):
        vault, name = f"00000000-0000-4000-8000-{number % _VAULTS:012}", f"secret-{number}"
        due_at = None if number % _NEVER_DUE == 0 else now + _DAY_S + number * 315
        yield (
            vault, "secrets", name, name, f"{number:032x}", now, f"{number:032x}", 1,
            None, None, "active", None, due_at,
        )  # fmt: skip
