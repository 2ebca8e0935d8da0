"""Reading: the Reader protocol over statements, whatever database runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import NamedTuple, Protocol, TypeVar

from strongroom.core.errors import Tampered
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import Record
from strongroom.store import statements
from strongroom.store.codec import decode_as
from strongroom.store.protocol import Altered, ObjectState, Page
from strongroom.store.seals import Seal, Tags, read_seal
from strongroom.store.statements import OBJECT_COLUMNS, Row, Statement

R = TypeVar("R", bound=Record)
T = TypeVar("T")


COLLECTIONS = {collection.value: collection for collection in Collection}


class Session(Protocol):
    """What a database driver has to offer: two ways to run a statement, each with a deadline, and a still picture."""

    async def fetch(self, statement: Statement, /, *parameters: object) -> list[Row]:
        """Run a query and return all its rows."""
        ...

    async def run(self, statement: Statement, /, *parameters: object) -> int:
        """Run a change and return the number of rows it changed."""
        ...

    def stamp(self) -> int | None:
        """Return a number that is another one once anybody has committed anything; None if there is no such number."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Have every query until the end of the block see the same state."""
        ...


def read_object(tags: Tags, row: Row) -> StoredObject:
    """
    Read an object from its row.

    Raises:
        Tampered: its tag does not fit.
    """
    tags.check("objects", row)
    vault, collection, _, name, object_id, created, latest, versions, deleted, purge_at, _, policy, due_at, _ = row
    return StoredObject(
        vault, COLLECTIONS[collection], name, object_id, created, latest, versions, deleted, purge_at, policy, due_at
    )


def read_version(tags: Tags, row: Row) -> StoredVersion:
    """
    Read a version from its row.

    Raises:
        Tampered: its tag does not fit.
    """
    tags.check("versions", row)
    vault, collection, _, version, ordinal, name, object_id, body, sealed, _ = row
    return StoredVersion(vault, COLLECTIONS[collection], name, object_id, version, ordinal, body, sealed)


class _Lease(NamedTuple):
    holder: str
    expires: int


class SqlReader:
    """Reads through one session. The transaction derives from it, so a change reads exactly as everyone does."""

    def __init__(self, session: Session, tags: Tags) -> None:
        self._session = session
        self._tags = tags

    async def record(self, kind: type[R], partition: str, record_id: str) -> R | None:
        """Read one record, or None."""
        rows = await self._session.fetch(statements.RECORD, kind.KIND, partition, record_id)
        if not rows:
            return None
        if len(rows) > 1:
            raise Tampered(f"there is more than one {kind.KIND} {record_id} in {partition}")
        self._tags.check("records", rows[0])
        return decode_as(kind, rows[0][3])

    async def records(self, kind: type[R], partition: str | None = None, *, altered: Altered | None = None) -> list[R]:
        """
        Read every record of a kind, of one partition or of all, in (partition, id) order.

        Raises:
            Tampered: without *altered*, a row was altered, is missing, was added, or is an older one put back.
        """
        async with self._session.snapshot():
            if partition is None:
                rows = await self._session.fetch(statements.RECORDS, kind.KIND)
            else:
                rows = await self._session.fetch(statements.RECORDS_OF_PARTITION, kind.KIND, partition)
            seals: Mapping[str, Seal] | None = None
            seals = await self._seals(kind.KIND, partition, altered)
        shares: dict[str, list[int]] = {}
        records: list[R] = []
        check, share = self._tags.check, self._tags.share
        for row in rows:
            tag = row[-1]
            # What its tag says of a row that was altered is what was sealed: it makes no other doubtful.
            shares.setdefault(row[1], []).append(share(tag if isinstance(tag, bytes) else b""))
            # As in `telling`, which would take as long as all the rest: many a change reads thousands of rows.
            try:
                check("records", row)
                records.append(decode_as(kind, row[3]))
            except Tampered as fault:
                if altered is None:
                    raise
                altered(str(fault))
        for place in seals.keys() | shares.keys():
            there = shares.get(place, [])
            with telling(altered):
                nothing = Seal(kind.KIND, place)
                require_whole(seals.get(place, nothing), nothing.add(sum(there), len(there)))
        return records

    async def records_with(self, kind: type[R], partition: str | None, text: str) -> list[R]:
        """
        Read the records of a kind that have a text somewhere, in (partition, id) order.

        Raises:
            Tampered: a row that has it was altered.
        """
        sought = text.encode()
        if partition is None:
            rows = await self._session.fetch(statements.RECORDS_WITH, kind.KIND, sought)
        else:
            rows = await self._session.fetch(statements.RECORDS_OF_PARTITION_WITH, kind.KIND, partition, sought)
        for row in rows:
            self._tags.check("records", row)
        return [decode_as(kind, row[3]) for row in rows]

    async def _seals(self, kind: str, partition: str | None, altered: Altered | None = None) -> Mapping[str, Seal]:
        """Read the seals of one kind, of one partition or of all, by partition."""
        if partition is None:
            rows = await self._session.fetch(statements.SEALS_OF_KIND, kind)
        else:
            rows = await self._session.fetch(statements.SEAL, kind, partition)
        seals: dict[str, Seal] = {}
        for row in rows:
            with telling(altered):
                seal, _ = read_seal(self._tags, row)
                seals[seal.partition] = seal
        return seals

    async def object(self, vault: str, collection: Collection, name: str) -> StoredObject | None:
        """Read an object by name, without case, whether active or deleted."""
        rows = await self._session.fetch(statements.OBJECT, vault, collection.value, name.lower())
        return read_object(self._tags, rows[0]) if rows else None

    async def objects(
        self, vault: str, collection: Collection, state: ObjectState, *, after: str | None, limit: int
    ) -> Page[tuple[StoredObject, StoredVersion]]:
        """Read objects with their latest version in key order, from the first key greater than *after*."""
        rows = await self._session.fetch(
            statements.OBJECTS, vault, collection.value, state.value, after or "", limit + 1
        )
        return Page(tuple(self._pair(row) for row in rows[:limit]), more=len(rows) > limit)

    def _pair(self, row: Row) -> tuple[StoredObject, StoredVersion]:
        """Read an object and its latest version from the two rows joined."""
        end = len(OBJECT_COLUMNS) + 1
        stored = read_object(self._tags, row[:end])
        if row[end] is None:
            # The join is an outer one for this: an object must not vanish from a listing because somebody removed a
            # row.
            raise Tampered(f"the latest version of {stored.collection} {stored.key} in vault {stored.vault} is missing")
        latest = read_version(self._tags, row[end:])
        if latest.object_id != stored.object_id:
            raise Tampered(f"{stored.collection} {stored.key} in vault {stored.vault} has a version of another object")
        return stored, latest

    async def version(self, vault: str, collection: Collection, name: str, version: str) -> StoredVersion | None:
        """Read one version, whatever the state of its object."""
        rows = await self._session.fetch(statements.VERSION, vault, collection.value, name.lower(), version)
        return read_version(self._tags, rows[0]) if rows else None

    async def versions(
        self, vault: str, collection: Collection, name: str, *, after: int, limit: int
    ) -> Page[StoredVersion]:
        """Read an object's versions by ordinal, from the first ordinal greater than *after*."""
        rows = await self._session.fetch(statements.VERSIONS, vault, collection.value, name.lower(), after, limit + 1)
        return Page(tuple(read_version(self._tags, row) for row in rows[:limit]), more=len(rows) > limit)

    async def versions_by_id(
        self, vault: str, collection: Collection, name: str, *, after: str, limit: int
    ) -> Page[StoredVersion]:
        """Read an object's versions in the order of their ids, from the first id greater than *after*."""
        place = (vault, collection.value, name.lower(), after)
        rows = await self._session.fetch(statements.VERSIONS_BY_ID, *place, limit + 1)
        return Page(tuple(read_version(self._tags, row) for row in rows[:limit]), more=len(rows) > limit)

    async def due_for_purge(self, now: int, *, limit: int, altered: Altered | None = None) -> list[StoredObject]:
        """Read deleted objects whose `purge_at` is not after *now*, the longest due first."""
        return await self._due(read_object, statements.DUE_FOR_PURGE, now, limit=limit, altered=altered)

    async def due_objects(self, now: int, *, limit: int, altered: Altered | None = None) -> list[StoredObject]:
        """Read active objects whose `due_at` is not after *now*, the longest due first."""
        return await self._due(read_object, statements.DUE_OBJECTS, now, limit=limit, altered=altered)

    async def count_for_purge(self, now: int, *, limit: int) -> int:
        """Count deleted objects whose `purge_at` is not after *now*, up to a limit."""
        return int((await self._session.fetch(statements.COUNT_FOR_PURGE, now, limit))[0][0])

    async def count_due(self, now: int, *, limit: int) -> int:
        """Count active objects whose `due_at` is not after *now*, up to a limit."""
        return int((await self._session.fetch(statements.COUNT_DUE, now, limit))[0][0])

    async def lease_holder(self, name: str, now: int) -> str | None:
        """Say who holds a lease that has not run out."""
        held = await self._lease(name)
        return held.holder if held is not None and held.expires > now else None

    async def _lease(self, name: str) -> _Lease | None:
        rows = await self._session.fetch(statements.LEASE, name)
        if not rows:
            return None
        self._tags.check("leases", rows[0])
        _, holder, expires, _ = rows[0]
        return _Lease(holder, expires)

    async def _due(
        self,
        read: Callable[[Tags, Row], T],
        statement: Statement,
        *parameters: str | int,
        limit: int,
        altered: Altered | None,
    ) -> list[T]:
        """Read the first rows that are due and were not altered."""
        wanted = limit
        while True:
            rows = await self._session.fetch(statement, *parameters, wanted)
            found: list[T] = []
            for row in rows:
                with telling(altered):
                    found.append(read(self._tags, row))
            if found or len(rows) < wanted:
                return found[:limit]
            # Altered rows fill the front, where they stay: what waits behind them is read too.
            wanted *= 2


@contextmanager
def telling(altered: Altered | None) -> Iterator[None]:
    """
    Tell *altered* of what the block finds altered, and go on after it.

    Raises:
        Tampered: there is nobody to tell.
    """
    try:
        yield
    except Tampered as fault:
        if altered is None:
            raise
        altered(str(fault))


def require_whole(seal: Seal, found: Seal) -> None:
    """
    Compare a seal with what its rows add up to.

    Raises:
        Tampered: a row is missing, was added, or is an older one put back.
    """
    place = f"{seal.kind} of {seal.partition}"
    if found.count != seal.count:
        raise Tampered(f"{place}: {found.count} rows are there, {seal.count} were sealed")
    if found.digest != seal.digest:
        raise Tampered(f"{place}: the rows are not the ones that were sealed")
