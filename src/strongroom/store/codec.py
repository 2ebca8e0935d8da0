"""
Records and changes as bytes: MessagePack, by field name.

A row outlives the program that wrote it. A field that a later version adds has a default, so that older rows can be
read; a field that this version does not know is passed over, so that a roll-back to it can read newer rows.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from strongroom.core.changes import Change, EventsRecorded, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.events import Event
from strongroom.core.objects import Collection
from strongroom.core.records import KINDS, Record

R = TypeVar("R", bound=Record)

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[type[Record], msgspec.msgpack.Decoder[Any]] = {}
"""Made once for each record class."""


class UnknownKind(Exception):
    """A row is of a kind of record that no class of this program is registered under."""


def encode_record(record: Record) -> bytes:
    """Write a record as the body of its row."""
    return _encoder.encode(record)


def record_class(kind: str) -> type[Record]:
    """
    Find the class registered under *kind*.

    Raises:
        UnknownKind: there is none.
    """
    try:
        return KINDS[kind]
    except KeyError:
        raise UnknownKind(f"no record class is called {kind!r}") from None


def decode_record(kind: str, body: bytes) -> Record:
    """
    Read a record of *kind* from the body of its row.

    Raises:
        UnknownKind: no class is registered under that kind.
        msgspec.ValidationError: the body is not what that class can be read from.
    """
    return decode_as(record_class(kind), body)


def decode_as(cls: type[R], body: bytes) -> R:
    """Read a record of a class that the caller knows."""
    decoder = _decoders.get(cls)
    if decoder is None:
        decoder = _decoders[cls] = msgspec.msgpack.Decoder(cls)
    record: R = decoder.decode(body)
    return record


class _PutMark(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    """A record was put. The feed keeps its place alone: whoever follows reads it as it is by then."""

    kind: str
    partition: str
    id: str


class _RemovedMark(msgspec.Struct, frozen=True, array_like=True, tag="removed"):
    """A record was removed."""

    kind: str
    partition: str
    id: str


class _ObjectMark(msgspec.Struct, frozen=True, array_like=True, tag="object"):
    """Something about an object changed."""

    vault: str
    collection: Collection
    key: str


class _EventsMark(msgspec.Struct, frozen=True, array_like=True, tag="events"):
    """Events were recorded for a subscription."""

    vault: str
    subscription: str


_Mark = _PutMark | _RemovedMark | _ObjectMark | _EventsMark
_marks = msgspec.msgpack.Decoder(tuple[_Mark, ...])
_events = msgspec.msgpack.Decoder(Event)
_entries = msgspec.msgpack.Decoder(tuple[bytes, ...])


def _mark(change: Change) -> _Mark:
    """Write one change as its mark in the feed."""
    match change:
        case RecordPut(record):
            return _PutMark(record.KIND, record.partition, record.id)
        case RecordRemoved(kind, partition, record_id):
            return _RemovedMark(kind, partition, record_id)
        case ObjectChanged(vault, collection, key):
            return _ObjectMark(vault, collection, key)
        case EventsRecorded(vault, subscription):
            return _EventsMark(vault, subscription)


def encode_changes(changes: tuple[Change, ...]) -> bytes:
    """Write what a commit changed, for the feed: places, not contents."""
    return _encoder.encode([_mark(change) for change in changes])


Place = tuple[str, str, str]
"""Kind, partition and id of a record that was put."""


def decode_changes(body: bytes) -> tuple[Place | RecordRemoved | ObjectChanged | EventsRecorded, ...]:
    """Read what a commit changed; of a record that was put, the place where it is to be read."""
    found: list[Place | RecordRemoved | ObjectChanged | EventsRecorded] = []
    for mark in _marks.decode(body):
        match mark:
            case _PutMark(kind, partition, record_id):
                found.append((kind, partition, record_id))
            case _RemovedMark(kind, partition, record_id):
                found.append(RecordRemoved(kind, partition, record_id))
            case _ObjectMark(vault, collection, key):
                found.append(ObjectChanged(vault, collection, key))
            case _EventsMark(vault, subscription):
                found.append(EventsRecorded(vault, subscription))
    return tuple(found)


def encode_entries(entries: tuple[bytes, ...]) -> bytes:
    """Write a commit's audit entries."""
    return _encoder.encode(entries)


def decode_entries(body: bytes) -> tuple[bytes, ...]:
    """Read a commit's audit entries."""
    return _entries.decode(body)


def encode_event(event: Event) -> bytes:
    """Write an event that waits for its delivery."""
    return _encoder.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event that waits for its delivery."""
    return _events.decode(body)
