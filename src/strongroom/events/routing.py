"""Who is to be told of an event: the subscriptions that there are when the change is accepted, by their filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from strongroom.core.event_deliveries import Addressee
from strongroom.core.event_filters import matches
from strongroom.core.event_subscriptions import EventSchema, EventSubscription
from strongroom.core.events import Event
from strongroom.core.names import Hosts
from strongroom.events.schema import envelope


class EventRouter:
    """
    The store's router. It is asked inside a change, so it reads nothing but what is in memory.

    *subscriptions_of* gives a vault's; of a vault that has none an event costs this one question.
    """

    def __init__(self, subscriptions_of: Callable[[str], Sequence[EventSubscription]], hosts: Hosts) -> None:
        self._subscriptions_of = subscriptions_of
        self._hosts = hosts

    def __call__(self, event: Event) -> list[Addressee]:
        """Say who is to be told of an event."""
        found: list[Addressee] = []
        written: dict[EventSchema, dict[str, Any]] = {}
        for one in self._subscriptions_of(event.vault):
            if not one.is_recorded_for or one.has_expired(event.time):
                continue
            # A filter asks for members by the names that they have in the subscription's own schema.
            shown = written.get(one.schema)
            if shown is None:
                shown = written[one.schema] = envelope(event, one.schema, self._hosts)
            if matches(one.filter, shown):
                found.append(Addressee(one.number, one.vault))
        return found
