"""What a command asks the person at the terminal, or reads in the place of it."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line

STANDARD_INPUT = Path("-")
_MOST_BYTES = 1024 * 1024
"""No value of the service is longer; what is, was not meant."""


def confirm(question: str, *, yes: bool) -> None:
    """
    Have something confirmed that cannot simply be undone.

    Raises:
        Halt: it was not; without a terminal nobody can, so `--yes` has to say it.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Halt(f"{one_line(question)} Nobody is at a terminal to say so: add --yes", Exit.USAGE)
    print(f"{one_line(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Halt("nothing was done")


def read_secret_line(prompt: str, file: Path | None) -> str:
    """
    Read a credential of one line: from a file, standard input (`-`), or the terminal, which does not show it.

    Raises:
        Halt: nobody is there to type it in, or it cannot be read.
    """
    if file is None:
        if not sys.stdin.isatty():
            raise Halt("nobody is at a terminal to type the secret in: name a file with it (- is standard input)")
        return _typed(prompt)
    return decoded(read_bytes(file), file).strip("\r\n")


def read_value(prompt: str, file: Path | None) -> str:
    """
    Read a value that may be anything: a file's content exactly, or else what is typed or piped in.

    What comes through a pipe without a file being named loses one line break at its end, which `echo` put there.

    Raises:
        Halt: it cannot be read, or is no text.
    """
    if file is not None:
        return decoded(read_bytes(file), file)
    if sys.stdin.isatty():
        return _typed(prompt)
    piped = read_bytes(STANDARD_INPUT)
    if not piped:
        # What should have written it failed, as a rule.
        raise Halt("standard input has no value: --file names a file, which may be empty", Exit.USAGE)
    return decoded(piped, STANDARD_INPUT).removesuffix("\n").removesuffix("\r")


def _typed(prompt: str) -> str:
    try:
        return getpass.getpass(f"{one_line(prompt)}: ")
    except EOFError:
        raise Halt("nothing was typed in, and nothing was done") from None


def read_bytes(file: Path, *, most: int = _MOST_BYTES) -> bytes:
    """
    Read a file, or standard input for `-`, of at most so many bytes.

    Raises:
        Halt: it cannot be read, or is longer than anything that the service takes.
    """
    try:
        if file == STANDARD_INPUT:
            content = sys.stdin.buffer.read(most + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(most + 1)
    except OSError as error:
        raise Halt(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise Halt(f"{_name(file)} is longer than {most} bytes: the service takes nothing of that size")
    return content


def decoded(content: bytes, file: Path) -> str:
    """
    Read bytes as text.

    Raises:
        Halt: they are none. The message does not repeat them.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Halt(f"{_name(file)} is not text in UTF-8: encode it first, as with base64") from None


def _name(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)
