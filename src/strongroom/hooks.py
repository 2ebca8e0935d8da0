"""
Hooks: programs of the operator that do what this service cannot, such as making a DNS record.

A hook is run without a shell, with its arguments and nothing else: no input, no descriptor and no variable of this
process but the few below. Its time and its output are limited, and it ends with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from strongroom.core import acme_limits as limits

_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
_GROUP_OR_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_PIECE_BYTES = 4096
_PIPE_BYTES = 65_536


class HookFailed(Exception):
    """A hook did not do its work. The text is for the operator and has at most a line of the hook's own output."""


class HookRefused(Exception):
    """A file is no hook that may be run. The text says why, and what to do about it."""


def judge_hook(path: str) -> Path:
    """
    Make sure that a file is one that nobody but root and this service's user decides about.

    So must every folder above it be: whoever may rename one puts another program in its place.

    Raises:
        HookRefused: it is not there, no plain file, not executable, or somebody else could change it.
    """
    program = Path(path)
    if not program.is_absolute() or ".." in program.parts:
        raise HookRefused("A hook is named by its absolute path.")
    # Whoever owns the root of the tree decides about all of it anyway. That is root, or what root is called in here: in
    # a user namespace without root it is nobody's number.
    trusted = {0, Path("/").stat().st_uid, os.geteuid()}
    for place in (program, *program.parents):
        try:
            facts = place.lstat()
        except OSError as error:
            raise HookRefused(f"The hook {path} cannot be found: {error.strerror}.") from None
        if stat.S_ISLNK(facts.st_mode):
            raise HookRefused(f"{place} is a symbolic link: name the place itself.")
        if facts.st_uid not in trusted:
            raise HookRefused(f"{place} belongs to user {facts.st_uid}, neither to root nor to the service's user.")
        # In a folder with the sticky bit nobody renames what is another's.
        is_shared = stat.S_ISDIR(facts.st_mode) and bool(facts.st_mode & stat.S_ISVTX)
        if facts.st_mode & _GROUP_OR_OTHERS and not is_shared:
            raise HookRefused(f"{place} can be changed by others (mode {stat.S_IMODE(facts.st_mode):04o}).")
    if not program.is_file() or not os.access(program, os.X_OK):
        raise HookRefused(f"The hook {path} is no file that can be run.")
    return program


async def run_hook(path: str, arguments: Sequence[str]) -> None:
    """
    Run a hook to its end, with so many arguments.

    Raises:
        HookFailed: it may not be run, did not end in time, or ended with another code than 0.
    """
    try:
        program = await asyncio.to_thread(judge_hook, path)
    except HookRefused as refused:
        raise HookFailed(str(refused)) from None
    with _Output() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output.end,
                stderr=asyncio.subprocess.STDOUT,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise HookFailed(f"it could not be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(limits.HOOK_TIME_S):
                code = await process.wait()
        except TimeoutError:
            raise HookFailed(f"it did not end in {limits.HOOK_TIME_S:g} seconds") from None
        finally:
            _end(process)
            await process.wait()
        if code != 0:
            raise HookFailed(f"it ended with {code}{_told(output.read())}")


class _Output:
    """
    What a hook says, of which the beginning is kept.

    A pipe of our own and not asyncio's, with which a process ends when nobody has its output any more: the hook's own
    end decides, whatever it left running with its output open.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._loop = asyncio.get_running_loop()
        self._from, self.end = os.pipe()
        os.set_blocking(self._from, False)

    def __enter__(self) -> Self:
        self._loop.add_reader(self._from, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._from)
        os.close(self._from)
        os.close(self.end)

    def read(self) -> bytes:
        """Give what was kept, and what is still in the pipe: no more than fits, as somebody may write into it yet."""
        for _ in range(_PIPE_BYTES // _PIECE_BYTES):
            if not self._take():
                break
        return bytes(self._kept)

    def _take(self) -> bool:
        """Take a piece; False if there is none."""
        try:
            piece = os.read(self._from, _PIECE_BYTES)
        except BlockingIOError:
            return False
        self._kept += piece[: limits.HOOK_OUTPUT_BYTES - len(self._kept)]
        return bool(piece)


def _end(process: asyncio.subprocess.Process) -> None:
    """End what it left behind, and itself if it still runs: all that is in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _told(output: bytes) -> str:
    """Give the last line that it said, as far as it can be shown."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    line = "".join(one for one in lines[-1] if one.isprintable())[: limits.ACME_DETAIL_CHARS] if lines else ""
    return f": {line}" if line else ""
