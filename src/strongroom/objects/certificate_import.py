"""Importing certificates: a command over a Transaction."""

from __future__ import annotations

from dataclasses import replace

from strongroom.core.attributes import check_tags
from strongroom.core.certificate_life import as_if_new
from strongroom.core.certificates import CertificatePolicy, CertificateUpkeep, CertificateVersionBody
from strongroom.core.events import new_version
from strongroom.core.lifecycle import State, require_name_free, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.objects.certificate_links import LinkedVersion, put_linked, remove_certificate, require_links_free
from strongroom.objects.certificate_rows import (
    Certificate,
    certificate_of,
    new_certificate_row,
    scheduled,
    upkeep_of,
)
from strongroom.objects.certificates import require_nothing_pending
from strongroom.objects.doomed_keys import doom_pending
from strongroom.objects.lifecycle import Entropy, latest_version, next_version
from strongroom.store import Transaction


async def import_certificate(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    version: str,
    policy: CertificatePolicy,
    body: CertificateVersionBody,
    linked: LinkedVersion,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate:
    """
    Put a certificate that came with its key, or a new version of one.

    It takes the place of a first version that was never issued. An operation that has ended is forgotten with its key.

    Raises:
        Conflict: an operation is under way, the name is that of a deleted certificate, or a key or a secret that is
            no certificate's has it.
        Invalid: a tag breaks its rule.
    """
    check_tags(body.tags)
    old = await tx.object(vault.id, Collection.CERTIFICATES, name)
    require_name_free(old, Collection.CERTIFICATES, name, now)
    upkeep = CertificateUpkeep(policy)
    is_known = old is not None and state_of(old, now) is State.ACTIVE
    if old is not None and is_known:
        upkeep = upkeep_of(old)
        require_nothing_pending(upkeep)
        if upkeep.pending is not None:
            await doom_pending(tx, vault, lambda: envelope, upkeep.pending)
        upkeep = as_if_new(replace(upkeep, policy=policy, pending=None))
    else:
        await require_links_free(tx, vault, name, now)
    if old is not None and is_known and certificate_of(old, await latest_version(tx, old)).body.cer is None:
        stored: StoredObject = old
    else:
        remove = remove_certificate(vault, lambda: envelope)
        stored = await next_version(
            tx, vault, Collection.CERTIFICATES, name, version, now=now, entropy=entropy, remove=remove
        )
    stored = scheduled(stored, body, upkeep)
    await tx.put_object(stored)
    await tx.put_version(new_certificate_row(vault, stored, stored.latest, stored.versions, body))
    await put_linked(tx, vault, envelope, stored.name, stored.latest, linked, now=now, entropy=entropy)
    own = body.attributes
    tx.announce(new_version(vault, stored, stored.latest, nbf=own.nbf, exp=own.exp, now=now))
    return Certificate(stored, stored.latest, body)
