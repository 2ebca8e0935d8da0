"""When the journal cannot record: it says so in bounded time, and nothing half-written stays."""

import errno
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.core.errors import Unavailable
from strongroom.journal import Journal, JournalUnavailable, verify
from strongroom.journal.journal import STALLED
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import append, clock, event, file_of, numbers, tagger


@contextmanager
def disk_ends_at(path: Path, more: int) -> Iterator[None]:
    """Let files grow to the size of *path* and *more* bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_it_is_a_refusal_that_says_nothing_of_the_disk_to_the_caller() -> None:
    """SEC-AUDIT-6: the journal's refusal is the 503 of the flow; its reason is for the operator alone."""
    refusal = JournalUnavailable("the disk is full")
    assert isinstance(refusal, Unavailable)
    assert "disk" not in refusal.message
    assert "the disk is full" in str(refusal)


@pytest.mark.parametrize("more", [0, 1, 100, 200])
def test_a_full_disk_refuses_and_leaves_whole_lines_only(journal: Journal, directory: Path, more: int) -> None:
    """SEC-AUDIT-6: a line the disk takes a part of is taken back (pitfalls.md: "audit sink full or blocked")."""
    append(journal, 1, 3)
    size = file_of(directory).stat().st_size
    with disk_ends_at(file_of(directory), more), pytest.raises(JournalUnavailable):
        append(journal, 4, 4)
    assert file_of(directory).stat().st_size == size
    assert numbers(directory) == [1, 2, 3]


def test_a_disk_with_space_again_is_written_again(journal: Journal, directory: Path) -> None:
    """Once there is space, entries are taken without a restart, and the chain is whole."""
    append(journal, 1, 3)
    with disk_ends_at(file_of(directory), 100):
        for number in (4, 5):
            with pytest.raises(JournalUnavailable):
                append(journal, number, number)
    append(journal, 6, 7)
    journal.close()
    assert numbers(directory) == [1, 2, 3, 6, 7]
    assert verify(directory, tagger).problems == ()


def test_a_part_that_cannot_be_taken_back_at_once_goes_before_the_next_line(
    journal: Journal, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If even cutting back fails, nothing is written until it is done."""
    append(journal, 1, 1)

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken, disk_ends_at(file_of(directory), 50):
        broken.setattr(os, "ftruncate", refuse)
        with pytest.raises(JournalUnavailable):
            append(journal, 2, 2)
        with pytest.raises(JournalUnavailable):
            append(journal, 2, 2)
    append(journal, 3, 3)
    journal.close()
    assert numbers(directory) == [1, 3]
    assert verify(directory, tagger).problems == ()


def test_a_disk_too_full_for_a_new_file_refuses_and_tries_again(reopen: Opener, directory: Path) -> None:
    """At the border of two files a full disk refuses the entry, leaves no file, and later the chain goes on."""
    journal = reopen(file_bytes=2048)
    number = 0
    while not file_of(directory, 2).exists():
        number += 1
        append(journal, number, number)
    while file_of(directory, 2).stat().st_size + 600 < 2048:
        number += 1
        append(journal, number, number)
    long = event(number + 1)[:-1] + b',"x":"' + b"y" * 600 + b'"}'
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(JournalUnavailable):
            journal.append(long)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not file_of(directory, 3).exists()
    journal.append(long)
    journal.close()
    assert numbers(directory) == [*range(1, number + 2)]
    assert verify(directory, tagger).problems == ()


@pytest.mark.parametrize("harm", ["cut", "grown", "removed", "replaced"])
def test_a_file_that_somebody_works_on_is_not_written(journal: Journal, directory: Path, harm: str) -> None:
    """A chain that went on after its file was cut, added to, removed or replaced would hide what is gone."""
    append(journal, 1, 3)
    path = file_of(directory)
    match harm:
        case "cut":
            os.truncate(path, path.stat().st_size - 10)
        case "grown":
            with path.open("ab") as stream:
                stream.write(b"x")
        case "removed":
            path.unlink()
        case _:
            copy = path.with_suffix(".copy")
            copy.write_bytes(path.read_bytes())
            copy.replace(path)
    with pytest.raises(JournalUnavailable, match="altered or removed"):
        append(journal, 4, 4)
    with pytest.raises(JournalUnavailable, match="altered or removed"):
        append(journal, 5, 5)
    assert journal.failure is not None


def test_a_file_that_was_moved_away_is_noticed_by_the_next_flush(journal: Journal, directory: Path) -> None:
    """Appending to a file that has another name now ends as soon as it is flushed."""
    append(journal, 1, 3)
    file_of(directory).rename(directory / "elsewhere")
    with pytest.raises(JournalUnavailable):
        journal.flush()
    with pytest.raises(JournalUnavailable):
        append(journal, 4, 4)


def test_after_a_failed_flush_nothing_more_is_taken(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed flush nobody can say what the disk holds, so the journal refuses until it is opened again."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("strongroom.journal.files.sync", fail)
        append(journal, 1, 1)
        with pytest.raises(JournalUnavailable, match="flushing failed"):
            journal.flush()
    with pytest.raises(JournalUnavailable, match="flushing failed"):
        append(journal, 2, 2)
    with pytest.raises(JournalUnavailable, match="flushing failed"):
        journal.close()


def test_a_disk_that_blocks_is_noticed_and_nothing_hangs(reopen: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    SEC-AUDIT-6: while a flush hangs, appending is refused after a bounded time and never waits for it.

    Pitfalls.md: "audit sink full or blocked and secrets still served, or requests hanging".
    """
    journal = reopen()
    released, blocked = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        blocked.set()
        released.wait(60)

    monkeypatch.setattr("strongroom.journal.journal.STALL_S", 0.2)
    with monkeypatch.context() as stuck:
        stuck.setattr("strongroom.journal.files.sync", hang)
        append(journal, 1, 1)
        assert blocked.wait(30)
        with pytest.raises(JournalUnavailable, match="does not take"):
            append(journal, 2, 10**9)
        assert journal.failure == STALLED
        released.set()
    journal.flush()
    append(journal, 0, 0)


@pytest.mark.parametrize("thing", ["pipe", "link", "directory"])
def test_only_a_plain_file_is_written(reopen: Opener, directory: Path, tmp_path: Path, thing: str) -> None:
    """A pipe, a link or a directory in the place of the newest file is refused, and opening it does not hang."""
    reopen().close()
    path = file_of(directory)
    content = path.read_bytes()
    path.unlink()
    match thing:
        case "pipe":
            os.mkfifo(path)
        case "link":
            (tmp_path / "target").write_bytes(content)
            path.symlink_to(tmp_path / "target")
        case _:
            path.mkdir()
    with pytest.raises(JournalUnavailable):
        Journal.open(directory, tagger, "n1", clock)


def test_another_instances_journal_is_not_continued(reopen: Opener, directory: Path) -> None:
    """With another root key no line at the end fits, so opening is refused instead of writing on."""
    append(reopen(), 1, 3)
    reopen().close()
    with pytest.raises(JournalUnavailable, match="another root key"):
        Journal.open(directory, lambda purpose, message: tagger("other" + purpose, message), "n1", clock)


def test_a_directory_that_cannot_be_made_is_a_refusal(tmp_path: Path) -> None:
    """A path that is a file is refused as the journal's own failure."""
    (tmp_path / "audit").write_text("")
    with pytest.raises(JournalUnavailable):
        Journal.open(tmp_path / "audit", tagger, "n1", clock)


def test_a_refused_entry_leaves_the_next_one_its_number(journal: Journal, directory: Path) -> None:
    """A refusal takes no number of the chain."""
    append(journal, 1, 1)
    with disk_ends_at(file_of(directory), 10), pytest.raises(JournalUnavailable):
        journal.append(event(2), 7)
    journal.append(event(2), 7)
    journal.close()
    assert numbers(directory) == [1, 2]
    assert verify(directory, tagger).problems == ()
