"""Events come to those who subscribe: once recorded, at least once delivered, in order of each object."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.app import event_delivery
from strongroom.core import event_limits
from strongroom.core.event_deliveries import RETRY_SCHEDULE_S
from strongroom.core.event_filters import EventFilter
from strongroom.core.event_subscriptions import DeliveryHeader, EventSchema, EventSubscription, RetryPolicy
from strongroom.egress import Unreachable
from strongroom.resources import dead_letters
from strongroom.resources import event_subscriptions as commands
from strongroom.store import DeliveryCount
from tests.flow.arm import Arm
from tests.flow.client import Client, make_tenant
from tests.flow.events import Events, until
from tests.plugins.canary import plant
from tests.world import Simulation

DAY_S = 86_400


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions and webhooks of one test; none is left behind, and no lease is."""
    world.advance(event_delivery.LEASE_S + 1)
    made = Events(world)
    yield made
    for one in world.view.all(EventSubscription):
        made.remove(one)


@pytest.fixture
def vault(world: Simulation) -> Client:
    """Give the administrator in the vault."""
    return Client(world)


def counts(events: Events, subscription: EventSubscription) -> DeliveryCount:
    """Count what waits and what is dead."""
    return events.world.run(events.world.store.count_deliveries(subscription.number))


def reasons(events: Events, subscription: EventSubscription) -> list[str]:
    """Say why each dead letter is one."""
    found = events.world.run(dead_letters.dead_letters(events.world.store, subscription, limit=99))
    return [one.reason for one in found]


# ---- what is delivered ----------------------------------------------------------------------------------------------


def test_a_new_version_is_told_of(events: Events, vault: Client, name: str) -> None:
    """SEC-EVENT-5: in Event Grid's schema, with its headers, and a signature over the time and the body."""
    hook = events.subscribe()
    bundle = vault.put(name, attributes={"nbf": 1_800_000_000, "exp": 1_900_000_000})
    events.deliver()
    (taken,) = events.webhooks.sent
    event = taken.event
    assert event["eventType"] == "Microsoft.KeyVault.SecretNewVersionCreated"
    assert event["topic"] == events.world.vault.scope
    assert event["data"] == {
        "Id": bundle["id"],
        "VaultName": events.world.vault.name,
        "ObjectType": "Secret",
        "ObjectName": name,
        "Version": bundle["id"].rpartition("/")[2],
        "NBF": 1_800_000_000,
        "EXP": 1_900_000_000,
    }
    assert taken.headers["aeg-event-type"] == "Notification"
    assert taken.headers["aeg-subscription-name"] == hook.name.upper()
    assert taken.headers["aeg-delivery-count"] == "0"
    assert taken.headers["content-type"] == "application/json; charset=utf-8"
    secret = commands.open_endpoint(events.world.keys, events.world.vault, hook).signing_secret
    time, _, signature = taken.headers["x-strongroom-signature"].partition(",v1=")
    signed = time.removeprefix("t=").encode() + b"." + taken.body
    assert hmac.compare_digest(signature, hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
    assert counts(events, hook) == DeliveryCount()
    events.deliver()
    assert len(events.webhooks.sent) == 1


def test_cloud_events_are_sent_as_such(events: Events, vault: Client, name: str) -> None:
    """One event, not an array, under its own content type."""
    events.subscribe(schema=EventSchema.CLOUD_EVENTS)
    vault.put(name)
    events.deliver()
    (taken,) = events.webhooks.sent
    assert taken.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert taken.event["specversion"] == "1.0"
    assert taken.event["source"] == events.world.vault.scope


def test_only_what_comes_after_subscribing_is_told(events: Events, vault: Client, name: str) -> None:
    """An endpoint that has not agreed yet gets nothing, nor does it later of what was before."""
    vault.put(name)
    hook = events.put("later", "https://later.example/")
    vault.put(name)
    events.deliver()
    vault.put(name)
    events.deliver()
    assert events.told(hook) == [name]


def test_a_filter_keeps_events_back(events: Events, vault: Client, name: str) -> None:
    """They are not recorded at all; each subscription has its own."""
    some = events.subscribe(filter=EventFilter(subject_begins=name))
    others = events.subscribe(filter=EventFilter(subject_begins="nothing-like-it"))
    vault.put(name)
    assert counts(events, others) == DeliveryCount()
    events.deliver()
    assert events.told(some) == [name]


def test_another_vault_is_not_told_of(events: Events, vault: Client, name: str) -> None:
    """Subscriptions are of one vault alone."""
    other = make_tenant(events.world)
    events.put("elsewhere", "https://elsewhere.example/", vault=other.vault)
    here = events.subscribe()
    vault.put(name)
    events.deliver()
    assert {taken.url for taken in events.webhooks.sent} == {events.url_of(here)}
    assert events.world.commit(lambda tx: commands.delete_subscription(tx, other.vault, "elsewhere"))


def test_headers_are_added_as_the_subscription_says(events: Events, vault: Client, name: str) -> None:
    """Static, secret and dynamic ones; a dynamic one of what the event lacks is left out."""
    key = plant()
    events.subscribe(
        headers=(
            (DeliveryHeader("X-Static", "one"), "one"),
            (DeliveryHeader("Authorization", is_secret=True), key),
            (DeliveryHeader("X-Object", source="data.objectname"), ""),
            (DeliveryHeader("X-None", source="data.NBF"), ""),
        )
    )
    vault.put(name)
    events.deliver()
    (taken,) = events.webhooks.sent
    assert (taken.headers["X-Static"], taken.headers["Authorization"], taken.headers["X-Object"]) == ("one", key, name)
    assert "X-None" not in taken.headers


@pytest.mark.parametrize("change", ["policy", "model", "neither"])
def test_a_change_of_who_may_is_told_of(events: Events, change: str) -> None:
    """Access policies and the model of permissions are the vault's own event; other settings are not."""
    world = events.world
    arm = Arm(world, world.administrator)
    hook = events.subscribe()
    policy = {"tenantId": world.first.tenant_id, "objectId": world.first.object_id, "permissions": {"keys": ["get"]}}
    rbac = bool(world.vault.rbac)
    answer = arm.ask("PATCH", world.vault.scope, body={
        "policy": {"properties": {"accessPolicies": [policy]}},
        "model": {"properties": {"enableRbacAuthorization": not rbac}},
        "neither": {"tags": {"a": "b"}},
    }[change])  # fmt: skip
    assert answer.status == 200, answer.body
    events.deliver()
    found = events.webhooks.events(events.url_of(hook))
    world.set_vault(rbac=rbac, access_policies=())
    if change == "neither":
        assert found == []
        return
    (event,) = found
    assert event["eventType"] == "Microsoft.KeyVault.VaultAccessPolicyChanged"
    assert event["subject"] == world.vault.name
    assert event["data"]["ObjectType"] == "Vault"
    assert event["data"]["Id"] == world.vault_url


# ---- when it fails --------------------------------------------------------------------------------------------------


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


# ---- order, and who waits for whom ----------------------------------------------------------------------------------


def test_an_event_waits_for_the_earlier_one_of_its_object_alone(events: Events, vault: Client, name: str) -> None:
    """SEC-EVENT-4: while one object's event is refused the others come, and its later one does not overtake it."""
    hook = events.subscribe()
    url, stuck = events.url_of(hook), f"{name}-stuck"

    async def refuse(event: dict[str, Any]) -> int:
        return 500 if event["subject"] == stuck else 200

    events.webhooks.behaviour[url] = refuse
    versions = [vault.put(stuck)["id"], vault.put(stuck)["id"]]
    vault.put(f"{name}-other")
    events.deliver()
    assert events.told(hook) == [f"{name}-other"]
    events.webhooks.behaviour[url] = 200
    events.world.advance(10)
    events.deliver()
    assert [event["data"]["Id"] for event in events.webhooks.events(url)[1:]] == versions


def test_a_webhook_that_hangs_holds_up_no_other_and_no_request(events: Events, vault: Client, name: str) -> None:
    """SEC-EVENT-4: the others have their events, and the vault answers, while one has not answered yet."""
    slow, quick = events.subscribe(), events.subscribe()
    world = events.world

    async def scenario() -> None:
        release = asyncio.Event()

        async def hang(_event: dict[str, Any]) -> int:
            await release.wait()
            return 200

        events.webhooks.behaviour[events.url_of(slow)] = hang
        await events.delivery.settle()
        try:
            await until(lambda: events.webhooks.under_way and events.webhooks.events(events.url_of(quick)))
            await world.store.commit(lambda tx: dead_letters.discard_dead_letters(tx, slow))
            assert events.webhooks.events(events.url_of(slow)) == []
            release.set()
            await until(lambda: events.webhooks.events(events.url_of(slow)))
        finally:
            await events.delivery.close()

    vault.put(name)
    world.run(scenario())


def test_a_webhook_that_does_not_answer_is_tried_by_one_event_at_a_time(
    events: Events, vault: Client, name: str
) -> None:
    """And by none of them for a while that grows, up to a limit; once it answers the others come at once."""
    hook = events.subscribe()
    url = events.url_of(hook)
    events.webhooks.behaviour[url] = Unreachable("no whole answer in time")
    for number in range(8):
        vault.put(f"{name}-{number}")
    events.deliver()
    width = event_limits.EVENT_LINE_WIDTH
    assert len(events.webhooks.sent) == events.webhooks.most == width
    events.world.advance(9)
    events.deliver()
    assert len(events.webhooks.sent) == width
    for pause in (1, 30, 60, *[event_limits.EVENT_LINE_PAUSE_S] * 3):
        before = len(events.webhooks.sent)
        events.world.advance(pause)
        events.deliver()
        assert len(events.webhooks.sent) == before + 1
    events.webhooks.behaviour[url] = 200
    events.world.advance(event_limits.EVENT_LINE_PAUSE_S)
    events.deliver()
    events.world.advance(1800)
    events.deliver()
    assert sorted(events.told(hook)) == [f"{name}-{number}" for number in range(8)]


@pytest.mark.parametrize("limit", ["EVENT_DELIVERIES_AT_ONCE", "EVENT_DELIVERIES_AT_ONCE_OF_TENANT"])
def test_deliveries_at_once_are_limited(
    events: Events, vault: Client, name: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-EVENT-4: however many webhooks there are: the others wait for a place, and have their turn."""
    assert event_limits.EVENT_DELIVERIES_AT_ONCE > event_limits.EVENT_DELIVERIES_AT_ONCE_OF_TENANT > 2
    hooks = [events.subscribe() for _ in range(3)]
    monkeypatch.setattr(event_limits, limit, 2)
    events.delivery = events.node(events.world.first.installation.id)
    vault.put(name)
    events.deliver()
    assert events.webhooks.most == 2
    assert [events.told(hook) for hook in hooks] == [[name]] * 3


def test_a_rate_that_an_endpoint_allows_is_kept(events: Events, vault: Client, name: str) -> None:
    """Two deliveries in a minute are not three."""
    hook = events.subscribe(schema=EventSchema.CLOUD_EVENTS)
    events.world.commit(lambda tx: tx.put(replace(hook, rate_per_minute=2)))
    for number in range(3):
        vault.put(f"{name}-{number}")
    sent = []
    for _ in range(4):
        events.deliver()
        sent.append(len(events.webhooks.sent))
        events.world.advance(30)
    assert sent[0] <= 2
    assert sent[-1] == 3


# ---- restarts, nodes, the life of a subscription --------------------------------------------------------------------


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
