"""What goes wrong with a token: each fault is told, costs one process at most, and passes by itself (SEC-KEY-3)."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from strongroom.core import limits
from strongroom.core.errors import Throttled, Unavailable
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.pkcs11 import wire
from strongroom.crypto.keys.pkcs11 import workers as token_workers
from strongroom.crypto.keys.pkcs11.token_keys import TokenKeys
from strongroom.crypto.keys.protocol import HeldKey, MadeKey, Place
from tests.softhsm import SoftToken, soft_token

pytestmark = pytest.mark.toolchain("softhsm2-util")

PLACE = Place("v", "s", "n", "1")
P256 = KeySpec(KeyKind.EC, curve=Curve.P256)
ES256 = ALGORITHMS["ES256"]
DIGEST = bytes(32)
UNREACHABLE = "cannot be reached now"


@dataclass(slots=True)
class Used:
    """One token's keys for all tests: each leaves them as they were, which is what it tests."""

    token: SoftToken
    keys: TokenKeys
    key: HeldKey
    reports: list[str]
    runner: asyncio.Runner


def held(made: MadeKey) -> HeldKey:
    """Give a key as a vault would."""
    return HeldKey(("v", "o", "1"), made.spec, made.parts, made.material, lambda: made.material)


def arguments(pid: int) -> bytes:
    """Read what a process was started with."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def environment(pid: int) -> bytes:
    """Read the variables that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def core_limits(pid: int) -> list[str]:
    """Read how large a process's core dump may be, and may be made to be."""
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4:6]


_others: set[int] = set()
"""Workers that other modules' tests left to this process."""


def workers() -> list[int]:
    """List this module's workers."""
    children = [
        int(text) for task in Path("/proc/self/task").iterdir() for text in (task / "children").read_text().split()
    ]
    return [pid for pid in children if pid not in _others and b"pkcs11.worker" in arguments(pid)]


@pytest.fixture(scope="module")
def place() -> Iterator[Used]:
    """Make a token, its keys, and one of them."""
    _others.update(workers())
    with soft_token() as token, asyncio.Runner() as runner:
        reports: list[str] = []

        async def make() -> TokenKeys:
            return TokenKeys(token.settings(), reports.append, waiting=2, pause_s=0.01)

        keys = runner.run(make())
        yield Used(token, keys, held(runner.run(keys.make(P256, PLACE))), reports, runner)
        runner.run(keys.close())
        assert workers() == []


async def until_it_signs(keys: TokenKeys, key: HeldKey) -> None:
    """Ask until the token answers again, which it has to do by itself."""
    async with asyncio.timeout(60):
        while True:
            try:
                await keys.sign(key, ES256, DIGEST)
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def until_ended(pid: int) -> None:
    """Wait until a process of ours is gone."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.005)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return


def test_a_worker_that_dies_at_work_costs_one_request(place: Used) -> None:
    """Whoever asked is told that the token cannot be reached; the next question starts another worker."""

    async def test() -> None:
        keys, key = place.keys, place.key
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
        assert "is reached" in place.reports[-1]

    place.runner.run(test())


def test_a_worker_that_dies_while_idle_costs_no_request(place: Used) -> None:
    """Another one is there for the next question, and the operator is told."""

    async def test() -> None:
        keys = TokenKeys(place.token.settings(workers=2), place.reports.append)
        await asyncio.gather(*(keys.sign(place.key, ES256, DIGEST) for _ in range(2)))
        for pid in workers()[-2:]:
            os.kill(pid, signal.SIGKILL)
            await until_ended(pid)
        for _ in range(4):
            assert await keys.sign(place.key, ES256, DIGEST)
        assert keys.fault is None
        assert "ended its process" in place.reports[-1]
        await keys.close()

    place.runner.run(test())


def test_what_interrupts_the_service_interrupts_no_worker(place: Used) -> None:
    """A terminal tells every process of Ctrl-C: what is under way is answered before the service stops."""

    async def test() -> None:
        await until_it_signs(place.keys, place.key)
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.create_task(place.keys.sign(place.key, ES256, DIGEST))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGCONT)
        assert await asked
        assert workers() == [pid]

    place.runner.run(test())


def test_a_token_that_is_too_slow_loses_its_worker(place: Used) -> None:
    """After its time a worker is ended, and the next question starts another."""

    async def test() -> None:
        keys = TokenKeys(place.token.settings(timeout_s=0.5), pause_s=0.01)
        await until_it_signs(keys, place.key)
        pid = workers()[-1]
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await keys.sign(place.key, ES256, DIGEST)
        assert "did not answer within" in (keys.fault or "")
        await until_it_signs(keys, place.key)
        assert pid not in workers()
        await keys.close()

    place.runner.run(test())


def test_what_waits_is_limited(place: Used) -> None:
    """With the line full, one more is refused at once, and those in it are answered."""

    async def test() -> None:
        keys, key = place.keys, place.key
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

    place.runner.run(test())


def test_as_many_wait_as_the_limit_says(place: Used) -> None:
    """TOKEN_REQUESTS_WAITING wait, and one more is refused at once."""

    async def test() -> None:
        keys = TokenKeys(place.token.settings())
        # One tick later a worker would take the first of them.
        asked = [asyncio.ensure_future(keys.make(P256, PLACE)) for _ in range(limits.TOKEN_REQUESTS_WAITING + 1)]
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert [type(one.exception()) for one in done] == [Throttled]
        assert len(waiting) == limits.TOKEN_REQUESTS_WAITING
        for one in waiting:
            one.cancel()
        await keys.close()

    place.runner.run(test())


def test_a_token_that_is_taken_away_comes_back(place: Used) -> None:
    """Without the token every request says so; with it again, everything works, with the same keys."""

    async def test() -> None:
        keys, key = place.keys, place.key
        away = place.token.folder / "elsewhere"
        place.token.tokens.rename(away)
        try:
            for _ in range(3):
                with pytest.raises(Unavailable, match=UNREACHABLE):
                    await keys.sign(key, ES256, DIGEST)
        finally:
            away.rename(place.token.tokens)
        await until_it_signs(keys, key)
        assert "is reached" in place.reports[-1]

    place.runner.run(test())


def test_a_wrong_pin_is_tried_once(place: Used, tmp_path: Path) -> None:
    """SEC-KEY-4: however often and by however many workers keys are asked for, until the file has another one."""
    wrong = tmp_path / "pin"
    wrong.write_text("1234-wrong")
    wrong.chmod(0o600)
    reports: list[str] = []

    async def test() -> None:
        keys = TokenKeys(replace(place.token.settings(workers=2), pin_file=wrong), reports.append, pause_s=0.0)
        try:
            results = await asyncio.gather(*(keys.make(P256, PLACE) for _ in range(4)), return_exceptions=True)
            assert all(isinstance(one, Unavailable) and UNREACHABLE in one.message for one in results)
            with pytest.raises(Unavailable):
                await keys.make(P256, PLACE)
            assert len(reports) == 1
            wrong.write_text(place.token.pin)
            await until_it_signs(keys, place.key)
        finally:
            await keys.close()

    asyncio.run(test())
    assert "is reached" in reports[1]
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
def test_what_is_set_up_wrongly_is_said(place: Used, change: dict[str, object], told: str) -> None:
    """The operator is told what it is; whoever asks, that the token cannot be reached."""
    reports: list[str] = []

    async def test() -> None:
        keys = TokenKeys(replace(place.token.settings(), **change), reports.append)  # type: ignore[arg-type]
        try:
            assert not await keys.reach()
        finally:
            await keys.close()

    asyncio.run(test())
    assert told in reports[0]


def test_a_key_that_nobody_waits_for_is_deleted(place: Used) -> None:
    """A client that hangs up while its key is made leaves none behind."""

    async def test() -> None:
        keys, key = place.keys, place.key
        before = sum(path.suffix == ".object" for path in place.token.tokens.rglob("*"))
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        making = asyncio.create_task(keys.make(P256, PLACE))
        await asyncio.sleep(0.01)
        making.cancel()
        os.kill(pid, signal.SIGCONT)
        await keys.sign(key, ES256, DIGEST)
        await keys.sign(key, ES256, DIGEST)
        assert sum(path.suffix == ".object" for path in place.token.tokens.rglob("*")) == before

    place.runner.run(test())


def test_a_key_whose_asker_leaves_as_it_comes_is_deleted(place: Used, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one left behind where the answer was there already, and whoever asked was gone before he saw it."""

    async def test() -> None:
        keys = place.keys
        before = sum(path.suffix == ".object" for path in place.token.tokens.rglob("*"))
        making = asyncio.create_task(keys.make(P256, PLACE))
        settle = token_workers._settle

        def settle_and_leave(job: token_workers._Job, answer: wire.Answer) -> None:
            settle(job, answer)
            making.cancel()

        with monkeypatch.context() as leaving:
            leaving.setattr(token_workers, "_settle", settle_and_leave)
            with pytest.raises(asyncio.CancelledError):
                await making
        await keys.sign(place.key, ES256, DIGEST)
        assert sum(path.suffix == ".object" for path in place.token.tokens.rglob("*")) == before

    place.runner.run(test())


def test_destroyed_is_gone(place: Used) -> None:
    """After its destruction a key signs nothing, and destroying it again is no fault."""

    async def test() -> None:
        keys = place.keys
        key = held(await keys.make(P256, PLACE))
        await keys.destroy(key.open())
        await keys.destroy(key.open())
        with pytest.raises(Unavailable, match="is not in the token"):
            await keys.sign(key, ES256, DIGEST)

    place.runner.run(test())


def test_a_key_of_another_token_is_not_taken_for_destroyed(place: Used) -> None:
    """Nor by the first question after a start, before it is known which token is there: the key stays doomed."""

    async def test() -> None:
        with soft_token("another") as token:
            keys = TokenKeys(token.settings())
            try:
                with pytest.raises(Unavailable, match="in another token"):
                    await keys.destroy(place.key.open())
            finally:
                await keys.close()
        await until_it_signs(place.keys, place.key)

    place.runner.run(test())


def test_a_worker_shows_nothing(place: Used) -> None:
    """SEC-KEY-4: a worker leaves no core dump, and its PIN is not among its arguments, nor in its environment."""

    async def test() -> None:
        pid = workers()[0]
        assert core_limits(pid) == ["0", "0"]
        assert place.token.pin.encode() not in arguments(pid)
        assert place.token.pin.encode() not in environment(pid)

    place.runner.run(test())


def test_a_process_that_cannot_be_started_is_tried_again(place: Used, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without memory or descriptors for a worker, whoever asks is told so, and whoever asks later is answered."""

    async def test() -> None:
        keys = TokenKeys(place.token.settings(), pause_s=0.01)
        with monkeypatch.context() as poor:

            async def refuse(*_: object, **__: object) -> None:
                raise BlockingIOError(errno.EAGAIN, "no more processes")

            poor.setattr(asyncio, "create_subprocess_exec", refuse)
            for _ in range(2):
                with pytest.raises(Unavailable, match=UNREACHABLE):
                    await asyncio.wait_for(keys.sign(place.key, ES256, DIGEST), 60)
        await until_it_signs(keys, place.key)
        await keys.close()

    place.runner.run(test())


def test_a_full_line_does_not_end_the_work(place: Used) -> None:
    """A key that nobody waits for any more is deleted even when the line is full, and the rest is answered."""

    async def test() -> None:
        keys, key = place.keys, place.key
        (pid,) = workers()
        os.kill(pid, signal.SIGSTOP)
        making = asyncio.create_task(keys.make(P256, replace(PLACE, name="abandoned")))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(keys.sign(key, ES256, DIGEST)) for _ in range(2)]
        await asyncio.sleep(0.01)
        making.cancel()
        await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGCONT)
        assert all(await asyncio.wait_for(asyncio.gather(*waiting), 60))
        await keys.sign(key, ES256, DIGEST)

    place.runner.run(test())


def test_closed_stays_closed(place: Used) -> None:
    """What is asked after the end starts no worker, which nobody would end."""

    async def test() -> None:
        keys = TokenKeys(place.token.settings())
        await keys.close()
        with pytest.raises(Unavailable, match=UNREACHABLE):
            await asyncio.wait_for(keys.sign(place.key, ES256, DIGEST), 60)
        assert not await keys.reach()

    place.runner.run(test())


_LOOK = """
import sys
import PyKCS11
library = PyKCS11.PyKCS11Lib()
library.load(sys.argv[1])
session = library.openSession(library.getSlotList(tokenPresent=True)[0])
session.login(sys.stdin.read())
for kind in (PyKCS11.CKO_PRIVATE_KEY, PyKCS11.CKO_SECRET_KEY):
    for found in session.findObjects([(PyKCS11.CKA_CLASS, kind)]):
        private = [PyKCS11.CKA_VALUE, PyKCS11.CKA_PRIVATE_EXPONENT, PyKCS11.CKA_PRIME_1]
        print(found.to_dict()["CKA_LABEL"], [bool(one) for one in session.getAttributeValue(found, private)])
"""


def test_the_token_gives_out_no_private_part(place: Used) -> None:
    """SEC-KEY-2: whoever has the PIN reads neither a key that was made nor what wraps its backup."""

    async def test() -> str:
        keys = place.keys
        for spec in (P256, KeySpec(KeyKind.RSA, 2048), KeySpec(KeyKind.OCT, 256)):
            await keys.back_up(held(await keys.make(spec, PLACE)), PLACE)
        look = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _LOOK, str(place.token.module), stdin=PIPE, stdout=PIPE
        )
        return (await look.communicate(place.token.pin.encode()))[0].decode()

    found = place.runner.run(test()).splitlines()
    assert len(found) >= 4
    assert [line for line in found if "True" in line] == []
