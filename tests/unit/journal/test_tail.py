"""Reading a journal: the newest entries, and those that come."""

import threading
from pathlib import Path

import pytest

from strongroom.journal import Journal, Recorded, tail
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import append, clock, event, file_of, tagger


@pytest.mark.parametrize(("n", "first"), [(0, 101), (1, 100), (10, 91), (60, 41), (100, 1), (1000, 1)])
def test_the_newest_entries_come_in_their_order(reopen: Opener, directory: Path, n: int, first: int) -> None:
    """The newest n entries come oldest first, over the borders of files, without the journal's own lines."""
    append(reopen(file_bytes=6000), 1, 100)
    assert [recorded.event for recorded in tail(directory, n=n)] == [event(k) for k in range(first, 101)]


def test_an_entry_comes_with_its_node_and_place(journal: Journal, directory: Path) -> None:
    """What is read says which chain it stands in and where."""
    append(journal, 1, 1)
    assert list(tail(directory)) == [Recorded("n1", 2, event(1))]


def test_nodes_are_merged_by_time(journal: Journal, directory: Path) -> None:
    """Entries of several nodes come in the order of their times."""
    other = Journal.open(directory, tagger, "n2", clock)
    for number in range(1, 10):
        (journal if number % 2 else other).append(event(number))
    other.close()
    assert [recorded.event for recorded in tail(directory, n=5)] == [event(k) for k in range(5, 10)]


def test_a_late_entry_keeps_its_place_in_the_chain(journal: Journal, directory: Path) -> None:
    """An entry that was recorded late, with an earlier time, stays where it stands."""
    for number in (1, 3, 2):
        journal.append(event(number))
    assert [recorded.event for recorded in tail(directory)] == [event(1), event(3), event(2)]


def test_what_is_not_there_has_no_entries(tmp_path: Path) -> None:
    """A journal that does not exist yet reads as empty."""
    assert list(tail(tmp_path / "nowhere")) == []


def test_an_unfinished_line_is_not_read(journal: Journal, directory: Path) -> None:
    """A line that is being written is read when it is whole."""
    append(journal, 1, 2)
    with file_of(directory).open("ab") as stream:
        stream.write(b'{"seq":4,"prev":"')
    assert [recorded.event for recorded in tail(directory)] == [event(1), event(2)]


def test_following_sees_every_entry_that_comes(
    reopen: Opener, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Following yields what is there and then what is appended, over new files and new nodes, each entry once."""
    monkeypatch.setattr("strongroom.journal.reading.POLL_S", 0.001)
    journal = reopen(file_bytes=4000)
    append(journal, 1, 30)

    def write() -> None:
        append(journal, 31, 130)
        other = Journal.open(directory, tagger, "n2", clock)
        append(other, 131, 140)
        other.close()

    following = tail(directory, n=5, follow=True)
    seen = [next(following).event for _ in range(5)]
    writer = threading.Thread(target=write)
    writer.start()
    seen += [next(following).event for _ in range(110)]
    writer.join()
    following.close()  # type: ignore[attr-defined]  # it is a generator
    assert sorted(seen) == [event(k) for k in range(26, 141)]


def test_following_begins_before_there_is_a_journal(
    directory: Path, reopen: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower that was there first sees the first entry."""
    monkeypatch.setattr("strongroom.journal.reading.POLL_S", 0.001)
    following = tail(directory, follow=True)
    writer = threading.Thread(target=lambda: append(reopen(), 1, 1))
    writer.start()
    assert next(following).event == event(1)
    writer.join()
