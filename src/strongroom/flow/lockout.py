"""
Lock-out: who has tried too many wrong passwords for a user waits, and nobody else does.

    counted --SIGN_IN_FAILURES wrong ones from one source--> locked to that source --SIGN_IN_LOCK_S--> forgotten

It goes by user and source together, so a stranger cannot lock a person out, and it is kept of names that nobody has as
of others, so it tells nobody who exists. Held in memory: a restart forgives.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from strongroom.core.limits import SIGN_IN_FAILURES, SIGN_IN_FAILURES_KEPT, SIGN_IN_LOCK_S

Key = tuple[str, str]
"""The user name as it is compared, and the source."""


@dataclass(slots=True)
class Lockout:
    """Wrong passwords by user and source; bounded, who failed longest ago goes first."""

    _failures: OrderedDict[Key, tuple[int, float]] = field(default_factory=OrderedDict)

    def is_locked(self, user_name: str, source: str, now: float) -> bool:
        """Tell whether a user is locked to a source. Whoever asks checks the password all the same: equal work."""
        count, last = self._failures.get((user_name, source), (0, 0.0))
        return count >= SIGN_IN_FAILURES and now - last < SIGN_IN_LOCK_S

    def fail(self, user_name: str, source: str, now: float) -> None:
        """Count a wrong password. While it is locked nothing more is counted, so the lock ends."""
        key = (user_name, source)
        count, last = self._failures.get(key, (0, now))
        if count >= SIGN_IN_FAILURES:
            if now - last < SIGN_IN_LOCK_S:
                return
            count = 0
        self._failures[key] = (count + 1, now)
        self._failures.move_to_end(key)
        if len(self._failures) > SIGN_IN_FAILURES_KEPT:
            self._failures.popitem(last=False)

    def succeed(self, user_name: str, source: str) -> None:
        """Forget the failures of a user from a source: the right password was given."""
        self._failures.pop((user_name, source), None)
