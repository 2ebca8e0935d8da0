"""
Writing: the Transaction protocol over statements, for one change.

A change works on a copy of the seals that it touches, and its group takes the copy over when the change is accepted
(`store.group`). So what a refused change had done to seals, feed and audit entries is undone with its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from strongroom.core.changes import Change, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.errors import NameTaken, Tampered
from strongroom.core.events import Event
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import Record
from strongroom.store import statements
from strongroom.store.codec import encode_record
from strongroom.store.deliveries import DeliveryWriter
from strongroom.store.protocol import Altered, LeaseLost, ObjectState
from strongroom.store.reader import COLLECTIONS, Session
from strongroom.store.seals import CONTENTS, Seal, Tags
from strongroom.store.statements import Row, Statement

SealKey = tuple[str, str]
ObjectKey = tuple[str, str, str]
VersionKey = tuple[str, str, str, str]


class Sharing(Protocol):
    """What a transaction asks of the group that it is in: `store.group.Group`, which knows it."""

    session: Session
    tags: Tags
    seals: dict[SealKey, Seal]
    """The seals that accepted changes touched, as they leave them."""

    async def seal(self, key: SealKey) -> Seal:
        """Look a seal up as accepted changes leave it."""
        ...


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

    def __init__(self, group: Sharing) -> None:
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

    async def remove_versions(self, vault: str, collection: Collection, name: str, limit: int) -> int:
        """Remove the oldest versions of an object, no more than *limit* and never the newest; how many."""
        key: ObjectKey = (vault, collection.value, name.lower())
        first = (await self._session.fetch(statements.FIRST_VERSIONS, *key, limit + 1))[:-1]
        if first:
            await self._run(statements.REMOVE_FIRST_VERSIONS, *key, first[-1][0])
            self._reseal(CONTENTS, vault, None, [tag for _, tag in first])
            self._announce(key)
        return len(first)

    async def remove_vault_objects(self, vault: str, limit: int) -> int:
        """
        Remove what a vault contains, no more than *limit* versions; the number of objects removed.

        An object of which some versions are left keeps its newest, so that it is whole as far as anybody reads it.
        """
        keys: list[Row] = []
        first = await self._session.fetch(statements.FIRST_VERSIONS_OF_VAULT, vault, limit + 1)
        if len(first) > limit:
            *last, _ = first[limit - 1]
            *staying, _, _ = first[limit]
            gone = await self._session.fetch(statements.FIRST_OBJECTS_OF_VAULT, vault, *staying)
            await self._run(statements.REMOVE_FIRST_VERSIONS_OF_VAULT, vault, *last)
            await self._run(statements.REMOVE_FIRST_OBJECTS_OF_VAULT, vault, *staying)
            self._reseal(CONTENTS, vault, None, [row[-1] for row in (*first[:limit], *gone)])
            keys = [(collection, key) for collection, key, _ in gone]
            try:
                await self._seal_now(CONTENTS, vault)
                is_whole = await self.count_vault_objects(vault) > 0
            except Tampered:
                is_whole = False
            if is_whole:
                for collection, key in (*keys, staying):
                    self._announce((vault, collection, key))
                return len(keys)
            # More rows are there than were sealed, or versions of no object: they go at once, as below.
        keys += await self._session.fetch(statements.OBJECTS_OF_VAULT, vault)
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
