"""
The activity log (`Microsoft.Insights/eventtypes/management/values`, api-version 2015-04-01), read from the journal.

A page is what was found in a bounded piece of the journal, newest first, and the next one goes on where it ended, so a
request costs the same however long the journal is. It is read in a thread, a few at a time. Shown are changes through
the management plane by callers of the tenant, at scopes whose log the caller may read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from strongroom.arm.activity_events import CATEGORIES, Change, changes_among, is_wanted, read_change, show_event
from strongroom.arm.activity_filters import ActivityFilter, parse_activity_filter, parse_select
from strongroom.arm.containers import the_subscription
from strongroom.arm.rights import can
from strongroom.core import audit_limits
from strongroom.flow.call import Call
from strongroom.flow.operation import Op
from strongroom.flow.paging import next_link, open_place
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.journal.backwards import Point, lines_before, newest_point
from strongroom.journal.event import timestamp
from strongroom.journal.following import time_of

READ_EVENTS = "Microsoft.Insights/eventtypes/values/read"
_CARRIED = ("api-version", "$filter", "$select")
_TOKEN_NAMES = ("$skiptoken", "$skipToken")
_OUT_OF_ORDER_S = 600.0
"""How much earlier the time of an entry may be than that of the ones above it: no request takes so long."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is looked for, where."""

    directory: Path
    begin: Point | str
    """A point to go on from, or the node whose newest entries come first."""
    wanted: ActivityFilter
    since: str
    marks: tuple[bytes, ...]
    """What the line of any entry of the subscription, or of the tenant, has in it."""
    tenant: str
    known: dict[str, tuple[Op, str]]


async def list_subscription_events(call: Call) -> Response:
    """List the events of a subscription, the newest first."""
    parent = the_subscription(call)
    mark = f'"resourceId":"{parent.scope.upper()}'
    marks = (f'{mark}"'.encode(), f"{mark}/".encode())
    return await _answer(call, marks, subscription=parent.id, since=timestamp(parent.created))


async def list_tenant_events(call: Call) -> Response:
    """List the events of the tenant that are in no subscription and that the caller may see, the newest first."""
    return await _answer(call, (b'"resourceId":"/"', b'"resourceId":"/PROVIDERS/'), subscription="", since="")


async def list_categories(_call: Call) -> Response:
    """List the categories of events that there are. Here all are administrative."""
    return json.response({"value": [{"value": name, "localizedValue": name} for name in CATEGORIES]})


async def _answer(call: Call, marks: tuple[bytes, ...], *, subscription: str, since: str) -> Response:
    wanted = parse_activity_filter(call.query.get("$filter"), call.now)
    selected = parse_select(call.query.get("$select"))
    bound = (call.target.scope.lower(), call.query.get("$filter", ""), call.query.get("$select", ""))
    place = open_place(call, *bound, names=_TOKEN_NAMES, code="InvalidSkipToken")
    journal, tenant = call.world.journal, call.identity.tenant
    question = _Question(
        directory=journal.directory,
        begin=journal.node if place is None else _point_of(place),
        wanted=wanted,
        since=max(since, timestamp(wanted.begin)),
        marks=marks,
        tenant=tenant,
        known=_known(),
    )
    found, rest = await call.world.activity_reads.run(partial(_read, question))
    visible: dict[str, bool] = {}
    events = []
    for change in found:
        if change.resource not in visible:
            visible[change.resource] = can(call, READ_EVENTS, change.resource or "/")
        if visible[change.resource]:
            events.append(_selected(show_event(change, subscription, tenant), selected))
    answer: dict[str, Any] = {"value": events}
    if rest is not None:
        answer["nextLink"] = next_link(call, _written(rest), *bound, carried=_CARRIED)
    return json.response(answer)


def _read(question: _Question) -> tuple[list[Change], Point | None]:
    """Read one page, and where the next one begins; None if there is none."""
    end, begin = timestamp(question.wanted.end), question.since
    stop = timestamp(max(0.0, question.wanted.begin - _OUT_OF_ORDER_S))
    start = question.begin
    if isinstance(start, str):
        start = newest_point(question.directory, start, before=end)
    found: list[Change] = []
    taken = 0
    for line, point in lines_before(question.directory, start):
        taken += len(line.signed)
        if line.is_entry and any(mark in line.body for mark in question.marks):
            change = read_change(point.node, line.seq, line.body, question.known)
            if change is not None and begin <= change.record.time <= end and _is_for(question, change):
                found.append(change)
        elif line.is_entry and time_of(line.body) < stop:
            return _sorted(found), None
        if len(found) >= audit_limits.ACTIVITY_PAGE or taken >= audit_limits.ACTIVITY_READ_BYTES:
            return _sorted(found), point
    return _sorted(found), None


def _is_for(question: _Question, change: Change) -> bool:
    """Tell whether a change is of the tenant's own people: who else tried something is not the tenant's to know."""
    return change.tenant == question.tenant and is_wanted(change, question.wanted)


def _sorted(found: list[Change]) -> list[Change]:
    return sorted(found, key=lambda change: (change.record.time, change.seq), reverse=True)


def _known() -> dict[str, tuple[Op, str]]:
    # The table has this module's rows in it, so it is read when it is first asked for.
    from strongroom.arm.operations import OPERATIONS  # noqa: PLC0415

    return changes_among(OPERATIONS)


def _selected(event: dict[str, Any], names: frozenset[str] | None) -> dict[str, Any]:
    return event if names is None else {name: value for name, value in event.items() if name in names}


def _written(point: Point) -> str:
    return f"{point.node}/{point.number}/{point.offset}"


def _point_of(place: str) -> Point:
    node, number, offset = place.split("/")
    return Point(node, int(number), int(offset))
