"""How events are written for receivers, judged by the CloudEvents library and by the reference."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from strongroom.core.event_subscriptions import DeliveryHeader, EventSchema
from strongroom.core.events import Event, EventType
from strongroom.core.names import Hosts
from strongroom.events.schema import added_headers, body_of, content_type, envelope
from strongroom.events.signature import sign

HOSTS = Hosts("strongroom.example", 443)
TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/Sample-kv"
EVENT = Event(
    "243f6b79-0000-0000-0000-000000000001", EventType.KEY_NEW_VERSION, 1_790_000_000, "vault-guid", TOPIC, "Sample-kv",
    "Signer", "Key", "ee059b2bb5bc48398a53b168c6cdcb10", None, 1_800_000_000,
)  # fmt: skip
OF_THE_VAULT = Event("id", EventType.VAULT_ACCESS_POLICY_CHANGED, 0, "vault-guid", TOPIC, "Sample-kv", "Sample-kv")
DATA = {
    "Id": "https://sample-kv.vault.strongroom.example/keys/Signer/ee059b2bb5bc48398a53b168c6cdcb10",
    "VaultName": "Sample-kv",
    "ObjectType": "Key",
    "ObjectName": "Signer",
    "Version": "ee059b2bb5bc48398a53b168c6cdcb10",
    "NBF": None,
    "EXP": 1_800_000_000,
}


def test_event_grids_schema() -> None:
    """An array of one event with exactly the members of reference section 8; times that are not set are null."""
    written = json.loads(body_of(envelope(EVENT, EventSchema.EVENT_GRID, HOSTS), EventSchema.EVENT_GRID))
    assert written == [
        {
            "id": "243f6b79-0000-0000-0000-000000000001",
            "topic": TOPIC,
            "subject": "Signer",
            "eventType": "Microsoft.KeyVault.KeyNewVersionCreated",
            "data": DATA,
            "dataVersion": "1",
            "metadataVersion": "1",
            "eventTime": "2026-09-21T14:13:20Z",
        }
    ]
    assert content_type(EventSchema.EVENT_GRID) == "application/json; charset=utf-8"


def test_cloud_events_are_read_by_their_own_library() -> None:
    """The structured mode, with the required attributes and nothing that is not the specification's."""
    body = body_of(envelope(EVENT, EventSchema.CLOUD_EVENTS, HOSTS), EventSchema.CLOUD_EVENTS)
    read = from_structured_event(HTTPMessage({"content-type": content_type(EventSchema.CLOUD_EVENTS)}, body))
    assert read.get_id() == EVENT.id
    assert read.get_source() == TOPIC
    assert read.get_type() == "Microsoft.KeyVault.KeyNewVersionCreated"
    assert read.get_subject() == "Signer"
    assert read.get_specversion() == "1.0"
    assert read.get_time() == datetime.fromtimestamp(EVENT.time, UTC)
    assert read.get_data() == DATA
    assert set(json.loads(body)) == {"id", "source", "subject", "type", "time", "data", "specversion"}


@pytest.mark.parametrize("schema", EventSchema)
@pytest.mark.parametrize("kind", EventType)
def test_every_type_is_written_in_both_schemas(kind: EventType, schema: EventSchema) -> None:
    """Each under its own name."""
    written = envelope(Event("i", kind, 0, "v", TOPIC, "kv", "n", "Secret", "1"), schema, HOSTS)
    assert written.get("eventType", written.get("type")) == kind.value


def test_an_event_of_the_vault_itself() -> None:
    """Its id is the vault's URL, and it has no version."""
    data = envelope(OF_THE_VAULT, EventSchema.EVENT_GRID, HOSTS)["data"]
    assert data["Id"] == "https://sample-kv.vault.strongroom.example"
    assert (data["ObjectType"], data["ObjectName"], data["Version"]) == ("Vault", "Sample-kv", None)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("subject", "Signer"),
        ("Data.EXP", "1800000000"),
        ("data.flag", "true"),
        ("data.NBF", None),
        ("data", None),
        ("data.none", None),
        ("data.odd", None),
        ("subject.more", None),
    ],
)
def test_a_dynamic_header(source: str, expected: str | None) -> None:
    """A text, a number or a truth of the event; what a header cannot hold is left out."""
    written: dict[str, Any] = {"subject": "Signer", "data": {**DATA, "flag": True, "odd": "a\r\nX: b"}}
    found = added_headers([DeliveryHeader("X-A", source=source)], (), written)
    assert found == ([] if expected is None else [("X-A", expected)])


def test_a_signature() -> None:
    """HMAC-SHA-256, in hexadecimal, over the time, a full stop and the body."""
    digest = hmac.new(b"secret", b"1790000000.[]", hashlib.sha256).hexdigest()
    assert sign("secret", b"[]", 1_790_000_000) == ("x-strongroom-signature", f"t=1790000000,v1={digest}")
