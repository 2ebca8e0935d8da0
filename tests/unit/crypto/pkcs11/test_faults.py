"""What goes wrong with a token: each fault is told in a sentence, costs one process at most, and passes by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.core.errors import Throttled, Unavailable
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.keys.protocol import HeldKey, MadeKey, Place
from tests.softhsm import SoftToken, soft_token

pytestmark = pytest.mark.toolchain("softhsm2-util")

PLACE = Place("v", "s", "n", "1")
P256 = KeySpec(KeyKind.EC, curve=Curve.P256)
ES256 = ALGORITHMS["ES256"]
DIGEST = bytes(32)
UNREACHABLE = "cannot be reached now"


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    """Make one token for all tests: none of them leaves it changed."""
    with soft_token(tmp_path_factory.mktemp("faults") / "t") as token:
        yield token


def held(made: MadeKey) -> HeldKey:
    """Give a key as a vault would."""
    return HeldKey(("v", "o", "1"), made.spec, made.parts, made.material, lambda: made.material)


def workers() -> list[int]:
    """List this process's workers."""
    children = [
        int(text) for task in Path("/proc/self/task").iterdir() for text in (task / "children").read_text().split()
    ]
    return [pid for pid in children if b"pkcs11.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def with_keys(
    token: SoftToken,
    test: Callable[[TokenKeys, HeldKey, list[str]], Awaitable[None]],
    *,
    timeout_s: float = 30.0,
    waiting: int = 8,
) -> None:
    """Run a test with a token's keys, one of them made, and all that is reported."""

    async def run() -> None:
        reports: list[str] = []
        keys = TokenKeys(token.settings(timeout_s=timeout_s), reports.append, waiting=waiting, pause_s=0.01)
        try:
            await test(keys, held(await keys.make(P256, PLACE)), reports)
        finally:
            await keys.close()
        assert workers() == []

    asyncio.run(run())


async def until_it_signs(keys: TokenKeys, key: HeldKey) -> None:
    """Ask until the token answers again, which it has to do by itself."""
    async with asyncio.timeout(20):
        while True:
            try:
                await keys.sign(key, ES256, DIGEST)
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


def test_a_worker_that_dies_at_work_costs_one_request(token: SoftToken) -> None:
    """Whoever asked is told that the token cannot be reached; the next question starts another worker."""

    async def test(keys: TokenKeys, key: HeldKey, reports: list[str]) -> None:
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.create_task(keys.sign(key, ES256, DIGEST))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGSEGV)
        os.kill(pid, signal.SIGCONT)
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await asked
        assert "ended its process" in (keys.fault or "")
        await keys.sign(key, ES256, DIGEST)
        assert keys.fault is None
        assert "is reached" in reports[-1]

    with_keys(token, test)


def test_a_token_that_is_too_slow_loses_its_worker(token: SoftToken) -> None:
    """After its time a worker is ended, and the next question starts another."""

    async def test(keys: TokenKeys, key: HeldKey, _: list[str]) -> None:
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await keys.sign(key, ES256, DIGEST)
        assert pid not in workers()
        assert "did not answer within" in (keys.fault or "")
        await until_it_signs(keys, key)

    with_keys(token, test, timeout_s=1.0)


def test_what_waits_is_limited(token: SoftToken) -> None:
    """With the line full, one more is refused at once, and those in it are answered."""

    async def test(keys: TokenKeys, key: HeldKey, _: list[str]) -> None:
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        at_work = asyncio.create_task(keys.sign(key, ES256, DIGEST))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(keys.sign(key, ES256, DIGEST)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Throttled):
            await keys.sign(key, ES256, DIGEST)
        os.kill(pid, signal.SIGCONT)
        assert all(await asyncio.gather(at_work, *waiting))

    with_keys(token, test, waiting=2)


def test_a_token_that_is_taken_away_comes_back(token: SoftToken) -> None:
    """Without the token every request says so; with it again, everything works, with the same keys."""

    async def test(keys: TokenKeys, key: HeldKey, reports: list[str]) -> None:
        away = token.folder / "elsewhere"
        token.tokens.rename(away)
        try:
            for _ in range(3):
                with pytest.raises(Unavailable, match=UNREACHABLE):
                    await keys.sign(key, ES256, DIGEST)
        finally:
            away.rename(token.tokens)
        await until_it_signs(keys, key)
        assert "is reached" in reports[-1]

    with_keys(token, test)


def test_a_wrong_pin_is_tried_once(token: SoftToken, tmp_path: Path) -> None:
    """However often and by however many workers keys are asked for: tokens lock themselves."""
    wrong = tmp_path / "pin"
    wrong.write_text("1234-wrong")
    wrong.chmod(0o600)
    reports: list[str] = []

    async def test() -> None:
        keys = TokenKeys(replace(token.settings(workers=2), pin_file=wrong), reports.append, pause_s=0.0)
        try:
            results = await asyncio.gather(*(keys.make(P256, PLACE) for _ in range(4)), return_exceptions=True)
            assert all(isinstance(one, Unavailable) and UNREACHABLE in one.message for one in results)
            with pytest.raises(Unavailable):
                await keys.make(P256, PLACE)
        finally:
            await keys.close()

    asyncio.run(test())
    assert len(reports) == 1
    assert "refused the PIN (CKR_PIN_INCORRECT)" in reports[0]
    assert "1234-wrong" not in reports[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"module": Path("/nowhere/lib.so")}, "cannot be loaded"),
        ({"token": "another"}, "There is no token 'another'"),
        ({"pin_file": Path("/nowhere/pin")}, "There is no PIN file"),
    ],
)
def test_what_is_set_up_wrongly_is_said(token: SoftToken, change: dict[str, object], told: str) -> None:
    """The operator is told what it is; whoever asks, that the token cannot be reached."""
    reports: list[str] = []

    async def test() -> None:
        keys = TokenKeys(replace(token.settings(), **change), reports.append)  # type: ignore[arg-type]
        try:
            assert not await keys.reach()
        finally:
            await keys.close()

    asyncio.run(test())
    assert told in reports[0]


def test_a_key_that_nobody_waits_for_is_deleted(token: SoftToken) -> None:
    """A client that hangs up while its key is made leaves none behind."""

    async def test(keys: TokenKeys, key: HeldKey, _: list[str]) -> None:
        before = sum(path.suffix == ".object" for path in token.tokens.rglob("*"))
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        making = asyncio.create_task(keys.make(P256, PLACE))
        await asyncio.sleep(0.01)
        making.cancel()
        os.kill(pid, signal.SIGCONT)
        await keys.sign(key, ES256, DIGEST)
        await keys.sign(key, ES256, DIGEST)
        assert sum(path.suffix == ".object" for path in token.tokens.rglob("*")) == before

    with_keys(token, test)


def test_destroyed_is_gone(token: SoftToken) -> None:
    """After its destruction a key signs nothing, and destroying it again is no fault."""

    async def test(keys: TokenKeys, key: HeldKey, _: list[str]) -> None:
        await keys.destroy(key.open())
        await keys.destroy(key.open())
        with pytest.raises(Unavailable, match="is not in the token"):
            await keys.sign(key, ES256, DIGEST)

    with_keys(token, test)


def test_a_worker_shows_nothing(token: SoftToken) -> None:
    """A worker leaves no core dump, and its PIN is not among its arguments."""

    async def test(keys: TokenKeys, key: HeldKey, _: list[str]) -> None:
        (pid,) = workers()
        status = Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in status.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert token.pin.encode() not in arguments

    with_keys(token, test)
