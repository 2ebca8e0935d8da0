"""
A vault's life: made, changed, deleted, recovered, purged (reference azure-key-vault.md sections 3.1, 4.6).

A deleted vault keeps its settings, its contents, its name and its place in a perimeter, and loses every role assignment
at its scope and below and every private endpoint's connection; recovering it brings none of them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from strongroom.core import limits
from strongroom.core.certificate_issuers import CertificateContacts, CertificateIssuer
from strongroom.core.echo import VAULT_NAME, shown
from strongroom.core.errors import Conflict, MethodNotAllowed, NameTaken, NotFound
from strongroom.core.lifecycle import purge_time
from strongroom.core.mail import Letter
from strongroom.core.names import parse_vault_name
from strongroom.core.records import tenant_partition, vault_partition
from strongroom.core.resources import ResourceGroup
from strongroom.core.vaults import LeftContents, Vault
from strongroom.resources.deny_assignments import remove_denials_under
from strongroom.resources.diagnostic_settings import remove_settings_of
from strongroom.resources.endpoint_connections import remove_connections_of
from strongroom.resources.event_subscriptions import remove_subscriptions_of
from strongroom.resources.lookup import (
    deleted_vault_not_found,
    group_not_found,
    is_in,
    is_recoverable,
    require_active,
)
from strongroom.resources.perimeter_associations import remove_association_of
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags
from strongroom.resources.vault_events import announce_access_change
from strongroom.resources.vault_settings import VaultChange, apply_change
from strongroom.resources.vault_subnets import check_subnet_rules
from strongroom.store import Store, Transaction
from strongroom.view import View


def name_taken(name: str) -> Conflict:
    """Say that a vault's name belongs to another vault, active or deleted, wherever it is."""
    return Conflict(
        f"The vault name '{shown(name, VAULT_NAME)}' is already in use. Vault names are globaly unique so it is"
        " possible that the name is already taken. If you are sure that the vault name was not taken then it is"
        " possible that a vault with the same name was recently deleted but not purged after being placed in a"
        " recoverable state. If the vault is in a recoverable state then the vault will need to be purged before"
        " reusing the name. For more information about VaultAlreadyExists, soft delete and purging a vault follow this"
        " link https://go.microsoft.com/fwlink/?linkid=2147740.",
        code="VaultAlreadyExists",
    )


def name_deleted() -> Conflict:
    """Say that a vault's name belongs to a deleted vault of the same subscription, which can be recovered."""
    return Conflict(
        "A vault with the same name already exists in deleted state. You need to either recover or purge existing key"
        " vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
        code="ConflictError",
    )


async def create_vault(
    tx: Transaction,
    *,
    group: ResourceGroup,
    vault: str,
    name: str,
    location: str,
    wrapped_key: bytes,
    change: VaultChange,
    rbac_default: bool,
    now: int,
    by: str,
) -> Vault:
    """
    Make a vault. *vault* is a new GUID, and *wrapped_key* what `RootKey.new_vault_key` made for it.

    Raises:
        NotFound: the group is gone.
        Conflict: the name is taken.
        Invalid: the name or a setting.
    """
    if await tx.record(ResourceGroup, tenant_partition(group.tenant), group.id) is None:
        raise group_not_found(group.name)
    blank = Vault(
        id=vault,
        tenant=group.tenant,
        subscription=group.subscription,
        resource_group=group.name,
        name=parse_vault_name(name),
        location=location,
        created=now,
        wrapped_key=wrapped_key,
        # A model that an older version's maker did not choose is not shown, though it is access policies.
        rbac=rbac_default or None,
        retention_said=False,
        updated=now,
        created_by=by,
        updated_by=by,
    )
    await check_subnet_rules(tx, group.tenant, change)
    # A new vault has no model yet, so choosing one switches nothing.
    made = apply_change(blank, change, permit_model_switch=lambda: None, new=True)
    try:
        await tx.put(made)
    except NameTaken:
        raise name_taken(name) from None
    return made


async def update_vault(
    tx: Transaction,
    vault: Vault,
    change: VaultChange,
    *,
    permit_model_switch: Callable[[], None],
    now: int,
    by: str,
) -> Vault:
    """
    Change a vault's settings, as it is now and not as *vault* was read.

    *permit_model_switch* raises unless the caller may change between role assignments and access policies; it is asked
    only if the change does that.

    Raises:
        NotFound: the vault is gone or deleted.
        Invalid: a setting, or one that does not change any more.
    """
    current = await require_active(tx, vault)
    await check_subnet_rules(tx, current.tenant, change)
    changed = replace(
        apply_change(current, change, permit_model_switch=permit_model_switch, new=False), updated=now, updated_by=by
    )
    await tx.put(changed)
    announce_access_change(tx, current, changed, now)
    return changed


async def delete_vault(tx: Transaction, vault: Vault, *, now: int) -> Vault:
    """
    Put a vault into the deleted state, with its role assignments gone for good.

    Raises:
        NotFound: it is gone or deleted already.
    """
    current = await require_active(tx, vault)
    await remove_assignments_under(tx, current.tenant, current.scope)
    return await mark_deleted(tx, current, now=now)


async def mark_deleted(tx: Transaction, vault: Vault, *, now: int) -> Vault:
    """Put a vault that was read in this transaction, and whose role assignments go with it, into the deleted state."""
    deleted = replace(vault, deleted=now, purge_at=purge_time(now, vault.retention_days))
    await remove_connections_of(tx, vault)
    await tx.put(deleted)
    return deleted


async def recover_vault(
    tx: Transaction,
    vault: Vault | None,
    *,
    group: ResourceGroup,
    name: str,
    tags: Mapping[str, str],
    now: int,
    by: str,
) -> Vault:
    """
    Bring a deleted vault back with the settings it had; of what was sent with the request only the tags count.

    *vault* is what the look-up by name found, if anything.

    Raises:
        NotFound: nothing to recover in this group, or the group is gone.
        Conflict: the name belongs to an active vault.
        Invalid: the tags.
    """
    labels = check_tags(tags)
    if await tx.record(ResourceGroup, tenant_partition(group.tenant), group.id) is None:
        raise group_not_found(group.name)
    current = None if vault is None else await tx.record(Vault, vault_partition(vault.id), vault.id)
    if current is not None and current.deleted is None:
        raise name_taken(name)
    if current is None or not is_in(current, group) or not is_recoverable(current, now):
        raise NotFound(
            f"A soft deleted vault with the given name does not exist. Vault name: '{shown(name, VAULT_NAME)}'.",
            code="SoftDeletedVaultDoesNotExist",
        )
    recovered = replace(
        current, resource_group=group.name, tags=labels, updated=now, updated_by=by, deleted=None, purge_at=None
    )
    await tx.put(recovered)
    return recovered


async def purge_vault(tx: Transaction, vault: Vault, *, now: int) -> int:
    """
    Remove a deleted vault with its key and everything in it, and free its name; the number of objects removed.

    Raises:
        NotFound: it is gone, or not deleted.
        MethodNotAllowed: purge protection holds it until its retention ends.
    """
    current = await tx.record(Vault, vault_partition(vault.id), vault.id)
    if current is None or current.deleted is None:
        raise deleted_vault_not_found(vault.name)
    if current.purge_protection and is_recoverable(current, now):
        raise MethodNotAllowed(
            "Operation 'DeletedVaultPurge' is not allowed.", code="MethodNotAllowed", reason="purge protection"
        )
    return await _remove(tx, current)


def expired_vaults(view: View, now: int) -> list[Vault]:
    """Find the deleted vaults whose retention has ended: what is for `purge_expired_vault` to remove."""
    return [vault for vault in view.vaults() if _has_expired(vault, now)]


async def purge_expired_vault(
    tx: Transaction, vault: Vault, *, now: int, before: Callable[[], Awaitable[None]] | None = None
) -> bool:
    """
    Remove a deleted vault if its retention has ended, purge protection or not; False if it is no longer so.

    *before* is done while it is still there, and only if it goes.
    """
    current = await tx.record(Vault, vault_partition(vault.id), vault.id)
    if current is None or not _has_expired(current, now):
        return False
    if before is not None:
        await before()
    await _remove(tx, current)
    return True


async def remove_expired(tx: Transaction, vault: Vault, *, now: int) -> None:
    """
    Remove a deleted vault whose retention has ended, if no sweep has yet, so that its name is free.

    Raises:
        Conflict: the vault is active or recoverable after all.
    """
    current = await tx.record(Vault, vault_partition(vault.id), vault.id)
    if current is None:
        return
    if current.deleted is None or is_recoverable(current, now):
        raise name_taken(current.name)
    await _remove(tx, current)


def _has_expired(vault: Vault, now: int) -> bool:
    return vault.deleted is not None and not is_recoverable(vault, now)


async def _remove(tx: Transaction, vault: Vault) -> int:
    removed = await tx.remove_vault_objects(vault.id, limits.VERSIONS_REMOVED_AT_ONCE)
    if left := await tx.count_vault_objects(vault.id):
        await tx.put(LeftContents(vault.id))
    await remove_connections_of(tx, vault)
    await remove_association_of(tx, vault)
    await remove_settings_of(tx, vault)
    await remove_subscriptions_of(tx, vault)
    await remove_denials_under(tx, vault.tenant, vault.scope)
    partition = vault_partition(vault.id)
    for kind in (CertificateIssuer, CertificateContacts, Letter):
        for one in await tx.records(kind, partition):
            await tx.remove(one)
    await tx.remove(vault)
    return removed + left


async def remove_left_contents(store: Store, view: View) -> int:
    """
    Remove what is left of vaults that were purged; how many objects.

    A hundred thousand versions take some seconds, in which one change would let nobody else read or write.
    """
    removed = 0
    for one in view.all(LeftContents):

        async def change(tx: Transaction, one: LeftContents = one) -> int:
            number = await tx.remove_vault_objects(one.id, limits.VERSIONS_REMOVED_AT_ONCE)
            if not await tx.count_vault_objects(one.id):
                await tx.remove(one)
            return number

        while view.get(LeftContents, one.partition, one.id) is not None:
            removed += (await store.commit(change)).result
            # Whoever waits is served between any two.
            await asyncio.sleep(0)
    return removed
