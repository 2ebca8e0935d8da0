"""Conditions of role and deny assignments as they are given: none is stored that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.conditions import CONDITION_VERSION, ConditionFault, parse_condition
from strongroom.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class ConditionText:
    """A condition that can be read, as it was written."""

    text: str
    version: str = CONDITION_VERSION


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
    if version not in {None, "", CONDITION_VERSION}:
        # To say no more than Azure does leaves people with a condition that is right: the version is what is wrong.
        raise _refusal(f"The condition version must be '{CONDITION_VERSION}'.")
    try:
        parse_condition(text)
    except ConditionFault as fault:
        raise _refusal(f"{fault.message} (at position {fault.position})") from None
    return ConditionText(text)


def _refusal(why: str) -> Invalid:
    return Invalid(f"The given role assignment condition is invalid. {why}", code="InvalidRoleAssignmentCondition")
