"""Webhooks that are real HTTPS servers, reached by the real way out: good ones, and all kinds of bad ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets as chance
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.app import event_delivery
from strongroom.app.event_delivery import EventDelivery
from strongroom.core import event_limits
from strongroom.core.event_deliveries import Delivery
from strongroom.core.event_subscriptions import EventSubscription, SubscriptionState
from strongroom.egress import Egress
from strongroom.resources import event_subscriptions as commands
from tests.flow.client import Client
from tests.flow.events import Events
from tests.plugins.canary import plant
from tests.unit.http_peer import HOST, Answer, Elsewhere, http
from tests.world import Simulation


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions of one test; none is left behind, and no lease is."""
    world.advance(event_delivery.LEASE_S + 1)
    made = Events(world)
    yield made
    for one in world.view.all(EventSubscription):
        made.remove(one)


def deliver(events: Events, other: Elsewhere) -> None:
    """Deliver all that is due, by the real way out."""
    node = events.world.first.installation.id

    async def send(egress: Egress) -> None:
        await EventDelivery(events.world.world, node, egress).deliver_due()

    events.world.run(other.send(send))


def agreed(events: Events) -> EventSubscription:
    """Make a subscription whose endpoint has agreed."""
    hook = events.put("real", f"https://{HOST}/in?code={plant()}")
    noted = events.world.commit(lambda tx: commands.note_handshake(tx, hook, SubscriptionState.SUCCEEDED))
    assert noted
    return hook


def left(events: Events, hook: EventSubscription) -> list[Delivery]:
    """Read what was tried and waits."""
    return events.world.run(events.world.store.due_deliveries(hook.number, 2**40, limit=9))


class Receiver:
    """A webhook as somebody may write it: it repeats codes, and takes what is signed as it should be."""

    def __init__(self) -> None:
        self.secret = ""
        self.events: list[dict[str, Any]] = []
        self.requests: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, whose head was read already."""
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        }
        body = await reader.readexactly(int(headers[b"content-length"]))
        found = json.loads(body)[0]
        if headers[b"aeg-event-type"] == b"SubscriptionValidation":
            writer.write(http(json.dumps({"validationResponse": found["data"]["validationCode"]}).encode()))
        else:
            time, _, signature = headers[b"x-strongroom-signature"].partition(b",v1=")
            signed = time.removeprefix(b"t=") + b"." + body
            wanted = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest().encode()
            is_ours = hmac.compare_digest(signature, wanted)
            self.events += [found] if is_ours else []
            writer.write(http(b"", status="200 OK" if is_ours else "401 No"))
        await writer.drain()

    @property
    def head(self) -> bytes:
        """The head of the latest request."""
        return self.requests[-1]


def test_a_webhook_agrees_and_is_told(events: Events, tmp_path: Path, name: str) -> None:
    """The whole way: a handshake, then the event, whose signature the receiver checks with its own key."""
    receiver = Receiver()
    other = Elsewhere(tmp_path, receiver.answer)
    receiver.requests = other.asked
    hook = events.put("real", f"https://{HOST}/in?code={plant()}")
    world = events.world
    receiver.secret = commands.open_endpoint(world.keys, world.vault, hook).signing_secret
    deliver(events, other)
    assert events.now("real").state == "Succeeded"
    bundle = Client(world).put(name)
    deliver(events, other)
    assert [event["data"]["Id"] for event in receiver.events] == [bundle["id"]]
    assert left(events, hook) == []


async def _hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


BAD: dict[str, Answer | bytes] = {
    "redirects": http(b"", f"Location: https://{HOST}/elsewhere", status="302 Found"),
    "hangs": _hang,
    "answers garbage": b"\x00\xffnothing like HTTP\r\n\r\n",
    "ends early": b"",
    "refuses": http(b"no", status="500 No"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_webhook_has_the_event_wait(
    events: Events, tmp_path: Path, name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-EVENT-4, SEC-EGRESS-3: one that redirects, hangs or answers garbage is asked again later."""
    assert event_limits.EVENT_ANSWER_S == 30
    if what == "hangs":
        monkeypatch.setattr(event_limits, "EVENT_ANSWER_S", 0.1)
    other = Elsewhere(tmp_path, BAD[what])
    hook = agreed(events)
    Client(events.world).put(name)
    deliver(events, other)
    (one,) = left(events, hook)
    assert (one.attempts, one.due_at - one.since) == (1, 10)
    assert one.outcome
    assert len(other.asked) <= 1


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_a_webhook_at_a_refused_address_is_not_reached(events: Events, tmp_path: Path, name: str, address: str) -> None:
    """SEC-EGRESS-5: its name may resolve to what it likes, at the handshake and at every delivery after it."""
    other = Elsewhere(tmp_path, http(b""))
    hook = agreed(events)
    other.addresses = [ipaddress.ip_address(address)]
    Client(events.world).put(f"{name}-{chance.token_hex(2)}")
    deliver(events, other)
    (one,) = left(events, hook)
    refused = "no address of its host is one that is reached: public ones, and those in the setting egress_networks"
    assert one.outcome == refused
    asking = events.put("asking", f"https://{HOST}/in")
    deliver(events, other)
    assert events.now(asking.name).fault == refused
    assert other.connected == []
