"""The store's outbox and the chain: every committed entry is recorded exactly once."""

from pathlib import Path

import pytest

from strongroom.journal import Journal, JournalUnavailable, verify
from strongroom.journal.numbers import REMEMBERED, OutboxNumbers
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import append, event, file_of, numbers, tagger


def offer(journal: Journal, *outbox: int) -> None:
    """Append outbox entries; entry *n* has number *n*."""
    for number in outbox:
        journal.append(event(number), number)


def test_an_entry_offered_again_is_not_recorded_again(journal: Journal, directory: Path) -> None:
    """The committer and the drain may both offer an entry; it is recorded once."""
    offer(journal, 4096, 8192, 4096, 8192)
    assert numbers(directory) == [4096, 8192]


def test_an_entry_recorded_before_a_restart_is_not_recorded_again(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-1: start-up drains the outbox, and what was appended before the crash stays the only record of it."""
    offer(reopen(), 4096, 8192)
    journal = reopen()
    offer(journal, 4096, 8192, 12288)
    assert numbers(directory) == [4096, 8192, 12288]


def test_an_entry_that_was_committed_but_not_appended_is_recorded_late(reopen: Opener, directory: Path) -> None:
    """An entry whose committer died is recorded by the drain, although later ones are there already."""
    offer(reopen(), 8192)
    journal = reopen()
    offer(journal, 4096, 8192)
    assert numbers(directory) == [8192, 4096]


@pytest.mark.parametrize("reads", [10, 2000])
def test_an_entry_far_from_the_end_is_found(
    reopen: Opener, directory: Path, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many reads were recorded since, over however many files, an entry is known again after a crash."""
    monkeypatch.setattr("strongroom.journal.recovery.TAIL_BYTES", 16 * 1024)
    journal = reopen(file_bytes=64 * 1024)
    offer(journal, 4096)
    append(journal, 100_000, 100_000 + reads)
    offer(journal, 8192)
    append(journal, 200_000, 200_000 + reads)
    journal = reopen(file_bytes=64 * 1024)
    offer(journal, 4096, 8192, 12288)
    kept = [number for number in numbers(directory) if number < 100_000]
    assert kept == [4096, 8192, 12288]


def test_the_highest_number_is_found_after_a_restart(reopen: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest outbox number is known after opening, wherever in the chain it stands."""
    monkeypatch.setattr("strongroom.journal.recovery.TAIL_BYTES", 4 * 1024)
    journal = reopen(file_bytes=16 * 1024)
    assert journal.highest_outbox() == 0
    offer(journal, 4096, 12288)
    append(journal, 100_000, 100_500)
    assert reopen(file_bytes=16 * 1024).highest_outbox() == 12288


def test_another_entry_under_a_known_number_is_recorded(reopen: Opener, directory: Path) -> None:
    """A store restored from a backup counts from an earlier number; its new entries are not taken for old ones."""
    offer(reopen(), 4096, 8192)
    journal = reopen()
    journal.append(event(1), 4096)
    assert numbers(directory) == [4096, 8192, 1]
    assert verify(directory, tagger).problems == ()


def test_the_store_may_forget_nothing_before_the_outbox_was_drained(journal: Journal) -> None:
    """Nothing is durable for the store's purposes until somebody said that all of the outbox was offered."""
    offer(journal, 4096)
    journal.flush()
    assert (journal.durable_through, journal.has_gap) == (0, True)
    journal.settle(4096)
    assert (journal.durable_through, journal.has_gap) == (4096, False)


def test_the_store_may_forget_only_what_is_on_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was offered and settled counts after the flush, not before."""
    monkeypatch.setattr("strongroom.journal.journal.FLUSH_DELAY_S", 60)
    offer(journal, 4096)
    journal.settle(4096)
    assert journal.durable_through == 0
    journal.flush()
    assert journal.durable_through == 4096


def test_a_later_commit_makes_a_drain_due_and_takes_nothing_back(journal: Journal) -> None:
    """After a commit the outbox is due again, and what was durable stays durable."""
    offer(journal, 4096)
    journal.settle(4096)
    journal.flush()
    offer(journal, 8192)
    assert (journal.durable_through, journal.has_gap) == (4096, True)


def test_a_refused_entry_makes_a_drain_due(journal: Journal, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that could not be appended is offered again: the journal says that a drain is due."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("strongroom.journal.journal.os.write", full)
        with pytest.raises(JournalUnavailable, match="No space"):
            offer(journal, 4096)
    assert journal.has_gap
    offer(journal, 4096)
    journal.settle(4096)
    assert numbers(directory) == [4096]
    assert not journal.has_gap


def test_an_empty_outbox_settles_nothing_wrong(reopen: Opener) -> None:
    """With nothing in the outbox at start there is nothing to forget, whatever an earlier run recorded."""
    offer(reopen(), 4096)
    journal = reopen()
    journal.settle(0)
    journal.flush()
    assert (journal.durable_through, journal.has_gap) == (0, False)


def test_a_number_is_read_from_the_lines_own_place(journal: Journal, reopen: Opener, directory: Path) -> None:
    """An entry that contains the words of an outbox number is not taken for one that has it."""
    journal.append(b'{"n":1,"x":"\\",\\"outbox\\":4096,\\"entry\\":{}"}')
    assert reopen().highest_outbox() == 0
    assert file_of(directory).exists()


def test_memory_for_numbers_is_bounded_by_what_the_store_may_offer() -> None:
    """Settled numbers are forgotten beyond the limit; those the store may still offer never are."""
    held = OutboxNumbers()
    for number in range(1, REMEMBERED + 101):
        held.take(number, event(number))
    assert held.holds(1, event(1))
    held.settled = REMEMBERED + 100
    for number in range(REMEMBERED + 101, REMEMBERED + 201):
        held.take(number, event(number))
    assert not held.holds(1, event(1))
    assert held.holds(REMEMBERED + 200, event(REMEMBERED + 200))
