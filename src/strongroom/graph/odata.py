"""
OData as Graph speaks it: `$filter`, `$select`, `$top`, `$count`, skip tokens, and the members a collection has.

Filters are conjunctions of `property eq literal`, `startswith(property,'text')`, `property/any(x:x eq literal)`, over
the properties that a resource's table lists. Text compares without case, as Graph compares it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from strongroom.core import limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.records import Record
from strongroom.flow.call import Call
from strongroom.flow.paging import PLACE, next_link, open_place
from strongroom.http import json
from strongroom.http.message import Response

R = TypeVar("R", bound=Record)

_OPTIONS = frozenset({"$filter", "$select", "$top", "$count", PLACE})


class Operator(StrEnum):
    """How a clause compares."""

    EQ = "eq"
    STARTS_WITH = "startswith"
    ANY = "any"


Literal = str | bool | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a filter."""

    name: str
    operator: Operator
    literal: Literal


Value = str | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filterable(Generic[R]):
    """A property that filters may name, with the operators that make sense for it."""

    read: Callable[[R], Value]
    operators: frozenset[Operator]


_LITERAL = r"'(?:[^']|'')*'|true|false|null"
_EQ = re.compile(rf"(?P<name>[A-Za-z]+)\s+eq\s+(?P<literal>{_LITERAL})", re.ASCII)
_STARTS_WITH = re.compile(rf"startswith\(\s*(?P<name>[A-Za-z]+)\s*,\s*(?P<literal>{_LITERAL})\s*\)", re.ASCII)
_ANY = re.compile(
    rf"(?P<name>[A-Za-z]+)/any\(\s*(?P<variable>[A-Za-z]+)\s*:\s*(?P=variable)\s+eq\s+(?P<literal>{_LITERAL})\s*\)",
    re.ASCII,
)
_CLAUSES = ((Operator.EQ, _EQ), (Operator.STARTS_WITH, _STARTS_WITH), (Operator.ANY, _ANY))
_AND = re.compile(r"\s+and\s+", re.ASCII)


def parse_filter(text: str) -> tuple[Clause, ...]:
    """
    Parse a filter.

    Raises:
        Invalid: it is none, or says more than is understood here (`Request_UnsupportedQuery`).
    """
    if len(text) > limits.FILTER_CHARS:
        raise Invalid("The filter is too long.")
    clauses: list[Clause] = []
    position, text = 0, text.strip()
    while True:
        clause, position = _parse_clause(text, position)
        clauses.append(clause)
        if position == len(text):
            return tuple(clauses)
        joint = _AND.match(text, position)
        if joint is None:
            raise _unsupported("Only clauses joined by 'and' are supported in a query filter.")
        position = joint.end()


def _parse_clause(text: str, position: int) -> tuple[Clause, int]:
    for operator, pattern in _CLAUSES:
        match = pattern.match(text, position)
        if match is not None:
            literal = match["literal"]
            if operator is Operator.STARTS_WITH and not literal.startswith("'"):
                break
            return Clause(match["name"], operator, _literal(literal)), match.end()
    raise _unsupported("Unsupported or invalid query filter clause.")


def _literal(text: str) -> Literal:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return {"true": True, "false": False, "null": None}[text]


def _unsupported(message: str) -> Invalid:
    return Invalid(message, code="Request_UnsupportedQuery")


def select_records(
    records: Iterable[R], clauses: Sequence[Clause], table: Mapping[str, Filterable[R]], resource: str
) -> list[R]:
    """
    Keep the records for which every clause holds.

    Raises:
        Invalid: a clause is about a property, or compares in a way, that *table* does not list.
    """
    tests = [(table.get(clause.name), clause) for clause in clauses]
    for filterable, clause in tests:
        if filterable is None or clause.operator not in filterable.operators:
            raise _unsupported(
                f"Unsupported or invalid query filter clause specified for property '{shown(clause.name, WORD)}' of"
                f" resource '{resource}'."
            )
    return [
        record
        for record in records
        if all(filterable is not None and _holds(filterable.read(record), clause) for filterable, clause in tests)
    ]


def _holds(value: Value, clause: Clause) -> bool:
    literal = clause.literal
    if clause.operator is Operator.ANY:
        return isinstance(value, tuple) and isinstance(literal, str) and literal.casefold() in map(str.casefold, value)
    if isinstance(value, str) and isinstance(literal, str):
        one, other = value.casefold(), literal.casefold()
        return one.startswith(other) if clause.operator is Operator.STARTS_WITH else one == other
    # A boolean against text is false, not an error: no property is of two types.
    return type(value) is type(literal) and value == literal


def context(call: Call, suffix: str) -> str:
    """Make the `@odata.context` of an answer."""
    return f"{call.base}/{call.params['version']}/$metadata#{suffix}"


def entity(call: Call, collection: str, properties: dict[str, Any], *, status: int = 200) -> Response:
    """Answer with one object; if it was just made, say where it is."""
    body = {"@odata.context": context(call, f"{collection}/$entity"), **_project(call, properties)}
    headers = []
    if status == 201:
        place = f"{call.base}/{call.params['version']}/{collection}/{properties['id']}"
        headers.append((b"location", place.encode("latin-1", "replace")))
    return json.response(body, status, headers)


def collection(  # what a listing is made of
    call: Call,
    name: str,
    records: Iterable[R],
    table: Mapping[str, Filterable[R]],
    resource: str,
    render: Callable[[R], dict[str, Any]],
) -> Response:
    """
    Answer with the page of *records* that the query asks for, in the order of their ids.

    Raises:
        Invalid: a query option is malformed or not understood.
    """
    for option in call.query:
        if option.startswith("$") and option not in _OPTIONS:
            raise _unsupported(f"The query option '{shown(option, WORD)}' is not supported.")
    text = call.query.get("$filter", "")
    chosen = select_records(records, parse_filter(text) if text.strip() else (), table, resource)
    chosen.sort(key=lambda record: record.id)
    size, bound = _page_size(call), _bound(call, text)
    after = open_place(call, *bound, code="Directory_ExpiredPageToken")
    rest = [record for record in chosen if record.id > after] if after is not None else chosen
    page = rest[:size]
    body: dict[str, Any] = {"@odata.context": context(call, name)}
    if call.query.get("$count", "false") == "true":
        body["@odata.count"] = len(chosen)
    if len(rest) > size:
        body["@odata.nextLink"] = next_link(call, page[-1].id, *bound, carried=_carried(call))
    body["value"] = [_project(call, render(record)) for record in page]
    return json.response(body)


def _page_size(call: Call) -> int:
    text = call.query.get("$top")
    if text is None:
        return limits.GRAPH_PAGE_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= limits.GRAPH_PAGE_MAX):
        raise Invalid(f"Invalid page size specified. Must be between 1 and {limits.GRAPH_PAGE_MAX} inclusive.")
    return int(text)


def _carried(call: Call) -> list[str]:
    return [name for name in call.query if name != PLACE]


def _bound(call: Call, filter_text: str) -> tuple[str, str]:
    return call.request.path.decode("latin-1"), filter_text


def _project(call: Call, properties: dict[str, Any]) -> dict[str, Any]:
    """Keep what `$select` names, and annotations; without `$select`, everything."""
    text = call.query.get("$select")
    if not text:
        return properties
    wanted = {name.strip() for name in text.split(",")}
    return {name: value for name, value in properties.items() if name in wanted or name.startswith("@")}
