from __future__ import annotations

import asyncio

import pytest

from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import put, user


async def test_entries_come_in_order_of_commit_under_numbers_without_a_gap(backend: Backend) -> None:
    """Several entries of a commit keep their order; commits without any leave no gap."""
    async with backend.open() as store:
        first = await put(store, user(1), entries=(b"a", b"b"))
        await put(store, user(2))
        second = await put(store, entries=(b"c",))
        assert (first.outbox, second.outbox) == ((1, 2), (3,))
        assert await store.outbox(limit=9) == [(1, b"a"), (2, b"b"), (3, b"c")]
        assert await store.outbox(limit=2) == [(1, b"a"), (2, b"b")]


async def test_commits_at_once_are_numbered_in_the_order_they_took_effect(backend: Backend) -> None:
    """The outbox's order is the order of the commits' own numbers, for all of 100 at once."""
    async with backend.open() as store:
        committed = await asyncio.gather(*(put(store, user(n), entries=(b"%d" % n,)) for n in range(100)))
        by_sequence = sorted(range(100), key=lambda n: committed[n].sequence)
        assert [int(entry) for _, entry in await store.outbox(limit=100)] == by_sequence
        assert [number for number, _ in await store.outbox(limit=100)] == list(range(1, 101))


async def test_entries_the_journal_has_are_forgotten(backend: Backend) -> None:
    """In the middle of a commit too; going back is no going back."""
    async with backend.open() as store:
        await put(store, user(1), entries=(b"a", b"b"))
        await put(store, user(2), entries=(b"c",))
        await store.audited(1)
        assert await store.outbox(limit=9) == [(2, b"b"), (3, b"c")]
        await store.audited(3)
        await store.audited(1)
        assert await store.outbox(limit=9) == []
        await put(store, user(3), entries=(b"d",))
        assert await store.outbox(limit=9) == [(4, b"d")]


async def test_an_entry_that_does_not_exist_yet_cannot_be_forgotten(backend: Backend) -> None:
    """SEC: "No record, no answer": a journal that is ahead of its store does not swallow the entries to come."""
    async with backend.open() as store:
        await put(store, entries=(b"a",))
        with pytest.raises(ValueError, match="no outbox entry 2"):
            await store.audited(2)
        await put(store, entries=(b"b",))
        assert await store.outbox(limit=9) == [(1, b"a"), (2, b"b")]


async def test_the_outbox_outlives_the_process(lasting: Backend) -> None:
    """What the journal had is forgotten, what it lacked is there, and numbers go on where they were."""
    async with lasting.open() as store:
        await put(store, entries=(b"a", b"b", b"c"))
        await store.audited(2)
    async with lasting.open() as store:
        assert await store.outbox(limit=9) == [(3, b"c")]
        await store.audited(3)
    async with lasting.open() as store:
        assert await store.outbox(limit=9) == []
        assert (await put(store, entries=(b"d",))).outbox == (4,)
        assert await store.outbox(limit=9) == [(4, b"d")]
        assert await store.verify() == []
