"""
The life of certificates that exist: commands over a Transaction.

Whatever happens to a certificate happens to its key and its secret in the same change (`objects.certificate_links`), so
none of the three is ever in a state of its own.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.core.attributes import check_tags
from strongroom.core.certificates import CertificatePolicy, Pending, PendingStatus
from strongroom.core.lifecycle import require_deleted, require_purgeable
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.objects.certificate_links import delete_linked, recover_linked, remove_linked, update_linked
from strongroom.objects.certificate_rows import Certificate, certificate_of, encode_body, upkeep_of, with_upkeep
from strongroom.objects.certificates import due_of
from strongroom.objects.doomed_keys import Opened, doom_pending
from strongroom.objects.lifecycle import Remove, delete_object, recover_object, version_to_change
from strongroom.store import Transaction


async def update_certificate(
    tx: Transaction,
    vault: Vault,
    name: str,
    version: str,
    *,
    enabled: bool | None,
    tags: dict[str, str] | None,
    policy: CertificatePolicy | None,
    now: int,
) -> Certificate:
    """
    Change a version's attributes and tags, which are its key's and its secret's as well, and the policy of all.

    What is not issued yet stays disabled; what was asked for it then comes with the issue.

    Raises:
        NotFound: no active certificate has the name, or it has no such version.
        Invalid: a tag breaks its rule.
    """
    check_tags(tags)
    stored, row = await version_to_change(tx, vault, Collection.CERTIFICATES, name, version, now=now)
    body, upkeep = certificate_of(stored, row).body, upkeep_of(stored)
    if policy is not None:
        upkeep = replace(upkeep, policy=policy)
    said = body.tags if tags is None else tags
    if body.cer is None:
        pending = upkeep.pending
        if pending is not None and pending.version == row.version and pending.status is PendingStatus.IN_PROGRESS:
            will_be = pending.enabled if enabled is None else enabled
            upkeep = replace(upkeep, pending=replace(pending, enabled=will_be, tags=said))
        is_enabled = False
    else:
        is_enabled = body.attributes.enabled if enabled is None else enabled
        await update_linked(tx, vault, stored.name, row.version, enabled=is_enabled, tags=said, now=now)
    body = replace(body, attributes=replace(body.attributes, enabled=is_enabled, updated=now), tags=said)
    if upkeep != upkeep_of(stored):
        stored = with_upkeep(stored, upkeep, due_of(upkeep))
        await tx.put_object(stored)
    await tx.put_version(replace(row, body=encode_body(body)))
    return Certificate(stored, row.version, body)


async def delete_certificate(tx: Transaction, vault: Vault, opened: Opened, name: str, *, now: int) -> Certificate:
    """
    Delete a certificate with its key and its secret; the operation that makes a version of it is cancelled.

    Raises:
        NotFound: no active certificate has the name.
    """
    stored, row = await delete_object(tx, vault, Collection.CERTIFICATES, name, now=now)
    upkeep = upkeep_of(stored)
    if upkeep.pending is not None and upkeep.pending.status is PendingStatus.IN_PROGRESS:
        await doom_pending(tx, vault, opened, upkeep.pending)
        upkeep = replace(upkeep, pending=_cancelled(upkeep.pending))
        stored = with_upkeep(stored, upkeep, due_of(upkeep))
        await tx.put_object(stored)
    await delete_linked(tx, stored)
    return certificate_of(stored, row)


def _cancelled(pending: Pending) -> Pending:
    return replace(
        pending,
        status=PendingStatus.CANCELLED,
        details="The certificate was deleted before it was issued.",
        material=b"",
        state=b"",
        step_at=None,
    )


async def recover_certificate(tx: Transaction, vault: Vault, name: str, *, now: int) -> Certificate:
    """
    Make a deleted certificate active again, with its key and its secret.

    Raises:
        NotFound: no deleted certificate has the name.
    """
    deleted = require_deleted(
        await tx.object(vault.id, Collection.CERTIFICATES, name), Collection.CERTIFICATES, name, now
    )
    await recover_linked(tx, deleted)
    stored, row = await recover_object(tx, vault, Collection.CERTIFICATES, name, now=now)
    return certificate_of(stored, row)


async def purge_certificate(tx: Transaction, vault: Vault, opened: Opened, name: str, *, now: int) -> None:
    """
    Remove a deleted certificate for ever, with its key and its secret.

    Raises:
        NotFound: no deleted certificate has the name.
        Forbidden: the vault has purge protection.
    """
    stored = require_deleted(
        await tx.object(vault.id, Collection.CERTIFICATES, name), Collection.CERTIFICATES, name, now
    )
    require_purgeable(purge_protection=vault.purge_protection, vault=vault.name, location=vault.location)
    await remove_certificate(vault, opened)(tx, stored)


def remove_certificate(vault: Vault, opened: Opened) -> Remove:
    """Make what removes certificates of a vault, each with its key and its secret."""

    async def remove(tx: Transaction, stored: StoredObject) -> None:
        await remove_linked(tx, vault, opened, stored)
        await tx.remove_object(vault.id, Collection.CERTIFICATES, stored.name)

    return remove
