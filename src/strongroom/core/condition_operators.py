"""
The operators that conditions compare with: one table.

Those of Azure's "role assignment condition format and syntax", and those that Microsoft's own evaluator has besides,
save regular expressions. A comparison of what an operator does not compare, such as a number with `StringEquals`, is
undecided; it never fails.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from strongroom.core.guids import parse_guid
from strongroom.core.limits import CONDITION_MEMO_ENTRIES

Scalar = str | bool | int | float
Read = Callable[[Scalar], Any]
"""Reads a value as the operator's type; None if it is not of it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """
    One operator.

    Attributes:
        read, against: how the left and the right side are read.
        compare: decides two values that were read.
        is_negated: what `compare` says is turned round.
        has_case: True if it compares texts letter by letter, so that case decides.
        is_range: True if the right side is two values, the least and the greatest.
    """

    name: str
    read: Read
    against: Read
    compare: Callable[[Any, Any], bool]
    is_negated: bool = False
    has_case: bool = False
    is_range: bool = False

    def decide(self, left: Scalar, right: Scalar) -> bool | None:
        """Compare two values; None if they are not what it compares."""
        first, second = self.read(left), self.against(right)
        if first is None or second is None:
            return None
        return self.compare(first, second) is not self.is_negated

    def decide_range(self, left: Scalar, least: Scalar, greatest: Scalar) -> bool | None:
        """Tell whether a value is between two others, both included; None if that makes no sense."""
        value, low, high = self.read(left), self.against(least), self.against(greatest)
        if value is None or low is None or high is None or not self.compare(low, high):
            return None
        return self.compare(low, value) and self.compare(value, high)


# ---- types ----------------------------------------------------------------------------------------------------------

_DAY_S = 86_400
_TICKS = 10_000_000
"""Parts of a second that are told apart: seven digits, as the documentation has them."""
_CLOCK = r"(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?"
_TIME_OF_DAY = re.compile(_CLOCK, re.ASCII)
_DATE_TIME = re.compile(rf"(\d{{4}}-\d{{2}}-\d{{2}})T{_CLOCK}(?:Z|([+-])(\d{{2}}):(\d{{2}}))", re.ASCII)


def _text(value: Scalar) -> str | None:
    return value if isinstance(value, str) else None


def _folded(value: Scalar) -> str | None:
    return value.lower() if isinstance(value, str) else None


def _number(value: Scalar) -> int | float | None:
    # A bool is an int to Python, and what is not a number is equal to nothing.
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value == value else None  # noqa: PLR0124  how NaN is told


def _flag(value: Scalar) -> bool | None:
    return value if isinstance(value, bool) else None


def _guid(value: Scalar) -> str | None:
    return parse_guid(value) if isinstance(value, str) else None


def _ticks(hours: str, minutes: str, seconds: str | None, fraction: str | None) -> int | None:
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (hour * 3600 + minute * 60 + second) * _TICKS + int((fraction or "0").ljust(7, "0"))


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def _moment(value: Scalar) -> int | None:
    found = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    date, hours, minutes, seconds, fraction, sign, ahead_h, ahead_min = found.groups()
    clock = _ticks(hours, minutes, seconds, fraction)
    ahead = 0 if sign is None else _ticks(ahead_h, ahead_min, None, None)
    try:
        day = dt.date.fromisoformat(date).toordinal()
    except ValueError:
        return None
    if clock is None or ahead is None:
        return None
    return day * _DAY_S * _TICKS + clock - (-ahead if sign == "-" else ahead)


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def _time_of_day(value: Scalar) -> int | None:
    """Read a time of day, or the one of a moment in UTC."""
    found = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return _ticks(*found.groups())
    moment = _moment(value)
    return None if moment is None else moment % (_DAY_S * _TICKS)


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def _address(value: Scalar) -> Any:
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def _network(value: Scalar) -> Any:
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) else None
    except ValueError:
        return None


class _Piece(NamedTuple):
    """What stands between two `*` of a pattern: so many characters, each of them told or any."""

    length: int
    text: str | None
    """None if some of the characters may be any."""
    form: re.Pattern[str] | None

    def find(self, text: str, at: int) -> int:
        """Find where it stands first, from a place on; -1 if it does not."""
        if self.text is not None:
            return text.find(self.text, at)
        found = self.form.search(text, at) if self.form is not None else None
        return -1 if found is None else found.start()

    def stands(self, text: str, at: int) -> bool:
        """Tell whether it stands at a place."""
        if self.text is not None:
            return text.startswith(self.text, at)
        return self.form is not None and self.form.match(text, at) is not None


def _pattern(value: Scalar) -> tuple[_Piece, ...] | None:
    return _pieces(value) if isinstance(value, str) else None


def _folded_pattern(value: Scalar) -> tuple[_Piece, ...] | None:
    return _pieces(value.lower()) if isinstance(value, str) else None


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    """Split a pattern at its `*`; in a piece None stands for `?`. A backslash takes the meaning of both away."""
    pieces: list[list[str | None]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and pattern[at + 1 : at + 2] in {"*", "?", "\\"}:
            at += 1
            pieces[-1].append(pattern[at])
        elif character == "*":
            pieces.append([])
        else:
            pieces[-1].append(None if character == "?" else character)
        at += 1
    return tuple(map(_piece, pieces))


def _piece(characters: list[str | None]) -> _Piece:
    told = "".join(one for one in characters if one is not None)
    if len(told) == len(characters):
        return _Piece(len(told), told, None)
    # Nothing in it repeats, so that it takes no longer than looking at every character of it everywhere.
    form = "".join("." if one is None else re.escape(one) for one in characters)
    return _Piece(len(characters), None, re.compile(form, re.DOTALL))


def _is_like(text: str, pieces: tuple[_Piece, ...]) -> bool:
    # As `core.action_patterns`: each piece as early as possible, the last one at the end.
    first, *rest = pieces
    if not first.stands(text, 0):
        return False
    if not rest:
        return len(text) == first.length
    at = first.length
    *middle, last = rest
    for piece in middle:
        found = piece.find(text, at)
        if found < 0:
            return False
        at = found + piece.length
    end = len(text) - last.length
    return end >= at and last.stands(text, end)


# ---- the table ------------------------------------------------------------------------------------------------------


def _both(name: str, read: Read, against: Read, compare: Callable[[Any, Any], bool], **how: bool) -> list[Operator]:
    """Make an operator and its negation: `StringLike` and `StringNotLike`, `IpMatch` and `IpNotMatch`."""
    kind = next(
        kind for kind in ("String", "Numeric", "DateTime", "TimeOfDay", "Bool", "Guid", "Ip") if name.startswith(kind)
    )
    negation = f"{kind}Not{name[len(kind) :]}"
    return [
        Operator(name, read, against, compare, **how),
        Operator(negation, read, against, compare, is_negated=True, **how),
    ]


_TEXTS: tuple[tuple[str, Read, Read, Callable[[Any, Any], bool]], ...] = (
    ("Equals", _text, _text, operator.eq),
    ("StartsWith", _text, _text, str.startswith),
    ("EndsWith", _text, _text, str.endswith),
    ("Contains", _text, _text, operator.contains),
    ("Like", _text, _pattern, _is_like),
)
_ORDERED: tuple[tuple[str, Read], ...] = (("Numeric", _number), ("DateTime", _moment), ("TimeOfDay", _time_of_day))

_TABLE = (
    *(one for word, read, against, how in _TEXTS for one in _both(f"String{word}", read, against, how, has_case=True)),
    *(
        one
        for word, _, against, how in _TEXTS
        for one in _both(f"String{word}IgnoreCase", _folded, _folded_pattern if against is _pattern else _folded, how)
    ),
    *(one for kind, read in _ORDERED for one in _both(f"{kind}Equals", read, read, operator.eq)),
    *(
        Operator(f"{kind}{word}", read, read, how)
        for kind, read in _ORDERED
        for word, how in (
            ("LessThan", operator.lt),
            ("LessThanEquals", operator.le),
            ("GreaterThan", operator.gt),
            ("GreaterThanEquals", operator.ge),
        )
    ),
    *(Operator(f"{kind}InRange", read, read, operator.le, is_range=True) for kind, read in _ORDERED),
    *_both("BoolEquals", _flag, _flag, operator.eq),
    *_both("GuidEquals", _guid, _guid, operator.eq),
    *_both("IpMatch", _address, _network, lambda address, network: address in network),
)

OPERATORS: Mapping[str, Operator] = MappingProxyType({one.name: one for one in _TABLE})
"""Every operator by its name, whose case counts."""
