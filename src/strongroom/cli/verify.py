"""`strongroom verify`: check every row of the store against its seal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from strongroom.cli.faults import halting
from strongroom.cli.outcome import Exit
from strongroom.cli.text import tell


def verify(data: Path | None, *, as_json: bool) -> int:
    """Check the store and print a sentence for each thing that is wrong."""
    from strongroom import config  # noqa: PLC0415  a wrong option is told before anything is loaded
    from strongroom.app.checks import check_store  # noqa: PLC0415  as above

    with halting():
        wrong = asyncio.run(check_store(config.load(data)))
    if as_json:
        tell("", as_json=True, problems=list(wrong))
        return Exit.FAILED if wrong else Exit.OK
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if wrong:
        print("the store is not as it was written: restore a backup, and find out who wrote to it", file=sys.stderr)
        return Exit.FAILED
    print("every row of the store carries its seal")
    return Exit.OK
