"""
Writing: the Transaction protocol over statements, and the group of changes that share one durable write.

    Group.begin ─> per change: SqlTransaction ─> accept (number, feed, audit entries) ─> Group.finish ─> COMMIT ─>
    publish
                                    └─> raises: the backend rolls back to where the change began; the group goes on

A change works on a copy of the seals that it touches, and the group takes the copy over when the change is accepted.
So what a refused change had done to seals, feed and audit entries is undone with its rows. Seals and commit rows are
written at the end, just before the COMMIT.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, TypeVar

from strongroom.core.changes import Change, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.errors import NameTaken, Tampered
from strongroom.core.events import Event
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import Record
from strongroom.store import statements
from strongroom.store.codec import encode_changes, encode_entries, encode_record
from strongroom.store.deliveries import DeliveryWriter
from strongroom.store.protocol import Altered, Committed, LeaseLost, ObjectState, Router
from strongroom.store.reader import COLLECTIONS, Session
from strongroom.store.seals import CONTENTS, Root, Seal, Tags, read_root, read_seal
from strongroom.store.statements import Row, Statement

T = TypeVar("T")

COMMITS_KEPT = 10_000
"""How far the change feed reaches back. A node that was away for longer loads everything again."""
SEALS_KNOWN = 10_000
"""How many seals are remembered from one group to the next."""
PRUNE_AFTER = 1_000
"""Older commits are removed when this many have gathered, so that not every commit pays for it."""

SealKey = tuple[str, str]
ObjectKey = tuple[str, str, str]
VersionKey = tuple[str, str, str, str]


class _Ended:
    """The session of a transaction that is over: a change that kept its transaction cannot write into the next one."""

    async def fetch(self, _statement: Statement, /, *_parameters: object) -> NoReturn:
        self.snapshot()

    async def run(self, _statement: Statement, /, *_parameters: object) -> NoReturn:
        self.snapshot()

    def stamp(self) -> NoReturn:
        self.snapshot()

    def snapshot(self) -> NoReturn:
        msg = "the transaction is over"
        raise RuntimeError(msg)


class _Difference:
    """What a change does to one seal."""

    __slots__ = ("cleared", "count", "share")

    def __init__(self) -> None:
        self.cleared = False
        self.count = 0
        self.share = 0

    def applied(self, seal: Seal) -> Seal:
        """
        Carry a seal forward.

        Raises:
            Tampered: rows went that were never sealed, or were not sealed like this.
        """
        if self.cleared:
            seal = Seal(seal.kind, seal.partition, seal.generation)
        seal = seal.add(self.share, self.count)
        if seal.count < 0 or (seal.count == 0 and seal.digest != 0):
            raise Tampered(f"{seal.kind} of {seal.partition}: the rows removed are not the ones that were sealed")
        return seal


class SqlTransaction(DeliveryWriter):
    """One change under way."""

    def __init__(self, group: Group) -> None:
        super().__init__(group.session, group.tags)
        self.changes: list[Change] = []
        self.events: list[Event] = []
        self.wrote = False
        self._group = group
        self._differences: dict[SealKey, _Difference] = {}
        self._announced: set[ObjectKey] = set()
        self._latest: dict[ObjectKey, tuple[str, str]] = {}
        self._owners: dict[VersionKey, str] = {}

    def end(self) -> None:
        """Refuse whatever is asked of this transaction from now on."""
        self._session = _Ended()

    # ---- seals -------------------------------------------------------------------------------------------------------

    async def resealed(self) -> dict[SealKey, Seal]:
        """Compute the seals that this change touched, as it leaves them."""
        return {key: difference.applied(await self._group.seal(key)) for key, difference in self._differences.items()}

    async def _seals(self, kind: str, partition: str | None, altered: Altered | None = None) -> Mapping[str, Seal]:
        seals = dict(await super()._seals(kind, partition, altered))
        for under_way in (self._group.seals, await self.resealed()):
            seals.update(
                (key[1], seal) for key, seal in under_way.items() if key[0] == kind and partition in {None, key[1]}
            )
        return seals

    def _difference(self, kind: str, partition: str) -> _Difference:
        """Find what this change has done to a seal so far."""
        key = (kind, partition)
        difference = self._differences.get(key)
        if difference is None:
            difference = self._differences[key] = _Difference()
        return difference

    def _reseal(self, kind: str, partition: str, added: bytes | None, gone: Sequence[bytes]) -> None:
        """Note the tag of a row that came, and the tags of those that went."""
        difference = self._difference(kind, partition)
        if added is not None:
            difference.count += 1
            difference.share += self._tags.share(added)
        for tag in gone:
            difference.count -= 1
            difference.share -= self._tags.share(tag)

    async def _seal_now(self, kind: str, partition: str) -> Seal:
        """Look a seal up as this change leaves it so far."""
        return self._difference(kind, partition).applied(await self._group.seal((kind, partition)))

    def _clear_seal(self, kind: str, partition: str) -> None:
        """Have a seal say that there is nothing, whatever it was."""
        difference = self._difference(kind, partition)
        difference.cleared, difference.count, difference.share = True, 0, 0

    async def _run(self, statement: Statement, *parameters: object) -> int:
        self.wrote = True
        return await self._session.run(statement, *parameters)

    # ---- records -----------------------------------------------------------------------------------------------------

    async def put(self, record: Record) -> None:
        """
        Make or replace a record.

        Raises:
            NameTaken: another record holds a name this one claims. Nothing was written.
        """
        place = (record.KIND, record.partition, record.id)
        old = await self._session.fetch(statements.RECORD_TAG, *place)
        names = dict.fromkeys(record.names)
        held = [name for (name,) in await self._session.fetch(statements.NAMES_OF, *place)] if old else []
        claimed = [name for name in names if name not in held]
        for name in claimed:
            if await self._session.fetch(statements.NAME_HOLDER, name):
                raise NameTaken(name)
        row: Row = (*place, encode_record(record))
        tag = self._tags.row("records", row)
        await self._run(statements.PUT_RECORD, *row, tag)
        for name in held:
            if name not in names:
                await self._run(statements.FREE_NAME, name)
        for name in claimed:
            await self._run(statements.CLAIM_NAME, name, *place)
        self._reseal(record.KIND, record.partition, tag, [row[0] for row in old])
        self.changes.append(RecordPut(record))

    async def remove(self, record: Record) -> bool:
        """Remove a record and its names; False if it was not there."""
        place = (record.KIND, record.partition, record.id)
        old = await self._session.fetch(statements.RECORD_TAG, *place)
        if not old:
            return False
        for (name,) in await self._session.fetch(statements.NAMES_OF, *place):
            await self._run(statements.FREE_NAME, name)
        await self._run(statements.REMOVE_RECORD, *place)
        self._reseal(record.KIND, record.partition, None, [row[0] for row in old])
        self.changes.append(RecordRemoved(*place))
        return True

    # ---- objects and versions ----------------------------------------------------------------------------------------

    async def put_object(self, stored: StoredObject) -> None:
        """Make or replace an object's row. Its latest version has to be there by the end of the change."""
        key: ObjectKey = (stored.vault, stored.collection.value, stored.key)
        rest = (stored.name, stored.object_id, stored.created, stored.latest, stored.versions)
        state = ObjectState.ACTIVE if stored.deleted is None else ObjectState.DELETED
        life = (stored.deleted, stored.purge_at, state.value, stored.policy, stored.due_at)
        old = await self._session.fetch(statements.OBJECT_MARK, *key)
        tag = self._tags.row("objects", (*key, *rest, *life))
        if not old:
            await self._run(statements.ADD_OBJECT, *key, *rest, *life, tag)
        elif old[0][1:] == life:
            await self._run(statements.RENEW_OBJECT, *rest, tag, *key)
        else:
            await self._run(statements.MOVE_OBJECT, *rest, *life, tag, *key)
        self._reseal(CONTENTS, stored.vault, tag, [row[0] for row in old])
        self._latest[key] = (stored.object_id, stored.latest)
        self._announce(key)

    async def put_version(self, stored: StoredVersion) -> None:
        """Make or replace one version of an object. Its object has to be there by the end of the change."""
        key: ObjectKey = (stored.vault, stored.collection.value, stored.key)
        rest = (stored.ordinal, stored.name, stored.object_id, stored.body, stored.sealed)
        place: VersionKey = (*key, stored.version)
        tag = self._tags.row("versions", (*place, *rest))
        gone: list[bytes] = []
        # Nearly every version is new, so the old tag is asked for only if the row turns out to be there.
        if not await self._run(statements.ADD_VERSION, *place, *rest, tag):
            gone = [row[0] for row in await self._session.fetch(statements.VERSION_TAG, *place)]
            await self._run(statements.REPLACE_VERSION, *rest, tag, *place)
        self._reseal(CONTENTS, stored.vault, tag, gone)
        self._owners[place] = stored.object_id
        self._announce(key)

    async def remove_object(self, vault: str, collection: Collection, name: str) -> bool:
        """Remove an object with all its versions; False if it was not there."""
        key: ObjectKey = (vault, collection.value, name.lower())
        old = await self._session.fetch(statements.OBJECT_TAG, *key)
        if not old:
            return False
        old += await self._session.fetch(statements.VERSION_TAGS, *key)
        await self._run(statements.REMOVE_VERSIONS, *key)
        await self._run(statements.REMOVE_OBJECT, *key)
        self._reseal(CONTENTS, vault, None, [row[0] for row in old])
        self._latest.pop(key, None)
        self._owners = {place: owner for place, owner in self._owners.items() if place[:3] != key}
        self._announce(key)
        return True

    async def remove_vault_objects(self, vault: str, limit: int) -> int:
        """Remove what a vault contains, no more than *limit* objects; the number of objects removed."""
        keys = await self._session.fetch(statements.OBJECTS_OF_VAULT, vault, limit + 1)
        if len(keys) > limit:
            for collection, key in keys[:limit]:
                await self.remove_object(vault, COLLECTIONS[collection], key)
            try:
                await self._seal_now(CONTENTS, vault)
            except Tampered:
                # More rows are there than were sealed: they go at once, as below.
                left = await self.count_vault_objects(vault)
                keys = keys[:limit] + await self._session.fetch(statements.OBJECTS_OF_VAULT, vault, left)
            else:
                return limit
        await self._run(statements.REMOVE_VERSIONS_OF_VAULT, vault)
        await self._run(statements.REMOVE_OBJECTS_OF_VAULT, vault)
        # Whatever was there is gone, so the seal is cleared and not carried forward: a vault whose contents were
        # tampered with can still be purged.
        self._clear_seal(CONTENTS, vault)
        self._latest = {key: latest for key, latest in self._latest.items() if key[0] != vault}
        self._owners = {place: owner for place, owner in self._owners.items() if place[0] != vault}
        for collection, key in keys:
            self._announce((vault, collection, key))
        return len(keys)

    async def count_vault_objects(self, vault: str) -> int:
        """Count what a vault contains, in whatever state."""
        number: int = (await self._session.fetch(statements.COUNT_OF_VAULT, vault))[0][0]
        return number

    def announce(self, event: Event) -> None:
        """Have an event recorded with this change."""
        self.events.append(event)

    def _announce(self, key: ObjectKey) -> None:
        """Have the feed say, once, that something about an object changed."""
        if key not in self._announced:
            self._announced.add(key)
            vault, collection, name = key
            self.changes.append(ObjectChanged(vault, COLLECTIONS[collection], name))

    async def require_consistent(self) -> None:
        """
        Check that every object put has its latest version, and every version put its object.

        Raises:
            RuntimeError: a change left an object in pieces. It is a fault of the program, found before it is stored.
        """
        for key, (object_id, latest) in self._latest.items():
            owner = self._owners.get((*key, latest))
            if owner is None:
                rows = await self._session.fetch(statements.VERSION_OWNER, *key, latest)
                owner = rows[0][0] if rows else None
            if owner != object_id:
                msg = f"{key[1]} {key[2]} is put without its latest version {latest}"
                raise RuntimeError(msg)
        for (*place, version), object_id in self._owners.items():
            vault, collection, name = place
            known = self._latest.get((vault, collection, name))
            if known is None:
                stored = await self.object(vault, Collection(collection), name)
                known = (stored.object_id, stored.latest) if stored else None
            if known is None or known[0] != object_id:
                msg = f"version {version} of {collection} {name} is put without its object"
                raise RuntimeError(msg)

    # ---- leases ------------------------------------------------------------------------------------------------------

    async def take_lease(self, name: str, holder: str, *, now: int, lifetime_s: int) -> bool:
        """Take or renew a lease unless another holder's runs."""
        expires = now + lifetime_s
        held = await self._lease(name)
        if held is not None and held.holder != holder and held.expires > now:
            if held.expires > expires:
                # Its holder's clock is ahead. Its time is cut and not its hold, because clocks differ by a little.
                await self._put_lease(name, held.holder, expires)
            return False
        await self._put_lease(name, holder, expires)
        return True

    async def _put_lease(self, name: str, holder: str, expires: int) -> None:
        row: Row = (name, holder, expires)
        await self._run(statements.PUT_LEASE, *row, self._tags.row("leases", row))

    async def require_lease(self, name: str, holder: str | None, now: int) -> None:
        """
        Check that *holder* holds a lease.

        Raises:
            LeaseLost: nobody does, or another.
        """
        if holder is None or await self.lease_holder(name, now) != holder:
            raise LeaseLost(name)


class Known:
    """
    What is known of the stored seals from one group to the next, so that it is not read and checked for each.

    It holds while nobody else has committed; or else, while the latest commit in the database is the one that was seen
    last, tag and all: a tag that nobody else can make stands over all seals.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.tag = b""
        self.stamp: int | None = None
        self.seals: dict[SealKey, tuple[Seal, int | None]] = {}
        """Each seal with its share in the root's digest, if it is stored at all."""


class Group:
    """The changes that share one database transaction and one durable write."""

    def __init__(self, session: Session, tags: Tags, known: Known) -> None:
        self.session = session
        self.tags = tags
        self.root = known.root
        self.seals: dict[SealKey, Seal] = {}
        """The seals that accepted changes touched, as they leave them."""
        self.router: Router | None = None
        """Who says which subscriptions are told of the events of a change."""
        self.wrote = False
        self._known = known
        self._tag = known.tag
        self._stored: dict[SealKey, tuple[Seal, int | None]] = {}
        self._commits: list[tuple[int, bytes, bytes | None, int]] = []

    @classmethod
    async def begin(cls, session: Session, tags: Tags, known: Known) -> Group:
        """
        Begin, once the backend has opened its transaction for writing.

        Raises:
            Tampered: the latest commit does not carry its tag.
        """
        unchanged = known.stamp is not None and session.stamp() == known.stamp
        if not unchanged and await session.fetch(statements.LATEST_MARK) != [(known.root.sequence, known.tag)]:
            latest = await session.fetch(statements.LATEST_COMMIT)
            known.root = read_root(tags, latest)
            known.tag = latest[0][-1]
            known.seals.clear()
        return cls(session, tags, known)

    async def seal(self, key: SealKey) -> Seal:
        """Look a seal up: as accepted changes leave it, else as it is stored, else empty."""
        seal = self.seals.get(key)
        return seal if seal is not None else (await self._stored_seal(key))[0]

    async def _stored_seal(self, key: SealKey) -> tuple[Seal, int | None]:
        """Look up a seal as it is stored, with its share in the root's digest."""
        known = self._known.seals.get(key)
        if known is None:
            rows = await self.session.fetch(statements.SEAL, *key)
            known = read_seal(self.tags, rows[0]) if rows else (Seal(*key), None)
            if len(self._known.seals) >= SEALS_KNOWN:
                self._known.seals.clear()
            self._known.seals[key] = known
        return known

    async def apply(
        self, change: Callable[[SqlTransaction], Awaitable[T]], audit: Callable[[T], Sequence[bytes]] | None
    ) -> Committed[T]:
        """
        Run one change with its audit entries. If it raises, the backend undoes its rows; nothing else is left of it.

        Raises:
            Whatever *change* or *audit* raises, and what `SqlTransaction` says.
        """
        transaction = SqlTransaction(self)
        try:
            result = await change(transaction)
            return await self._accept(transaction, audit(result) if audit is not None else (), result)
        finally:
            transaction.end()

    async def _accept(self, transaction: SqlTransaction, entries: Sequence[bytes], result: T) -> Committed[T]:
        """
        Give a change and its audit entries their numbers, and take its seals over.

        A change that changed nothing and has no entries gets no number of its own.
        """
        await transaction.require_consistent()
        if transaction.events and self.router is not None:
            await transaction.record_events(transaction.events, self.router, self.root.sequence + 1)
        changes = tuple(transaction.changes)
        resealed = await transaction.resealed()
        numbers: tuple[int, ...] = ()
        if changes or entries or any([seal != await self.seal(key) for key, seal in resealed.items()]):
            last = self.root.last_entry + len(entries)
            numbers = tuple(range(self.root.last_entry + 1, last + 1))
            self.root = self.root.next(last)
            kept = encode_entries(tuple(entries)) if entries else None
            self._commits.append((self.root.sequence, encode_changes(changes), kept, last))
            self.seals.update(resealed)
        self.wrote = self.wrote or transaction.wrote or bool(self._commits)
        return Committed(self.root.sequence, changes, result, numbers)

    def note_audited(self) -> None:
        """Make a commit of its own for nothing but how far the journal has come."""
        self.root = self.root.next(self.root.last_entry)
        self._commits.append((self.root.sequence, encode_changes(()), None, self.root.last_entry))
        self.wrote = True

    async def finish(self, audited: int) -> None:
        """Write the seals that changed and the commit rows, with how far the journal has come, before the COMMIT."""
        if not self._commits:
            return
        for key, seal in self.seals.items():
            await self._write_seal(key, seal)
        await self._note_audited(max(audited, self.root.audited))
        await self._prune()
        for commit in self._commits:
            row = self.root.row(self.tags, *commit)
            await self.session.run(statements.ADD_COMMIT, *row)
            self._tag = row[-1]

    async def _note_audited(self, audited: int) -> None:
        """Carry forward how far the journal has come. It cannot have come to the entries of this group."""
        if audited >= self._known.root.last_entry:
            through = self._commits[0][0] - 1
        elif audited > self.root.audited:
            waiting = await self.session.fetch(statements.FIRST_NOT_AUDITED, self.root.audited_commit, audited)
            through = waiting[0][0] - 1
        else:
            return
        if (audited, through) != (self.root.audited, self.root.audited_commit):
            self.root = replace(self.root, audited=audited, audited_commit=through)

    async def _write_seal(self, key: SealKey, seal: Seal) -> None:
        """Write one seal and carry the root forward; a partition that is empty needs no seal."""
        _, before = await self._stored_seal(key)
        if seal.count:
            columns = seal.columns()
            tag = self.tags.row("seals", columns)
            share = self.tags.share(tag)
            if before is None:
                await self.session.run(statements.ADD_SEAL, *columns, tag)
                self.root = self.root.add(share)
            else:
                await self.session.run(statements.RENEW_SEAL, *columns[2:], tag, *key)
                self.root = self.root.add(share - before, 0)
            self._stored[key] = (Seal(*key, seal.generation + 1, seal.count, seal.digest), share)
        else:
            if before is not None:
                await self.session.run(statements.REMOVE_SEAL, *key)
                self.root = self.root.add(-before, -1)
            self._stored[key] = (Seal(*key), None)

    async def _prune(self) -> None:
        """Remove commits that the feed no longer reaches back to, but none whose entries the journal may lack."""
        oldest = min(self.root.sequence - COMMITS_KEPT + 1, self.root.audited_commit + 1)
        if oldest >= self.root.oldest + PRUNE_AFTER:
            await self.session.run(statements.PRUNE_COMMITS, oldest)
            self.root = replace(self.root, oldest=oldest)

    def publish(self) -> None:
        """Remember what is stored now, once the COMMIT has succeeded."""
        self._known.stamp = self.session.stamp()
        self._known.root = self.root
        self._known.tag = self._tag
        self._known.seals.update(self._stored)
