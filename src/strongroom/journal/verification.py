"""Judging a journal: whether every entry that was ever recorded is there, in its place and as it was written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from strongroom.journal import files
from strongroom.journal.chain import Checkpoint, Mark, Tagger, genesis, read_checkpoint
from strongroom.journal.failures import JournalUnavailable
from strongroom.journal.files import SeriesFile
from strongroom.journal.walk import Walk

UNFINISHED_S = 0.2
"""How long the last line of a journal that is in use may be unfinished while it is read."""


_DAMAGE = b'"operationName":"JournalDamage"'
"""As `event` encodes it. No text of a caller's can spell it: the quotes would be escaped."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a journal holds and what is wrong with it, in a sentence each."""

    entries: int
    problems: tuple[str, ...]
    nodes: tuple[str, ...] = ()


def verify(directory: Path, tagger: Tagger, checkpoint: bytes | None = None, *, newest_only: bool = False) -> Report:
    """
    Check every line of every node's chain, and that the chain still holds what *checkpoint* knew.

    Finds lines that were altered, moved, put in or taken out, and files that are missing. An end that was cut off is
    found with a checkpoint alone, since what is left is a chain. A journal in use may be verified.

    *newest_only* looks at the newest file of every node alone, which takes the same time however old the journal is.
    """
    problems: list[str] = []
    known: Checkpoint | None = None
    if checkpoint is not None:
        known = read_checkpoint(tagger, checkpoint)
        if known is None:
            problems.append("the checkpoint does not carry this instance's tag")
    series = files.all_series(directory) if directory.is_dir() else {}
    if not series:
        problems.append(f"there is no journal in {directory.name}")
    entries = 0
    for node, nodes_files in series.items():
        of_node = known if known is not None and known.node == node else None
        found, count = _verify_node(tagger, nodes_files, of_node, newest_only=newest_only)
        problems += found
        entries += count
    if known is not None and known.node not in series:
        problems.append(f"the journal of {known.node} is missing; a checkpoint knew its entry {known.seq}")
    return Report(entries, tuple(problems), tuple(series))


def _verify_node(
    tagger: Tagger, series: list[SeriesFile], checkpoint: Checkpoint | None, *, newest_only: bool
) -> tuple[list[str], int]:
    """Walk along one node's chain; the problems and the number of entries that are as they were written."""
    node, entries = series[0].node, 0
    series = series[-1:] if newest_only else series
    expected = series[0].number if newest_only else 1
    # The chain begins at its genesis; from the middle, whatever the first line says is continued.
    begins = expected == 1
    walk = Walk(tagger, seq=0 if begins else None, mac=genesis(tagger, node) if begins else None)
    for file in series:
        if file.number != expected:
            walk.problems.append(f"{_files(node, expected, file.number - 1)} missing")
        expected = file.number + 1
        try:
            for line in walk.through(file):
                entries += line.is_entry
                if _DAMAGE in line.body:
                    # What a start found and recorded stays a finding, or a restart would be all it takes to hide it.
                    walk.problems.append(f"entry {line.seq} of {node} records that a start found the journal damaged")
                if checkpoint is not None and checkpoint.contradicts(Mark(line.seq, line.mac)):
                    walk.problems.append(f"entry {line.seq} of {node} is not the one that the checkpoint knew")
        except (JournalUnavailable, OSError) as error:
            walk.problems.append(f"{file.path.name} cannot be read: {error}")
        if walk.torn_bytes and not (file is series[-1] and _ends_soon(file)):
            walk.problems.append(f"{file.path.name} ends with {walk.torn_bytes} bytes that are no whole line")
    if checkpoint is not None and (walk.seq or 0) < checkpoint.seq:
        walk.problems.append(
            f"the chain of {node} ends at entry {walk.seq}, the checkpoint knew entry {checkpoint.seq}"
        )
    return walk.problems, entries


def _files(node: str, first: int, last: int) -> str:
    return f"file {first} of {node} is" if first == last else f"files {first} to {last} of {node} are"


def _ends_soon(file: SeriesFile) -> bool:
    """Say whether the last line was merely being written while it was read."""
    time.sleep(UNFINISHED_S)
    with files.open_to_read(file.path) as stream:
        stream.seek(-1, 2)
        return stream.read() == b"\n"
