"""
The life of certificates that exist: commands over a Transaction.

Whatever happens to a certificate happens to its key and its secret in the same change (`objects.certificate_links`), so
none of the three is ever in a state of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.core.attributes import check_tags
from strongroom.core.certificate_life import as_if_new, is_under_way
from strongroom.core.certificates import CertificatePolicy, PendingStatus
from strongroom.core.lifecycle import require_deleted, require_purgeable, require_recoverable
from strongroom.core.objects import Collection
from strongroom.core.vaults import Vault
from strongroom.objects.certificate_links import (
    delete_linked,
    end_retention_of_linked,
    recover_linked,
    remove_certificate,
    update_linked,
)
from strongroom.objects.certificate_rows import Certificate, certificate_of, encode_body, scheduled, upkeep_of
from strongroom.objects.doomed_keys import Opened
from strongroom.objects.lifecycle import (
    delete_object,
    end_retention,
    has_many_versions,
    latest_version,
    recover_object,
    version_to_change,
)
from strongroom.store import Transaction

_DELETED = "The certificate was deleted before it was issued."


async def update_certificate(
    tx: Transaction,
    vault: Vault,
    name: str,
    version: str,
    *,
    enabled: bool | None,
    tags: dict[str, str] | None,
    change_policy: Callable[[CertificatePolicy], CertificatePolicy] | None,
    now: int,
) -> Certificate:
    """
    Change a version's attributes and tags, which are its key's and its secret's as well, and the policy of all.

    What is not issued yet stays disabled; what was asked for it then comes with the issue.

    Raises:
        NotFound: no active certificate has the name, or it has no such version.
        Invalid: a tag or the policy breaks its rule.
    """
    check_tags(tags)
    stored, row = await version_to_change(tx, vault, Collection.CERTIFICATES, name, version, now=now)
    body, upkeep = certificate_of(stored, row).body, upkeep_of(stored)
    if change_policy is not None:
        upkeep = replace(upkeep, policy=change_policy(upkeep.policy))
    said = body.tags if tags is None else tags
    if body.cer is None:
        pending = upkeep.pending
        if pending is not None:
            # It makes this very version.
            will_be = pending.enabled if enabled is None else enabled
            upkeep = replace(upkeep, pending=replace(pending, enabled=will_be, tags=said))
        is_enabled = False
    else:
        is_enabled = body.attributes.enabled if enabled is None else enabled
        await update_linked(tx, vault, stored.name, row.version, enabled=is_enabled, tags=said, now=now)
    body = replace(body, attributes=replace(body.attributes, enabled=is_enabled, updated=now), tags=said)
    if row.version == stored.latest or change_policy is not None:
        latest = body if row.version == stored.latest else certificate_of(stored, await latest_version(tx, stored)).body
        stored = scheduled(stored, latest, as_if_new(upkeep))
        await tx.put_object(stored)
    await tx.put_version(replace(row, body=encode_body(body)))
    return Certificate(stored, row.version, body)


async def delete_certificate(tx: Transaction, vault: Vault, name: str, *, now: int) -> Certificate:
    """
    Delete a certificate with its key and its secret; the operation that makes a version of it is cancelled.

    What its issuer issues all the same can be merged if the certificate is recovered.

    Raises:
        NotFound: no active certificate has the name.
    """
    stored, row = await delete_object(tx, vault, Collection.CERTIFICATES, name, now=now)
    certificate = certificate_of(stored, row)
    pending = certificate.upkeep.pending
    if pending is not None and is_under_way(pending):
        cancelled = replace(pending, status=PendingStatus.CANCELLED, details=_DELETED, state=b"", step_at=None)
        stored = scheduled(stored, certificate.body, replace(certificate.upkeep, pending=cancelled))
        await tx.put_object(stored)
    await delete_linked(tx, stored)
    return replace(certificate, stored=stored)


async def recover_certificate(tx: Transaction, vault: Vault, name: str, *, now: int) -> Certificate:
    """
    Make a deleted certificate active again, with its key and its secret.

    Raises:
        NotFound: no deleted certificate has the name.
    """
    deleted = require_recoverable(
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
    if has_many_versions(stored):
        await end_retention_of_linked(tx, stored)
        await end_retention(tx, stored)
        return
    await remove_certificate(vault, opened)(tx, stored)
