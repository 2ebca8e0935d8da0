"""Files about one vault, and what comes of them: the steps that tests of `apply` have in common."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.cli.remote import session
from strongroom.cli.seed import show
from strongroom.cli.seed.reading import Invalid
from tests import seeding
from tests.flow.events import Events
from tests.flow.seeds import group, name, settled
from tests.world import Simulation


def answering(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> Events:
    """Give the webhooks of a world; who waits for something lets them go on."""
    events = Events(world)
    waits = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: events.deliver())
    monkeypatch.setattr(session, "time", waits)
    return events


def in_vault(vault: str, *, new: bool = True, **members: object) -> dict[str, Any]:
    """Make a file about one vault."""
    return group([{"name": vault, **({"enableRbacAuthorization": True} if new else {}), **members}])


def made_vault(world: Simulation) -> str:
    """Make an empty vault."""
    vault = name("v")
    settled(seeding.apply(world, in_vault(vault))[1])
    return vault


def stays(world: Simulation, file: dict[str, Any], **how: Any) -> None:
    """See that a file is applied, and that there is nothing to do the second time."""
    settled(seeding.apply(world, file, **how)[1])
    again = seeding.plan(world, file, **how)
    assert (list(show.plan_lines(again)), again.impossible) == ([], ())


def look(world: Simulation, vault: str, path: str) -> Any:
    """Ask a vault as the administrator."""
    with seeding.session(world) as asks:
        return asks.vault(vault, "GET", path)


def faults_of(world: Simulation, file: dict[str, Any], **how: Any) -> list[str]:
    """Read a file that is not valid; what is wrong with it."""
    with pytest.raises(Invalid) as refused:
        seeding.plan(world, file, **how)
    return [f"{one.place}: {one.message}" if one.place else one.message for one in refused.value.faults]


def lacks(world: Simulation, file: dict[str, Any]) -> list[str]:
    """Compare a file that does not say enough of what is to be made; what is missing."""
    with seeding.reaching(world) as reach:
        document = seeding.read_document(json.dumps(file).encode())
        plan = seeding.compare(seeding.read_wanted(document, reach), reach, prune=False)
        return [one.message for one in seeding.missing(plan, reach)]
