"""
Following a chain from a place that is kept elsewhere, a bounded piece at a time: what delivers to sinks reads by it.

Nothing is judged here: that is `verify`'s. A piece ends where it was told to, at the end of what is on disk, or at a
line that is not whole yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, Line, parse


@dataclass(frozen=True, slots=True)
class Place:
    """Where in one node's series the next line begins: the number of the file, and how many bytes into it."""

    number: int = 1
    offset: int = 0
    seq: int = 0
    """The line before; 0 if it is not known."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read from a place on, and where that ended."""

    entries: tuple[bytes, ...]
    end: Place
    is_last: bool
    """Whether nothing more could be read."""


class _Time(msgspec.Struct):
    time: str = ""


def read_piece(directory: Path, node: str, start: Place, *, through: int, limit: int) -> Piece:
    """
    Read entries from *start* on, but none after line *through*, and no more once *limit* bytes were read.

    With *through* as the newest line that is on disk, nothing is read that a crash could still take back: whoever
    keeps the end of the piece is never ahead of the chain.
    """
    found: list[bytes] = []
    place, taken = start, 0
    while True:
        path = files.path_of(directory, node, place.number)
        # Asked before reading: once there is a newer file, nothing more is written to this one.
        has_newer = files.path_of(directory, node, place.number + 1).exists()
        for line, length in _lines(path, place.offset):
            if line is not None and line.seq > through:
                return Piece(tuple(found), place, is_last=True)
            seq = place.seq if line is None else line.seq
            place = Place(place.number, place.offset + length, seq)
            if line is not None and line.is_entry:
                found.append(line.body)
            taken += length
            if taken >= limit:
                return Piece(tuple(found), place, is_last=False)
        if not has_newer:
            return Piece(tuple(found), place, is_last=True)
        place = Place(place.number + 1, 0, place.seq)


def resume(directory: Path, node: str, place: Place) -> Place | None:
    """
    Give a kept place as it is now: itself, or the beginning of the next file if its own was moved away or cut off.

    None if neither is there: it is a place in another journal.
    """
    path = files.path_of(directory, node, place.number)
    if path.exists() and path.stat().st_size >= place.offset:
        return place
    series = files.all_series(directory).get(node, []) if directory.is_dir() else []
    later = [file.number for file in series if file.number > place.number]
    return Place(later[0], 0, place.seq) if later else None


def place_before(directory: Path, node: str, time: str) -> Place:
    """Give a place that every entry of *time* or later stands behind, no further back than the file it is in."""
    series = files.all_series(directory).get(node, []) if directory.is_dir() else []
    low, high = 0, len(series)
    while low < high:
        middle = (low + high) // 2
        if first_time(directory, node, series[middle].number) < time:
            low = middle + 1
        else:
            high = middle
    # An entry is of the time at which its request came, which may be a little before that of a line above it.
    return Place(series[max(0, low - 2)].number if series else 1)


def first_time(directory: Path, node: str, number: int) -> str:
    """Give the time of the first entry in a file, as records have it; empty if it has none."""
    for line, _ in _lines(files.path_of(directory, node, number), 0):
        if line is not None and line.is_entry:
            return time_of(line.body)
    return ""


def time_of(event: bytes) -> str:
    """Read when an entry was made; UTC times written alike sort as text."""
    try:
        return msgspec.json.decode(event, type=_Time).time
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _lines(path: Path, offset: int) -> Iterator[tuple[Line | None, int]]:
    """Read the whole lines of a file from *offset* on, each with its length; None for what is no line."""
    if not path.exists():
        return
    with files.open_to_read(path) as stream:
        stream.seek(offset)
        while raw := stream.readline(LINE_BYTES):
            if len(raw) < LINE_BYTES and not raw.endswith(b"\n"):
                return
            yield parse(raw), len(raw)
