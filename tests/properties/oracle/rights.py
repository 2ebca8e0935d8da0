"""
Who may do what, decided the slow way: the second evaluator, which looks at everything for every question.

Written from reference azure-key-vault.md sections 3.4 to 3.6 alone. It knows nothing of how the product keeps rights,
and shares no code with it: scopes are lists of segments here, patterns regular expressions, and nothing is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from tests.properties.oracle import conditions
from tests.properties.oracle.conditions import Attributes, Truth
from tests.properties.oracle.roles import Role

EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal by which deny assignments mean all."""


@dataclass(frozen=True)
class Grant:
    """A role assignment."""

    id: str
    tenant: str
    principal: str
    role: str
    scope: str
    condition: str | None = None


@dataclass(frozen=True)
class Denial:
    """A deny assignment."""

    id: str
    tenant: str
    scope: str
    principals: tuple[str, ...]
    what: Role
    excluded: tuple[str, ...] = ()
    only_here: bool = False
    condition: str | None = None


@dataclass(frozen=True)
class World:
    """Everything that is asked about."""

    tenant: str
    roles: Mapping[str, Role]
    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...]
    parents: Mapping[str, str]
    """
    What a management group or a subscription is directly under: for `group:dev` or `subscription:…` a group's name.
    One that is not here is directly below the tenant's root group, whose name is the tenant's.
    """


@dataclass(frozen=True)
class Question:
    """One question: may one of these do that, there."""

    principals: frozenset[str]
    """The caller's object id and its groups'."""
    scope: str
    action: str
    data: bool
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What lets the caller in, and what keeps it out. It is let in if something does the one and nothing the other."""

    granted_by: frozenset[str]
    denied_by: frozenset[str]

    @property
    def allowed(self) -> bool:
        """Tell whether it may."""
        return bool(self.granted_by) and not self.denied_by


def decide(world: World, question: Question) -> Decision:
    """Look at every assignment and every deny assignment of the world."""
    if not question.scope.startswith("/"):
        # Nobody has rights over what is no scope, so nothing is left to take away.
        return Decision(frozenset(), frozenset())
    return Decision(
        frozenset(grant.id for grant in world.grants if _grants(world, grant, question)),
        frozenset(denial.id for denial in world.denials if _denies(world, denial, question)),
    )


def _grants(world: World, grant: Grant, question: Question) -> bool:
    """Tell if principal, scope and action are meant, and every condition is known to hold."""
    if grant.tenant != world.tenant or grant.principal.lower() not in question.principals:
        return False
    role = world.roles.get(grant.role)
    if role is None or role.tenant not in {"", world.tenant}:
        return False
    if not gives(role, question) or not is_within(world, question.scope, grant.scope):
        return False
    return all(_holds(condition, question) is True for condition in (role.condition, grant.condition))


def _denies(world: World, denial: Denial, question: Question) -> bool:
    """Tell the same the other way round: whatever is not known not to hold keeps the caller out."""
    meant = EVERYONE in denial.principals or any(one.lower() in question.principals for one in denial.principals)
    if denial.tenant != world.tenant or not meant:
        return False
    if any(one.lower() in question.principals for one in denial.excluded):
        return False
    if not gives(denial.what, question):
        return False
    # A scope that is none says nothing about where the denial holds, so it holds everywhere.
    if denial.scope.startswith("/"):
        if not is_within(world, question.scope, denial.scope):
            return False
        if denial.only_here and segments(denial.scope) != segments(question.scope):
            return False
    return _holds(denial.condition, question) is not False


def _holds(condition: str | None, question: Question) -> Truth:
    if condition is None:
        return True
    try:
        return conditions.holds(condition, question.action, question.attributes)
    except conditions.Unreadable:
        return None


def gives(role: Role, question: Question) -> bool:
    """Tell if one list gives it and the other does not take it back; actions and data actions are never mixed."""
    given = role.data_actions if question.data else role.actions
    taken = role.not_data_actions if question.data else role.not_actions
    return any(covers(pattern, question.action) for pattern in given) and not any(
        covers(pattern, question.action) for pattern in taken
    )


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE | re.DOTALL | re.ASCII)


def covers(pattern: str, action: str) -> bool:
    """Match an action with a pattern, in which an asterisk is any text."""
    return _expression(pattern).fullmatch(action) is not None


# ---- scopes ---------------------------------------------------------------------------------------------------------


def segments(scope: str) -> list[str]:
    """Cut a scope at its slashes; those at the end say nothing, and an empty name between two of them is a name."""
    return scope.lower().rstrip("/").split("/")


def _group_of(names: list[str]) -> str | None:
    """Name the management group that a scope is, or None."""
    if len(names) == 5 and names[:4] == ["", "providers", "microsoft.management", "managementgroups"]:
        return names[4]
    return None


def is_within(world: World, scope: str, wide: str) -> bool:
    """Tell whether a scope is another one or below it: segment by segment, or by the tree of management groups."""
    if not scope.startswith("/") or not wide.startswith("/"):
        return False
    names, above = segments(scope), segments(wide)
    if names[: len(above)] == above:
        return True
    group = _group_of(above)
    if group is None:
        return False
    if names[:2] == ["", "subscriptions"] and len(names) > 2:
        at = f"subscription:{names[2]}"
    elif names[:4] == ["", "providers", "microsoft.management", "managementgroups"] and len(names) > 4:
        at = f"group:{names[4]}"
    else:
        return False
    # Up the tree, one step at a time. Groups cannot be deeper than there are groups.
    for _ in range(len(world.parents) + 1):
        parent = world.parents.get(at, world.tenant)
        if parent == group:
            return True
        if parent == world.tenant:
            return False
        at = f"group:{parent}"
    return False
