"""Conditions of role and deny assignments as they are given: read before they are stored, so that all that is can be."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.conditions import ConditionFault, parse_condition
from strongroom.core.errors import Invalid

VERSION = "2.0"
"""The only version of the language."""


@dataclass(frozen=True, slots=True)
class ConditionText:
    """A condition that can be read, as it was written."""

    text: str
    version: str = VERSION


def check_condition(text: str | None, version: str | None) -> ConditionText | None:
    """
    Check a condition and its version; None if there is no condition.

    Raises:
        Invalid: `InvalidRoleAssignmentCondition`; where it cannot be read, the answer says at which character.
    """
    if not text:
        if version:
            raise _refusal("A condition version without a condition is not allowed.")
        return None
    if version not in {None, "", VERSION}:
        # To say no more than Azure does leaves people with a condition that is right: the version is what is wrong.
        raise _refusal(f"The condition version must be '{VERSION}'.")
    if len(text) > limits.CONDITION_CHARS:
        raise _refusal(f"It has at most {limits.CONDITION_CHARS} characters.")
    try:
        parse_condition(text)
    except ConditionFault as fault:
        raise _refusal(f"{fault.message} (at position {fault.position})") from None
    return ConditionText(text)


def _refusal(why: str) -> Invalid:
    return Invalid(f"The given role assignment condition is invalid. {why}", code="InvalidRoleAssignmentCondition")
