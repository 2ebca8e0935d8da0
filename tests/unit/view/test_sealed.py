"""The cache of sealed rows: bounded, and never older than the last commit."""

import random
import secrets

import pytest

from strongroom.core.changes import ObjectChanged
from strongroom.core.limits import SEALED_CACHE_BYTES, SEALED_CACHE_ENTRIES
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.view import SealedCache, View
from strongroom.view.sealed import DROPS_KEPT, ROW_BYTES, Key, Rows


def key(name: str, version: str = "", vault: str = "v1") -> Key:
    """Name an entry."""
    return (vault, Collection.SECRETS, name, version)


def rows(name: str, state: int = 1, size: int = 0) -> Rows:
    """Make the rows of a secret in some state."""
    stored = StoredObject("v1", Collection.SECRETS, name, "o", state, str(state))
    return stored, StoredVersion("v1", Collection.SECRETS, name, "o", str(state), 1, b"", b"s" * size)


def keep(cache: SealedCache, name: str, version: str = "", size: int = 0) -> None:
    """Keep rows that were read just now."""
    cache.put(key(name, version), rows(name, size=size), cache.mark())


def test_what_was_kept_is_found_under_its_own_key() -> None:
    """An entry is found by vault, collection, name and version together, and by nothing less."""
    cache = SealedCache()
    keep(cache, "a", "1")
    assert cache.get(key("a", "1")) == rows("a")
    for other in (key("a"), key("b", "1"), key("a", "1", "v2"), ("v1", Collection.KEYS, "a", "1")):
        assert cache.get(other) is None


def test_a_change_drops_every_version_of_the_object_and_nothing_else() -> None:
    """A changed object is read again, whichever version is asked for."""
    cache = SealedCache()
    for name, version in (("a", ""), ("a", "1"), ("a", "2"), ("b", "")):
        keep(cache, name, version)
    cache.drop("v1", Collection.SECRETS, "a")
    assert [cache.get(key("a", version)) for version in ("", "1", "2")] == [None, None, None]
    assert cache.get(key("b")) is not None
    assert len(cache) == 1


def test_the_view_drops_what_a_commit_changed() -> None:
    """The cache follows the store's changes through the view, before the view is loaded too."""
    view = View()
    keep(view.sealed, "a")
    view.apply([ObjectChanged("v1", Collection.SECRETS, "a")])
    assert view.sealed.get(key("a")) is None
    view.load([])
    keep(view.sealed, "a")
    view.apply([ObjectChanged("v1", Collection.SECRETS, "a")])
    assert view.sealed.get(key("a")) is None


def test_a_read_that_was_overtaken_by_a_change_is_not_kept() -> None:
    """Rows that were read before a commit and put after it are from before the commit."""
    cache = SealedCache()
    mark = cache.mark()
    cache.drop("v1", Collection.SECRETS, "a")
    cache.put(key("a"), rows("a"), mark)
    assert cache.get(key("a")) is None
    keep(cache, "a")
    assert cache.get(key("a")) is not None


def test_a_read_overtaken_by_changes_of_other_objects_is_kept() -> None:
    """A busy writer elsewhere does not keep the cache empty."""
    cache = SealedCache()
    mark = cache.mark()
    cache.drop("v1", Collection.SECRETS, "b")
    cache.drop("v2", Collection.SECRETS, "a")
    cache.put(key("a"), rows("a"), mark)
    assert cache.get(key("a")) is not None


@pytest.mark.parametrize("others", [DROPS_KEPT - 1, DROPS_KEPT, DROPS_KEPT * 2])
def test_a_read_overtaken_long_ago_is_not_kept(others: int) -> None:
    """However many other objects changed since, a read from before its object's change stays out."""
    cache = SealedCache()
    mark = cache.mark()
    cache.drop("v1", Collection.SECRETS, "a")
    for number in range(others):
        cache.drop("v1", Collection.SECRETS, f"b{number}")
    cache.put(key("a"), rows("a"), mark)
    assert cache.get(key("a")) is None


def test_an_object_that_changed_twice_is_remembered_from_its_last_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read from between an object's two changes stays out, after other changes pushed both from memory."""
    monkeypatch.setattr("strongroom.view.sealed.DROPS_KEPT", 2)
    cache = SealedCache()
    cache.drop("v1", Collection.SECRETS, "a")
    cache.drop("v1", Collection.SECRETS, "b")
    mark = cache.mark()
    for name in "acd":
        cache.drop("v1", Collection.SECRETS, name)
    cache.put(key("a"), rows("a"), mark)
    assert cache.get(key("a")) is None


def test_a_read_across_a_clearing_is_not_kept() -> None:
    """What was read before the view was loaded anew is not kept."""
    cache = SealedCache()
    keep(cache, "a")
    mark = cache.mark()
    cache.clear()
    cache.put(key("b"), rows("b"), mark)
    assert (cache.get(key("a")), cache.get(key("b")), len(cache)) == (None, None, 0)


def test_the_least_recently_used_entry_goes_at_the_limit() -> None:
    """At the limit nothing goes; one past it, the entry that was used longest ago."""
    cache = SealedCache(entries=3)
    for name in ("a", "b", "c"):
        keep(cache, name)
    assert len(cache) == 3
    cache.get(key("a"))
    keep(cache, "d")
    assert [name for name in "abcd" if cache.get(key(name))] == ["a", "c", "d"]


def test_the_cache_is_bounded_in_bytes() -> None:
    """Large values make room for themselves, and one that is larger than the cache is not kept."""
    size = 1000
    cache = SealedCache(size_bytes=2 * (size + ROW_BYTES))
    for name in ("a", "b", "c"):
        keep(cache, name, size=size)
    assert [name for name in "abc" if cache.get(key(name))] == ["b", "c"]
    keep(cache, "d", size=3 * (size + ROW_BYTES))
    assert [name for name in "bcd" if cache.get(key(name))] == ["b", "c"]
    keep(cache, "c", size=size)
    assert len(cache) == 2


def test_the_limits_are_the_named_ones() -> None:
    """The service's cache has the limits that core names."""
    cache = View().sealed
    assert (cache._limit, cache._limit_bytes) == (SEALED_CACHE_ENTRIES, SEALED_CACHE_BYTES)


def test_a_missing_version_is_remembered_until_the_object_changes() -> None:
    """That an object has no such version is kept as well, and ends with the object's next change."""
    cache = SealedCache()
    cache.put(key("a", "9"), (rows("a")[0], None), cache.mark())
    found = cache.get(key("a", "9"))
    assert found is not None
    assert found[1] is None
    cache.drop("v1", Collection.SECRETS, "a")
    assert cache.get(key("a", "9")) is None


@pytest.mark.parametrize("drops_kept", [1, 3, DROPS_KEPT])
def test_no_interleaving_of_reads_and_commits_leaves_an_old_row(
    drops_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whatever the order of reads, commits and puts, what the cache gives is what the store holds.

    The order is random; the seed is printed.
    """
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  what brings a failure back
    chance = random.Random(seed)  # noqa: S311  an order of events, nothing secret
    monkeypatch.setattr("strongroom.view.sealed.DROPS_KEPT", drops_kept)
    cache = SealedCache(entries=5)
    store = dict.fromkeys("abcdefgh", 1)
    under_way: list[tuple[str, int, int]] = []
    for turn in range(2, 10_000):
        name = chance.choice("abcdefgh")
        match chance.randrange(4):
            case 0:
                store[name] = turn
                cache.drop("v1", Collection.SECRETS, name)
            case 1:
                under_way.append((name, cache.mark(), store[name]))
            case 2 if under_way:
                read, mark, state = under_way.pop(chance.randrange(len(under_way)))
                cache.put(key(read), rows(read, state), mark)
            case _:
                found = cache.get(key(name))
                assert found is None or found[0].created == store[name]
        assert len(cache) <= 5
