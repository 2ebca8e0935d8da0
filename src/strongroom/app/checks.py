"""Whether what is stored is as it was written: the store's seals, and the audit journal's chain."""

from __future__ import annotations

from strongroom import journal
from strongroom.app.anchor import find_rollback
from strongroom.app.data_directory import require_initialised
from strongroom.app.root_keys import load_root_key
from strongroom.config import Settings
from strongroom.core.errors import Tampered
from strongroom.core.installation import JournalCheckpoint
from strongroom.journal import Report
from strongroom.store.sqlite import SqliteStore


async def check_store(settings: Settings) -> list[str]:
    """
    Check every row of the store; a sentence for each thing that is wrong. It may run beside the service.

    Raises:
        NotInitialised: there is no instance.
        StoreFailed: it cannot be read, or an older program wrote it: only the service migrates.
    """
    require_initialised(settings)
    keys = load_root_key(settings)
    try:
        store = await SqliteStore.open(settings.database, keys.tag, looks_only=True)
    except Tampered as found:
        return [str(found)]
    try:
        wrong = await store.verify()
        rollback = find_rollback(settings, keys, await store.sequence())
        return wrong if rollback is None else [*wrong, rollback]
    finally:
        await store.close()


async def check_journal(settings: Settings, checkpoint: bytes | None = None) -> Report:
    """
    Check the chain of every node, against *checkpoint* or else against the one that the store keeps.

    Raises:
        NotInitialised: there is no instance.
    """
    require_initialised(settings)
    keys = load_root_key(settings)
    return journal.verify(settings.journal, keys.tag, checkpoint or await newest_checkpoint(settings))


async def newest_checkpoint(settings: Settings) -> bytes | None:
    """
    Read the newest checkpoint of the journal that the store keeps, or None if there is none yet.

    Raises:
        NotInitialised: there is no instance.
        StoreFailed: as `check_store`.
    """
    require_initialised(settings)
    keys = load_root_key(settings)
    store = await SqliteStore.open(settings.database, keys.tag, looks_only=True)
    try:
        kept = await store.records(JournalCheckpoint)
    finally:
        await store.close()
    return kept[0].checkpoint if kept else None
