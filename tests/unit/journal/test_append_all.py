"""Several entries in one write: the same chain, over the borders of files too, or nothing."""

from pathlib import Path

import pytest

from strongroom.journal import JournalUnavailable, verify
from strongroom.journal.chain import FRAME_BYTES
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import append, event, file_of, numbers, tagger
from tests.unit.journal.test_unavailable import disk_ends_at


def test_they_are_the_lines_that_single_appends_write(reopen: Opener, directory: Path, tmp_path: Path) -> None:
    """A chain does not show which of its lines were written together."""
    together = reopen()
    together.append_all([event(number) for number in range(5)])
    together.append(event(5))
    written = file_of(directory).read_bytes()
    reopen().close()
    for path in directory.iterdir():
        path.unlink()
    alone = reopen()
    append(alone, 0, 5)
    assert file_of(directory).read_bytes() == written


@pytest.mark.parametrize("size", [FRAME_BYTES + 400, 1500, 4000])
def test_files_are_changed_in_the_middle(reopen: Opener, directory: Path, size: int) -> None:
    """A batch that does not fit into one file goes on in the next, in order, and the whole verifies."""
    journal = reopen(file_bytes=size)
    journal.append_all([event(number) for number in range(20)])
    journal.close()
    assert numbers(directory) == list(range(20))
    assert len(list(directory.glob("*.jsonl"))) > 1
    assert not verify(directory, tagger).problems


def test_a_full_disk_takes_none_of_them(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-6: a batch that the disk takes a part of is taken back whole, and the chain goes on before it."""
    journal = reopen()
    append(journal, 1, 3)
    with disk_ends_at(file_of(directory), 700), pytest.raises(JournalUnavailable):
        journal.append_all([event(number) for number in range(4, 10)])
    assert numbers(directory) == [1, 2, 3]
    append(journal, 4, 4)
    journal.close()
    assert not verify(directory, tagger).problems


def test_one_that_is_no_entry_stops_all_of_them(reopen: Opener, directory: Path) -> None:
    """Nothing is written of a batch with a line that could not be read back."""
    journal = reopen()
    with pytest.raises(JournalUnavailable):
        journal.append_all([event(1), b'{"x":\n1}', event(2)])
    assert numbers(directory) == []
    journal.append_all([])
    journal.append_all([event(3)])
    assert numbers(directory) == [3]
