"""Azure CLI's processes, forked from one that has its modules: the suite's time is not for importing them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.plugins.toolchain import AZ

_PROGRAM = Path(__file__).parent / "programs" / "standby.py"


class Standby:
    """One Azure CLI that waits for commands, and runs each in a process of its own; started by the first of them."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Give it a folder for what commands print, and the environment of all of them."""
        self._folder = folder
        # Azure CLI reads where it remembers when it is imported, so that is one name, which leads to a folder.
        self._memory = folder / "memory"
        self._environment = {**environment, "AZURE_CONFIG_DIR": str(self._memory), "HOME": str(self._memory)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Run commands while the block lasts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing running."""
        self._end()

    def run(self, words: Sequence[str], memory: Path, time_s: float) -> subprocess.CompletedProcess[str]:
        """
        Run one command to its end, with what Azure CLI remembers in the folder *memory*.

        Raises:
            AssertionError: The command did not end in *time_s* seconds, or the process that was to fork it ended.
        """
        self._memory.unlink(missing_ok=True)
        self._memory.symlink_to(memory, target_is_directory=True)
        files = {name: self._folder / name for name in ("stdout", "stderr")}
        for path in files.values():
            path.unlink(missing_ok=True)
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        command = {"words": words} | {name: str(path) for name, path in files.items()}
        # Where it has ended already, the end of its answers says so.
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(command).encode() + b"\n")
        in_time, _, _ = select.select([process.stdout], [], [], time_s)
        answer = process.stdout.readline() if in_time else b""
        if not answer:
            self._end()
            raise AssertionError(
                f"az {words[:3]} {'crashed' if in_time else f'did not end in {time_s} s'}: "
                + "".join(path.read_text() for path in (files["stderr"], self._own) if path.exists())
            )
        printed = {name: path.read_text() for name, path in files.items()}
        return subprocess.CompletedProcess(words, json.loads(answer)["code"], **printed)

    @property
    def _own(self) -> Path:
        return self._folder / "own-stderr"

    def _start(self) -> subprocess.Popen[bytes]:
        with self._own.open("w") as stderr:
            return subprocess.Popen(
                [str(AZ.with_name("python")), "-P", str(_PROGRAM)],
                env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, bufsize=0,
                start_new_session=True,
            )  # fmt: skip

    def _end(self) -> None:
        if self._process is not None:
            # With the command that it may be running.
            os.killpg(self._process.pid, signal.SIGKILL)
            with self._process:
                self._process = None
