"""The cache of sealed rows: what a read would fetch from the store, values sealed as they are there."""

from __future__ import annotations

from collections import OrderedDict

from strongroom.core.limits import SEALED_CACHE_BYTES, SEALED_CACHE_ENTRIES
from strongroom.core.objects import Collection, StoredObject, StoredVersion

Key = tuple[str, Collection, str, str]
"""Vault, collection, the object's key, and the version; an empty version is the latest one."""
Rows = tuple[StoredObject, StoredVersion | None]
"""An object and the version asked for, or None if it has no such version."""

_Object = tuple[str, Collection, str]

ROW_BYTES = 1024
"""What an entry weighs besides its body and its sealed value: the objects around them."""
DROPS_KEPT = 4096
"""How many dropped objects are remembered, for reads that were under way when they changed."""


class SealedCache:
    """
    A bounded cache of rows, by least recent use.

    A read that misses takes a `mark` before it asks the store and hands it over with what it found. If the object
    changed in between, what was found may be from before the change and is not kept. For that a commit must be visible
    to readers before its changes are applied here, as the store promises.
    """

    def __init__(self, *, entries: int = SEALED_CACHE_ENTRIES, size_bytes: int = SEALED_CACHE_BYTES) -> None:
        self._limit = entries
        self._limit_bytes = size_bytes
        self._rows: OrderedDict[Key, Rows] = OrderedDict()
        self._versions: dict[_Object, set[str]] = {}
        self._bytes = 0
        self._clock = 0
        self._dropped: OrderedDict[_Object, int] = OrderedDict()
        self._forgotten = 0

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: Key) -> Rows | None:
        """Return the rows kept under *key*, or None."""
        found = self._rows.get(key)
        if found is not None:
            self._rows.move_to_end(key)
        return found

    def mark(self) -> int:
        """Return the present moment, to be taken before the store is read."""
        return self._clock

    def put(self, key: Key, rows: Rows, mark: int) -> None:
        """Keep what was read since *mark*, unless the object changed since, or may have."""
        named = key[:3]
        if mark < self._forgotten or self._dropped.get(named, 0) > mark:
            return
        weight = _weight(rows)
        if weight > self._limit_bytes:
            return
        self._remove(key)
        self._rows[key] = rows
        self._versions.setdefault(named, set()).add(key[3])
        self._bytes += weight
        while len(self._rows) > self._limit or self._bytes > self._limit_bytes:
            self._remove(next(iter(self._rows)))

    def drop(self, vault: str, collection: Collection, key: str) -> None:
        """Drop everything kept of an object, and whatever reads of it that are under way will find."""
        named = (vault, collection, key)
        self._clock += 1
        self._dropped[named] = self._clock
        self._dropped.move_to_end(named)
        if len(self._dropped) > DROPS_KEPT:
            _, self._forgotten = self._dropped.popitem(last=False)
        for version in tuple(self._versions.get(named, ())):
            self._remove((*named, version))

    def clear(self) -> None:
        """Drop everything, and whatever reads that are under way will find."""
        self._rows.clear()
        self._versions.clear()
        self._dropped.clear()
        self._bytes = 0
        self._clock += 1
        self._forgotten = self._clock

    def _remove(self, key: Key) -> None:
        rows = self._rows.pop(key, None)
        if rows is None:
            return
        self._bytes -= _weight(rows)
        versions = self._versions[key[:3]]
        versions.discard(key[3])
        if not versions:
            del self._versions[key[:3]]


def _weight(rows: Rows) -> int:
    version = rows[1]
    return ROW_BYTES + (len(version.body) + len(version.sealed) if version is not None else 0)
