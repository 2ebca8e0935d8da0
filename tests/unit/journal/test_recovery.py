"""Starting again after any end: a kill in the middle of a line, a cut file, an older checkpoint."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.journal import verify
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import append, entries, file_of, lines_of, numbers, tagger


def said(directory: Path, operation: str) -> list[dict[str, object]]:
    """Read what the journal recorded of itself."""
    return [entry["properties"] for entry in entries(directory) if entry["operationName"] == operation]


@pytest.mark.parametrize("kept", [1, 50, 200, -1])
def test_an_unfinished_line_is_cut_off_and_recorded(reopen: Opener, directory: Path, kept: int) -> None:
    """A line that a kill left unfinished is cut off, the chain says so, and it goes on whole."""
    append(reopen(), 1, 3)
    reopen().close()
    *whole, last = lines_of(file_of(directory))
    part = last[:kept]
    file_of(directory).write_bytes(b"".join(whole) + part)
    append(reopen(), 4, 4)
    assert numbers(directory) == [1, 2, 4]
    assert said(directory, "JournalRepair") == [{"httpStatusCode": 200, "removedBytes": len(part)}]
    assert verify(directory, tagger).problems == ()


@pytest.mark.parametrize("content", [b"", b'{"seq":5,"pre'])
def test_a_file_without_a_whole_line_is_removed(reopen: Opener, directory: Path, content: bytes) -> None:
    """A kill while a file is made leaves one without a line; the chain goes on in the file before it."""
    append(reopen(), 1, 3)
    reopen().close()
    file_of(directory, 2).write_bytes(content)
    file_of(directory, 3).write_bytes(b"")
    journal = reopen()
    append(journal, 4, 4)
    journal.close()
    assert not file_of(directory, 2).exists()
    assert not file_of(directory, 3).exists()
    assert numbers(directory) == [1, 2, 3, 4]
    assert verify(directory, tagger).problems == ()


def test_a_kill_before_the_first_line_leaves_nothing_to_mend(reopen: Opener, directory: Path) -> None:
    """A first file without a line is made again."""
    directory.mkdir(mode=0o700)
    file_of(directory).write_bytes(b'{"seq":1')
    append(reopen(), 1, 1)
    assert numbers(directory) == [1]
    assert verify(directory, tagger).problems == ()


def test_damage_is_left_for_verify_and_the_chain_goes_on_in_a_new_file(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-3: an altered line does not stop the service, stays where it is, and is recorded and found."""
    append(reopen(), 1, 5)
    reopen().close()
    path = file_of(directory)
    path.write_bytes(path.read_bytes().replace(b'"n":3', b'"n":7'))
    journal = reopen()
    append(journal, 6, 6)
    assert len(journal.problems) == 1
    journal.close()
    assert len(said(directory, "JournalDamage")) == 1
    assert b'"n":7' in path.read_bytes()
    assert file_of(directory, 2).exists()
    assert verify(directory, tagger).problems == (
        "n1.00000001.jsonl line 4: entry 4 was altered, its tag does not fit",
        "entry 8 of n1 records that a start found the journal damaged",
    )
    assert reopen().problems == ()


def test_an_end_before_the_checkpoint_is_recorded_at_start(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-3: entries that a kept checkpoint knew are gone: the next start says so in the chain itself."""
    journal = reopen()
    append(journal, 1, 5)
    journal.flush()
    checkpoint = journal.checkpoint()
    journal.close()
    path = file_of(directory)
    path.write_bytes(b"".join(lines_of(path)[:3]))
    journal = reopen(checkpoint=checkpoint)
    assert len(journal.problems) == 1
    assert said(directory, "JournalDamage") == [{"httpStatusCode": 500, "lastSequence": 3, "checkpointSequence": 6}]


def test_another_line_in_the_checkpoints_place_is_recorded_at_start(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-3: a chain that was rolled back and grew again is another chain than the checkpoint's."""
    append(reopen(), 1, 1)
    reopen().close()
    before = file_of(directory).read_bytes()
    journal = reopen()
    append(journal, 2, 3)
    journal.flush()
    checkpoint = journal.checkpoint()
    journal.close()
    file_of(directory).write_bytes(before)
    append(reopen(), 4, 9)
    assert len(reopen(checkpoint=checkpoint).problems) == 1


def test_a_checkpoint_of_the_chain_is_no_problem(reopen: Opener) -> None:
    """A start with the checkpoint that was kept at the last stop finds nothing."""
    journal = reopen()
    append(journal, 1, 5)
    journal.close()
    checkpoint = journal.checkpoint()
    assert reopen(checkpoint=checkpoint).problems == ()


def test_a_forged_checkpoint_is_recorded_at_start(reopen: Opener) -> None:
    """A checkpoint that nobody with the root key signed is not believed."""
    assert len(reopen(checkpoint=b'{"checkpoint":{"node":"n1","seq":0,"mac":"","time":0},"tag":""}').problems) == 1


def test_only_the_end_of_a_large_journal_is_read_at_start(
    reopen: Opener, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start reads a bounded part of the chain, and goes on from it correctly wherever that part begins."""
    for tail_bytes in range(600, 1400, 97):
        monkeypatch.setattr("strongroom.journal.recovery.TAIL_BYTES", tail_bytes)
        append(reopen(), tail_bytes, tail_bytes + 20)
    report = verify(directory, tagger)
    assert (report.entries, report.problems) == (9 * 21, ())


APPENDING = """
import sys
from pathlib import Path
from tests.unit.journal.ledger import clock, event, tagger
from strongroom.journal import Journal

journal = Journal.open(Path(sys.argv[1]), tagger, "n1", clock, file_bytes=32768)
journal.settle(0)
for number in range(int(sys.argv[2]), 10**9):
    journal.append(event(number), number if number % 3 == 0 else None)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("rounds", [6])
def test_a_kill_loses_no_entry_that_was_acknowledged(directory: Path, reopen: Opener, rounds: int) -> None:
    """SEC-AUDIT-6: after kill -9 in the middle of appending, every entry whose append returned is there, once."""
    acknowledged: list[int] = []
    for turn in range(rounds):
        start = (turn + 1) * 1_000_000
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDING, str(directory), str(start)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        with child.stdout:
            acknowledged += [int(child.stdout.readline()) for _ in range(50 + 137 * turn)]
            child.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]
        assert child.wait() == -signal.SIGKILL
        report = verify(directory, tagger)
        assert report.problems == () or all("no whole line" in problem for problem in report.problems)
    reopen().close()
    recorded = numbers(directory)
    assert len(recorded) == len(set(recorded))
    assert set(acknowledged) <= set(recorded)
    # The entry under way when the kill came may be there although nobody was told.
    assert len(recorded) - len(acknowledged) <= rounds
    assert verify(directory, tagger).problems == ()
