"""What requests of `Microsoft.Insights` carry (2021-05-01-preview, as azure-cli and the azurerm provider send it)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from strongroom.core import audit_limits, limits

_Word = Annotated[str, Meta(max_length=limits.OBJECT_NAME_CHARS)]
_Id = Annotated[str, Meta(max_length=limits.PATH_BYTES)]
_Days = Annotated[int, Meta(ge=0, le=audit_limits.DIAGNOSTIC_RETENTION_DAYS)]


class RetentionPolicy(Struct, rename="camel"):
    """How long a sink is to keep what it gets: told back, and the sink's own affair."""

    enabled: bool = False
    days: _Days = 0


class LogSettings(Struct, rename="camel"):
    """A category of logs, or a group of them."""

    enabled: bool
    category: _Word | None = None
    category_group: _Word | None = None
    retention_policy: RetentionPolicy | None = None


class MetricSettings(Struct, rename="camel"):
    """A category of metrics."""

    enabled: bool
    category: _Word | None = None
    retention_policy: RetentionPolicy | None = None


_Logs = Annotated[list[LogSettings], Meta(max_length=audit_limits.DIAGNOSTIC_FLOWS)]
_Metrics = Annotated[list[MetricSettings], Meta(max_length=audit_limits.DIAGNOSTIC_FLOWS)]


class DiagnosticSettings(Struct, rename="camel"):
    """What goes where."""

    storage_account_id: _Id | None = None
    service_bus_rule_id: _Id | None = None
    event_hub_authorization_rule_id: _Id | None = None
    event_hub_name: _Word | None = None
    workspace_id: _Id | None = None
    marketplace_partner_id: _Id | None = None
    logs: _Logs | None = None
    metrics: _Metrics | None = None
    log_analytics_destination_type: _Word | None = None


class DiagnosticSettingsResource(Struct, rename="camel"):
    """The body of PUT diagnostic setting."""

    properties: DiagnosticSettings
