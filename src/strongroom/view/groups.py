"""Who is in which group, directly and through other groups."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.core.identity import Membership

NOBODY: frozenset[str] = frozenset()


class Memberships:
    """
    The memberships of one tenant.

    A group that does not exist gives nothing, even while memberships in it still do, and passes nothing on. Groups may
    contain each other in a circle.
    """

    __slots__ = ("_exists", "_groups", "_members", "_transitive")

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._groups: dict[str, set[str]] = {}
        self._members: dict[str, set[str]] = {}
        self._transitive: dict[str, frozenset[str]] = {}

    def add(self, membership: Membership) -> None:
        """Take in a membership."""
        self._groups.setdefault(membership.member, set()).add(membership.group)
        self._members.setdefault(membership.group, set()).add(membership.member)
        self._transitive.clear()

    def remove(self, membership: Membership) -> None:
        """Take out a membership."""
        self._groups[membership.member].discard(membership.group)
        self._members[membership.group].discard(membership.member)
        self._transitive.clear()

    def groups_changed(self) -> None:
        """Take note that a group came or went."""
        self._transitive.clear()

    def transitive(self, member: str) -> frozenset[str]:
        """Return every group that *member* is in, through whatever other groups; itself is none of them."""
        found = self._transitive.get(member)
        if found is None:
            if member not in self._groups:
                # Not kept: whoever asks for ids that are in no group must not fill the memory.
                return NOBODY
            found = self._transitive[member] = self._reach(member, self._exists)
        return found

    def around(self, member: str) -> frozenset[str]:
        """Return every group that *member* is in or would be, if those that were deleted were restored."""
        return self._reach(member, lambda _: True)

    def direct(self, member: str) -> frozenset[str]:
        """Return the groups that *member* is in directly."""
        return frozenset(filter(self._exists, self._groups.get(member, ())))

    def _reach(self, member: str, counts: Callable[[str], bool]) -> frozenset[str]:
        reached: set[str] = set()
        ahead = [member]
        while ahead:
            for group in self._groups.get(ahead.pop(), ()):
                if group not in reached and counts(group):
                    reached.add(group)
                    ahead.append(group)
        reached.discard(member)
        return frozenset(reached)

    def members(self, group: str) -> tuple[str, ...]:
        """Return the direct members of a group, in the order of their ids."""
        return tuple(sorted(self._members.get(group, ())))
