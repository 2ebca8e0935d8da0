"""
Conditions of role assignments, evaluated the slow way: the second evaluator's.

Written from reference azure-key-vault.md section 3.6 and the public description of the language of conditions, version
2.0. Every question parses the text's words anew from left to right and works out each part's value on the way; there is
no tree. It shares no code with the product.

Three values: what rests on an attribute that is not there, or on values that cannot be compared, is None, and None is
neither true nor false, so no negation of it lets anybody in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

Truth = bool | None
Scalar = str | bool | int
Attributes = Mapping[tuple[str, str], Scalar | tuple[Scalar, ...]]
"""By source and name, both in lower case: `("resource", "microsoft.keyvault/vaults:name")`."""

_WORDS = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<attribute>@[A-Za-z]+\[[^\[\]]+\])
      | (?P<guid>[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})
      | (?P<number>-?[0-9]+)
      | (?P<word>[A-Za-z]+(?::[A-Za-z]+)?)
      | (?P<mark>&&|\|\||[(){},!])
    )""",
    re.VERBOSE | re.ASCII,
)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)

_SECRETS = "microsoft.keyvault/vaults/secrets/"
_HERE = {f"{_SECRETS}{word}" for word in ("getsecret/action", "readmetadata/action", "update/action", "delete")} | {
    f"{_SECRETS}{word}/action" for word in ("backup", "recover", "purge")
}
_BROUGHT = {f"{_SECRETS}setsecret/action", f"{_SECRETS}restore/action"}
_ASSIGNMENTS = "microsoft.authorization/roleassignments"
ATTRIBUTES: dict[tuple[str, str], Callable[[str], bool]] = {
    ("resource", "microsoft.keyvault/vaults:name"): lambda action: action.startswith(_SECRETS),
    ("resource", "microsoft.keyvault/vaults/secrets:name"): lambda action: action in _HERE,
    ("request", "microsoft.keyvault/vaults/secrets:name"): lambda action: action in _BROUGHT,
    ("environment", "isprivatelink"): lambda _action: True,
    ("environment", "microsoft.network/privateendpoints"): lambda _action: True,
    ("environment", "microsoft.network/virtualnetworks/subnets"): lambda _action: True,
    ("environment", "utcnow"): lambda _action: True,
}
"""
Which attributes there are, and whether a question about an action (in lower case) has them.

A condition that asks about any other cannot be read, which is a choice of ours (ADR 14).
"""
for _name in ("roledefinitionid", "principalid", "principaltype"):
    ATTRIBUTES["request", f"{_ASSIGNMENTS}:{_name}"] = lambda action: action == f"{_ASSIGNMENTS}/write"
    ATTRIBUTES["resource", f"{_ASSIGNMENTS}:{_name}"] = lambda action: action == f"{_ASSIGNMENTS}/delete"
_WITH_CASE = {("environment", "isprivatelink"), ("environment", "utcnow")}
"""All others name something whose name has no case."""


class Unreadable(Exception):
    """The text is no condition."""


# ---- what the operators compare -------------------------------------------------------------------------------------


def _like(value: str, pattern: str) -> bool:
    """`*` is any text and `?` any one character; a backslash before either makes it itself."""
    expression, escaped = "", False
    for letter in pattern:
        if escaped:
            expression += re.escape(letter) if letter in "*?" else re.escape("\\" + letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            expression += {"*": ".*", "?": "."}.get(letter, re.escape(letter))
    return re.fullmatch(expression + (re.escape("\\") if escaped else ""), value, re.DOTALL) is not None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _of_texts(compare: Callable[[str, str], bool], *, ignore_case: bool) -> Callable[[Scalar, Scalar], Truth]:
    def compared(left: Scalar, right: Scalar) -> Truth:
        if not isinstance(left, str) or not isinstance(right, str):
            return None
        return compare(left.lower(), right.lower()) if ignore_case else compare(left, right)

    return compared


def _of_numbers(compare: Callable[[int, int], bool]) -> Callable[[Scalar, Scalar], Truth]:
    def compared(left: Scalar, right: Scalar) -> Truth:
        if type(left) is not int or type(right) is not int:
            return None
        return compare(left, right)

    return compared


def _of_moments(compare: Callable[[datetime, datetime], bool]) -> Callable[[Scalar, Scalar], Truth]:
    def compared(left: Scalar, right: Scalar) -> Truth:
        moments = [_moment(side) if isinstance(side, str) else None for side in (left, right)]
        return None if moments[0] is None or moments[1] is None else compare(moments[0], moments[1])

    return compared


def _same_guid(left: Scalar, right: Scalar) -> Truth:
    if not (isinstance(left, str) and isinstance(right, str) and _GUID.fullmatch(left) and _GUID.fullmatch(right)):
        return None
    return left.lower() == right.lower()


def _same_truth(left: Scalar, right: Scalar) -> Truth:
    return left is right if isinstance(left, bool) and isinstance(right, bool) else None


def _negated(compare: Callable[[Scalar, Scalar], Truth]) -> Callable[[Scalar, Scalar], Truth]:
    return lambda left, right: _not(compare(left, right))


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanEquals": lambda left, right: left >= right,
}
_TEXT_ORDERS: dict[str, Callable[[str, str], bool]] = {
    "Equals": lambda left, right: left == right,
    "StartsWith": lambda left, right: left.startswith(right),
    "Like": _like,
}
OPERATORS: dict[str, Callable[[Scalar, Scalar], Truth]] = {"BoolEquals": _same_truth, "GuidEquals": _same_guid}
for _name, _compare in _TEXT_ORDERS.items():
    OPERATORS[f"String{_name}"] = _of_texts(_compare, ignore_case=False)
    OPERATORS[f"String{_name}IgnoreCase"] = _of_texts(_compare, ignore_case=True)
for _name, _order in _ORDERS.items():
    OPERATORS[f"Numeric{_name}"] = _of_numbers(_order)
    OPERATORS[f"DateTime{_name}"] = _of_moments(_order)
for _kind, _names in {
    "String": ("Equals", "EqualsIgnoreCase", "StartsWith", "StartsWithIgnoreCase", "Like", "LikeIgnoreCase"),
    "Numeric": ("Equals",),
    "DateTime": ("Equals",),
    "Bool": ("Equals",),
    "Guid": ("Equals",),
}.items():
    for _name in _names:
        OPERATORS[f"{_kind}Not{_name}"] = _negated(OPERATORS[_kind + _name])
CROSSES = ("ForAnyOfAnyValues", "ForAllOfAnyValues", "ForAnyOfAllValues", "ForAllOfAllValues")


def _not(value: Truth) -> Truth:
    return None if value is None else not value


def _all(values: Sequence[Truth]) -> Truth:
    return False if False in values else None if None in values else True


def _any(values: Sequence[Truth]) -> Truth:
    return True if True in values else None if None in values else False


# ---- reading --------------------------------------------------------------------------------------------------------


@cache
def _words(text: str) -> tuple[tuple[str, str], ...]:
    """Cut a text into its words, each with its kind. This alone is kept, as it is the same for every question."""
    found, at = [], 0
    while text[at:].strip():
        match = _WORDS.match(text, at)
        if match is None or match.lastgroup is None:
            raise Unreadable(text[at:])
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tuple(found)


@dataclass
class _Reading:
    """One reading of one condition, for one action and one set of attributes."""

    words: tuple[tuple[str, str], ...]
    action: str
    attributes: Attributes
    at: int = field(default=0)

    def next(self) -> tuple[str, str]:
        """Say what comes next, without going on."""
        return self.words[self.at] if self.at < len(self.words) else ("end", "")

    def take(self, *wanted: str) -> str | None:
        """Go past the next word if it is one of *wanted*."""
        kind, word = self.next()
        if kind in {"word", "mark"} and word in wanted:
            self.at += 1
            return word
        return None

    def need(self, wanted: str) -> None:
        """Go past what has to come now."""
        if self.take(wanted) is None:
            raise Unreadable(f"{wanted} expected")

    def either(self) -> Truth:
        """Read `a OR b OR …`."""
        values = [self.both()]
        while self.take("OR", "||"):
            values.append(self.both())
        return _any(values)

    def both(self) -> Truth:
        """Read `a AND b AND …`."""
        values = [self.one()]
        while self.take("AND", "&&"):
            values.append(self.one())
        return _all(values)

    def one(self) -> Truth:
        """Read what stands between them."""
        if self.take("NOT", "!"):
            return _not(self.one())
        if self.take("("):
            value = self.either()
            self.need(")")
            return value
        if self.take("ActionMatches"):
            return _pattern_matches(self.braced_text(), self.action)
        if self.take("SubOperationMatches"):
            # No operation of a key vault has a sub-operation.
            self.braced_text()
            return False
        if self.take("Exists"):
            kind, word = self.next()
            if kind != "attribute":
                raise Unreadable("Exists wants an attribute")
            self.at += 1
            return self.attribute(word) is not None
        return self.comparison()

    def braced_text(self) -> str:
        """Read `{'…'}`."""
        self.need("{")
        kind, word = self.next()
        if kind != "text":
            raise Unreadable("text expected")
        self.at += 1
        self.need("}")
        return word[1:-1]

    def comparison(self) -> Truth:
        """Read `left Operator right`, and compare."""
        caseless = self.names_something()
        left, written = self.side()
        kind, word = self.next()
        self.at += 1
        cross, _, name = word.rpartition(":")
        if kind != "word" or name not in OPERATORS or (cross and cross not in CROSSES):
            raise Unreadable(f"no operator: {word}")
        caseless = self.names_something() or caseless
        right, also_written = self.side()
        compare = _either_case(name) if caseless else OPERATORS[name]
        if not cross and (isinstance(left, tuple) or isinstance(right, tuple)):
            if (written and isinstance(left, tuple)) or (also_written and isinstance(right, tuple)):
                raise Unreadable("values in braces want a word that says for how many of them")
            return None
        if left is None or right is None:
            return None
        if not cross:
            assert not isinstance(left, tuple)
            assert not isinstance(right, tuple)
            return compare(left, right)
        lefts = left if isinstance(left, tuple) else (left,)
        rights = right if isinstance(right, tuple) else (right,)
        outer = _any if cross.startswith("ForAny") else _all
        inner = _any if cross.endswith("AnyValues") else _all
        return outer([inner([compare(one, other) for other in rights]) for one in lefts])

    def names_something(self) -> bool:
        """Tell if an attribute comes next that is a name without case."""
        kind, word = self.next()
        return kind == "attribute" and _key(word) not in _WITH_CASE

    def side(self) -> tuple[Scalar | tuple[Scalar, ...] | None, bool]:
        """Read a side, and tell if it is written out. None is an attribute that is not there."""
        kind, word = self.next()
        if kind == "attribute":
            self.at += 1
            return self.attribute(word), False
        if not self.take("{"):
            return self.value(), True
        values = [self.value()]
        while self.take(","):
            values.append(self.value())
        self.need("}")
        return tuple(values), True

    def value(self) -> Scalar:
        """Read one value."""
        kind, word = self.next()
        self.at += 1
        if kind == "text":
            return word[1:-1]
        if kind == "guid":
            return word
        if kind == "number":
            return int(word)
        if kind == "word" and word in {"true", "false"}:
            return word == "true"
        raise Unreadable(f"no value: {word}")

    def attribute(self, word: str) -> Scalar | tuple[Scalar, ...] | None:
        """Look an attribute up."""
        there = ATTRIBUTES.get(_key(word))
        if there is None:
            raise Unreadable(f"no attribute: {word}")
        return self.attributes.get(_key(word)) if there(self.action.lower()) else None


def _key(word: str) -> tuple[str, str]:
    source, name = word[1:-1].split("[", 1)
    return source.lower(), name.lower()


def _either_case(name: str) -> Callable[[Scalar, Scalar], Truth]:
    """
    Compare names that have no case with an operator that minds it: only what both ways agree on is known.

    A choice of ours (ADR 14): otherwise `StringNotEquals 'Secret'` would let in whoever writes `SECRET`.
    """
    if not name.startswith("String") or name.endswith("IgnoreCase"):
        return OPERATORS[name]

    def compared(left: Scalar, right: Scalar) -> Truth:
        minding, ignoring = OPERATORS[name](left, right), OPERATORS[f"{name}IgnoreCase"](left, right)
        return minding if minding is ignoring else None

    return compared


def _pattern_matches(pattern: str, action: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, action, re.IGNORECASE | re.DOTALL | re.ASCII) is not None


def holds(text: str, action: str, attributes: Attributes) -> Truth:
    """
    Tell whether a condition holds; None if that cannot be known.

    Raises:
        Unreadable: the text is no condition.
    """
    reading = _Reading(_words(text), action, attributes)
    value = reading.either()
    if reading.next()[0] != "end":
        raise Unreadable("more than a condition")
    return value
