"""Events come to those who subscribe: what is delivered, in order of each object, and who waits for whom."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core import event_limits
from strongroom.core.event_filters import EventFilter
from strongroom.core.event_subscriptions import DeliveryHeader, EventSchema
from strongroom.egress import Unreachable
from strongroom.resources import dead_letters
from strongroom.resources import event_subscriptions as commands
from strongroom.store import DeliveryCount
from tests.flow.arm import Arm
from tests.flow.client import Client, make_tenant
from tests.flow.events import Events, counts, events, until, vault
from tests.plugins.canary import plant

__all__ = ["events", "vault"]


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
