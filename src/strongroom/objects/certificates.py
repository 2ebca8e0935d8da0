"""
Certificates: commands over a Transaction.

What is issued, signed and read of X.509 is `crypto.certificates`, before a commit. The key and the secret of a version
are put in the same change as the version (`objects.certificate_links`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.core.attributes import check_tags
from strongroom.core.certificate_life import after_renewal_failed, as_if_new, is_under_way
from strongroom.core.certificates import (
    UNKNOWN,
    CertificateAttributes,
    CertificatePolicy,
    CertificateUpkeep,
    CertificateVersionBody,
    Pending,
    PendingStatus,
)
from strongroom.core.errors import Conflict, Forbidden, Invalid, NotFound
from strongroom.core.events import new_version
from strongroom.core.lifecycle import State, not_found, require_active, require_name_free, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.objects.certificate_links import LinkedVersion, put_linked, remove_certificate, require_links_free
from strongroom.objects.certificate_rows import (
    Certificate,
    certificate_of,
    encode_body,
    new_certificate_row,
    scheduled,
    upkeep_of,
)
from strongroom.objects.doomed_keys import Opened, doom_pending
from strongroom.objects.lifecycle import Entropy, latest_version, next_version
from strongroom.store import Reader, Transaction

# ---- beginning ------------------------------------------------------------------------------------------------------


async def begin(
    tx: Transaction,
    vault: Vault,
    opened: Opened,
    name: str,
    policy: CertificatePolicy,
    pending: Pending,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate:
    """
    Begin to make a version: *pending* has its key and its request. A first version stands from now on, without a *cer*.

    The operation before, which has ended, is forgotten with its key.

    Raises:
        Conflict: an operation is under way, the name is that of a deleted certificate, or a key or a secret that is
            no certificate's has it.
        Invalid: a tag breaks its rule.
    """
    check_tags(pending.tags)
    old = await tx.object(vault.id, Collection.CERTIFICATES, name)
    require_name_free(old, Collection.CERTIFICATES, name, now)
    if old is None or state_of(old, now) is not State.ACTIVE:
        return await _begin_first(tx, vault, opened, name, policy, pending, now=now, entropy=entropy)
    upkeep, row = upkeep_of(old), await latest_version(tx, old)
    require_nothing_pending(upkeep)
    if upkeep.pending is not None:
        await doom_pending(tx, vault, opened, upkeep.pending)
    body = certificate_of(old, row).body
    if body.cer is None:
        # The version that was never issued is the one that this operation makes.
        pending = replace(pending, version=old.latest)
        body = replace(body, attributes=replace(body.attributes, updated=now), tags=pending.tags)
        await tx.put_version(replace(row, body=encode_body(body)))
    if not pending.is_renewal:
        upkeep = as_if_new(upkeep)
    stored = scheduled(old, body, replace(upkeep, policy=policy, pending=pending))
    await tx.put_object(stored)
    return Certificate(stored, old.latest, body)


async def _begin_first(
    tx: Transaction,
    vault: Vault,
    opened: Opened,
    name: str,
    policy: CertificatePolicy,
    pending: Pending,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate:
    await require_links_free(tx, vault, name, now)
    remove = remove_certificate(vault, opened)
    stored = await next_version(
        tx, vault, Collection.CERTIFICATES, name, pending.version, now=now, entropy=entropy, remove=remove
    )
    body = CertificateVersionBody(CertificateAttributes(now, now, enabled=False), tags=pending.tags)
    stored = scheduled(stored, body, CertificateUpkeep(policy, pending))
    await tx.put_object(stored)
    await tx.put_version(new_certificate_row(vault, stored, pending.version, stored.versions, body))
    return Certificate(stored, pending.version, body)


def require_nothing_pending(upkeep: CertificateUpkeep) -> None:
    """
    Refuse to begin while an operation is under way.

    Raises:
        Conflict: one is.
    """
    if is_under_way(upkeep.pending):
        raise Conflict(
            "A new key vault certificate can not be created or imported while a pending key vault certificate's status"
            " is inProgress.",
            code="Conflict",
        )


# ---- reading --------------------------------------------------------------------------------------------------------


async def active_certificate(reader: Reader, vault: Vault, name: str, now: int) -> Certificate:
    """
    Read a certificate by its latest version.

    Raises:
        NotFound: no active certificate has the name.
    """
    collection = Collection.CERTIFICATES
    stored = require_active(await reader.object(vault.id, collection, name), collection, name, now)
    row = await reader.version(vault.id, collection, name, stored.latest)
    if row is None:
        raise not_found(collection, name)
    return certificate_of(stored, row)


async def find_pending(reader: Reader, vault: Vault, name: str, now: int) -> tuple[Certificate, Pending]:
    """
    Read a certificate with the operation that makes its next version, or made its last one.

    Raises:
        NotFound: there is no such operation, or no such certificate; the words are the same.
    """
    try:
        certificate = await active_certificate(reader, vault, name, now)
    except NotFound:
        raise pending_not_found(name) from None
    if certificate.upkeep.pending is None:
        raise pending_not_found(name)
    return certificate, certificate.upkeep.pending


def pending_not_found(name: str) -> NotFound:
    """Say that a certificate has no operation."""
    return NotFound(f"Pending certificate not found: {name}", code="PendingCertificateNotFound")


# ---- what an operation goes through ---------------------------------------------------------------------------------


async def _same(tx: Transaction, vault: Vault, seen: StoredObject, now: int) -> tuple[Certificate, Pending] | None:
    """Read a certificate's operation, if it is the one that was seen; None if it is no more."""
    was = upkeep_of(seen).pending
    try:
        certificate, pending = await find_pending(tx, vault, seen.name, now)
    except NotFound:
        return None
    is_same = was is not None and pending.request_id == was.request_id
    return (certificate, pending) if is_same and certificate.stored.object_id == seen.object_id else None


async def step_pending(
    tx: Transaction,
    vault: Vault,
    seen: StoredObject,
    change: Callable[[Pending], Pending],
    now: int,
    *,
    was_issued: bool = False,
) -> Certificate | None:
    """
    Note what a step came to; None if somebody else made the step, or the operation is no more.

    *was_issued* says of a renewal that failed whether its issuer issued it all the same.

    That its cancellation was asked for meanwhile stays as it is, and has the next step made at once.
    """
    found, was = await _same(tx, vault, seen, now), upkeep_of(seen).pending
    if found is None or was is None:
        return None
    certificate, pending = found
    asked = pending.cancellation_requested and not was.cancellation_requested
    # What the certificate's holder may change meanwhile is no step.
    aside = {name: getattr(was, name) for name in ("cancellation_requested", "step_at", "enabled", "tags")}
    if replace(pending, **aside) != was:
        return None
    changed = change(pending)
    if asked and is_under_way(changed):
        changed = replace(changed, step_at=now)
    upkeep = replace(certificate.upkeep, pending=changed)
    if not is_under_way(changed) and changed.is_renewal:
        upkeep = after_renewal_failed(upkeep, now, was_issued=was_issued)
    stored = scheduled(certificate.stored, certificate.body, upkeep)
    await tx.put_object(stored)
    return replace(certificate, stored=stored)


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
    merges: bool = False,
) -> Certificate | None:
    """
    Put the version that an operation was to make, with its key and its secret; None if that operation is no more.

    An operation that has ended without a version makes none by itself any more, but what was issued can be merged.

    Raises:
        Conflict: the name of its key or its secret is taken.
    """
    found = await _same(tx, vault, seen, now)
    if found is None:
        return None
    certificate, pending = found
    if pending.status is PendingStatus.COMPLETED or not (merges or is_under_way(pending)):
        return None
    stored = certificate.stored
    if not merges:
        body, linked = _as_asked_since(body, linked, pending)
    is_first = stored.latest == pending.version
    ordinal = stored.versions if is_first else stored.versions + 1
    done = replace(
        pending,
        status=PendingStatus.COMPLETED,
        details=None,
        error_code=None,
        error_message=None,
        material=b"",
        state=b"",
        step_at=None,
    )
    upkeep = as_if_new(replace(certificate.upkeep, pending=done))
    stored = scheduled(replace(stored, latest=pending.version, versions=ordinal), body, upkeep)
    await tx.put_object(stored)
    await tx.put_version(new_certificate_row(vault, stored, pending.version, ordinal, body))
    await put_linked(tx, vault, envelope, stored.name, pending.version, linked, now=now, entropy=entropy)
    own = body.attributes
    tx.announce(new_version(vault, stored, pending.version, nbf=own.nbf, exp=own.exp, now=now))
    return Certificate(stored, pending.version, body)


def _as_asked_since(
    body: CertificateVersionBody, linked: LinkedVersion, pending: Pending
) -> tuple[CertificateVersionBody, LinkedVersion]:
    """Have a version say what its holder may have asked for while it was made."""
    is_enabled, tags = pending.enabled, pending.tags
    key, secret = linked.key, linked.secret
    return replace(body, attributes=replace(body.attributes, enabled=is_enabled), tags=tags), replace(
        linked,
        key=replace(key, attributes=replace(key.attributes, enabled=is_enabled), tags=tags),
        secret=replace(secret, attributes=replace(secret.attributes, enabled=is_enabled), tags=tags),
    )


# ---- what is asked of an operation ----------------------------------------------------------------------------------


async def ask_to_cancel(tx: Transaction, vault: Vault, name: str, *, wanted: bool, now: int) -> Certificate:
    """
    Ask for an operation's cancellation, which its next step heeds if the issuer can still help it.

    Raises:
        NotFound: there is no operation.
        Forbidden: it has ended.
        Invalid: its cancellation is to be taken back.
    """
    certificate, pending = await find_pending(tx, vault, name, now)
    if not is_under_way(pending):
        # Azure's documentation says 400; its clients for .NET and JavaScript were answered this.
        raise Forbidden(
            "Pending status must be in progress to allow update.", code="Forbidden", reason="operation has ended"
        )
    if not wanted and pending.cancellation_requested:
        raise Invalid("A cancellation that was asked for cannot be taken back.", code="BadParameter")
    if not wanted or pending.cancellation_requested:
        return certificate
    upkeep = replace(certificate.upkeep, pending=replace(pending, cancellation_requested=True, step_at=now))
    stored = scheduled(certificate.stored, certificate.body, upkeep)
    await tx.put_object(stored)
    return replace(certificate, stored=stored)


async def forget_pending(
    tx: Transaction, vault: Vault, opened: Opened, name: str, now: int
) -> tuple[Certificate, Pending]:
    """
    Forget an operation in whatever state, with its key; it is given back as it was.

    A renewal that somebody puts an end to is not begun again at once.

    Raises:
        NotFound: there is none.
    """
    certificate, pending = await find_pending(tx, vault, name, now)
    await doom_pending(tx, vault, opened, pending)
    upkeep = replace(certificate.upkeep, pending=None)
    if is_under_way(pending) and pending.is_renewal:
        upkeep = after_renewal_failed(upkeep, now)
    stored = scheduled(certificate.stored, certificate.body, upkeep)
    await tx.put_object(stored)
    return replace(certificate, stored=stored), pending


def require_mergeable(pending: Pending) -> None:
    """
    Refuse to merge a certificate into an operation whose issuer still has it in hand, or that is completed.

    Raises:
        Forbidden: an issuer has it in hand.
        Invalid: its certificate is there.
    """
    if pending.status is PendingStatus.COMPLETED:
        raise Invalid(
            "There is nothing to merge: the pending certificate is completed.",
            code="BadParameter",
            reason="operation has ended",
        )
    if is_under_way(pending) and pending.issuer.name != UNKNOWN:
        raise Forbidden(
            f"Merge is forbidden on pending object created with issuer : {pending.issuer.name} while it is in progess.",
            code="Forbidden",
        )


# ---- the policy -----------------------------------------------------------------------------------------------------


async def change_policy(
    tx: Transaction, vault: Vault, name: str, change: Callable[[CertificatePolicy], CertificatePolicy], now: int
) -> Certificate:
    """
    Change a certificate's policy. Its lifetime action holds for the version that there is, from now on.

    Raises:
        NotFound: no active certificate has the name.
        Invalid: the policy breaks a rule.
    """
    certificate = await active_certificate(tx, vault, name, now)
    upkeep = as_if_new(replace(certificate.upkeep, policy=change(certificate.upkeep.policy)))
    stored = scheduled(certificate.stored, certificate.body, upkeep)
    await tx.put_object(stored)
    return replace(certificate, stored=stored)


__all__ = [
    "Certificate",
    "active_certificate",
    "ask_to_cancel",
    "begin",
    "certificate_of",
    "change_policy",
    "complete",
    "find_pending",
    "forget_pending",
    "pending_not_found",
    "require_mergeable",
    "require_nothing_pending",
    "step_pending",
    "upkeep_of",
]
