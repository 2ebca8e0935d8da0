"""Facts that are printed once, secrets among them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from strongroom.cli.outcome import Halt, forget_output

_SHOWN_ONCE = {"clientSecret", "userPassword"}


def print_once(facts: Mapping[str, object], *, as_json: bool, otherwise: str) -> None:
    """
    Print facts, as one JSON object or as lines for people, and make sure that they are out.

    Raises:
        Halt: nobody takes them; *otherwise* says what follows from that.
    """
    try:
        print(json.dumps(facts, indent=2) if as_json else "\n".join(_lines(facts)))
        sys.stdout.flush()
    except OSError as error:
        forget_output()
        raise Halt(f"standard output takes nothing ({error.strerror}): {otherwise}") from None


def _lines(facts: Mapping[str, object]) -> list[str]:
    width = max(map(len, facts))
    return [
        f"{name:<{width}}  {_text(value)}{'   (shown this once)' if name in _SHOWN_ONCE else ''}"
        for name, value in facts.items()
    ]


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
