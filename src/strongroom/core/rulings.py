"""
What bears on one question of who may: assignments and denials, compiled, and the ruling that they make together.

Rules from reference azure-key-vault.md sections 3.4 to 3.6. What cannot be decided grants nothing, and denies: an
assignment of a role that is not known or under a condition that is not true grants nothing, and a deny assignment holds
unless its condition is false. `core.grants` finds what bears on a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.condition_expressions import all_of
from strongroom.core.conditions import read_condition
from strongroom.core.facts import Facts
from strongroom.core.limits import CONDITION_CHARS_ASKED
from strongroom.core.rbac import DenyAssignment, RoleAssignment, RoleDefinition

_ACTIONS_KEPT = 256
"""Actions whose answer one role or denial keeps: more than the service has operations."""

Conditions = tuple[tuple[str, str | None], ...]
"""Conditions that have to hold together, each with its version."""


class CompiledActions:
    """
    What a role grants or a deny assignment takes, ready to be asked: control and data actions apart, never mixed.

    Owner and Contributor have no data action, so they read no secret, whatever their actions say.
    """

    __slots__ = ("_answers", "_control", "_data")

    def __init__(self, listed: RoleDefinition | DenyAssignment) -> None:
        self._answers: dict[tuple[str, bool], bool] = {}
        self._control = (ActionPattern(listed.actions), ActionPattern(listed.not_actions))
        self._data = (ActionPattern(listed.data_actions), ActionPattern(listed.not_data_actions))

    def cover(self, action: str, *, data: bool) -> bool:
        """Tell whether a control action, or a data action if *data*, is listed and not taken back."""
        # Of thousands of patterns each is looked at for an action once, and not again after every change of rights.
        found = self._answers.get((action, data))
        if found is None:
            listed, taken_back = self._data if data else self._control
            found = listed.matches(action) and not taken_back.matches(action)
            if len(self._answers) >= _ACTIONS_KEPT:
                self._answers.clear()
            self._answers[action, data] = found
        return found


Compiled = Mapping[str, tuple[RoleDefinition | DenyAssignment, CompiledActions]]
"""What roles and denials were compiled to, by their ids."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """
    The answer to one question, and what it rests on.

    Attributes:
        assignment: what grants, also where a denial takes it; None if nothing does.
        denial: what denies, whatever grants.
        reason: for the audit, what decided.
        steady: False if time alone may change the answer, so that it must not be remembered.
        settled: False if it was asked ahead of facts that may still change it.
    """

    assignment: RoleAssignment | None
    denial: DenyAssignment | None
    reason: str
    steady: bool = True
    settled: bool = True

    @property
    def is_allowed(self) -> bool:
        """True if something grants and nothing denies."""
        return self.assignment is not None and self.denial is None


class Bearing(StrEnum):
    """What an assignment or a denial means for a question, in words for people."""

    GRANTS = "grants"
    DENIES = "denies"
    UNKNOWN_ROLE = "its role does not exist"
    OTHER_SCOPE = "its scope is not above what is asked about"
    OTHER_ACTION = "it does not cover the action"
    EXCLUDED = "it excludes the caller"
    CONDITION_FALSE = "its condition does not hold"
    CONDITION_UNKNOWN = "its condition cannot be decided"
    CONDITION_UNREADABLE = "its condition cannot be read"


@dataclass(frozen=True, slots=True)
class Considered:
    """
    An assignment or a denial of the principals, and what it means for a question.

    A denial under a condition that cannot be decided or read `DENIES`.
    """

    assignment: RoleAssignment | None
    denial: DenyAssignment | None
    bearing: Bearing

    @property
    def counts(self) -> bool:
        """True if it grants or denies."""
        return self.bearing in {Bearing.GRANTS, Bearing.DENIES}


class Grant(NamedTuple):
    """An assignment, compiled. `actions` is None if its role is not known."""

    scope: str
    actions: CompiledActions | None
    assignment: RoleAssignment
    conditions: Conditions


class Denial(NamedTuple):
    """A deny assignment, compiled."""

    scope: str
    actions: CompiledActions
    excluded: frozenset[str]
    denial: DenyAssignment
    only_here: bool
    """Whether it spares what is below its scope."""

    @property
    def conditions(self) -> Conditions:
        """Its condition, if it has one."""
        denial = self.denial
        return () if denial.condition is None else ((denial.condition, denial.condition_version),)


def hold(conditions: Conditions, action: str, facts: Facts, *, pending: bool = False) -> bool | None:
    """Say whether conditions hold together; without any they do."""
    return all_of(read_condition(*condition).evaluate(action, facts, pending=pending) for condition in conditions)


_OneT = TypeVar("_OneT", Grant, Denial)


def affordable(ones: tuple[_OneT, ...]) -> tuple[_OneT, ...]:
    """Take the first, as many as one question may ask the conditions of: it must not hold up everybody else's."""
    left = CONDITION_CHARS_ASKED
    for place, one in enumerate(ones):
        left -= sum(len(text) for text, _ in one.conditions)
        if left < 0:
            return ones[:place]
    return ones


class Reach(NamedTuple):
    """What some principals have for one action, by scope."""

    granted: dict[str, RoleAssignment]
    conditional: dict[str, tuple[Grant, ...]]
    denied: dict[str, tuple[Denial, ...]]


_NO_ASSIGNMENT = "no role assignment"
_NO_CONDITION = "no role assignment whose condition holds"


class Standing(NamedTuple):
    """What bears on one question, the narrowest scope first, and the answer if no condition has to be asked."""

    granted: RoleAssignment | None
    conditional: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    settled: Ruling | None

    def rule(self, action: str, facts: Facts, *, pending: bool = False, unconditional: bool = False) -> Ruling:
        """Answer with the conditions asked; with *pending*, what is unknown may yet be true, and denies nothing yet."""
        asked: list[Conditions] = []
        granted, settled = self.granted, True
        if granted is None and not unconditional:
            for grant in affordable(self.conditional):
                asked.append(grant.conditions)
                found = hold(grant.conditions, action, facts, pending=pending)
                if found is True:
                    granted, settled = grant.assignment, True
                    break
                if found is None and pending and granted is None:
                    granted, settled = grant.assignment, False
        denied: DenyAssignment | None = None
        denials = affordable(self.denials)
        for denial in denials:
            asked.append(denial.conditions)
            found = hold(denial.conditions, action, facts, pending=pending)
            if found is None and pending:
                settled = False
            elif found is not False:
                denied = denial.denial
                break
        else:
            if len(denials) < len(self.denials):
                denied = self.denials[len(denials)].denial
        steady = all(read_condition(*condition).is_steady for conditions in asked for condition in conditions)
        return Ruling(granted, denied, self._reason(granted, denied), steady, settled)

    def _reason(self, granted: RoleAssignment | None, denied: DenyAssignment | None) -> str:
        if denied is not None:
            return f"deny assignment {denied.arm_id}"
        if granted is not None:
            return "role assignment"
        return f"{_NO_CONDITION}: {self.conditional[0].assignment.arm_id}" if self.conditional else _NO_ASSIGNMENT


def id_of(grant: Grant) -> str:
    """Give an assignment's id: what evidence is chosen by, where several would do."""
    return grant.assignment.id


def conditions_of(assignment: RoleAssignment, role: RoleDefinition | None) -> Conditions:
    """Give the conditions under which an assignment grants: its own and its role's."""
    return tuple(
        (one.condition, one.condition_version)
        for one in (assignment, role)
        if one is not None and one.condition is not None
    )


def bearing(
    grant: Grant, chain: tuple[str, ...], action: str, facts: Facts, *, data: bool, affordable: bool
) -> Bearing:
    """Say what an assignment means for a question; its condition is asked only if that is *affordable*."""
    if grant.actions is None:
        return Bearing.UNKNOWN_ROLE
    if grant.scope not in chain:
        return Bearing.OTHER_SCOPE
    if not grant.actions.cover(action, data=data):
        return Bearing.OTHER_ACTION
    if grant.conditions and not affordable:
        return Bearing.CONDITION_UNKNOWN
    found = hold(grant.conditions, action, facts)
    if found is None:
        readable = all(read_condition(*condition).is_readable for condition in grant.conditions)
        return Bearing.CONDITION_UNKNOWN if readable else Bearing.CONDITION_UNREADABLE
    return Bearing.GRANTS if found else Bearing.CONDITION_FALSE


def bearing_of_denial(
    one: Denial,
    principals: frozenset[str],
    chain: tuple[str, ...],
    action: str,
    facts: Facts,
    *,
    data: bool,
    affordable: bool,
) -> Bearing:
    """Say what a deny assignment means for a question."""
    if one.scope not in chain or (one.only_here and one.scope != chain[0]):
        return Bearing.OTHER_SCOPE
    if not one.actions.cover(action, data=data):
        return Bearing.OTHER_ACTION
    if not one.excluded.isdisjoint(principals):
        return Bearing.EXCLUDED
    return Bearing.CONDITION_FALSE if affordable and hold(one.conditions, action, facts) is False else Bearing.DENIES
