"""Dead letters as files in the operator's folders: what is written, by whose word, and what happens if it cannot be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from strongroom.app import event_dead_letters, event_delivery
from strongroom.core import event_limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from strongroom.core.errors import Invalid
from strongroom.core.event_deliveries import Delivery
from strongroom.core.event_subscriptions import EventSchema, EventSubscription
from strongroom.core.network import Link
from strongroom.resources import dead_letters
from tests.flow.arm import Arm
from tests.flow.client import Client, make_tenant
from tests.flow.events import Events
from tests.world import Simulation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that is its owner's alone."""
    made = tmp_path / "dead"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator; no sink is left behind."""
    yield Arm(world, world.administrator)
    for one in control(world, "GET")["value"]:
        world.ask("DELETE", f"http://control/audit-sinks/{one['id']}", link=Link.CONTROL, host="control")


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions and webhooks of one test; none is left behind, and no lease is."""
    world.advance(event_delivery.LEASE_S + 1)
    made = Events(world)
    yield made
    for one in world.view.all(EventSubscription):
        made.remove(one)


def control(world: Simulation, method: str, body: object = None) -> Any:
    """Ask over the owner's socket about audit sinks."""
    answer = world.ask(method, "http://control/audit-sinks", body=body, link=Link.CONTROL, host="control")
    assert answer.status in {200, 201}, answer.body
    return answer.json


def mapped(arm: Arm, **place: str) -> str:
    """Map a storage account, and give its ARM id."""
    control(arm.world, "POST", {"resource": arm.storage, "tenant": arm.world.first.tenant_id, **place})
    return arm.storage


def buried(events: Events, name: str, **wanted: Any) -> tuple[EventSubscription, Delivery]:
    """Have the event of a secret refused for good; its dead letter."""
    hook = events.subscribe(dead_letter_container="undelivered", **wanted)
    events.webhooks.behaviour[events.url_of(hook)] = 400
    Client(events.world).put(name)
    events.deliver()
    (dead,) = events.world.run(dead_letters.dead_letters(events.world.store, hook, limit=9))
    return hook, dead


@pytest.mark.parametrize("schema", EventSchema)
def test_a_dead_letter_is_written(arm: Arm, events: Events, folder: Path, name: str, schema: EventSchema) -> None:
    """The event in the subscription's schema with why, below container, vault, subscription and hour."""
    hook, dead = buried(events, name, dead_letter=mapped(arm, folder=str(folder)), schema=schema)
    (blob,) = (one for one in folder.rglob("*") if one.is_file())
    place = blob.relative_to(folder).as_posix()
    assert place.startswith(f"undelivered/{events.world.vault.name.upper()}/{hook.name.upper()}/2026/")
    assert place.endswith(f"/{dead.event.id}.json")
    (letter,) = json.loads(blob.read_bytes())
    said = {key.lower(): value for key, value in letter.items()}
    assert said["id"] == dead.event.id
    assert said["data"]["ObjectName"] == name
    assert (said["deadletterreason"], said["deliveryattempts"]) == ("UndeliverableDueToHttpStatus", 1)
    assert said["lastdeliveryoutcome"] == dead.outcome == "the answer's status is 400"
    assert ("deadletterreason" in letter) == (schema is EventSchema.CLOUD_EVENTS)


def test_a_folder_that_fails_loses_nothing(arm: Arm, events: Events, folder: Path, name: str) -> None:
    """The letter is kept all the same, and says that its copy is missing."""
    storage = mapped(arm, folder=str(folder))
    folder.rmdir()
    _, dead = buried(events, name, dead_letter=storage)
    assert dead.outcome.startswith("the answer's status is 400; not copied: the folder cannot be opened")


def test_a_folder_that_hangs_holds_up_nothing(
    arm: Arm, events: Events, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-EVENT-4: it is waited for so long, and for the next letter not at all while it is still at it."""
    assert event_limits.DEAD_LETTER_S == 10
    monkeypatch.setattr(event_limits, "DEAD_LETTER_S", 0.05)
    release = threading.Event()

    def hang(_folder: Path, _path: Sequence[str], _content: bytes) -> None:
        release.wait(60)

    monkeypatch.setattr(event_dead_letters, "write_blob", hang)
    try:
        hook, dead = buried(events, name, dead_letter=mapped(arm, folder=str(folder)))
        assert dead.outcome.endswith("not copied: the folder takes too long")
        Client(events.world).put(f"{name}-2")
        events.deliver()
        _, second = events.world.run(dead_letters.dead_letters(events.world.store, hook, limit=9))
        assert second.outcome.endswith("not copied: the folder is still being written to")
    finally:
        release.set()


def test_a_folder_that_the_operator_took_away_is_not_written_to(
    arm: Arm, events: Events, folder: Path, name: str
) -> None:
    """SEC-AUDIT-8: his word counts when it is written, not when it was chosen."""
    hook = events.subscribe(dead_letter=mapped(arm, folder=str(folder)), dead_letter_container="undelivered")
    for one in control(arm.world, "GET")["value"]:
        arm.world.ask("DELETE", f"http://control/audit-sinks/{one['id']}", link=Link.CONTROL, host="control")
    events.webhooks.behaviour[events.url_of(hook)] = 400
    Client(events.world).put(name)
    events.deliver()
    (dead,) = events.world.run(dead_letters.dead_letters(events.world.store, hook, limit=9))
    assert "maps no folder" in dead.outcome
    assert list(folder.iterdir()) == []


def test_only_what_the_operator_mapped_to_a_folder_can_be_chosen(arm: Arm, events: Events, folder: Path) -> None:
    """SEC-AUDIT-8: not a URL, not another tenant's, not what stands for nothing, and not by a name that is a path."""
    other = make_tenant(arm.world)
    elsewhere = f"{arm.group}/providers/Microsoft.Storage/storageAccounts/other"
    control(arm.world, "POST", {"resource": elsewhere, "tenant": other.id, "folder": str(folder)})
    hub = f"{arm.group}/providers/Microsoft.EventHub/namespaces/n/authorizationRules/send"
    storage = mapped(arm, url="https://siem.example/hook")
    for resource, container in (
        (storage, "undelivered"),
        (elsewhere, "undelivered"),
        (f"{arm.storage}x", "undelivered"),
        (hub, "undelivered"),
        ("/etc", "undelivered"),
        (storage, ".."),
        (storage, "a/b"),
        (storage, "ab"),
        (storage, "x" * 64),
        (storage, ""),
    ):
        with pytest.raises(Invalid):
            events.put("dead", "https://a.example/", dead_letter=resource, dead_letter_container=container)


def test_it_is_chosen_through_arm_by_whoever_may_write_there(arm: Arm, folder: Path) -> None:
    """SEC-AUDIT-8: it is shown as it was sent; without the right over the storage account it is 403."""
    place = {
        "endpointType": "StorageBlob",
        "properties": {"resourceId": mapped(arm, folder=str(folder)), "blobContainerName": "undelivered"},
    }
    arm.make_event_subscription()
    body = arm.event_subscription_body(deadLetterDestination=place)
    arm.do("PUT", arm.event_subscription, body)
    assert arm.do("GET", arm.event_subscription)["properties"]["deadLetterDestination"] == place
    someone = arm.as_(arm.world.principal("someone"))
    arm.world.grant(someone.who.oid, CONTRIBUTOR, arm.vault)
    status, code, _ = someone.refused("PUT", arm.event_subscription, body)
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    status, code, _ = someone.refused("PATCH", arm.event_subscription, {"deadLetterDestination": place})
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    someone.do("PATCH", arm.event_subscription, {"labels": ["a"]})
