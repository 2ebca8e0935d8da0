"""Verifying: whatever somebody with write access but without the root key does to the files is found."""

import json
import random
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.journal import Journal, verify
from strongroom.journal.chain import Checkpoint
from tests.unit.journal.conftest import Opener
from tests.unit.journal.ledger import NODE, append, clock, event, file_of, lines_of, numbers, tagger


@pytest.fixture
def kept(reopen: Opener) -> bytes:
    """Write three files of entries and keep a checkpoint of them."""
    journal = reopen(file_bytes=6000)
    append(journal, 1, 55)
    journal.close()
    return journal.checkpoint()


def files(directory: Path) -> list[Path]:
    """List the files of the series."""
    return sorted(directory.glob("*.jsonl"))


def test_an_untouched_journal_has_no_problems(directory: Path, kept: bytes) -> None:
    """A whole chain is reported as such, with the number of its entries."""
    assert len(files(directory)) == 3
    report = verify(directory, tagger, kept)
    assert (report.nodes, report.entries, report.problems) == ((NODE,), 55, ())


def test_the_newest_file_alone_may_be_looked_at(directory: Path, kept: bytes) -> None:
    """What was altered in it, or cut off its end, is found; older files are left for whoever asks for all."""
    newest, older = file_of(directory, 3), file_of(directory, 1)
    whole = newest.read_bytes()
    report = verify(directory, tagger, kept, newest_only=True)
    assert (report.nodes, report.problems) == ((NODE,), ())
    assert 0 < report.entries < 55

    older.write_bytes(older.read_bytes().replace(b"SecretGet", b"SecretSet", 1))
    assert verify(directory, tagger, kept, newest_only=True).problems == ()
    assert verify(directory, tagger, kept).problems

    newest.write_bytes(whole.replace(b"SecretGet", b"SecretSet", 1))
    assert "was altered" in verify(directory, tagger, kept, newest_only=True).problems[0]
    newest.write_bytes(b"".join(whole.splitlines(keepends=True)[:-2]))
    assert "the checkpoint knew" in verify(directory, tagger, kept, newest_only=True).problems[0]


Tamper = Callable[[list[bytes]], list[bytes]]
EDITS: dict[str, tuple[Tamper, str]] = {
    "altered": (lambda lines: [*lines[:5], lines[5].replace(b"SecretGet", b"SecretSet"), *lines[6:]], "was altered"),
    "taken out": (lambda lines: [*lines[:5], *lines[6:]], "is missing before"),
    "several taken out": (lambda lines: [*lines[:5], *lines[9:]], "are missing before"),
    "put in twice": (lambda lines: [*lines[:6], *lines[5:]], "stands where"),
    "swapped": (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], "missing before"),
    "blank line": (lambda lines: [*lines[:5], b"\n", *lines[5:]], "not a line"),
    "invented": (lambda lines: [*lines[:5], lines[5][:-67] + b"0" * 64 + lines[5][-3:], *lines[6:]], "was altered"),
    "first line taken out": (lambda lines: lines[1:], "missing before"),
    "emptied": (lambda lines: lines[:0], "missing before"),
    "joined": (lambda lines: [*lines[:5], lines[5][:-1], *lines[6:]], "was altered"),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_edited_file_is_found(directory: Path, kept: bytes, edit: str, number: int) -> None:
    """SEC-AUDIT-3: altering, removing, repeating, swapping or inventing lines is found, and the message says what."""
    tamper, message = EDITS[edit]
    path = file_of(directory, number)
    path.write_bytes(b"".join(tamper(lines_of(path))))
    problems = verify(directory, tagger).problems
    assert any(message in problem for problem in problems), problems


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_file_is_found(directory: Path, kept: bytes, number: int) -> None:
    """SEC-AUDIT-3: a file that is gone from the beginning or the middle is named."""
    file_of(directory, number).unlink()
    assert any(f"file {number} of {NODE} is missing" in problem for problem in verify(directory, tagger).problems)


def test_a_file_under_another_number_is_found(directory: Path, kept: bytes) -> None:
    """Renaming files to close a gap is found: each says which it is."""
    file_of(directory, 2).unlink()
    file_of(directory, 3).rename(file_of(directory, 2))
    problems = verify(directory, tagger).problems
    assert any("this is file 3" in problem for problem in problems), problems


def test_a_chain_under_another_nodes_name_is_found(directory: Path, kept: bytes) -> None:
    """A node's whole series does not pass for another's."""
    for path in files(directory):
        path.rename(path.with_name(path.name.replace("n1.", "n2.")))
    assert verify(directory, tagger).problems


@pytest.mark.parametrize("cut", ["a line", "many lines", "a file", "in the middle of a line"])
def test_a_cut_end_is_found_by_the_checkpoint(directory: Path, kept: bytes, cut: str) -> None:
    """SEC-AUDIT-3: what a checkpoint knew must be there; without one, a shortened chain is still a chain."""
    last = file_of(directory, 3)
    lines = lines_of(last)
    match cut:
        case "a line":
            last.write_bytes(b"".join(lines[:-1]))
        case "many lines":
            last.write_bytes(b"".join(lines[:2]))
        case "a file":
            last.unlink()
        case _:
            last.write_bytes(b"".join(lines)[:-20])
    assert any("the checkpoint knew" in problem for problem in verify(directory, tagger, kept).problems)


def test_a_rolled_back_chain_that_grew_again_is_found_by_the_checkpoint(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-3: an older copy of the files that was continued is not the chain the checkpoint knew."""
    append(reopen(), 1, 5)
    reopen().close()
    older = file_of(directory).read_bytes()
    journal = reopen()
    append(journal, 6, 10)
    journal.close()
    kept = journal.checkpoint()
    file_of(directory).write_bytes(older)
    append(reopen(), 20, 40)
    assert verify(directory, tagger).problems == ()
    assert any(
        "not the one that the checkpoint knew" in problem for problem in verify(directory, tagger, kept).problems
    )


def test_a_line_of_another_history_is_found(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-3: a line that was truly written, in this place, but after another one, does not fit in."""
    append(reopen(), 1, 3)
    reopen().close()
    path = file_of(directory)
    older = path.read_bytes()
    append(reopen(), 4, 6)
    reopen().close()
    other_history = lines_of(path)
    path.write_bytes(older)
    append(reopen(), 7, 9)
    reopen().close()
    lines = lines_of(path)
    path.write_bytes(b"".join([*lines[:5], other_history[5], *lines[6:]]))
    problems = verify(directory, tagger).problems
    assert [problem.partition(": ")[2] for problem in problems] == [
        "entry 6 does not continue from the one before it",
        "entry 7 does not continue from the one before it",
    ]


def test_a_missing_node_is_found_by_its_checkpoint(reopen: Opener, directory: Path) -> None:
    """SEC-AUDIT-4: a node whose whole series is gone is found by the checkpoint that was kept of it."""
    append(reopen(), 1, 3)
    other = Journal.open(directory, tagger, "n2", clock)
    append(other, 1, 3)
    other.close()
    kept = other.checkpoint()
    assert verify(directory, tagger, kept).problems == ()
    for path in directory.glob("n2.*"):
        path.unlink()
    assert verify(directory, tagger, kept).problems == ("the journal of n2 is missing; a checkpoint knew its entry 4",)


def test_a_checkpoint_that_was_altered_is_not_believed(directory: Path, kept: bytes) -> None:
    """A checkpoint lowered to hide a cut end does not carry the tag."""
    lowered = kept.replace(json.dumps(json.loads(kept)["checkpoint"]["seq"]).encode(), b"1")
    assert lowered != kept
    for forged in (lowered, b"", b"{}", b"\xff", b'{"checkpoint":{},"tag":"\xc3\xa9"}'):
        assert "the checkpoint does not carry this instance's tag" in verify(directory, tagger, forged).problems


def test_a_journal_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """An empty or missing directory is no whole journal."""
    assert verify(tmp_path, tagger).problems
    assert verify(tmp_path / "nowhere", tagger).problems


def test_nobody_without_the_key_can_make_a_line(directory: Path, kept: bytes) -> None:
    """SEC-AUDIT-2: with another key every line is found to be altered; the files give the key to nobody."""
    report = verify(directory, lambda purpose, message: tagger("guess" + purpose, message))
    assert report.entries == 0
    assert len(report.problems) >= 55


def test_a_tag_for_one_purpose_serves_no_other(directory: Path, kept: bytes) -> None:
    """A line's tag is no checkpoint's: the purposes are apart."""
    body = Checkpoint(NODE, 1, "0" * 64, 0)
    forged = body.sign(lambda _, message: tagger("journal line", message))
    assert "the checkpoint does not carry this instance's tag" in verify(directory, tagger, forged).problems


def test_a_journal_in_use_can_be_verified(journal: Journal, directory: Path) -> None:
    """Verifying reads; it takes nothing from the service that writes."""
    append(journal, 1, 10)
    assert verify(directory, tagger, journal.checkpoint()).problems == ()
    append(journal, 11, 20)
    assert verify(directory, tagger).entries == 20


def test_a_pipe_in_the_place_of_a_file_is_a_problem_and_does_not_block(directory: Path, kept: bytes) -> None:
    """What is no plain file is reported, not waited for."""
    import os  # noqa: PLC0415  this test's alone

    file_of(directory, 2).unlink()
    os.mkfifo(file_of(directory, 2))
    assert any("cannot be read" in problem for problem in verify(directory, tagger).problems)


@pytest.mark.parametrize("size", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_any_change_of_any_byte_is_found(reopen: Opener, directory: Path, tmp_path: Path, size: int) -> None:
    """
    SEC-AUDIT-3: in a chain of many entries, one altered byte, cut piece or moved line anywhere is found.

    The places are random; the seed is printed.
    """
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  what brings a failure back
    chance = random.Random(seed)  # noqa: S311  places to tamper with, nothing secret
    journal = reopen(file_bytes=max(size * 40, 20_000))
    append(journal, 1, size)
    journal.close()
    kept = journal.checkpoint()
    whole = verify(directory, tagger, kept)
    assert (whole.entries, whole.problems) == (size, ())
    assert numbers(directory) == list(range(1, size + 1))
    for turn in range(12 if size < 10_000 else 3):
        copy = tmp_path / f"copy{turn}"
        shutil.copytree(directory, copy)
        path = chance.choice(sorted(copy.glob("*.jsonl")))
        content = bytearray(path.read_bytes())
        place = chance.randrange(len(content))
        match turn % 3:
            case 0:
                content[place] ^= 1 << chance.randrange(8)
            case 1:
                del content[place : place + chance.randint(1, 2000)]
            case _:
                lines = bytes(content).splitlines(keepends=True)
                one, other = chance.sample(range(len(lines)), 2)
                lines[one], lines[other] = lines[other], lines[one]
                content = bytearray(b"".join(lines))
        path.write_bytes(content)
        assert verify(copy, tagger, kept).problems, f"turn {turn}, place {place} of {path.name}"
        shutil.rmtree(copy)


def test_events_differ() -> None:
    """The entries of these tests are all different, so that swapping two of them is a change."""
    assert event(1) != event(2)
