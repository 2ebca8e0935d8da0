"""A caller's principals: the set that rights are looked up with."""

from dataclasses import replace

from strongroom.core.identity import Caller, PrincipalType, _principals
from strongroom.core.limits import PRINCIPALS_MEMO_ENTRIES

CALLER = Caller(
    tenant="tenant", oid="alice", appid="app", kind=PrincipalType.USER, issuer="issuer",
    groups=frozenset({"team", "everyone"}), credential="credential", token_id="token",
)  # fmt: skip


def test_they_are_the_caller_and_its_groups() -> None:
    """Whatever was kept of another caller, or of the same one in other groups, is not mixed up with them."""
    assert CALLER.principals == {"alice", "team", "everyone"}
    assert replace(CALLER, oid="bob").principals == {"bob", "team", "everyone"}
    assert replace(CALLER, groups=frozenset({"team"})).principals == {"alice", "team"}
    assert replace(CALLER, groups=frozenset()).principals == {"alice"}


def test_they_are_the_same_set_for_every_request() -> None:
    """Another request of the same caller has the very same set, so that its hash is not worked out anew."""
    assert replace(CALLER, token_id="another").principals is CALLER.principals


def test_as_many_as_the_limit_are_kept_and_no_more() -> None:
    """The set of one caller too many drives out the one that was asked for longest ago."""
    _principals.cache_clear()
    for number in range(PRINCIPALS_MEMO_ENTRIES):
        assert replace(CALLER, oid=str(number)).principals == CALLER.groups | {str(number)}
    assert _principals.cache_info().currsize == PRINCIPALS_MEMO_ENTRIES

    assert replace(CALLER, oid="one more").principals == CALLER.groups | {"one more"}
    assert _principals.cache_info().currsize == PRINCIPALS_MEMO_ENTRIES
    before = _principals.cache_info().misses
    assert replace(CALLER, oid="0").principals == CALLER.groups | {"0"}
    assert _principals.cache_info().misses == before + 1
