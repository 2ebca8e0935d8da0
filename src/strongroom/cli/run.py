"""
`strongroom run`: one program, for which Azure's names are this instance.

    credential --> certificates --> relay --> program --> credential revoked --> the program's exit code

Whatever happens on the way, the credential is revoked and the run's directory removed.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.cli.azure_names import ServedNames
from strongroom.cli.control import RunGrant, begin_run, end_run
from strongroom.cli.endpoints import key_file, require_endpoint, token_file
from strongroom.cli.environment import run_environment
from strongroom.cli.hints import Hints
from strongroom.cli.instance import Instance, find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.relay import Relay, RelaySettings
from strongroom.cli.serving import Termination
from strongroom.cli.trust import write_trust
from strongroom.cli.upstream import Surroundings

FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT)
"""Signals that whoever started us means for the program."""
_GROUP_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to the program as well as to us. It decides what they mean; we wait for it."""
_SIGNALLED = 128
_CERTIFICATE_MARGIN_S = 600
"""The certificate is dated back by less than this, so it ends that much before its life is over from now."""
_PASSWORD_BYTES = 32


def run(
    data: Path | None,
    identity: str | None,
    command: Sequence[str],
    *,
    service_principal: bool,
    endpoint: str,
    quiet: bool = False,
) -> int:
    """
    Run a program with this instance behind Azure's names, and give its exit code.

    Raises:
        Halt: the service does not run, refuses, or the program cannot be started.
    """
    if not command:
        raise Halt("say which program to run: strongroom run -- PROGRAM ARGS", Exit.USAGE)
    require_endpoint(endpoint, service_principal=service_principal)
    _require_program(command[0])
    try:
        surroundings = Surroundings.of(os.environ)
    except ValueError as error:
        raise Halt(f"the proxy that this shell uses cannot be passed through: {error}") from None
    instance = find_instance(data)
    ca = instance.read_ca()
    hints = None if quiet else Hints(instance.data, say)
    return asyncio.run(
        _run(
            instance, ca, identity, command, surroundings, hints, service_principal=service_principal, endpoint=endpoint
        )
    )


@dataclass(slots=True)
class _Signals:
    """What has been signalled, kept until there is a program to tell."""

    pending: list[signal.Signals] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None

    def listen(self) -> None:
        """Take over the signals that are not ours alone."""
        loop = asyncio.get_running_loop()
        for number in FORWARDED:
            loop.add_signal_handler(number, self._forward, number)
        for number in _GROUP_SIGNALS:
            loop.add_signal_handler(number, self._leave, number)

    def _forward(self, number: signal.Signals) -> None:
        if self.process is None:
            self.pending.append(number)
        elif self.process.returncode is None:
            self.process.send_signal(number)

    def _leave(self, number: signal.Signals) -> None:
        if self.process is None:
            self.pending.append(number)

    def require_none(self) -> None:
        """
        End the run if it was told to end before the program began.

        Raises:
            Halt: it was.
        """
        fatal = [number for number in self.pending if number not in {signal.SIGWINCH, signal.SIGCONT}]
        if fatal:
            raise Interrupted(fatal[0])


class Interrupted(Exception):
    """A signal ended the run before its program began."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


async def _run(
    instance: Instance,
    ca: bytes,
    identity: str | None,
    command: Sequence[str],
    surroundings: Surroundings,
    hints: Hints | None,
    *,
    service_principal: bool,
    endpoint: str,
) -> int:
    # A client that hangs up during its handshake is no news: the program's own output is all there is to see.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    signals = _Signals()
    signals.listen()
    grant = begin_run(instance, identity=identity, service_principal=service_principal)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strongroom-run-", ignore_cleanup_errors=True) as scratch,
            key_file(grant, endpoint),
        ):
            async with token_file(instance, grant, endpoint, Path(scratch), say):
                return await _run_with(
                    instance, ca, grant, command, surroundings, Path(scratch), signals, endpoint, hints
                )
    except Interrupted as interruption:
        return _SIGNALLED + interruption.number
    finally:
        try:
            end_run(instance, grant.run_id)
        except Halt as halt:
            say(f"the credential of this run could not be revoked and ends by itself: {halt}")


async def _run_with(
    instance: Instance,
    ca: bytes,
    grant: RunGrant,
    command: Sequence[str],
    surroundings: Surroundings,
    scratch: Path,
    signals: _Signals,
    endpoint: str,
    hints: Hints | None,
) -> int:
    from strongroom.crypto.x509 import RUN_LIFETIME_S, make_run_authority  # noqa: PLC0415  costs a tenth of a second

    served = ServedNames(frozenset(grant.azure_hosts), frozenset(grant.own_hosts), grant.port)
    began = time.time()
    # The authority's key ends with this call, before there is a program that could want it.
    authority = make_run_authority(served.all, now=int(began))
    trust = write_trust(scratch, [authority.ca_certificate, ca], os.environ)
    relay = Relay(
        RelaySettings(
            served=served,
            control_socket=instance.control_socket,
            termination=Termination(authority.leaf_certificate, authority.leaf_private_key, scratch),
            password=secrets.token_urlsafe(_PASSWORD_BYTES),
            expires_at=min(began + RUN_LIFETIME_S - _CERTIFICATE_MARGIN_S, grant.expires_on or math.inf),
            clock=time.time,
            surroundings=surroundings,
            say=say,
            hints=hints,
        )
    )
    del authority
    await relay.start()
    try:
        environment = run_environment(os.environ, grant, served, relay.url, trust, scratch, endpoint)
        signals.require_none()
        signals.process = await _start(command, environment)
        code = await signals.process.wait()
    finally:
        await relay.close()
    return code if code >= 0 else _SIGNALLED - code


async def _start(command: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(*command, env=environment)
    except PermissionError:
        raise _not_executable(command[0]) from None
    except FileNotFoundError:
        raise _not_found(command[0]) from None
    except OSError as error:
        raise Halt(f"{command[0]} cannot be started: {error.strerror}", Exit.NOT_EXECUTABLE) from None


def _require_program(program: str) -> None:
    """
    Look for the program before anything is made for it.

    Raises:
        Halt: there is none, or it may not be executed.
    """
    if shutil.which(program) is None:
        raise _not_executable(program) if Path(program).is_file() and "/" in program else _not_found(program)


def _not_found(program: str) -> Halt:
    return Halt(f"there is no program {program}: check the name, or give its path", Exit.NOT_FOUND)


def _not_executable(program: str) -> Halt:
    return Halt(f"{program} may not be executed: run chmod +x on it, or its interpreter instead", Exit.NOT_EXECUTABLE)


def say(message: str) -> None:
    """Tell the user something beside the program's own output."""
    print(f"strongroom: {message}", file=sys.stderr)
