"""
Who may: a tenant's role and deny assignments, ready to be asked. What they come to is in `core.rulings`.

Rules from reference azure-key-vault.md sections 3.4 and 3.5. Scopes compare case-insensitively and on segment
boundaries: `/vaults/a` is no prefix of `/vaults/ab`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from strongroom.core.facts import NO_FACTS, Facts
from strongroom.core.limits import GRANT_MEMO_ENTRIES
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment, RoleDefinition, scope_key
from strongroom.core.rulings import (
    Compiled,
    CompiledActions,
    Considered,
    Denial,
    Grant,
    Reach,
    Ruling,
    Standing,
    affordable,
    bearing,
    bearing_of_denial,
    conditions_of,
    id_of,
)

_NO_ANCESTORS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"
_KEPT_SCOPE_CHARS = 512
"""The longest scope whose answer is kept."""
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
        held: dict[str, list[Grant]] = {}
        for assignment in assignments:
            if assignment.tenant != tenant or not assignment.scope.startswith("/"):
                continue
            role = roles.get(assignment.role)
            if role is not None and role.tenant not in {"", tenant}:
                role = None
            actions = None if role is None else self._compile(role, known)
            grant = Grant(scope_key(assignment.scope), actions, assignment, conditions_of(assignment, role))
            held.setdefault(assignment.principal.lower(), []).append(grant)
        # Of several assignments at one scope the one with the lowest id is the evidence, so that it does not change
        # with the order in which records were read.
        self._held = {who: tuple(sorted(grants, key=id_of)) for who, grants in held.items()}
        self._denials = self._compile_denials(tenant, denials, known)
        self._ancestors = ancestors
        self._root_group = _MANAGEMENT_GROUPS + tenant.lower()
        self._answers: dict[tuple[frozenset[str], str, str, bool], Standing] = {}
        self._memo: dict[tuple[frozenset[str], str, bool], Reach] = {}

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
        asked_grants = frozenset(grant.assignment.id for grant in affordable(conditional))
        asked_denials = frozenset(one.denial.id for one in affordable(in_the_way))
        denials = {
            one.denial.id: Considered(
                None,
                one.denial,
                bearing_of_denial(
                    one, principals, chain, action, facts, data=data, affordable=one.denial.id in asked_denials
                ),
            )
            for one in self._denials_of(principals)
        }
        grants = {
            grant.assignment.id: Considered(
                grant.assignment,
                None,
                bearing(grant, chain, action, facts, data=data, affordable=grant.assignment.id in asked_grants),
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
    ) -> dict[str, tuple[Denial, ...]]:
        """Compile deny assignments by whom they name."""
        compiled: dict[str, list[Denial]] = {}
        for denial in denials:
            if denial.tenant != tenant:
                continue
            # One whose scope is no path holds everywhere, below it or not: where it was meant to hold cannot be told.
            is_path = denial.scope.startswith("/")
            scope = scope_key(denial.scope) if is_path else ""
            excluded = frozenset(map(str.lower, denial.exclude_principals))
            one = Denial(scope, self._compile(denial, known), excluded, denial, denial.only_here and is_path)
            for principal in {name.lower() for name in denial.principals}:
                compiled.setdefault(principal, []).append(one)
        return {principal: tuple(named) for principal, named in compiled.items()}

    # ---- how they are answered

    def _standing(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> Standing:
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

    def _find(self, principals: frozenset[str], scope: str, action: str, *, data: bool) -> Standing:
        reach = self._reached(principals, action, data=data)
        chain = self._chain(scope)
        granted = next((reach.granted[place] for place in chain if place in reach.granted), None)
        conditional, denials = self._bearing_on(reach, chain)
        if granted is not None:
            conditional = ()
        standing = Standing(granted, conditional, denials, None)
        if conditional or any(denial.conditions for denial in denials):
            return standing
        return standing._replace(settled=standing.rule(action, NO_FACTS))

    @staticmethod
    def _bearing_on(reach: Reach, chain: tuple[str, ...]) -> tuple[tuple[Grant, ...], tuple[Denial, ...]]:
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

    def _reached(self, principals: frozenset[str], action: str, *, data: bool) -> Reach:
        asked = (principals, action, data)
        reach = self._memo.get(asked)
        if reach is None:
            reach = self._reach(principals, action, data=data)
            if len(self._memo) >= GRANT_MEMO_ENTRIES:
                self._memo.clear()
            self._memo[asked] = reach
        return reach

    def _reach(self, principals: frozenset[str], action: str, *, data: bool) -> Reach:
        """Collect the scopes at which *principals* may do *action*, and at which they are denied it."""
        granted: dict[str, RoleAssignment] = {}
        conditional: dict[str, list[Grant]] = {}
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
        denied: dict[str, list[Denial]] = {}
        for denial in self._denials_of(principals):
            if denial.excluded.isdisjoint(principals) and denial.actions.cover(action, data=data):
                denied.setdefault(denial.scope, []).append(denial)
        return Reach(
            granted,
            {scope: tuple(sorted(grants, key=id_of)) for scope, grants in conditional.items()},
            {scope: tuple(sorted(denials, key=lambda one: one.denial.id)) for scope, denials in denied.items()},
        )

    def _denials_of(self, principals: frozenset[str]) -> Iterator[Denial]:
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
