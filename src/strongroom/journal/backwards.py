"""
Reading a chain from its end towards its beginning, a bounded piece at a time: what the activity log is made of.

    newest line --> ... --> the place where a piece ended, from which the next one goes on
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, Line, parse
from strongroom.journal.following import first_time

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Point:
    """A border between two lines of a node's series; the next line is the one before it."""

    node: str
    number: int
    offset: int


def newest_point(directory: Path, node: str, *, before: str = "") -> Point:
    """Give the end of a node's series or, with *before*, of the newest file that can hold an entry of that time."""
    series = files.all_series(directory).get(node, []) if directory.is_dir() else []
    low, high = 0, len(series)
    while before and low < high:
        middle = (low + high) // 2
        if first_time(directory, node, series[middle].number) <= before:
            low = middle + 1
        else:
            high = middle
    # An entry is of the time at which its request came, which may be a little before that of a line above it.
    last = series[min(low, len(series) - 1) if before else -1] if series else None
    return Point(node, 1, 0) if last is None else Point(node, last.number, last.path.stat().st_size)


def lines_before(directory: Path, start: Point) -> Iterator[tuple[Line, Point]]:
    """
    Yield the lines before a point, the newest first, each with the point that is before it.

    What is no line is left out. A file is opened when it is come to, and read in chunks: whoever has enough stops.
    """
    number, offset = start.number, start.offset
    while number >= 1:
        path = files.path_of(directory, start.node, number)
        if not path.exists():
            return
        with files.open_to_read(path) as stream:
            for raw, begins in _backwards(stream, offset):
                line = parse(raw)
                if line is not None:
                    yield line, Point(start.node, number, begins)
        number -= 1
        older = files.path_of(directory, start.node, number)
        offset = older.stat().st_size if number >= 1 and older.exists() else 0


def _backwards(stream: BinaryIO, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield the lines that end at or before *end*, the last one first, each with the offset at which it begins."""
    rest = b""
    while end > 0:
        begins = max(0, end - _CHUNK_BYTES)
        stream.seek(begins)
        rest = stream.read(end - begins) + rest
        end = begins
        pieces = rest.split(b"\n")
        # The first piece may begin further up; after the last line end nothing follows that is whole.
        place = end + len(rest) - len(pieces[-1])
        for piece in reversed(pieces[1:-1]):
            place -= len(piece) + 1
            yield piece + b"\n", place
        tail = b"\n" if len(pieces) > 1 else b""
        rest = pieces[0] + tail
        if len(rest) > LINE_BYTES + _CHUNK_BYTES:
            # No line is so long: it is damage, which is passed over.
            rest = b""
    if rest.endswith(b"\n"):
        yield rest, 0
