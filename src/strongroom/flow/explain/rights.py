"""What authorization looks at for a supposed caller, and whether one right more would be enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from shlex import join

from strongroom.core.access_policy import permissions_of as words_of
from strongroom.core.access_policy import spell_permissions
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.facts import Facts
from strongroom.core.grants import GrantIndex
from strongroom.core.hierarchy import Hierarchy
from strongroom.core.identity import Caller, Group
from strongroom.core.network import Verdict
from strongroom.core.permissions import DataPermission
from strongroom.core.rbac import DenyAssignment, RoleAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ManagementGroup, Subscription
from strongroom.core.rulings import Bearing, Considered
from strongroom.core.vaults import Vault
from strongroom.flow.explain.question import About, is_decided_by_handler, permissions_of
from strongroom.flow.facts import data_facts
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World


@dataclass(frozen=True, slots=True)
class Asked:
    """What authorization is asked: a supposed caller, an operation, and what is known of the request."""

    caller: Caller
    operation: Op
    target: Target
    vault: Vault
    facts: Facts
    scopes: tuple[str, ...]
    """Where the right is asked for, everywhere of which has to allow it: the vault, too, where a body names the object.
    """

    @property
    def wanted(self) -> tuple[DataPermission, ...]:
        """The permissions any one of which is enough."""
        return permissions_of(self.operation)


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One thing that authorization looked at.

    Attributes:
        kind: `roleAssignment`, `denyAssignment` or `accessPolicy`.
        id: its ARM id, or the place of the access policy.
        counts: whether it gives what was asked for, or takes it away if it is a deny assignment.
        found: what it is and why it does or does not count.
        principals: whom it names: the caller, groups that the caller is in, or everyone.
        beside: the scope of an assignment that reaches nothing of what is asked about; None of every other.
    """

    kind: str
    id: str
    counts: bool
    found: str
    principals: tuple[str, ...]
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """
    The right that a principal has, or would have but for a deny assignment or a condition.

    Attributes:
        allowed: False if *denied_by* takes it away; None if it hangs on what is not known before a request.
        id: the ARM id of the assignment, or the place of the access policy.
        principal: whom it names: the principal itself, or a group that it is in.
        role: the GUID of the role that the assignment gives; None of an access policy.
    """

    allowed: bool | None
    id: str
    principal: str
    scope: str
    condition: str | None = None
    denied_by: str | None = None
    role: str | None = None


def asked_about(
    world: World, caller: Caller, about: About, target: Target, vault: Vault, verdict: Verdict | None
) -> Asked:
    """Put together what authorization is asked, with the facts that it would have."""
    scopes: tuple[str, ...] = (target.scope,)
    if is_decided_by_handler(about.operation) and about.name:
        # Permissions are named by the collection that they are about.
        scopes = (target.scope, f"{vault.scope}/{permissions_of(about.operation)[0].category}/{about.name}")
    return Asked(caller, about.operation, target, vault, data_facts(world, vault, scopes[-1], verdict), scopes)


# ---- what there is --------------------------------------------------------------------------------------------------


def consider(world: World, asked: Asked) -> tuple[Evidence, ...]:
    """List every assignment or access policy that names the caller or one of its groups, and what became of it."""
    return _assignments(world, asked) if asked.vault.rbac else _policies(world, asked)


def _assignments(world: World, asked: Asked) -> tuple[Evidence, ...]:
    best: dict[str, Considered] = {}
    for considered in _considered(world, asked):
        one = considered.assignment or considered.denial
        if one is not None and (one.id not in best or considered.counts):
            best[one.id] = considered
    return tuple(_evidence(world, asked.vault.tenant, considered) for considered in best.values())


def _considered(world: World, asked: Asked) -> Iterable[Considered]:
    grants, caller = world.view.grants(asked.vault.tenant), asked.caller
    for one in asked.wanted:
        for scope in asked.scopes:
            for found in grants.consider(caller.principals, scope, one.action, data=True, facts=asked.facts):
                # What gives it has to do so everywhere, and reaches all of them only from the first.
                if found.denial is not None or scope == asked.scopes[0]:
                    yield found


def _evidence(world: World, tenant: str, considered: Considered) -> Evidence:
    assignment, denial = considered.assignment, considered.denial
    one = assignment or denial
    beside = one.scope if one is not None and considered.bearing is Bearing.OTHER_SCOPE else None
    if denial is not None:
        found = f"deny assignment '{denial.name}': {_why(considered, denial.condition)}"
        return Evidence("denyAssignment", denial.arm_id, considered.counts, found, denial.principals, beside)
    if assignment is None:
        msg = "neither an assignment nor a denial was considered"
        raise RuntimeError(msg)
    role = role_named(world, tenant, assignment.role)
    named = _named(world, tenant, assignment.principal)
    name = role.name if role is not None else assignment.role
    why = _why(considered, " and ".join(conditions_of(world, assignment)))
    found = f"{name} for {named} at {assignment.scope}: {why}"
    return Evidence("roleAssignment", assignment.arm_id, considered.counts, found, (assignment.principal,), beside)


_OF_CONDITIONS = frozenset({Bearing.CONDITION_FALSE, Bearing.CONDITION_UNKNOWN, Bearing.CONDITION_UNREADABLE})


def _why(considered: Considered, condition: str | None) -> str:
    wanted = f": {condition}" if considered.bearing in _OF_CONDITIONS and condition else ""
    return f"{considered.bearing.value}{wanted}"


def _named(world: World, tenant: str, oid: str) -> str:
    found = world.view.principal(tenant, oid)
    return f"the group '{found.display_name}'" if isinstance(found, Group) else "the principal itself"


def role_named(world: World, tenant: str, role: str) -> RoleDefinition | None:
    """Find a role by its id: a stored one cannot take the place of a built-in one."""
    return BUILTIN_ROLES.get(role) or world.view.get(RoleDefinition, tenant_partition(tenant), role)


def _policies(world: World, asked: Asked) -> tuple[Evidence, ...]:
    policies = world.view.policies(asked.vault)
    evidence: list[Evidence] = []
    by_permission = (policies.consider(asked.caller, one.category, one.word) for one in asked.wanted)
    for considered in zip(*by_permission, strict=True):
        one = considered[0]
        counts = any(not item.fault for item in considered)
        words = "; ".join(
            f"{category}: {', '.join(spelled)}"
            for category in ("keys", "secrets", "certificates")
            if (spelled := spell_permissions(category, words_of(one.policy, category)))
        )
        why = "it gives what was asked for" if counts else "; ".join(dict.fromkeys(item.fault for item in considered))
        place = f"{asked.vault.scope}/accessPolicies/{one.place}"
        found = f"{words or 'no permission'}: {why}"
        evidence.append(Evidence("accessPolicy", place, counts, found, (one.policy.object_id,)))
    return tuple(evidence)


def held(world: World, asked: Asked) -> Held | None:
    """Find the right that lets a supposed caller do something, or would; None if there is none."""
    return _held_by_role(world, asked) if asked.vault.rbac else _held_by_policy(world, asked)


def _held_by_role(world: World, asked: Asked) -> Held | None:
    grants, principals = world.view.grants(asked.vault.tenant), asked.caller.principals
    found: Held | None = None
    for one in asked.wanted:
        rulings = [grants.rule(principals, scope, one.action, data=True, facts=asked.facts) for scope in asked.scopes]
        # What a request alone can tell, such as where it comes from, may still decide it either way.
        ahead = [
            grants.rule_ahead(principals, scope, one.action, data=True, facts=asked.facts) for scope in asked.scopes
        ]
        given = ahead[0].assignment or rulings[0].assignment
        if given is None:
            continue
        denial = next((ruling.denial for ruling in (*ahead, *rulings) if ruling.denial is not None), None)
        if any(ruling.denial is not None for ruling in ahead):
            allowed: bool | None = False
        else:
            allowed = True if all(ruling.is_allowed and ruling.steady for ruling in rulings) else None
        right = Held(
            allowed,
            given.arm_id,
            given.principal,
            given.scope,
            " and ".join((*conditions_of(world, given), *_conditions_of_denial(denial))) or None,
            None if denial is None else denial.arm_id,
            given.role,
        )
        if allowed:
            return right
        found = found or right
    return found


def conditions_of(world: World, assignment: RoleAssignment) -> tuple[str, ...]:
    """Give the conditions that an assignment is under: its own, and its role's."""
    role = role_named(world, assignment.tenant, assignment.role)
    given = (one.condition for one in (assignment, role) if one is not None)
    return tuple(condition.strip() for condition in given if condition is not None)


def _conditions_of_denial(denial: DenyAssignment | None) -> tuple[str, ...]:
    return () if denial is None or denial.condition is None else (f"not ({denial.condition})",)


def _held_by_policy(world: World, asked: Asked) -> Held | None:
    vault, policies = asked.vault, world.view.policies(asked.vault)
    for one in asked.wanted:
        match = policies.find(asked.caller, one.category, one.word)
        if match is not None:
            place = f"{vault.scope}/accessPolicies/{match.place}"
            return Held(allowed=True, id=place, principal=match.policy.object_id, scope=vault.scope)
    return None


# ---- what would be enough -------------------------------------------------------------------------------------------


def standing_in_the_way(world: World, asked: Asked) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Say which deny assignments take the right away, whatever gives it, and how each is got out of the way."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for considered in _considered(world, asked):
        denial = considered.denial
        if denial is None or not considered.counts:
            continue
        command = join(["az", "rest", "--method", "delete", "--url", f"{denial.arm_id}?api-version=2022-04-01"])
        change = f"Remove the deny assignment '{denial.name}', or exclude {asked.caller.oid} from it: {denial.arm_id}."
        found[denial.id] = (change, (command,))
    return tuple(found.values())


def conditions_in_the_way(world: World, asked: Asked) -> tuple[str, ...]:
    """Say which conditions keep an assignment from giving the right."""
    found = []
    for considered in _considered(world, asked):
        assignment = considered.assignment
        if assignment is None or considered.bearing not in _OF_CONDITIONS:
            continue
        texts = " and ".join(conditions_of(world, assignment))
        found.append(f"Ask for what {assignment.arm_id} wants, or change its condition: {texts}.")
    return tuple(dict.fromkeys(found))


def would_allow(
    world: World, asked: Asked, assignment: RoleAssignment, role: RoleDefinition, *, denied: bool = True
) -> bool:
    """Tell whether a role assignment that is not there would give the right; without *denied*, but for denials."""
    tenant = asked.vault.tenant
    partition = tenant_partition(tenant)
    tree = Hierarchy(tenant, world.view.all(ManagementGroup, partition), world.view.all(Subscription, partition))
    grants = GrantIndex(
        tenant,
        (assignment,),
        {role.id: role},
        denials=world.view.all(DenyAssignment, partition) if denied else (),
        known=world.view.grants(asked.vault.tenant).compiled,
        ancestors=tree.lines(),
    )
    principals = asked.caller.principals
    return any(
        all(
            grants.find(principals, scope, one.action, data=True, facts=asked.facts) is not None
            for scope in asked.scopes
        )
        for one in asked.wanted
    )
