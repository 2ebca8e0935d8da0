"""What requests of `Microsoft.EventGrid` carry (2025-02-15, as its official client and azure-cli send it)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from strongroom.core import event_limits, limits
from strongroom.http.json import Secretive

_Word = Annotated[str, Meta(max_length=limits.OBJECT_NAME_CHARS)]
_Text = Annotated[str, Meta(max_length=event_limits.EVENT_FILTER_CHARS)]
_Id = Annotated[str, Meta(max_length=limits.PATH_BYTES)]
_Url = Annotated[str, Meta(max_length=limits.PATH_BYTES)]
_Value = Annotated[str, Meta(max_length=event_limits.EVENT_HEADER_BYTES)]


class AttributeProperties(Secretive, rename="camel"):
    """What a delivery attribute is: a value, or where in the event it is."""

    value: _Value | None = None
    is_secret: bool = False
    source_field: _Text | None = None


class DeliveryAttribute(Struct, rename="camel"):
    """A header that each delivery gets."""

    name: _Word
    type: _Word
    properties: AttributeProperties | None = None


class DestinationProperties(Secretive, rename="camel"):
    """Where a webhook is, and what it wants."""

    endpoint_url: _Url | None = None
    max_events_per_batch: int | None = None
    preferred_batch_size_in_kilobytes: int | None = None
    azure_active_directory_tenant_id: _Word | None = None
    azure_active_directory_application_id_or_uri: _Id | None = None
    delivery_attribute_mappings: list[DeliveryAttribute] | None = None
    minimum_tls_version_allowed: _Word | None = None


class Destination(Struct, rename="camel"):
    """Who gets the events."""

    endpoint_type: _Word
    properties: DestinationProperties | None = None


class AdvancedFilter(Struct, rename="camel"):
    """One question about one member of an event."""

    operator_type: _Word
    key: _Text | None = None
    value: Any = None
    values: list[Any] | None = None


class Filter(Struct, rename="camel"):
    """Which events it gets."""

    subject_begins_with: _Text | None = None
    subject_ends_with: _Text | None = None
    included_event_types: list[_Word] | None = None
    is_subject_case_sensitive: bool | None = None
    enable_advanced_filtering_on_arrays: bool | None = None
    advanced_filters: list[AdvancedFilter] | None = None


class RetryPolicy(Struct, rename="camel"):
    """How often and how long an event is tried."""

    max_delivery_attempts: int | None = None
    event_time_to_live_in_minutes: int | None = None


class DeadLetterProperties(Struct, rename="camel"):
    """A container of a storage account."""

    resource_id: _Id = ""
    blob_container_name: _Word = ""


class DeadLetterDestination(Struct, rename="camel"):
    """Where what cannot be delivered is written."""

    endpoint_type: _Word
    properties: DeadLetterProperties = field(default_factory=DeadLetterProperties)


class EventSubscription(Struct, rename="camel"):
    """What a subscription is; what a PATCH leaves out stays."""

    destination: Destination | None = None
    delivery_with_resource_identity: dict[str, Any] | None = None
    filter: Filter | None = None
    labels: list[str] | None = None
    expiration_time_utc: _Word | None = None
    event_delivery_schema: _Word | None = None
    retry_policy: RetryPolicy | None = None
    dead_letter_destination: DeadLetterDestination | None = None
    dead_letter_with_resource_identity: dict[str, Any] | None = None


class EventSubscriptionResource(Struct, rename="camel"):
    """The body of PUT event subscription."""

    properties: EventSubscription


class DeadLetters(Struct, rename="camel"):
    """Which dead letters are meant: that of one event, or all of them."""

    event_id: _Word | None = None
