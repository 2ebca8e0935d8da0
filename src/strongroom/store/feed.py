"""
The commit rows: what each commit changed, and the audit entries it brought with it.

Commits and entries are numbered without a gap, so one that is missing shows. What a commit changed is kept as places;
whoever follows the feed gets the records as they are when it reads.
"""

from __future__ import annotations

from strongroom.core.changes import Change, EventsRecorded, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.errors import Tampered
from strongroom.store import statements
from strongroom.store.codec import Place, decode_changes, decode_entries, record_class
from strongroom.store.deliveries import DeliveryReader
from strongroom.store.protocol import ChangesPruned
from strongroom.store.seals import Root, read_root


class FeedReader(DeliveryReader):
    """Reads the feed and the outbox besides."""

    async def root(self) -> Root:
        """Read what the latest commit says of the whole."""
        return read_root(self._tags, await self._session.fetch(statements.LATEST_COMMIT))

    async def sequence(self) -> int:
        """Read the number of the last commit."""
        return (await self.root()).sequence

    async def changes_since(self, sequence: int, *, limit: int) -> list[tuple[int, tuple[Change, ...]]]:
        """
        Read the change feed after *sequence*, with the records as they are now.

        Raises:
            ChangesPruned: the feed begins later than that.
            Tampered: a commit is missing.
        """
        async with self._session.snapshot():
            root = await self.root()
            if sequence + 1 < root.oldest:
                raise ChangesPruned(f"the change feed begins at {root.oldest}")
            rows = await self._session.fetch(statements.COMMITS_AFTER, sequence, limit)
            if len(rows) < min(limit, root.sequence - sequence):
                raise Tampered(f"commits are missing after {sequence}")
            feed = []
            for expected, row in enumerate(rows, sequence + 1):
                self._tags.check("commits", row)
                if row[0] != expected:
                    raise Tampered(f"commit {expected} is missing")
                feed.append((expected, tuple([await self._as_it_is_now(mark) for mark in decode_changes(row[1])])))
        return feed

    async def _as_it_is_now(self, mark: Place | RecordRemoved | ObjectChanged | EventsRecorded) -> Change:
        """Read the record that a commit put; one that was removed since is announced as removed."""
        if not isinstance(mark, tuple):
            return mark
        kind, partition, record_id = mark
        record = await self.record(record_class(kind), partition, record_id)
        return RecordPut(record) if record is not None else RecordRemoved(kind, partition, record_id)

    async def outbox_after(self, number: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Read the audit entries after *number*, in order of commit."""
        async with self._session.snapshot():
            root = await self.root()
            rows = await self._session.fetch(statements.ENTRIES_AFTER, root.audited_commit, number, limit)
        found: list[tuple[int, bytes]] = []
        for row in rows:
            self._tags.check("commits", row)
            entries = decode_entries(row[2])
            first = row[3] - len(entries) + 1
            found += [(place, entry) for place, entry in enumerate(entries, first) if place > number]
        return found[:limit]
