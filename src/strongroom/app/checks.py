"""Judging what an instance has stored, without serving it: the store's seals and the journal's chain."""

from __future__ import annotations

from strongroom.app.instance import NotInitialised, is_initialised
from strongroom.config import Settings
from strongroom.core.errors import Tampered
from strongroom.crypto.software import SoftwareKeyProtection
from strongroom.journal import Report, verify
from strongroom.store.sqlite import SqliteStore


async def check_store(settings: Settings) -> list[str]:
    """
    Check every row against its seal; a sentence for each thing that is wrong. The service may be running.

    Raises:
        NotInitialised: there is no instance.
        StoreFailed, StoreTooNew: the database cannot be read at all.
    """
    keys = _keys(settings)
    try:
        store = await SqliteStore.open(settings.database, keys.tag)
    except Tampered as fault:
        # What is wrong with the root of it all is found on opening.
        return [str(fault)]
    try:
        return await store.verify()
    finally:
        await store.close()


def check_journal(settings: Settings, checkpoint: bytes | None = None) -> Report:
    """
    Check the chain of every node, and against a checkpoint that was kept elsewhere. The service may be running.

    Raises:
        NotInitialised: there is no instance.
    """
    return verify(settings.journal, _keys(settings).tag, checkpoint)


def _keys(settings: Settings) -> SoftwareKeyProtection:
    if not is_initialised(settings):
        raise NotInitialised(f"There is no instance in {settings.data}. Make one with: strongroom init")
    return SoftwareKeyProtection.load(settings.root_key)
