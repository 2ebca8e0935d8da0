"""`strongroom audit list`: the activity log of a subscription, as the operator may read it."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.directory import literal
from strongroom.cli.remote.output import Columns, show
from strongroom.cli.remote.session import Session, open_session
from strongroom.cli.remote.vaults import find_vault

_VERSION = "2015-04-01"
_EVENTS = "providers/Microsoft.Insights/eventtypes/management/values"
_AGO = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LIST: Columns = {
    "Time": "eventTimestamp",
    "Caller": "caller",
    "Operation": "operationName.value",
    "Status": "status.value",
    "Resource": "resourceId",
    "Address": "httpRequest.clientIpAddress",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Which events are looked for."""

    since: str
    caller: str | None = None
    resource: str | None = None
    """An ARM id, or a vault's name."""
    group: str | None = None
    limit: int = 50


def show_events(data: Path | None, subscription: str | None, question: Question, *, as_json: bool) -> int:
    """
    Print the newest events: changes through the management plane, by whom, from where, and how they ended.

    Raises:
        Halt: what is named is not there, or the service refuses.
    """
    begin = parse_since(question.since, datetime.now(UTC))
    with open_session(data, subscription=subscription) as session:
        path = f"/subscriptions/{session.subscription}/{_EVENTS}"
        query = {"$filter": filter_of(session, question, begin)}
        found = session.arm_pages(path, api_version=_VERSION, query=query)
        return show(itertools.islice(found, question.limit), _LIST, as_json=as_json)


def parse_since(text: str, now: datetime) -> datetime:
    """
    Read a time: so long ago (`90m`, `12h`, `7d`), or a date with or without a time, in UTC unless it says otherwise.

    Raises:
        Halt: it is neither.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Halt(
            f"{text!r} is no time: say how long ago, as 90m, 12h or 7d, or when, as 2026-11-27T08:00", Exit.USAGE
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def filter_of(session: Session, question: Question, begin: datetime) -> str:
    """
    Write the filter.

    Raises:
        Halt: there is no such vault.
    """
    terms = [f"eventTimestamp ge {literal(begin.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ'))}"]
    if question.caller is not None:
        terms.append(f"caller eq {literal(question.caller)}")
    if question.group is not None:
        terms.append(f"resourceGroupName eq {literal(question.group)}")
    if question.resource is not None:
        is_id = question.resource.startswith("/")
        resource = question.resource if is_id else str(find_vault(session, question.resource)["id"])
        terms.append(f"resourceUri eq {literal(resource)}")
    return " and ".join(terms)
