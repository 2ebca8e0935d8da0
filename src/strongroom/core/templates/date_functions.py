"""The functions for dates (Azure's documentation). The moment itself is handed in: see `own_functions`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from strongroom.core.templates.evaluation import Budget, Function, misused
from strongroom.core.templates.text_functions import integer, text

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,7})D)?"
    r"(?:T(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10})(?:\.\d{1,7})?S)?)?"
)
_SPECIFIER = re.compile(r"yyyy|yy|y|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|tt|zzz|K|'[^']*'|\\.")
_STANDARD: Mapping[str, str] = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffZ",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffZ",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
}
COMPACT = "yyyyMMddTHHmmssZ"
"""How `utcNow` writes where nobody says."""
_ISO = "yyyy-MM-ddTHH:mm:ssZ"
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FORMAT_CHARS = 128


def write_date(moment: datetime, form: str) -> str:
    """
    Write a moment as a format of .NET says, in the invariant culture.

    Raises:
        TemplateFault: the format is too long.
    """
    if len(form) > _FORMAT_CHARS:
        raise misused(f"a format has at most {_FORMAT_CHARS} characters")
    return _SPECIFIER.sub(lambda found: _part(moment, found.group()), _STANDARD.get(form, form))


def _part(at: datetime, one: str) -> str:
    match one[0]:
        case "y":
            return f"{at.year:04d}" if one == "yyyy" else f"{at.year % 100:02d}" if one == "yy" else str(at.year % 100)
        case "M":
            name = _MONTHS[at.month - 1]
            return {"MMMM": name, "MMM": name[:3], "MM": f"{at.month:02d}"}.get(one, str(at.month))
        case "d":
            name = _DAYS[at.weekday()]
            return {"dddd": name, "ddd": name[:3], "dd": f"{at.day:02d}"}.get(one, str(at.day))
        case "f":
            return f"{at.microsecond * 10:07d}"[: len(one)]
        case "t":
            return "AM" if at.hour < 12 else "PM"
        case "z":
            return "+00:00"
        case "K":
            return "Z"
        case "'":
            return one[1:-1]
        case "\\":
            return one[1:]
    number = {"H": at.hour, "h": (at.hour - 1) % 12 + 1, "m": at.minute, "s": at.second}[one[0]]
    return f"{number:02d}" if len(one) == 2 else str(number)


def read_date(value: str) -> datetime:
    """
    Read a moment.

    Raises:
        TemplateFault: it is none.
    """
    for form in ("%Y%m%dT%H%M%SZ", "%Y-%m-%d %H:%M:%SZ"):
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise misused("the value is no date and time in ISO 8601") from None


def _add(_budget: Budget, values: Sequence[Any]) -> str:
    given = text(values[0])
    match = _DURATION.fullmatch(text(values[1]))
    if match is None or not any(part for name, part in match.groupdict().items() if name != "sign"):
        raise misused("the duration is none in ISO 8601")
    sign = -1 if match["sign"] else 1
    part = {name: sign * int(value or 0) for name, value in match.groupdict().items() if name != "sign"}
    try:
        moment = _add_months(read_date(given), part["years"] * 12 + part["months"])
        moment += timedelta(
            weeks=part["weeks"], days=part["days"], hours=part["hours"], minutes=part["minutes"],
            seconds=part["seconds"],
        )  # fmt: skip
    except (ValueError, OverflowError):
        raise misused("there is no such date") from None
    return write_date(moment, text(values[2]) if len(values) > 2 else _form_of(given))


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    following = datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last = (following - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _form_of(given: str) -> str:
    """Find the format that a date was written in, which its sum keeps."""
    if re.fullmatch(r"\d{8}T\d{6}Z", given):
        return COMPACT
    return "u" if " " in given else _ISO


def _to_epoch(_budget: Budget, values: Sequence[Any]) -> int:
    return int(read_date(text(values[0])).timestamp())


def _from_epoch(_budget: Budget, values: Sequence[Any]) -> str:
    try:
        return write_date(datetime.fromtimestamp(integer(values[0]), UTC), _ISO)
    except (ValueError, OverflowError, OSError):
        raise misused("there is no such date") from None


DATE_FUNCTIONS: Mapping[str, Function] = {
    "datetimeadd": Function(2, 3, _add),
    "datetimetoepoch": Function(1, 1, _to_epoch),
    "datetimefromepoch": Function(1, 1, _from_epoch),
}
