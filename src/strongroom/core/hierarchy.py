"""
The tree of management groups: what is above what.

    / (the tenant) > root group > management groups > subscriptions > resource groups > resources > objects

The tenant's root group goes by the tenant's id and has no record; a group or subscription whose parent is not known
hangs below the root alone, so that a record that is missing gives nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core.limits import MANAGEMENT_GROUP_DEPTH
from strongroom.core.rbac import scope_key
from strongroom.core.resources import ManagementGroup, Subscription

_PREFIX = ManagementGroup.SCOPE.lower()


def group_scope(name: str) -> str:
    """Give the ARM id of the management group of this name."""
    return f"{ManagementGroup.SCOPE}{name}"


def group_name(scope: str) -> str | None:
    """Give the lower-case name of the management group that a scope is, or None if it is something else."""
    key = scope_key(scope)
    name = key.removeprefix(_PREFIX)
    return name if name and name != key and "/" not in name else None


class Hierarchy:
    """The management groups and subscriptions of one tenant, ready to be asked."""

    __slots__ = ("_parents", "_root", "_subscriptions")

    def __init__(
        self, tenant: str, groups: Iterable[ManagementGroup], subscriptions: Iterable[Subscription] = ()
    ) -> None:
        self._root = tenant.lower()
        self._parents = {group.id: group.parent or self._root for group in groups if group.tenant == tenant}
        self._subscriptions = {
            subscription.id.lower(): subscription.management_group.lower()
            for subscription in subscriptions
            if subscription.tenant == tenant
        }

    @property
    def root(self) -> str:
        """The root group's name."""
        return self._root

    def ancestors(self, group: str) -> tuple[str, ...]:
        """Name the groups above a group, the nearest first; the last is the root, which alone has none."""
        found: list[str] = []
        at = group.lower()
        while at != self._root:
            at = self._parents.get(at, self._root)
            if at in found or len(found) > MANAGEMENT_GROUP_DEPTH:
                # No record can be written that leads here. Whatever did, the root is above.
                return (*found, self._root)
            found.append(at)
        return tuple(found)

    def height(self, group: str) -> int:
        """Count the levels of groups below a group: 0 if there are none."""
        below = [one for one, parent in self._parents.items() if parent == group.lower()]
        return max((1 + self.height(one) for one in below), default=0)

    def above(self, scope: str) -> tuple[str, ...]:
        """List the scopes at and above a scope, in the form of `scope_key`: the nearest first, the tenant last."""
        key = scope_key(scope)
        groups: tuple[str, ...] = ()
        found: list[str] = []
        name = group_name(key)
        if name is not None:
            groups = (name, *self.ancestors(name))
        else:
            at = key
            while at:
                found.append(at)
                at = at[: at.rfind("/")]
            if key.startswith("/subscriptions/"):
                nearest = self._subscriptions.get(key.split("/", 3)[2]) or self._root
                groups = (nearest, *self.ancestors(nearest))
        return (*found, *(f"{_PREFIX}{group}" for group in groups), "")

    def covers(self, place: str, scope: str) -> bool:
        """Tell whether *place* is at or above *scope*."""
        return scope_key(place) in self.above(scope)
