"""
Events of the activity log: what a change through the management plane looks like there, made from its audit entry.

Azure writes two events for a change, its beginning and its end. An audit entry is the end, so there is one here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec

from strongroom.arm.activity_filters import ActivityFilter
from strongroom.core.permissions import ControlAction
from strongroom.flow.operation import Op

CATEGORIES = (
    *("Administrative", "Alert", "Autoscale", "Policy", "Recommendation", "ResourceHealth", "Security"),
    "ServiceHealth",
)
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_TENANT_ID = "http://schemas.microsoft.com/identity/claims/tenantid"
_EPOCH_TICKS, _TICKS_PER_S = 621_355_968_000_000_000, 10_000_000
_SPACE = uuid.UUID("3b1f1a52-6f0c-4c55-9d0e-2f6a6d4b7a11")
"""What the ids of events are made in, so that an event has the same id whenever it is asked for."""
_LAST_SUCCESS, _SERVER_FAULT = 299, 500
_GROUPS = "/resourcegroups/"


class _Claims(msgspec.Struct):
    oid: str = ""
    appid: str = ""
    upn: str = ""
    idtyp: str = ""
    ipaddr: str = ""
    tid: str = ""


class _Identity(msgspec.Struct):
    claim: _Claims | None = None


class _Properties(msgspec.Struct, rename="camel"):
    http_status_code: int = 0
    request_uri: str = ""
    error_code: str = ""
    applied_assignment_id: str = ""
    request_id: str = ""


class _Record(msgspec.Struct, rename="camel"):
    """Of an audit record, what an event is made of."""

    time: str
    resource_id: str
    operation_name: str
    identity: _Identity
    properties: _Properties
    correlation_id: str = ""
    caller_ip_address: str = ""
    result_description: str = ""


_read = msgspec.json.Decoder(_Record).decode


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is a change through the management plane."""

    node: str
    seq: int
    op: Op
    action: str
    resource: str
    """The ARM id of what it was about, as it was asked."""
    record: _Record

    @property
    def tenant(self) -> str:
        """The caller's."""
        claims = self.record.identity.claim
        return claims.tid if claims is not None else ""

    @property
    def status(self) -> str:
        """How it ended."""
        return "Succeeded" if self.record.properties.http_status_code <= _LAST_SUCCESS else "Failed"

    @property
    def level(self) -> str:
        """How grave that is: what was refused is a warning, what failed in the service an error."""
        if self.status == "Succeeded":
            return "Informational"
        return "Error" if self.record.properties.http_status_code >= _SERVER_FAULT else "Warning"


def changes_among(operations: tuple[Op, ...]) -> dict[str, tuple[Op, str]]:
    """Give the operations that change something, each with its action, by the audit's names of them."""
    return {
        op.name: (op, op.requires.action)
        for op in operations
        if isinstance(op.requires, ControlAction) and not op.requires.action.lower().endswith("/read")
    }


def read_change(node: str, seq: int, event: bytes, known: Mapping[str, tuple[Op, str]]) -> Change | None:
    """Read an entry; None if it is no change, or nobody's."""
    try:
        record = _read(event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    found = known.get(record.operation_name)
    if found is None or record.identity.claim is None:
        return None
    op, action = found
    return Change(node, seq, op, action, _resource_of(record, op, action), record)


def is_wanted(change: Change, wanted: ActivityFilter) -> bool:
    """Tell whether a change has what a filter's properties say."""
    return all(_has(change, name, value) for name, value in wanted.equals.items())


def show_event(change: Change, subscription: str, tenant: str) -> dict[str, Any]:
    """Write an event."""
    record = change.record
    status = record.properties.http_status_code
    phrase = _phrase(status)
    identifier = str(uuid.uuid5(_SPACE, f"{change.node}/{change.seq}"))
    return {
        "authorization": {"action": change.action, "scope": change.resource},
        "caller": _caller(change),
        "channels": "Operation",
        "claims": _claims(change),
        "correlationId": record.correlation_id,
        "description": record.result_description,
        "eventDataId": identifier,
        "eventName": _word("EndRequest", "End request"),
        "category": _word("Administrative"),
        "httpRequest": {
            "clientRequestId": record.correlation_id,
            "clientIpAddress": record.caller_ip_address,
            "method": change.op.method,
        },
        "id": f"{change.resource}/events/{identifier}/ticks/{_ticks(record.time)}",
        "level": change.level,
        "resourceGroupName": group_of(change.resource),
        "resourceProviderName": _word(_provider(change)),
        "resourceId": change.resource,
        "resourceType": _word(_resource_type(change)),
        "operationId": record.correlation_id,
        "operationName": _word(change.action),
        "properties": {
            "statusCode": phrase.replace(" ", ""),
            "serviceRequestId": record.properties.request_id,
            "statusMessage": record.result_description,
            "eventCategory": "Administrative",
            "entity": change.resource,
            "message": change.action,
            "hierarchy": subscription,
        },
        "status": _word(change.status),
        "subStatus": _word(phrase.replace(" ", ""), f"{phrase} (HTTP Status Code: {status})"),
        "eventTimestamp": record.time,
        "submissionTimestamp": record.time,
        "subscriptionId": subscription,
        "tenantId": tenant,
    }


def group_of(resource: str) -> str:
    """Give the resource group that an ARM id is in; empty if it is in none."""
    place = resource.lower().find(_GROUPS)
    return resource[place + len(_GROUPS) :].partition("/")[0] if place >= 0 else ""


def _resource_of(record: _Record, op: Op, action: str) -> str:
    """
    Give the ARM id that a change was about: the path that was asked, without the word of an action.

    The entry's own is in capitals, and of what hangs on a scope it is that scope.
    """
    _, scheme, rest = record.properties.request_uri.partition("://")
    path = unquote("/" + rest.partition("?")[0].partition("/")[2]).rstrip("/") if scheme else ""
    if op.method == "POST" and action.lower().endswith("/action"):
        path = path.rpartition("/")[0]
    # A path that was cut is none; one of another resource would be somebody's mistake.
    return path if path.upper().startswith(record.resource_id.rstrip("/")) else record.resource_id


def _has(change: Change, name: str, value: str) -> bool:
    resource, wanted = change.resource.lower(), value.lower()
    match name:
        case "resourceGroupName":
            return group_of(resource) == wanted
        case "resourceUri" | "resourceId":
            below = "/" + wanted.strip("/")
            return resource == below or resource.startswith(f"{below}/")
        case "resourceProvider":
            return _provider(change).lower() == wanted
        case "correlationId":
            return change.record.correlation_id.lower() == wanted
        case "caller":
            claims = change.record.identity.claim
            return claims is not None and wanted in {claims.upn.lower(), claims.oid.lower(), claims.appid.lower()} - {
                ""
            }
        case "status":
            return change.status.lower() == wanted
        case _:
            return change.level.lower() in {level.strip() for level in wanted.split(",")}


def _caller(change: Change) -> str:
    claims = change.record.identity.claim
    return "" if claims is None else claims.upn or claims.oid


def _claims(change: Change) -> dict[str, str]:
    """Give the caller's claims that the journal has; none of them is a secret."""
    claims = change.record.identity.claim
    if claims is None:
        return {}
    named = {
        _OBJECT_ID: claims.oid,
        _TENANT_ID: claims.tid,
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": claims.upn,
        "appid": claims.appid,
        "idtyp": claims.idtyp,
        "ipaddr": claims.ipaddr,
    }
    return {name: value for name, value in named.items() if value}


def _provider(change: Change) -> str:
    return change.action.partition("/")[0]


def _resource_type(change: Change) -> str:
    words = change.action.split("/")
    return "/".join(words[: -2 if words[-1] == "action" and len(words) > 3 else -1])


def _ticks(time: str) -> int:
    """Count the tenths of microseconds since the year 1, as the ids of events have them."""
    seconds = datetime.fromisoformat(f"{time[:19]}+00:00").timestamp()
    return _EPOCH_TICKS + int(seconds) * _TICKS_PER_S + int(time[20:27] or 0)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)


def _word(value: str, shown: str = "") -> dict[str, str]:
    return {"value": value, "localizedValue": shown or value}
