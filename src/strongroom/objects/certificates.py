"""
Certificates: commands over a Transaction.

What is issued, signed and read of X.509 is `crypto.certificates`, before a commit. The key and the secret of a version
are put in the same change as the version (`objects.certificate_links`).
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.core.certificates import (
    CertificateAttributes,
    CertificatePolicy,
    CertificateUpkeep,
    CertificateVersionBody,
    Pending,
    PendingStatus,
)
from strongroom.core.errors import Conflict
from strongroom.core.events import new_version
from strongroom.core.lifecycle import State, not_found, require_active, require_name_free, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.objects.certificate_links import LinkedVersion, put_linked, require_links_free
from strongroom.objects.certificate_rows import (
    Certificate,
    certificate_of,
    new_certificate_row,
    upkeep_of,
    with_upkeep,
)
from strongroom.objects.lifecycle import Entropy, latest_version, next_version
from strongroom.store import Transaction

__all__ = ["Certificate", "begin", "certificate_of", "complete", "end_pending", "pending_of", "upkeep_of"]


async def begin(
    tx: Transaction,
    vault: Vault,
    name: str,
    policy: CertificatePolicy,
    pending: Pending,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate:
    """
    Begin to make a version: *pending* has its key and its request. A first version stands from now on, without a *cer*.

    Raises:
        Conflict: an operation is under way, the name is that of a deleted certificate, or a key or a secret that is
            no certificate's has it.
    """
    old = await tx.object(vault.id, Collection.CERTIFICATES, name)
    require_name_free(old, Collection.CERTIFICATES, name, now)
    if old is not None and state_of(old, now) is State.ACTIVE:
        upkeep = upkeep_of(old)
        require_nothing_pending(upkeep)
        changed = replace(upkeep, policy=policy, pending=pending)
        stored = with_upkeep(old, changed, due_of(changed))
        await tx.put_object(stored)
        return certificate_of(stored, await latest_version(tx, stored))
    await require_links_free(tx, vault, name, now)
    stored = await next_version(tx, vault, Collection.CERTIFICATES, name, pending.version, now=now, entropy=entropy)
    upkeep = CertificateUpkeep(policy, pending)
    stored = with_upkeep(stored, upkeep, due_of(upkeep))
    body = CertificateVersionBody(CertificateAttributes(now, now, enabled=False), tags=pending.tags)
    await tx.put_object(stored)
    await tx.put_version(new_certificate_row(vault, stored, pending.version, stored.versions, body))
    return Certificate(stored, pending.version, body)


def require_nothing_pending(upkeep: CertificateUpkeep) -> None:
    """
    Refuse to begin while an operation is under way.

    Raises:
        Conflict: one is.
    """
    if upkeep.pending is not None and upkeep.pending.status is PendingStatus.IN_PROGRESS:
        raise Conflict(
            "A new key vault certificate can not be created or imported while a pending key vault certificate's status"
            " is inProgress.",
            code="Conflict",
        )


async def pending_of(tx: Transaction, vault: Vault, name: str, request_id: str, now: int) -> StoredObject | None:
    """Read a certificate whose operation is under way, if it is still that operation."""
    stored = await tx.object(vault.id, Collection.CERTIFICATES, name)
    if stored is None or state_of(stored, now) is not State.ACTIVE:
        return None
    pending = upkeep_of(stored).pending
    if pending is None or pending.request_id != request_id or pending.status is not PendingStatus.IN_PROGRESS:
        return None
    return stored


async def complete(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    seen: StoredObject,
    body: CertificateVersionBody,
    linked: LinkedVersion,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate | None:
    """
    Put the version that an operation was to make, with its key and its secret; None if that operation is no more.

    Raises:
        Conflict: the name of its key or its secret is taken.
    """
    pending = upkeep_of(seen).pending
    stored = await pending_of(tx, vault, seen.name, pending.request_id, now) if pending is not None else None
    if pending is None or stored is None or stored.object_id != seen.object_id:
        return None
    is_first = stored.latest == pending.version
    ordinal = stored.versions if is_first else stored.versions + 1
    done = replace(pending, status=PendingStatus.COMPLETED, material=b"", state=b"", step_at=None)
    upkeep = replace(upkeep_of(stored), pending=done)
    stored = replace(stored, latest=pending.version, versions=ordinal)
    stored = with_upkeep(stored, upkeep, due_of(upkeep))
    await tx.put_object(stored)
    await tx.put_version(new_certificate_row(vault, stored, pending.version, ordinal, body))
    await put_linked(tx, vault, envelope, stored.name, pending.version, linked, now=now, entropy=entropy)
    own = body.attributes
    tx.announce(new_version(vault, stored, pending.version, nbf=own.nbf, exp=own.exp, now=now))
    return Certificate(stored, pending.version, body)


async def end_pending(tx: Transaction, vault: Vault, name: str, ended: Pending, now: int) -> StoredObject | None:
    """Note that an operation ended without a version, or where it is; None if it is no more."""
    stored = await pending_of(tx, vault, name, ended.request_id, now)
    if stored is None:
        return None
    upkeep = replace(upkeep_of(stored), pending=ended)
    stored = with_upkeep(stored, upkeep, due_of(upkeep))
    await tx.put_object(stored)
    return stored


async def active_certificate(tx: Transaction, vault: Vault, name: str, now: int) -> Certificate:
    """
    Read a certificate by its latest version.

    Raises:
        NotFound: no active certificate has the name.
    """
    collection = Collection.CERTIFICATES
    stored = require_active(await tx.object(vault.id, collection, name), collection, name, now)
    row = await tx.version(vault.id, collection, name, stored.latest)
    if row is None:
        raise not_found(collection, name)
    return certificate_of(stored, row)


def due_of(upkeep: CertificateUpkeep) -> int | None:
    """Say when somebody has to look at a certificate next."""
    return upkeep.pending.step_at if upkeep.pending is not None else None
