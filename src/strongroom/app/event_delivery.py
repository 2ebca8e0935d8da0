"""
Delivering events to webhooks: at least once, with the same id, in order of each object.

    a commit records deliveries ──wake──> the subscription's line ──> what is due, of each object the first
                                             ^                              │ a few at once
                                             │                              v
                                             └── later, dead or gone <── one commit, under the lease

Each subscription has a line of its own, which ends when nothing waits for it. A webhook that hangs holds up its own
line; it is tried by one event at a time, and less and less often. All that is known is in the store: what was sent and
not noted, because the process ended, is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from strongroom.app.event_dead_letters import DeadLetterFolders
from strongroom.app.event_handshake import WayOut, shake_hands
from strongroom.core import event_limits
from strongroom.core.changes import Change, EventsRecorded, RecordPut
from strongroom.core.event_deliveries import (
    RETRY_SCHEDULE_S,
    TAKEN,
    Delivery,
    DeliveryState,
    expiry_of,
    pause_s,
    verdict,
)
from strongroom.core.event_subscriptions import EventSubscription, SealedEndpoint, SubscriptionState
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Unsealable
from strongroom.egress import Unreachable
from strongroom.events.schema import added_headers, body_of, content_type, envelope, headers_of
from strongroom.events.signature import sign
from strongroom.flow.world import World
from strongroom.resources.dead_letters import bury
from strongroom.resources.event_subscriptions import (
    give_up_validation,
    has_lapsed,
    note_handshake,
    open_endpoint,
    remove_expired_subscriptions,
    remove_left_deliveries,
)
from strongroom.store import LeaseLost, StoreFault, Transaction

_logger = logging.getLogger("strongroom.events")

LEASE = "event deliveries"
LEASE_S = 60
_RENEW_S = 40
"""The lease is renewed when less than this is left of it, so that a service which idles hardly writes."""
_LOOK_AGAIN_S = 5.0
"""How long a line sleeps at most: the clock may have been set, and a wake may have been meant for another node."""
_AFTER_A_FAULT_S = 5.0
"""How long a line waits if what it did could not be noted; each further time twice as long, since it sends again."""
_BUSY = frozenset({None, 408, 429, 502, 503, 504})
"""What says of the webhook, and not of the event, that it takes nothing now."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery that was tried, or that was too old to be."""

    delivery: Delivery
    status: int | None = None
    """What the webhook answered; None if it did not."""
    outcome: str = ""
    was_sent: bool = True

    @property
    def is_taken(self) -> bool:
        """Whether the webhook has the event."""
        return self.status in TAKEN


@dataclass(slots=True)
class Line:
    """What is known of the way to one subscription's webhook; all of it may be forgotten."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    failures: int = 0
    """How many times in a row nothing was taken."""
    faults: int = 0
    """How many times in a row something of our own went wrong."""
    not_before: float = 0.0


class EventDelivery:
    """What delivers, for one node. `settle` makes it follow what the records say; `close` ends it."""

    def __init__(self, world: World, node: str, way_out: WayOut) -> None:
        self._world = world
        self._node = node
        self._way_out = way_out
        self._lines: dict[str, Line] = {}
        self._holds_lease = False
        self._lease_until = 0
        self._settling: asyncio.Task[None] | None = None
        self._is_closed = False
        self._places = asyncio.Semaphore(event_limits.EVENT_DELIVERIES_AT_ONCE)
        self._tenants: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(event_limits.EVENT_DELIVERIES_AT_ONCE_OF_TENANT)
        )
        self._altered: set[str] = set()
        self._folders = DeadLetterFolders(world)

    # ---- which lines there are --------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """
        Take the lease, let go of what is over, and have a line for each subscription that anything waits for.

        What still waits for a subscription that is gone is removed, as it was left to be.
        """
        store = self._world.store
        waited_for = await store.subscriptions_with_deliveries()
        if not await self._take_over(is_needed=bool(waited_for)):
            await self._stop()
            return
        # After the lease is held, as others may have been at it.
        there = {one.number for one in self._world.view.all(EventSubscription)}
        for number in waited_for:
            if number not in there:
                await remove_left_deliveries(store, number, LEASE)
        for one in await self._waiting():
            self._begin(one.vault, one.number)
        self._lines = {
            number: line
            for number, line in self._lines.items()
            if number in there or (line.task is not None and not line.task.done())
        }

    async def deliver_due(self) -> None:
        """Do once what the lines do by themselves: make every handshake that is owed, and deliver all that is due."""
        if await self._take_over():
            await asyncio.gather(*(self._deliver_due(one) for one in await self._waiting()))

    async def _deliver_due(self, one: EventSubscription) -> None:
        while await self.turn(one.vault, one.number) == 0:
            pass

    async def _take_over(self, *, is_needed: bool = False) -> bool:
        """Take the lease, and let go of what is over; whether this node is the one that delivers."""
        world, now = self._world, self._world.now()
        known = world.view.all(EventSubscription)
        if not known and not is_needed:
            # Nobody needs it. It is not given back, and is taken anew by whoever has something to deliver.
            self._holds_lease = self._holds_lease and now < self._lease_until
            return self._holds_lease
        if not self._holds_lease or now >= self._lease_until - _RENEW_S:
            self._holds_lease = await world.store.acquire_lease(LEASE, self._node, now=now, lifetime_s=LEASE_S)
            self._lease_until = now + LEASE_S
        if not self._holds_lease:
            return False
        expired = [one for one in known if one.has_expired(now)]
        lapsed = [one for one in known if has_lapsed(one, now)]
        if expired or lapsed:

            async def let_go(tx: Transaction) -> None:
                await remove_expired_subscriptions(tx, expired, now)
                await give_up_validation(tx, lapsed, now)

            await world.store.commit(let_go, lease=LEASE)
        return self._holds_lease

    async def _waiting(self) -> list[EventSubscription]:
        """Find the subscriptions that owe a handshake, or that something waits for."""
        waited_for = frozenset(await self._world.store.subscriptions_with_deliveries())
        return [
            one
            for one in self._world.view.all(EventSubscription)
            if one.owes_handshake or (one.number in waited_for and one.state is SubscriptionState.SUCCEEDED)
        ]

    def follow(self, changes: Sequence[Change]) -> None:
        """Follow a commit: whoever something was recorded for is told at once, and a new endpoint is asked."""
        for change in changes:
            match change:
                case EventsRecorded(vault, subscription) if self._holds_lease:
                    self._begin(vault, subscription)
                case RecordPut(EventSubscription() as one) if self._holds_lease:
                    # Whoever changes it may have mended what made it wait.
                    self._lines.setdefault(one.number, Line()).not_before = 0.0
                    self._begin(one.vault, one.number)
                case RecordPut(EventSubscription()) if not self._is_closed:
                    # The first one that there is: nobody has wanted the lease yet.
                    self._settling = asyncio.get_running_loop().create_task(self._settle_soon())
                case _:
                    pass

    async def _settle_soon(self) -> None:
        """Settle now; what goes wrong is tried again when it is time to settle."""
        with contextlib.suppress(StoreFault):
            await self.settle()

    def _begin(self, vault: str, number: str) -> None:
        line = self._lines.setdefault(number, Line())
        line.wake.set()
        if line.task is None or line.task.done():
            line.task = asyncio.get_running_loop().create_task(self._run(vault, number, line))

    async def close(self) -> None:
        """End every line. What was sent and is not noted yet is sent again after the next start."""
        self._holds_lease, self._is_closed = False, True
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)
        await self._stop()

    async def _stop(self) -> None:
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        self._lines.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- one line ---------------------------------------------------------------------------------------------------

    async def _run(self, vault: str, number: str, line: Line) -> None:
        """Deliver to one subscription until nothing waits for it."""
        while True:
            line.wake.clear()
            try:
                pause = await self.turn(vault, number, line)
            except LeaseLost:
                self._holds_lease = False
                return
            except Exception as error:  # noqa: BLE001  one line's surprise must not end its deliveries for good
                _logger.error("events of subscription %s wait: %s", number, type(error).__name__)  # noqa: TRY400  it may hold input
                pause = min(_AFTER_A_FAULT_S * 2 ** min(line.faults, 16), event_limits.EVENT_LINE_PAUSE_S)
                line.faults += 1
                line.not_before = self._world.clock() + pause
            else:
                line.faults = 0
            if pause is None:
                if line.wake.is_set():
                    continue
                return
            try:
                async with asyncio.timeout(min(pause, _LOOK_AGAIN_S)):
                    await line.wake.wait()
            except TimeoutError:
                pass

    async def turn(self, vault_id: str, number: str, line: Line | None = None) -> float | None:
        """
        Make the handshake that is owed, or deliver what is due, once; in how many seconds to look again.

        None says that nothing waits, or that nothing may be delivered.
        """
        line = line or self._lines.setdefault(number, Line())
        world = self._world
        if world.clock() < line.not_before:
            return line.not_before - world.clock()
        partition = vault_partition(vault_id)
        subscription = next((one for one in world.view.all(EventSubscription, partition) if one.number == number), None)
        vault = world.view.get(Vault, partition, vault_id)
        if subscription is None or vault is None:
            self._lines.pop(number, None)
            return None
        try:
            endpoint = open_endpoint(world.keys, vault, subscription)
        except Unsealable:
            self._note_altered(f"the endpoint of event subscription {number}")
            return None
        if subscription.owes_handshake:
            return await self._agree(vault, subscription, endpoint)
        if subscription.state is not SubscriptionState.SUCCEEDED or subscription.has_expired(world.now()):
            return None
        return await self._deliver(subscription, endpoint, line)

    async def _agree(self, vault: Vault, subscription: EventSubscription, endpoint: SealedEndpoint) -> float:
        async with self._tenants[subscription.tenant], self._places:
            found = await shake_hands(self._world, self._way_out, vault, subscription, endpoint)

        async def change(tx: Transaction) -> bool:
            return await note_handshake(
                tx, subscription, found.state, fault=found.fault, rate_per_minute=found.rate_per_minute
            )

        await self._world.store.commit(change, lease=LEASE)
        return 0.0

    async def _deliver(self, subscription: EventSubscription, endpoint: SealedEndpoint, line: Line) -> float | None:
        world, store = self._world, self._world.store
        now = world.now()
        width = 1 if line.failures or subscription.rate_per_minute else event_limits.EVENT_LINE_WIDTH
        due = await store.due_deliveries(subscription.number, now, limit=width, altered=self._note_altered)
        following = None if due else await store.next_delivery(subscription.number)
        if following is not None and following > now + RETRY_SCHEDULE_S[-1]:
            # Nothing waits for so long: the clock was ahead as it was written. What is behind it would wait as well.
            due = await store.due_deliveries(subscription.number, following, limit=width, altered=self._note_altered)
        if not due:
            # One that is due and was not read was altered: it is told of, and looked at again now and then.
            return None if following is None else max(float(following - now), 1.0)
        attempts = await asyncio.gather(*(self._attempt(subscription, endpoint, one) for one in due))

        settled = [await self._judge(subscription, attempt) for attempt in attempts]

        async def note(tx: Transaction) -> None:
            for delivery, is_over in settled:
                if is_over:
                    await tx.remove_delivery(delivery)
                elif delivery.state is DeliveryState.DEAD:
                    await bury(tx, delivery)
                else:
                    await tx.move_delivery(delivery)

        await store.commit(note, lease=LEASE)
        self._pace(subscription, line, attempts)
        return 0.0

    async def _attempt(self, subscription: EventSubscription, endpoint: SealedEndpoint, delivery: Delivery) -> Attempt:
        world = self._world
        if delivery.attempts and world.now() >= expiry_of(delivery, subscription.retry):
            return Attempt(delivery, outcome=delivery.outcome, was_sent=False)
        written = envelope(delivery.event, subscription.schema, world.hosts)
        body = body_of(written, subscription.schema)
        headers = [
            *headers_of(subscription, "Notification", delivery.attempts),
            *added_headers(subscription.headers, endpoint.headers, written),
            sign(endpoint.signing_secret, body, world.now()),
        ]
        tried = replace(delivery, attempts=delivery.attempts + 1)
        async with self._tenants[subscription.tenant], self._places:
            try:
                status = await self._way_out.notify(
                    endpoint.url,
                    body,
                    content_type(subscription.schema),
                    headers,
                    time_s=event_limits.EVENT_ANSWER_S,
                )
            except Unreachable as fault:
                return Attempt(tried, outcome=str(fault))
        return Attempt(tried, status, f"the answer's status is {status}")

    async def _judge(self, subscription: EventSubscription, attempt: Attempt) -> tuple[Delivery, bool]:
        """Say what becomes of a delivery that was tried, and whether it is over; a dead one is copied to its folder."""
        now, delivery, status = self._world.now(), attempt.delivery, attempt.status
        if attempt.is_taken:
            return delivery, True
        tried = replace(delivery, tried_at=now, outcome=attempt.outcome)
        reason = verdict(tried, subscription.retry, status, now)
        if reason is None:
            return replace(tried, due_at=now + pause_s(tried.attempts, status)), False
        dead = replace(tried, state=DeliveryState.DEAD, reason=reason.value)
        fault = await self._folders.write(subscription, dead) if subscription.dead_letter else ""
        return replace(dead, outcome=f"{dead.outcome}; not copied: {fault}") if fault else dead, False

    def _pace(self, subscription: EventSubscription, line: Line, attempts: Sequence[Attempt]) -> None:
        """
        Leave a webhook alone for a while that does not answer or is busy, or that wants no more in a minute.

        One that refuses an event is there: it has the others at once, and that one again when it is due.
        """
        now, sent = self._world.clock(), [one for one in attempts if one.was_sent]
        if sent and all(one.status in _BUSY for one in sent):
            line.failures += 1
            pause = max(pause_s(line.failures, one.status) for one in sent)
            line.not_before = now + min(pause, event_limits.EVENT_LINE_PAUSE_S)
        elif sent:
            line.failures = 0
            if subscription.rate_per_minute:
                line.not_before = now + 60 * len(sent) / subscription.rate_per_minute

    def _note_altered(self, what: str) -> None:
        if what not in self._altered and len(self._altered) < event_limits.DEAD_LETTERS:
            self._altered.add(what)
            _logger.error("%s: it is passed over. `strongroom verify` tells more.", what)
