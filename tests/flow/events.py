"""Webhooks of a simulated network, and a vault's event subscriptions to them."""

from __future__ import annotations

import asyncio
import json
import secrets as chance
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from strongroom.app.event_delivery import LEASE_S, EventDelivery
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.egress import Reply, Unreachable
from strongroom.resources import event_subscriptions as commands
from strongroom.resources.event_subscriptions import SubscriptionWish
from strongroom.store import DeliveryCount
from tests.flow.client import Client
from tests.plugins import canary
from tests.world import Simulation


@dataclass(frozen=True, slots=True)
class Taken:
    """What a webhook was sent, and what it answered."""

    url: str
    body: bytes
    headers: dict[str, str]
    status: int | None

    @property
    def event(self) -> dict[str, Any]:
        """The event in it, of whichever schema."""
        found = json.loads(self.body)
        event: dict[str, Any] = found[0] if isinstance(found, list) else found
        return event


async def until(holds: Callable[[], object]) -> None:
    """Let everything else go on until something holds."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  what is waited for is in many places, and sets no event
            await asyncio.sleep(0)


Behaviour = int | Unreachable | Callable[[dict[str, Any]], Awaitable[int]]
Handshake = Reply | Unreachable | None


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Reply:
    """Make an answer, with headers by their names with underscores."""
    return Reply(status, {name.replace("_", "-"): (value,) for name, value in headers.items()}, body)


class Webhooks:
    """Everybody elsewhere: each URL agrees to handshakes and takes what it is sent, unless it is told otherwise."""

    def __init__(self) -> None:
        self.sent: list[Taken] = []
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.behaviour: dict[str, Behaviour] = {}
        self.handshakes: dict[str, Handshake] = {}
        self.under_way = 0
        self.most = 0

    async def notify(
        self, url: str, document: bytes, content_type: str, headers: Sequence[tuple[str, str]], *, time_s: float
    ) -> int:
        """Be sent a delivery."""
        assert time_s > 0
        found = Taken(url, document, {**dict(headers), "content-type": content_type}, None)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            behaviour = self.behaviour.get(url, 200)
            if isinstance(behaviour, Unreachable):
                self.sent.append(found)
                raise behaviour
            status = behaviour if isinstance(behaviour, int) else await behaviour(found.event)
        finally:
            self.under_way -= 1
        self.sent.append(replace(found, status=status))
        return status

    async def exchange(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Be asked whether events are wanted."""
        self.asked.append((method, url, body, {**dict(headers), "content-type": content_type}))
        answer = self.handshakes.get(url)
        if isinstance(answer, Unreachable):
            raise answer
        if answer is not None:
            return answer
        if method == "OPTIONS":
            return reply(webhook_allowed_origin="*")
        code = json.loads(body)[0]["data"]["validationCode"]
        return reply(body=json.dumps({"validationResponse": code}).encode())

    def events(self, url: str, *, taken: bool = True) -> list[dict[str, Any]]:
        """Give what a URL took, or was sent, in order."""
        return [one.event for one in self.sent if one.url == url and (one.status == 200 or not taken)]


@dataclass
class Events:
    """A world's subscriptions, and what delivers to them."""

    world: Simulation
    webhooks: Webhooks = field(default_factory=Webhooks)

    def __post_init__(self) -> None:
        self.delivery = self.node(self.world.first.installation.id)

    def node(self, name: str) -> EventDelivery:
        """Make what delivers, as a start of the service does."""
        return EventDelivery(self.world.world, name, self.webhooks)

    def put(self, name: str, url: str, *, vault: Vault | None = None, **wanted: Any) -> EventSubscription:
        """Make a subscription to a URL, or put another in its place; its endpoint was not asked yet."""
        world = self.world
        wish = SubscriptionWish(url=url, **wanted)

        async def change(tx: Any) -> EventSubscription:
            made, _ = await commands.put_subscription(
                tx,
                world.keys,
                vault or world.vault,
                name,
                wish,
                now=int(world.clock()),
                by="me",
                entropy=chance.token_bytes,
            )
            return made

        return world.commit(change)

    def subscribe(self, **wanted: Any) -> EventSubscription:
        """Make a subscription whose endpoint has agreed; its URL is `url_of` it."""
        name = f"hook-{chance.token_hex(4)}"
        # What is in a query may be a secret, so it is looked for wherever nothing secret may be.
        code = canary.plant()
        self.put(name, f"https://{name}.example/in?code={code}", **wanted)
        self.deliver()
        found = self.now(name)
        assert found.state == "Succeeded", found.fault
        return found

    def now(self, name: str) -> EventSubscription:
        """Give a subscription as it is now."""
        found = self.world.view.get(EventSubscription, vault_partition(self.world.vault.id), name.lower())
        assert found is not None
        return found

    def url_of(self, subscription: EventSubscription) -> str:
        """Give the whole URL of a subscription's endpoint."""
        return commands.open_endpoint(self.world.keys, self.world.vault, subscription).url

    def deliver(self) -> None:
        """Deliver all that is due now."""
        self.world.run(self.delivery.deliver_due())

    def told(self, subscription: EventSubscription) -> list[str]:
        """Name the objects whose events an endpoint took, in order."""
        return [event["subject"] for event in self.webhooks.events(self.url_of(subscription))]

    def remove(self, subscription: EventSubscription) -> None:
        """Remove a subscription."""
        assert self.world.commit(lambda tx: commands.delete_subscription(tx, self.world.vault, subscription.name))


@pytest.fixture
def events(world: Simulation) -> Iterator[Events]:
    """Give subscriptions and webhooks of one test; none is left behind, and no lease is."""
    world.advance(LEASE_S + 1)
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
