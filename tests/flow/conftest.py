"""What the tests of the flow share; a module that needs another world makes its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.flow.client import Client
from tests.world import Simulation


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Make one world for the module; every test uses names and principals of its own."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def vault(world: Simulation) -> Client:
    """Make a client of the first vault that may do everything there."""
    return Client(world)


@pytest.fixture
def name() -> str:
    """Give a secret's name that no other test uses."""
    return f"s-{secrets.token_hex(6)}"


@pytest.fixture
def restored(world: Simulation) -> Iterator[None]:
    """Put the first vault's settings back after the test."""
    before = world.vault
    yield
    world.commit(lambda tx: tx.put(before))
