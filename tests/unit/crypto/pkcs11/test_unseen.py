"""What one process makes in a token and another does not see: it is neither missing nor left behind (ADR 18)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.core.errors import Unavailable
from strongroom.core.keys import KeyKind, KeySpec
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.keys.protocol import HeldKey
from tests.softhsm import SoftToken
from tests.unit.crypto.pkcs11.test_faults import (
    DIGEST,
    ES256,
    P256,
    PLACE,
    Used,
    held,
    place,
    until_it_signs,
    workers,
)

__all__ = ["place"]
pytestmark = pytest.mark.toolchain("softhsm2-util")


def objects(token: SoftToken) -> set[Path]:
    """List the files of what is in a token."""
    return {path for path in token.tokens.rglob("*.object") if path.name != "token.object"}


@contextmanager
def hidden(files: set[Path]) -> Iterator[None]:
    """Have a library that is loaded meanwhile not see some objects, nor later: it looks when something changes."""
    for path in files:
        path.rename(path.with_suffix(".hidden"))
    try:
        yield
    finally:
        for path in files:
            path.with_suffix(".hidden").rename(path)


async def a_worker_begins(keys: TokenKeys, key: HeldKey) -> None:
    """Have the one worker replaced."""
    os.kill(workers()[-1], signal.SIGKILL)
    await until_it_signs(keys, key)


def test_every_worker_sees_what_the_others_make(place: Used) -> None:
    """Keys that two workers make in turn, or at once, sign by either of them, and are gone when destroyed."""

    async def test() -> None:
        before = objects(place.token)
        keys = TokenKeys(place.token.settings(workers=2))
        made = [await keys.make(P256, PLACE) for _ in range(4)]
        made += await asyncio.gather(*(keys.make(KeySpec(KeyKind.RSA, 2048), PLACE) for _ in range(2)))
        for one in made:
            algorithm = ES256 if one.spec == P256 else ALGORITHMS["RS256"]
            for _ in range(2):
                await keys.sign(held(one), algorithm, DIGEST)
        for one in made:
            await keys.destroy(one.material)
        assert objects(place.token) == before
        await keys.close()

    place.runner.run(test())


def test_what_a_worker_does_not_see_a_new_one_may(place: Used) -> None:
    """A key that is not seen is looked for by a new worker, but only if anything was made since that one began."""

    async def test() -> None:
        keys, before = place.keys, objects(place.token)
        unseen = held(await keys.make(P256, PLACE))
        with hidden(objects(place.token) - before):
            await a_worker_begins(keys, place.key)
        pid = workers()
        with pytest.raises(Unavailable, match="is not in the token"):
            await keys.sign(unseen, ES256, DIGEST)
        assert workers() == pid
        another = await keys.make(P256, PLACE)
        assert await keys.sign(unseen, ES256, DIGEST)
        assert workers() != pid
        for material in (unseen.open(), another.material):
            await keys.destroy(material)
        assert objects(place.token) == before

    place.runner.run(test())


def test_what_a_worker_does_not_see_is_destroyed(place: Used) -> None:
    """A purged key does not stay in the token because the worker that is asked does not see it."""

    async def test() -> None:
        keys, before = place.keys, objects(place.token)
        unseen = await keys.make(P256, PLACE)
        with hidden(objects(place.token) - before):
            await a_worker_begins(keys, place.key)
        another = await keys.make(P256, PLACE)
        for material in (unseen.material, another.material):
            await keys.destroy(material)
        assert objects(place.token) == before

    place.runner.run(test())


def test_a_wrap_key_that_a_worker_does_not_see_is_not_made_again(place: Used) -> None:
    """There is one key for the backups of a subscription: of two, either might be missing where the other is used."""

    async def test() -> None:
        keys, before = place.keys, objects(place.token)
        await keys.ensure_wrap_key("strongroom backup of one")
        made = objects(place.token) - before
        with hidden(made):
            await a_worker_begins(keys, place.key)
        another = await keys.make(P256, PLACE)
        keys._workers.ensured.clear()
        await keys.ensure_wrap_key("strongroom backup of one")
        await keys.destroy(another.material)
        assert objects(place.token) - before == made

    place.runner.run(test())
