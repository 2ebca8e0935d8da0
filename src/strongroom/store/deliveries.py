"""
The queue of deliveries: what is recorded of an event for each subscription, in the change that the event tells of.

Its rows carry tags and stand under a seal for each subscription, as all rows do: whoever could remove one unnoticed
would keep a receiver from hearing of what was changed. The seal's count also says, without counting, how many there
are. Of the deliveries of one object only the first is ready; so the ones that are due are read without a look at those
that have to wait for them.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from strongroom.core.changes import Change, EventsRecorded
from strongroom.core.errors import Tampered
from strongroom.core.event_deliveries import Delivery, DeliveryState, place_of
from strongroom.core.event_limits import EVENTS_KEPT
from strongroom.core.events import Event
from strongroom.store import statements
from strongroom.store.codec import decode_event, encode_event
from strongroom.store.protocol import Altered, DeliveryCount, Page, Router
from strongroom.store.reader import SqlReader, telling
from strongroom.store.seals import DELIVERIES, Seal, Tags
from strongroom.store.statements import Row, Statement

_log = logging.getLogger(__name__)


def read_delivery(tags: Tags, row: Row) -> Delivery:
    """
    Read a delivery from its row.

    Raises:
        Tampered: its tag does not fit.
    """
    tags.check("deliveries", row)
    subscription, sequence, ordinal, vault, place, event, since, due_at, attempts, state, tried_at, *said, _ = row
    outcome, reason = said
    return Delivery(
        subscription, sequence, ordinal, vault, place, decode_event(event), since, due_at, attempts,
        DeliveryState(state), tried_at, outcome, reason,
    )  # fmt: skip


def _columns(delivery: Delivery) -> Row:
    return (*_key(delivery), delivery.vault, delivery.place, encode_event(delivery.event), *_life(delivery))


def _key(delivery: Delivery) -> Row:
    return (delivery.subscription, delivery.sequence, delivery.ordinal)


def _life(delivery: Delivery) -> Row:
    return (
        delivery.since, delivery.due_at, delivery.attempts, delivery.state.value, delivery.tried_at, delivery.outcome,
        delivery.reason,
    )  # fmt: skip


class DeliveryReader(SqlReader):
    """Reads the queue besides."""

    async def delivery(self, subscription: str, sequence: int, ordinal: int) -> Delivery | None:
        """Read one delivery, or None."""
        rows = await self._session.fetch(statements.DELIVERY, subscription, sequence, ordinal)
        return read_delivery(self._tags, rows[0]) if rows else None

    async def due_deliveries(
        self, subscription: str, now: int, *, limit: int, altered: Altered | None = None
    ) -> list[Delivery]:
        """Read a subscription's deliveries that are due, of each object the first, the longest due first."""
        return await self._due(
            read_delivery, statements.DUE_DELIVERIES, subscription, now, limit=limit, altered=altered
        )

    async def next_delivery(self, subscription: str) -> int | None:
        """Read when the first of a subscription's deliveries is due; None if none waits."""
        due: int | None = (await self._session.fetch(statements.NEXT_DELIVERY, subscription))[0][0]
        return due

    async def dead_deliveries(
        self, subscription: str, *, after: tuple[int, int], limit: int, altered: Altered | None = None
    ) -> Page[Delivery]:
        """Read a subscription's deliveries that are dead, from the first after a sequence and ordinal."""
        rows = await self._session.fetch(statements.DEAD_DELIVERIES, subscription, *after, limit + 1)
        found: list[Delivery] = []
        for row in rows[:limit]:
            with telling(altered):
                found.append(read_delivery(self._tags, row))
        return Page(tuple(found), more=len(rows) > limit)

    async def count_deliveries(self, subscription: str) -> DeliveryCount:
        """Count a subscription's deliveries: only the dead ones, as the seal says how many there are."""
        dead: int = (await self._session.fetch(statements.COUNT_DEAD, subscription))[0][0]
        return DeliveryCount(max(await self._count_all(subscription) - dead, 0), dead)

    async def _count_all(self, subscription: str) -> int:
        seal = (await self._seals(DELIVERIES, subscription)).get(subscription)
        return 0 if seal is None else seal.count

    async def subscriptions_with_deliveries(self) -> list[str]:
        """Read the numbers of subscriptions, there or not, that any delivery is for."""
        return sorted(await self._seals(DELIVERIES, None))


class DeliveryWriter(DeliveryReader):
    """Writes the queue: what a transaction is besides."""

    changes: list[Change]

    @abstractmethod
    async def _run(self, statement: Statement, *parameters: object) -> int: ...

    @abstractmethod
    def _reseal(self, kind: str, partition: str, added: bytes | None, gone: Sequence[bytes]) -> None: ...

    @abstractmethod
    async def _seal_now(self, kind: str, partition: str) -> Seal: ...

    @abstractmethod
    def _clear_seal(self, kind: str, partition: str) -> None: ...

    async def _count_all(self, subscription: str) -> int:
        return (await self._seal_now(DELIVERIES, subscription)).count

    async def record_events(self, events: Iterable[Event], router: Router, sequence: int) -> None:
        """Record what a change announced, for whoever the router says, as of the commit that the change will be."""
        ordinal = 0
        for event in events:
            for addressee in router(event):
                if await self._count_all(addressee.subscription) >= EVENTS_KEPT:
                    _log.error(
                        "%d events are kept for the event subscription %s, which is the most: another is not recorded",
                        EVENTS_KEPT,
                        addressee.subscription,
                    )
                    continue
                ordinal += 1
                waiting = Delivery(
                    addressee.subscription,
                    sequence,
                    ordinal,
                    addressee.vault,
                    place_of(event),
                    event,
                    event.time,
                    event.time,
                )
                await self._add(await self._in_line(waiting))

    async def _add(self, delivery: Delivery) -> None:
        columns = _columns(delivery)
        tag = self._tags.row("deliveries", columns)
        await self._run(statements.ADD_DELIVERY, *columns, tag)
        self._reseal(DELIVERIES, delivery.subscription, tag, [])
        recorded = EventsRecorded(delivery.vault, delivery.subscription)
        if recorded not in self.changes:
            self.changes.append(recorded)

    async def _in_line(self, delivery: Delivery) -> Delivery:
        """Have a delivery wait if another one of its object is ready."""
        ready = await self._session.fetch(statements.FIRST_READY, delivery.subscription, delivery.place)
        waits = bool(ready) and ready[0] != (delivery.sequence, delivery.ordinal)
        return replace(delivery, state=DeliveryState.BEHIND if waits else DeliveryState.READY)

    async def move_delivery(self, delivery: Delivery) -> bool:
        """Have a delivery due at another time, dead, or alive again; False if it is gone."""
        old = await self._session.fetch(statements.DELIVERY, *_key(delivery))
        if not old:
            return False
        if delivery.state is not DeliveryState.DEAD:
            delivery = await self._in_line(delivery)
        await self._move(delivery, old[0][-1])
        if delivery.state is DeliveryState.DEAD:
            await self._let_next(delivery)
        return True

    async def _move(self, delivery: Delivery, old_tag: bytes) -> None:
        tag = self._tags.row("deliveries", _columns(delivery))
        await self._run(statements.MOVE_DELIVERY, *_life(delivery), tag, *_key(delivery))
        self._reseal(DELIVERIES, delivery.subscription, tag, [old_tag])

    async def remove_delivery(self, delivery: Delivery) -> bool:
        """Remove a delivery, which lets the next of its object go ahead at once; False if it is gone already."""
        old = await self._session.fetch(statements.DELIVERY, *_key(delivery))
        if not old:
            return False
        await self._run(statements.REMOVE_DELIVERY, *_key(delivery))
        self._reseal(DELIVERIES, delivery.subscription, None, [old[0][-1]])
        await self._let_next(delivery)
        return True

    async def _let_next(self, delivery: Delivery) -> None:
        """
        Let the first that waits for its object go ahead, unless one is ready.

        One that was altered is passed over and told of: or else nothing before it could ever be over, and what was
        delivered would be sent again without end.
        """
        place, after = (delivery.subscription, delivery.place), (-1, -1)
        if await self._session.fetch(statements.FIRST_READY, *place):
            return
        while rows := await self._session.fetch(statements.FIRST_BEHIND, *place, *after):
            try:
                following = read_delivery(self._tags, rows[0])
            except Tampered as fault:
                _log.error("%s: it is passed over. `strongroom verify` tells more.", fault)
                after = (rows[0][1], rows[0][2])
                continue
            await self._move(replace(following, state=DeliveryState.READY), rows[0][-1])
            return

    async def remove_deliveries(self, subscription: str, limit: int) -> int:
        """Remove deliveries of a subscription, no more than *limit* and none before what waits for it; how many."""
        first = await self._session.fetch(statements.FIRST_DELIVERIES, subscription, limit)
        if len(first) == limit < await self._count_all(subscription):
            *last, _ = first[-1]
            removed = await self._run(statements.REMOVE_FIRST_DELIVERIES, subscription, *last)
            self._reseal(DELIVERIES, subscription, None, [tag for *_, tag in first])
            return removed
        removed = await self._run(statements.REMOVE_DELIVERIES, subscription)
        # As with a vault's contents: whatever was there is gone, tampered with or not.
        self._clear_seal(DELIVERIES, subscription)
        return removed
