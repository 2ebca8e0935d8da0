"""
Evaluating expressions: a tree and what it may ask about, to a value.

A value is what JSON has. Names of functions, and of members of objects, are found in any case, as Resource Manager
finds them. What a function gives is charged to a budget by its size before the next one sees it, so that no template
makes more work than `limits.TEMPLATE_WORK`, however its parts refer to one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.expressions import (
    FunctionCall,
    Literal,
    Member,
    Node,
    is_expression,
    literal_text,
    parse_expression,
)
from strongroom.core.templates.faults import TemplateFault

_CHARS_PER_STEP = 32
_INTEGER_MAX = 2**63
_MEMBERS_PER_STEP = 8


@dataclass(slots=True)
class Budget:
    """How much work an evaluation may still make."""

    left: int = limits.TEMPLATE_WORK

    def spend(self, steps: int) -> None:
        """
        Take steps away.

        Raises:
            TemplateFault: there are not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise TemplateFault(
                f"The evaluation of the template takes more than the limit of {limits.TEMPLATE_WORK} steps"
            )

    def spend_on(self, value: object) -> None:
        """
        Take away what a value weighs, all that it holds counted as often as it is held, names of members too.

        Raises:
            TemplateFault: it weighs more than is left, or nests deeper than what is read and written as JSON may.
        """
        level: list[object] = [value]
        for _ in range(limits.TEMPLATE_VALUE_DEPTH):
            inner: list[object] = []
            for one in level:
                if isinstance(one, str):
                    self.spend(1 + len(one) // _CHARS_PER_STEP)
                elif isinstance(one, dict):
                    self.spend(1 + sum(1 + len(name) // _CHARS_PER_STEP for name in one))
                    inner += one.values()
                elif isinstance(one, list):
                    # Nothing is gathered that is more than may be looked at.
                    self.spend(1 if len(one) < self.left else len(one))
                    inner += one
                elif isinstance(one, int) and not -_INTEGER_MAX <= one < _INTEGER_MAX:
                    raise TemplateFault("An integer of the template has more than 64 bits")
                elif isinstance(one, Lambda):
                    raise TemplateFault("A lambda of the template is where a value is expected")
                else:
                    self.spend(1)
            level = inner
            if not level:
                return
        raise TemplateFault(f"A value of the template nests deeper than {limits.TEMPLATE_VALUE_DEPTH} levels")

    def spend_on_reading(self, text: str) -> None:
        """Take away what it costs to read an expression."""
        self.spend(1 + len(text))

    def spend_on_text(self, chars: int) -> None:
        """Take away what a text of so many characters weighs, before it is made."""
        self.spend(1 + chars // _CHARS_PER_STEP)


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function that a template writes down: what its arguments are called, and what it gives."""

    names: tuple[str, ...]
    body: Node
    scope: Scope


Own = Callable[["Evaluator", "Scope", Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Function:
    """
    A function with values for arguments.

    Attributes:
        is_view: whether it gives a part of what it got, so that its result costs nothing.
        is_deep: whether it looks at all that its arguments hold.
    """

    least: int
    most: int
    call: Callable[[Budget, Sequence[Any]], Any]
    is_view: bool = False
    is_deep: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A function that evaluates its arguments itself."""

    least: int
    most: int
    call: Callable[[Evaluator, Scope, tuple[Node, ...]], Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What an expression may ask about where it stands.

    Attributes:
        own: the functions that depend on the place: `parameters`, `copyIndex`, `reference` and the like.
        lambdas: the arguments of the lambdas around it.
        loops: at which iteration the copy loops around it are, by their names; the empty name is the innermost
            that needs none.
    """

    own: Mapping[str, Own] = field(default_factory=dict)
    lambdas: Mapping[str, Any] = field(default_factory=dict)
    loops: Mapping[str, int] = field(default_factory=dict)

    def with_own(self, more: Mapping[str, Own]) -> Scope:
        """Give the same with further functions, or others in their place."""
        return replace(self, own={**self.own, **more})

    def in_loop(self, name: str, index: int, *, is_unnamed: bool) -> Scope:
        """Give the same at an iteration of a loop, which may be asked for without its name."""
        unnamed = {"": index} if is_unnamed or "" not in self.loops else {}
        return replace(self, loops={**self.loops, name.lower(): index, **unnamed})


class Evaluator:
    """Evaluates with one table of functions and one budget."""

    def __init__(self, functions: Mapping[str, Function | Form], budget: Budget) -> None:
        self._functions = functions
        self._read: dict[str, Node] = {}
        self.budget = budget

    def read(self, text: str) -> Node:
        """
        Read an expression, each once, however often it is evaluated.

        Raises:
            TemplateFault: it is none.
        """
        node = self._read.get(text)
        if node is None:
            self.budget.spend_on_reading(text)
            node = self._read[text] = parse_expression(text)
        return node

    def evaluate(self, value: Any, scope: Scope) -> Any:
        """
        Evaluate every expression in a JSON value, however deep; names of members too.

        Raises:
            TemplateFault: one cannot be evaluated.
            Needed: one asks for a state that is not known yet.
        """
        made = self._evaluate(value, scope)
        self.budget.spend_on(made)
        return made

    def _evaluate(self, value: Any, scope: Scope) -> Any:
        self.budget.spend(1)
        if isinstance(value, str):
            return self.text(value, scope)
        if isinstance(value, list):
            return [self._evaluate(one, scope) for one in value]
        if isinstance(value, dict):
            made = {
                self._name(name, scope): self._evaluate(one, scope)
                for name, one in value.items()
                if name != "copy" or not _is_copy(one)
            }
            for loop in value["copy"] if _is_copy(value.get("copy")) else ():
                made[loop["name"]] = self._copied(loop, scope)
            return made
        return value

    def _copied(self, loop: dict[str, Any], scope: Scope) -> list[Any]:
        """Evaluate a property's loop: as many elements as it counts."""
        count = self.count(loop["count"], scope)
        return [
            self._evaluate(loop["input"], scope.in_loop(loop["name"], place, is_unnamed=False))
            for place in range(count)
        ]

    def count(self, value: Any, scope: Scope) -> int:
        """
        Evaluate how often a loop goes round.

        Raises:
            TemplateFault: it is no number of times, or too many.
        """
        count = self._evaluate(value, scope)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= limits.TEMPLATE_COPIES:
            raise TemplateFault(
                f"The value of the template copy count must be an integer between '0' and '{limits.TEMPLATE_COPIES}'"
            )
        return count

    def _name(self, name: str, scope: Scope) -> str:
        if not name.startswith("["):
            return name
        made = self.text(name, scope)
        if not isinstance(made, str):
            raise TemplateFault("The name of a property is an expression that gives no text")
        return made

    def text(self, text: str, scope: Scope) -> Any:
        """Evaluate a text: an expression, or what it stands for."""
        if not is_expression(text):
            self.budget.spend_on_text(len(text))
            return literal_text(text)
        return self.node(self.read(text), scope)

    def node(self, node: Node, scope: Scope) -> Any:
        """Evaluate an expression."""
        self.budget.spend(1)
        match node:
            case Literal(value):
                return value
            case Member(of, key):
                found = self.node(of, scope)
                if isinstance(found, dict):
                    self.budget.spend(len(found) // _MEMBERS_PER_STEP)
                return member(found, self.node(key, scope))
            case FunctionCall(name, arguments):
                return self._call(name, arguments, scope)

    def _call(self, name: str, arguments: tuple[Node, ...], scope: Scope) -> Any:
        own = scope.own.get(name)
        if own is not None:
            given = [self.node(one, scope) for one in arguments]
            for value in given:
                if isinstance(value, str):
                    self.budget.spend_on_text(len(value))
            return own(self, scope, given)
        function = self._functions.get(name)
        if function is None:
            if "." in name:
                raise TemplateFault(f"The template function '{name[:64]}' is not defined by the template")
            raise TemplateFault(f"The template function '{name[:64]}' is not valid")
        if not function.least <= len(arguments) <= function.most:
            raise TemplateFault(f"Unable to evaluate template language function '{name}': wrong number of arguments")
        try:
            if isinstance(function, Form):
                return function.call(self, scope, arguments)
            values = [self.node(one, scope) for one in arguments]
            self._spend_on_looking(function, values)
            result = function.call(self.budget, values)
        except _Misused as misused:
            raise TemplateFault(f"Unable to evaluate template language function '{name}': {misused}") from None
        if not function.is_view:
            self.budget.spend_on(result)
        return result

    def _spend_on_looking(self, function: Function, values: Sequence[Any]) -> None:
        """Take away what it costs a function to look at its arguments, however little it makes of them."""
        for value in values:
            if function.is_deep or isinstance(value, Lambda):
                self.budget.spend_on(value)
            elif isinstance(value, str):
                self.budget.spend_on_text(len(value))
            elif isinstance(value, list | dict):
                self.budget.spend(len(value) // _MEMBERS_PER_STEP if function.is_view else len(value))

    def apply(self, function: Lambda, *values: Any) -> Any:
        """Give what a lambda makes of values; those that it has no name for are not its matter."""
        if len(function.names) > len(values):
            raise TemplateFault(f"A lambda is given {len(values)} values and has {len(function.names)} arguments")
        inner = {**function.scope.lambdas, **dict(zip(function.names, values, strict=False))}
        return self.node(function.body, replace(function.scope, lambdas=inner))


def _is_copy(value: Any) -> bool:
    """Tell whether the value of a member called `copy` is a list of loops, and not what somebody called so."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and isinstance(one.get("name"), str) and {"count", "input"} <= one.keys()
            for one in value
        )
    )


class _Misused(TemplateFault):
    """A function is called with what it has no meaning for."""


def misused(what: str) -> TemplateFault:
    """Say what is wrong with a function's arguments; the function's name is put before it."""
    return _Misused(what)


def member(of: Any, key: Any) -> Any:
    """
    Give a property of an object or an element of an array.

    Raises:
        TemplateFault: there is none.
    """
    found = find_member(of, key)
    if found is _NOTHING:
        if isinstance(of, dict):
            # Of the names that there are nothing is said: an object may be a parameter that nobody is shown.
            raise TemplateFault(f"The language expression property '{str(key)[:64]}' doesn't exist")
        if isinstance(of, list):
            raise TemplateFault(f"The language expression property array index '{str(key)[:20]}' is out of bounds")
        raise TemplateFault(f"The language expression property '{str(key)[:64]}' can't be evaluated")
    return found


_NOTHING = object()


def has_member(of: Any, key: Any) -> bool:
    """Tell whether there is such a property or element."""
    return find_member(of, key) is not _NOTHING


def find_member(of: Any, key: Any) -> Any:
    """Give a property in any case, or an element; `_NOTHING` if there is none."""
    if isinstance(of, dict) and isinstance(key, str):
        if key in of:
            return of[key]
        folded = key.lower()
        return next((value for name, value in of.items() if name.lower() == folded), _NOTHING)
    if isinstance(of, list) and isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(of):
        return of[key]
    return _NOTHING


def type_name(value: Any) -> str:
    """Say of what type a value is, in the words of templates."""
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case float():
            return "Float"
        case str():
            return "String"
        case list():
            return "Array"
    return "Object"
