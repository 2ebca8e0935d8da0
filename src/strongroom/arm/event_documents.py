"""Event subscriptions as requests describe them, and as they are written down in answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from strongroom.arm import event_wire as wire
from strongroom.arm.documents import Document, timestamp
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.event_deliveries import Delivery
from strongroom.core.event_filters import AdvancedFilter, EventFilter, parse_advanced, parse_types
from strongroom.core.event_subscriptions import (
    DeliveryHeader,
    EventSchema,
    EventSubscription,
    RetryPolicy,
    SubscriptionState,
    subscription_scope,
)
from strongroom.core.events import EventType
from strongroom.core.vaults import Vault
from strongroom.resources.event_subscriptions import SubscriptionWish

TYPE = "Microsoft.EventGrid/eventSubscriptions"
_WEBHOOK = "WebHook"
_BLOB = "StorageBlob"
_SERVED_TLS = ("1.2", "1.3")

# ---- reading --------------------------------------------------------------------------------------------------------


def changed_by(wish: SubscriptionWish, said: wire.EventSubscription) -> SubscriptionWish:
    """
    Change a wish as a body says; what it leaves out stays.

    Raises:
        Invalid: something of it, or what is not served here.
    """
    _refuse_unserved(said)
    if said.destination is not None:
        wish = _with_destination(wish, said.destination)
    if said.filter is not None:
        wish = replace(wish, filter=_filter_of(said.filter))
    if said.labels is not None:
        wish = replace(wish, labels=tuple(said.labels))
    if said.expiration_time_utc is not None:
        wish = replace(wish, expires=_moment(said.expiration_time_utc))
    if said.event_delivery_schema is not None:
        wish = replace(wish, schema=_schema_of(said.event_delivery_schema))
    if said.retry_policy is not None:
        wish = replace(wish, retry=_retry_of(said.retry_policy))
    if said.dead_letter_destination is not None:
        wish = _with_dead_letters(wish, said.dead_letter_destination)
    return wish


def wish_for(said: wire.EventSubscription) -> SubscriptionWish:
    """
    Read what a PUT describes.

    Raises:
        Invalid: it has no destination, or something of it is wrong.
    """
    if said.destination is None:
        raise Invalid("properties.destination is missing: a WebHook with its endpointUrl.")
    return changed_by(SubscriptionWish(""), said)


def _refuse_unserved(said: wire.EventSubscription) -> None:
    if said.delivery_with_resource_identity is not None or said.dead_letter_with_resource_identity is not None:
        raise Invalid(
            "Delivery with a managed identity is not served here. Deliveries are signed: see getSigningSecret."
        )


def _with_dead_letters(wish: SubscriptionWish, said: wire.DeadLetterDestination) -> SubscriptionWish:
    if said.endpoint_type.lower() != _BLOB.lower():
        raise Invalid("The endpointType of a deadLetterDestination is StorageBlob.")
    properties = said.properties
    return replace(wish, dead_letter=properties.resource_id, dead_letter_container=properties.blob_container_name)


def _with_destination(wish: SubscriptionWish, destination: wire.Destination) -> SubscriptionWish:
    if destination.endpoint_type.lower() != _WEBHOOK.lower():
        raise Invalid(f"'{shown(destination.endpoint_type, WORD)}' is no endpointType that is served here: WebHook is.")
    said = destination.properties or wire.DestinationProperties()
    if said.azure_active_directory_tenant_id or said.azure_active_directory_application_id_or_uri:
        raise Invalid(
            "Delivery with a token of the directory is not served here. Deliveries are signed: see getSigningSecret."
        )
    if said.minimum_tls_version_allowed is not None and said.minimum_tls_version_allowed not in _SERVED_TLS:
        raise Invalid("minimumTlsVersionAllowed is 1.2 or 1.3: nothing older is spoken.")
    mappings = said.delivery_attribute_mappings
    # What a GET shows has no URL in it, so a body without one means the one that there is.
    url = wish.url if said.endpoint_url is None else said.endpoint_url
    known = dict(_named(wish))
    if known and url != wish.url and (mappings is None or any(_is_left_out(one) for one in mappings)):
        # Another endpoint is somebody else, and whoever may name one need not know what proves us to the one before.
        raise Invalid(
            "The value of a secret delivery attribute has to be given again where the endpointUrl is another."
        )
    return replace(
        wish,
        url=url,
        headers=wish.headers if mappings is None else tuple(_header_of(one, known) for one in mappings),
        max_events_per_batch=said.max_events_per_batch or wish.max_events_per_batch,
        preferred_batch_kilobytes=said.preferred_batch_size_in_kilobytes or wish.preferred_batch_kilobytes,
    )


def _named(wish: SubscriptionWish) -> list[tuple[str, str]]:
    return [(header.name.lower(), value) for header, value in wish.headers if header.is_secret]


def _is_left_out(said: wire.DeliveryAttribute) -> bool:
    """Tell whether a delivery attribute is a secret one without its value, as one is shown."""
    return said.properties is not None and said.properties.is_secret and said.properties.value is None


def _header_of(said: wire.DeliveryAttribute, known: Mapping[str, str]) -> tuple[DeliveryHeader, str]:
    properties = said.properties or wire.AttributeProperties()
    kind = said.type.lower()
    if kind == "dynamic":
        return DeliveryHeader(said.name, source=properties.source_field or ""), ""
    if kind != "static":
        raise Invalid("The type of a delivery attribute is Static or Dynamic.")
    value = properties.value
    if value is None and properties.is_secret:
        # It is never shown, so a client that sends back what it was shown does not have it.
        value = known.get(said.name.lower())
    return DeliveryHeader(said.name, "" if properties.is_secret else value or "", properties.is_secret), value or ""


def _filter_of(said: wire.Filter) -> EventFilter:
    return EventFilter(
        types=parse_types(said.included_event_types),
        subject_begins=said.subject_begins_with or "",
        subject_ends=said.subject_ends_with or "",
        is_case_sensitive=bool(said.is_subject_case_sensitive),
        advanced=tuple(map(_advanced_of, said.advanced_filters or ())),
        with_arrays=bool(said.enable_advanced_filtering_on_arrays),
    )


def _advanced_of(said: wire.AdvancedFilter) -> AdvancedFilter:
    values = said.values if said.values is not None else [] if said.value is None else [said.value]
    return parse_advanced(said.operator_type, said.key or "", values)


def _schema_of(text: str) -> EventSchema:
    for schema in EventSchema:
        if schema.lower() == text.lower():
            return schema
    raise Invalid(f"eventDeliverySchema is one of: {', '.join(EventSchema)}.")


def _retry_of(said: wire.RetryPolicy) -> RetryPolicy:
    usual = RetryPolicy()
    attempts, minutes = said.max_delivery_attempts, said.event_time_to_live_in_minutes
    return RetryPolicy(
        usual.attempts if attempts is None else attempts, usual.live_minutes if minutes is None else minutes
    )


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        # It is told in UTC, which has no year 10000 either.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("expirationTimeUtc is no time: 2027-01-31T00:00:00Z.") from None
    return int(moment.timestamp())


# ---- writing --------------------------------------------------------------------------------------------------------


def show_subscription(vault: Vault, one: EventSubscription) -> Document:
    """
    Write an event subscription. What of its endpoint may be secret is not in it.

    One whose endpoint did not agree has an `error` as well, by which clients that waited for it say why.
    """
    failed = one.state is SubscriptionState.FAILED
    return {
        **({"error": _error(one)} if failed else {}),
        "id": subscription_scope(vault.scope, one.name),
        "name": one.name,
        "type": TYPE,
        "systemData": None,
        "properties": {
            "topic": vault.scope,
            "provisioningState": one.state,
            "destination": {
                "endpointType": _WEBHOOK,
                "properties": {
                    "endpointUrl": None,
                    "endpointBaseUrl": one.base_url,
                    "maxEventsPerBatch": one.max_events_per_batch,
                    "preferredBatchSizeInKilobytes": one.preferred_batch_kilobytes,
                    "deliveryAttributeMappings": [show_header(header) for header in one.headers],
                },
            },
            "filter": _show_filter(one.filter),
            "labels": list(one.labels) or None,
            "expirationTimeUtc": timestamp(one.expires) if one.expires is not None else None,
            "eventDeliverySchema": one.schema,
            "retryPolicy": {
                "maxDeliveryAttempts": one.retry.attempts,
                "eventTimeToLiveInMinutes": one.retry.live_minutes,
            },
            "deadLetterDestination": _show_dead_letters(one) if one.dead_letter else None,
        },
    }


def _show_dead_letters(one: EventSubscription) -> Document:
    place = {"resourceId": one.dead_letter, "blobContainerName": one.dead_letter_container}
    return {"endpointType": _BLOB, "properties": place}


def _error(one: EventSubscription) -> Document:
    fault = one.fault or "it did not agree"
    message = f"Webhook validation handshake failed for {one.base_url}: {fault}."
    return {"code": "Url validation", "message": message}


def show_header(header: DeliveryHeader) -> Document:
    """Write a delivery attribute; the value of a secret one is not in it."""
    if header.source:
        return {"name": header.name, "type": "Dynamic", "properties": {"sourceField": header.source}}
    value = None if header.is_secret else header.value
    return {"name": header.name, "type": "Static", "properties": {"value": value, "isSecret": header.is_secret}}


def _show_filter(one: EventFilter) -> Document:
    types = list(EventType) if one.types is None else list(one.types)
    return {
        "subjectBeginsWith": one.subject_begins,
        "subjectEndsWith": one.subject_ends,
        "includedEventTypes": types,
        "isSubjectCaseSensitive": one.is_case_sensitive,
        "enableAdvancedFilteringOnArrays": one.with_arrays,
        "advancedFilters": [_show_advanced(question) for question in one.advanced] or None,
    }


def _show_advanced(one: AdvancedFilter) -> Document:
    values: list[Any] = [list(value) if isinstance(value, tuple) else value for value in one.values]
    said = {"operatorType": one.operator, "key": one.key}
    if one.is_single:
        return {**said, "value": values[0]}
    return {**said, "values": values} if values else said


def show_dead_letter(one: Delivery) -> Document:
    """Write what could not be delivered: which event, and why not."""
    event = one.event
    return {
        "eventId": event.id,
        "eventType": event.type,
        "eventTime": timestamp(event.time),
        "subject": event.subject,
        "version": event.version or None,
        "attempts": one.attempts,
        "recorded": timestamp(one.since),
        "reason": one.reason,
        "lastOutcome": one.outcome,
    }
