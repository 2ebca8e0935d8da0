import asyncio
import threading
from collections.abc import Iterator

import argon2
import pytest

from strongroom.core import limits
from strongroom.core.errors import Throttled
from strongroom.crypto import passwords as module
from strongroom.crypto.passwords import Passwords, WrongPassword
from strongroom.crypto.software import SoftwareRootKey

PROTECTION = SoftwareRootKey(bytes(range(32)))

# Of the password `correct horse`, as the first release wrote it under the root key 00 01 02 ... 1f.
GOLDEN = b"$argon2id$v=19$m=65536,t=3,p=4$wtpYAIjphvyIsXAPlv4I+A$A0xJogLPMxec/XS6mZewjQTFa2zu4Samh9O494KzcWk"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Make a hasher and close it."""
    hasher = Passwords(PROTECTION)
    yield hasher
    hasher.close()


def test_the_right_password_is_accepted(passwords: Passwords) -> None:
    """What was hashed verifies, here one hashed by the first release."""
    asyncio.run(passwords.verify(GOLDEN, "correct horse"))


@pytest.mark.parametrize("wrong", ["", "Correct horse", "correct horse ", "correct\u00a0horse", "\ud800"])
def test_a_wrong_password_is_refused(passwords: Passwords, wrong: str) -> None:
    """SEC (pitfalls): a password compared without case, or trimmed, or evened out."""
    with pytest.raises(WrongPassword):
        asyncio.run(passwords.verify(GOLDEN, wrong))


def test_an_unknown_user_is_refused(passwords: Passwords) -> None:
    """No verifier means no such user, whatever the password."""
    for password in ("", "correct horse"):
        with pytest.raises(WrongPassword):
            asyncio.run(passwords.verify(None, password))


def test_an_unknown_user_costs_what_a_known_one_costs(passwords: Passwords) -> None:
    """SEC: equal work; what an unknown user is checked against asks the same of Argon2id as a real verifier."""
    assert argon2.extract_parameters(module._NOBODY) == argon2.extract_parameters(
        asyncio.run(passwords.hash("any")).decode()
    )


def test_an_unknown_user_is_really_hashed(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC: equal work; the hash is computed, not skipped."""
    checked: list[str] = []
    real = argon2.PasswordHasher.verify

    def recorded(self: argon2.PasswordHasher, expected: str, password: bytes) -> bool:
        checked.append(expected)
        return bool(real(self, expected, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", recorded)
    with pytest.raises(WrongPassword):
        asyncio.run(passwords.verify(None, "guess"))
    assert checked == [module._NOBODY]


def test_a_verifier_is_argon2id_as_rfc_9106_recommends(passwords: Passwords) -> None:
    """SEC-BOOT-20: Argon2id; 64 MiB, three passes, four lanes, 128-bit salt, 256-bit hash."""
    parameters = argon2.extract_parameters(asyncio.run(passwords.hash("any")).decode())
    assert parameters == argon2.Parameters(
        type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=3, memory_cost=65536, parallelism=4
    )


def test_the_same_password_has_two_verifiers(passwords: Passwords) -> None:
    """Every verifier has its own salt: equal passwords do not look equal."""
    assert asyncio.run(passwords.hash("same")) != asyncio.run(passwords.hash("same"))


def test_a_verifier_is_of_no_use_without_the_root_key() -> None:
    """A stolen database alone does not let anyone try passwords."""
    hasher = Passwords(SoftwareRootKey(bytes(32)))
    with pytest.raises(WrongPassword):
        asyncio.run(hasher.verify(GOLDEN, "correct horse"))
    hasher.close()


def test_a_broken_verifier_is_no_wrong_password(passwords: Passwords) -> None:
    """A row that is not a verifier is a fault of the instance and is not passed off as a typing mistake."""
    with pytest.raises(argon2.exceptions.InvalidHashError):
        asyncio.run(passwords.verify(b"garbage", "correct horse"))


def test_a_full_queue_is_throttled() -> None:
    """SEC-BOOT-20: Argon2id behind a bounded queue that answers 429; right and wrong passwords alike."""

    async def scenario() -> None:
        hasher, go = Passwords(PROTECTION, at_once=1, waiting=1), threading.Event()
        running = asyncio.create_task(hasher._pool.run(lambda: go.wait(30)))
        waiting = asyncio.create_task(hasher.verify(GOLDEN, "correct horse"))
        await asyncio.sleep(0)
        for refused in (hasher.verify(GOLDEN, "correct horse"), hasher.verify(None, "guess"), hasher.hash("new")):
            with pytest.raises(Throttled):
                await refused
        go.set()
        assert await running
        await waiting
        hasher.close()

    asyncio.run(scenario())


def test_only_so_many_are_hashed_at_once(passwords: Passwords) -> None:
    """SEC-BOOT-20: `PASSWORD_HASHES_AT_ONCE` run, `PASSWORD_HASHES_WAITING` wait for them, and the next is refused."""
    full, refused, lock, running, most = threading.Event(), threading.Event(), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == limits.PASSWORD_HASHES_AT_ONCE:
                full.set()
        assert full.wait(30)
        assert refused.wait(30)
        with lock:
            running -= 1

    async def scenario() -> None:
        places = limits.PASSWORD_HASHES_AT_ONCE + limits.PASSWORD_HASHES_WAITING
        admitted = [asyncio.create_task(passwords._pool.run(work)) for _ in range(places)]
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await passwords.hash("one too many")
        refused.set()
        await asyncio.gather(*admitted)

    asyncio.run(scenario())
    assert most == limits.PASSWORD_HASHES_AT_ONCE


def test_the_default_bound_keeps_memory_within_reason() -> None:
    """All hashes that may run at once take at most 128 MiB."""
    assert limits.PASSWORD_HASHES_AT_ONCE * 64 <= 128
