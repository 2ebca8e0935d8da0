"""
The tree of management groups: what is above what.

    / (the tenant) > root group > management groups > subscriptions > resource groups > resources > objects

The tenant's root group goes by the tenant's id and has no record; it is above everything. A group that is named as
somebody's parent and has no record ends the line, and so does one that is met again: what is below hangs below the root
as well, and a right at a group that is not there gives nobody anything. No record can be written that leads there.
"""

from __future__ import annotations

from collections.abc import Iterable

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
        self._parents = {
            group.id.lower(): group.parent.lower()
            for group in groups
            if group.tenant == tenant and group.id.lower() != self._root
        }
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
        name = group.lower()
        return () if name == self._root else (*self._line(self._parents.get(name, "")), self._root)

    def lines(self) -> dict[str, tuple[str, ...]]:
        """Name the groups above each group and subscription, by lower-case scope: the nearest first, no root."""
        found = {f"{_PREFIX}{name}": self._line(parent) for name, parent in self._parents.items()}
        placed = {f"/subscriptions/{name}": self._line(group) for name, group in self._subscriptions.items()}
        return found | placed

    def height(self, group: str) -> int:
        """Count the levels of groups below a group: 0 if there are none."""
        name = group.lower()
        lines = ((*self._line(parent), self._root) for parent in self._parents.values())
        return max((line.index(name) + 1 for line in lines if name in line), default=0)

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
                groups = (*self._line(self._subscriptions.get(key.split("/", 3)[2], "")), self._root)
        return (*found, *(f"{_PREFIX}{group}" for group in groups), "")

    def is_below(self, scope: str, place: str) -> bool:
        """Tell whether a scope is at or below *place*, which is in the form of `scope_key`."""
        if group_name(place) is not None:
            return place in self.above(scope)
        key = scope_key(scope)
        return not place or key == place or key.startswith(f"{place}/")

    def covers(self, place: str, scope: str) -> bool:
        """Tell whether *place* is at or above *scope*."""
        return scope_key(place) in self.above(scope)

    def _line(self, group: str) -> tuple[str, ...]:
        """Name a group and those above it, as far as there are records, without the root."""
        line: dict[str, None] = {}
        while group in self._parents and group not in line:
            line[group] = None
            group = self._parents[group]
        return tuple(line)
