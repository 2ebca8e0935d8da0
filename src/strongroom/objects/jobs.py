"""What happens to objects by itself: purging them when their retention is over."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from strongroom.core import limits
from strongroom.core.errors import Tampered
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import RootKey
from strongroom.objects.certificate_links import remove_certificate
from strongroom.objects.doomed_keys import doom_versions, remove_key
from strongroom.objects.lifecycle import remove_row
from strongroom.store import Store, Transaction

_logger = logging.getLogger("strongroom.jobs")
_BATCH = 50
"""Objects that are removed in one change, which takes ten milliseconds or so."""
_VERSIONS_IN_BATCH = 10
"""Versions that an object has at most when it goes with others: what it has more goes before, bit by bit."""


async def purge_due_objects(store: Store, root: RootKey, now: int) -> int:
    """
    Remove deleted objects whose retention is over, a batch in each transaction; the number removed.

    An object counts as absent from that moment whether or not this has run (`core.lifecycle.state_of`). What was
    altered stays and is told of; it keeps no other from going.
    """
    removed, limit = 0, _BATCH
    altered: set[str] = set()
    left: set[str] = set()
    while True:
        due = await store.due_for_purge(now, limit=limit, altered=altered.add)
        fresh = [one for one in due if one.object_id not in left]
        if not fresh:
            if len(due) < limit:
                break
            limit += _BATCH
        try:
            for one in fresh:
                if one.versions > _VERSIONS_IN_BATCH:
                    await _shorten(store, root, one, now)
            removed += await _purge_together(store, root, fresh, now)
            # Whoever waits is served between any two.
            await asyncio.sleep(0)
        except Tampered:
            # One of them, or something that belongs to it: each is tried alone.
            for one in fresh:
                try:
                    await _shorten(store, root, one, now)
                    removed += await _purge_together(store, root, [one], now)
                except Tampered as fault:
                    left.add(one.object_id)
                    altered.add(str(fault))
    for fault_text in sorted(altered):
        _logger.error("an object whose retention is over cannot be purged: %s", fault_text)
    return removed


async def _shorten(store: Store, root: RootKey, candidate: StoredObject, now: int) -> None:
    """Remove all versions of an object but the newest, so many in each transaction."""

    async def change(collection: Collection, tx: Transaction) -> int:
        stored = await tx.object(candidate.vault, collection, candidate.name)
        if stored is None or state_of(stored, now) is not State.ABSENT:
            return 0
        if stored.collection is Collection.KEYS:
            vault = await tx.record(Vault, vault_partition(stored.vault), stored.vault)
            if vault is not None:
                opened = partial(root.envelope, vault.id, vault.wrapped_key)
                await doom_versions(tx, vault, opened, stored, limits.VERSIONS_REMOVED_AT_ONCE)
        return await tx.remove_versions(stored.vault, stored.collection, stored.name, limits.VERSIONS_REMOVED_AT_ONCE)

    # A certificate's key and secret go with it, and may be due in another batch.
    is_certificate = candidate.collection is Collection.CERTIFICATES
    for collection in Collection if is_certificate else (candidate.collection,):
        is_more = True
        while is_more:
            is_more = (await store.commit(partial(change, collection))).result == limits.VERSIONS_REMOVED_AT_ONCE
            # Whoever waits is served between any two.
            await asyncio.sleep(0)


async def _purge_together(store: Store, root: RootKey, due: list[StoredObject], now: int) -> int:
    return (await store.commit(lambda tx: _purge(tx, root, due, now))).result


async def _purge(tx: Transaction, root: RootKey, due: list[StoredObject], now: int) -> int:
    removed = 0
    for candidate in due:
        stored = await tx.object(candidate.vault, candidate.collection, candidate.name)
        if stored is None or state_of(stored, now) is not State.ABSENT:
            continue
        vault = await tx.record(Vault, vault_partition(stored.vault), stored.vault)
        opened = partial(root.envelope, vault.id, vault.wrapped_key) if vault is not None else None
        if vault is not None and opened is not None and stored.collection is Collection.KEYS:
            await remove_key(vault, opened)(tx, stored)
        elif vault is not None and opened is not None and stored.collection is Collection.CERTIFICATES:
            # Its key and its secret are due as well, and may be in another batch.
            await remove_certificate(vault, opened)(tx, stored)
        else:
            await remove_row(tx, stored)
        removed += 1
    return removed
