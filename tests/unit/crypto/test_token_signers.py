import asyncio
import threading
from collections.abc import Iterator

import pytest

from strongroom.core import limits
from strongroom.core.errors import Throttled
from strongroom.crypto.jws import verification_key, verify_signature
from strongroom.crypto.protocol import Unsealable
from strongroom.crypto.signing_keys import NewSigningKey, new_signing_key
from strongroom.crypto.token_signers import TokenSigners


class Safe:
    """Gives out a private key and counts how often it was asked."""

    def __init__(self, key: NewSigningKey) -> None:
        self.key = key
        self.opened = 0

    def __call__(self) -> bytes:
        """Open the key."""
        self.opened += 1
        return self.key.private_key


@pytest.fixture(scope="module")
def keys() -> list[NewSigningKey]:
    """Make three keys for the facts of this module."""
    return [new_signing_key("tenant", 1_800_000_000) for _ in range(3)]


@pytest.fixture
def signers() -> Iterator[TokenSigners]:
    """Make the signers and close them."""
    made = TokenSigners(threads=1)
    yield made
    made.close()


def test_the_token_verifies_with_the_key_it_names(signers: TokenSigners, keys: list[NewSigningKey]) -> None:
    """What the pool signed is a token of that key, with the claims that were given."""
    token = asyncio.run(signers.sign(keys[0].kid, Safe(keys[0]), {"a": 1}))
    assert verify_signature(token, {keys[0].kid: verification_key(keys[0].certificate)}) == {"a": 1}


def test_a_key_is_opened_once(signers: TokenSigners, keys: list[NewSigningKey]) -> None:
    """The second token neither opens the seal nor loads the key again."""
    safe = Safe(keys[0])

    async def twice() -> None:
        await signers.sign(keys[0].kid, safe, {})
        await signers.sign(keys[0].kid, safe, {})

    asyncio.run(twice())
    assert safe.opened == 1


def test_the_key_used_longest_ago_is_forgotten_first(
    signers: TokenSigners, keys: list[NewSigningKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit every key is kept; one past it, the one used longest ago is opened anew."""
    monkeypatch.setattr(limits, "SIGNERS_KEPT", 2)
    safes = [Safe(key) for key in keys]

    async def scenario() -> None:
        for number in (0, 1, 0, 2, 0, 1):
            await signers.sign(keys[number].kid, safes[number], {})

    asyncio.run(scenario())
    assert [safe.opened for safe in safes] == [1, 2, 1]


def test_a_key_that_does_not_open_is_not_kept(signers: TokenSigners, keys: list[NewSigningKey]) -> None:
    """A seal that does not open reaches the caller, and the next attempt opens it again."""

    def refuse() -> bytes:
        raise Unsealable

    with pytest.raises(Unsealable):
        asyncio.run(signers.sign(keys[0].kid, refuse, {}))
    safe = Safe(keys[0])
    asyncio.run(signers.sign(keys[0].kid, safe, {}))
    assert safe.opened == 1


def test_too_many_signatures_are_throttled(keys: list[NewSigningKey]) -> None:
    """One at work and one waiting are admitted, a third is answered 429."""
    go = threading.Event()

    def open_slowly() -> bytes:
        assert go.wait(30)
        return keys[0].private_key

    async def scenario() -> None:
        signers = TokenSigners(threads=1, waiting=1)
        admitted = [asyncio.create_task(signers.sign(keys[0].kid, open_slowly, {})) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await signers.sign(keys[0].kid, open_slowly, {})
        go.set()
        await asyncio.gather(*admitted)
        signers.close()

    asyncio.run(scenario())
