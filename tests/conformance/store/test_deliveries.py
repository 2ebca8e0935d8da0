"""The queue of deliveries: recorded with the change, in order of each object, noticed if touched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import event_limits
from strongroom.core.changes import EventsRecorded
from strongroom.core.errors import Tampered
from strongroom.core.event_deliveries import Addressee, Delivery, DeliveryState
from strongroom.core.events import Event
from strongroom.store import DeliveryCount, Store, Transaction
from strongroom.store import deliveries as queue
from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import VAULT, announce, event, put, secret, user

LATE = 10**9
HOOK, OTHER = "hook", "other"


def to(*subscriptions: str) -> Callable[[Event], list[Addressee]]:
    """Make a router that names these, whatever the event."""
    return lambda _: [Addressee(one, VAULT) for one in subscriptions]


async def due(store: Store, subscription: str = HOOK, now: int = LATE) -> list[Delivery]:
    """Read what is due."""
    return await store.due_deliveries(subscription, now, limit=99)


async def told(store: Store, subscription: str = HOOK) -> list[str]:
    """Read of which events one would be told now."""
    return [one.event.id for one in await due(store, subscription)]


async def delivered(store: Store, delivery: Delivery) -> bool:
    """Have a delivery be over."""
    return (await store.commit(lambda transaction: transaction.remove_delivery(delivery))).result


async def moved(store: Store, delivery: Delivery, **changes: Any) -> bool:
    """Move a delivery."""
    moved_one = replace(delivery, **changes)
    return (await store.commit(lambda transaction: transaction.move_delivery(moved_one))).result


async def test_an_event_is_recorded_for_whoever_the_router_names(backend: Backend) -> None:
    """SEC-EVENT-1: once for each, due at once, as of the commit that told of it; the feed says so."""
    async with backend.open() as store:
        store.route(to(HOOK, OTHER))
        seen: list[object] = []
        store.subscribe(seen.extend)
        committed = await announce(store, event())
        (one,) = await due(store)
        assert one == Delivery(HOOK, committed.sequence, 1, VAULT, "secret/one", event(), since=100, due_at=100)
        assert [found.ordinal for found in await due(store, OTHER)] == [2]
        assert await due(store, now=99) == []
        assert seen == [EventsRecorded(VAULT, HOOK), EventsRecorded(VAULT, OTHER)] == list(committed.changes)
        assert not committed.alters_records
        assert (await store.changes_since(committed.sequence - 1, limit=9))[0][1] == committed.changes
        assert await store.verify() == []


async def test_an_event_of_a_change_that_is_refused_is_not_recorded(backend: Backend) -> None:
    """SEC-EVENT-1: the outbox is part of the change: both are there or neither."""

    async def change(transaction: Transaction) -> None:
        transaction.announce(event())
        raise LookupError

    async with backend.open() as store:
        store.route(to(HOOK))
        with pytest.raises(LookupError):
            await store.commit(change)
        assert await due(store) == []
        with backend.fail_commits(store), pytest.raises(Exception, match=r".+"):
            await announce(store, event())
        assert await due(store) == []
        assert await store.verify() == []


async def test_what_is_recorded_survives_a_restart(lasting: Backend) -> None:
    """In the order in which it was committed."""
    async with lasting.open() as store:
        store.route(to(HOOK))
        await announce(store, event("b"), event("a"))
        await announce(store, event("c"))
    async with lasting.open() as store:
        assert await told(store) == ["event-b-1", "event-a-1", "event-c-1"]
        assert await store.verify() == []


async def test_an_event_that_nobody_is_told_of_costs_no_statement(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that announces something runs the same statements as one that does not."""
    ran: list[str] = []

    def change(name: str, *, tells: bool) -> Callable[[Transaction], Awaitable[None]]:
        async def whole(transaction: Transaction) -> None:
            stored, version = secret(name)
            await transaction.put_object(stored)
            await transaction.put_version(version)
            if tells:
                transaction.announce(event(name))

        return whole

    async with backend.open() as store:
        store.route(to())
        session = type(store._connections[1])  # type: ignore[attr-defined]
        for kind in ("fetch", "run"):
            plain = getattr(session, kind)

            async def noted(connection: Any, statement: Any, /, *parameters: object, plain: Any = plain) -> Any:
                ran.append(statement.name)
                return await plain(connection, statement, *parameters)

            monkeypatch.setattr(session, kind, noted)
        await store.commit(change("first", tells=False))
        counts = []
        for tells, name in ((False, "silent"), (True, "telling")):
            ran.clear()
            await store.commit(change(name, tells=tells))
            counts.append(list(ran))
        assert counts[0] == counts[1]


async def test_an_event_waits_for_earlier_ones_of_its_object_and_for_no_other(backend: Backend) -> None:
    """Of each object the first is ready; the next one is once that is delivered, and the next after it."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a", 1), event("b", 1))
        await announce(store, event("a", 2))
        await announce(store, event("A", 3))
        assert await told(store) == ["event-a-1", "event-b-1"]
        first = (await due(store))[0]
        await moved(store, first, attempts=1, due_at=LATE + 1)
        assert await told(store) == ["event-b-1"]
        assert await delivered(store, first)
        assert await told(store) == ["event-b-1", "event-a-2"] or await told(store) == ["event-a-2", "event-b-1"]
        assert not await delivered(store, first)
        (second,) = [one for one in await due(store) if one.event.id == "event-a-2"]
        assert await delivered(store, second)
        assert sorted(await told(store)) == ["event-A-3", "event-b-1"]
        assert await store.verify() == []


async def test_events_of_one_commit_about_one_object_keep_their_order(backend: Backend) -> None:
    """A certificate's new version may be near its expiry at once."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a", 1), event("a", 2), event("a", 3))
        order = []
        while waiting := await due(store):
            order += [one.event.id for one in waiting]
            for one in waiting:
                await delivered(store, one)
        assert order == ["event-a-1", "event-a-2", "event-a-3"]


async def test_a_delivery_that_failed_keeps_what_came_of_it(backend: Backend) -> None:
    """Attempts, when, and why; it is due when it is said to be."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event())
        (one,) = await due(store)
        assert await moved(store, one, attempts=1, due_at=500, tried_at=490, outcome="status 500")
        assert await due(store, now=499) == []
        assert await store.next_delivery(HOOK) == 500
        (again,) = await due(store, now=500)
        assert (again.attempts, again.tried_at, again.outcome) == (1, 490, "status 500")
        assert await store.delivery(HOOK, one.sequence, one.ordinal) == again
        assert await store.verify() == []


async def test_a_dead_letter_lets_the_next_of_its_object_go_ahead(backend: Backend) -> None:
    """It is listed, counted, not due, and holds up nothing."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a", 1), event("a", 2))
        (one,) = await due(store)
        await moved(store, one, state=DeliveryState.DEAD, reason="because", tried_at=7)
        assert await told(store) == ["event-a-2"]
        page = await store.dead_deliveries(HOOK, after=(-1, -1), limit=1)
        assert [(found.event.id, found.reason) for found in page.rows] == [("event-a-1", "because")]
        assert not page.more
        last = page.rows[-1]
        assert (await store.dead_deliveries(HOOK, after=(last.sequence, last.ordinal), limit=1)).rows == ()
        assert await store.count_deliveries(HOOK) == DeliveryCount(waiting=1, dead=1)
        assert await store.verify() == []


async def test_a_dead_letter_that_is_replayed_comes_before_what_waits(backend: Backend) -> None:
    """While another of its object is being delivered it waits for that, and then it is the next: it is the older."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a", 1), event("a", 2), event("a", 3))
        (first,) = await due(store)
        await moved(store, first, state=DeliveryState.DEAD)
        await moved(store, first, state=DeliveryState.READY, attempts=0)
        (second,) = await due(store)
        assert second.event.id == "event-a-2"
        await delivered(store, second)
        assert await told(store) == ["event-a-1"]
        assert await store.verify() == []


async def test_deliveries_of_a_subscription_go_bit_by_bit(backend: Backend) -> None:
    """No more than was said, object by object, and the seal says what is left; in the end nothing is."""
    async with backend.open() as store:
        store.route(to(HOOK, OTHER))
        await announce(store, event("a", 1), event("b", 2), event("c", 3))
        for left in (["event-c-3"], [], []):
            await store.commit(lambda transaction: transaction.remove_deliveries(HOOK, 2))
            assert (await store.count_deliveries(HOOK)).waiting == len(left)
            assert await told(store) == left
            assert await store.verify() == []
        assert (await store.count_deliveries(OTHER)).waiting == 3


async def test_what_waits_for_another_goes_before_it(backend: Backend) -> None:
    """What is left of one object is whole, also where an older one waits for a younger: it was dead and lives again."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, *(event("a", number) for number in range(1, 6)))
        (first,) = await due(store)
        await moved(store, first, state=DeliveryState.DEAD)
        await moved(store, first, state=DeliveryState.READY, attempts=0)
        for left in (3, 1, 0):
            await store.commit(lambda transaction: transaction.remove_deliveries(HOOK, 2))
            assert (await store.count_deliveries(HOOK)).waiting == left
            assert await store.verify() == []


async def test_deliveries_of_a_subscription_go_with_it(backend: Backend) -> None:
    """All of them and no other's; what was tampered with goes too."""
    async with backend.open() as store:
        store.route(to(HOOK, OTHER))
        await announce(store, event("a", 1), event("a", 2))
        assert await store.subscriptions_with_deliveries() == [HOOK, OTHER]
        backend.sql(store, "UPDATE deliveries SET due_at = 5 WHERE subscription = 'hook'")
        assert (await store.commit(lambda transaction: transaction.remove_deliveries(HOOK, 2))).result == 2
        assert await store.subscriptions_with_deliveries() == [OTHER]
        assert await store.next_delivery(HOOK) is None
        assert await told(store, OTHER) == ["event-a-1"]
        assert await store.verify() == []


async def test_no_more_is_kept_than_there_may_be(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit another event is not recorded for this subscription, and is for the others; the change is made."""
    monkeypatch.setattr(queue, "EVENTS_KEPT", 2)
    assert event_limits.EVENTS_KEPT > 2
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a"))
        store.route(to(HOOK, OTHER))
        await announce(store, event("b"), event("c"))
        await put(store, user(1))
        assert await told(store) == ["event-a-1", "event-b-1"]
        assert await told(store, OTHER) == ["event-b-1", "event-c-1"]
        await delivered(store, (await due(store))[0])
        await announce(store, event("d"))
        assert await told(store) == ["event-b-1", "event-d-1"]
        assert await store.verify() == []


async def test_an_altered_delivery_is_not_made_and_keeps_no_other_waiting(backend: Backend) -> None:
    """It is told of, by its place alone."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a"), event("b"))
        backend.sql(store, "UPDATE deliveries SET event = x'00' WHERE place = 'secret/a'")
        with pytest.raises(Tampered):
            await due(store)
        found: list[str] = []
        assert [one.place for one in await store.due_deliveries(HOOK, LATE, limit=1, altered=found.append)] == [
            "secret/b"
        ]
        assert len(found) > 0
        assert "deliveries" in found[0]


async def test_a_removed_delivery_does_not_go_unnoticed(backend: Backend) -> None:
    """SEC-EVENT-1: the last one that goes is not the one that was sealed."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a"), event("b"))
        backend.sql(store, "DELETE FROM deliveries WHERE place = 'secret/a'")
        assert await store.verify() != []
        (left,) = await due(store)
        await delivered(store, left)
        await announce(store, event("c"))
        assert await store.verify() != []


async def test_an_altered_delivery_that_waits_keeps_none_before_or_behind_it(backend: Backend) -> None:
    """What comes before it can be over, be it delivered or dead, and what is behind it goes ahead in its place."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a", 1), event("a", 2), event("a", 3), event("a", 4), event("a", 5))
        backend.sql(store, "UPDATE deliveries SET event = x'00' WHERE ordinal IN (2, 4)")
        (first,) = await due(store)
        assert await delivered(store, first)
        (third,) = await due(store)
        assert third.event.id == "event-a-3"
        assert await moved(store, third, state=DeliveryState.DEAD)
        assert await told(store) == ["event-a-5"]
        assert await store.verify() != []


async def test_waiting_deliveries_are_not_counted_one_by_one(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead letter costs the same behind a hundred thousand that wait: what waits follows from the seal."""
    ran: list[str] = []
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a"), event("b"), event("c"))
        session = type(store._connections[1])  # type: ignore[attr-defined]
        plain = session.fetch

        async def noted(connection: Any, statement: Any, /, *parameters: object) -> Any:
            ran.append(statement.sql)
            return await plain(connection, statement, *parameters)

        monkeypatch.setattr(session, "fetch", noted)
        (one, *_) = await due(store)

        async def bury_and_count(transaction: Transaction) -> DeliveryCount:
            await transaction.move_delivery(replace(one, state=DeliveryState.DEAD))
            return await transaction.count_deliveries(HOOK)

        ran.clear()
        inside = (await store.commit(bury_and_count)).result
        assert inside == await store.count_deliveries(HOOK) == DeliveryCount(waiting=2, dead=1)
        counted = {sql for sql in ran if "count(*)" in sql and "deliveries" in sql}
        assert counted
        assert all("state = 'dead'" in sql for sql in counted)


async def test_an_altered_dead_letter_keeps_no_other_from_being_read(backend: Backend) -> None:
    """Whoever asks to be told of it gets the others."""
    async with backend.open() as store:
        store.route(to(HOOK))
        await announce(store, event("a"), event("b"))
        for one in await due(store):
            await moved(store, one, state=DeliveryState.DEAD)
        backend.sql(store, "UPDATE deliveries SET event = x'00' WHERE place = 'secret/a'")
        with pytest.raises(Tampered):
            await store.dead_deliveries(HOOK, after=(-1, -1), limit=9)
        found: list[str] = []
        page = await store.dead_deliveries(HOOK, after=(-1, -1), limit=9, altered=found.append)
        assert [one.place for one in page.rows] == ["secret/b"]
        assert len(found) == 1
