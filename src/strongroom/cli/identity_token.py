"""
`strongroom identity-token`: keep a token file for a program that `run` does not start, as AKS keeps one for a pod.

    credential --> assertion in the file --at half its life--> another --told to stop--> credentials revoked, file gone

A credential lasts a day at most, so another one takes over at half of its life. The one before is left to end by
itself, since tokens that were got with it are still in use.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.cli.control import RunGrant, begin_run, end_run, issue_assertion
from strongroom.cli.endpoints import ENDPOINTS, WORKLOAD_IDENTITY, Offer
from strongroom.cli.environment import ALIAS
from strongroom.cli.instance import Instance, find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.run import say
from strongroom.core.limits import RUN_MAX_S
from strongroom.crypto.private_files import replace_private_file

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RENEW_MIN_S = 0.5
_TRY_AGAIN_S = 30.0


def identity_token(data: Path | None, identity: str | None, file: Path) -> int:
    """
    Write a managed identity's token file, print the variables that lead to it, and renew it until told to stop.

    Raises:
        Halt: the service does not run or refuses, or something else is at the path.
    """
    # A link that was put there must not lead the file elsewhere, so the path is not resolved.
    path = Path(os.path.abspath(file))  # noqa: PTH100
    _require_replaceable(path)
    return asyncio.run(_keep(_Keeper(find_instance(data), identity, path)))


@dataclass(slots=True)
class _Keeper:
    """A token file, and the credentials that were made for it."""

    instance: Instance
    identity: str | None
    path: Path
    grants: list[RunGrant] = field(default_factory=list)

    def write(self) -> int:
        """
        Write a new assertion, whole or not at all, and say when it ends.

        Raises:
            Halt: the service does not run, or refuses.
            OSError: the file cannot be written.
        """
        if not self.grants or _is_half_over(self.grants[-1]):
            self._begin()
        try:
            assertion, ends = issue_assertion(self.instance, self.grants[-1].run_id)
        except Halt:
            # The credential may have been revoked meanwhile, as when its identity was made anew.
            self._begin()
            assertion, ends = issue_assertion(self.instance, self.grants[-1].run_id)
        replace_private_file(self.path, assertion.encode("ascii"))
        return ends

    def end(self) -> None:
        """Remove the file, and revoke what was made for it."""
        self.path.unlink(missing_ok=True)
        for grant in self.grants:
            if grant.expires_on is not None and grant.expires_on <= time.time():
                continue
            try:
                end_run(self.instance, grant.run_id)
            except Halt as halt:
                say(f"a credential could not be revoked and ends by itself: {halt}")

    def variables(self) -> dict[str, str]:
        """Give the variables by which a program finds the file."""
        grant = self.grants[-1]
        shown = ENDPOINTS[WORKLOAD_IDENTITY](Offer(grant, grant.authority, ALIAS, self.path.parent))
        return {**shown, "AZURE_FEDERATED_TOKEN_FILE": str(self.path)}

    def _begin(self) -> None:
        self.grants.append(
            begin_run(self.instance, identity=self.identity, service_principal=False, lifetime_s=RUN_MAX_S)
        )


async def _keep(keeper: _Keeper) -> int:
    stop = asyncio.Event()
    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        try:
            ends = await asyncio.to_thread(keeper.write)
        except OSError as error:
            raise Halt(f"{keeper.path} cannot be written: {error.strerror}") from None
        print(*(f"{name}={value}" for name, value in keeper.variables().items()), sep="\n", flush=True)
        wait_s = _until_half(ends)
        while not await _is_set(stop, wait_s):
            try:
                ends = await asyncio.to_thread(keeper.write)
                wait_s = _until_half(ends)
            except (Halt, OSError) as fault:
                say(f"the token file could not be renewed, and its content ends at {ends}: {fault}")
                wait_s = _TRY_AGAIN_S
    finally:
        await asyncio.to_thread(keeper.end)
    return Exit.OK


async def _is_set(stop: asyncio.Event, wait_s: float) -> bool:
    """Wait for a while, and tell whether it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), wait_s)
    except TimeoutError:
        return False
    return True


def _until_half(ends: int) -> float:
    return max(_RENEW_MIN_S, (ends - time.time()) / 2)


def _is_half_over(grant: RunGrant) -> bool:
    return grant.expires_on is not None and grant.expires_on - time.time() < RUN_MAX_S / 2


def _require_replaceable(path: Path) -> None:
    """
    Refuse to take the place of anything but a token file that an earlier call left behind.

    Raises:
        Halt: something else is there, or there is no folder.
    """
    if not path.parent.is_dir():
        raise Halt(f"there is no folder {path.parent}")
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) != 0o600:
        raise Halt(f"{path} exists and is no token file of this user: it is left as it is")
