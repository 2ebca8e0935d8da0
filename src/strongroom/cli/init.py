"""`strongroom init`: make an instance in a data directory and show its first secrets, once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from strongroom.cli.faults import halting
from strongroom.cli.outcome import Exit

_SHOWN_ONCE = {"clientSecret", "userPassword"}


def init(data: Path | None, domain: str | None, port: int | None, *, as_json: bool) -> int:
    """
    Initialise a data directory and print what a client needs to know, secrets included.

    Raises:
        Halt: the directory holds an instance already, or cannot be used.
    """
    from strongroom import config  # noqa: PLC0415  a wrong option is told before anything is loaded
    from strongroom.app.first_start import initialise  # noqa: PLC0415  as above

    with halting():
        facts = asyncio.run(initialise(config.load(data, {"domain": domain, "port": port})))
    if as_json:
        print(json.dumps(facts, indent=2))
        return Exit.OK
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}{'   (shown this once)' if name in _SHOWN_ONCE else ''}")
    return Exit.OK
