"""
The two schemas: Event Grid's own, and CloudEvents 1.0 (reference azure-key-vault.md section 8).

Of both the `data` of a vault's events is the same. The ids in it are built from the configured host of the vault, since
no request was made to take one from (ADR 10). Sources: "Azure Key Vault as Event Grid source", CloudEvents 1.0.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from strongroom.core.event_subscriptions import DeliveryHeader, EventSchema, EventSubscription
from strongroom.core.events import Event
from strongroom.core.names import Hosts, Surface

Headers = list[tuple[str, str]]
_encode = msgspec.json.Encoder().encode
_VERSION = "1"
_VAULT = "Vault"
"""What the object is of an event that is about the vault itself."""
EVENT_GRID_TYPE = "application/json; charset=utf-8"
CLOUD_EVENTS_TYPE = "application/cloudevents+json; charset=utf-8"


def envelope(event: Event, schema: EventSchema, hosts: Hosts) -> dict[str, Any]:
    """Write an event in a schema, as it will be encoded and as filters see it."""
    data, time = data_of(event, hosts), timestamp(event.time)
    if schema is EventSchema.CLOUD_EVENTS:
        return {
            "id": event.id,
            "source": event.topic,
            "subject": event.subject,
            "type": event.type.value,
            "time": time,
            "data": data,
            "specversion": "1.0",
        }
    return {
        "id": event.id,
        "topic": event.topic,
        "subject": event.subject,
        "eventType": event.type.value,
        "data": data,
        "dataVersion": _VERSION,
        "metadataVersion": _VERSION,
        "eventTime": time,
    }


def data_of(event: Event, hosts: Hosts) -> dict[str, Any]:
    """Write what a vault's event says, the same in both schemas."""
    base = hosts.url(Surface.VAULT, event.vault_name)
    versioned = f"{base}/{event.object_type.lower()}s/{event.subject}/{event.version}"
    return {
        "Id": versioned if event.object_type else base,
        "VaultName": event.vault_name,
        "ObjectType": event.object_type or _VAULT,
        "ObjectName": event.subject,
        "Version": event.version or None,
        "NBF": event.nbf,
        "EXP": event.exp,
    }


def timestamp(seconds: int) -> str:
    """Write a time in RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def body_of(written: dict[str, Any], schema: EventSchema) -> bytes:
    """Encode one event: Event Grid sends an array of it, CloudEvents itself, in the structured mode."""
    return _encode(written if schema is EventSchema.CLOUD_EVENTS else [written])


def content_type(schema: EventSchema) -> str:
    """Give the content type of a delivery."""
    return CLOUD_EVENTS_TYPE if schema is EventSchema.CLOUD_EVENTS else EVENT_GRID_TYPE


def headers_of(subscription: EventSubscription, kind: str, attempts: int) -> Headers:
    """Give the headers that say what is delivered; *attempts* is how often it was tried before."""
    found = [
        ("aeg-subscription-name", subscription.name.upper()),
        ("aeg-event-type", kind),
        ("aeg-delivery-count", str(attempts)),
    ]
    if subscription.schema is EventSchema.EVENT_GRID:
        found += [("aeg-data-version", _VERSION), ("aeg-metadata-version", _VERSION)]
    return found


def added_headers(
    headers: Iterable[DeliveryHeader], secret: Iterable[tuple[str, str]], written: dict[str, Any]
) -> Headers:
    """Give the headers that a subscription adds; a dynamic one whose member the event lacks is left out."""
    secrets, found = dict(secret), []
    for one in headers:
        static = secrets.get(one.name) if one.is_secret else one.value
        value = _member(written, one.source) if one.source else static
        if value is not None:
            found.append((one.name, value))
    return found


def _member(written: dict[str, Any], path: str) -> str | None:
    """Find a member as the text of a header; None if it is not there, or nothing that a header can hold."""
    found: Any = written
    for word in path.casefold().split("."):
        if not isinstance(found, dict):
            return None
        found = next((value for name, value in found.items() if name.casefold() == word), None)
    if isinstance(found, bool):
        return "true" if found else "false"
    text = str(found) if isinstance(found, str | int) else ""
    return text if text and text.isascii() and text.isprintable() else None
