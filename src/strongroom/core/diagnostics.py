"""
Diagnostic settings: where copies of the audit of a vault go besides the service's own journal.

A tenant says that there are to be copies, and names a sink by the ARM id of what it would be in Azure. What stands
behind that id, a folder or a URL, only the operator says: nobody chooses a path through ARM (pitfalls "File paths or
modes chosen through an API"). Sources: reference azure-key-vault.md section 7, Microsoft.Insights 2021-05-01-preview.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from strongroom.core import audit_limits, limits
from strongroom.core.echo import RESOURCE_ID, WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.records import INSTANCE, Record, record, tenant_partition

AUDIT_EVENT = "AuditEvent"
LOG_CATEGORIES: tuple[str, ...] = (AUDIT_EVENT, "AzurePolicyEvaluationDetails")
METRIC_CATEGORIES: tuple[str, ...] = ("AllMetrics",)
CATEGORY_GROUPS: dict[str, tuple[str, ...]] = {"audit": (AUDIT_EVENT,), "allLogs": LOG_CATEGORIES}
"""What the names of groups stand for."""


class SinkKind(StrEnum):
    """What a sink would be in Azure: the member of a setting that names it."""

    STORAGE = "storageAccountId"
    EVENT_HUB = "eventHubAuthorizationRuleId"
    WORKSPACE = "workspaceId"
    PARTNER = "marketplacePartnerId"


class SinkProof(StrEnum):
    """How a sink that is a URL knows that it is us."""

    NONE = "none"
    BEARER = "bearer"
    """`Authorization: Bearer`, with what the operator's file holds."""
    HMAC = "hmac"
    """`X-Strongroom-Signature`, with what the operator's file holds as the key."""


@record
@dataclass(frozen=True, slots=True)
class AuditSink(Record):
    """What stands behind an ARM id, for one tenant: a folder of the operator's or a URL."""

    KIND: ClassVar[str] = "audit_sink"
    id: str
    tenant: str
    resource: str
    """The ARM id, lower case."""
    kind: SinkKind
    created: int
    folder: str = ""
    """An absolute path; empty for a URL."""
    url: str = ""
    proof: SinkProof = SinkProof.NONE
    credential_file: str = ""
    """The operator's file with the token or the key; what is in it is read when it is used, and kept nowhere."""

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: one sink for each id of a tenant, one for each folder."""
        folder = (f"audit_sink_folder:{self.folder}",) if self.folder else ()
        return (f"audit_sink:{self.tenant}:{self.resource}", *folder)


@record
@dataclass(frozen=True, slots=True)
class SinkPosition(Record):
    """How far one node's journal has been delivered to a sink."""

    KIND: ClassVar[str] = "audit_sink_position"
    id: str
    """`{sink}/{node}`."""
    sink: str
    node: str
    number: int
    """The file of the journal, and where in it the next line begins."""
    offset: int
    seq: int
    """The line that was read last."""
    delivered: int
    """When, in Unix seconds."""

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE


@dataclass(frozen=True, slots=True)
class SinkState:
    """How a sink is doing: what the operator is told of it."""

    is_following: bool = False
    """Whether any setting sends something there."""
    lines_behind: int = 0
    """How many lines of the journal were not looked at yet; most of them may be for others."""
    delivered: int | None = None
    """When it was last given something, in Unix seconds; None since this service started."""
    records: int = 0
    """How many records it was given since this service started."""
    fault: str | None = None
    """Why the last try failed; None if it did not."""
    failures: int = 0
    """How many tries failed since the last that did not."""
    waiting_since: int | None = None
    """When what is being written was begun: a folder that hangs shows by this."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One sink of a setting."""

    kind: SinkKind
    resource: str
    """The ARM id as it was given."""
    since: int
    """Entries of an earlier time are not for it."""

    @property
    def key(self) -> str:
        """What sinks are found by."""
        return self.resource.lower()


@dataclass(frozen=True, slots=True)
class Flow:
    """A category, or a group of them, that flows or does not."""

    category: str = ""
    group: str = ""
    enabled: bool = False
    retention_enabled: bool = False
    retention_days: int = 0
    has_retention: bool = False


@record
@dataclass(frozen=True, slots=True)
class DiagnosticSetting(Record):
    """A diagnostic setting of a vault."""

    KIND: ClassVar[str] = "diagnostic_setting"
    id: str
    """`{the vault's GUID}/{lower-case name}`."""
    tenant: str
    vault: str
    """The vault's GUID: a vault of the same name that comes later has settings of its own."""
    name: str
    created: int
    destinations: tuple[Destination, ...]
    logs: tuple[Flow, ...] = ()
    metrics: tuple[Flow, ...] = ()
    event_hub_name: str = ""
    log_analytics_type: str = ""
    former_scopes: tuple[str, ...] = ()
    """The ARM ids that the vault had before it was moved: what the journal has of it under them flows too."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def categories(self) -> frozenset[str]:
        """The categories that flow, of logs and of metrics."""
        found = {name for flow in self.logs if flow.enabled for name in members_of(flow)}
        return frozenset(found | {flow.category for flow in self.metrics if flow.enabled})


def members_of(flow: Flow) -> tuple[str, ...]:
    """Give the categories that a flow is of."""
    return CATEGORY_GROUPS[flow.group] if flow.group else (flow.category,)


# ---- reading what was asked -----------------------------------------------------------------------------------------

_KINDS: tuple[tuple[re.Pattern[str], SinkKind], ...] = tuple(
    (re.compile(rf"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/[^/]+/providers/{rest}", re.ASCII), kind)
    for rest, kind in (
        (r"microsoft\.storage/storageaccounts/[^/]+", SinkKind.STORAGE),
        (r"microsoft\.eventhub/namespaces/[^/]+/authorizationrules/[^/]+", SinkKind.EVENT_HUB),
        (r"microsoft\.operationalinsights/workspaces/[^/]+", SinkKind.WORKSPACE),
        (r"(?!microsoft\.(?:storage|eventhub|operationalinsights)/)[a-z0-9.]+/[a-z0-9]+/[^/]+", SinkKind.PARTNER),
    )
)
_RIGHTS: dict[SinkKind, str] = {
    SinkKind.STORAGE: "Microsoft.Storage/storageAccounts/listKeys/action",
    SinkKind.EVENT_HUB: "Microsoft.EventHub/namespaces/authorizationRules/listKeys/action",
    SinkKind.WORKSPACE: "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
}
_FORBIDDEN_IN_NAMES = re.compile(r"[<>*%&:\\?+/]")


@dataclass(frozen=True, slots=True)
class SinkId:
    """The ARM id of a sink, understood."""

    resource: str
    """Lower case."""
    kind: SinkKind
    subscription: str
    right: str
    """The action that whoever sends something there has to have over it, as Azure demands."""


def parse_sink_id(text: str) -> SinkId:
    """
    Read the ARM id of what can be a sink; case means nothing.

    Raises:
        Invalid: it is none.
    """
    folded = "/" + text.strip().strip("/").lower()
    if len(folded) <= limits.PATH_BYTES and folded.isprintable():
        for pattern, kind in _KINDS:
            found = pattern.fullmatch(folded)
            subscription = parse_guid(found["subscription"]) if found is not None else None
            if subscription is not None:
                provider, kinds = folded.split("/")[6], folded.split("/")[7]
                return SinkId(folded, kind, subscription, _RIGHTS.get(kind, f"{provider}/{kinds}/write"))
    raise Invalid(
        f"'{shown(text, RESOURCE_ID)}' is not the ARM id of a storage account, of an authorization rule of an event hub"
        " namespace, of a Log Analytics workspace or of a partner's resource.",
        code="BadRequest",
    )


def parse_setting_name(text: str) -> str:
    """
    Read the name of a setting.

    Raises:
        Invalid: it is too long or has a character that Azure's may not have.
    """
    if (
        not 0 < len(text) <= audit_limits.DIAGNOSTIC_NAME_CHARS
        or _FORBIDDEN_IN_NAMES.search(text)
        or not text.isprintable()
    ):
        raise Invalid(
            f"The name of a diagnostic setting has 1 to {audit_limits.DIAGNOSTIC_NAME_CHARS} characters, none of"
            " which is one of < > * % & : \\ ? + /.",
            code="BadRequest",
        )
    return text


def parse_category(text: str, known: tuple[str, ...]) -> str:
    """
    Read the name of a category or a group; case means nothing.

    Raises:
        Invalid: there is none of that name.
    """
    for name in known:
        if name.lower() == text.lower():
            return name
    raise Invalid(f"Category '{shown(text, WORD)}' is not supported. There are: {', '.join(known)}.", code="BadRequest")
