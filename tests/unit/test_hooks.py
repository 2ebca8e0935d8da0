"""Hooks: which files may be run, how, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from strongroom import hooks
from strongroom.core import acme_limits as limits
from strongroom.hooks import HookFailed, HookRefused, judge_hook, run_hook


def write(folder: Path, *lines: str, mode: int = 0o700, name: str = "hook") -> Path:
    """Write a program for the shell."""
    program = folder / name
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(mode)
    return program


def run(program: Path, *arguments: str) -> None:
    """Run one to its end."""
    asyncio.run(run_hook(str(program), arguments))


class TestFiles:
    """SEC-ACME-4: nobody but root and the service's user decides what is run."""

    def test_a_program(self, tmp_path: Path) -> None:
        """A file that is ours alone may be run."""
        program = write(tmp_path)
        assert judge_hook(str(program)) == program

    @pytest.mark.parametrize("path", ["hook", "./hook", "", "/no/such/../hook", "/no/such/hook"])
    def test_no_place(self, path: str) -> None:
        """A place is absolute, plain, and there."""
        with pytest.raises(HookRefused):
            judge_hook(path)

    @pytest.mark.parametrize("mode", [0o720, 0o702, 0o770, 0o777])
    def test_a_file_that_others_may_change(self, tmp_path: Path, mode: int) -> None:
        """Whoever may write to it would be run as the service."""
        with pytest.raises(HookRefused, match="can be changed by others"):
            judge_hook(str(write(tmp_path, mode=mode)))

    @pytest.mark.parametrize("mode", [0o600, 0o644])
    def test_a_file_that_cannot_be_run(self, tmp_path: Path, mode: int) -> None:
        """It has to be executable."""
        program = write(tmp_path, mode=mode)
        if os.access(program, os.X_OK):
            raise AssertionError("a file without the mode is executable for nobody, root included")
        with pytest.raises(HookRefused, match="no file that can be run"):
            judge_hook(str(program))

    def test_a_folder_that_others_may_change(self, tmp_path: Path) -> None:
        """Whoever may rename what is in it would put another program there; a sticky one is nobody's to rename in."""
        folder = tmp_path / "open"
        folder.mkdir()
        program = write(folder)
        folder.chmod(0o777)
        with pytest.raises(HookRefused, match="open can be changed by others"):
            judge_hook(str(program))
        folder.chmod(0o1777)
        assert judge_hook(str(program)) == program

    def test_links(self, tmp_path: Path) -> None:
        """A link's place says nothing about what it leads to."""
        write(tmp_path)
        (tmp_path / "link").symlink_to(tmp_path / "hook")
        with pytest.raises(HookRefused, match="symbolic link"):
            judge_hook(str(tmp_path / "link"))

    def test_somebody_elses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file of another user is not ours to run."""
        program = write(tmp_path)
        if os.geteuid() == 0:
            os.chown(program, 12_345, -1)
        else:
            monkeypatch.setattr("strongroom.hooks.os.geteuid", lambda: 12_345)
        with pytest.raises(HookRefused, match="neither to root nor"):
            judge_hook(str(program))

    @pytest.mark.parametrize("kind", ["folder", "fifo"])
    def test_what_is_no_file(self, tmp_path: Path, kind: str) -> None:
        """A folder and a pipe are no programs."""
        place = tmp_path / kind
        if kind == "folder":
            place.mkdir(0o700)
        else:
            os.mkfifo(place, 0o700)
        with pytest.raises(HookRefused):
            judge_hook(str(place))


class TestRuns:
    """What a hook gets, and what is judged of it."""

    def test_what_it_gets(self, tmp_path: Path) -> None:
        """SEC-ACME-4: its arguments as they are, no input, few variables, no descriptor, the root folder."""
        out = tmp_path / "out"
        program = write(
            tmp_path,
            f"exec > {out}",
            'for one in "$@"; do echo "<$one>"; done',
            "env | sed 's/=.*//' | sort | grep -v -e _ -e SHLVL -e PWD | tr '\\n' ' '; echo",
            "ls /proc/self/fd | sort -n | tr '\\n' ' '; echo",
            "pwd; cat",
        )
        os.environ["STRONGROOM_TEST"] = "x"
        held, other = os.pipe()
        os.set_inheritable(held, True)
        try:
            run(program, "present", "a b; $(id)", "*", "")
        finally:
            del os.environ["STRONGROOM_TEST"]
            os.close(held)
            os.close(other)
        lines = out.read_text().splitlines()
        assert lines[:4] == ["<present>", "<a b; $(id)>", "<*>", "<>"]
        assert lines[4].split() == ["LANG", "PATH"]
        assert len(lines[5].split()) == 4, "standard streams, and the listing itself"
        assert lines[6:] == ["/"]

    @pytest.mark.parametrize("code", [1, 2, 127])
    def test_it_fails(self, tmp_path: Path, code: int) -> None:
        """Any code but 0 is a failure; its last line is told to the operator, cleaned."""
        with pytest.raises(HookFailed, match=f"ended with {code}: the \\[31mreason$"):
            run(write(tmp_path, "echo first", "printf 'the \\033[31mreason\\n' >&2", f"exit {code}"))
        with pytest.raises(HookFailed, match=f"ended with {code}$"):
            run(write(tmp_path, f"exit {code}"))

    def test_it_is_killed(self, tmp_path: Path) -> None:
        """A signal is a failure as well."""
        with pytest.raises(HookFailed, match="ended with -9"):
            run(write(tmp_path, "kill -9 $$"))

    def test_what_is_no_program(self, tmp_path: Path) -> None:
        """What cannot be started is a failure, and so is what may not be."""
        program = tmp_path / "hook"
        program.write_bytes(b"\0\0\0\0")
        program.chmod(0o700)
        with pytest.raises(HookFailed, match="could not be started"):
            run(program)
        program.chmod(0o702)
        with pytest.raises(HookFailed, match="can be changed by others"):
            run(program)

    def test_the_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SEC-ACME-4: what does not end in time is ended, with all that it started."""
        ids, given, timeout = tmp_path / "ids", list[float](), asyncio.timeout

        @asynccontextmanager
        async def until_it_runs(seconds: float) -> AsyncIterator[None]:
            given.append(seconds)
            async with timeout(60) as limit:
                watching = asyncio.create_task(_over_once_written(ids, limit))
                try:
                    yield
                finally:
                    watching.cancel()

        monkeypatch.setattr(hooks.asyncio, "timeout", until_it_runs)
        run(write(tmp_path, "sleep 0.01"))
        with pytest.raises(HookFailed, match=f"did not end in {limits.HOOK_TIME_S:g} seconds"):
            run(write(tmp_path, f"sleep 60 & echo $! > {ids}", "wait"))
        assert given == [limits.HOOK_TIME_S] * 2
        _gone(int(ids.read_text()))

    def test_what_it_leaves_behind(self, tmp_path: Path) -> None:
        """A process that it leaves does not stay, whether or not it held the output."""
        ids = tmp_path / "ids"
        run(write(tmp_path, f"sleep 60 > /dev/null 2>&1 & echo $! > {ids}"))
        _gone(int(ids.read_text()))

    def test_its_own_end_decides(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever still holds its output, in its group or out of it: nothing waits for that."""
        monkeypatch.setattr(limits, "HOOK_TIME_S", 60.0)
        ids, apart = tmp_path / "ids", tmp_path / "apart"
        run(write(tmp_path, f"sleep 60 & echo $! > {ids}"))
        _gone(int(ids.read_text()))
        alone = (
            f'{sys.executable} -c \'import os, time; os.setsid(); print(1, file=open("{apart}", "w")); time.sleep(60)\''
        )
        wait = f"until [ -s {apart} ]; do sleep 0.01; done"
        try:
            with pytest.raises(HookFailed, match=r"ended with 3: why$"):
                run(write(tmp_path, f"{alone} & echo $! > {ids}", wait, "echo why", "exit 3"))
        finally:
            os.kill(int(ids.read_text()), signal.SIGKILL)

    def test_the_output(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """So much is kept of its output, and the rest let go, however much it is."""
        monkeypatch.setattr(limits, "HOOK_OUTPUT_BYTES", 8)
        with pytest.raises(HookFailed, match=r"ended with 1: 12345678$"):
            run(write(tmp_path, "printf 12345678", "exit 1"))
        with pytest.raises(HookFailed, match=r"ended with 1: 12345678$"):
            run(write(tmp_path, "printf 123456789", "head -c 1000000 /dev/zero", "exit 1"))

    def test_it_is_told_no_more_than_is_said_here(self) -> None:
        """The variables that a hook has are these."""
        assert set(hooks._ENVIRONMENT) == {"PATH", "LANG"}


async def _over_once_written(file: Path, limit: asyncio.Timeout) -> None:
    """Have a time be over as soon as there is a line in a file."""

    def is_written() -> bool:
        return file.exists() and file.read_text().endswith("\n")

    while not is_written():  # noqa: ASYNC110  what is waited for happens in another process
        await asyncio.sleep(0.01)
    limit.reschedule(asyncio.get_running_loop().time())


def _gone(process: int) -> None:
    """Wait until a process is no more, or only waits for its parent to notice."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("the process is still there")
