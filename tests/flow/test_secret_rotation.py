"""A secret that is rotated by a webhook: its vault says that it will soon expire, and a new version is stored."""

from __future__ import annotations

import pytest

from strongroom.app.upkeep import look_after_objects
from strongroom.core.event_filters import EventFilter
from strongroom.core.events import EventType
from tests.flow.client import Client
from tests.flow.events import Events
from tests.flow.issuing import lasting_client
from tests.plugins.canary import plant
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

DAY = 86_400
NODE = "node"


@pytest.fixture
def vault(world: Simulation) -> Client:
    """Ask the first vault as one who keeps the right to for longer than these tests last."""
    return lasting_client(world)


def pass_days(events: Events, days: float) -> None:
    """Let time pass, and what is due be done and told of."""
    events.world.advance(days * DAY)
    events.world.run(look_after_objects(events.world.world, NODE))
    events.deliver()


def test_a_secret_is_rotated_before_it_expires(world: Simulation, vault: Client, name: str) -> None:
    """For as long as the webhook does its work the secret never expires, and each version is told of once."""
    events = Events(world)
    wanted = EventFilter(types=(EventType.SECRET_NEAR_EXPIRY, EventType.SECRET_EXPIRED), subject_begins=name)
    hook = events.subscribe(filter=wanted)
    vault.put(name, attributes={"exp": int(world.clock()) + 60 * DAY})
    for _ in range(5):
        pass_days(events, 31)
        (event,) = events.webhooks.events(events.url_of(hook))[-1:]
        assert event["eventType"] == EventType.SECRET_NEAR_EXPIRY
        latest = vault.done("GET", f"/secrets/{name}")["id"].rpartition("/")[2]
        assert event["data"]["Version"] == latest
        vault.put(name, plant(), attributes={"exp": int(world.clock()) + 60 * DAY})
    told = events.webhooks.events(events.url_of(hook))
    assert len({event["data"]["Version"] for event in told}) == len(told) == 5


def test_a_webhook_that_fails_is_asked_again_with_the_same_event(world: Simulation, vault: Client, name: str) -> None:
    """So the rotation comes later, and not twice; once a newer version is there, nothing is said of the old one."""
    events = Events(world)
    hook = events.subscribe(filter=EventFilter(types=(EventType.SECRET_NEAR_EXPIRY,), subject_begins=name))
    url = events.url_of(hook)
    vault.put(name, attributes={"exp": int(world.clock()) + 31 * DAY})
    events.webhooks.behaviour[url] = 500
    pass_days(events, 2)
    events.webhooks.behaviour[url] = 200
    pass_days(events, 0.1)
    first, second = events.webhooks.events(url, taken=False)
    assert first["id"] == second["id"]
    vault.put(name, attributes={"exp": int(world.clock()) + 90 * DAY})
    pass_days(events, 40)
    assert [event["subject"] for event in events.webhooks.events(url, taken=False)].count(name) == 2


def test_without_a_webhook_the_secret_expires_and_can_be_read(world: Simulation, vault: Client, name: str) -> None:
    """Its expiry is told of once, and is information alone (reference section 4.2)."""
    events = Events(world)
    hook = events.subscribe(filter=EventFilter(subject_begins=name))
    vault.put(name, attributes={"exp": int(world.clock()) + 31 * DAY})
    pass_days(events, 2)
    pass_days(events, 40)
    pass_days(events, 40)
    told = [event["eventType"] for event in events.webhooks.events(events.url_of(hook))]
    assert told == [EventType.SECRET_NEW_VERSION, EventType.SECRET_NEAR_EXPIRY, EventType.SECRET_EXPIRED]
    assert vault.ask("GET", f"/secrets/{name}").status == 200
