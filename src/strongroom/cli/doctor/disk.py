"""The disk: whether there is space, whether it can be written, and whether what is written reaches the medium."""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

SPACE_NEEDED_BYTES = 100 * 1024 * 1024
"""With less the journal's next file and a write-ahead log may not fit, and then nothing is served."""
SPACE_WANTED_BYTES = 1024 * 1024 * 1024
FILES_NEEDED = 100
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What a file system says of itself."""

    free: int
    """Bytes that a user may still write."""
    free_files: int | None
    """How many files may still be made; None where there is no such number."""
    read_only: bool


def look_at_disk(directory: Path) -> DiskFacts:
    """
    Look at the file system of a directory.

    Raises:
        OSError: it does not say.
    """
    found = os.statvfs(directory)
    return DiskFacts(
        free=found.f_bavail * found.f_frsize,
        free_files=found.f_favail if found.f_files else None,
        read_only=bool(found.f_flag & os.ST_RDONLY),
    )


def judge_disk(check: str, directory: Path, facts: DiskFacts) -> Finding:
    """Judge space and whether anything can be written."""
    where = shlex.quote(str(directory))
    if facts.read_only:
        return problem(check, f"the file system of {directory} is read-only", f"sudo mount -o remount,rw {where}")
    free = f"{facts.free // _MIB} MiB free in {directory}"
    if facts.free_files is not None and facts.free_files < FILES_NEEDED:
        return problem(check, f"{free}, but only {facts.free_files} files can be made", f"df -i {where}")
    if facts.free < SPACE_NEEDED_BYTES:
        return problem(check, f"{free}: a full disk stops the service with 503", f"free some: df -h {where}")
    if facts.free < SPACE_WANTED_BYTES:
        return warning(check, f"{free}: a full disk stops the service with 503", f"free some: df -h {where}")
    return ok(check, free)


def try_sync(directory: Path) -> OSError | None:
    """Write a little into a file that has no name, and bring it to the medium; what went wrong, if anything did."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"strongroom doctor\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def judge_sync(directory: Path, error: OSError | None) -> Finding:
    """Judge whether what is written is kept."""
    check = "disk: fsync"
    if error is None:
        return ok(check, "what is written reaches the medium")
    if isinstance(error, PermissionError):
        return unknown(check, f"{directory} is not ours to write", "run this as the user who runs the service")
    return problem(
        check,
        f"a file in {directory} cannot be written: {error.strerror}",
        f"look at the medium: dmesg, df -h {shlex.quote(str(directory))}",
    )
