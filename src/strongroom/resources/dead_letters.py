"""Dead letters: what could not be delivered to an event subscription, kept, listed, replayed and discarded."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from strongroom.core import event_limits
from strongroom.core.event_deliveries import Delivery, DeliveryState
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.store import Reader, Transaction

_logger = logging.getLogger("strongroom.events")


async def dead_letters(reader: Reader, subscription: EventSubscription, *, limit: int) -> list[Delivery]:
    """Read the oldest of what could not be delivered to a subscription."""
    return list((await reader.dead_deliveries(subscription.number, after=(-1, -1), limit=limit)).rows)


async def replay_dead_letters(
    tx: Transaction, subscription: EventSubscription, *, now: int, event_id: str | None = None
) -> int:
    """Have all dead letters of a subscription, or that of one event, tried anew as if just recorded; how many."""
    replayed = 0
    for one in await _dead(tx, subscription, event_id):
        again = replace(one, state=DeliveryState.READY, since=now, due_at=now, attempts=0, reason="")
        replayed += await tx.move_delivery(again)
    return replayed


async def discard_dead_letters(tx: Transaction, subscription: EventSubscription, event_id: str | None = None) -> int:
    """Remove all dead letters of a subscription, or that of one event; how many."""
    removed = 0
    for one in await _dead(tx, subscription, event_id):
        removed += await tx.remove_delivery(one)
    return removed


async def bury(tx: Transaction, dead: Delivery) -> None:
    """
    Keep a delivery as a dead letter; the oldest go if there are more than there may be.

    One that was altered stays for `verify` to find, and keeps no other from being buried.
    """
    await tx.move_delivery(dead)
    excess = (await tx.count_deliveries(dead.subscription)).dead - event_limits.DEAD_LETTERS
    if excess > 0:
        found = await tx.dead_deliveries(
            dead.subscription, after=(-1, -1), limit=excess, altered=partial(_logger.error, "%s")
        )
        for oldest in found.rows:
            await tx.remove_delivery(oldest)


async def _dead(tx: Transaction, subscription: EventSubscription, event_id: str | None) -> list[Delivery]:
    page = await tx.dead_deliveries(subscription.number, after=(-1, -1), limit=event_limits.DEAD_LETTERS)
    return [one for one in page.rows if event_id in (None, one.event.id)]
