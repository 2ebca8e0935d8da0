"""JSON inside tokens, read strictly: what two parsers read differently, two checks judge differently."""

from __future__ import annotations

import json
import math
from typing import NoReturn


def parse_object(text: bytes) -> dict[str, object]:
    """
    Read an object: strict UTF-8, no byte order mark, no member twice, only finite numbers.

    Raises:
        ValueError: it is not JSON, nests too deep, or breaks one of these rules. The message repeats nothing of it.
        TypeError: it is JSON and no object.
    """
    try:
        # `json` alone would guess at other encodings.
        parsed = _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("not strict JSON") from None
    if not isinstance(parsed, dict):
        raise TypeError("not an object")
    return parsed


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


# Made once: building a decoder costs more than a small token's parsing.
_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_constant)
