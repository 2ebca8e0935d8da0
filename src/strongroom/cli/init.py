"""`strongroom init`: make an instance in a data directory and show its first secrets, once."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from strongroom.cli.faults import halting
from strongroom.cli.outcome import Exit, Halt, forget_output

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
        show = _show_json if as_json else _show
        asyncio.run(initialise(config.load(data, {"domain": domain, "port": port}), partial(_hand_over, show)))
    return Exit.OK


def _hand_over(show: Callable[[dict[str, str]], None], facts: dict[str, str]) -> None:
    """
    Print the facts, and make sure that they are out.

    Raises:
        Halt: nobody takes them, so that no instance is made.
    """
    try:
        show(facts)
        sys.stdout.flush()
    except OSError as error:
        forget_output()
        raise Halt(f"the first secrets cannot be written ({error.strerror}), so no instance was made") from None


def _show_json(facts: dict[str, str]) -> None:
    print(json.dumps(facts, indent=2))


def _show(facts: dict[str, str]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}{'   (shown this once)' if name in _SHOWN_ONCE else ''}")
