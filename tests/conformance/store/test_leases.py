from __future__ import annotations

import pytest

from strongroom.store import LeaseLost
from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import user, users


async def test_a_lease_has_one_holder(backend: Backend) -> None:
    """Another is refused until the lease has run out; the holder may renew."""
    async with backend.open() as store:
        assert await store.acquire_lease("job", "a", now=100, lifetime_s=10) is True
        assert await store.acquire_lease("job", "b", now=109, lifetime_s=10) is False
        assert await store.acquire_lease("job", "a", now=109, lifetime_s=10) is True
        assert await store.acquire_lease("job", "b", now=118, lifetime_s=10) is False
        assert await store.acquire_lease("job", "b", now=119, lifetime_s=10) is True
        assert await store.acquire_lease("job", "a", now=120, lifetime_s=10) is False
        assert await store.acquire_lease("other", "a", now=120, lifetime_s=10) is True
        assert await store.verify() == []


async def test_who_holds_a_lease_is_told(backend: Backend) -> None:
    """As long as it lasts, and to whoever asks."""
    async with backend.open() as store:
        assert await store.lease_holder("job", 100) is None
        await store.acquire_lease("job", "a", now=100, lifetime_s=10)
        assert [await store.lease_holder("job", now) for now in (100, 109, 110)] == ["a", "a", None]


async def test_a_lease_reaches_no_further_than_its_length(backend: Backend) -> None:
    """One that was taken under a clock that was years ahead holds up others for its length, from when one asks."""
    async with backend.open() as store:
        await store.acquire_lease("job", "ahead", now=100_000_000, lifetime_s=10)
        assert await store.acquire_lease("job", "b", now=100, lifetime_s=10) is False
        assert [await store.lease_holder("job", now) for now in (109, 110)] == ["ahead", None]
        assert await store.acquire_lease("job", "b", now=109, lifetime_s=10) is False
        assert await store.acquire_lease("job", "b", now=110, lifetime_s=10) is True


async def test_a_clock_that_is_a_little_ahead_loses_no_lease(backend: Backend) -> None:
    """Whoever asks cuts what is too long; who holds the lease holds it, and renews it."""
    async with backend.open() as store:
        await store.acquire_lease("job", "ahead", now=102, lifetime_s=10)
        assert await store.acquire_lease("job", "b", now=101, lifetime_s=10) is False
        assert await store.acquire_lease("job", "ahead", now=107, lifetime_s=10) is True
        assert await store.acquire_lease("job", "b", now=112, lifetime_s=10) is False


async def test_a_lease_takes_no_place_in_the_feed(backend: Backend) -> None:
    """Renewing it every few seconds must not push changes out."""
    async with backend.open() as store:
        await store.acquire_lease("job", "a", now=100, lifetime_s=10)
        assert await store.sequence() == 0


async def test_a_commit_under_a_lease_needs_it(backend: Backend) -> None:
    """Whoever has lost a lease, or never had it, changes nothing under it."""
    async with backend.open() as store:
        now = int(backend.clock.now)

        async def commit(number: int) -> None:
            await store.commit(lambda transaction: transaction.put(user(number)), lease="job")

        with pytest.raises(LeaseLost):
            await commit(1)
        await store.acquire_lease("job", "a", now=now, lifetime_s=10)
        await commit(2)
        backend.clock.now += 10
        with pytest.raises(LeaseLost):
            await commit(3)
        await store.acquire_lease("job", "a", now=now + 10, lifetime_s=10)
        await commit(4)
        assert await users(store) == ["user-00002", "user-00004"]


async def test_a_lease_that_another_took_over_is_lost(lasting: Backend) -> None:
    """A store that held it knows no better than the database."""
    async with lasting.open() as mine, lasting.open() as theirs:
        now = int(lasting.clock.now)
        assert await mine.acquire_lease("job", "me", now=now, lifetime_s=10)
        assert await theirs.acquire_lease("job", "they", now=now + 10, lifetime_s=10)
        with pytest.raises(LeaseLost):
            await mine.commit(lambda transaction: transaction.put(user(1)), lease="job")
        assert await users(theirs) == []
