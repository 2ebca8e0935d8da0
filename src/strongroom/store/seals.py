"""
Tags and seals: how a row shows that it is ours, and a set of rows that it is whole and the present one.

A row's tag covers every column, so a row that was changed or moved does not fit. It cannot show that a row is
missing, or that an older row with its older tag was put back. For that, every kind of record in every partition, and
the contents of every vault, stand under a seal: their number, a generation, and a digest of all their tags. Every
commit is a row itself, and says how many seals there are and what their digest is; commits are numbered without a
gap. Rows, seals and commit are written in the same transaction.

    commits 1, 2, ... the latest ── seals (kind, partition) ── rows

The digest is the sum, modulo 2^256, of one keyed value per row. A sum can be carried forward by a commit that touches
one row of many; its terms are tags of tags, which are stored nowhere, so that nobody without the root key can find
other rows with the same sum. What no seal inside the database can show is that the whole database was replaced by an
older copy of itself; the audit journal's own chain shows that.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import msgspec

from strongroom.core.errors import Tampered
from strongroom.store.protocol import Tagger
from strongroom.store.statements import TAGGED_AT_LEAST, Row

CONTENTS = "vault contents"
"""The kind under which a vault's objects and versions are sealed; no record kind has a space in its name."""

DELIVERIES = "event deliveries"
"""The kind under which the deliveries of a subscription are sealed, by its number."""

_MODULUS = 1 << 256
_pack = msgspec.msgpack.Encoder().encode


class Tags:
    """
    Makes and checks tags with what nobody has without the root key.

    A row's tag comes from the tagger itself. Its share in a digest is derived from the tag with a key that is made
    once: loading the directory computes one for every row.
    """

    __slots__ = ("_share_key", "_tagger")

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self._share_key = tagger("store-share", b"")

    def row(self, table: str, columns: Row) -> bytes:
        """
        Make the tag of a row: MessagePack writes type and length of every column, so no two rows read the same.

        Nor do they where added columns that are NULL are left out: how many are written is part of what is tagged.
        """
        least = TAGGED_AT_LEAST.get(table)
        if least is not None:
            while len(columns) > least and columns[-1] is None:
                columns = columns[:-1]
        return self._tagger("store-row", _pack((table, columns)))

    def check(self, table: str, row: Row) -> bytes:
        """
        Return the tag of a row as it was read, last column last, once it is known to fit the others.

        Raises:
            Tampered: it does not. The message names the table and the row's place, never what it holds.
        """
        tag = row[-1]
        if not isinstance(tag, bytes) or not hmac.compare_digest(tag, self.row(table, row[:-1])):
            place = " ".join(str(value) for value in row[:4] if isinstance(value, str | int))
            raise Tampered(f"a row of {table} does not carry the tag it was written with: {place}")
        return tag

    def share(self, tag: bytes) -> int:
        """Compute the share of the row with this tag in the digest of its seal."""
        return int.from_bytes(hashlib.blake2b(tag, key=self._share_key, digest_size=32).digest(), "big")


@dataclass(frozen=True, slots=True)
class Seal:
    """How many rows there are of one kind in one partition, and the digest of their tags."""

    kind: str
    partition: str
    generation: int = 0
    """How many groups of commits changed it."""
    count: int = 0
    digest: int = 0

    def add(self, share: int, count: int = 1) -> Seal:
        """Count one row more with this share, or with a negative share and count, one row less."""
        digest = (self.digest + share) % _MODULUS
        return Seal(self.kind, self.partition, self.generation, self.count + count, digest)

    def columns(self) -> Row:
        """Write the seal as the columns of its row, one generation on."""
        return (self.kind, self.partition, self.generation + 1, self.count, self.digest.to_bytes(32, "big"))


def read_seal(tags: Tags, row: Row) -> tuple[Seal, int]:
    """
    Read a seal from its row, and its own share in the digest over all seals.

    Raises:
        Tampered: its tag does not fit.
    """
    tag = tags.check("seals", row)
    kind, partition, generation, count, digest, _ = row
    return Seal(kind, partition, generation, count, int.from_bytes(digest, "big")), tags.share(tag)


@dataclass(frozen=True, slots=True)
class Root:
    """What the latest commit says of the whole database."""

    sequence: int = 0
    """The commit's number."""
    last_entry: int = 0
    """The number of the last audit entry so far."""
    oldest: int = 0
    """The number of the oldest commit that is still kept; 0 is the one that made the database."""
    audited: int = 0
    """The number of the last audit entry that the journal has."""
    audited_commit: int = 0
    """A commit up to which the journal has every entry."""
    seals: int = 0
    digest: int = 0

    def add(self, share: int, seals: int = 1) -> Root:
        """Count a seal more or less, as `Seal.add` does with rows."""
        digest = (self.digest + share) % _MODULUS
        return Root(
            self.sequence, self.last_entry, self.oldest, self.audited, self.audited_commit, self.seals + seals, digest
        )

    def next(self, last_entry: int) -> Root:
        """Give the next commit its number, with its audit entries."""
        return Root(
            self.sequence + 1, last_entry, self.oldest, self.audited, self.audited_commit, self.seals, self.digest
        )

    def row(self, tags: Tags, sequence: int, changes: bytes, entries: bytes | None, last_entry: int) -> Row:
        """Write the row of one commit of a group that leaves the database like this."""
        columns = (
            sequence, changes, entries, last_entry, self.oldest, self.audited, self.audited_commit, self.seals,
            self.digest.to_bytes(32, "big"),
        )  # fmt: skip
        return (*columns, tags.row("commits", columns))


def read_root(tags: Tags, rows: list[Row]) -> Root:
    """
    Read the root from the latest commit's row.

    Raises:
        Tampered: there is none, or its tag does not fit: it was altered, or written under another root key.
    """
    if not rows:
        raise Tampered("there is no commit: the database has lost them all")
    try:
        tags.check("commits", rows[0])
    except Tampered:
        raise Tampered("the latest commit was altered, or belongs to another root key") from None
    sequence, _, _, last_entry, oldest, audited, audited_commit, seals, digest, _ = rows[0]
    return Root(sequence, last_entry, oldest, audited, audited_commit, seals, int.from_bytes(digest, "big"))
