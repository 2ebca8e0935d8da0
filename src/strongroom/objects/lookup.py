"""Finding an object's rows, through the bounded cache of sealed records. Plaintext is never cached (ADR 0003)."""

from __future__ import annotations

from strongroom.core.lifecycle import State, not_found, state_of
from strongroom.core.names import parse_version
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.store import Reader
from strongroom.view.sealed import Key, SealedCache

LATEST = ""
"""The version in a path that means an object's latest one."""


def find_kept(cache: SealedCache, key: Key) -> tuple[StoredObject, StoredVersion] | None:
    """
    Find what `find_version` would, if it is kept; None if that has to be asked, which refuses what there is not.

    Nothing is waited for, so what is read most is not read through one coroutine more.
    """
    rows = cache.get(key)
    if rows is None or rows[1] is None or rows[0].deleted is not None:
        return None
    return rows[0], rows[1]


async def find_version(
    reader: Reader, cache: SealedCache, vault: str, collection: Collection, name: str, version: str, now: int
) -> tuple[StoredObject, StoredVersion]:
    """
    Find a version of an active object.

    Raises:
        NotFound: no active object has the name, or it has no such version.
    """
    wanted = LATEST if version == LATEST else parse_version(version)
    if wanted is None:
        raise not_found(collection, name, version)
    key = (vault, collection, name.lower(), wanted)
    rows = cache.get(key)
    if rows is None:
        mark = cache.mark()
        rows = await _read(reader, vault, collection, name, wanted)
        if rows is not None:
            cache.put(key, rows, mark)
    stored, row = rows if rows is not None else (None, None)
    if stored is None or row is None or state_of(stored, now) is not State.ACTIVE:
        # One sentence for all of them: whether the secret or its version is missing is not said.
        raise not_found(collection, name, version or None)
    return stored, row


async def _read(
    reader: Reader, vault: str, collection: Collection, name: str, version: str
) -> tuple[StoredObject, StoredVersion | None] | None:
    stored = await reader.object(vault, collection, name)
    if stored is None:
        return None
    return stored, await reader.version(vault, collection, name, version or stored.latest)
