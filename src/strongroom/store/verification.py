"""
Verifying: every tag, count, digest and number of a database, read a piece at a time.

`require_unbroken` is what every opening checks: few rows. `find_faults` reads everything and goes on after a fault,
so that an operator learns the whole extent at once. Neither repeats what a row holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from strongroom.core.errors import Tampered
from strongroom.core.event_deliveries import DeliveryState
from strongroom.core.records import KINDS
from strongroom.store import statements
from strongroom.store.codec import decode_entries, decode_record
from strongroom.store.reader import Session, require_whole
from strongroom.store.seals import CONTENTS, DELIVERIES, Root, Seal, Tags, read_root, read_seal
from strongroom.store.statements import Row, Statement

PIECE = 500
"""Rows read by one statement, so that none takes long."""


async def require_unbroken(session: Session, tags: Tags) -> Root:
    """
    Check that the root stands over the seals, and that no commit is missing whose audit entries may be waiting.

    Raises:
        Tampered: it does not, or one is.
    """
    async with session.snapshot():
        root = read_root(tags, await session.fetch(statements.LATEST_COMMIT))
        seals = [read_seal(tags, row) for row in await session.fetch(statements.SEALS)]
        _require_sum(root, [share for _, share in seals])
        first = max(root.oldest, root.audited_commit)
        _require_numbered(first, root.sequence, (await session.fetch(statements.COMMITS_FROM, first))[0])
    return root


def _require_sum(root: Root, shares: list[int]) -> None:
    """
    Compare the root with what all seals add up to.

    Raises:
        Tampered: a seal is missing, was added, or is an older one put back.
    """
    over = Root()
    for share in shares:
        over = over.add(share)
    if over.seals != root.seals:
        raise Tampered(f"{over.seals} seals are there, {root.seals} were committed")
    if over.digest != root.digest:
        raise Tampered("the seals are not the ones that were committed last")


def _require_numbered(first: int, last: int, extent: Row) -> None:
    """
    Compare the commits that are there, as number, lowest and highest, with those that must be.

    Raises:
        Tampered: some are missing, or there are others.
    """
    if extent != (last - first + 1, first, last):
        raise Tampered(f"commits {first} to {last} are not all there, or others are")


class _Check:
    """One verification: collects a sentence per fault."""

    def __init__(self, session: Session, tags: Tags) -> None:
        self._session = session
        self._tags = tags
        self.faults: list[str] = []
        self._found: dict[tuple[str, str], Seal] = {}

    async def _walk(self, statement: Statement, start: Row) -> AsyncIterator[Row]:
        """Read a table in key order, a piece at a time; *start* is a key before all others."""
        after = start
        while rows := await self._session.fetch(statement, *after, PIECE):
            for row in rows:
                yield row
            if rows[-1][: len(start)] <= after:
                # Only a table whose key is not unique any more does not move on.
                self.faults.append(f"{statement.name}: the same key stands there more than once")
                return
            after = rows[-1][: len(start)]

    def _tag(self, table: str, row: Row, seal: tuple[str, str] | None = None) -> bool:
        """Check one row's tag, and count it under its seal."""
        try:
            tag = self._tags.check(table, row)
        except Tampered as fault:
            self.faults.append(str(fault))
            return False
        if seal is not None:
            self._found[seal] = self._found.get(seal, Seal(*seal)).add(self._tags.share(tag))
        return True

    async def records(self) -> None:
        """Check the records, and that the names they claim are the names that are held."""
        claimed: dict[str, tuple[str, str, str]] = {}
        async for row in self._walk(statements.WALK_RECORDS, ("", "", "")):
            kind, partition, record_id, body, _ = row
            if not self._tag("records", row, (kind, partition)):
                continue
            if kind not in KINDS:
                self.faults.append(f"record {record_id} in {partition} is of the unknown kind {kind}")
                continue
            try:
                record = decode_record(kind, body)
            except msgspec.MsgspecError:
                self.faults.append(f"{kind} {record_id} in {partition} cannot be read by this version of the program")
                continue
            claimed.update((name, (kind, partition, record_id)) for name in record.names)
        async for name, *holder in self._walk(statements.WALK_NAMES, ("",)):
            if claimed.pop(name, None) != tuple(holder):
                self.faults.append(f"the name {name} is held by {' '.join(holder)}, which does not claim it")
        self.faults += [f"the name {name} is claimed by {' '.join(by)}, but not held" for name, by in claimed.items()]

    async def contents(self) -> None:
        """Check objects and versions, and that they belong together."""
        async for row in self._walk(statements.WALK_OBJECTS, ("", "", "")):
            vault, collection, key, _, object_id, _, latest, *_ = row
            if self._tag("objects", row, (CONTENTS, vault)):
                owner = await self._session.fetch(statements.VERSION_OWNER, vault, collection, key, latest)
                if owner != [(object_id,)]:
                    self.faults.append(f"the latest version of {collection} {key} in vault {vault} is missing")
        async for row in self._walk(statements.WALK_VERSIONS, ("", "", "", "")):
            vault, collection, key, version, _, _, object_id, *_ = row
            if self._tag("versions", row, (CONTENTS, vault)):
                objects = await self._session.fetch(statements.OBJECT, vault, collection, key)
                if [found[4] for found in objects] != [object_id]:
                    self.faults.append(f"version {version} of {collection} {key} in vault {vault} has no object")

    async def deliveries(self) -> None:
        """Check the deliveries of events, and that none waits for an earlier one that is not there."""
        ready: set[tuple[str, str]] = set()
        behind: set[tuple[str, str]] = set()
        async for row in self._walk(statements.WALK_DELIVERIES, ("", -1, -1)):
            if self._tag("deliveries", row, (DELIVERIES, row[0])):
                {DeliveryState.READY: ready, DeliveryState.BEHIND: behind}.get(row[9], set()).add((row[0], row[4]))
        for subscription, _ in sorted(behind - ready):
            self.faults.append(f"a delivery of subscription {subscription} waits for one that is not there")

    async def seals(self) -> list[int]:
        """Check the seals against the rows that were counted; their shares in the root's digest."""
        sealed: dict[tuple[str, str], Seal] = {}
        shares: list[int] = []
        for row in await self._session.fetch(statements.SEALS):
            try:
                seal, share = read_seal(self._tags, row)
            except Tampered as fault:
                self.faults.append(str(fault))
            else:
                sealed[seal.kind, seal.partition] = seal
                shares.append(share)
        for key in sorted(sealed.keys() | self._found.keys()):
            empty = Seal(*key)
            try:
                require_whole(sealed.get(key, empty), self._found.get(key, empty))
            except Tampered as fault:
                self.faults.append(str(fault))
        return shares

    async def commits(self) -> Row:
        """Check the commit rows and the numbers of their entries; how many rows, the lowest, the highest."""
        numbers: list[int] = []
        last_entry: int | None = None
        async for row in self._walk(statements.COMMITS_AFTER, (-1,)):
            if not self._tag("commits", row):
                continue
            numbers.append(row[0])
            entries = len(decode_entries(row[2])) if row[2] is not None else 0
            if last_entry is not None and last_entry + entries != row[3]:
                self.faults.append(f"the audit entries before commit {row[0]} are not all there")
            last_entry = row[3]
        return (len(numbers), min(numbers, default=None), max(numbers, default=None))

    async def root(self, shares: list[int], extent: Row) -> None:
        """Check the root against seals and commits."""
        try:
            root = read_root(self._tags, await self._session.fetch(statements.LATEST_COMMIT))
        except Tampered as fault:
            self.faults.append(str(fault))
            return
        try:
            _require_sum(root, shares)
        except Tampered as fault:
            self.faults.append(str(fault))
        try:
            _require_numbered(root.oldest, root.sequence, extent)
        except Tampered as fault:
            self.faults.append(str(fault))

    async def leases(self) -> None:
        """Check the leases' tags."""
        async for row in self._walk(statements.WALK_LEASES, ("",)):
            self._tag("leases", row)


async def find_faults(session: Session, tags: Tags) -> list[str]:
    """Check everything and return a sentence for each thing that is wrong. The session must show one still picture."""
    check = _Check(session, tags)
    async with session.snapshot():
        await check.records()
        await check.contents()
        await check.deliveries()
        shares = await check.seals()
        await check.root(shares, await check.commits())
        await check.leases()
    return check.faults
