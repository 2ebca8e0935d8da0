"""Walking along a chain: reading a series line by line and saying, in a sentence each, what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, Line, Tagger, fits, head_of, parse
from strongroom.journal.files import SeriesFile


class Walk:
    """
    One walk along one node's chain. Lines whose tag does not fit are reported and stepped over.

    `seq` and `mac` are the place reached; None where it is not known, as at the start of a walk from the middle or
    after a line that cannot be read.
    """

    def __init__(self, tagger: Tagger, *, seq: int | None, mac: bytes | None) -> None:
        self._tagger = tagger
        self.seq = seq
        self.mac = mac
        self.problems: list[str] = []
        self.torn_bytes = 0
        """Bytes after the last line end of the file walked last: a line that was never finished."""

    def through(self, file: SeriesFile, *, offset: int = 0) -> Iterator[Line]:
        """Walk through a file from its start, or from the first line that begins after *offset*; yields good lines."""
        self.torn_bytes = 0
        with files.open_to_read(file.path) as stream:
            number = 0
            if offset:
                # One byte back, so that a line that begins exactly at the offset is not lost.
                stream.seek(offset - 1)
                _skip_line(stream)
            while raw := stream.readline(LINE_BYTES):
                number += 1
                if not raw.endswith(b"\n"):
                    rest, ended = _skip_line(stream)
                    if not ended:
                        self.torn_bytes = len(raw) + rest
                        return
                where = f"{file.path.name} line {number}" if not offset else f"{file.path.name} near its end"
                line = self._step(raw, where)
                if line is not None:
                    if number == 1 and not offset:
                        self._check_head(line, file)
                    elif not line.is_entry:
                        self.problems.append(f"{where}: a file begins in the middle of another")
                    yield line

    def _step(self, raw: bytes, where: str) -> Line | None:
        """Judge one line; the line if its tag fits."""
        line = parse(raw)
        expected = None if self.seq is None else self.seq + 1
        if line is None:
            self.problems.append(f"{where}: this is not a line of the journal")
            self.seq, self.mac = expected, None
            return None
        if not fits(self._tagger, line):
            self.problems.append(f"{where}: entry {line.seq} was altered, its tag does not fit")
            self.seq, self.mac = line.seq if expected is None else expected, line.mac
            return None
        if expected is not None and line.seq > expected:
            self.problems.append(f"{where}: {_entries(expected, line.seq - 1)} missing before entry {line.seq}")
        elif expected is not None and line.seq < expected:
            self.problems.append(f"{where}: entry {line.seq} stands where entry {expected} belongs")
        elif self.mac is not None and line.prev != self.mac:
            self.problems.append(f"{where}: entry {line.seq} does not continue from the one before it")
        self.seq, self.mac = line.seq, line.mac
        return line

    def _check_head(self, line: Line, file: SeriesFile) -> None:
        """Report a first line that does not say what the file's name says."""
        head = head_of(line)
        if head is None:
            self.problems.append(f"{file.path.name}: the first line does not say which file this is")
        elif (head.node, head.number) != (file.node, file.number):
            self.problems.append(f"{file.path.name}: this is file {head.number} of {head.node}")


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _skip_line(stream: BinaryIO) -> tuple[int, bool]:
    """Read to the end of the line; how many bytes that were, and whether the line ended."""
    skipped = 0
    while raw := stream.readline(LINE_BYTES):
        skipped += len(raw)
        if raw.endswith(b"\n"):
            return skipped, True
    return skipped, False
