"""
What a condition says, ready to be asked, and the logic of three values that it is asked by.

True, false, and None for unknown, after Kleene: unknown survives NOT, and AND and OR give it unless the other side
decides alone (security.md "The flow"). The trees are as deep as `limits.CONDITION_DEPTH` and no deeper.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.condition_attributes import Attribute
from strongroom.core.condition_operators import Operator, Scalar
from strongroom.core.facts import Facts, Value


class Asked(NamedTuple):
    """
    One question to a condition.

    Attributes:
        is_pending: True while facts are still to come, so that an attribute without a value may yet have one.
    """

    action: str
    facts: Facts
    is_pending: bool = False


class Expression(Protocol):
    """A condition, or a part of one."""

    def judge(self, asked: Asked) -> bool | None:
        """Say whether it holds; None if that is unknown."""
        ...


def all_of(values: Iterable[bool | None]) -> bool | None:
    """AND: false if any is false, else unknown if any is unknown, else true."""
    result: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            result = None
    return result


def any_of(values: Iterable[bool | None]) -> bool | None:
    """OR: true if any is true, else unknown if any is unknown, else false."""
    result: bool | None = False
    for value in values:
        if value is True:
            return True
        if value is None:
            result = None
    return result


def negation(value: bool | None) -> bool | None:  # noqa: FBT001  a value of the logic, not a switch
    """NOT: what is unknown stays unknown."""
    return None if value is None else not value


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: tuple[Expression, ...]

    def judge(self, asked: Asked) -> bool | None:
        """Say whether all hold."""
        return all_of(part.judge(asked) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts."""

    parts: tuple[Expression, ...]

    def judge(self, asked: Asked) -> bool | None:
        """Say whether any holds."""
        return any_of(part.judge(asked) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """Not the part."""

    part: Expression

    def judge(self, asked: Asked) -> bool | None:
        """Say whether the part does not hold."""
        return negation(self.part.judge(asked))


@dataclass(frozen=True, slots=True)
class ActionMatches:
    """Whether the action that is asked about fits a pattern: always known."""

    pattern: ActionPattern

    def judge(self, asked: Asked) -> bool | None:
        """Say whether it fits."""
        return self.pattern.matches(asked.action)


@dataclass(frozen=True, slots=True)
class SubOperationMatches:
    """Whether the sub-operation fits: no action of this service has any, so it never does."""

    def judge(self, asked: Asked) -> bool | None:  # noqa: ARG002  what every expression is asked
        """Say that it does not."""
        return False


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether an attribute has a value: known even where the value is not."""

    attribute: Attribute

    def judge(self, asked: Asked) -> bool | None:
        """Say whether there is a value, or None if it may be among the facts that are still to come."""
        if self.attribute.value(asked.action, asked.facts) is not None:
            return True
        return None if asked.is_pending and self.attribute.actions.matches(asked.action) else False


class Quantifier(Enum):
    """How collections are compared: for how many of the left side, with how many of the right."""

    ANY_OF_ANY = "ForAnyOfAnyValues"
    ALL_OF_ANY = "ForAllOfAnyValues"
    ANY_OF_ALL = "ForAnyOfAllValues"
    ALL_OF_ALL = "ForAllOfAllValues"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written in the condition; a set is a tuple."""

    content: Value

    def value(self, action: str, facts: Facts) -> Value | None:  # noqa: ARG002  what every operand is asked
        """Give the value, which is always known."""
        return self.content


Operand = Literal | Attribute


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Two values compared.

    An operator that minds case, asked about what has none, such as a secret's name, decides only if the answer is the
    same without case: otherwise whoever spells a name in another way would get round a `StringNotEquals`.
    """

    left: Operand
    operator: Operator
    right: Operand
    quantifier: Quantifier | None = None

    def judge(self, asked: Asked) -> bool | None:
        """Say whether the comparison holds; None if a side has no value or is of another type than is compared."""
        left = self.left.value(asked.action, asked.facts)
        right = self.right.value(asked.action, asked.facts)
        if left is None or right is None:
            return None
        if self.operator.is_range:
            if isinstance(left, tuple) or not isinstance(right, tuple) or len(right) != 2:
                return None
            return self.operator.decide_range(left, *right)
        if self.quantifier is None:
            return None if isinstance(left, tuple) or isinstance(right, tuple) else self._pair(left, right)
        return self._quantified(self.quantifier, _collection(left), _collection(right))

    def _quantified(self, quantifier: Quantifier, left: tuple[Scalar, ...], right: tuple[Scalar, ...]) -> bool | None:
        if not left or not right:
            # "All of none" would be true, and grant.
            return None
        of_left = any_of if quantifier in {Quantifier.ANY_OF_ANY, Quantifier.ANY_OF_ALL} else all_of
        of_right = any_of if quantifier in {Quantifier.ANY_OF_ANY, Quantifier.ALL_OF_ANY} else all_of
        return of_left(of_right(self._pair(one, other) for other in right) for one in left)

    def _pair(self, left: Scalar, right: Scalar) -> bool | None:
        decided = self.operator.decide(left, right)
        if self.operator.has_case and decided is not None and self._names_have_no_case():
            without = self.operator.decide(_folded(left), _folded(right))
            return decided if without is decided else None
        return decided

    def _names_have_no_case(self) -> bool:
        return any(isinstance(side, Attribute) and not side.has_case for side in (self.left, self.right))


@dataclass(frozen=True, slots=True)
class Constant:
    """A comparison of what is written only, decided once."""

    result: bool | None

    def judge(self, asked: Asked) -> bool | None:  # noqa: ARG002  what every expression is asked
        """Give the result."""
        return self.result


def _collection(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _folded(value: Scalar) -> Scalar:
    return value.lower() if isinstance(value, str) else value
