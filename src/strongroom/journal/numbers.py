"""Which entries of the store's outbox are in the chain, so that each is there exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, parse

REMEMBERED = 8192
"""How many numbers are kept although the store was told that it may forget them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file, in whole lines."""

    path: Path
    start: int
    end: int


@dataclass(slots=True)
class OutboxNumbers:
    """
    The numbers of the outbox entries that the chain holds.

    An entry may be offered twice: by who committed it, and by whoever drains the outbox, at start or after a full disk.
    It is known again by number and content together, since a store restored from a backup counts from an earlier
    number: one seen before with another content is another entry, and must be recorded.

    Numbers grow with every commit, but not by one. Whether one is missing between two others only the store knows,
    so the store may forget no entry before everything up to it was offered: `settled`.
    """

    highest: int = 0
    offered: int = 0
    """The highest number offered in this run, taken or refused."""
    settled: int = 0
    """Up to which number everything was offered in this run, and taken."""
    _kept: dict[int, int] = field(default_factory=dict)

    def holds(self, number: int, entry: bytes) -> bool:
        """Say whether this very entry is in the chain under this number."""
        return self._kept.get(number) == hash(entry)

    def knows(self, number: int) -> bool:
        """Say whether any entry is in the chain under this number."""
        return number in self._kept

    def take(self, number: int, entry: bytes) -> None:
        """Take note that an entry is in the chain."""
        kept = self._kept
        kept.pop(number, None)
        kept[number] = hash(entry)
        self.highest = max(self.highest, number)
        if len(kept) > REMEMBERED:
            oldest = next(iter(kept))
            if oldest <= self.settled:
                del kept[oldest]


class OlderNumbers:
    """
    The part of the chain that was not read at start, read backwards as far as it is needed.

    After a crash the store may offer entries that were appended long before the end of the chain, if many reads were
    recorded since. A number that is in none of what was read is looked for further back, until lower ones were seen.
    """

    def __init__(self, pieces: list[Piece], numbers: OutboxNumbers) -> None:
        self._pieces = pieces
        self._numbers = numbers
        self._lowest: int | None = None
        self._lowest_before: int | None = None

    def saw(self, number: int) -> None:
        """Take note of a number that was read at start."""
        self._lowest = number if self._lowest is None else min(number, self._lowest)

    def look_for(self, number: int) -> None:
        """
        Read further back if *number* may be there.

        An entry that was refused at first stands behind later ones. So one piece more is read than the one in which a
        lower number was seen.
        """
        while self._pieces and (self._lowest_before is None or self._lowest_before > number):
            self._lowest_before = self._lowest
            self._read(self._pieces.pop())

    def look_for_any(self) -> None:
        """Read further back until any number was seen."""
        while self._pieces and self._lowest is None:
            self._read(self._pieces.pop())

    def _read(self, piece: Piece) -> None:
        held: list[tuple[int, bytes]] = []
        for raw in _numbered(_lines(piece)):
            line = parse(raw)
            if line is not None and line.outbox is not None:
                self.saw(line.outbox)
                held.append((line.outbox, line.body))
        for number, entry in held:
            # What was read from nearer the end of the chain is newer, and stands.
            if not self._numbers.knows(number):
                self._numbers.take(number, entry)


def _lines(piece: Piece) -> Iterator[bytes]:
    with files.open_to_read(piece.path) as stream:
        stream.seek(piece.start)
        while stream.tell() < piece.end and (raw := stream.readline(LINE_BYTES)):
            yield raw


def _numbered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Pick the lines that may have an outbox number: it stands right after `seq` and `prev`."""
    return (raw for raw in lines if b'","outbox":' in raw[:128])
