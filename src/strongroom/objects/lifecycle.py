"""
The life of objects: commands over a Transaction that are the same for every collection.

Each re-reads what must be true when it commits. What states there are and how each refuses is `core.lifecycle`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.lifecycle import (
    State,
    not_found,
    purge_time,
    require_active,
    require_deleted,
    require_name_free,
    require_no_certificate,
    require_purgeable,
    require_recoverable,
    require_restorable,
    state_of,
)
from strongroom.core.names import parse_version
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.store import Reader, Transaction

_READ_AT_ONCE = 100
_SERVED_AFTER = 10
"""Versions whose values are opened in a millisecond or two."""

Entropy = Callable[[int], bytes]
Row = tuple[StoredObject, StoredVersion]
Remove = Callable[[Transaction, StoredObject], Awaitable[None]]
"""Removes an object with all that is kept of it elsewhere."""


async def remove_row(tx: Transaction, stored: StoredObject) -> None:
    """Remove an object of which nothing is kept elsewhere."""
    await tx.remove_object(stored.vault, stored.collection, stored.name)


async def next_version(
    tx: Transaction,
    vault: Vault,
    collection: Collection,
    name: str,
    version: str,
    *,
    now: int,
    entropy: Entropy,
    remove: Remove = remove_row,
) -> StoredObject:
    """
    Write the object that a new version belongs to: the one of this name, or a new one.

    Raises:
        Conflict: the name is that of a deleted object.
    """
    old = await tx.object(vault.id, collection, name)
    require_name_free(old, collection, name, now)
    if old is not None and state_of(old, now) is State.ACTIVE:
        stored = replace(old, latest=version, versions=old.versions + 1)
    else:
        if old is not None:
            # Its retention is over; the clean-up has not come by yet.
            await remove(tx, old)
        stored = StoredObject(vault.id, collection, name, new_guid(entropy), now, version)
    await tx.put_object(stored)
    return stored


async def version_to_change(
    tx: Transaction, vault: Vault, collection: Collection, name: str, version: str, *, now: int
) -> Row:
    """
    Read the version that an update is about; the empty text is the latest.

    Raises:
        NotFound: no active object has the name, or it has no such version.
    """
    wanted = parse_version(version)
    stored = await tx.object(vault.id, collection, name)
    if stored is None or state_of(stored, now) is not State.ACTIVE:
        raise not_found(collection, name, version or None)
    row = await tx.version(vault.id, collection, name, wanted or stored.latest)
    if row is None:
        raise not_found(collection, name, version or None)
    return stored, row


async def delete_object(tx: Transaction, vault: Vault, collection: Collection, name: str, *, now: int) -> Row:
    """
    Delete an object with all its versions; it can be recovered until its retention ends.

    Raises:
        NotFound: no active object has the name.
    """
    stored = require_active(await tx.object(vault.id, collection, name), collection, name, now)
    deleted = replace(stored, deleted=now, purge_at=purge_time(now, vault.retention_days))
    await tx.put_object(deleted)
    return deleted, await latest_version(tx, deleted)


async def recover_object(tx: Transaction, vault: Vault, collection: Collection, name: str, *, now: int) -> Row:
    """
    Make a deleted object active again, with all its versions.

    Raises:
        NotFound: no deleted object has the name.
    """
    stored = require_recoverable(await tx.object(vault.id, collection, name), collection, name, now)
    active = replace(stored, deleted=None, purge_at=None)
    await tx.put_object(active)
    return active, await latest_version(tx, active)


async def purge_object(
    tx: Transaction, vault: Vault, collection: Collection, name: str, *, now: int, remove: Remove = remove_row
) -> None:
    """
    Remove a deleted object for ever.

    Raises:
        NotFound: no deleted object has the name.
        Forbidden: the vault has purge protection.
    """
    stored = require_deleted(await tx.object(vault.id, collection, name), collection, name, now)
    require_purgeable(purge_protection=vault.purge_protection, vault=vault.name, location=vault.location)
    await (end_retention(tx, stored) if has_many_versions(stored) else remove(tx, stored))


def has_many_versions(stored: StoredObject) -> bool:
    """Tell whether an object has more versions than one change should remove, in which nobody else reads or writes."""
    return stored.versions > limits.VERSIONS_REMOVED_AT_ONCE


async def end_retention(tx: Transaction, stored: StoredObject) -> None:
    """Have a deleted object be absent from now on, whatever the clock says later; the job removes it bit by bit."""
    await tx.put_object(replace(stored, purge_at=0))


async def make_room(
    tx: Transaction,
    vault: Vault,
    collection: Collection,
    name: str,
    base: str,
    *,
    now: int,
    remove: Remove = remove_row,
) -> None:
    """
    See that a name is free to restore an object under.

    Raises:
        Conflict: the name is in use, or is that of a deleted object, or of a certificate.
    """
    old = await tx.object(vault.id, collection, name)
    require_restorable(old, collection, name, f"{base}/{collection}/{name}", now)
    if collection is not Collection.CERTIFICATES:
        await require_not_a_certificates(tx, vault, collection, name, now)
    if old is not None:
        await remove(tx, old)


async def require_not_a_certificates(
    tx: Transaction, vault: Vault, collection: Collection, name: str, now: int
) -> None:
    """
    Refuse to make a key or a secret under the name of a certificate.

    Raises:
        Conflict: a certificate has the name, be it deleted.
    """
    require_no_certificate(await tx.object(vault.id, Collection.CERTIFICATES, name), collection, name, now)


async def latest_version(reader: Reader, stored: StoredObject) -> StoredVersion:
    """
    Read an object's latest version.

    Raises:
        NotFound: it is not there.
    """
    row = await reader.version(stored.vault, stored.collection, stored.name, stored.latest)
    if row is None:
        raise not_found(stored.collection, stored.name, stored.latest)
    return row


async def each_version(reader: Reader, stored: StoredObject) -> AsyncIterator[StoredVersion]:
    """Go through an object's versions, the oldest first."""
    after, more = 0, True
    while more:
        page = await reader.versions(stored.vault, stored.collection, stored.name, after=after, limit=_READ_AT_ONCE)
        for row in page.rows:
            yield row
        after, more = page.rows[-1].ordinal if page.rows else after, page.more


async def each_version_in_turn(reader: Reader, stored: StoredObject, now: int) -> AsyncIterator[StoredVersion]:
    """
    Go through an object's versions outside of a change: whoever waits is served between some and the next.

    Raises:
        NotFound: it was deleted meanwhile, so some may have been missing, or another object's.
    """
    number = 0
    async for row in each_version(reader, stored):
        yield row
        number += 1
        if number % _SERVED_AFTER == 0:
            await asyncio.sleep(0)
    if await look_again(reader, stored, now) is None:
        raise not_found(stored.collection, stored.name)


async def look_again(reader: Reader, candidate: StoredObject, now: int) -> Row | None:
    """Read an object that was due, with its latest version; None if it is no longer there, deleted, or another one."""
    stored = await reader.object(candidate.vault, candidate.collection, candidate.name)
    if stored is None or stored.object_id != candidate.object_id or state_of(stored, now) is not State.ACTIVE:
        return None
    row = await reader.version(stored.vault, stored.collection, stored.name, stored.latest)
    return None if row is None else (stored, row)


async def put_off(tx: Transaction, seen: StoredObject, until: int | None) -> None:
    """Look at an object later, or not until it is changed; somebody may have changed it meanwhile."""
    stored = await tx.object(seen.vault, seen.collection, seen.name)
    if stored is not None and stored.deleted is None and stored.due_at == seen.due_at:
        await tx.put_object(replace(stored, due_at=until))
