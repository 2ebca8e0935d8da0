"""SEC-TOKEN-11: lock-out goes by user and source together, and ends by itself."""

from __future__ import annotations

from strongroom.core.limits import (
    SECOND_FACTOR_FAILURES,
    SECOND_FACTOR_LOCK_S,
    SIGN_IN_FAILURES,
    SIGN_IN_FAILURES_KEPT,
    SIGN_IN_LOCK_S,
)
from strongroom.flow.lockout import FactorLockout, Lockout

NOW = 1_800_000_000.0


def failed(times: int, user: str = "a", source: str = "s", now: float = NOW) -> Lockout:
    """Make a lock-out after some wrong passwords."""
    lockout = Lockout()
    for _ in range(times):
        lockout.fail(user, source, now)
    return lockout


def test_the_limit_locks_and_one_below_does_not() -> None:
    """`SIGN_IN_FAILURES` wrong passwords lock."""
    assert not failed(SIGN_IN_FAILURES - 1).is_locked("a", "s", NOW)
    assert failed(SIGN_IN_FAILURES).is_locked("a", "s", NOW)


def test_nobody_else_is_locked() -> None:
    """Not the user from elsewhere, and not another user from there."""
    lockout = failed(SIGN_IN_FAILURES)
    assert not lockout.is_locked("a", "elsewhere", NOW)
    assert not lockout.is_locked("b", "s", NOW)


def test_a_lock_ends_and_what_came_during_it_does_not_count() -> None:
    """`SIGN_IN_LOCK_S` after the last failure that counted, however many follow: a lock cannot be kept up for ever."""
    lockout = failed(SIGN_IN_FAILURES)
    lockout.fail("a", "s", NOW + SIGN_IN_LOCK_S - 1)
    assert lockout.is_locked("a", "s", NOW + SIGN_IN_LOCK_S - 1)
    assert not lockout.is_locked("a", "s", NOW + SIGN_IN_LOCK_S)
    lockout.fail("a", "s", NOW + SIGN_IN_LOCK_S)
    assert not lockout.is_locked("a", "s", NOW + SIGN_IN_LOCK_S), "counted anew"


def test_who_goes_on_after_a_lock_is_locked_again() -> None:
    """The count begins anew with the first failure after it, so a lock is not the last: guessing stays slow."""
    lockout, after = failed(SIGN_IN_FAILURES), NOW + SIGN_IN_LOCK_S
    for _ in range(SIGN_IN_FAILURES):
        assert not lockout.is_locked("a", "s", after)
        lockout.fail("a", "s", after)
    assert lockout.is_locked("a", "s", after)


def test_the_right_password_is_a_new_beginning() -> None:
    """Failures before it are forgotten."""
    lockout = failed(SIGN_IN_FAILURES - 1)
    lockout.succeed("a", "s")
    lockout.fail("a", "s", NOW)
    assert not lockout.is_locked("a", "s", NOW)


def test_what_is_remembered_is_bounded() -> None:
    """`SIGN_IN_FAILURES_KEPT` users and sources; with one more, who failed longest ago is forgotten."""
    lockout = failed(SIGN_IN_FAILURES, user="first")
    for number in range(SIGN_IN_FAILURES_KEPT - 1):
        lockout.fail(f"u{number}", "s", NOW)
    assert lockout.is_locked("first", "s", NOW)
    lockout.fail("one more", "s", NOW)
    assert not lockout.is_locked("first", "s", NOW)


def test_who_fails_again_is_remembered_longer() -> None:
    """It goes by the last failure: what makes room is not who has just gone on guessing."""
    lockout = failed(SIGN_IN_FAILURES - 1, user="first")
    for number in range(SIGN_IN_FAILURES_KEPT - 1):
        lockout.fail(f"u{number}", "s", NOW)
    lockout.fail("first", "s", NOW)
    lockout.fail("one more", "s", NOW)
    assert lockout.is_locked("first", "s", NOW)


class TestSecondFactors:
    """SEC-TOKEN-22: wrong second factors, counted apart."""

    def spread(self, times: int) -> FactorLockout:
        """Fail from so many places that none of them is locked by itself."""
        lockout = FactorLockout()
        for number in range(times):
            lockout.fail("a", f"s{number}", NOW)
        return lockout

    def test_one_source_is_locked_as_with_passwords(self) -> None:
        """`SIGN_IN_FAILURES` from one source lock it, and no other."""
        lockout = FactorLockout()
        for _ in range(SIGN_IN_FAILURES):
            assert not lockout.is_locked("a", "s", NOW)
            lockout.fail("a", "s", NOW)
        assert lockout.is_locked("a", "s", NOW)
        assert not lockout.is_locked("a", "elsewhere", NOW)
        assert not lockout.is_locked("a", "s", NOW + SIGN_IN_LOCK_S)

    def test_so_many_from_everywhere_lock_the_user(self) -> None:
        """`SECOND_FACTOR_FAILURES`, for `SECOND_FACTOR_LOCK_S`; nobody else is locked."""
        assert not self.spread(SECOND_FACTOR_FAILURES - 1).is_locked("a", "new", NOW)
        lockout = self.spread(SECOND_FACTOR_FAILURES)
        assert lockout.is_locked("a", "new", NOW + SECOND_FACTOR_LOCK_S - 1)
        assert not lockout.is_locked("b", "new", NOW)
        assert not lockout.is_locked("a", "new", NOW + SECOND_FACTOR_LOCK_S)

    def test_a_right_one_is_a_new_beginning(self) -> None:
        """What was counted of the user is forgotten."""
        lockout = self.spread(SECOND_FACTOR_FAILURES - 1)
        lockout.succeed("a", "s1")
        lockout.fail("a", "s1", NOW)
        assert not lockout.is_locked("a", "new", NOW)

    def test_a_right_one_is_a_new_beginning_at_its_source(self) -> None:
        """What was counted of the user from there is forgotten too."""
        lockout = FactorLockout()
        for _ in range(SIGN_IN_FAILURES - 1):
            lockout.fail("a", "s", NOW)
        lockout.succeed("a", "s")
        lockout.fail("a", "s", NOW)
        assert not lockout.is_locked("a", "s", NOW)
