"""
Lock-out: who has tried too many wrong passwords for a user waits, and nobody else does.

    counted --SIGN_IN_FAILURES wrong ones from one source--> locked to that source --SIGN_IN_LOCK_S--> forgotten

It goes by user and source together, so a stranger cannot lock a person out, and it is kept of names that nobody has as
of others, so it tells nobody who exists. Held in memory: a restart forgives.

Second factors are counted by the user's id, apart from passwords: a right password must not forgive wrong codes. Of
these `SECOND_FACTOR_FAILURES` from everywhere together are too many as well, or a code of six digits would be guessed
from a thousand places at once. Only who knows the password can come so far.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from strongroom.core.limits import (
    SECOND_FACTOR_FAILURES,
    SECOND_FACTOR_LOCK_S,
    SIGN_IN_FAILURES,
    SIGN_IN_FAILURES_KEPT,
    SIGN_IN_LOCK_S,
)

Key = tuple[str, str]
"""The user name as it is compared, and the source."""
_ANYWHERE = ""


@dataclass(slots=True)
class Lockout:
    """Wrong passwords by user and source; bounded, who failed longest ago goes first."""

    most: int = SIGN_IN_FAILURES
    lock_s: int = SIGN_IN_LOCK_S
    _failures: OrderedDict[Key, tuple[int, float]] = field(default_factory=OrderedDict)

    def is_locked(self, user_name: str, source: str, now: float) -> bool:
        """Tell whether a user is locked to a source. Whoever asks checks the password all the same: equal work."""
        count, last = self._failures.get((user_name, source), (0, 0.0))
        return count >= self.most and now - last < self.lock_s

    def fail(self, user_name: str, source: str, now: float) -> None:
        """Count a wrong password. While it is locked nothing more is counted, so the lock ends."""
        key = (user_name, source)
        count, last = self._failures.get(key, (0, now))
        if count >= self.most:
            if now - last < self.lock_s:
                return
            count = 0
        self._failures[key] = (count + 1, now)
        self._failures.move_to_end(key)
        if len(self._failures) > SIGN_IN_FAILURES_KEPT:
            self._failures.popitem(last=False)

    def succeed(self, user_name: str, source: str) -> None:
        """Forget the failures of a user from a source: the right password was given."""
        self._failures.pop((user_name, source), None)


class FactorLockout:
    """Wrong second factors, by user and source and by user alone."""

    def __init__(self) -> None:
        self._by_source = Lockout()
        self._by_user = Lockout(SECOND_FACTOR_FAILURES, SECOND_FACTOR_LOCK_S)

    def is_locked(self, user: str, source: str, now: float) -> bool:
        """Tell whether no code of a user is taken from a source, or from any."""
        return self._by_source.is_locked(user, source, now) or self._by_user.is_locked(user, _ANYWHERE, now)

    def fail(self, user: str, source: str, now: float) -> None:
        """Count a wrong second factor."""
        self._by_source.fail(user, source, now)
        self._by_user.fail(user, _ANYWHERE, now)

    def succeed(self, user: str, source: str) -> None:
        """Forget the failures of a user: a right one was shown."""
        self._by_source.succeed(user, source)
        self._by_user.succeed(user, _ANYWHERE)
