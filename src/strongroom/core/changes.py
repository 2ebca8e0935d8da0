"""What a commit changed: the change feed's values, which the view follows."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.objects import Collection
from strongroom.core.records import Record


@dataclass(frozen=True, slots=True)
class RecordPut:
    """A record was made or replaced."""

    record: Record


@dataclass(frozen=True, slots=True)
class RecordRemoved:
    """A record is gone."""

    kind: str
    partition: str
    id: str


@dataclass(frozen=True, slots=True)
class ObjectChanged:
    """Something about an object changed: whoever holds a copy of its rows drops it."""

    vault: str
    collection: Collection
    key: str


@dataclass(frozen=True, slots=True)
class EventsRecorded:
    """Events were recorded for a subscription: whoever delivers them looks."""

    vault: str
    subscription: str


Change = RecordPut | RecordRemoved | ObjectChanged | EventsRecorded
BESIDES_RECORDS = (ObjectChanged, EventsRecorded)
"""Changes that change nothing of what decisions are made of."""
