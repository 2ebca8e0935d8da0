"""Secrets that the service tells once: onto standard output, or into a file that is its owner's alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.cli.facts import print_once
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line


@contextmanager
def place_for_secret(file: Path | None) -> Iterator[None]:
    """
    Make the file before the secret is: one that nobody could keep is not asked for. It goes if none came.

    Raises:
        Halt: the file is there already, or cannot be made.
    """
    if file is None:
        yield
        return
    from strongroom.crypto.private_files import create_private_file  # noqa: PLC0415  where a file is asked for alone

    try:
        create_private_file(file, b"")
    except FileExistsError:
        raise Halt(f"{file} is there already, and nothing is overwritten: name another file", Exit.USAGE) from None
    except OSError as error:
        raise Halt(f"{file} cannot be made: {error.strerror}") from None
    try:
        yield
    finally:
        # Somebody may have taken it away meanwhile, which is no reason to lose why nothing came.
        with suppress(FileNotFoundError):
            if file.stat().st_size == 0:
                file.unlink()


def hand_over(facts: Mapping[str, object], *, once: str, file: Path | None, as_json: bool, otherwise: str) -> int:
    """
    Print *facts*, the fact that is called *once* among them, or put that into the file.

    Raises:
        Halt: nobody takes them; *otherwise* says what to do then.
    """
    told = {name: value for name, value in facts.items() if value is not None}
    if file is not None:
        from strongroom.crypto.private_files import replace_private_file  # noqa: PLC0415  as above

        try:
            replace_private_file(file, f"{told.pop(once)}\n".encode())
        except OSError as error:
            raise Halt(f"{file} cannot be written ({error.strerror}): {otherwise}") from None
        told["secretFile"] = str(file)
    if not as_json:
        # The others are what people wrote.
        told = {name: value if name == once else one_line(str(value)) for name, value in told.items()}
    print_once(told, as_json=as_json, otherwise=otherwise)
    return Exit.OK
