"""
Who may: role assignments, deny assignments and conditions, evaluated.

Rules from reference azure-key-vault.md sections 3.4 to 3.6. Scopes compare case-insensitively and on segment
boundaries: `/vaults/a` is no prefix of `/vaults/ab`. What cannot be decided grants nothing, and denies: an assignment
of a role that is not known or under a condition that is not true grants nothing, and a deny assignment holds unless its
condition is false.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.condition_expressions import all_of
from strongroom.core.conditions import read_condition
from strongroom.core.facts import NO_FACTS, Facts
from strongroom.core.limits import CONDITION_CHARS_ASKED, GRANT_MEMO_ENTRIES
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment, RoleDefinition, scope_key

_NO_ANCESTORS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"
_KEPT_SCOPE_CHARS = 512
"""The longest scope whose answer is kept."""
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


class _Grant(NamedTuple):
    """An assignment, compiled. `actions` is None if its role is not known."""

    scope: str
    actions: CompiledActions | None
    assignment: RoleAssignment
    conditions: Conditions


class _Denial(NamedTuple):
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


def _hold(conditions: Conditions, action: str, facts: Facts, *, pending: bool = False) -> bool | None:
    """Say whether conditions hold together; without any they do."""
    return all_of(read_condition(*condition).evaluate(action, facts, pending=pending) for condition in conditions)


_OneT = TypeVar("_OneT", _Grant, _Denial)


def _affordable(ones: tuple[_OneT, ...]) -> tuple[_OneT, ...]:
    """Take the first, as many as one question may ask the conditions of: it must not hold up everybody else's."""
    left = CONDITION_CHARS_ASKED
    for place, one in enumerate(ones):
        left -= sum(len(text) for text, _ in one.conditions)
        if left < 0:
            return ones[:place]
    return ones


class _Reach(NamedTuple):
    """What some principals have for one action, by scope."""

    granted: dict[str, RoleAssignment]
    conditional: dict[str, tuple[_Grant, ...]]
    denied: dict[str, tuple[_Denial, ...]]


_NO_ASSIGNMENT = "no role assignment"
_NO_CONDITION = "no role assignment whose condition holds"


class _Standing(NamedTuple):
    """What bears on one question, the narrowest scope first, and the answer if no condition has to be asked."""

    granted: RoleAssignment | None
    conditional: tuple[_Grant, ...]
    denials: tuple[_Denial, ...]
    settled: Ruling | None

    def rule(self, action: str, facts: Facts, *, pending: bool = False, unconditional: bool = False) -> Ruling:
        """Answer with the conditions asked; with *pending*, what is unknown may yet be true, and denies nothing yet."""
        asked: list[Conditions] = []
        granted, settled = self.granted, True
        if granted is None and not unconditional:
            for grant in _affordable(self.conditional):
                asked.append(grant.conditions)
                found = _hold(grant.conditions, action, facts, pending=pending)
                if found is True:
                    granted, settled = grant.assignment, True
                    break
                if found is None and pending and granted is None:
                    granted, settled = grant.assignment, False
        denied: DenyAssignment | None = None
        affordable = _affordable(self.denials)
        for denial in affordable:
            asked.append(denial.conditions)
            found = _hold(denial.conditions, action, facts, pending=pending)
            if found is None and pending:
                settled = False
            elif found is not False:
                denied = denial.denial
                break
        else:
            if len(affordable) < len(self.denials):
                denied = self.denials[len(affordable)].denial
        steady = all(read_condition(*condition).is_steady for conditions in asked for condition in conditions)
        return Ruling(granted, denied, self._reason(granted, denied), steady, settled)

    def _reason(self, granted: RoleAssignment | None, denied: DenyAssignment | None) -> str:
        if denied is not None:
            return f"deny assignment {denied.arm_id}"
        if granted is not None:
            return "role assignment"
        return f"{_NO_CONDITION}: {self.conditional[0].assignment.arm_id}" if self.conditional else _NO_ASSIGNMENT


_NOTHING_COMPILED: Compiled = MappingProxyType({})


class GrantIndex:
    """
    All role and deny assignments of one tenant, ready to be asked; immutable, made anew when any of them changes.

    For a set of principals and an action it keeps which scopes are granted and which denied, so that a decision is a
    walk from the asked scope up to the root: a dozen look-ups, however many assignments there are. Only conditions are
    asked every time, and only those of assignments that bear on the question. What is kept is bounded, and does not
    grow with the number of objects that callers name.
    """

    __slots__ = ("_ancestors", "_answers", "_denials", "_held", "_memo", "_root_group", "compiled")

    def __init__(
        self,
        tenant: str,
        assignments: Iterable[RoleAssignment],
        roles: Mapping[str, RoleDefinition],
        *,
        denials: Iterable[DenyAssignment] = (),
        ancestors: Mapping[str, tuple[str, ...]] = _NO_ANCESTORS,
        known: Compiled = _NOTHING_COMPILED,
    ) -> None:
        """
        Compile *assignments* with *roles*, which are by lower-case id, and *denials*.

        *ancestors* gives, for the lower-case scope of a subscription or management group, the lower-case names of the
        groups above it, the nearest first. The tenant's root group, which goes by the tenant's id, is above all of them
        without saying. Records of another tenant are left out, whoever handed them over. *known* is what an index
        before this one has `compiled`: of records that did not change it is taken over.
        """
        self.compiled: dict[str, tuple[RoleDefinition | DenyAssignment, CompiledActions]] = {}
        held: dict[str, list[_Grant]] = {}
        for assignment in assignments:
            if assignment.tenant != tenant or not assignment.scope.startswith("/"):
                continue
            role = roles.get(assignment.role)
            if role is not None and role.tenant not in {"", tenant}:
                role = None
            actions = None if role is None else self._compile(role, known)
            grant = _Grant(scope_key(assignment.scope), actions, assignment, _conditions(assignment, role))
            held.setdefault(assignment.principal.lower(), []).append(grant)
        # Of several assignments at one scope the one with the lowest id is the evidence, so that it does not change
        # with the order in which records were read.
        self._held = {who: tuple(sorted(grants, key=_id_of)) for who, grants in held.items()}
        self._denials = self._compile_denials(tenant, denials, known)
        self._ancestors = ancestors
        self._root_group = _MANAGEMENT_GROUPS + tenant.lower()
        self._answers: dict[tuple[frozenset[str], str, str, bool], _Standing] = {}
        self._memo: dict[tuple[frozenset[str], str, bool], _Reach] = {}

    # ---- questions

    def rule(
        self,
        principals: frozenset[str],
        scope: str,
        action: str,
        *,
        data: bool,
        facts: Facts = NO_FACTS,
        unconditional: bool = False,
    ) -> Ruling:
        """
        Decide whether any of *principals* (lower-case object ids) may do *action* at *scope*, and say by what.

        A grant without a condition is preferred, since it needs no facts, and then the narrowest scope, so that the
        evidence is the most telling one. With *unconditional* no other grant counts.
        """
        standing = self._standing(principals, scope, action, data=data)
        if standing.settled is not None:
            return standing.settled
        return standing.rule(action, facts, unconditional=unconditional)

    def settled(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> Ruling | None:
        """Decide as `rule` does, where no condition has to be asked; None where facts are needed."""
        return self._standing(principals, scope, action, data=data).settled

    def rule_ahead(
        self, principals: frozenset[str], scope: str, action: str, *, data: bool, facts: Facts = NO_FACTS
    ) -> Ruling:
        """
        Decide as far as it can be before all facts are there: allowed unless it is certain to be refused.

        Whoever acts on it has to ask `rule` once they are there.
        """
        standing = self._standing(principals, scope, action, data=data)
        return standing.settled or standing.rule(action, facts, pending=True)

    def is_uniform(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> bool:
        """Tell whether what is below *scope* is sure to be answered as *scope* itself, where that is allowed."""
        if self._standing(principals, scope, action, data=data).settled is None:
            return False
        below = f"{scope_key(scope)}/"
        return not any(place.startswith(below) for place in self._reached(principals, action, data=data).denied)

    def touches(self, principals: frozenset[str], scope: str) -> bool:
        """Tell whether any of *principals* has a role at, above or below *scope*, whatever its conditions say."""
        chain = frozenset(self._chain(scope))
        below = f"{scope_key(scope)}/"
        return any(
            grant.actions is not None and (grant.scope in chain or grant.scope.startswith(below))
            for principal in principals
            for grant in self._held.get(principal, ())
        )

    def find(
        self, principals: frozenset[str], scope: str, action: str, *, data: bool, facts: Facts = NO_FACTS
    ) -> RoleAssignment | None:
        """Find the assignment that lets any of *principals* do *action* at *scope*; None if they may not."""
        ruling = self.rule(principals, scope, action, data=data, facts=facts)
        return ruling.assignment if ruling.denial is None else None

    def consider(
        self, principals: frozenset[str], scope: str, action: str, *, data: bool, facts: Facts = NO_FACTS
    ) -> tuple[Considered, ...]:
        """List every denial and then every assignment of *principals* with what it means for a question."""
        chain = self._chain(scope)
        conditional, in_the_way = self._bearing_on(self._reached(principals, action, data=data), chain)
        asked_grants = frozenset(grant.assignment.id for grant in _affordable(conditional))
        asked_denials = frozenset(one.denial.id for one in _affordable(in_the_way))
        denials = {
            one.denial.id: Considered(
                None,
                one.denial,
                _bearing_of_denial(
                    one, principals, chain, action, facts, data=data, affordable=one.denial.id in asked_denials
                ),
            )
            for one in self._denials_of(principals)
        }
        grants = {
            grant.assignment.id: Considered(
                grant.assignment,
                None,
                _bearing(grant, chain, action, facts, data=data, affordable=grant.assignment.id in asked_grants),
            )
            for principal in principals
            for grant in self._held.get(principal, ())
        }
        return tuple(found[name] for found in (denials, grants) for name in sorted(found))

    # ---- how it is made

    def _compile(self, listed: RoleDefinition | DenyAssignment, known: Compiled) -> CompiledActions:
        found = self.compiled.get(listed.id) or known.get(listed.id)
        if found is None or found[0] is not listed:
            found = (listed, CompiledActions(listed))
        self.compiled[listed.id] = found
        return found[1]

    def _compile_denials(
        self, tenant: str, denials: Iterable[DenyAssignment], known: Compiled
    ) -> dict[str, tuple[_Denial, ...]]:
        """Compile deny assignments by whom they name."""
        compiled: dict[str, list[_Denial]] = {}
        for denial in denials:
            if denial.tenant != tenant:
                continue
            # One whose scope is no path holds everywhere, below it or not: where it was meant to hold cannot be told.
            is_path = denial.scope.startswith("/")
            scope = scope_key(denial.scope) if is_path else ""
            excluded = frozenset(map(str.lower, denial.exclude_principals))
            one = _Denial(scope, self._compile(denial, known), excluded, denial, denial.only_here and is_path)
            for principal in {name.lower() for name in denial.principals}:
                compiled.setdefault(principal, []).append(one)
        return {principal: tuple(named) for principal, named in compiled.items()}

    # ---- how they are answered

    def _standing(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> _Standing:
        question = (principals, scope, action, data)
        try:
            return self._answers[question]
        except KeyError:
            pass
        standing = self._find(principals, scope, action, data=data)
        if len(scope) <= _KEPT_SCOPE_CHARS:
            if len(self._answers) >= GRANT_MEMO_ENTRIES:
                self._answers.clear()
            self._answers[question] = standing
        return standing

    def _find(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> _Standing:
        reach = self._reached(principals, action, data=data)
        chain = self._chain(scope)
        granted = next((reach.granted[place] for place in chain if place in reach.granted), None)
        conditional, denials = self._bearing_on(reach, chain)
        if granted is not None:
            conditional = ()
        standing = _Standing(granted, conditional, denials, None)
        if conditional or any(denial.conditions for denial in denials):
            return standing
        return standing._replace(settled=standing.rule(action, NO_FACTS))

    @staticmethod
    def _bearing_on(reach: _Reach, chain: tuple[str, ...]) -> tuple[tuple[_Grant, ...], tuple[_Denial, ...]]:
        """Collect the grants under a condition, and the denials, that reach a scope, the narrowest first."""
        if not reach.conditional and not reach.denied:
            return (), ()
        return (
            tuple(grant for place in chain for grant in reach.conditional.get(place, ())),
            tuple(
                denial
                for place in chain
                for denial in reach.denied.get(place, ())
                if place == chain[0] or not denial.only_here
            ),
        )

    def _reached(self, principals: frozenset[str], action: str, *, data: bool) -> _Reach:
        asked = (principals, action, data)
        reach = self._memo.get(asked)
        if reach is None:
            reach = self._reach(principals, action, data=data)
            if len(self._memo) >= GRANT_MEMO_ENTRIES:
                self._memo.clear()
            self._memo[asked] = reach
        return reach

    def _reach(self, principals: frozenset[str], action: str, *, data: bool) -> _Reach:
        """Collect the scopes at which *principals* may do *action*, and at which they are denied it."""
        granted: dict[str, RoleAssignment] = {}
        conditional: dict[str, list[_Grant]] = {}
        covers: dict[CompiledActions | None, bool] = {None: False}
        for principal in principals:
            for grant in self._held.get(principal, ()):
                covered = covers.get(grant.actions)
                if covered is None and grant.actions is not None:
                    covered = covers[grant.actions] = grant.actions.cover(action, data=data)
                if not covered:
                    continue
                if grant.conditions:
                    conditional.setdefault(grant.scope, []).append(grant)
                    continue
                known = granted.get(grant.scope)
                if known is None or grant.assignment.id < known.id:
                    granted[grant.scope] = grant.assignment
        denied: dict[str, list[_Denial]] = {}
        for denial in self._denials_of(principals):
            if denial.excluded.isdisjoint(principals) and denial.actions.cover(action, data=data):
                denied.setdefault(denial.scope, []).append(denial)
        return _Reach(
            granted,
            {scope: tuple(sorted(grants, key=_id_of)) for scope, grants in conditional.items()},
            {scope: tuple(sorted(denials, key=lambda one: one.denial.id)) for scope, denials in denied.items()},
        )

    def _denials_of(self, principals: frozenset[str]) -> Iterator[_Denial]:
        """Give the deny assignments that name one of *principals*, or everyone, each once."""
        if not self._denials:
            return
        seen: set[str] = set()
        for principal in (EVERYONE, *principals):
            for denial in self._denials.get(principal, ()):
                if denial.denial.id not in seen:
                    seen.add(denial.denial.id)
                    yield denial

    def _chain(self, scope: str) -> tuple[str, ...]:
        """Name the scopes that reach *scope*: itself, those above it, its management groups, and the root."""
        if not scope.startswith("/"):
            return ()
        at = key = scope_key(scope)
        chain: list[str] = []
        while at:
            chain.append(at)
            at = at[: at.rfind("/")]
        return (*chain, *self._groups(key), "")

    def _groups(self, key: str) -> tuple[str, ...]:
        """Name the management groups above a subscription or a management group, or above what is in one."""
        if key.startswith("/subscriptions/"):
            whole = "/".join(key.split("/", 3)[:3])
        elif key.startswith(_MANAGEMENT_GROUPS):
            whole = "/".join(key.split("/", 5)[:5])
        else:
            return ()
        return (*(_MANAGEMENT_GROUPS + name for name in self._ancestors.get(whole, ())), self._root_group)


def _id_of(grant: _Grant) -> str:
    return grant.assignment.id


def _conditions(assignment: RoleAssignment, role: RoleDefinition | None) -> Conditions:
    return tuple(
        (one.condition, one.condition_version)
        for one in (assignment, role)
        if one is not None and one.condition is not None
    )


def _bearing(
    grant: _Grant, chain: tuple[str, ...], action: str, facts: Facts, *, data: bool, affordable: bool
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
    found = _hold(grant.conditions, action, facts)
    if found is None:
        readable = all(read_condition(*condition).is_readable for condition in grant.conditions)
        return Bearing.CONDITION_UNKNOWN if readable else Bearing.CONDITION_UNREADABLE
    return Bearing.GRANTS if found else Bearing.CONDITION_FALSE


def _bearing_of_denial(
    one: _Denial,
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
    return Bearing.CONDITION_FALSE if affordable and _hold(one.conditions, action, facts) is False else Bearing.DENIES
