"""
The workers of a token, and the line of questions in front of them.

Each worker is a process with a login of its own. A question that takes too long costs the worker its life, as does a
crash of the vendor's library; the next question starts another, after a pause that grows as long as it goes on failing.
Meanwhile whoever asks is told at once that the token cannot be reached, and nothing else of the service is touched.

A PIN that was refused is not tried again, for tokens lock themselves after a few wrong ones: there is no login before
the PIN file has another one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.core.errors import Invalid, Throttled, Unavailable
from strongroom.crypto.keys.pkcs11 import refusals, wire
from strongroom.crypto.keys.pkcs11.process import Worker, WorkerLost
from strongroom.crypto.keys.protocol import Undecryptable
from strongroom.crypto.private_files import PrivateFileRefused, read_private_text

_PIN_BYTES_MAX = 256
_START_S = 30.0
"""How long a process may take to start, a library to load and a token to let itself be logged in to."""
_RETRY_AFTER_S = 2
PAUSE_S, _PAUSE_MAX_S = 0.5, 30.0

_MAKING = (wire.Make, wire.BringIn, wire.Restore, wire.BringInWrapped, wire.EnsureWrapKey)
"""What leaves an object in the token."""
_ENDED = "The PKCS#11 library ended its process."

Report = Callable[[str], None]
"""Takes a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How to reach a token."""

    module: Path
    """The vendor's library."""
    pin_file: Path
    token: str = ""
    """Its label or serial number; empty where there is only one."""
    workers: int = 2
    timeout_s: float = 10.0
    platform: str = "0"

    def read_pin(self) -> bytes:
        """
        Read the PIN.

        Raises:
            TokenUnusable: the file is not there, or is open to others.
        """
        try:
            return read_private_text(self.pin_file, limit=_PIN_BYTES_MAX).strip()
        except FileNotFoundError:
            raise TokenUnusable(f"There is no PIN file {self.pin_file}.") from None
        except PrivateFileRefused as refused:
            raise TokenUnusable(f"The PIN file is refused: {refused}.") from None


class TokenUnusable(Exception):
    """The token cannot be used as it is set up. The message says why, and names no PIN."""


@dataclass(slots=True)
class _Job:
    question: wire.Question
    answer: asyncio.Future[wire.Answer]
    asked: float
    allowed_s: float


@dataclass(slots=True)
class _State:
    """What is known of the token, by all workers."""

    started: wire.Started | None = None
    fault: str | None = None
    """What went wrong last, for the operator; None while all is well."""
    refused_pin: bytes | None = field(default=None, repr=False)
    """The PIN with which a login was refused."""
    reported: bool = False
    failures: int = 0
    not_before: float = 0.0
    made: int = 0
    """How many objects workers have made."""


@dataclass(slots=True)
class _Seat:
    """Where a worker is, or is not."""

    worker: Worker | None = None
    made: int = 0
    """How many objects had been made when it started."""

    async def empty(self) -> None:
        """End the worker."""
        worker, self.worker = self.worker, None
        if worker is not None:
            await worker.end()


class Workers:
    """Whoever answers questions to a token."""

    def __init__(self, settings: TokenSettings, report: Report, *, waiting: int, pause_s: float) -> None:
        self._settings = settings
        self._report = report
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._waiting = waiting
        self._closed = False
        self._pause_s = pause_s
        self._state = _State()
        self._starting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.ensured: set[str] = set()
        """Labels of keys that this very token is known to hold; forgotten when it is another."""

    @property
    def token(self) -> wire.Started | None:
        """What the token said of itself when it was last reached."""
        return self._state.started

    @property
    def fault(self) -> str | None:
        """Why the token could not be reached when it was last tried."""
        return self._state.fault

    # ---- questions --------------------------------------------------------------------------------------------------

    async def ask(self, question: wire.Question, *, times: int = 1) -> wire.Answer:
        """
        Have a worker answer.

        Raises:
            Unavailable: the token cannot be reached, or did not do it.
            Throttled: too much waits.
            Invalid: the token has nothing of the kind.
            Undecryptable: what it was given does not fit.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise _failure(_unreachable("closed"))
        if self._jobs.qsize() >= self._waiting:
            raise Throttled(
                "Too many requests wait for the token (HSM). Try again later.",
                reason="token_queue_full",
                headers=(("Retry-After", str(_RETRY_AFTER_S)),),
            )
        if not self._tasks:
            self._tasks = [loop.create_task(self._work()) for _ in range(self._settings.workers)]
        job = _Job(question, loop.create_future(), loop.time(), self._settings.timeout_s * times)
        self._jobs.put_nowait(job)
        try:
            answer = await job.answer
        except asyncio.CancelledError:
            # It may have been answered already, and whoever asked gone before he saw it.
            if not job.answer.cancelled():
                self._forget(job.answer.result())
            raise
        if isinstance(answer, wire.Refused):
            raise _failure(answer)
        return answer

    async def close(self) -> None:
        """End every worker, and refuse whoever waits or comes later."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        while not self._jobs.empty():
            _settle(self._jobs.get_nowait(), _unreachable("closed"))

    # ---- answers ----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Answer questions with a worker, for as long as the service runs."""
        seat = _Seat()
        try:
            while True:
                job = await self._jobs.get()
                if not job.answer.done():
                    await self._answer(job, seat)
        finally:
            await asyncio.shield(seat.empty())

    async def _answer(self, job: _Job, seat: _Seat) -> None:
        """Answer a question. A worker that is of no more use is ended."""
        loop = asyncio.get_running_loop()
        if loop.time() - job.asked > job.allowed_s:
            _settle(job, _unreachable("waited too long"))
            return
        try:
            answer = await self._exchange(job, seat)
        except TokenUnusable as fault:
            _settle(job, _unreachable(str(fault)))
            await seat.empty()
            return
        except Exception as fault:  # noqa: BLE001  whatever it is: if this ended, whoever asks would wait for ever
            # No process or no descriptor is left, most likely.
            self._failed(f"A process for the token failed: {type(fault).__name__}.")
            _settle(job, _unreachable(type(fault).__name__))
            await seat.empty()
            return
        except BaseException:
            _settle(job, _unreachable("closed"))
            raise
        self._state.failures = 0
        if job.answer.done():
            self._forget(answer)
        _settle(job, answer)

    def _forget(self, answer: wire.Answer) -> None:
        """Have a key deleted that nobody waits for any more, however many wait: nobody else ever will."""
        if isinstance(answer, wire.Made):
            loop = asyncio.get_running_loop()
            job = _Job(wire.Destroy(answer.id), loop.create_future(), loop.time(), self._settings.timeout_s)
            self._jobs.put_nowait(job)

    async def _exchange(self, job: _Job, seat: _Seat) -> wire.Answer:
        """
        Ask a worker, and a new one where it does not see something that another may have made since it started.

        SoftHSM's library does not see everything that other processes make while it is loaded.

        Raises:
            TokenUnusable: there will be no answer from this one.
        """
        answer = await self._asked(job, seat)
        is_absent = isinstance(answer, wire.Refused) and answer.name in refusals.ABSENT
        if is_absent and seat.made != self._state.made:
            await seat.empty()
            answer = await self._asked(job, seat)
        if isinstance(job.question, _MAKING) and not isinstance(answer, wire.Refused):
            self._state.made += 1
        return answer

    async def _asked(self, job: _Job, seat: _Seat) -> wire.Answer:
        """
        Ask a worker, starting one if there is none.

        Raises:
            TokenUnusable: there will be no answer from this one.
        """
        if seat.worker is not None and seat.worker.has_ended:
            # While nothing was asked of it: that is no question's fault, so it costs none.
            self._report(_ENDED)
            await seat.empty()
        if seat.worker is None:
            seat.made = self._state.made
            seat.worker = await self._started()
        try:
            async with asyncio.timeout(job.allowed_s):
                answer = await seat.worker.ask(wire.frame(job.question))
        except TimeoutError:
            why = f"The token did not answer within {job.allowed_s:g} s."
        except WorkerLost:
            why = _ENDED
        else:
            if not (isinstance(answer, wire.Refused) and answer.kind in {refusals.GONE, refusals.PIN}):
                return answer
            why = f"The token was lost ({answer.name})."
        self._failed(why)
        raise TokenUnusable(why)

    def _failed(self, why: str) -> None:
        state = self._state
        # The first time costs no wait: what was lost may be one process.
        wait = min(self._pause_s * 2 ** (state.failures - 1), _PAUSE_MAX_S) if state.failures else 0.0
        state.failures += 1
        state.not_before = asyncio.get_running_loop().time() + wait
        if state.fault != why:
            self._report(why)
        state.fault = why

    async def _started(self) -> Worker:
        """
        Start a worker and have it log in.

        Raises:
            TokenUnusable: that cannot be done, or not yet.
        """
        state = self._state
        async with self._starting:
            # One after another, so that a wrong PIN is tried once and not by every worker.
            if asyncio.get_running_loop().time() < state.not_before:
                raise TokenUnusable(state.fault or refusals.UNREACHABLE_TEXT)
            try:
                worker = await self._log_in()
            except TokenUnusable as fault:
                self._failed(str(fault))
                raise
            if (state.fault is not None or not state.reported) and state.started is not None:
                state.reported = True
                self._report(_description(state.started))
            state.fault = state.refused_pin = None
            return worker

    async def _log_in(self) -> Worker:
        settings, state = self._settings, self._state
        pin = settings.read_pin()
        if pin == state.refused_pin:
            raise TokenUnusable(state.fault or refusals.UNREACHABLE_TEXT)
        start = wire.Start(str(settings.module), settings.token, pin)
        worker = await Worker.start()
        try:
            async with asyncio.timeout(_START_S):
                answer = await worker.ask(wire.frame(start))
        except TimeoutError:
            await worker.end()
            raise TokenUnusable(f"The token did not let itself be opened within {_START_S:g} s.") from None
        except WorkerLost:
            await worker.end()
            raise TokenUnusable(f"The PKCS#11 library {settings.module} ended its process.") from None
        except BaseException:
            await asyncio.shield(worker.end())
            raise
        if isinstance(answer, wire.Started):
            if state.started is not None and answer.serial != state.started.serial:
                self.ensured.clear()
            state.started = answer
            return worker
        await worker.end()
        if isinstance(answer, wire.Refused) and answer.kind == refusals.PIN:
            state.refused_pin = pin
            raise TokenUnusable(
                f"The token refused the PIN ({answer.name}). It is not tried again, because tokens lock themselves"
                " after a few: correct the PIN file."
            )
        text, name = (answer.text, answer.name) if isinstance(answer, wire.Refused) else ("", type(answer).__name__)
        raise TokenUnusable(f"The token cannot be opened: {text} ({name})")


def _description(token: wire.Started) -> str:
    """Say which token it is, and what it has not."""
    missing = f"; it has not {', '.join(token.missing)}" if token.missing else ""
    return (
        f"The token {token.label} is reached ({token.manufacturer}, {token.model}, firmware {token.firmware},"
        f" serial number {token.serial}){missing}."
    )


def _settle(job: _Job, answer: wire.Answer) -> None:
    # Whoever asked may have gone.
    with contextlib.suppress(asyncio.InvalidStateError):
        job.answer.set_result(answer)


def _unreachable(why: str) -> wire.Refused:
    return wire.Refused(refusals.UNAVAILABLE, refusals.UNREACHABLE_TEXT, why)


class NeedsRemover(Exception):
    """An RSA decryption wants a remover: `paddings`."""


def _failure(refused: wire.Refused) -> Exception:
    """Give what a refusal is to whoever asked."""
    if refused.kind == refusals.UNDECRYPTABLE:
        return Undecryptable()
    if refused.kind == refusals.NEEDS_REMOVER:
        return NeedsRemover()
    if refused.kind == refusals.INVALID:
        return Invalid(refused.text, code="BadParameter", reason=refused.name)
    return Unavailable(refused.text or refusals.UNREACHABLE_TEXT, reason=refused.name)
