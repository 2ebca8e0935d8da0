"""A vault whose keys can be released, and an authority that attests, as tests share them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.crypto.keys.protocol import KeyProtections
from tests.flow.attesting import Authority, StandIn, create
from tests.flow.client import Client
from tests.world import Simulation


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make a world whose first vault is premium, with something in the place of a token."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    places = simulation.world.protections
    simulation.world.protections = KeyProtections(places.software, StandIn(threads=1))
    simulation.set_vault(sku="premium")
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def authority(world: Simulation) -> Authority:
    """Make an authority that is configured with its keys."""
    made = Authority(world, "https://attest.example")
    made.configure()
    return made


@pytest.fixture(scope="module")
def key(vault: Client, authority: Authority) -> str:
    """Make a key that may be released."""
    assert create(vault, "released", authority).status == 200
    return "released"


def release(vault: Client, name: str, target: str | None, *, path: str = "", **members: Any) -> Any:
    """Ask for the release of a key."""
    return vault.ask("POST", f"/keys/{name}{path}/release", body={"target": target, **members})


def check(answer: Any, status: int, words: str) -> None:
    """Check a refusal, and that nothing of a key is in it."""
    assert answer.status == status, answer.body
    assert answer.error["code"] == ("BadParameter" if status == 400 else "Forbidden")
    assert words in answer.error["message"]
    assert b"attest.example" not in answer.body
    assert b"value" not in answer.json
