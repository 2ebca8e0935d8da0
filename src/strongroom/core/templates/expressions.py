"""
Expressions: from `[concat('a', parameters('b').c[0])]` to a tree.

    expression := primary ( '.' name | '[' expression ']' )*
    primary    := 'text' | integer | name ( '.' name )? '(' [ expression ( ',' expression )* ] ')'

A text is an expression if it begins with `[` and ends with `]`; one that begins with `[[` is a text with one bracket
less (Azure's documentation, "Template syntax"). Quotation marks inside a text are doubled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.faults import TemplateFault


@dataclass(frozen=True, slots=True)
class Literal:
    """A text or an integer."""

    value: str | int


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function's name in lower case, with its namespace if it has one, and what it is called with."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """What is asked of a value: a property or an element."""

    of: Node
    key: Node


Node = Literal | FunctionCall | Member

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[()\[\],.])"
)
_INTEGER_MAX = 2**63
_DIGITS = 20


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def is_expression(text: str) -> bool:
    """Tell whether a text of a template is an expression."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def literal_text(text: str) -> str:
    """Give the text that one which is no expression stands for."""
    return text[1:] if text.startswith("[[") else text


def parse_expression(text: str) -> Node:
    """
    Read an expression, its outer brackets included.

    Raises:
        TemplateFault: it is too long, too deep, or no expression.
    """
    if len(text) > limits.TEMPLATE_EXPRESSION_CHARS:
        raise TemplateFault(
            f"The template expression is longer than the limit of {limits.TEMPLATE_EXPRESSION_CHARS} characters."
        )
    parser = _Parser(_tokens(text[1:-1]))
    node = parser.expression(0)
    parser.end()
    return node


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _fault(f"unexpected character at position '{at + 1}'")
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup, match.group(), at))
        at = match.end()
    return found


def _fault(what: str) -> TemplateFault:
    return TemplateFault(f"The template language expression is not valid: {what}")


class _Parser:
    """A reader by descent; every step takes a token, and `expression` counts how deep it is."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def expression(self, depth: int) -> Node:
        if depth > limits.TEMPLATE_EXPRESSION_DEPTH:
            raise _fault(f"it nests deeper than {limits.TEMPLATE_EXPRESSION_DEPTH} levels")
        node = self._primary(depth)
        members = 0
        while self._peek() in (".", "["):
            members += 1
            if members > limits.TEMPLATE_EXPRESSION_DEPTH:
                raise _fault(f"it asks for more than {limits.TEMPLATE_EXPRESSION_DEPTH} members of members")
            if self._take(".", "[").text == ".":
                node = Member(node, Literal(self._name()))
            else:
                node = Member(node, self.expression(depth + 1))
                self._take("]")
        return node

    def end(self) -> None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise _fault(f"unexpected '{token.text[:32]}' at position '{token.at + 1}'")

    def _primary(self, depth: int) -> Node:
        token = self._next()
        match token.kind:
            case "text":
                return Literal(token.text[1:-1].replace("''", "'"))
            case "number":
                return Literal(_integer(token))
            case "name":
                name = token.text
                if self._peek() == ".":
                    self._take(".")
                    name = f"{name}.{self._name()}"
                return FunctionCall(name.lower(), self._arguments(depth))
        raise _fault(f"unexpected '{token.text}' at position '{token.at + 1}'")

    def _arguments(self, depth: int) -> tuple[Node, ...]:
        self._take("(")
        if self._peek() == ")":
            self._take(")")
            return ()
        given = [self.expression(depth + 1)]
        while self._take(",", ")").text == ",":
            given.append(self.expression(depth + 1))
        return tuple(given)

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise _fault(f"a name is expected at position '{token.at + 1}'")
        return token.text

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise _fault("it ends too early")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take(self, *texts: str) -> _Token:
        token = self._next()
        if token.kind != "sign" or token.text not in texts:
            raise _fault(f"'{texts[-1]}' is expected at position '{token.at + 1}'")
        return token


def _integer(token: _Token) -> int:
    if len(token.text) > _DIGITS or not -_INTEGER_MAX <= int(token.text) < _INTEGER_MAX:
        raise _fault(f"the integer at position '{token.at + 1}' has more than 64 bits")
    return int(token.text)


def calls_of(node: Node) -> list[FunctionCall]:
    """List every function that an expression calls, the outer before the inner."""
    found: list[FunctionCall] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        match one:
            case FunctionCall(_, arguments):
                found.append(one)
                waiting += arguments
            case Member(of, key):
                waiting += (of, key)
            case Literal():
                continue
    return found
