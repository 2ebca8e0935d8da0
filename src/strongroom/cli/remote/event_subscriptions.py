"""
`strongroom event-subscription`: who is told of a vault's events, by the management plane.

The URL of a webhook may hold a secret in its query, so it can be read from a file, and `full-url` alone prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm, decoded, read_bytes
from strongroom.cli.remote.near import naming
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import Session, open_session, segment
from strongroom.cli.remote.vaults import find_vault

VERSION = "2025-02-15"
_LIST: Columns = {
    "name": "name",
    "state": "properties.provisioningState",
    "endpoint": "properties.destination.properties.endpointBaseUrl",
    "schema": "properties.eventDeliverySchema",
}
_ONE: Columns = {
    "name": "name",
    "state": "properties.provisioningState",
    "fault": "error.message",
    "endpoint": "properties.destination.properties.endpointBaseUrl",
    "schema": "properties.eventDeliverySchema",
    "events": lambda row: [one.rpartition(".")[2] for one in row["properties"]["filter"]["includedEventTypes"]],
    "subject begins with": "properties.filter.subjectBeginsWith",
    "subject ends with": "properties.filter.subjectEndsWith",
    "attempts": "properties.retryPolicy.maxDeliveryAttempts",
    "minutes to live": "properties.retryPolicy.eventTimeToLiveInMinutes",
    "expires": "properties.expirationTimeUtc",
    "labels": "properties.labels",
}
_LETTERS: Columns = {
    "event": "eventId",
    "type": lambda row: str(row["eventType"]).rpartition(".")[2],
    "subject": "subject",
    "time": "eventTime",
    "attempts": "attempts",
    "reason": "reason",
}
_SCHEMAS = {"event-grid": "EventGridSchema", "cloud-events": "CloudEventSchemaV1_0"}
_PREFIX = "Microsoft.KeyVault."
_REFUSED = 400
"""From here on a status says that nothing was begun; what began and failed is told with a 200."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription is to be; what is None, or empty, is not said."""

    endpoint: str | None = None
    endpoint_file: Path | None = None
    events: Sequence[str] = ()
    subject_begins: str | None = None
    subject_ends: str | None = None
    schema: str | None = None
    attempts: int | None = None
    minutes: int | None = None
    expires: datetime | None = None
    labels: Sequence[str] = ()

    def body(self) -> dict[str, Any]:
        """
        Give it as Resource Manager calls it.

        Raises:
            Halt: there is no such schema, or the file with the URL cannot be read.
        """
        if self.schema is not None and self.schema not in _SCHEMAS:
            raise Halt(f"--schema is one of: {', '.join(_SCHEMAS)}", Exit.USAGE)
        url = self.endpoint
        if self.endpoint_file is not None:
            url = decoded(read_bytes(self.endpoint_file), self.endpoint_file).strip()
        types = [one if "." in one else f"{_PREFIX}{one}" for one in self.events]
        wanted = {
            "includedEventTypes": types or None,
            "subjectBeginsWith": self.subject_begins,
            "subjectEndsWith": self.subject_ends,
        }
        retry = {"maxDeliveryAttempts": self.attempts, "eventTimeToLiveInMinutes": self.minutes}
        return _said(
            {
                "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}} if url else None,
                "filter": _said(wanted) or None,
                "eventDeliverySchema": _SCHEMAS[self.schema] if self.schema is not None else None,
                "retryPolicy": _said(retry) or None,
                "expirationTimeUtc": _moment(self.expires),
                "labels": list(self.labels) or None,
            }
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which event subscription of which vault."""

    at: At
    vault: str
    name: str = ""


def list_subscriptions(where: Subscription, *, as_json: bool) -> int:
    """
    Print a vault's event subscriptions.

    Raises:
        Halt: there is no such vault, or the service refuses.
    """
    with open_session(where.at.data, subscription=where.at.subscription) as session:
        return show(session.arm_pages(_list_path(session, where), api_version=VERSION), _LIST, as_json=as_json)


def show_subscription(where: Subscription, *, as_json: bool) -> int:
    """
    Print an event subscription, without what of its endpoint may be secret.

    Raises:
        Halt: there is none of that name, or the service refuses.
    """
    return _asked(where, lambda session, path: session.arm("GET", path, api_version=VERSION), as_json=as_json)


def create_subscription(where: Subscription, wanted: Wanted, *, as_json: bool) -> int:
    """
    Have events sent to a webhook, once that has said that it wants them; in the place of a subscription of that name.

    Raises:
        Halt: no endpoint is said, or the service refuses.
    """
    body = wanted.body()
    if "destination" not in body:
        raise Halt("say where the events go: --endpoint, or --endpoint-file for a URL that holds a secret", Exit.USAGE)
    with open_session(where.at.data, subscription=where.at.subscription) as session:
        path = f"{_list_path(session, where)}/{segment(where.name)}"
        return show_one(put_agreed(session.arm, "PUT", path, {"properties": body}), _ONE, as_json=as_json)


def update_subscription(where: Subscription, wanted: Wanted, *, as_json: bool) -> int:
    """
    Change an event subscription; what is not said stays.

    Raises:
        Halt: nothing is said, there is none of that name, or the service refuses.
    """
    body = wanted.body()
    if not body:
        raise Halt("say what is to be changed: strongroom event-subscription update --help lists it", Exit.USAGE)
    return _asked(where, lambda session, path: put_agreed(session.arm, "PATCH", path, body), as_json=as_json)


def delete_subscription(where: Subscription, *, yes: bool, as_json: bool) -> int:
    """
    Send no more events to a webhook; what waits for it goes as well.

    Raises:
        Halt: it is not confirmed, there is none of that name, or the service refuses.
    """
    confirm(f"Delete the event subscription {where.name} of {where.vault}, and what waits for it?", yes=yes)
    with _about(where) as found:
        session, path = found.session, found.path
        session.arm("GET", path, api_version=VERSION)
        session.arm("DELETE", path, api_version=VERSION)
    return done(f"{where.name} is deleted", as_json=as_json, vault=where.vault, name=where.name, deleted=True)


def full_url(where: Subscription, *, as_json: bool) -> int:
    """
    Print the whole URL of a webhook, with what in its query may be secret.

    Raises:
        Halt: there is none of that name, or the service refuses.
    """
    return _told(where, "getFullUrl", "endpointUrl", as_json=as_json)


def signing_secret(where: Subscription, *, renew: bool, as_json: bool) -> int:
    """
    Print the key that deliveries are signed with; have another one made before, if that is asked for.

    Raises:
        Halt: there is none of that name, or the service refuses.
    """
    word = "renewSigningSecret" if renew else "getSigningSecret"
    return _told(where, word, "signingSecret", as_json=as_json)


def list_dead_letters(where: Subscription, *, as_json: bool) -> int:
    """
    Print what could not be delivered, and why.

    Raises:
        Halt: there is none of that name, or the service refuses.
    """
    with _about(where) as found:
        letters = found.session.arm_pages(f"{found.path}/deadLetters", api_version=VERSION)
        return show(letters, _LETTERS, as_json=as_json)


def replay_dead_letters(where: Subscription, event: str | None, *, as_json: bool) -> int:
    """
    Have what could not be delivered tried anew: one event, or all.

    Raises:
        Halt: there is none of that name or no such event, or the service refuses.
    """
    answer = _posted(where, "deadLetters/replay", event)
    return done(f"{answer['replayed']} are tried anew", as_json=as_json, **answer)


def discard_dead_letters(where: Subscription, event: str | None, *, yes: bool, as_json: bool) -> int:
    """
    Remove what could not be delivered: one event, or all.

    Raises:
        Halt: it is not confirmed, there is none of that name or no such event, or the service refuses.
    """
    confirm(f"Discard what could not be delivered to {where.name} of {where.vault}?", yes=yes)
    answer = _posted(where, "deadLetters/discard", event)
    return done(f"{answer['discarded']} are discarded", as_json=as_json, **answer)


# ---- asking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    session: Session
    path: str


@contextmanager
def _about(where: Subscription) -> Iterator[_Found]:
    """Ask about an event subscription; if there is none of its name, say which there are."""
    with open_session(where.at.data, subscription=where.at.subscription) as session:
        listed = _list_path(session, where)
        others = lambda: (str(one["name"]) for one in session.arm_pages(listed, api_version=VERSION))  # noqa: E731
        with naming("event subscription", where.name, others):
            yield _Found(session, f"{listed}/{segment(where.name)}")


def _asked(where: Subscription, ask: Callable[[Session, str], Any], *, as_json: bool) -> int:
    with _about(where) as found:
        return show_one(ask(found.session, found.path), _ONE, as_json=as_json)


def put_agreed(arm: Callable[..., Any], method: str, path: str, body: Mapping[str, Any]) -> Any:
    """
    Put a subscription by Resource Manager, and wait until its endpoint has agreed to get events.

    Raises:
        Halt: it did not; the subscription is there, and gets nothing until it is put again.
    """
    try:
        return arm(method, path, body, api_version=VERSION)
    except Refused as refused:
        if refused.status >= _REFUSED:
            # Nothing was begun, so a subscription of that name says nothing of it, if there is one at all.
            raise
        made = arm("GET", path, api_version=VERSION)
        if made["properties"]["provisioningState"] != "Failed":
            raise
        raise Halt(
            f"{made['name']} gets no events. {made['error']['message']} Create it again once that is mended"
        ) from None


def _posted(where: Subscription, word: str, event: str | None) -> Any:
    body = {"eventId": event} if event is not None else {}
    with _about(where) as found:
        return found.session.arm("POST", f"{found.path}/{word}", body, api_version=VERSION)


def _told(where: Subscription, word: str, member: str, *, as_json: bool) -> int:
    with _about(where) as found:
        answer = found.session.arm("POST", f"{found.path}/{word}", api_version=VERSION)
    if as_json:
        return done("", as_json=True, **answer)
    print(answer[member])
    return Exit.OK


def _list_path(session: Session, where: Subscription) -> str:
    vault = find_vault(session, where.vault, where.at.group)
    return f"{vault['id']}/providers/Microsoft.EventGrid/eventSubscriptions"


def _said(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    # A moment without a zone is one of UTC, as everything that is printed here.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).isoformat()
