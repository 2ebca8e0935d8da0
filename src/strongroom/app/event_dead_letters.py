"""
Dead letters as files: a copy of each, in the folder that the operator mapped to the storage account.

    CONTAINER/VAULT/SUBSCRIPTION/2026/11/27/9/EVENT.json

The store keeps the letter itself, which is listed and replayed from there. So a folder that fails or hangs loses
nothing and holds nothing up: the letter says then that its copy is missing. Source: "Dead letter and retry policies".
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from strongroom.app.audit_delivery import in_thread
from strongroom.core import event_limits
from strongroom.core.diagnostics import parse_sink_id
from strongroom.core.event_deliveries import Delivery
from strongroom.core.event_subscriptions import EventSchema, EventSubscription
from strongroom.events.schema import envelope, timestamp
from strongroom.flow.world import World
from strongroom.journal.blobs import FolderFault, write_blob
from strongroom.resources.audit_sinks import sink_of

_encode = msgspec.json.Encoder().encode


class DeadLetterFolders:
    """Writes dead letters to folders, for each sink one at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._busy: set[str] = set()

    async def write(self, subscription: EventSubscription, dead: Delivery) -> str:
        """Write a dead letter where its subscription says; why that did not succeed, empty if it did."""
        resource = parse_sink_id(subscription.dead_letter).resource
        sink = sink_of(self._world.view, subscription.tenant, resource)
        if sink is None or not sink.folder:
            return "the operator maps no folder to the storage account any more"
        if sink.id in self._busy:
            return "the folder is still being written to"
        content = _encode([letter_of(subscription, dead, self._world)])
        path, folder = path_of(subscription, dead), Path(sink.folder)
        self._busy.add(sink.id)

        def work() -> None:
            try:
                write_blob(folder, path, content)
            finally:
                self._busy.discard(sink.id)

        try:
            async with asyncio.timeout(event_limits.DEAD_LETTER_S):
                await in_thread(work)
        except FolderFault as fault:
            return str(fault)
        except TimeoutError:
            return "the folder takes too long"
        return ""


def letter_of(subscription: EventSubscription, dead: Delivery, world: World) -> dict[str, Any]:
    """Write a dead letter: the event in the subscription's schema, and why it was not delivered."""
    said = {
        "deadLetterReason": dead.reason,
        "deliveryAttempts": dead.attempts,
        "lastDeliveryOutcome": dead.outcome,
        "publishTime": timestamp(dead.since),
        "lastDeliveryAttemptTime": timestamp(dead.tried_at or dead.since),
    }
    if subscription.schema is EventSchema.CLOUD_EVENTS:
        # Attributes of CloudEvents have small letters alone.
        said = {name.lower(): value for name, value in said.items()}
    return {**envelope(dead.event, subscription.schema, world.hosts), **said}


def path_of(subscription: EventSubscription, dead: Delivery) -> tuple[str, ...]:
    """Say where in a folder a dead letter is written: by the hour in which it became one."""
    hour = datetime.fromtimestamp(dead.tried_at or dead.since, UTC)
    return (
        subscription.dead_letter_container,
        dead.event.vault_name.upper(),
        subscription.name.upper(),
        *map(str, (hour.year, hour.month, hour.day, hour.hour)),
        f"{dead.event.id}.json",
    )
