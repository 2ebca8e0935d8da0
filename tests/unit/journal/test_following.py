"""Following a chain from a kept place, and reading it backwards: every line once, in order, over all its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.journal import Entry, Journal, encode
from strongroom.journal.backwards import Point, lines_before, newest_point
from strongroom.journal.event import timestamp
from strongroom.journal.following import Place, first_time, place_before, read_piece, resume, time_of

NODE = "node-1"
START = 1_790_000_000.0
FILE_BYTES = 4096


def tagger(_purpose: str, message: bytes) -> bytes:
    """Tag nothing in particular: these readers judge nothing."""
    return message[:32].ljust(32, b".")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Open a journal whose files are small."""
    return Journal.open(tmp_path / "audit", tagger, NODE, lambda: START, file_bytes=FILE_BYTES)


def write(journal: Journal, count: int, *, first: int = 0) -> None:
    """Append entries, a second apart."""
    for place in range(first, first + count):
        journal.append(encode(Entry(time=START + place, operation=f"Op{place}", status=200)))
    journal.flush()


def follow(journal: Journal, start: Place, limit: int = 10**9, through: int = 10**9) -> tuple[list[bytes], Place]:
    """Read pieces until there are no more."""
    found: list[bytes] = []
    while True:
        piece = read_piece(journal.directory, NODE, start, through=through, limit=limit)
        found += piece.entries
        start = piece.end
        if piece.is_last:
            return found, start


def names(events: list[bytes]) -> list[str]:
    """Say which entries these are."""
    return [event.split(b'"operationName":"')[1].split(b'"')[0].decode() for event in events]


@pytest.mark.parametrize("limit", [1, 700, 10**9])
def test_every_entry_once_over_the_borders_of_files(journal: Journal, limit: int) -> None:
    """Whatever the size of the pieces; going on from the end gives what came since."""
    write(journal, 40)
    assert len(list(journal.directory.glob("*.jsonl"))) > 2
    found, end = follow(journal, Place(), limit)
    assert names(found) == [f"Op{place}" for place in range(40)]
    assert follow(journal, end, limit)[0] == []
    write(journal, 20, first=40)
    assert names(follow(journal, end, limit)[0]) == [f"Op{place}" for place in range(40, 60)]
    journal.close()


def test_a_piece_ends_once_so_much_was_read(journal: Journal) -> None:
    """One line of the limit's size is a whole piece; one byte more takes the next line as well."""
    write(journal, 3)
    whole = read_piece(journal.directory, NODE, Place(), through=10**9, limit=1)
    head = whole.end.offset
    assert whole.entries == ()
    line = read_piece(journal.directory, NODE, whole.end, through=10**9, limit=1).end.offset - head
    assert len(read_piece(journal.directory, NODE, whole.end, through=10**9, limit=line).entries) == 1
    assert len(read_piece(journal.directory, NODE, whole.end, through=10**9, limit=line + 1).entries) == 2
    journal.close()


def test_nothing_is_read_that_is_not_on_disk_yet(journal: Journal) -> None:
    """What a crash could take back is left for later, and so is a line that is not whole."""
    write(journal, 10)
    found, end = follow(journal, Place(), through=6)
    assert end.seq == 6
    assert names(found + follow(journal, end)[0]) == [f"Op{place}" for place in range(10)]
    journal.close()
    newest = max(journal.directory.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes()[:-10])
    assert names(follow(journal, Place())[0])[-1] == "Op8"


def test_a_kept_place_is_found_again(journal: Journal) -> None:
    """In its file; in the next one if that was moved away or cut off; nowhere if there is no such journal."""
    write(journal, 60)
    directory = journal.directory
    _, end = follow(journal, Place())
    middle = read_piece(directory, NODE, Place(), through=10**9, limit=FILE_BYTES + 100).end
    assert middle.number == 2
    assert resume(directory, NODE, end) == end
    assert resume(directory, NODE, middle) == middle
    journal.close()
    sorted(directory.glob("*.jsonl"))[1].unlink()
    assert resume(directory, NODE, middle) == Place(3, 0, middle.seq)
    newest = max(directory.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes()[:-1])
    assert resume(directory, NODE, end) is None
    assert resume(directory / "none", NODE, middle) is None


def test_a_time_is_behind_its_place(journal: Journal) -> None:
    """A sink without a position begins no later than the first entry that is for it, and not at the beginning."""
    write(journal, 60)
    wanted = timestamp(START + 50)
    place = place_before(journal.directory, NODE, wanted)
    assert place.number > 1
    assert first_time(journal.directory, NODE, place.number) <= wanted
    assert [time_of(event) for event in follow(journal, place)[0]].count(wanted) == 1
    assert place_before(journal.directory, NODE, timestamp(START - 1)) == Place(1)
    assert place_before(journal.directory / "none", NODE, wanted) == Place()
    journal.close()


def test_backwards_is_forwards_the_other_way_round(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line once, whatever the size of the chunks, and from every place where somebody stopped."""
    write(journal, 40)
    for chunk in (7, 512, 10**6):
        monkeypatch.setattr("strongroom.journal.backwards._CHUNK_BYTES", chunk)
        lines = list(lines_before(journal.directory, newest_point(journal.directory, NODE)))
        entries = [line.body for line, _ in lines if line.is_entry]
        assert names(entries) == [f"Op{place}" for place in reversed(range(40))]
        stopped = [point for line, point in lines if line.is_entry][9]
        rest = [line.body for line, _ in lines_before(journal.directory, stopped) if line.is_entry]
        assert rest == entries[10:]
    journal.close()


def test_a_line_that_is_not_whole_is_left_out_backwards(journal: Journal) -> None:
    """And so is what is no line."""
    write(journal, 5)
    journal.close()
    newest = max(journal.directory.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes() + b'{"seq":99,' + b"x" * 700_000 + b"\nno line\n{")
    entries = [line.body for line, _ in lines_before(journal.directory, newest_point(journal.directory, NODE))]
    assert names(entries[:5]) == ["Op4", "Op3", "Op2", "Op1", "Op0"]


def test_the_newest_point_before_a_time(journal: Journal) -> None:
    """Files that are all later are not read."""
    write(journal, 60)
    newest = newest_point(journal.directory, NODE)
    early = newest_point(journal.directory, NODE, before=timestamp(START + 3))
    assert early.number < newest.number
    held = [time_of(line.body) for line, _ in lines_before(journal.directory, early)]
    assert timestamp(START + 3) in held
    assert newest_point(journal.directory / "none", NODE) == Point(NODE, 1, 0)
    journal.close()
