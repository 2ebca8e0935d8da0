"""How a command ends: its exit codes, and the one exception that ends it early."""

from __future__ import annotations

import os
import sys
from enum import IntEnum


class Exit(IntEnum):
    """
    The exit codes of every command.

    `run` ends with the code of its program, or with 128 and the number of the signal that killed it, as a shell says
    it; its own troubles use the codes here.
    """

    OK = 0
    FAILED = 1
    """What was asked could not be done, or a check found something wrong."""
    USAGE = 2
    """The command line itself is wrong."""
    NOT_RUNNING = 3
    """There is no instance in the data directory, or it is not running."""
    REFUSED = 4
    """The service refused it for who asks: nobody is signed in, or what they are lacks the right."""
    WOULD_CHANGE = 5
    """`apply --dry-run --detailed-exitcode` found something to do."""
    NOT_EXECUTABLE = 126
    """`run` found its program and may not execute it."""
    NOT_FOUND = 127
    """`run` did not find its program."""


class Halt(Exception):
    """The end of a command that cannot go on. The message says what is wrong and what to do about it, and no secret."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = code


def forget_output() -> None:
    """Let go of standard output, after it failed: what is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
