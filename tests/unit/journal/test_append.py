"""Appending: the chain, its files, and what is on disk."""

import json
import stat
import threading
import time
from pathlib import Path

import pytest

from strongroom.journal import Journal, JournalUnavailable, verify
from strongroom.journal.chain import LINE_BYTES
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import NODE, append, clock, entries, event, file_of, lines_of, numbers, tagger


def test_an_entry_is_in_the_file_when_append_returns(journal: Journal, directory: Path) -> None:
    """SEC-AUDIT-6: an entry is with the kernel before the answer leaves; another reader sees it at once."""
    append(journal, 1, 1)
    assert numbers(directory) == [1]


def test_a_line_says_its_number_what_came_before_it_and_its_tag(journal: Journal, directory: Path) -> None:
    """Each line is a JSON object with seq, prev, entry and mac, and prev is the mac of the line before."""
    append(journal, 1, 3)
    found = [json.loads(line) for line in lines_of(file_of(directory))]
    assert [line["seq"] for line in found] == [1, 2, 3, 4]
    assert [line["prev"] for line in found[1:]] == [line["mac"] for line in found[:-1]]
    assert found[2]["entry"] == json.loads(event(2))


def test_an_entry_stands_in_the_file_byte_for_byte(journal: Journal, directory: Path) -> None:
    """The journal does not rewrite what it is given."""
    entry = b'{"b": 1,"a":"\xc3\xa9\\u0000"}'
    journal.append(entry)
    assert b'"entry":' + entry + b',"mac"' in file_of(directory).read_bytes()


def test_others_can_read_neither_the_directory_nor_the_files(journal: Journal, directory: Path) -> None:
    """The directory is 0700 and every file in it 0600 (pitfalls.md: "data files readable by others")."""
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_a_directory_that_others_could_read_is_closed_to_them(directory: Path, reopen: Opener) -> None:
    """Opening takes away what somebody gave."""
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    reopen()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_chain_goes_on_where_it_ended(reopen: Opener, directory: Path) -> None:
    """Closing and opening again leaves one chain without a seam."""
    for first in (1, 11, 21):
        append(reopen(), first, first + 9)
    assert numbers(directory) == list(range(1, 31))
    assert verify(directory, tagger).problems == ()


def test_the_chain_goes_on_over_files(reopen: Opener, directory: Path) -> None:
    """At its size a file ends and the next continues the chain; none is larger than the limit."""
    journal = reopen(file_bytes=4096)
    append(journal, 1, 100)
    journal.close()
    files = sorted(directory.glob("*.jsonl"))
    assert len(files) > 5
    assert all(path.stat().st_size <= 4096 for path in files)
    report = verify(directory, tagger)
    assert (report.entries, report.problems) == (100, ())
    assert numbers(directory) == list(range(1, 101))


def open_files() -> int:
    """Count the descriptors of this process."""
    return len(list(Path("/dev/fd").iterdir()))


def test_files_are_closed_when_they_are_left(reopen: Opener) -> None:
    """A journal of many files does not hold them open."""
    before = open_files()
    journal = reopen(file_bytes=2048)
    append(journal, 1, 200)
    journal.flush()
    assert open_files() <= before + 2
    journal.close()
    assert open_files() == before


def test_entries_reach_the_disk_without_anybody_asking(journal: Journal) -> None:
    """The flusher brings entries to the disk by itself, and then the checkpoint covers them."""
    append(journal, 1, 3)
    deadline = time.monotonic() + 30
    while json.loads(journal.checkpoint())["checkpoint"]["seq"] < 4:
        assert time.monotonic() < deadline, "nothing was flushed"
        time.sleep(0.005)


def test_an_idle_journal_is_not_flushed(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is flushed while nothing is written."""
    journal.flush()
    flushes: list[int] = []
    turn, flush = threading.Event(), journal._flush

    def take_turn() -> None:
        flush()
        turn.set()

    monkeypatch.setattr("strongroom.journal.files.sync", flushes.append)
    monkeypatch.setattr(journal, "_flush", take_turn)
    journal._wake.set()
    assert turn.wait(30), "the flusher was woken and did nothing"
    journal.flush()
    assert flushes == []
    append(journal, 1, 1)
    journal.flush()
    assert len(flushes) == 1


def test_one_process_writes_a_chain(journal: Journal, directory: Path) -> None:
    """A second opening is refused while the first lasts: two writers would fork the chain."""
    with pytest.raises(JournalUnavailable, match="another process"):
        Journal.open(directory, tagger, NODE, clock)


def test_nodes_have_chains_of_their_own(journal: Journal, directory: Path) -> None:
    """SEC-AUDIT-1: each node writes one chain, and another node's beside it is not in its way."""
    other = Journal.open(directory, tagger, "n2", clock)
    append(journal, 1, 3)
    append(other, 4, 5)
    other.close()
    report = verify(directory, tagger)
    assert (report.nodes, report.entries, report.problems) == (("n1", "n2"), 5, ())


@pytest.mark.parametrize("node", ["", "N1", "../n1", "n1.x", "n 1", "n" * 64, "-n1"])
def test_a_node_is_named_by_a_plain_word(directory: Path, node: str) -> None:
    """A node's name cannot lead out of the directory or hide in another's series."""
    with pytest.raises(ValueError, match="node"):
        Journal.open(directory, tagger, node, clock)


@pytest.mark.parametrize("entry", [b'{"a":\n1}', b"[]", b"", b'{"a":"' + b"x" * LINE_BYTES + b'"}'])
def test_what_would_break_the_chain_is_refused(journal: Journal, directory: Path, entry: bytes) -> None:
    """An entry that is no object on one line, or too long, is refused, and the next one is taken."""
    with pytest.raises(JournalUnavailable):
        journal.append(entry)
    append(journal, 1, 1)
    journal.close()
    report = verify(directory, tagger)
    assert (report.entries, report.problems) == (1, ())


def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    """After closing, appending is refused and closing again does nothing."""
    journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        append(journal, 1, 1)
    journal.close()


def test_closing_brings_everything_to_the_disk(reopen: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was appended just before closing is flushed."""
    journal = reopen()
    append(journal, 1, 5)
    journal.close()
    assert json.loads(journal.checkpoint())["checkpoint"]["seq"] == 6


def test_an_entry_appended_from_many_threads_at_once_has_one_place(journal: Journal, directory: Path) -> None:
    """Appending from several threads leaves one chain with every entry."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  this test's alone

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: journal.append(event(number)), range(1, 401)))
    journal.close()
    assert verify(directory, tagger).problems == ()
    assert sorted(entry["n"] for entry in entries(directory)) == list(range(1, 401))
