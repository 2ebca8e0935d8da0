"""`strongroom init`: make an instance in a data directory and show its first secrets, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from strongroom.cli.facts import print_once
from strongroom.cli.faults import halting
from strongroom.cli.outcome import Exit


def init(data: Path | None, overrides: Mapping[str, object], *, as_json: bool) -> int:
    """
    Initialise a data directory and print what a client needs to know, secrets included.

    Raises:
        Halt: the directory holds an instance already, or cannot be used.
    """
    from strongroom import config  # noqa: PLC0415  a wrong option is told before anything is loaded
    from strongroom.app.first_start import initialise  # noqa: PLC0415  as above

    hand_over = partial(print_once, as_json=as_json, otherwise="no instance was made")
    with halting():
        asyncio.run(initialise(config.load(data, overrides), hand_over))
    return Exit.OK
