"""
The language that conditions are written in, Azure's version 2.0: from text to expressions.

Azure's "role assignment condition format and syntax" describes it by example. Where that is silent Microsoft's own
evaluator (regorus) was looked at, and ADR 0014 says what was chosen. Reading takes time in proportion to the text, and
every part of it has a limit.

    or         = and *( ("OR" / "||") and )
    and        = not *( ("AND" / "&&") not )
    not        = ("NOT" / "!") not / "(" or ")" / function / comparison
    function   = ("ActionMatches" / "SubOperationMatches") "{" text *( "," text ) "}" / "Exists" attribute
    comparison = operand [quantifier ":"] operator operand
    operand    = attribute / value / "{" value *( "," value ) "}" / "[" value *( "," value ) "]"
    value      = text / number / GUID / "true" / "false"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.action_patterns import ActionPattern
from strongroom.core.condition_attributes import ATTRIBUTES, Attribute, Source
from strongroom.core.condition_expressions import (
    ActionMatches,
    And,
    Asked,
    Comparison,
    Constant,
    Exists,
    Expression,
    Literal,
    Not,
    Operand,
    Or,
    Quantifier,
    SubOperationMatches,
)
from strongroom.core.condition_operators import OPERATORS, Operator, Scalar
from strongroom.core.facts import NO_FACTS
from strongroom.core.guids import GUID_PATTERN


class ConditionFault(Exception):
    """
    A condition that cannot be read.

    Attributes:
        message: a sentence for people, with nothing of the text in it.
        position: where, in characters from the beginning, which is 0.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message, position)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    # A quotation mark in a text is written twice. After a backslash it is refused, because whoever takes the backslash
    # for an escape would have the text end elsewhere.
    r"|(?P<text>'(?:[^'\\\x00-\x1f\x7f]|\\(?!')|'')*+')"
    r"|(?P<attribute>@[A-Za-z]+[ ]*\[[^\[\]'\x00-\x1f\x7f]*\])"
    rf"|(?P<guid>{GUID_PATTERN}(?![\w-]))"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.-]))"
    r"|(?P<word>[A-Za-z][A-Za-z0-9]*(?::[A-Za-z0-9]+)?)"
    r"|(?P<sign>&&|\|\||[(){}\[\],!])",
    re.ASCII,
)
_END = "end"


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ConditionFault(_unreadable(text[at]), at)
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, found.group(), at))
        at = found.end()
    return [*tokens, _Token(_END, "", len(text))]


def _unreadable(character: str) -> str:
    if character == "'":
        return (
            "The text that begins here has no end, or has a control character in it, or a backslash before a quotation"
            " mark. A quotation mark in a text is written twice."
        )
    if character == "@":
        return "An attribute is written as its source with a name in brackets, such as @Resource[namespace:name]."
    return "There is a character here that has no meaning in a condition."


def parse_expression(text: str) -> Expression:
    """
    Read a condition.

    Raises:
        ConditionFault: it is not one, or over a limit; or it asks for what this service can never know.
    """
    if len(text) > limits.CONDITION_CHARS:
        raise ConditionFault(f"A condition has at most {limits.CONDITION_CHARS} characters.", limits.CONDITION_CHARS)
    return _Parser(_tokens(text)).condition()


class _Parser:
    """Reads tokens from left to right, each once; a method for each rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._expressions = 0
        self._pairs = 0

    # ---- the logic

    def condition(self) -> Expression:
        whole = self._or()
        if self._next.kind != _END:
            raise ConditionFault("AND, OR or the end of the condition is expected here.", self._next.at)
        return whole

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take_any("OR", "||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._take_any("AND", "&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Expression:
        here = self._next
        if self._take_any("NOT", "!"):
            self._descend(here)
            part = self._not()
            self._depth -= 1
            return Not(part)
        if self._take_any("("):
            self._descend(here)
            part = self._or()
            self._expect(")", "A closing parenthesis, AND or OR is expected here.")
            self._depth -= 1
            return part
        return self._leaf()

    def _descend(self, here: _Token) -> None:
        self._depth += 1
        if self._depth > limits.CONDITION_DEPTH:
            raise ConditionFault(
                f"Parentheses and negations are nested at most {limits.CONDITION_DEPTH} deep.", here.at
            )

    # ---- what it is about

    def _leaf(self) -> Expression:
        here = self._next
        self._expressions += 1
        if self._expressions > limits.CONDITION_EXPRESSIONS:
            raise ConditionFault(f"A condition has at most {limits.CONDITION_EXPRESSIONS} expressions.", here.at)
        if self._take_any("ActionMatches"):
            return ActionMatches(ActionPattern(self._patterns()))
        if self._take_any("SubOperationMatches"):
            self._patterns()
            return SubOperationMatches()
        if self._take_any("Exists"):
            if self._next.kind != "attribute":
                raise ConditionFault("Exists is followed by an attribute.", self._next.at)
            return Exists(self._attribute())
        return self._comparison()

    def _patterns(self) -> tuple[str, ...]:
        """Read the patterns of a function, in braces."""
        here = self._next
        if here.text != "{" or here.kind != "sign":
            raise ConditionFault("Patterns in braces are expected here, such as {'Microsoft.KeyVault/*'}.", here.at)
        self._place += 1
        patterns: list[str] = []
        while True:
            if self._next.kind != "text":
                raise ConditionFault("A pattern in quotation marks is expected here.", self._next.at)
            pattern = self._value()
            patterns.append(str(pattern))
            if not self._take_any(","):
                break
        self._expect("}", "A comma or a closing brace is expected here.")
        return tuple(patterns)

    def _comparison(self) -> Expression:
        left = self._operand("An expression is expected here.")
        operator, quantifier = self._operator()
        begins = self._next.at
        right = self._operand("A value or an attribute is expected here.")
        if operator.is_range:
            if isinstance(right, Literal) and not (isinstance(right.content, tuple) and len(right.content) == 2):
                raise ConditionFault(f"{operator.name} is followed by two values in brackets.", begins)
        elif quantifier is None and any(
            isinstance(side, Literal) and isinstance(side.content, tuple) for side in (left, right)
        ):
            raise ConditionFault(
                f"{operator.name} compares single values. Write ForAnyOfAnyValues:, ForAllOfAnyValues:,"
                " ForAnyOfAllValues: or ForAllOfAllValues: before it to compare sets.",
                begins,
            )
        self._pairs += _width(left) * _width(right)
        if self._pairs > limits.CONDITION_PAIRS:
            raise ConditionFault(f"A condition compares at most {limits.CONDITION_PAIRS} pairs of values.", begins)
        comparison = Comparison(left, operator, right, quantifier)
        if isinstance(left, Literal) and isinstance(right, Literal):
            return Constant(comparison.judge(Asked("", NO_FACTS)))
        return comparison

    def _operator(self) -> tuple[Operator, Quantifier | None]:
        here = self._next
        prefix, colon, name = here.text.rpartition(":")
        if here.kind != "word":
            raise ConditionFault("An operator such as StringEquals is expected here.", here.at)
        quantifier = next((one for one in Quantifier if one.value == prefix), None)
        if colon and quantifier is None:
            raise ConditionFault(
                "What stands before the colon is none of ForAnyOfAnyValues, ForAllOfAnyValues, ForAnyOfAllValues and"
                " ForAllOfAllValues.",
                here.at,
            )
        operator = OPERATORS.get(name)
        at = here.at + len(prefix) + len(colon)
        if operator is None:
            if name in {"StringMatches", "StringNotMatches"}:
                raise ConditionFault("Regular expressions are not served. StringLike takes * and ?.", at)
            raise ConditionFault("This is no operator that conditions have.", at)
        if quantifier is not None and operator.is_range:
            raise ConditionFault(f"{operator.name} takes no {quantifier.value}.", here.at)
        self._place += 1
        return operator, quantifier

    # ---- values

    def _operand(self, expected: str) -> Operand:
        here = self._next
        if here.kind == "attribute":
            return self._attribute()
        closing = {"{": "}", "[": "]"}.get(here.text) if here.kind == "sign" else None
        if closing is None:
            return Literal(self._value(expected))
        self._place += 1
        values = [self._value()]
        while self._take_any(","):
            if len(values) == limits.CONDITION_VALUES:
                raise ConditionFault(f"A set has at most {limits.CONDITION_VALUES} values.", self._next.at)
            values.append(self._value())
        self._expect(closing, f"A comma or {closing} is expected here.")
        return Literal(tuple(values))

    def _attribute(self) -> Attribute:
        here = self._next
        written, _, name = here.text[1:-1].partition("[")
        source = next((one for one in Source if one.value == written.strip()), None)
        if source is None:
            raise ConditionFault("The source of an attribute is Resource, Request, Environment or Principal.", here.at)
        found = ATTRIBUTES.get((source, name.strip().lower()))
        if found is None:
            raise ConditionFault("This service has no such attribute, so the condition could never hold.", here.at)
        self._place += 1
        return found

    def _value(self, expected: str = "A value is expected here.") -> Scalar:
        here = self._next
        value: Scalar
        match here.kind, here.text:
            case "text", text:
                value = _read_text(text, here.at)
            case "guid", text:
                value = text
            case "number", text:
                value = _read_number(text, here.at)
            case "word", "true" | "false":
                value = here.text == "true"
            case _:
                raise ConditionFault(expected, here.at)
        self._place += 1
        return value

    # ---- tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take_any(self, *texts: str) -> bool:
        """Take the next token if it is one of these words and signs."""
        here = self._next
        if here.kind in {"word", "sign"} and here.text in texts:
            self._place += 1
            return True
        return False

    def _expect(self, text: str, otherwise: str) -> None:
        if not self._take_any(text):
            raise ConditionFault(otherwise, self._next.at)


def _width(operand: Operand) -> int:
    """Count the values of an operand; an attribute has one."""
    return len(operand.content) if isinstance(operand, Literal) and isinstance(operand.content, tuple) else 1


def _read_text(written: str, at: int) -> str:
    """Read a text: a quotation mark in it is written twice."""
    content = written[1:-1].replace("''", "'")
    if len(content) > limits.CONDITION_TEXT_CHARS:
        raise ConditionFault(f"One text has at most {limits.CONDITION_TEXT_CHARS} characters.", at)
    return content


def _read_number(written: str, at: int) -> int | float:
    if len(written) > limits.CONDITION_NUMBER_CHARS:
        raise ConditionFault(f"A number has at most {limits.CONDITION_NUMBER_CHARS} characters.", at)
    return float(written) if "." in written else int(written)
