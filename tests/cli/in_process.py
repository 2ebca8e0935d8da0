"""
Commands of ours inside the process of the tests.

A process for each command costs half a second of a processor, nearly all of it for imports. Here a command is the same
`main` with its own arguments, environment and standard streams, and ends in the shape in which `subprocess.run` tells
of a process. Its streams are no terminal and have no descriptor, so what is about a terminal, a signal or a pipe that
breaks needs a process still, and so do `run` and `serve`. That both ways end alike is shown in test_in_process.py.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from unittest.mock import patch

from strongroom.cli.main import main
from tests.live import clean_environment


def run_in_process(
    *words: str, environment: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """
    Run a command to its end, in a clean environment if none is given.

    What a process would die of with a traceback is raised, and so fails the test.
    """
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    printed, said = _Output(), _Output(errors="backslashreplace")
    with (
        _environment(clean_environment() if environment is None else environment),
        patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(said),
    ):
        code = int(main(words))
    return subprocess.CompletedProcess(["strongroom", *words], code, printed.text(), said.text())


class _Output(io.TextIOWrapper):
    """What is written to one stream."""

    def __init__(self, errors: str = "strict") -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", errors=errors, newline="")

    def text(self) -> str:
        """Read it as `subprocess.run` does in its mode for text."""
        self.flush()
        return self._bytes.getvalue().decode().replace("\r\n", "\n").replace("\r", "\n")


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have exactly these variables for as long as the block lasts, and then what there was before."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(variables)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
