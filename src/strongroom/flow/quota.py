"""How much of the audit journal requests without an identity may fill."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class AnonymousQuota:
    """
    How many entries anonymous and blocked attempts may make.

    Beyond it they are counted, and the count is an entry: they cannot use up the space or time that authenticated calls
    need (security.md "The flow").
    """

    per_second: int
    _second: int = 0
    _used: int = 0
    _unlisted: int = 0
    _since: int = 0

    def take(self, now: float) -> bool:
        """Take a place for an entry, or count the attempt."""
        second = int(now)
        if second != self._second:
            self._second, self._used = second, 0
        if self._used < self.per_second:
            self._used += 1
            return True
        if not self._unlisted:
            self._since = second
        self._unlisted += 1
        return False

    @property
    def counted(self) -> tuple[int, int]:
        """How many attempts were only counted since it was last settled, and since when."""
        return self._unlisted, self._since

    def settle(self) -> None:
        """Start to count anew: the count so far is recorded."""
        self._unlisted = 0
