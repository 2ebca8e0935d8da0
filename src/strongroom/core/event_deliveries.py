"""
Deliveries: one event that one subscription is to be told of, and what became of it so far.

    recorded ──> READY ──delivered──> gone
       │           ├──failed──> READY, later
       │           └──failed too often, for too long or for good──> DEAD ──replayed──> READY
       └──> BEHIND an earlier one of the same object ──that one is gone or dead──> READY

Source: "Event Grid message delivery and retry".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from strongroom.core.event_subscriptions import RetryPolicy
from strongroom.core.events import Event

_MINUTE, _HOUR = 60, 3600
RETRY_SCHEDULE_S = (10, 30, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
"""How long after each attempt that failed the next one comes; after the last it is the last again."""
_PAUSES_S = {401: 5 * _MINUTE, 403: 5 * _MINUTE, 404: 5 * _MINUTE, 408: 2 * _MINUTE, 503: 30}
"""How long it is at least after an answer of this status."""
NEVER_RETRIED = frozenset({400, 401, 403, 413})
"""Statuses after which a webhook is not asked again: it will never take this event."""
TAKEN = range(200, 205)
"""Statuses by which a webhook says that it has an event; there are no others."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    READY = "ready"
    """It is the first of its object's, and is tried when it is due."""
    BEHIND = "behind"
    """An earlier one of the same object is not delivered yet."""
    DEAD = "dead"
    """It is not tried any more."""


class DeadLetterReason(StrEnum):
    """Why a delivery is not tried any more, in Event Grid's words where it has them."""

    ATTEMPTS = "MaxDeliveryAttemptsExceeded"
    TIME = "TimeToLiveExceeded"
    REFUSED = "UndeliverableDueToHttpStatus"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for a subscription. Nothing in it is secret."""

    subscription: str
    """The subscription's number."""
    sequence: int
    """The commit that recorded it, and its place among what that recorded: the order of deliveries."""
    ordinal: int
    vault: str
    place: str
    """What the event is about: deliveries of one place come in order."""
    event: Event
    since: int
    """Unix seconds from which its time to live counts."""
    due_at: int
    attempts: int = 0
    state: DeliveryState = DeliveryState.READY
    tried_at: int | None = None
    """When it was last tried, or given up."""
    outcome: str = ""
    """What came of the last attempt, in a word or a sentence that repeats nothing of an answer."""
    reason: str = ""
    """Of a dead one, why."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A subscription that is to be told of an event."""

    subscription: str
    """Its number."""
    vault: str


def place_of(event: Event) -> str:
    """Say what an event is about."""
    return f"{event.object_type.lower() or 'vault'}/{event.subject.lower()}"


def pause_s(attempts: int, status: int | None) -> int:
    """Say how long after the *attempts*-th attempt, which failed with this status or without one, the next comes."""
    step = RETRY_SCHEDULE_S[min(attempts, len(RETRY_SCHEDULE_S)) - 1]
    return max(step, _PAUSES_S.get(status, 0)) if status is not None else step


def expiry_of(delivery: Delivery, policy: RetryPolicy) -> int:
    """Say from when on a delivery is too old."""
    return delivery.since + policy.live_minutes * _MINUTE


def verdict(delivery: Delivery, policy: RetryPolicy, status: int | None, now: int) -> DeadLetterReason | None:
    """Say why a delivery whose attempt failed is not tried again; None if it is."""
    if status in NEVER_RETRIED:
        return DeadLetterReason.REFUSED
    if delivery.attempts >= policy.attempts:
        return DeadLetterReason.ATTEMPTS
    if now >= expiry_of(delivery, policy):
        return DeadLetterReason.TIME
    return None
