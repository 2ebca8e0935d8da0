"""Files that are applied to an instance, as tests share them."""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.seed import show
from strongroom.cli.seed.apply import Outcome
from strongroom.cli.seed.plan import Plan
from tests.world import Simulation

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def name(prefix: str = "a") -> str:
    """Make a name that nothing else has."""
    return f"{prefix}-{chance.token_hex(5)}"


def steps(plan: Plan) -> list[str]:
    """Give a plan's steps."""
    return [f"{change.act.value} {show.call(change.item)}" for change in plan.changes]


def settled(outcome: Outcome) -> Outcome:
    """See that everything was done."""
    assert not outcome.failed, outcome.failed
    assert not outcome.untried
    return outcome


def group(vaults: object = None, **members: object) -> dict[str, Any]:
    """Make a file of one resource group."""
    lists = members if vaults is None else {"vaults": vaults, **members}
    return {"version": 1, "resourceGroups": [{"name": "default", "location": "local", **lists}]}


def secret_file(world: Simulation, *secrets: dict[str, Any]) -> dict[str, Any]:
    """Make a file of secrets in the first vault."""
    return group([{"name": world.vault.name, "secrets": list(secrets)}])


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Simulation]:
    """Make an instance that nothing was done to."""
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.close()
