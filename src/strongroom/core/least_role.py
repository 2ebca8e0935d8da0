"""
The least role: of the roles that grant an action, the one that gives the least besides.

How much a role gives is counted over the actions that the service has operations for: first over those that do more
than read what may be listed, for a role that gives values or uses keys is more than one that shows names everywhere.
Among equals it is counted over those that some role names outright, and then by the number of its patterns. So it never
is an administrator where something narrower does.
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core.rbac import RoleDefinition, scope_key
from strongroom.core.rulings import CompiledActions

_SHOWING = ("/read", "/readmetadata/action")
"""How data actions end that give no value and use no key. A key's public part is shown with its attributes."""


def roles_by_reach(
    roles: Iterable[RoleDefinition], action: str, actions: Iterable[str], scope: str
) -> tuple[RoleDefinition, ...]:
    """
    List the roles that grant a data action and may be assigned at *scope*, the least first.

    *actions* are all data actions that there are operations for. A role under a condition is left out: whether it
    grants is not the role's alone.
    """
    roles, here, every = tuple(roles), scope_key(scope), frozenset(one.lower() for one in actions)
    doing = frozenset(one for one in every if not one.endswith(_SHOWING))
    named = frozenset(one.lower() for role in roles for one in role.data_actions if "*" not in one)
    ranked: list[tuple[tuple[int, int, int, int, int, bool, str, str], RoleDefinition]] = []
    for role in roles:
        compiled = CompiledActions(role)
        if role.condition is not None or not _may_be_at(role, here) or not compiled.cover(action, data=True):
            continue
        does, reach, further = (sum(compiled.cover(one, data=True) for one in some) for some in (doing, every, named))
        rank = (does, reach, further, len(role.data_actions), len(role.actions), not role.built_in, role.name, role.id)
        ranked.append((rank, role))
    return tuple(role for _, role in sorted(ranked, key=lambda one: one[0]))


def _may_be_at(role: RoleDefinition, scope: str) -> bool:
    return any(
        not (above := scope_key(one)) or scope == above or scope.startswith(f"{above}/")
        for one in role.assignable_scopes
    )
