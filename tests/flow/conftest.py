"""What the tests of the flow share; a module that needs another world makes its own."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Iterator

import argon2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from strongroom.crypto import passwords, signing_keys
from strongroom.crypto.signing_keys import KEY_BITS, NewSigningKey, new_signing_key
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


_one_at_a_time = threading.Lock()
_rsa_keys: deque[RSAPrivateKey] = deque()
_RSA_KEYS = 16
"""Kept, and used in turn: more than the tenants of one world have, so that no two of its keys are the same."""


def _signing_key(tenant: str, now: int, *purpose: str) -> NewSigningKey:
    """Make a signing key as the service does, of the RSA key that was used longest ago."""
    with _one_at_a_time, pytest.MonkeyPatch.context() as patch:
        if len(_rsa_keys) < _RSA_KEYS:
            _rsa_keys.appendleft(generate_private_key(public_exponent=65537, key_size=KEY_BITS))
        else:
            _rsa_keys.rotate(1)
        here = threading.get_ident()

        def take(public_exponent: int, key_size: int) -> RSAPrivateKey:
            # Vaults' keys, made by other threads meanwhile, are none of these.
            return _rsa_keys[0] if threading.get_ident() == here else generate_private_key(public_exponent, key_size)

        patch.setattr(rsa, "generate_private_key", take)
        return new_signing_key(tenant, now, *purpose)


@pytest.fixture(scope="module", autouse=True)
def quick_signing_keys() -> Iterator[None]:
    """
    Use the RSA keys of tenants again in later worlds; each signing key has a certificate and a name of its own.

    To make them is nine tenths of making a world. How they are made is tests/unit/crypto/test_signing_keys.py's matter.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing_keys, "new_signing_key", _signing_key)
        yield


@pytest.fixture(scope="module", autouse=True)
def patient_journal() -> Iterator[None]:
    """
    Take entries while the thread that brings them to the disk has waited for its turn: so many tests run beside it.

    When no more are taken is tests/unit/journal/test_unavailable.py's matter.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("strongroom.journal.journal.STALL_S", 60.0)
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
