"""
Role-based access control: role definitions, assignments and their evaluation.

Rules from reference azure-key-vault.md sections 3.4 and 3.5. Scopes compare case-insensitively and on segment
boundaries: `/vaults/a` is no prefix of `/vaults/ab`. Whatever cannot be decided grants nothing: an assignment of a role
that is not known, and, until conditions are evaluated, an assignment or a role with a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from strongroom.core.identity import PrincipalType
from strongroom.core.limits import GRANT_MEMO_ENTRIES
from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class RoleDefinition(Record):
    """A role: wildcarded actions it grants, less those it takes back. Built-in ones are in `core.builtin_roles`."""

    KIND: ClassVar[str] = "role_definition"
    id: str
    """The role's GUID, lower case."""
    tenant: str
    """Empty for built-in roles, which are never stored."""
    name: str
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)
    built_in: bool = False
    condition: str | None = None
    """What a built-in role limits itself by, such as Key Vault Data Access Administrator. Kept as text."""
    condition_version: str | None = None
    created: int = 0
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class RoleAssignment(Record):
    """A role given to a principal over a scope and everything below it."""

    KIND: ClassVar[str] = "role_assignment"
    id: str
    """The assignment's GUID, lower case."""
    tenant: str
    scope: str
    role: str
    """The role definition's GUID, lower case."""
    principal: str
    principal_type: PrincipalType
    created: int
    created_by: str = ""
    description: str | None = None
    condition: str | None = None
    condition_version: str | None = None
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """Scope, role and principal together."""
        # ARM refuses a second assignment of the same role to the same principal at the same scope.
        return (f"role_assignment:{self.scope.lower()}|{self.role}|{self.principal}",)

    @property
    def arm_id(self) -> str:
        """The assignment's ARM id."""
        scope = "" if self.scope == "/" else self.scope
        return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{self.id}"


EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal of a deny assignment that means everyone."""


@record
@dataclass(frozen=True, slots=True)
class DenyAssignment(Record):
    """
    Actions taken from principals over a scope, whatever roles they have. A matching one always wins.

    Azure lets nobody but the platform make one; here whoever has the right may (ADR 14).
    """

    KIND: ClassVar[str] = "deny_assignment"
    id: str
    """The deny assignment's GUID, lower case."""
    tenant: str
    scope: str
    name: str
    created: int
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    """Object ids, lower case, or `EVERYONE`."""
    exclude_principals: tuple[str, ...] = ()
    """Object ids of users, groups and service principals that it does not concern."""
    only_here: bool = False
    """`doNotApplyToChildScopes`."""
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""
    condition: str | None = None
    condition_version: str | None = None

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)

    @property
    def arm_id(self) -> str:
        """The deny assignment's ARM id."""
        scope = "" if self.scope == "/" else self.scope
        return f"{scope}/providers/Microsoft.Authorization/denyAssignments/{self.id}"


# ---- evaluation -----------------------------------------------------------------------------------------------------

_NO_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"


class ActionPattern:
    """
    A compiled list of action patterns: `*` stands for any characters, and case does not count.

    Pieces between wildcards are looked for from left to right, each as early as possible. That decides every pattern
    in time proportional to its length, so no custom role can make a decision slow, as a regular expression could be.
    """

    __slots__ = ("_exact", "_wildcarded")

    def __init__(self, patterns: Iterable[str]) -> None:
        lowered = [pattern.lower() for pattern in patterns]
        self._exact = frozenset(pattern for pattern in lowered if "*" not in pattern)
        self._wildcarded = tuple(tuple(pattern.split("*")) for pattern in lowered if "*" in pattern)

    def matches(self, action: str) -> bool:
        """Tell whether one of the patterns covers *action*."""
        wanted = action.lower()
        return wanted in self._exact or any(_covers(pieces, wanted) for pieces in self._wildcarded)


def _covers(pieces: tuple[str, ...], action: str) -> bool:
    first, *middle, last = pieces
    if not action.startswith(first):
        return False
    at = len(first)
    for piece in middle:
        found = action.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    # The last piece may not overlap what the ones before it took.
    return len(action) - len(last) >= at and action.endswith(last)


class CompiledRole:
    """
    What a role grants, ready to be asked: control actions and data actions apart, never mixed.

    Owner and Contributor have no data action, so they read no secret, whatever their actions say.
    """

    __slots__ = ("_control", "_data")

    def __init__(self, role: RoleDefinition) -> None:
        self._control = (ActionPattern(role.actions), ActionPattern(role.not_actions))
        self._data = (ActionPattern(role.data_actions), ActionPattern(role.not_data_actions))

    def grants(self, action: str, *, data: bool) -> bool:
        """Tell whether the role grants a control action, or a data action if *data*."""
        granted, taken_back = self._data if data else self._control
        return granted.matches(action) and not taken_back.matches(action)


def scope_key(scope: str) -> str:
    """Give a scope in the form in which scopes are compared: lower case, no slash at the end; the root is empty."""
    return scope.rstrip("/").lower()


class GrantIndex:
    """
    All role assignments of one tenant, ready to be asked; immutable, made anew when any of them changes.

    For a set of principals and an action it keeps which scopes are granted, so that a decision is a walk from the
    asked scope up to the root: a dozen look-ups, however many assignments there are. What is kept is bounded, and does
    not grow with the number of objects that callers name.
    """

    __slots__ = ("_answers", "_grants", "_groups_above", "_memo", "_root_group")

    def __init__(
        self,
        tenant: str,
        assignments: Iterable[RoleAssignment],
        roles: Mapping[str, RoleDefinition],
        *,
        management_groups: Mapping[str, tuple[str, ...]] = _NO_GROUPS,
    ) -> None:
        """
        Compile *assignments* with *roles*, which are by lower-case id.

        *management_groups* gives, for a subscription's lower-case id, the names of the groups above it, the nearest
        first. The tenant's root group, which goes by the tenant's id, is above every subscription without saying.
        Records of another tenant are left out, whoever handed them over.
        """
        compiled: dict[str, CompiledRole] = {}
        grants: dict[str, list[tuple[str, CompiledRole, RoleAssignment]]] = {}
        for assignment in assignments:
            role = roles.get(assignment.role)
            if (
                assignment.tenant != tenant
                or role is None
                or role.tenant not in {"", tenant}
                or assignment.condition is not None
                or role.condition is not None
                or not assignment.scope.startswith("/")
            ):
                continue
            if role.id not in compiled:
                compiled[role.id] = CompiledRole(role)
            grant = (scope_key(assignment.scope), compiled[role.id], assignment)
            grants.setdefault(assignment.principal.lower(), []).append(grant)
        # Of several assignments at one scope the one with the lowest id is the evidence, so that it does not change
        # with the order in which records were read.
        self._grants = {who: tuple(sorted(held, key=lambda grant: grant[2].id)) for who, held in grants.items()}
        self._groups_above = {
            subscription.lower(): tuple(name.lower() for name in names)
            for subscription, names in management_groups.items()
        }
        self._root_group = tenant.lower()
        self._answers: dict[tuple[frozenset[str], str, str, bool], RoleAssignment | None] = {}
        self._memo: dict[tuple[frozenset[str], str, bool], dict[str, RoleAssignment]] = {}

    def find(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> RoleAssignment | None:
        """
        Find the assignment that lets any of *principals* (lower-case object ids) do *action* at *scope*, or None.

        The narrowest scope is preferred, so that the evidence is the most telling one.
        """
        question = (principals, scope, action, data)
        try:
            return self._answers[question]
        except KeyError:
            pass
        answer = self._find(principals, scope, action, data=data)
        if len(scope) <= 512:
            if len(self._answers) >= GRANT_MEMO_ENTRIES:
                self._answers.clear()
            self._answers[question] = answer
        return answer

    def _find(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> RoleAssignment | None:
        asked = (principals, action, data)
        granted = self._memo.get(asked)
        if granted is None:
            granted = self._granted(principals, action, data=data)
            if len(self._memo) >= GRANT_MEMO_ENTRIES:
                self._memo.clear()
            self._memo[asked] = granted
        if not granted or not scope.startswith("/"):
            return None
        key = scope_key(scope)
        at = key
        while at:
            found = granted.get(at)
            if found is not None:
                return found
            at = at[: at.rfind("/")]
        for group in self._groups(key):
            found = granted.get(_MANAGEMENT_GROUPS + group)
            if found is not None:
                return found
        return granted.get("")

    def _granted(self, principals: frozenset[str], action: str, *, data: bool) -> dict[str, RoleAssignment]:
        """Collect the scopes at which *principals* may do *action*, each with its assignment."""
        granted: dict[str, RoleAssignment] = {}
        for principal in principals:
            for scope, role, assignment in self._grants.get(principal, ()):
                if role.grants(action, data=data):
                    known = granted.get(scope)
                    if known is None or assignment.id < known.id:
                        granted[scope] = assignment
        return granted

    def _groups(self, key: str) -> tuple[str, ...]:
        """Name the management groups above a scope: those of its subscription, or the group's own ancestor the root."""
        if key.startswith("/subscriptions/"):
            subscription = key.split("/", 3)[2]
            return (*self._groups_above.get(subscription, ()), self._root_group)
        return (self._root_group,) if key.startswith(_MANAGEMENT_GROUPS) else ()
