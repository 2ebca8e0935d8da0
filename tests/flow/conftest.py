"""What the tests of the flow share; a module that needs another world makes its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import argon2
import pytest

from strongroom.crypto import passwords
from tests.flow.client import Client
from tests.world import Simulation


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """
    Hash passwords with Argon2id's least work, for known and unknown users alike: here nobody guesses.

    The service's own parameters are tests/unit/crypto/test_passwords.py's matter, and every live service has them.
    """
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: hasher)
        patch.setattr(passwords, "_NOBODY", passwords._NOBODY.replace("m=65536,t=3,p=4", "m=8,t=1,p=1"))
        yield


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
