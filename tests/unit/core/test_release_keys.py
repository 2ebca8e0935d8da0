"""When one key that releases are signed with follows another, and which are shown meanwhile."""

from __future__ import annotations

from strongroom.core.release_authorities import ReleaseSigningKey, next_begins, revoked, shown_keys, signs_now
from strongroom.core.release_limits import RELEASE_KEY_AHEAD_S, RELEASE_KEY_LINGERS_S, RELEASE_KEY_SIGNS_S

BEGAN = 1_000_000
FIRST = ReleaseSigningKey("a", "t", BEGAN, b"", b"")
ENDS = BEGAN + RELEASE_KEY_SIGNS_S
NEXT = ReleaseSigningKey("b", "t", ENDS - RELEASE_KEY_AHEAD_S, b"", b"", ENDS)


def test_a_tenant_without_a_key_lacks_none() -> None:
    """It gets one with its first authority."""
    assert (signs_now((), BEGAN), next_begins((), BEGAN), shown_keys((), BEGAN)) == (None, None, ())


def test_the_next_one_is_wanted_so_long_before() -> None:
    """At the moment and a second before; however late it is asked for, it is shown as long."""
    due = ENDS - RELEASE_KEY_AHEAD_S
    assert [next_begins((FIRST,), now) for now in (due - 1, due, due + 1)] == [None, ENDS, ENDS + 1]
    assert next_begins((FIRST,), ENDS * 2) == ENDS * 2 + RELEASE_KEY_AHEAD_S
    assert next_begins((FIRST, NEXT), due) is None


def test_who_signs() -> None:
    """The one before until the next one begins, whatever their order; the present one if none follows."""
    for keys in ((FIRST, NEXT), (NEXT, FIRST)):
        assert [signs_now(keys, now) for now in (BEGAN, ENDS - 1, ENDS)] == [FIRST, FIRST, NEXT]
    assert signs_now((FIRST,), ENDS * 2) == FIRST


def test_what_is_shown() -> None:
    """Both from when the next one is made until the one before has lingered; then the next one alone."""
    both = (FIRST, NEXT)
    over = ENDS + RELEASE_KEY_LINGERS_S
    assert [shown_keys(both, now) for now in (NEXT.created, ENDS, over - 1, over)] == [both, both, both, (NEXT,)]


def test_what_is_left_of_a_key_that_is_not_only_ours() -> None:
    """The next one signs at once and for its whole time; all that have begun end. Without a next one none is left."""
    now = NEXT.created + 1
    ended, successor = revoked((FIRST, NEXT), now)
    assert ended == (FIRST,)
    assert successor is not None
    assert (successor.id, successor.began, signs_now((successor,), now)) == (NEXT.id, now, successor)
    assert next_begins((successor,), now) is None
    assert revoked((FIRST, NEXT), ENDS) == ((FIRST, NEXT), None)
    assert revoked((), now) == ((), None)


def test_a_clock_that_was_ahead_leaves_nothing_behind() -> None:
    """A key that it made for a far time counts as none; where it made the only one, that one signs."""
    far = ReleaseSigningKey("c", "t", ENDS * 9, b"", b"", ENDS * 10)
    now = ENDS - RELEASE_KEY_AHEAD_S
    assert shown_keys((FIRST, far), now) == (FIRST,)
    assert next_begins((FIRST, far), now) == ENDS
    assert signs_now((far,), now) == far
