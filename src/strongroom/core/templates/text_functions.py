"""The functions for texts (Azure's documentation, "Template functions: string")."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha1, sha256
from heapq import heapify, heappop, heapreplace
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.evaluation import Budget, Function, misused, type_name

_GUID_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""What Azure makes its `guid` under."""
_UNIQUE_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_UNIQUE_CHARS = 13
_UNRESERVED = "-_.!~*'()"
_HOLE = re.compile(r"\{\{|\}\}|\{(\d{1,3})(?:,(-?\d{1,3}))?(?::([^{}]{0,32}))?\}")
_MANY = 10_000
_INTEGER_CHARS = 20


def text(value: Any) -> str:
    """
    Take a text.

    Raises:
        TemplateFault: it is none.
    """
    if not isinstance(value, str):
        raise misused(f"a value of type 'String' is expected, not '{type_name(value)}'")
    return value


def spell(value: Any) -> str:
    """Write any value as a text: what `string`, `concat` and `format` make of one that is none."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def integer(value: Any) -> int:
    """
    Take an integer.

    Raises:
        TemplateFault: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise misused(f"a value of type 'Integer' is expected, not '{type_name(value)}'")
    return value


def joined(budget: Budget, values: Sequence[Any]) -> Any:
    """Put texts together, or arrays."""
    if values and all(isinstance(one, list) for one in values):
        return [item for one in values for item in one]
    if any(isinstance(one, list | dict) for one in values):
        raise misused("its arguments are either all arrays, or none is an array or object")
    parts = [spell(one) for one in values]
    budget.spend_on_text(sum(map(len, parts)))
    return "".join(parts)


def _format(budget: Budget, values: Sequence[Any]) -> str:
    form, given = text(values[0]), values[1:]
    parts: list[str] = []
    at = 0
    for hole in _HOLE.finditer(form):
        parts.append(form[at : hole.start()])
        at = hole.end()
        if hole[1] is not None and int(hole[1]) < len(given) and isinstance(given[int(hole[1])], list | dict):
            # It is written down anew for each hole.
            budget.spend_on(given[int(hole[1])])
        parts.append(_filled(hole, given))
        budget.spend_on_text(len(parts[-1]))
    return "".join([*parts, form[at:]])


def _filled(hole: re.Match[str], given: Sequence[Any]) -> str:
    if hole[1] is None:
        return hole[0][0]
    if int(hole[1]) >= len(given):
        raise misused("the format asks for a value that is not given")
    value = given[int(hole[1])]
    shown = _formatted(value, hole[3]) if hole[3] else spell(value)
    width = int(hole[2] or 0)
    return shown.rjust(width) if width >= 0 else shown.ljust(-width)


def _formatted(value: Any, form: str) -> str:
    kind, digits = form[0].upper(), form[1:]
    if isinstance(value, int) and not isinstance(value, bool) and (digits.isdecimal() or not digits):
        width = int(digits or 0)
        if kind == "D" and width <= limits.TEMPLATE_PAD_CHARS:
            return f"{'-' if value < 0 else ''}{abs(value):0{max(width, 1)}d}"
        if kind == "X" and width <= limits.TEMPLATE_PAD_CHARS:
            written = f"{value & 2**64 - 1 if value < 0 else value:0{max(width, 1)}X}"
            return written if form[0] == "X" else written.lower()
        if kind == "N":
            return f"{value:,.{min(int(digits or 2), 15)}f}"
    raise misused("the format of a value is not one that this service knows: D, N and X for integers")


def _base64(_budget: Budget, values: Sequence[Any]) -> str:
    return base64.b64encode(text(values[0]).encode("utf-8", "surrogatepass")).decode()


def _from_base64(_budget: Budget, values: Sequence[Any]) -> str:
    try:
        return base64.b64decode(text(values[0]), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise misused("the value is no base64 of a text") from None


def _json_of_base64(budget: Budget, values: Sequence[Any]) -> Any:
    return parse_json(budget, [_from_base64(budget, values)])


def parse_json(budget: Budget, values: Sequence[Any]) -> Any:
    """Read JSON."""
    given = text(values[0])
    budget.spend_on_text(len(given))
    # As many values as it can have at most, and nobody else runs while they are read.
    budget.spend(sum(map(given.count, ",[{")))
    try:
        made = json.loads(given, parse_constant=_refuse, parse_int=_json_integer, parse_float=_json_number)
        if "\\u" in given:
            # A half of a surrogate pair is no text, and cannot be written again.
            json.dumps(made, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise misused("the value is no valid JSON") from None
    return made


def _refuse(_name: str) -> Any:
    raise ValueError


def _json_integer(digits: str) -> int:
    if len(digits) > _INTEGER_CHARS or not -(2**63) <= int(digits) < 2**63:
        raise ValueError
    return int(digits)


def _json_number(written: str) -> float:
    made = float(written)
    if not math.isfinite(made):
        raise ValueError
    return made


def _guid(_budget: Budget, values: Sequence[Any]) -> str:
    return str(uuid.uuid5(_GUID_NAMESPACE, "-".join(text(one) for one in values)))


def _unique(_budget: Budget, values: Sequence[Any]) -> str:
    """Azure does not say how it makes these 13 characters: ours are as many, of the same alphabet (ADR 0014)."""
    number = int.from_bytes(sha256("-".join(text(one) for one in values).encode()).digest()[:9])
    return "".join(_UNIQUE_ALPHABET[number >> 5 * place & 31] for place in range(_UNIQUE_CHARS))


def _pad_left(_budget: Budget, values: Sequence[Any]) -> str:
    width, fill = integer(values[1]), text(values[2]) if len(values) > 2 else " "
    if not 0 <= width <= limits.TEMPLATE_PAD_CHARS or len(fill) != 1:
        raise misused(f"the length is at most {limits.TEMPLATE_PAD_CHARS}, and the padding one character")
    return spell(values[0]).rjust(width, fill)


def _replace(budget: Budget, values: Sequence[Any]) -> str:
    whole, old, new = map(text, values)
    if not old:
        raise misused("the text to be replaced is empty")
    budget.spend_on_text(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _split(budget: Budget, values: Sequence[Any]) -> list[str]:
    whole = text(values[0])
    marks = values[1] if isinstance(values[1], list) else [values[1]]
    if len(marks) > _MANY or not all(isinstance(one, str) and one for one in marks):
        raise misused("the delimiters are texts that are not empty")
    # No expression of `re`: it would try every mark at every character, and nobody else runs meanwhile. Each mark is
    # looked for once from end to end, and of those at one place the longest counts.
    following: list[tuple[int, int, str]] = []
    for mark in {*marks}:
        budget.spend_on_text(len(whole) + len(mark))
        at = whole.find(mark)
        if at >= 0:
            following.append((at, -len(mark), mark))
    heapify(following)
    parts, start = [], 0
    while following:
        budget.spend(1)
        at, _, mark = following[0]
        if at >= start:
            parts.append(whole[start:at])
            start = at + len(mark)
        found = whole.find(mark, start)
        if found >= 0:
            heapreplace(following, (found, -len(mark), mark))
        else:
            heappop(following)
    return [*parts, whole[start:]]


def _substring(_budget: Budget, values: Sequence[Any]) -> str:
    whole, start = text(values[0]), integer(values[1])
    chars = integer(values[2]) if len(values) > 2 else len(whole) - start
    if start < 0 or chars < 0 or start + chars > len(whole):
        raise misused("the index and length parameters must refer to a location within the string")
    return whole[start : start + chars]


def _join(budget: Budget, values: Sequence[Any]) -> str:
    if not isinstance(values[0], list):
        raise misused("the first argument is an array")
    mark, parts = text(values[1]), [spell(one) for one in values[0]]
    budget.spend_on_text(sum(map(len, parts)) + len(mark) * len(parts))
    return mark.join(parts)


def _uri(_budget: Budget, values: Sequence[Any]) -> str:
    try:
        return urljoin(text(values[0]), text(values[1]))
    except ValueError:
        raise misused("the value is no URI") from None


def _parse_uri(_budget: Budget, values: Sequence[Any]) -> dict[str, Any]:
    try:
        parts = urlsplit(text(values[0]))
        port = parts.port
    except ValueError:
        raise misused("the value is no URI") from None
    return {
        "scheme": parts.scheme,
        "host": parts.hostname or "",
        "port": port,
        "path": parts.path,
        "query": parts.query,
    }


def _build_uri(_budget: Budget, values: Sequence[Any]) -> str:
    given = values[0]
    if not isinstance(given, dict) or not isinstance(given.get("host"), str):
        raise misused("an object with a host is expected")
    port = f":{integer(given['port'])}" if given.get("port") is not None else ""
    path = spell(given.get("path", ""))
    query = spell(given.get("query", "")).removeprefix("?")
    slash = "" if path.startswith("/") or not path else "/"
    return f"{spell(given.get('scheme', 'https'))}://{given['host']}{port}{slash}{path}{f'?{query}' if query else ''}"


def _uri_component(_budget: Budget, values: Sequence[Any]) -> str:
    return quote(text(values[0]), safe=_UNRESERVED)


def _contains_at_end(values: Sequence[Any]) -> tuple[str, str]:
    return text(values[0]).lower(), text(values[1]).lower()


def _ends_with(_budget: Budget, values: Sequence[Any]) -> bool:
    whole, part = _contains_at_end(values)
    return whole.endswith(part)


def _starts_with(_budget: Budget, values: Sequence[Any]) -> bool:
    whole, part = _contains_at_end(values)
    return whole.startswith(part)


def _trim(_budget: Budget, values: Sequence[Any]) -> str:
    return text(values[0]).strip()


def _index_of(_budget: Budget, values: Sequence[Any]) -> int:
    if isinstance(values[0], list):
        return values[0].index(values[1]) if values[1] in values[0] else -1
    return text(values[0]).lower().find(text(values[1]).lower())


def _last_index_of(_budget: Budget, values: Sequence[Any]) -> int:
    if isinstance(values[0], list):
        return len(values[0]) - 1 - values[0][::-1].index(values[1]) if values[1] in values[0] else -1
    whole, part = _contains_at_end(values)
    # From the other end, since `rfind` has no bound but the product of both lengths.
    at = whole[::-1].find(part[::-1])
    return len(whole) - len(part) - at if at >= 0 else -1


def fingerprint(value: Any) -> str:
    """Give a number that stands for a template, as `templateHash`."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(int.from_bytes(sha1(written.encode("utf-8", "replace"), usedforsecurity=False).digest()[:8]))


TEXT_FUNCTIONS: Mapping[str, Function] = {
    "base64": Function(1, 1, _base64),
    "base64tostring": Function(1, 1, _from_base64),
    "base64tojson": Function(1, 1, _json_of_base64),
    "concat": Function(1, _MANY, joined),
    "datauri": Function(1, 1, lambda b, v: f"data:text/plain;charset=utf8;base64,{_base64(b, v)}"),
    "datauritostring": Function(1, 1, lambda b, v: _from_base64(b, [text(v[0]).rpartition(",")[2]])),
    "endswith": Function(2, 2, _ends_with),
    "format": Function(1, _MANY, _format),
    "guid": Function(1, _MANY, _guid),
    "indexof": Function(2, 2, _index_of, is_deep=True),
    "join": Function(2, 2, _join, is_deep=True),
    "json": Function(1, 1, parse_json),
    "lastindexof": Function(2, 2, _last_index_of, is_deep=True),
    "padleft": Function(2, 3, _pad_left, is_deep=True),
    "replace": Function(3, 3, _replace),
    "split": Function(2, 2, _split),
    "startswith": Function(2, 2, _starts_with),
    "string": Function(1, 1, lambda _b, v: spell(v[0]), is_deep=True),
    "substring": Function(2, 3, _substring),
    "tolower": Function(1, 1, lambda _b, v: text(v[0]).lower()),
    "toupper": Function(1, 1, lambda _b, v: text(v[0]).upper()),
    "trim": Function(1, 1, _trim),
    "uniquestring": Function(1, _MANY, _unique),
    "uri": Function(2, 2, _uri),
    "parseuri": Function(1, 1, _parse_uri),
    "builduri": Function(1, 1, _build_uri, is_deep=True),
    "uricomponent": Function(1, 1, _uri_component),
    "uricomponenttostring": Function(1, 1, lambda _b, v: unquote(text(v[0]))),
}  # fmt: skip
