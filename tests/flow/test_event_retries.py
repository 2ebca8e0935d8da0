"""Deliveries of events that fail: tried again, later and later, until they are dead letters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import event_limits
from strongroom.core.event_deliveries import RETRY_SCHEDULE_S
from strongroom.core.event_subscriptions import EventSubscription, RetryPolicy
from strongroom.resources import dead_letters
from strongroom.store import DeliveryCount
from tests.flow.client import Client
from tests.flow.events import Events, counts, events, vault

__all__ = ["events", "vault"]
DAY_S = 86_400


def reasons(events: Events, subscription: EventSubscription) -> list[str]:
    """Say why each dead letter is one."""
    found = events.world.run(dead_letters.dead_letters(events.world.store, subscription, limit=99))
    return [one.reason for one in found]


def test_what_fails_is_tried_again_later_and_later_with_the_same_id(events: Events, vault: Client, name: str) -> None:
    """After 10 s, 30 s, 1 min, 5 min, 10 min, 30 min, 1 h, 3 h, 6 h and 12 h, until it is taken or too old."""
    hook = events.subscribe()
    url = events.url_of(hook)
    events.webhooks.behaviour[url] = 500
    vault.put(name)
    events.deliver()
    for tries, pause in enumerate(RETRY_SCHEDULE_S[:6], 1):
        assert len(events.webhooks.sent) == tries
        events.world.advance(pause - 1)
        events.deliver()
        assert len(events.webhooks.sent) == tries
        events.world.advance(1)
        events.deliver()
    events.webhooks.behaviour[url] = 204
    events.world.advance(RETRY_SCHEDULE_S[6])
    events.deliver()
    assert len({taken.event["id"] for taken in events.webhooks.sent}) == 1
    assert [taken.headers["aeg-delivery-count"] for taken in events.webhooks.sent] == list(map(str, range(8)))
    assert counts(events, hook) == DeliveryCount()


@pytest.mark.parametrize("status", [205, 301, 302, 307, 404, 408, 429, 500, 503])
def test_a_status_that_is_no_success_is_tried_again(events: Events, vault: Client, name: str, status: int) -> None:
    """SEC-EGRESS-3: 200 to 204 are successes and no others are, redirects least of all: the event waits."""
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = status
    vault.put(name)
    events.deliver()
    assert len(events.webhooks.sent) == 1
    assert counts(events, hook) == DeliveryCount(waiting=1)


@pytest.mark.parametrize(("status", "pause"), [(404, 300), (408, 120), (503, 30), (500, 10)])
def test_some_statuses_are_given_more_time(events: Events, vault: Client, name: str, status: int, pause: int) -> None:
    """404 five minutes at least, 408 two, 503 half a minute."""
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = status
    vault.put(name)
    events.deliver()
    events.world.advance(pause - 1)
    events.deliver()
    assert len(events.webhooks.sent) == 1
    events.world.advance(1)
    events.deliver()
    assert len(events.webhooks.sent) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_webhook_that_never_will_is_not_asked_again(events: Events, vault: Client, name: str, status: int) -> None:
    """The event is a dead letter at once."""
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = status
    vault.put(name)
    events.deliver()
    assert reasons(events, hook) == ["UndeliverableDueToHttpStatus"]
    events.world.advance(DAY_S)
    events.deliver()
    assert len(events.webhooks.sent) == 1


def test_attempts_are_limited(events: Events, vault: Client, name: str) -> None:
    """After as many as the policy says the event is a dead letter, with what came of the last."""
    hook = events.subscribe(retry=RetryPolicy(attempts=2))
    events.webhooks.behaviour[events.url_of(hook)] = 500
    vault.put(name)
    for _ in range(4):
        events.deliver()
        events.world.advance(60)
    assert len(events.webhooks.sent) == 2
    (dead,) = events.world.run(dead_letters.dead_letters(events.world.store, hook, limit=9))
    assert (dead.reason, dead.attempts, dead.outcome) == (
        "MaxDeliveryAttemptsExceeded",
        2,
        "the answer's status is 500",
    )


def test_time_is_limited(events: Events, vault: Client, name: str) -> None:
    """What is too old when it is due again is a dead letter, and is not sent once more."""
    hook = events.subscribe(retry=RetryPolicy(live_minutes=1))
    events.webhooks.behaviour[events.url_of(hook)] = 404
    vault.put(name)
    events.deliver()
    events.world.advance(300)
    events.deliver()
    assert len(events.webhooks.sent) == 1
    assert reasons(events, hook) == ["TimeToLiveExceeded"]


def test_what_waited_while_the_service_was_down_is_tried_once_however_old(
    events: Events, vault: Client, name: str
) -> None:
    """A service that was off for two days does not bury what nobody was ever sent."""
    hook = events.subscribe()
    vault.put(name)
    events.world.advance(2 * DAY_S)
    events.deliver()
    assert events.told(hook) == [name]


def test_what_was_recorded_under_a_clock_that_was_ahead_does_not_wait_for_it(
    events: Events, vault: Client, name: str
) -> None:
    """A clock that was years ahead and was set right delays nothing, neither what was new then nor what failed then."""
    hook, now = events.subscribe(), events.world.clock()
    url = events.url_of(hook)
    for one in ("new", "failed"):
        vault.put(f"{name}-{one}")
    waiting = events.world.run(events.world.store.due_deliveries(hook.number, int(now), limit=9))

    async def date_ahead(tx: Any) -> None:
        for attempts, delivery in enumerate(waiting):
            later = 10 * 365 * DAY_S
            due_at, since = delivery.due_at + later, delivery.since + later
            await tx.move_delivery(replace(delivery, due_at=due_at, since=since, attempts=attempts))

    events.world.commit(date_ahead)
    vault.put(f"{name}-new")
    events.deliver()
    assert events.told(hook) == [f"{name}-new", f"{name}-failed", f"{name}-new"]
    events.webhooks.behaviour[url] = 500
    vault.put(f"{name}-new")
    events.deliver()
    events.deliver()
    assert len(events.webhooks.sent) == 4


def test_dead_letters_are_replayed(events: Events, vault: Client, name: str) -> None:
    """One or all, as if just recorded: with the same id, and with all attempts before them again."""
    hook = events.subscribe(retry=RetryPolicy(attempts=1))
    url = events.url_of(hook)
    events.webhooks.behaviour[url] = 500
    vault.put(f"{name}-a")
    vault.put(f"{name}-b")
    events.deliver()
    assert counts(events, hook) == DeliveryCount(dead=2)
    wanted = events.webhooks.sent[0].event["id"]
    events.webhooks.behaviour[url] = 200
    now = int(events.world.clock())
    replay = dead_letters.replay_dead_letters
    assert events.world.commit(lambda tx: replay(tx, hook, now=now, event_id=wanted)) == 1
    assert events.world.commit(lambda tx: replay(tx, hook, now=now, event_id="none")) == 0
    events.deliver()
    assert [event["id"] for event in events.webhooks.events(url)] == [wanted]
    assert events.world.commit(lambda tx: replay(tx, hook, now=now)) == 1
    events.deliver()
    assert counts(events, hook) == DeliveryCount()


def test_dead_letters_are_discarded(events: Events, vault: Client, name: str) -> None:
    """Who has seen to them by other means removes them."""
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = 400
    vault.put(name)
    events.deliver()
    assert events.world.commit(lambda tx: dead_letters.discard_dead_letters(tx, hook)) == 1
    assert counts(events, hook) == DeliveryCount()


def test_no_more_dead_letters_are_kept_than_there_may_be(
    events: Events, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes first."""
    monkeypatch.setattr(event_limits, "DEAD_LETTERS", 2)
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = 400
    for number in range(3):
        vault.put(f"{name}-{number}")
        events.deliver()
    kept = events.world.run(dead_letters.dead_letters(events.world.store, hook, limit=9))
    assert [one.event.subject for one in kept] == [f"{name}-1", f"{name}-2"]
