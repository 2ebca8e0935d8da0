"""
`$filter` and `$search` as Graph's clients send them: read into a tree, and held against records.

    filter     := conjunction ("or" conjunction)*
    conjunction := term ("and" term)*
    term       := "not" term | "(" filter ")" | comparison
    comparison := name "eq"|"ne" literal | name "in" "(" literal, ... ")" | startswith(name, text)
                | name/any(x: x eq literal)

A property compares in the ways that its resource's table lists. Text compares without case, as Graph compares it. `not`
and `ne` are Graph's advanced queries, which want `ConsistencyLevel: eventual` and `$count=true`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from strongroom.core import limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid

R = TypeVar("R")


class Operator(StrEnum):
    """How a property may be compared."""

    EQ = "eq"
    """And with it `ne` and `in`."""
    STARTS_WITH = "startswith"
    ANY = "any"


Literal = str | bool | None
Value = str | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filterable(Generic[R]):
    """A property that filters may name, with the operators that make sense for it."""

    read: Callable[[R], Value]
    operators: frozenset[Operator]


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: true if the property compares so with one of the literals."""

    name: str
    operator: Operator
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the other is not."""

    node: Node


@dataclass(frozen=True, slots=True)
class All:
    """True where every one is."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True where one is."""

    nodes: tuple[Node, ...]


Node = Clause | Not | All | Any
Test = Callable[[R], bool]
"""Whether a record is one of those asked for."""

_LITERAL = r"'(?:[^']|'')*'|true|false|null|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_ONE_LITERAL = re.compile(_LITERAL, re.ASCII)
_EQ = re.compile(rf"(?P<name>[A-Za-z]+)\s+(?P<negated>eq|ne)\s+(?P<literal>{_LITERAL})", re.ASCII)
_IN = re.compile(rf"(?P<name>[A-Za-z]+)\s+in\s*\((?P<list>\s*(?:{_LITERAL})\s*(?:,\s*(?:{_LITERAL})\s*)*)\)", re.ASCII)
_STARTS_WITH = re.compile(r"startswith\(\s*(?P<name>[A-Za-z]+)\s*,\s*(?P<literal>'(?:[^']|'')*')\s*\)", re.ASCII)
_ANY = re.compile(
    rf"(?P<name>[A-Za-z]+)/any\(\s*(?P<variable>[A-Za-z]+)\s*:\s*(?P=variable)\s+eq\s+(?P<literal>{_LITERAL})\s*\)",
    re.ASCII,
)
_OR, _AND = re.compile(r"\s+or\s+", re.ASCII), re.compile(r"\s+and\s+", re.ASCII)
_NOT, _OPEN = re.compile(r"not(?=[\s(])\s*", re.ASCII), re.compile(r"\(\s*", re.ASCII)
_CLOSE = re.compile(r"\s*\)", re.ASCII)


def parse_filter(text: str) -> Node:
    """
    Parse a filter.

    Raises:
        Invalid: it is none, or says more than is understood here (`Request_UnsupportedQuery`).
    """
    if len(text) > limits.FILTER_CHARS:
        raise Invalid("The filter is too long.")
    parser = _Parser(text.strip())
    node = parser.disjunction()
    if not parser.at_end:
        raise unsupported("Unsupported or invalid query filter clause.")
    return node


class _Parser:
    """Reads a filter from the left; bounded by the number of its terms, nested ones too."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._terms = 0

    @property
    def at_end(self) -> bool:
        return self._place == len(self._text)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._place)
        if match is not None:
            self._place = match.end()
        return match

    def disjunction(self) -> Node:
        nodes = [self._conjunction()]
        while self._take(_OR):
            nodes.append(self._conjunction())
        return nodes[0] if len(nodes) == 1 else Any(tuple(nodes))

    def _conjunction(self) -> Node:
        nodes = [self._term()]
        while self._take(_AND):
            nodes.append(self._term())
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes))

    def _term(self) -> Node:
        if self._take(_NOT):
            self._count()
            return Not(self._term())
        if self._take(_OPEN):
            self._count()
            node = self.disjunction()
            if not self._take(_CLOSE):
                raise unsupported("Unsupported or invalid query filter clause.")
            return node
        self._count()
        return self._comparison()

    def _comparison(self) -> Node:
        match = self._take(_EQ)
        if match is not None:
            clause = Clause(match["name"], Operator.EQ, (_literal(match["literal"]),))
            return clause if match["negated"] == "eq" else Not(clause)
        match = self._take(_IN)
        if match is not None:
            literals = tuple(_literal(one[0]) for one in _ONE_LITERAL.finditer(match["list"]))
            if len(literals) > limits.GRAPH_FILTER_CLAUSES:
                raise _too_many()
            return Clause(match["name"], Operator.EQ, literals)
        for operator, pattern in ((Operator.STARTS_WITH, _STARTS_WITH), (Operator.ANY, _ANY)):
            match = self._take(pattern)
            if match is not None:
                return Clause(match["name"], operator, (_literal(match["literal"]),))
        raise unsupported("Unsupported or invalid query filter clause.")

    def _count(self) -> None:
        self._terms += 1
        if self._terms > limits.GRAPH_FILTER_CLAUSES:
            raise _too_many()


def _too_many() -> Invalid:
    return unsupported(
        f"Too many child clauses specified in search filter expression. Max: {limits.GRAPH_FILTER_CLAUSES}."
    )


def _literal(text: str) -> Literal:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    words: Mapping[str, Literal] = {"true": True, "false": False, "null": None}
    return words.get(text, text)


def unsupported(message: str) -> Invalid:
    """Say that a query is none that is understood."""
    return Invalid(message, code="Request_UnsupportedQuery")


def is_advanced(node: Node) -> bool:
    """Tell whether a filter is one of those that Graph answers to `ConsistencyLevel: eventual` alone."""
    match node:
        case Not():
            return True
        case All(nodes) | Any(nodes):
            return any(map(is_advanced, nodes))
        case Clause():
            return False


def compile_filter(node: Node, table: Mapping[str, Filterable[R]], resource: str) -> Test[R]:
    """
    Make a test of a filter, so that what is the same for every record is done once.

    Raises:
        Invalid: it is about a property, or compares in a way, that the table does not list.
    """
    match node:
        case Not(inner):
            test = compile_filter(inner, table, resource)
            return lambda record: not test(record)
        case All(nodes):
            tests = [compile_filter(one, table, resource) for one in nodes]
            return lambda record: all(test(record) for test in tests)
        case Any(nodes):
            tests = [compile_filter(one, table, resource) for one in nodes]
            return lambda record: any(test(record) for test in tests)
        case Clause(name, operator, literals):
            filterable = table.get(name)
            if filterable is None or operator not in filterable.operators:
                raise unsupported(
                    f"Unsupported or invalid query filter clause specified for property '{shown(name, WORD)}' of"
                    f" resource '{resource}'."
                )
            return _comparison(filterable.read, operator, literals)


def _comparison(read: Callable[[R], Value], operator: Operator, literals: tuple[Literal, ...]) -> Test[R]:
    texts = frozenset(one.casefold() for one in literals if isinstance(one, str))
    # A boolean against text is false, not an error: no property is of two types.
    others = frozenset(one for one in literals if not isinstance(one, str))
    start = next(iter(texts), "")

    def equals(record: R) -> bool:
        value = read(record)
        return value.casefold() in texts if isinstance(value, str) else value in others

    def starts(record: R) -> bool:
        value = read(record)
        return isinstance(value, str) and value.casefold().startswith(start)

    def has(record: R) -> bool:
        value = read(record)
        return isinstance(value, tuple) and any(one.casefold() in texts for one in value)

    tests: Mapping[Operator, Test[R]] = {Operator.EQ: equals, Operator.STARTS_WITH: starts, Operator.ANY: has}
    return tests[operator]


# ---- search ---------------------------------------------------------------------------------------------------------

_TERM = re.compile(r'"(?P<name>[A-Za-z]+):(?P<text>[^"\\]+)"', re.ASCII)
_JOINT = re.compile(r"\s+(AND|OR)\s+", re.ASCII)
_WORDS = re.compile(r"\w+")


def parse_search(text: str, table: Mapping[str, Filterable[R]], resource: str) -> Test[R]:
    """
    Read a search: `"displayName:some words"`, several joined by AND and OR. Every word begins a word of the property.

    Raises:
        Invalid: it is none, or is about a property that is no text of the table.
    """
    if len(text) > limits.FILTER_CHARS:
        raise Invalid("The search is too long.")
    text, place, terms = text.strip(), 0, 0
    either: list[list[Test[R]]] = [[]]
    while True:
        match = _TERM.match(text, place)
        terms += 1
        if match is None:
            raise Invalid("Syntax error in the $search query option.")
        if terms > limits.GRAPH_FILTER_CLAUSES:
            raise _too_many()
        filterable = table.get(match["name"])
        if filterable is None or Operator.STARTS_WITH not in filterable.operators:
            raise unsupported(
                f"Unsupported or invalid search clause specified for property '{shown(match['name'], WORD)}' of"
                f" resource '{resource}'."
            )
        either[-1].append(_finder(filterable.read, _words(match["text"])))
        place = match.end()
        if place == len(text):
            return lambda record: any(all(test(record) for test in tests) for tests in either)
        joint = _JOINT.match(text, place)
        if joint is None:
            raise Invalid("Syntax error in the $search query option.")
        if joint[1] == "OR":
            either.append([])
        place = joint.end()


def _finder(read: Callable[[R], Value], wanted: tuple[str, ...]) -> Test[R]:
    def finds(record: R) -> bool:
        value = read(record)
        words = _words(value) if isinstance(value, str) else ()
        return bool(wanted) and all(any(word.startswith(one) for word in words) for one in wanted)

    return finds


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(text.casefold()))


def select(records: Iterable[R], tests: Iterable[Test[R]]) -> list[R]:
    """Keep the records that pass every test."""
    kept = list(records)
    for test in tests:
        kept = [record for record in kept if test(record)]
    return kept
