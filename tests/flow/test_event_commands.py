"""What is done with event subscriptions: put, changed, validated; and what of them is kept from whom."""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from strongroom.app import event_delivery
from strongroom.core import event_limits
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.event_filters import EventFilter
from strongroom.core.event_subscriptions import DeliveryHeader, EventSchema, EventSubscription, SubscriptionState
from strongroom.core.guids import new_guid
from strongroom.core.names import Surface
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Unsealable
from strongroom.egress import Unreachable
from strongroom.resources import event_subscriptions as commands
from strongroom.resources import vaults
from strongroom.store import DeliveryCount
from tests.flow.client import Client, make_tenant
from tests.flow.events import Events, reply
from tests.plugins.canary import plant
from tests.world import Simulation

URL = "https://hook.example/in"


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions and webhooks of one test; none is left behind, and no lease is."""
    world.advance(event_delivery.LEASE_S + 1)
    made = Events(world)
    yield made
    for one in world.view.all(EventSubscription):
        made.remove(one)


def update(events: Events, name: str, **changes: Any) -> EventSubscription:
    """Change a part of a subscription."""
    world = events.world
    return world.commit(
        lambda tx: commands.update_subscription(
            tx,
            world.keys,
            world.vault,
            name,
            lambda wish: replace(wish, **changes),
            now=int(world.clock()),
            by="you",
            entropy=chance.token_bytes,
        )
    )


# ---- put, change, remove --------------------------------------------------------------------------------------------


def test_a_name_is_one_subscription_whatever_its_case(events: Events) -> None:
    """It keeps the spelling, the number and the maker that it began with."""
    made = events.put("My-Hook", URL)
    events.world.advance(1)
    again = events.put("my-hook", URL, labels=("a",))
    assert (again.name, again.number, again.created, again.created_by) == ("My-Hook", made.number, made.created, "me")
    assert again.updated == made.created + 1
    assert [one.name for one in commands.subscriptions_of(events.world.view, events.world.vault)] == ["My-Hook"]


def test_what_an_endpoint_proves_is_sealed(events: Events) -> None:
    """SEC-EVENT-3: its query, secret headers and the signing key are in no record and text, and open for it alone."""
    code, key = plant(), plant()
    made = events.put("sealed", f"{URL}?code={code}", headers=((DeliveryHeader("X-Key", is_secret=True), key),))
    assert made.base_url == URL
    endpoint = commands.open_endpoint(events.world.keys, events.world.vault, made)
    assert endpoint.url == f"{URL}?code={code}"
    assert endpoint.headers == (("X-Key", key),)
    for secret in (code, key, endpoint.signing_secret):
        assert secret not in repr(made) + repr(endpoint)
        assert secret.encode() not in made.sealed
        assert secret not in repr(commands.wish_of(made, endpoint))
    with pytest.raises(Unsealable):
        commands.open_endpoint(events.world.keys, events.world.vault, replace(made, number="another"))


def test_a_part_is_changed_and_the_rest_stays(events: Events) -> None:
    """Secrets that are not sent again included; an endpoint that stays is not asked again."""
    key = plant()
    events.put("part", f"{URL}?a=b", headers=((DeliveryHeader("X-Key", is_secret=True), key),))
    events.deliver()
    before = events.now("part")
    changed = update(events, "Part", labels=("x",), filter=EventFilter(subject_begins="a"))
    assert (changed.state, changed.labels, changed.filter.subject_begins) == ("Succeeded", ("x",), "a")
    open_endpoint = commands.open_endpoint
    world = events.world
    assert open_endpoint(world.keys, world.vault, changed) == open_endpoint(world.keys, world.vault, before)
    events.deliver()
    assert len(events.webhooks.asked) == 1
    with pytest.raises(NotFound):
        update(events, "absent", labels=())


def test_another_endpoint_is_asked_while_events_wait(events: Events, name: str) -> None:
    """What comes meanwhile is recorded, and goes to the one that agreed last."""
    events.put("moving", URL)
    events.deliver()
    other = "https://other.example/in"
    assert update(events, "moving", url=other).state is SubscriptionState.UPDATING
    Client(events.world).put(name)
    assert events.webhooks.sent == []
    events.deliver()
    assert [taken.url for taken in events.webhooks.sent] == [other]


def test_an_endpoint_that_never_agreed_is_begun_anew(events: Events, name: str) -> None:
    """Put again, it is asked again; until it agrees nothing is recorded for it."""
    events.webhooks.handshakes[URL] = Unreachable("no")
    hook = events.put("again", URL)
    events.deliver()
    assert (events.now("again").state, events.now("again").fault) == ("Failed", "no")
    Client(events.world).put(name)
    del events.webhooks.handshakes[URL]
    assert events.put("again", URL).state is SubscriptionState.CREATING
    events.deliver()
    assert events.now("again").state == "Succeeded"
    assert events.world.run(events.world.store.count_deliveries(hook.number)) == DeliveryCount()


def test_another_endpoint_has_another_signing_key(events: Events, name: str) -> None:
    """Whoever knew the one before proves nothing to who is there now; the same place with another query keeps it."""
    world = events.world

    def key_at(url: str) -> str:
        made = events.put(name, url)
        return commands.open_endpoint(world.keys, world.vault, made).signing_secret

    first = key_at(f"{URL}?code=1")
    assert key_at(f"{URL}?code=2") == first
    second = key_at(f"{URL}/elsewhere?code=2")
    assert second != first
    assert key_at(URL) not in {first, second}


def test_a_new_signing_key_is_used_from_then_on(events: Events, name: str) -> None:
    """It is given once more whenever it is made, and the old one is gone."""
    hook = events.subscribe()
    world = events.world
    before = commands.open_endpoint(world.keys, world.vault, hook).signing_secret
    renew = commands.renew_signing_secret
    secret = world.commit(
        lambda tx: renew(tx, world.keys, world.vault, hook.name, now=1, by="me", entropy=chance.token_bytes)
    )
    assert secret != before
    assert commands.open_endpoint(world.keys, world.vault, events.now(hook.name)).signing_secret == secret
    assert events.now(hook.name).state == "Succeeded"
    Client(world).put(name)
    events.deliver()
    assert len(events.told(hook)) == 1
    with pytest.raises(NotFound):
        world.commit(
            lambda tx: renew(tx, world.keys, world.vault, "absent", now=1, by="me", entropy=chance.token_bytes)
        )


def test_as_many_as_there_may_be(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another is refused, one of a name that is there is not."""
    assert event_limits.EVENT_SUBSCRIPTIONS > 2
    monkeypatch.setattr(event_limits, "EVENT_SUBSCRIPTIONS", 2)
    for name in ("one", "two"):
        events.put(name, URL)
    events.put("two", URL)
    with pytest.raises(Conflict):
        events.put("three", URL)


def test_a_wish_at_its_limits(events: Events) -> None:
    """What Azure takes for batches is taken; one past it is not, nor is a time that is over."""
    most, size = event_limits.EVENTS_PER_BATCH, event_limits.EVENT_BATCH_KILOBYTES
    events.put("batch", URL, max_events_per_batch=most, preferred_batch_kilobytes=size)
    pasts: tuple[dict[str, Any], ...] = (
        {"max_events_per_batch": most + 1},
        {"max_events_per_batch": 0},
        {"preferred_batch_kilobytes": size + 1},
        {"preferred_batch_kilobytes": 0},
        {"expires": int(events.world.clock())},
    )
    for past in pasts:
        with pytest.raises(Invalid):
            events.put("batch", URL, **past)


def test_subscriptions_go_with_their_vault(events: Events) -> None:
    """A vault that is purged leaves no subscription and nothing that waits; a deleted one keeps them."""
    world = events.world
    vault = make_tenant(world).vault
    events.put("hook", URL, vault=vault)
    now = int(world.clock())

    async def purge(tx: Any) -> Vault:
        deleted = await vaults.delete_vault(tx, vault, now=now)
        assert len(await tx.records(EventSubscription)) == 1
        await vaults.purge_vault(tx, deleted, now=now)
        return deleted

    world.commit(purge)
    assert commands.subscriptions_of(world.view, vault) == ()
    assert world.run(world.store.verify()) == []


# ---- Event Grid's handshake -----------------------------------------------------------------------------------------


def test_a_code_is_sent_and_repeated(events: Events) -> None:
    """SEC-FLOW-21: one request, with the code and a URL of the configured host, Event Grid's header, our signature."""
    events.put("hook", f"{URL}?code={plant()}")
    events.deliver()
    ((method, url, body, headers),) = events.webhooks.asked
    ((event),) = json.loads(body)
    assert (method, url.partition("?")[0]) == ("POST", URL)
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["topic"] == events.world.vault.scope
    assert (event["subject"], event["dataVersion"], event["metadataVersion"]) == ("", "1", "1")
    assert set(event["data"]) == {"validationCode", "validationUrl"}
    assert event["data"]["validationUrl"].startswith(f"{events.world.world.hosts.url(Surface.MANAGEMENT)}/")
    assert headers["aeg-event-type"] == "SubscriptionValidation"
    assert headers["aeg-subscription-name"] == "HOOK"
    assert "x-strongroom-signature" in headers
    assert events.now("hook").state == "Succeeded"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (reply(200, b""), "AwaitingManualAction"),
        (reply(202, b"{}"), "AwaitingManualAction"),
        (reply(200, b"<html>garbage\xff"), "AwaitingManualAction"),
        (reply(200, b'{"validationResponse":7}'), "AwaitingManualAction"),
        (reply(200, b'{"validationResponse":"00000000-0000-0000-0000-000000000000"}'), "Failed"),
        (reply(404, b"{}"), "Failed"),
        (reply(500, b"{}"), "Failed"),
        (Unreachable("the answer's status is 302"), "Failed"),
        (Unreachable("no address of its host is one that is reached"), "Failed"),
    ],
)
def test_an_answer_that_is_no_consent(events: Events, name: str, answer: Any, state: str) -> None:
    """SEC-EVENT-2: nobody is sent events who did not ask for them, whatever else he answers."""
    events.webhooks.handshakes[URL] = answer
    events.put("hook", URL)
    events.deliver()
    found = events.now("hook")
    assert found.state == state
    assert (found.fault != "") == (state == "Failed")
    Client(events.world).put(name)
    events.deliver()
    assert events.webhooks.sent == []


def opened(events: Events, url: str) -> EventSubscription:
    """Open a validation URL, as whoever was sent it does."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    world = events.world
    validate = commands.validate_by_url
    return world.commit(lambda tx: validate(tx, world.keys, query["v"], query["id"], query["t"], int(world.clock())))


def waiting(events: Events, name: str = "hook") -> str:
    """Have a subscription wait for somebody to open its URL, and give that."""
    events.webhooks.handshakes[URL] = reply(200, b"")
    events.put(name, URL)
    events.deliver()
    url: str = json.loads(events.webhooks.asked[-1][2])[0]["data"]["validationUrl"]
    return url


def test_the_validation_url_is_opened(events: Events, name: str) -> None:
    """It is on the configured host of the management plane; from then on events come."""
    url = waiting(events)
    assert url.startswith(f"{events.world.arm_url}/eventSubscriptions/hook/validate?")
    assert opened(events, url).state is SubscriptionState.SUCCEEDED
    Client(events.world).put(name)
    events.deliver()
    assert len(events.webhooks.sent) == 1
    with pytest.raises(NotFound):
        opened(events, url)


def test_a_validation_url_is_good_for_ten_minutes(events: Events) -> None:
    """Then the handshake has failed."""
    url = waiting(events)
    events.world.advance(commands.HANDSHAKE_S - 1)
    events.deliver()
    assert events.now("hook").state == "AwaitingManualAction"
    events.world.advance(1)
    with pytest.raises(NotFound):
        opened(events, url)
    events.deliver()
    assert (events.now("hook").state, events.now("hook").fault) == ("Failed", "nobody opened the validation URL")


@pytest.mark.parametrize("what", ["t", "id", "v"])
def test_a_validation_url_of_somebody_elses_making(events: Events, what: str) -> None:
    """SEC-EVENT-2: token, subscription and vault all have to fit, and what does not is not told."""
    url = waiting(events)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    other = {"t": chance.token_hex(32), "id": new_guid(chance.token_bytes), "v": new_guid(chance.token_bytes)}[what]
    with pytest.raises(NotFound):
        opened(events, url.replace(query[what], other))


def test_the_url_of_a_handshake_before_is_good_for_nothing(events: Events) -> None:
    """Put again with another endpoint, it takes that one's own URL."""
    url = waiting(events)
    waiting(events)
    with pytest.raises(NotFound):
        opened(events, url)


def test_a_restart_makes_the_handshake_that_is_owed(events: Events) -> None:
    """Whatever node it was begun on; the code is the same."""
    events.put("hook", URL)
    code = commands.validation_code(events.world.keys, events.now("hook"))
    events.delivery = events.node(events.world.first.installation.id)
    events.deliver()
    assert json.loads(events.webhooks.asked[0][2])[0]["data"]["validationCode"] == code
    assert events.now("hook").state == "Succeeded"


def test_a_handshake_that_was_overtaken_counts_for_nothing(events: Events) -> None:
    """SEC-EVENT-2: the answer of an endpoint that was replaced meanwhile does not validate the one that replaced it."""
    before = events.put("hook", URL)
    events.put("hook", "https://victim.example/in")
    noted = events.world.commit(lambda tx: commands.note_handshake(tx, before, SubscriptionState.SUCCEEDED))
    assert not noted
    assert events.now("hook").state is SubscriptionState.CREATING


# ---- CloudEvents' handshake -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "rate"),
    [
        (reply(200, webhook_allowed_origin="*"), "Succeeded", 0),
        (reply(204, webhook_allowed_origin="management.localhost", webhook_allowed_rate="120"), "Succeeded", 120),
        (reply(200, webhook_allowed_origin="eventgrid.azure.net", webhook_allowed_rate="*"), "Succeeded", 0),
        (reply(200, webhook_allowed_origin="elsewhere.example"), "Failed", 0),
        (reply(200), "AwaitingManualAction", 0),
        (reply(405, webhook_allowed_origin="*"), "Failed", 0),
    ],
)
def test_consent_by_an_allowed_origin(events: Events, answer: Any, state: str, rate: int) -> None:
    """OPTIONS with our name; whoever allows it, or any, is sent events; a rate is remembered."""
    events.webhooks.handshakes[URL] = answer
    events.put("cloud", URL, schema=EventSchema.CLOUD_EVENTS)
    events.deliver()
    ((method, _, body, headers),) = events.webhooks.asked
    assert (method, body, headers["WebHook-Request-Origin"]) == ("OPTIONS", b"", "management.localhost")
    assert headers["WebHook-Request-Callback"].startswith(f"{events.world.arm_url}/eventSubscriptions/cloud/validate?")
    found = events.now("cloud")
    assert (found.state, found.rate_per_minute) == (state, rate)


def test_another_schema_wants_another_handshake(events: Events) -> None:
    """An endpoint that agreed to one way of being asked has not agreed to the other."""
    hook = events.subscribe()
    assert update(events, hook.name, schema=EventSchema.CLOUD_EVENTS).state is SubscriptionState.UPDATING
    events.deliver()
    assert [method for method, *_ in events.webhooks.asked] == ["POST", "OPTIONS"]
