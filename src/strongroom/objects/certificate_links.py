"""
The key and the secret of a certificate: they have its name and a version for each of its versions, and live with it.

Nobody changes, deletes, recovers or purges them but their certificate (reference azure-key-vault.md sections 4.3 to
4.6).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from strongroom.core.errors import Conflict
from strongroom.core.events import new_version
from strongroom.core.guids import new_guid
from strongroom.core.keys import KeyVersionBody
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.secrets import SecretVersionBody
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.objects.certificate_rows import upkeep_of
from strongroom.objects.doomed_keys import Opened, doom_pending, remove_key
from strongroom.objects.key_rows import body_of, encode_body, new_row
from strongroom.objects.lifecycle import Entropy, Remove, end_retention, next_version, remove_row
from strongroom.objects.secrets import encode_secret, new_secret_row, secret_of
from strongroom.store import Transaction

_LINKED = ((Collection.KEYS, "key"), (Collection.SECRETS, "secret"))


@dataclass(frozen=True, slots=True)
class LinkedVersion:
    """The key and the secret of a version of a certificate."""

    key: KeyVersionBody
    material: bytes = field(repr=False)
    secret: SecretVersionBody
    value: str = field(repr=False)


async def require_links_free(tx: Transaction, vault: Vault, name: str, now: int) -> None:
    """
    Refuse a name that a key or a secret has which is no certificate's, be it deleted.

    Raises:
        Conflict: one has.
    """
    for collection, noun in _LINKED:
        stored = await tx.object(vault.id, collection, name)
        if state_of(stored, now) is not State.ABSENT:
            raise Conflict(
                f"A {noun} with the name {name} already exists, and a certificate's {noun} has the certificate's name.",
                code="Conflict",
            )


async def put_linked(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    version: str,
    linked: LinkedVersion,
    *,
    now: int,
    entropy: Entropy,
) -> None:
    """
    Put the key and the secret of a certificate's version.

    Raises:
        Conflict: the name of one is that of a deleted key or secret.
    """
    remove = remove_key(vault, lambda: envelope)
    stored = await next_version(tx, vault, Collection.KEYS, name, version, now=now, entropy=entropy, remove=remove)
    await tx.put_version(new_row(vault, envelope, stored, version, stored.versions, linked.key, linked.material))
    own = linked.key.attributes
    tx.announce(new_version(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))
    before = await tx.object(vault.id, Collection.SECRETS, name)
    previous = before.latest if before is not None and state_of(before, now) is State.ACTIVE else None
    secret = replace(linked.secret, previous_version=previous)
    stored = await next_version(tx, vault, Collection.SECRETS, name, version, now=now, entropy=entropy)
    await tx.put_version(new_secret_row(vault, envelope, stored, version, stored.versions, secret, linked.value))
    tx.announce(new_version(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))


async def put_back_linked(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    certificate: StoredObject,
    versions: list[tuple[str, LinkedVersion]],
    *,
    entropy: Entropy,
) -> None:
    """Put the key and the secret of a restored certificate, with all their versions, where no others are."""
    name, now = certificate.name, certificate.created
    remove = remove_key(vault, lambda: envelope)
    for collection, _ in _LINKED:
        old = await tx.object(vault.id, collection, name)
        if old is not None:
            # Its retention is over; the clean-up has not come by yet.
            await (remove(tx, old) if collection is Collection.KEYS else remove_row(tx, old))
        stored = StoredObject(vault.id, collection, name, new_guid(entropy), now, certificate.latest, len(versions))
        await tx.put_object(stored)
        for ordinal, (version, one) in enumerate(versions, start=1):
            if collection is Collection.KEYS:
                row = new_row(vault, envelope, stored, version, ordinal, one.key, one.material)
            else:
                row = new_secret_row(vault, envelope, stored, version, ordinal, one.secret, one.value)
            await tx.put_version(row)


# ---- what happens to both with their certificate --------------------------------------------------------------------


async def update_linked(
    tx: Transaction, vault: Vault, name: str, version: str, *, enabled: bool, tags: dict[str, str] | None, now: int
) -> None:
    """Have the key and the secret of a version say what their certificate says."""
    row = await tx.version(vault.id, Collection.KEYS, name, version)
    if row is not None:
        key = body_of(row)
        key = replace(key, attributes=replace(key.attributes, enabled=enabled, updated=now), tags=tags)
        await tx.put_version(replace(row, body=encode_body(key)))
    row = await tx.version(vault.id, Collection.SECRETS, name, version)
    stored = await tx.object(vault.id, Collection.SECRETS, name)
    if row is not None and stored is not None:
        secret = secret_of(stored, row).body
        secret = replace(secret, attributes=replace(secret.attributes, enabled=enabled, updated=now), tags=tags)
        await tx.put_version(replace(row, body=encode_secret(secret)))


async def delete_linked(tx: Transaction, certificate: StoredObject) -> None:
    """Delete the key and the secret of a certificate that was deleted: from then until then, as it is."""
    async for linked in _linked(tx, certificate):
        await tx.put_object(replace(linked, deleted=certificate.deleted, purge_at=certificate.purge_at))


async def recover_linked(tx: Transaction, certificate: StoredObject) -> None:
    """Make the key and the secret of a certificate, which is still deleted here, active again."""
    async for linked in _deleted_with(tx, certificate):
        await tx.put_object(replace(linked, deleted=None, purge_at=None))


async def end_retention_of_linked(tx: Transaction, certificate: StoredObject) -> None:
    """Have the key and the secret of a deleted certificate be absent with it; it is as it was here."""
    async for linked in _deleted_with(tx, certificate):
        await end_retention(tx, linked)


def remove_certificate(vault: Vault, opened: Opened) -> Remove:
    """Make what removes deleted certificates of a vault for ever, each with its key and its secret."""

    async def remove(tx: Transaction, certificate: StoredObject) -> None:
        async for linked in _deleted_with(tx, certificate):
            if linked.collection is Collection.KEYS:
                await remove_key(vault, opened)(tx, linked)
            else:
                await remove_row(tx, linked)
        pending = upkeep_of(certificate).pending
        if pending is not None:
            await doom_pending(tx, vault, opened, pending)
        await remove_row(tx, certificate)

    return remove


async def _linked(tx: Transaction, certificate: StoredObject) -> AsyncIterator[StoredObject]:
    """Give the key and the secret of a certificate; one that was never issued has none."""
    for collection, _ in _LINKED:
        stored = await tx.object(certificate.vault, collection, certificate.name)
        if stored is not None:
            yield stored


async def _deleted_with(tx: Transaction, certificate: StoredObject) -> AsyncIterator[StoredObject]:
    """Give those that were deleted with it. Where its retention is over, its name can be that of another key by now."""
    async for stored in _linked(tx, certificate):
        if stored.deleted is not None and stored.purge_at == certificate.purge_at:
            yield stored
