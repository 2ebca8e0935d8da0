"""
Diagnostic settings of vaults: made, changed, removed.

They go with their vault when it is purged or moved, as in Azure. None of them can take anything from the service's own
journal: they only say where copies go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from strongroom.core import audit_limits
from strongroom.core.diagnostics import AUDIT_EVENT, Destination, DiagnosticSetting, Flow, SinkKind
from strongroom.core.errors import Conflict, NotFound
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.resources.lookup import require_active
from strongroom.store import Transaction
from strongroom.view import View


@dataclass(frozen=True, slots=True)
class SettingWish:
    """A setting as a request describes it."""

    name: str
    destinations: tuple[tuple[SinkKind, str], ...]
    """Each with the ARM id as it was given."""
    logs: tuple[Flow, ...]
    metrics: tuple[Flow, ...]
    event_hub_name: str = ""
    log_analytics_type: str = ""


def setting_id(vault: Vault, name: str) -> str:
    """Make the id that the record of a setting has."""
    return f"{vault.id}/{name.lower()}"


def settings_of(view: View, vault: Vault) -> list[DiagnosticSetting]:
    """Give the settings of a vault."""
    return [one for one in view.all(DiagnosticSetting, tenant_partition(vault.tenant)) if one.vault == vault.id]


def find_setting(view: View, vault: Vault, name: str) -> DiagnosticSetting | None:
    """Find a setting of a vault by its name."""
    return view.get(DiagnosticSetting, tenant_partition(vault.tenant), setting_id(vault, name))


def setting_not_found() -> NotFound:
    """Say that a vault has no setting of a name, which is not repeated."""
    return NotFound("The diagnostic setting was not found at this resource.", code="ResourceNotFound")


async def put_setting(tx: Transaction, vault: Vault, wish: SettingWish, *, now: int) -> DiagnosticSetting:
    """
    Make a setting, or put another in its place.

    A sink that was named before goes on where it is; one that was not, or to which nothing flowed, gets what comes from
    now on.

    Raises:
        NotFound: the vault is gone.
        Conflict: it has as many settings as there may be, or another sends the same category to the same sink.
    """
    current = await require_active(tx, vault)
    beside = [
        one for one in await tx.records(DiagnosticSetting, tenant_partition(vault.tenant)) if one.vault == current.id
    ]
    known = next((one for one in beside if one.id == setting_id(current, wish.name)), None)
    others = [one for one in beside if one is not known]
    if known is None and len(beside) >= audit_limits.DIAGNOSTIC_SETTINGS:
        raise Conflict(
            f"A resource has at most {audit_limits.DIAGNOSTIC_SETTINGS} diagnostic settings. Delete one first.",
            code="Conflict",
        )
    made = DiagnosticSetting(
        id=setting_id(current, wish.name),
        tenant=current.tenant,
        vault=current.id,
        name=wish.name if known is None else known.name,
        created=now if known is None else known.created,
        destinations=tuple(Destination(kind, resource, now) for kind, resource in wish.destinations),
        logs=wish.logs,
        metrics=wish.metrics,
        event_hub_name=wish.event_hub_name,
        log_analytics_type=wish.log_analytics_type,
        former_scopes=() if known is None else known.former_scopes,
    )
    if known is not None and AUDIT_EVENT in known.categories:
        since = {one.key: one.since for one in known.destinations}
        made = replace(
            made,
            destinations=tuple(replace(one, since=since.get(one.key, one.since)) for one in made.destinations),
        )
    _refuse_twice(made, others)
    await tx.put(made)
    return made


def _refuse_twice(made: DiagnosticSetting, others: list[DiagnosticSetting]) -> None:
    for other in others:
        shared = made.categories & other.categories
        sinks = {one.key for one in made.destinations} & {one.key for one in other.destinations}
        if shared and sinks:
            raise Conflict(
                f"Another diagnostic setting of this resource sends category '{min(shared)}' to the same data sink."
                " Data sinks can't be reused in different settings on the same category for the same resource.",
                code="Conflict",
            )


async def delete_setting(tx: Transaction, vault: Vault, name: str) -> bool:
    """Remove a setting; whether there was one."""
    found = await tx.record(DiagnosticSetting, tenant_partition(vault.tenant), setting_id(vault, name))
    if found is not None:
        await tx.remove(found)
    return found is not None


async def keep_settings_of(tx: Transaction, tenant: str, vaults: Iterable[Vault]) -> None:
    """Let the settings of vaults that are about to move know what those are called until now."""
    scopes = {vault.id: vault.scope for vault in vaults}
    for one in await tx.records(DiagnosticSetting, tenant_partition(tenant)):
        scope = scopes.get(one.vault)
        if scope is not None and scope not in one.former_scopes:
            await tx.put(replace(one, former_scopes=(*one.former_scopes, scope)))


async def remove_settings_of(tx: Transaction, vault: Vault) -> None:
    """Remove the settings of a vault that goes for good."""
    for one in await tx.records(DiagnosticSetting, tenant_partition(vault.tenant)):
        if one.vault == vault.id:
            await tx.remove(one)
