"""What authorization looks at for a supposed caller, and whether one right more would be enough."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.access_policy import spell_permissions
from strongroom.core.identity import Caller
from strongroom.core.rbac import GrantIndex, RoleAssignment, RoleDefinition
from strongroom.core.vaults import Vault
from strongroom.flow.explain.question import permissions_of
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    One thing that authorization looked at.

    Attributes:
        kind: `roleAssignment`, `denyAssignment` or `accessPolicy`.
        id: its ARM id, or the place of the access policy.
        counts: whether it gives what was asked for, or takes it away if it is a deny assignment.
        found: what it is and why it does or does not count.
        principal: whom it names: the caller, or a group that the caller is in.
    """

    kind: str
    id: str
    counts: bool
    found: str
    principal: str


@dataclass(frozen=True, slots=True)
class Held:
    """
    The right that a principal has, or would have but for a deny assignment or a condition.

    Attributes:
        allowed: False if *denied_by* takes it away; None if it hangs on what is not known before a request.
        id: the ARM id of the assignment, or the place of the access policy.
        principal: whom it names: the principal itself, or a group that it is in.
    """

    allowed: bool | None
    id: str
    principal: str
    scope: str
    condition: str | None = None
    denied_by: str | None = None


def consider(world: World, caller: Caller, op: Op, target: Target, vault: Vault) -> tuple[Evidence, ...]:
    """List every assignment or access policy that names the caller or one of its groups, and what became of it."""
    if not vault.rbac:
        return _policies(world, caller, op, vault)
    return ()


def _policies(world: World, caller: Caller, op: Op, vault: Vault) -> tuple[Evidence, ...]:
    policies, wanted = world.view.policies(vault), permissions_of(op)
    evidence: list[Evidence] = []
    for considered in zip(*(policies.consider(caller, one.category, one.word) for one in wanted), strict=True):
        one = considered[0]
        counts = any(not item.fault for item in considered)
        words = "; ".join(
            f"{category}: {', '.join(spelled)}"
            for category in ("keys", "secrets", "certificates")
            if (spelled := spell_permissions(category, getattr(one.policy, category)))
        )
        why = "it gives what was asked for" if counts else "; ".join(dict.fromkeys(item.fault for item in considered))
        evidence.append(
            Evidence(
                "accessPolicy",
                f"{vault.scope}/accessPolicies/{one.place}",
                counts,
                f"{words or 'no permission'}: {why}",
                one.policy.object_id,
            )
        )
    return tuple(evidence)


def standing_in_the_way(
    world: World, caller: Caller, op: Op, target: Target, vault: Vault
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Say which deny assignments take away what roles give or could give, and how each is got out of the way."""
    return ()


def would_allow(
    world: World,
    caller: Caller,
    op: Op,
    target: Target,
    vault: Vault,
    assignment: RoleAssignment,
    role: RoleDefinition,
) -> bool:
    """Tell whether a role assignment that is not there would give a caller the right."""
    grants = GrantIndex(vault.tenant, (assignment,), {role.id: role})
    return any(
        grants.find(caller.principals, target.scope, one.action, data=True) is not None for one in permissions_of(op)
    )


def held(world: World, caller: Caller, op: Op, target: Target, vault: Vault) -> Held | None:
    """Find the right that lets a supposed caller do something, or would; None if there is none."""
    if vault.rbac:
        return None
    policies = world.view.policies(vault)
    for one in permissions_of(op):
        match = policies.find(caller, one.category, one.word)
        if match is not None:
            place = f"{vault.scope}/accessPolicies/{match.place}"
            return Held(allowed=True, id=place, principal=match.policy.object_id, scope=vault.scope)
    return None
