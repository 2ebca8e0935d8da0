"""What the checks of `strongroom doctor` make of the machine: its files, disk, clock and versions."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from pathlib import Path

import pytest

from strongroom.cli.doctor import clock, disk, files, surroundings, tokens
from strongroom.cli.doctor.finding import State
from tests.unit.cli.doctor import DATA, NOW, OK, PROBLEM, THEM, UNKNOWN, US, WARNING

# ---- files ----------------------------------------------------------------------------------------------------------


def facts(mode: int, *, owner: int = US, size: int = 0, path: Path = DATA) -> files.FileFacts:
    """Say what a file system would."""
    return files.FileFacts(path, mode, owner, size)


DIRECTORY, PLAIN, LINK, PIPE = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO


@pytest.mark.parametrize(
    ("seen", "state", "fix"),
    [
        (facts(DIRECTORY | 0o700), OK, None),
        (None, WARNING, "strongroom init --data '/data of mine'"),
        (facts(LINK | 0o777), WARNING, "name the directory itself: strongroom doctor --data '/data of mine'"),
        (facts(PLAIN | 0o600), PROBLEM, "name another one with --data"),
        (facts(DIRECTORY | 0o700, owner=THEM), PROBLEM, "sudo -u '#1001' strongroom doctor --data '/data of mine'"),
        (facts(DIRECTORY | 0o750), PROBLEM, "chmod 700 '/data of mine'"),
        (facts(DIRECTORY | 0o701), PROBLEM, "chmod 700 '/data of mine'"),
    ],
)
def test_the_data_directory_is_its_owners_alone(seen: files.FileFacts | None, state: State, fix: str | None) -> None:
    """A directory that others can enter, or that is another's, is a problem, and the fix is a command."""
    found = files.judge_directory(DATA, seen, US)
    assert (found.state, found.fix) == (state, fix)


@pytest.mark.parametrize(
    ("seen", "state", "word"),
    [
        (facts(PLAIN | 0o600, size=32), WARNING, "development protection"),
        (facts(PLAIN | 0o400, size=32), WARNING, "development protection"),
        (facts(PLAIN | 0o640, size=32), PROBLEM, "mode 0640"),
        (facts(PLAIN | 0o600, size=31), PROBLEM, "31 bytes"),
        (facts(PLAIN | 0o600, size=32, owner=THEM), PROBLEM, "user 1001"),
        (facts(LINK | 0o777, size=32), PROBLEM, "symbolic link"),
        (facts(PIPE | 0o600), PROBLEM, "no plain file"),
        (None, PROBLEM, "no root key"),
    ],
)
def test_a_root_key_beside_the_data_is_development_protection(
    seen: files.FileFacts | None, state: State, word: str
) -> None:
    """SEC-BOOT-9: even a root key file that is as it should be is a warning; one that others can read is a problem."""
    found = files.judge_root_key(DATA / "root.key", seen, US, store_exists=True)
    assert found.state is state
    assert word in found.seen


def test_before_the_first_start_there_is_no_root_key() -> None:
    """Where there is no store either, nothing is missing."""
    assert files.judge_root_key(DATA / "root.key", None, US, store_exists=False).state is UNKNOWN


def test_a_root_key_that_a_token_has_wrapped_is_as_it_should_be() -> None:
    """SEC-BOOT-9: its file opens nothing by itself, so it is no warning."""
    seen = facts(PLAIN | 0o600, size=180)
    found = files.judge_root_key(DATA / "root.key", seen, US, store_exists=True, token="hsm-1")
    assert found.state is OK
    assert "hsm-1" in found.seen


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (None, UNKNOWN),
        ("", UNKNOWN),
        ("The token a is reached (maker, model, firmware 1.0, serial number 1).", OK),
        ("The token a is reached (maker, model, firmware 1.0, serial number 1); it has not CKM_AES_GCM.", WARNING),
        ("The token refused the PIN (CKR_PIN_INCORRECT). It is not tried again", PROBLEM),
    ],
)
def test_a_token_is_as_the_service_says(said: str | None, state: State) -> None:
    """It is not opened by the doctor: a wrong PIN would count."""
    status = None if said is None else {"token": said}
    assert tokens.judge_token("/lib.so", status, DATA).state is state


def test_what_lies_in_the_directory_is_its_owners_alone(tmp_path: Path) -> None:
    """Files that others can read, and another's, are named, with the command that mends it."""
    private, open_one = tmp_path / "private", tmp_path / "audit" / "open to others"
    open_one.parent.mkdir(mode=0o700)
    for path in (private, open_one):
        path.touch(mode=0o600)
    assert files.judge_contents(files.look_into(tmp_path), os.geteuid()).state is OK
    open_one.chmod(0o604)
    found = files.judge_contents(files.look_into(tmp_path), os.geteuid())
    assert (found.state, found.fix) == (PROBLEM, f"chmod go= '{open_one}'")
    other = files.judge_contents(files.look_into(tmp_path), THEM)
    assert other.state is PROBLEM
    assert other.fix is not None
    assert other.fix.startswith("sudo chown 1001 ")


def test_first_secrets_that_still_lie_there_are_told(tmp_path: Path) -> None:
    """The file with the first secrets is to be read and deleted."""
    file = tmp_path / "first-secrets.json"
    assert files.judge_first_secrets(file, files.look_at(file)).state is OK
    file.touch()
    assert files.judge_first_secrets(file, files.look_at(file)).state is WARNING


# ---- disk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "free_files", "read_only", "state"),
    [
        (disk.SPACE_WANTED_BYTES, disk.FILES_NEEDED, False, OK),
        (disk.SPACE_WANTED_BYTES, None, False, OK),
        (disk.SPACE_WANTED_BYTES - 1, 1000, False, WARNING),
        (disk.SPACE_NEEDED_BYTES, 1000, False, WARNING),
        (disk.SPACE_NEEDED_BYTES - 1, 1000, False, PROBLEM),
        (disk.SPACE_WANTED_BYTES, disk.FILES_NEEDED - 1, False, PROBLEM),
        (disk.SPACE_WANTED_BYTES, 1000, True, PROBLEM),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_a_problem(
    *,
    free: int,
    free_files: int | None,
    read_only: bool,
    state: State,
) -> None:
    """Space, files that can be made, and whether anything can be written."""
    found = disk.judge_disk("disk: data", DATA, disk.DiskFacts(free, free_files, read_only))
    assert found.state is state


def test_the_disk_is_looked_at_and_written_to(tmp_path: Path) -> None:
    """What is tried leaves nothing behind."""
    assert disk.look_at_disk(tmp_path).free > 0
    assert disk.judge_sync(tmp_path, disk.try_sync(tmp_path)).state is OK
    assert list(tmp_path.iterdir()) == []
    assert disk.judge_sync(tmp_path, disk.try_sync(tmp_path / "none")).state is PROBLEM


@pytest.mark.parametrize(
    ("error", "state"), [(OSError(errno.EIO, "I/O error"), PROBLEM), (PermissionError(errno.EACCES, "no"), UNKNOWN)]
)
def test_a_write_that_fails_is_a_problem_unless_it_is_not_ours_to_make(error: OSError, state: State) -> None:
    """A medium that does not take what is written is one thing, another user's directory another."""
    assert disk.judge_sync(DATA, error).state is state


# ---- clock ----------------------------------------------------------------------------------------------------------


DATE = "Fri, 15 Jan 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "ours", "state"),
    [(DATE, NOW, OK), (DATE, NOW + 60, PROBLEM), (DATE, NOW - 60, PROBLEM), (None, NOW, UNKNOWN), ("no", NOW, UNKNOWN)],
)
def test_the_services_clock_is_ours(header: str | None, ours: float, state: State) -> None:
    """A Date that is far from the time at which it was asked for is a problem."""
    assert clock.judge_date(header, ours, ours + 0.1).state is state


@pytest.mark.parametrize(("newest", "state"), [(NOW, OK), (NOW + 4.0, OK), (NOW + 60.0, PROBLEM), (None, UNKNOWN)])
def test_what_was_recorded_lies_in_the_past(newest: float | None, state: State) -> None:
    """A record from the future says that the clock went back."""
    assert clock.judge_newest(newest, NOW).state is state


@pytest.mark.parametrize(("wall", "state"), [(2.0, OK), (2.9, OK), (62.0, WARNING), (-58.0, WARNING)])
def test_a_clock_that_jumps_is_told(wall: float, state: State) -> None:
    """Two seconds went by: whatever else the clock says is a jump."""
    assert clock.judge_jump(wall, 2.0).state is state


@pytest.mark.parametrize(
    ("error_us", "answer", "state"), [(500_000, 0, OK), (16_000_000, 5, WARNING), (0, -1, UNKNOWN)]
)
def test_the_kernel_says_whether_the_clock_is_kept_right(error_us: int, answer: int, state: State) -> None:
    """Its own estimate of the error decides; a sandbox may forbid the question."""

    def adjust(timex: ctypes.Array[ctypes.c_long]) -> int:
        assert not any(timex), "nothing is changed"
        timex[3] = error_us
        return answer

    assert clock.judge_synchronised(synchronised=clock.is_synchronised(adjust)).state is state


@pytest.mark.parametrize(
    ("event", "made"),
    [
        (b'{"time":"2027-01-15T08:00:00Z"}', NOW),
        (b'{"time":"soon"}', None),
        (b"{}", None),
        (b"[]", None),
        (b"no", None),
    ],
)
def test_an_entry_says_when_it_was_made(event: bytes, made: float | None) -> None:
    """One that does not says nothing of the clock."""
    assert clock.entry_time(event) == made


# ---- what it runs on ------------------------------------------------------------------------------------------------


def test_versions_that_are_too_old_are_told() -> None:
    """Python decides whether it runs, OpenSSL whether it is looked after."""
    assert [surroundings.judge_python(one).state for one in ((3, 11, 0), (3, 10, 9))] == [OK, PROBLEM]
    assert [surroundings.judge_openssl(one, "OpenSSL").state for one in ((3, 0, 0), (1, 1, 1))] == [OK, WARNING]


@pytest.mark.parametrize(
    ("core", "umask", "state"), [("0", "0077", OK), ("unlimited", "0077", PROBLEM), ("0", "0022", PROBLEM)]
)
def test_the_service_keeps_its_memory_and_files_to_itself(tmp_path: Path, core: str, umask: str, state: State) -> None:
    """SEC-BOOT-12: what the kernel says of the running process is looked at."""
    process = tmp_path / "7"
    process.mkdir()
    process.joinpath("limits").write_text(
        f"Limit   Soft Limit  Hard Limit  Units\nMax core file size   0   {core}   bytes\n"
    )
    process.joinpath("status").write_text(f"Name:\tstrongroom\nUmask:\t{umask}\nState:\tS\n")
    assert surroundings.judge_process(surroundings.look_at_process(7, tmp_path), runs=True).state is state
    assert surroundings.judge_process(surroundings.look_at_process(8, tmp_path), runs=True).state is UNKNOWN
    assert surroundings.judge_process(None, runs=False).state is UNKNOWN
