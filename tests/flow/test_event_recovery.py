"""Deliveries of events across restarts and nodes, and with the life of their subscription."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from strongroom.app import event_delivery
from strongroom.core import event_limits
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.resources import event_subscriptions as commands
from strongroom.store import DeliveryCount
from tests.flow.client import Client
from tests.flow.events import Events, counts, events, until, vault
from tests.plugins.canary import plant

__all__ = ["events", "vault"]


def test_what_was_sent_and_not_noted_is_sent_again_with_the_same_id(events: Events, vault: Client, name: str) -> None:
    """A service that dies between the answer and its note tells twice rather than never."""
    hook = events.subscribe()
    vault.put(name)

    async def die() -> None:
        sent = asyncio.Event()

        async def take(_event: dict[str, Any]) -> int:
            sent.set()
            await asyncio.sleep(3600)
            return 200

        events.webhooks.behaviour[events.url_of(hook)] = take
        await events.delivery.settle()
        await sent.wait()
        await events.delivery.close()

    events.world.run(die())
    events.webhooks.behaviour.clear()
    events.delivery = events.node(events.world.first.installation.id)
    events.deliver()
    assert events.told(hook) == [name]


def test_a_restart_remembers_when_to_try_again(events: Events, vault: Client, name: str) -> None:
    """And how often it was tried."""
    hook = events.subscribe()
    events.webhooks.behaviour[events.url_of(hook)] = 500
    vault.put(name)
    events.deliver()
    events.delivery = events.node(events.world.first.installation.id)
    events.deliver()
    assert len(events.webhooks.sent) == 1
    events.world.advance(10)
    events.deliver()
    assert [taken.headers["aeg-delivery-count"] for taken in events.webhooks.sent] == ["0", "1"]


def test_one_node_delivers(events: Events, vault: Client, name: str) -> None:
    """Another that shares the store does when the first has not renewed its lease."""
    hook = events.subscribe()
    vault.put(name)
    other = events.node("another node")
    events.world.run(other.deliver_due())
    assert events.webhooks.sent == []
    events.world.advance(event_delivery.LEASE_S + 1)
    events.world.run(other.deliver_due())
    assert events.told(hook) == [name]
    events.deliver()
    assert len(events.webhooks.sent) == 1


def test_a_line_wakes_for_what_is_recorded_and_ends(events: Events, vault: Client, name: str) -> None:
    """In the running service nobody waits for the next look: a commit wakes the line, and an idle one is no task."""
    hook = events.subscribe()
    world = events.world
    world.store.subscribe(events.delivery.follow)
    body = {"value": plant()}

    def idle() -> bool:
        return all(line.task is None or line.task.done() for line in events.delivery._lines.values())

    world.run(events.delivery.settle())
    assert vault.ask("PUT", f"/secrets/{name}", body=body).status == 200
    world.run(until(idle))
    assert events.told(hook) == [name]
    made = events.put("new-one", "https://new-one.example/")
    world.run(until(idle))
    assert events.now(made.name).state == "Succeeded"
    world.run(events.delivery.close())


def test_what_cannot_be_noted_is_not_sent_again_and_again(events: Events, vault: Client, name: str) -> None:
    """SEC-EVENT-4: a database that takes no writes has a webhook told twice, not as fast as it answers."""
    hook = events.subscribe()
    vault.put(name)
    raw = events.world.store._connections[1].raw

    async def scenario() -> None:
        await events.delivery.settle()
        raw.execute("PRAGMA query_only = ON")
        line = events.delivery._lines[hook.number]
        await until(lambda: line.faults == 1)
        line.wake.set()
        await asyncio.sleep(0)
        assert await events.delivery.turn(hook.vault, hook.number) == 5.0
        raw.execute("PRAGMA query_only = OFF")
        await events.delivery.close()

    events.world.run(scenario())
    assert len(events.webhooks.sent) == 1
    events.delivery = events.node(events.world.first.installation.id)
    events.deliver()
    assert [event["subject"] for event in events.webhooks.events(events.url_of(hook))] == [name, name]


def test_an_idle_service_writes_nothing(events: Events) -> None:
    """The lease is taken when there is a subscription, and renewed long before it runs out, not at every look."""
    world = events.world
    raw = world.store._connections[1].raw

    def settled() -> int | None:
        world.run(events.delivery.settle())
        held = raw.execute("SELECT expires FROM leases WHERE name = ?", (event_delivery.LEASE,)).fetchall()
        return int(str(held[0][0])) - int(world.clock()) if held else None

    raw.execute("DELETE FROM leases")
    assert settled() is None
    hook = events.subscribe()
    assert settled() == event_delivery.LEASE_S
    world.advance(event_delivery.LEASE_S // 3 - 1)
    assert settled() == event_delivery.LEASE_S - event_delivery.LEASE_S // 3 + 1
    world.advance(1)
    assert settled() == event_delivery.LEASE_S
    events.remove(hook)
    world.advance(event_delivery.LEASE_S)
    assert settled() == 0
    world.run(events.node("another").settle())
    again = events.subscribe()
    assert again.state == "Succeeded"


def test_a_subscription_whose_time_is_over_goes(events: Events, vault: Client, name: str) -> None:
    """From then on nothing is recorded for it, and it is removed with what waits."""
    hook = events.subscribe(expires=int(events.world.clock()) + 100)
    events.webhooks.behaviour[events.url_of(hook)] = 500
    vault.put(name)
    events.deliver()
    assert counts(events, hook) == DeliveryCount(waiting=1)
    events.world.advance(100)
    vault.put(name)
    assert counts(events, hook) == DeliveryCount(waiting=1)
    events.deliver()
    assert commands.find_subscription(events.world.view, events.world.vault, hook.name) is None
    assert counts(events, hook) == DeliveryCount()


def test_what_waits_goes_with_its_subscription(events: Events, vault: Client, name: str) -> None:
    """One of the same name that comes later does not get it."""
    hook = events.subscribe()
    vault.put(name)
    events.remove(hook)
    again = events.put(hook.name, "https://again.example/")
    assert again.number != hook.number
    events.deliver()
    assert events.webhooks.sent == []
    assert events.world.run(events.world.store.verify()) == []


def test_much_that_waits_goes_bit_by_bit(
    events: Events, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one change does not remove is delivered to nobody, and gone when things are settled; no change is long."""
    monkeypatch.setattr(event_limits, "DELIVERIES_REMOVED_AT_ONCE", 2)
    hook, other = events.subscribe(), events.subscribe()
    for number in range(7):
        vault.put(f"{name}-{number}")
    events.remove(hook)
    assert counts(events, hook) == DeliveryCount(waiting=5)
    before = events.world.run(events.world.store.sequence())
    events.remove(other)
    events.world.run(events.delivery.settle())
    # Three changes for each, the last of which finds one or none, and one that removed the other.
    assert events.world.run(events.world.store.sequence()) - before >= 6
    assert counts(events, hook) == counts(events, other) == DeliveryCount()
    assert events.webhooks.sent == []
    assert events.world.run(events.world.store.verify()) == []


def test_many_subscriptions_that_go_together_are_not_long_about_it(
    events: Events, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one change removes is as much for all subscriptions of a purged vault, or that expire, as for one."""
    monkeypatch.setattr(event_limits, "DELIVERIES_REMOVED_AT_ONCE", 3)
    ends = int(events.world.clock()) + 100
    hooks = [events.subscribe(expires=expires) for expires in (None, None, ends, ends)]
    for number in range(2):
        vault.put(f"{name}-{number}")

    def left() -> list[int]:
        return [counts(events, hook).waiting for hook in hooks]

    events.world.commit(lambda tx: commands.remove_expired_subscriptions(tx, hooks[2:], ends))
    assert sorted(left()) == [0, 1, 2, 2]
    events.world.commit(lambda tx: commands.remove_subscriptions_of(tx, events.world.vault))
    assert sum(left()) == 2
    assert not events.world.view.all(EventSubscription)
    events.world.run(events.delivery.settle())
    assert left() == [0, 0, 0, 0]
    assert events.world.run(events.world.store.verify()) == []


def test_what_another_node_has_just_made_keeps_what_waits_for_it(
    events: Events, vault: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscription is gone when the database says so, and not while this node has not heard of it yet."""
    hook = events.subscribe()
    vault.put(name)
    with monkeypatch.context() as behind:
        behind.setattr(events.world.view, "all", lambda *_: ())
        events.world.run(events.delivery.settle())
    assert counts(events, hook) == DeliveryCount(waiting=1)
    events.deliver()
    assert events.told(hook) == [name]


def test_what_was_altered_is_not_sent_and_holds_up_nothing(
    events: Events, vault: Client, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-EVENT-1: whoever writes into the database puts no words into our mouth; the operator is told."""
    hook = events.subscribe()
    vault.put(f"{name}-a")
    vault.put(f"{name}-b")
    raw = events.world.store._connections[1].raw
    raw.execute("UPDATE deliveries SET event = X'80' WHERE place = ?", (f"secret/{name}-a",))
    events.deliver()
    assert events.told(hook) == [f"{name}-b"]
    assert "passed over" in caplog.text
