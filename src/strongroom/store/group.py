"""
The group of changes that share one durable write.

    Group.begin ─> per change: SqlTransaction ─> accept (number, feed, audit entries) ─> Group.finish ─> COMMIT ─>
    publish
                                    └─> raises: the backend rolls back to where the change began; the group goes on

Seals and commit rows are written at the end, just before the COMMIT.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from strongroom.store import statements
from strongroom.store.codec import encode_changes, encode_entries
from strongroom.store.protocol import Committed, Router
from strongroom.store.reader import Session
from strongroom.store.seals import Root, Seal, Tags, read_root, read_seal
from strongroom.store.transaction import SealKey, SqlTransaction

T = TypeVar("T")

COMMITS_KEPT = 10_000
"""How far the change feed reaches back. A node that was away for longer loads everything again."""
SEALS_KNOWN = 10_000
"""How many seals are remembered from one group to the next."""
PRUNE_AFTER = 1_000
"""Older commits are removed when this many have gathered, so that not every commit pays for it."""


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
