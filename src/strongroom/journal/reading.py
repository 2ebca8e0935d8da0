"""Reading a journal's newest entries, and those that come, without judging them: that is `verify`'s."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, Line, parse
from strongroom.journal.files import SeriesFile

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry as it stands in a node's chain; `event` is the audit record, JSON on one line."""

    node: str
    seq: int
    event: bytes


class _Time(msgspec.Struct):
    time: str = ""


def tail(directory: Path, *, n: int = 10, follow: bool = False) -> Iterator[Recorded]:
    """
    Yield the newest *n* entries of all nodes in the order of their times, then, with *follow*, every one that comes.

    Following never ends by itself: the caller closes the iterator.
    """
    readers: dict[str, _Reader] = {}
    newest: list[list[Recorded]] = []
    for node, series in _series(directory).items():
        entries, reader = _newest(series, n)
        newest.append(entries)
        readers[node] = reader
    yield from _merge(newest)[-n:] if n > 0 else []
    while follow:
        came = _merge([readers.setdefault(node, _Reader(directory, node, 1, 0)).read() for node in _series(directory)])
        yield from came
        if not came:
            time.sleep(POLL_S)


def find(directory: Path, text: bytes) -> Iterator[Recorded]:
    """
    Yield the entries that have *text* anywhere in them, of each node the newest first.

    A file is read when it is come to, so whoever has enough reads no further back.
    """
    for node, series in _series(directory).items():
        for file in reversed(series):
            entries = _Reader(directory, node, file.number, 0).entries()
            yield from reversed([one for one in entries if text in one.event])


def _series(directory: Path) -> dict[str, list[SeriesFile]]:
    return files.all_series(directory) if directory.is_dir() else {}


def _merge(chains: list[list[Recorded]]) -> list[Recorded]:
    """Merge by time; the order of each chain stays what it is, although a late entry may have an earlier time."""
    return list(heapq.merge(*chains, key=_time))


def _time(recorded: Recorded) -> str:
    """Read when an entry was made; UTC times written alike sort as text."""
    try:
        return msgspec.json.decode(recorded.event, type=_Time).time
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _newest(series: list[SeriesFile], n: int) -> tuple[list[Recorded], _Reader]:
    """Read the newest *n* entries of one node; with them comes a reader that goes on from there."""
    last = series[-1]
    reader = _Reader(last.path.parent, last.node, last.number, 0)
    found: deque[Recorded] = deque(reader.read(), maxlen=max(n, 0))
    for file in reversed(series[:-1]):
        if len(found) >= n:
            break
        older = _Reader(file.path.parent, file.node, file.number, 0).read(only_this_file=True)
        found.extendleft(reversed(older[-(n - len(found)) :]))
    return list(found), reader


class _Reader:
    """A place in one node's series, from which to read what comes."""

    def __init__(self, directory: Path, node: str, number: int, offset: int) -> None:
        self._directory = directory
        self._node = node
        self._number = number
        self._offset = offset

    def read(self, *, only_this_file: bool = False) -> list[Recorded]:
        """Read all whole lines from here to the end, on into newer files; lines that are none are left out."""
        found: list[Recorded] = []
        while True:
            # Asked before reading: once there is a newer file, nothing more is written to this one.
            newer = files.path_of(self._directory, self._node, self._number + 1)
            has_newer = newer.exists()
            found += self.entries()
            if only_this_file or not has_newer:
                return found
            self._number, self._offset = self._number + 1, 0

    def entries(self) -> Iterator[Recorded]:
        """Read the whole lines of this file from here on."""
        path = files.path_of(self._directory, self._node, self._number)
        if not path.exists():
            return
        with files.open_to_read(path) as stream:
            stream.seek(self._offset)
            while raw := stream.readline(LINE_BYTES):
                if len(raw) < LINE_BYTES and not raw.endswith(b"\n"):
                    return
                self._offset += len(raw)
                line: Line | None = parse(raw)
                if line is not None and line.is_entry:
                    yield Recorded(self._node, line.seq, line.body)
