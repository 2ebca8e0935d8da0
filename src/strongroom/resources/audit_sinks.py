"""
Audit sinks: which folder or URL stands behind an ARM id that a diagnostic setting may name, by the operator's word.

    add --> the tenant's settings may name it;  a setting names it --> entries flow, from a position that is kept
    remove --> no setting may name it, those that do send it nothing more, and its position is forgotten
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core import audit_limits
from strongroom.core.diagnostics import AuditSink, DiagnosticSetting, SinkPosition
from strongroom.core.errors import Conflict, NameTaken, NotFound
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.store import Transaction
from strongroom.view import View


def sink_of(view: View, tenant: str, resource: str) -> AuditSink | None:
    """Find what stands behind an ARM id, in lower case, for a tenant; another tenant's is as unknown as none."""
    for one in view.all(AuditSink, INSTANCE):
        if one.tenant == tenant and one.resource == resource:
            return one
    return None


async def add_sink(tx: Transaction, sink: AuditSink) -> None:
    """
    Let a tenant's settings name a sink.

    Raises:
        Conflict: the tenant has it already, the folder is another's, or there are as many as there may be.
    """
    if len(await tx.records(AuditSink, INSTANCE)) >= audit_limits.AUDIT_SINKS:
        raise Conflict(f"There are at most {audit_limits.AUDIT_SINKS} audit sinks. Remove one first.")
    try:
        await tx.put(sink)
    except NameTaken as taken:
        if taken.name.startswith("audit_sink_folder:"):
            raise Conflict("Another audit sink has this folder. Each has one of its own.") from None
        raise Conflict("The tenant has an audit sink of this ARM id already. Remove that first.") from None


async def remove_sink(tx: Transaction, sink_id: str) -> AuditSink:
    """
    Remove a sink, and what is known of how far it came.

    Raises:
        NotFound: there is none.
    """
    found = await tx.record(AuditSink, INSTANCE, sink_id)
    if found is None:
        raise NotFound("There is no such audit sink.")
    await tx.remove(found)
    await forget_positions(tx, [found.id])
    return found


async def remove_sinks_of(tx: Transaction, tenant: str) -> None:
    """Remove a tenant's sinks, as the tenant is removed."""
    for one in await tx.records(AuditSink, INSTANCE):
        if one.tenant == tenant:
            await remove_sink(tx, one.id)


async def forget_positions(tx: Transaction, sinks: Iterable[str]) -> None:
    """Forget how far sinks came: of the next setting that names one it gets what comes from then on."""
    gone = frozenset(sinks)
    for position in await tx.records(SinkPosition, INSTANCE):
        if position.sink in gone:
            await tx.remove(position)


async def keep_position(tx: Transaction, position: SinkPosition) -> None:
    """Keep how far a sink came, unless it was removed meanwhile."""
    if await tx.record(AuditSink, INSTANCE, position.sink) is not None:
        await tx.put(position)


def settings_for(view: View, sink: AuditSink) -> Iterable[tuple[DiagnosticSetting, int]]:
    """Give the settings that name a sink, each with the time from which entries are for it."""
    for setting in view.all(DiagnosticSetting, tenant_partition(sink.tenant)):
        for destination in setting.destinations:
            if destination.key == sink.resource:
                yield setting, destination.since
