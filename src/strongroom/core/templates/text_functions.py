"""The functions for texts (Azure's documentation, "Template functions: string")."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from strongroom.core import limits
from strongroom.core.templates.evaluation import Budget, Function, misused, type_name

_GUID_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""What Azure makes its `guid` under."""
_UNIQUE_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_UNIQUE_CHARS = 13
_UNRESERVED = "-_.!~*'()"
_HOLE = re.compile(r"\{\{|\}\}|\{(\d{1,3})(?:,(-?\d{1,3}))?(?::([^{}]{0,32}))?\}")
_MANY = 10_000


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
    if isinstance(value, int) and not isinstance(value, bool) and (digits.isdigit() or not digits):
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
    try:
        return json.loads(given, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise misused("the value is no valid JSON") from None


def _refuse(_name: str) -> Any:
    raise ValueError


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


def _split(_budget: Budget, values: Sequence[Any]) -> list[str]:
    whole = text(values[0])
    marks = values[1] if isinstance(values[1], list) else [values[1]]
    if len(marks) > _MANY or not all(isinstance(one, str) and one for one in marks):
        raise misused("the delimiters are texts that are not empty")
    # The longest first, so that one that begins another does not take its place.
    return (
        re.split("|".join(re.escape(one) for one in sorted(marks, key=len, reverse=True)), whole) if marks else [whole]
    )


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
    return urljoin(text(values[0]), text(values[1]))


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
    "indexof": Function(
        2, 2, lambda _b, v: v[0].index(v[1]) if isinstance(v[0], list) and v[1] in v[0]
        else -1 if isinstance(v[0], list) else text(v[0]).lower().find(text(v[1]).lower())
    ),
    "join": Function(2, 2, _join),
    "json": Function(1, 1, parse_json),
    "lastindexof": Function(
        2, 2, lambda _b, v: len(v[0]) - 1 - v[0][::-1].index(v[1]) if isinstance(v[0], list) and v[1] in v[0]
        else -1 if isinstance(v[0], list) else text(v[0]).lower().rfind(text(v[1]).lower())
    ),
    "padleft": Function(2, 3, _pad_left),
    "replace": Function(3, 3, _replace),
    "split": Function(2, 2, _split),
    "startswith": Function(2, 2, _starts_with),
    "string": Function(1, 1, lambda _b, v: spell(v[0])),
    "substring": Function(2, 3, _substring),
    "tolower": Function(1, 1, lambda _b, v: text(v[0]).lower()),
    "toupper": Function(1, 1, lambda _b, v: text(v[0]).upper()),
    "trim": Function(1, 1, _trim),
    "uniquestring": Function(1, _MANY, _unique),
    "uri": Function(2, 2, _uri),
    "parseuri": Function(1, 1, _parse_uri),
    "builduri": Function(1, 1, _build_uri),
    "uricomponent": Function(1, 1, _uri_component),
    "uricomponenttostring": Function(1, 1, lambda _b, v: unquote(text(v[0]))),
}  # fmt: skip
