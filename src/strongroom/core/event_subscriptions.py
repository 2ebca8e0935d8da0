"""
Event subscriptions: who is told of a vault's events, of which of them, and how.

    put ──> Creating ──handshake──> Succeeded ──put with another endpoint──> Updating ──handshake──> Succeeded
                          ├──> AwaitingManualAction ──validation URL, in ten minutes──> Succeeded
                          └──> Failed

An endpoint that was not validated gets no events. While another one is put in the place of a valid one, events are
recorded for the subscription and wait for the handshake. Source: Microsoft.EventGrid/eventSubscriptions 2025-02-15.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from strongroom.core import event_limits
from strongroom.core.diagnostics import SinkKind, parse_sink_id
from strongroom.core.errors import Invalid
from strongroom.core.event_filters import EventFilter
from strongroom.core.outgoing import URL_CHARS, parse_destination
from strongroom.core.records import Record, record, vault_partition

_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_NAME_CHARS_LEAST = 3
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t -~]*", re.ASCII)
_OUR_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "webhook-request-origin",
        "webhook-request-callback",
    }
)
"""Headers that say how a request is to be read, or that are ours to say."""
_OUR_PREFIXES = ("aeg-", "x-strongroom-", "proxy-")
_CONTAINER = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_RESERVED_NAMES = ("Microsoft-", "EventGrid-", "System-")


class EventSchema(StrEnum):
    """How events are written for a receiver."""

    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENTS = "CloudEventSchemaV1_0"


class SubscriptionState(StrEnum):
    """How far a subscription has come: Event Grid's `provisioningState`."""

    CREATING = "Creating"
    UPDATING = "Updating"
    AWAITING_MANUAL_ACTION = "AwaitingManualAction"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long, an event is tried to be delivered."""

    attempts: int = event_limits.EVENT_ATTEMPTS
    live_minutes: int = event_limits.EVENT_LIVE_MINUTES


@dataclass(frozen=True, slots=True)
class DeliveryHeader:
    """A header that is added to every delivery."""

    name: str
    value: str = ""
    """Of a static one that is no secret. The value of a secret one is sealed with the endpoint."""
    is_secret: bool = False
    source: str = ""
    """Of a dynamic one: the member of the event that the value is taken from, such as `data.ObjectName`."""


@dataclass(frozen=True, slots=True)
class SealedEndpoint:
    """What of a subscription is sealed in its record."""

    url: str = field(repr=False)
    """The whole URL of the webhook, with what its query may prove to it."""
    signing_secret: str = field(repr=False)
    """What deliveries are signed with."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """The secret headers, by name."""


@record
@dataclass(frozen=True, slots=True)
class EventSubscription(Record):
    """Who is told of a vault's events."""

    KIND: ClassVar[str] = "event_subscription"
    id: str
    """The name in lower case."""
    tenant: str
    vault: str
    """The vault's GUID."""
    number: str
    """A GUID made at creation: a name that is given up and taken again is another subscription, whose queue is new."""
    name: str
    base_url: str
    """The webhook's URL without its query, which may hold a secret."""
    sealed: bytes = field(repr=False)
    """A `SealedEndpoint`, under the vault's key."""
    state: SubscriptionState
    created: int
    created_by: str
    """The object id of who made it."""
    filter: EventFilter = field(default_factory=EventFilter)
    schema: EventSchema = EventSchema.EVENT_GRID
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    expires: int | None = None
    """Unix seconds from which nothing more is recorded for it, and it goes."""
    labels: tuple[str, ...] = ()
    headers: tuple[DeliveryHeader, ...] = ()
    dead_letter: str = ""
    """The ARM id of the storage account where dead letters are written too; empty if they are kept here alone."""
    dead_letter_container: str = ""
    max_events_per_batch: int = 1
    preferred_batch_kilobytes: int = 64
    """Both are as they were asked for and decide nothing: an event is delivered alone, which batches allow."""
    rate_per_minute: int = 0
    """How many deliveries its endpoint allows in a minute; 0 if it does not say."""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""
    handshake: str = ""
    """A GUID of the handshake that is owed or was made last: its code and its URL follow from it."""
    handshake_begun: int = 0
    fault: str = ""
    """Why the last handshake failed; a sentence that repeats nothing of an answer."""

    @property
    def partition(self) -> str:
        """The vault's."""
        return vault_partition(self.vault)

    @property
    def is_recorded_for(self) -> bool:
        """Whether events that come are recorded for it: its endpoint was validated, or one before it was."""
        return self.state in {SubscriptionState.SUCCEEDED, SubscriptionState.UPDATING}

    @property
    def owes_handshake(self) -> bool:
        """Whether its endpoint has to be asked whether it wants events."""
        return self.state in {SubscriptionState.CREATING, SubscriptionState.UPDATING}

    def has_expired(self, now: int) -> bool:
        """Tell whether its time is over."""
        return self.expires is not None and self.expires <= now


def subscription_scope(vault_scope: str, name: str) -> str:
    """Make the ARM id of a vault's event subscription."""
    return f"{vault_scope}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"


# ---- reading what was asked -----------------------------------------------------------------------------------------


def parse_subscription_name(text: str) -> str:
    """
    Read the name of an event subscription.

    Raises:
        Invalid: its length or its characters.
    """
    longest = event_limits.EVENT_SUBSCRIPTION_NAME_CHARS
    if not _NAME_CHARS_LEAST <= len(text) <= longest or _NAME.fullmatch(text) is None:
        raise Invalid(
            f"The name of an event subscription has {_NAME_CHARS_LEAST} to {longest} characters, which are letters,"
            " digits and hyphens."
        )
    if text.lower().startswith(tuple(one.lower() for one in _RESERVED_NAMES)):
        raise Invalid(f"The name of an event subscription does not begin with {', '.join(_RESERVED_NAMES)}.")
    return text


def parse_endpoint(url: str) -> str:
    """
    Read the URL of a webhook, and give what of it may be shown.

    Raises:
        Invalid: nothing is sent there. It is not repeated: its query may hold a secret.
    """
    try:
        parse_destination(url)
    except ValueError:
        # What the library says of a URL repeats a part of it: of a password with a slash in it, the beginning.
        raise Invalid(
            f"The endpoint URL of a webhook is an https URL of at most {URL_CHARS} characters, without a user and a"
            " fragment."
        ) from None
    parts = urlsplit(url)
    return f"https://{parts.netloc}{parts.path}"


def check_retry(policy: RetryPolicy) -> RetryPolicy:
    """
    Check a retry policy.

    Raises:
        Invalid: one of the two is out of its range.
    """
    if not 1 <= policy.attempts <= event_limits.EVENT_ATTEMPTS:
        raise Invalid(f"maxDeliveryAttempts is from 1 to {event_limits.EVENT_ATTEMPTS}.")
    if not 1 <= policy.live_minutes <= event_limits.EVENT_LIVE_MINUTES:
        raise Invalid(f"eventTimeToLiveInMinutes is from 1 to {event_limits.EVENT_LIVE_MINUTES}.")
    return policy


def check_dead_letter(resource: str, container: str) -> None:
    """
    Check where dead letters are to be written.

    Raises:
        Invalid: it is not the ARM id of a storage account, or not the name of a container.
    """
    if parse_sink_id(resource).kind is not SinkKind.STORAGE:
        raise Invalid("The resourceId of a deadLetterDestination is the ARM id of a storage account.")
    if _CONTAINER.fullmatch(container) is None:
        raise Invalid(
            "The blobContainerName of a deadLetterDestination has 3 to 63 characters, which are small letters, digits"
            " and single hyphens between them."
        )


def check_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """
    Check labels.

    Raises:
        Invalid: there are too many, or one is empty, too long or cannot be shown.
    """
    longest = event_limits.EVENT_LABEL_CHARS
    if len(labels) > event_limits.EVENT_LABELS:
        raise Invalid(f"An event subscription has at most {event_limits.EVENT_LABELS} labels.")
    if any(not 0 < len(label) <= longest or not label.isprintable() for label in labels):
        raise Invalid(f"A label of an event subscription has 1 to {longest} characters that can be shown.")
    return labels


def check_headers(headers: tuple[tuple[DeliveryHeader, str], ...]) -> None:
    """
    Check the headers that deliveries get, each with its value whether it is secret or not.

    Raises:
        Invalid: too many, one twice, a name that is no header's or is not theirs to set, or a value that is none.
    """
    if len(headers) > event_limits.EVENT_HEADERS:
        raise Invalid(f"An event subscription has at most {event_limits.EVENT_HEADERS} delivery attributes.")
    names = [header.name.lower() for header, _ in headers]
    if len(set(names)) < len(names):
        raise Invalid("A delivery attribute is named more than once.")
    for header, value in headers:
        name = header.name.lower()
        if _HEADER_NAME.fullmatch(header.name) is None or name in _OUR_HEADERS or name.startswith(_OUR_PREFIXES):
            raise Invalid("A delivery attribute is named as a header is, and not as one that the delivery itself has.")
        if header.source:
            if len(header.source) > event_limits.EVENT_FILTER_CHARS or not all(header.source.split(".")):
                raise Invalid("The sourceField of a dynamic delivery attribute names a member of the event.")
        elif not value or len(value) > event_limits.EVENT_HEADER_BYTES or _HEADER_VALUE.fullmatch(value) is None:
            raise Invalid(
                f"The value of a delivery attribute has 1 to {event_limits.EVENT_HEADER_BYTES} visible characters."
            )
