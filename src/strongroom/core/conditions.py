"""
Conditions of role assignments, roles and deny assignments: Azure's attribute-based access control, version 2.0.

Rules from reference azure-key-vault.md section 3.6. The answer has three values: true, false, and None for unknown.
Only true grants; for a deny assignment only false does not deny. What was stored and cannot be read is always unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from strongroom.core.condition_expressions import Asked, Expression
from strongroom.core.condition_text import ConditionFault, parse_expression
from strongroom.core.facts import Facts
from strongroom.core.limits import CONDITION_MEMO_ENTRIES

__all__ = ["CONDITION_VERSION", "Condition", "ConditionFault", "parse_condition", "read_condition"]

CONDITION_VERSION = "2.0"
"""The version of the language that is served, and what is meant where none is given."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, ready to be asked."""

    text: str
    expression: Expression | None
    """None if it cannot be read."""
    is_steady: bool = True
    """False if the answer may change with time alone."""

    @property
    def is_readable(self) -> bool:
        """True unless it was stored in a form that cannot be evaluated."""
        return self.expression is not None

    def evaluate(self, action: str, facts: Facts, *, pending: bool = False) -> bool | None:
        """
        Say whether it holds for a question about *action*; None if that is unknown.

        *pending* says that facts are still to come: then no answer but unknown rests on one that is not there.
        """
        return None if self.expression is None else self.expression.judge(Asked(action, facts, pending))


def parse_condition(text: str) -> Condition:
    """
    Read a condition.

    Raises:
        ConditionFault: it is none, is over a limit, or asks about what this service never knows.
    """
    return Condition(text, parse_expression(text), is_steady="utcnow" not in text.lower())


@lru_cache(maxsize=CONDITION_MEMO_ENTRIES)
def read_condition(text: str, version: str | None) -> Condition:
    """Read a condition that is stored, whoever stored it: what is not readable is always unknown."""
    if version not in {None, CONDITION_VERSION}:
        return Condition(text, None)
    try:
        return parse_condition(text)
    except ConditionFault:
        return Condition(text, None)
