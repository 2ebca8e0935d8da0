"""
The activity log's `$filter` and `$select` (azure-mgmt-monitor 7, azure-cli's `monitor activity-log list`).

    eventTimestamp ge '2026-11-27T00:00:00Z' and eventTimestamp le 2026-11-28 and resourceGroupName eq 'rg'

What is not understood is refused: answering without it would show more than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from strongroom.core import audit_limits, limits
from strongroom.core.errors import Invalid

PROPERTIES = (
    *("resourceGroupName", "resourceUri", "resourceId", "resourceProvider", "correlationId"),
    *("caller", "status", "levels"),
)
SELECTABLE = (
    *("authorization", "caller", "category", "channels", "claims", "correlationId", "description", "eventDataId"),
    *("eventName", "eventTimestamp", "httpRequest", "id", "level", "operationId", "operationName", "properties"),
    *("resourceGroupName", "resourceId", "resourceProviderName", "resourceType", "status", "subStatus"),
    *("submissionTimestamp", "subscriptionId", "tenantId"),
)
_DAY_S = 86_400
_TERM = re.compile(
    r"\s*(?P<name>[A-Za-z]+)\s+(?P<verb>eq|ge|le)\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[0-9A-Za-z:.+-]+))\s*"
)
_AND = re.compile(r"and\s", re.IGNORECASE)
_NAMES = {name.lower(): name for name in PROPERTIES}
_SELECTABLE = {name.lower(): name for name in SELECTABLE}


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """From when to when, in Unix seconds, and what properties are to have which value."""

    begin: float
    end: float
    equals: Mapping[str, str] = field(default_factory=dict)


def parse_activity_filter(text: str | None, now: int) -> ActivityFilter:
    """
    Read a filter.

    Raises:
        Invalid: it is not understood, has no beginning, begins too long ago, or ends before it begins.
    """
    times, equals = _terms((text or "").strip())
    if "ge" not in times:
        raise _refusal()
    # Without an end what was done in this very second is wanted too.
    begin, end = times["ge"], times.get("le", now + 1.0)
    if begin < now - audit_limits.ACTIVITY_DAYS * _DAY_S:
        raise Invalid(
            f"The start time cannot be more than {audit_limits.ACTIVITY_DAYS} days in the past.", code="BadRequest"
        )
    if end < begin:
        raise Invalid("The start time of eventTimestamp is after its end time.", code="BadRequest")
    return ActivityFilter(begin, end, equals)


def _terms(rest: str) -> tuple[dict[str, float], dict[str, str]]:
    """Read the terms: the times by their verb, and the properties' values by name."""
    times: dict[str, float] = {}
    equals: dict[str, str] = {}
    if len(rest) > limits.FILTER_CHARS:
        raise _refusal()
    while rest:
        term = _TERM.match(rest)
        if term is None:
            raise _refusal()
        value = term["bare"] if term["text"] is None else term["text"].replace("''", "'")
        name, verb = term["name"].lower(), term["verb"]
        if name == "eventtimestamp" and verb != "eq" and verb not in times:
            times[verb] = _parse_time(value)
        elif name in _NAMES and verb == "eq" and _NAMES[name] not in equals:
            equals[_NAMES[name]] = value
        else:
            raise _refusal()
        rest = rest[term.end() :]
        joint = _AND.match(rest)
        if rest and (joint is None or not rest[joint.end() :].strip()):
            raise _refusal()
        if joint is not None:
            rest = rest[joint.end() :]
    return times, equals


def parse_select(text: str | None) -> frozenset[str] | None:
    """
    Read `$select`; None for everything.

    Raises:
        Invalid: a name is none of an event's.
    """
    if text is None or not text.strip():
        return None
    names = [name.strip().lower() for name in text.split(",")]
    if len(text) > limits.FILTER_CHARS or not all(name in _SELECTABLE for name in names):
        raise Invalid(f"$select is made of these names: {', '.join(SELECTABLE)}.", code="BadRequest")
    return frozenset(_SELECTABLE[name] for name in names)


def _parse_time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise _refusal() from None


def _refusal() -> Invalid:
    known = ", ".join(f"{name} eq '...'" for name in PROPERTIES)
    return Invalid(
        "Invalid $filter in the query string. It has eventTimestamp ge TIME, and may have eventTimestamp le TIME, and"
        f" any of these, joined by 'and': {known}.",
        code="InvalidFilterInQueryString",
    )
