"""What the control surface reads and answers of audit sinks."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import audit_limits, limits
from strongroom.core.diagnostics import SinkProof
from strongroom.core.outgoing import URL_CHARS

_Path = Annotated[str, msgspec.Meta(max_length=audit_limits.AUDIT_SINK_PATH_CHARS)]


class AuditSinkBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What stands behind an ARM id: a folder, or a URL."""

    resource: Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)]
    """The ARM id of a storage account, event hub authorization rule, workspace or partner's resource."""
    folder: _Path | None = None
    url: Annotated[str, msgspec.Meta(max_length=URL_CHARS)] | None = None
    proof: SinkProof = SinkProof.NONE
    credential_file: _Path | None = None
    tenant: Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)] | None = None
    """Whose settings may name it, by id or domain; none means the only one there is."""


class AuditSinkEntry(msgspec.Struct, rename="camel"):
    """An audit sink."""

    id: str
    tenant_id: str
    resource: str
    folder: str | None
    url: str | None
    proof: str
    credential_file: str | None
    created: int


class AuditSinkList(msgspec.Struct):
    """Every audit sink."""

    value: list[AuditSinkEntry]


class AuditSinkStatus(msgspec.Struct, rename="camel"):
    """How an audit sink is doing."""

    id: str
    resource: str
    settings: int
    """How many diagnostic settings name it."""
    is_following: bool
    lines_behind: int
    records: int
    """How many it was given since this service started."""
    delivered: int | None
    failures: int
    fault: str | None
    waiting_since: int | None


class AuditSinkStatusList(msgspec.Struct):
    """How every audit sink is doing."""

    value: list[AuditSinkStatus]
