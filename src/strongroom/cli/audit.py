"""`strongroom audit`: read the journal, and judge it. Both work on the files, whether the service runs or not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from strongroom.cli.faults import halting
from strongroom.cli.instance import data_directory
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import tell


def tail(data: Path | None, lines: int, *, follow: bool) -> int:
    """
    Print the newest entries, one JSON object a line, and go on with every one that comes if told to *follow*.

    Raises:
        Halt: there is no journal.
    """
    from strongroom import journal  # noqa: PLC0415  a wrong option is told before anything is loaded

    try:
        with halting():
            for recorded in journal.tail(_journal(data), n=lines, follow=follow):
                sys.stdout.write(recorded.event.decode("utf-8") + "\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        # How following ends.
        if not follow:
            raise
    return Exit.OK


def verify(data: Path | None, checkpoint: Path | None, *, as_json: bool) -> int:
    """
    Check the chain of every node and print a sentence for each thing that is wrong.

    Raises:
        Halt: there is no journal, or no such checkpoint.
    """
    from strongroom import config  # noqa: PLC0415  a wrong option is told before anything is loaded
    from strongroom.app.checks import check_journal  # noqa: PLC0415  as above

    with halting():
        _journal(data)
    try:
        known = checkpoint.read_bytes().rstrip() if checkpoint is not None else None
    except OSError as error:
        raise Halt(f"the checkpoint {checkpoint} cannot be read: {error.strerror}") from None
    with halting():
        report = asyncio.run(check_journal(config.load(data), known))
    if as_json:
        facts = {"entries": report.entries, "nodes": list(report.nodes), "problems": list(report.problems)}
        tell("", as_json=True, **facts)
        return Exit.FAILED if report.problems else Exit.OK
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if report.problems:
        print(f"{report.entries} entries are as they were written; see above for what is not", file=sys.stderr)
        return Exit.FAILED
    print(f"{report.entries} entries of {', '.join(report.nodes)} are as they were written")
    return Exit.OK


def checkpoint(data: Path | None) -> int:
    """
    Print the newest checkpoint that the store keeps.

    Raises:
        Halt: there is no journal, or no checkpoint yet.
    """
    from strongroom import config  # noqa: PLC0415  a wrong option is told before anything is loaded
    from strongroom.app.checks import newest_checkpoint  # noqa: PLC0415  as above

    with halting():
        _journal(data)
        newest = asyncio.run(newest_checkpoint(config.load(data)))
    if newest is None:
        raise Halt("there is no checkpoint yet: one is kept every minute while the service runs, and when it stops")
    sys.stdout.write(newest.decode("ascii") + "\n")
    return Exit.OK


def _journal(data: Path | None) -> Path:
    directory = data_directory(data) / "audit"
    if not directory.is_dir():
        raise Halt(
            f"there is no journal in {directory.parent}: name the data directory of an instance with --data",
            Exit.NOT_RUNNING,
        )
    return directory
