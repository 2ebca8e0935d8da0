from __future__ import annotations

import pytest

from strongroom.core.changes import ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.objects import Collection
from strongroom.store import ChangesPruned
from strongroom.store import group as groups
from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import PARTITION, VAULT, put, remove, secret, user


async def test_the_feed_tells_every_commit_once_and_in_order(backend: Backend) -> None:
    """Following it in pieces gives the same as reading it at once."""
    async with backend.open() as store:
        start = await store.sequence()
        await put(store, user(1))
        await put(store, *secret("A"))
        await put(store, user(2), user(3))
        expected = [
            (start + 1, (RecordPut(user(1)),)),
            (start + 2, (ObjectChanged(VAULT, Collection.SECRETS, "a"),)),
            (start + 3, (RecordPut(user(2)), RecordPut(user(3)))),
        ]
        assert await store.changes_since(start, limit=9) == expected
        pieces = await store.changes_since(start, limit=2)
        pieces += await store.changes_since(pieces[-1][0], limit=2)
        assert pieces == expected
        assert await store.changes_since(start + 3, limit=9) == []


async def test_the_feed_gives_records_as_they_are_now(backend: Backend) -> None:
    """A record replaced since comes as it is; one removed since is announced as removed."""
    async with backend.open() as store:
        await put(store, user(1), user(2))
        await put(store, user(1, name="Renamed"))
        await remove(store, user(2))
        feed = await store.changes_since(0, limit=9)
        gone = RecordRemoved("user", PARTITION, "user-00002")
        assert feed == [
            (1, (RecordPut(user(1, name="Renamed")), gone)),
            (2, (RecordPut(user(1, name="Renamed")),)),
            (3, (gone,)),
        ]


async def test_the_feed_is_bounded(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old commits are pruned once the journal has their entries, and who asks for them is told to load everything."""
    monkeypatch.setattr(groups, "COMMITS_KEPT", 20)
    monkeypatch.setattr(groups, "PRUNE_AFTER", 5)
    async with backend.open() as store:
        for number in range(60):
            await put(store, user(number), entries=(b"entry",))
        assert len(await store.changes_since(0, limit=100)) == 60
        await store.audited(55)
        for number in range(60, 70):
            await put(store, user(number))
        with pytest.raises(ChangesPruned):
            await store.changes_since(0, limit=100)
        kept = await store.changes_since(50, limit=100)
        assert [sequence for sequence, _ in kept] == list(range(51, 71))
        assert [number for number, _ in await store.outbox(limit=100)] == [56, 57, 58, 59, 60]
        assert await store.verify() == []


async def test_without_audit_entries_the_feed_is_bounded_too(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for a journal that has nothing to take."""
    monkeypatch.setattr(groups, "COMMITS_KEPT", 20)
    monkeypatch.setattr(groups, "PRUNE_AFTER", 5)
    async with backend.open() as store:
        for number in range(60):
            await put(store, user(number))
        with pytest.raises(ChangesPruned):
            await store.changes_since(0, limit=100)
        assert await store.verify() == []


async def test_numbers_go_on_after_a_restart(lasting: Backend) -> None:
    """The feed is one, whatever process wrote it."""
    async with lasting.open() as store:
        await put(store, user(1))
    async with lasting.open() as store:
        committed = await put(store, user(2))
        assert committed.sequence == 2
        assert [sequence for sequence, _ in await store.changes_since(0, limit=9)] == [1, 2]
