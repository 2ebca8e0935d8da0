"""The journal of a simulated world, for the tests of what is recorded."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.world import Simulation


def since(world: Simulation, count: int) -> list[dict[str, Any]]:
    """Read the entries that came after the first *count*."""
    return world.entries()[count:]


def last(world: Simulation) -> dict[str, Any]:
    """Read the newest entry."""
    return world.entries()[-1]


def files(world: Simulation) -> list[Path]:
    """Give the journal's files, oldest first."""
    return sorted((world.folder / "audit").glob("*.jsonl"))


@contextmanager
def full_disk(world: Simulation) -> Iterator[None]:
    """Let no file grow beyond what the journal has now, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (files(world)[-1].stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
