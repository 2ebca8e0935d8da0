"""A folder of blobs: Azure's layout, nothing outside the folder, nothing that others could read, and whole lines."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from strongroom.journal.blobs import FolderFault, append_records, check_folder, write_blob

VAULT = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.KEYVAULT/VAULTS/V"
TIME = "2026-11-27T03:04:05.0000000Z"
BLOB = f"insights-logs-auditevent/resourceId={VAULT}/y=2026/m=11/d=27/h=03/m=00/PT1H.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that is its owner's alone."""
    made = tmp_path / "blobs"
    made.mkdir(mode=0o700)
    return made


def test_it_is_laid_out_as_azures(folder: Path) -> None:
    """One blob for each vault and hour, one line for each record, its owner's alone."""
    later = TIME.replace("T03", "T04")
    append_records(folder, [(VAULT, TIME, b'{"a":1}'), (VAULT, TIME, b'{"a":2}'), (VAULT, later, b'{"a":3}')])
    append_records(folder, [(VAULT, TIME, b'{"a":4}')])
    blob = folder / BLOB
    assert blob.read_bytes() == b'{"a":1}\n{"a":2}\n{"a":4}\n'
    assert (folder / BLOB.replace("h=03", "h=04")).read_bytes() == b'{"a":3}\n'
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o700 for one in folder.rglob("*") if one.is_dir())


def test_a_blob_of_its_own_takes_the_place_of_one_before(folder: Path) -> None:
    """SEC-AUDIT-8: whole, its owner's alone, by steps that lead nowhere else."""
    for content in (b'[{"a":1}]', b"[]"):
        write_blob(folder, ("dead", "V", "..", "a/b.json"), content)
    (blob,) = (one for one in folder.rglob("*") if one.is_file())
    assert blob.read_bytes() == b"[]"
    assert blob.relative_to(folder).as_posix() == "dead/V/%2E%2E/a%2Fb.json"
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600
    with pytest.raises(FolderFault):
        write_blob(folder / "absent", ("a",), b"")


@pytest.mark.parametrize("name", ["..", ".", "a\x00b", "../../x", "a\nb", "x" * 300, "é", "%2e%2e", ""])
def test_a_name_is_one_step_and_no_other(folder: Path, name: str) -> None:
    """SEC-AUDIT-8: whatever a vault's id is made of, nothing is written anywhere else."""
    append_records(folder, [(f"/SUBSCRIPTIONS/S/RESOURCEGROUPS/{name}", TIME, b"{}")])
    append_records(folder, [(VAULT, f"../../..{TIME}", b"{}")])
    assert [one.name for one in folder.parent.iterdir()] == ["blobs"]
    assert all(one.resolve().is_relative_to(folder.resolve()) for one in folder.rglob("*"))


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    """SEC-AUDIT-8: neither in the place of a folder nor of a blob, nor a second name of a file."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "insights-logs-auditevent").symlink_to(outside)
    with pytest.raises(FolderFault):
        append_records(folder, [(VAULT, TIME, b"{}")])
    assert not list(outside.iterdir())
    (folder / "insights-logs-auditevent").unlink()
    append_records(folder, [(VAULT, TIME, b"{}")])
    other = outside / "file"
    other.write_bytes(b"mine\n")
    for put in (lambda: (folder / BLOB).symlink_to(other), lambda: os.link(other, folder / BLOB)):
        (folder / BLOB).unlink()
        put()
        with pytest.raises(FolderFault):
            append_records(folder, [(VAULT, TIME, b"{}")])
    (folder / BLOB).unlink()
    os.mkfifo(folder / BLOB)
    with pytest.raises(FolderFault):
        append_records(folder, [(VAULT, TIME, b"{}")])
    assert other.read_bytes() == b"mine\n"


def test_a_folder_that_others_may_write_to_is_refused(folder: Path, tmp_path: Path) -> None:
    """Nor one that is a link, a file, or not there."""
    check_folder(folder)
    folder.chmod(0o770)
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(folder)
    file.write_bytes(b"")
    for place in (folder, link, file, tmp_path / "none"):
        with pytest.raises(FolderFault):
            check_folder(place)


def test_what_was_never_finished_is_cut_off(folder: Path) -> None:
    """A line that a crash cut short is not in the way of the next, which is that one again."""
    append_records(folder, [(VAULT, TIME, b'{"a":1}')])
    blob = folder / BLOB
    blob.write_bytes(blob.read_bytes() + b'{"a":' + b"2" * 600_000)
    append_records(folder, [(VAULT, TIME, b'{"a":2}')])
    assert blob.read_bytes() == b'{"a":1}\n{"a":2}\n'


def test_a_full_disk_leaves_whole_lines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written of a batch is taken back, and the sink is told as failing."""
    append_records(folder, [(VAULT, TIME, b'{"a":1}')])
    real, calls = os.write, []

    def write(descriptor: int, content: bytes) -> int:
        calls.append(len(content))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[:3])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(FolderFault, match="No space left"):
        append_records(folder, [(VAULT, TIME, b'{"a":2}')])
    monkeypatch.undo()
    assert (folder / BLOB).read_bytes() == b'{"a":1}\n'


def test_two_do_not_write_at_once(folder: Path) -> None:
    """A write that hung, or another service: whoever comes second waits for another turn."""
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(FolderFault, match="still being written"):
        append_records(folder, [(VAULT, TIME, b"{}")])
    os.close(held)
    append_records(folder, [(VAULT, TIME, b"{}")])
