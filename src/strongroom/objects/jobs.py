"""What happens to objects by itself: purging them when their retention is over."""

from __future__ import annotations

from functools import partial

from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import RootKey
from strongroom.objects.doomed_keys import remove_key
from strongroom.objects.lifecycle import remove_row
from strongroom.store import Store, Transaction

_BATCH = 200


async def purge_due_objects(store: Store, root: RootKey, now: int) -> int:
    """
    Remove deleted objects whose retention is over, a batch in each transaction; the number removed.

    An object counts as absent from that moment whether or not this has run (`core.lifecycle.state_of`).
    """
    removed = 0
    while due := await store.due_for_purge(now, limit=_BATCH):
        removed += (await store.commit(lambda tx, due=due: _purge(tx, root, due, now))).result  # type: ignore[misc]  # the default binds this round's batch
    return removed


async def _purge(tx: Transaction, root: RootKey, due: list[StoredObject], now: int) -> int:
    removed = 0
    for candidate in due:
        stored = await tx.object(candidate.vault, candidate.collection, candidate.name)
        if stored is None or state_of(stored, now) is not State.ABSENT:
            continue
        vault = await tx.record(Vault, vault_partition(stored.vault), stored.vault)
        if vault is not None and stored.collection is Collection.KEYS:
            await remove_key(vault, partial(root.envelope, vault.id, vault.wrapped_key))(tx, stored)
        else:
            await remove_row(tx, stored)
        removed += 1
    return removed
