"""What happens to objects by itself: purging them when their retention is over."""

from __future__ import annotations

from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import StoredObject
from strongroom.store import Store, Transaction

_BATCH = 200


async def purge_due_objects(store: Store, now: int) -> int:
    """
    Remove deleted objects whose retention is over, a batch in each transaction; the number removed.

    An object counts as absent from that moment whether or not this has run (`core.lifecycle.state_of`).
    """
    removed = 0
    while due := await store.due_for_purge(now, limit=_BATCH):
        removed += (await store.commit(lambda tx, due=due: _purge(tx, due, now))).result  # type: ignore[misc]  # the default binds this round's batch
    return removed


async def _purge(tx: Transaction, due: list[StoredObject], now: int) -> int:
    removed = 0
    for candidate in due:
        stored = await tx.object(candidate.vault, candidate.collection, candidate.name)
        if stored is not None and state_of(stored, now) is State.ABSENT:
            removed += await tx.remove_object(stored.vault, stored.collection, stored.name)
    return removed
