"""Finding, at start, where a chain ended: after a clean stop, a kill in the middle of a line, or worse."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from strongroom.journal import files
from strongroom.journal.chain import LINE_BYTES, Checkpoint, Mark, Tagger, genesis
from strongroom.journal.failures import JournalUnavailable
from strongroom.journal.files import SeriesFile
from strongroom.journal.numbers import OlderNumbers, OutboxNumbers, Piece
from strongroom.journal.walk import Walk

TAIL_BYTES = 8 * 1024 * 1024
"""How much of the end of the series is read at start, so that a large journal does not make starting slow. The rest is
for `verify`."""


@dataclass(slots=True)
class Ending:
    """Where the chain ended and what must be said about it."""

    mark: Mark
    number: int
    """The number of the newest file; 0 where there is none."""
    size: int
    """Up to where the newest file is whole."""
    start_file: bool
    """Whether writing goes on in a new file."""
    torn_bytes: int = 0
    problems: list[str] = field(default_factory=list)


def find_ending(
    directory: Path, tagger: Tagger, node: str, checkpoint: Checkpoint | None
) -> tuple[Ending, OutboxNumbers, OlderNumbers]:
    """
    Find where the chain of *node* ends, and which outbox entries its last part holds.

    Nothing is changed here. What is damaged stays as it is, for `verify` to find: writing then goes on in a new file.

    Raises:
        JournalUnavailable: there is a journal but no line at its end carries this instance's tag.
    """
    series = files.all_series(directory).get(node, [])
    numbers = OutboxNumbers()
    torn = 0
    while series and _is_unfinished(series[-1]):
        # The process was killed while it made this file: no line of it was ever whole.
        torn += series.pop().path.stat().st_size
    pieces = [Piece(file.path, 0, file.path.stat().st_size) for file in series]
    if pieces:
        newest = pieces.pop()
        start = max(0, newest.end - TAIL_BYTES)
        if start:
            pieces.append(Piece(newest.path, 0, start))
        older = OlderNumbers(pieces, numbers)
        ending = _read_tail(tagger, series[-1], start, checkpoint, numbers, older)
    else:
        older = OlderNumbers([], numbers)
        ending = Ending(Mark(0, genesis(tagger, node)), 0, 0, start_file=True)
    ending.torn_bytes += torn
    if checkpoint is not None and checkpoint.seq > ending.mark.seq:
        ending.problems.append(f"the chain ends at entry {ending.mark.seq}, a checkpoint knew {checkpoint.seq}")
    return ending, numbers, older


def _is_unfinished(file: SeriesFile) -> bool:
    """Say whether a file has no line end at all."""
    with files.open_to_read(file.path) as stream:
        raw = stream.readline(LINE_BYTES)
    return len(raw) < LINE_BYTES and not raw.endswith(b"\n")


def _read_tail(
    tagger: Tagger,
    newest: SeriesFile,
    start: int,
    checkpoint: Checkpoint | None,
    numbers: OutboxNumbers,
    older: OlderNumbers,
) -> Ending:
    size = newest.path.stat().st_size
    walk = Walk(tagger, seq=None, mac=None)
    mark: Mark | None = None
    for line in walk.through(newest, offset=start):
        mark = Mark(line.seq, line.mac)
        if checkpoint is not None and checkpoint.contradicts(mark):
            walk.problems.append(f"entry {line.seq} is not the one that a checkpoint knew")
        if line.outbox is not None:
            numbers.take(line.outbox, line.body)
            older.saw(line.outbox)
    if mark is None:
        raise JournalUnavailable(
            f"no line of {newest.path.name} carries this instance's tag: altered, or written with another root key"
        )
    return Ending(
        mark,
        newest.number,
        size - walk.torn_bytes,
        start_file=bool(walk.problems),
        torn_bytes=walk.torn_bytes,
        problems=walk.problems,
    )
