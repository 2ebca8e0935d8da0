"""The files of the journal: their names, how they are opened, and how they reach the disk."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from strongroom.journal.failures import JournalUnavailable

SUFFIX = ".jsonl"
_NAME = re.compile(r"(?P<node>[a-z0-9][a-z0-9-]{0,62})\.(?P<number>[0-9]{8})\.jsonl")
_NODE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS fsync leaves the data in the drive's cache; this asks the drive too."""
_sync_data = getattr(os, "fdatasync", os.fsync)
"""fdatasync writes what is needed to read the data back, the length included, and no more."""


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """One file of one node's series. Numbers count from 1 without gaps."""

    path: Path
    node: str
    number: int


def check_node(node: str) -> str:
    """
    Return *node* if it can name a series.

    Raises:
        ValueError: it has other characters than lower-case letters, digits and hyphens, or too many.
    """
    if not _NODE.fullmatch(node):
        msg = f"a node's name is 1 to 63 lower-case letters, digits and hyphens, not {node!r}"
        raise ValueError(msg)
    return node


def path_of(directory: Path, node: str, number: int) -> Path:
    """Say where file *number* of a node's series is."""
    return directory / f"{node}.{number:08d}{SUFFIX}"


def all_series(directory: Path) -> dict[str, list[SeriesFile]]:
    """Find every node's files, in order."""
    found: defaultdict[str, list[SeriesFile]] = defaultdict(list)
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found[match["node"]].append(SeriesFile(path, match["node"], int(match["number"])))
    return {node: sorted(files, key=lambda file: file.number) for node, files in sorted(found.items())}


def prepare(directory: Path) -> None:
    """Make the directory, readable by its owner alone, whatever the umask was and is."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if stat.S_IMODE(directory.stat().st_mode) != 0o700:
        directory.chmod(0o700)


def create(path: Path, first_line: bytes) -> int:
    """
    Create a file that does not exist yet with its first line, open for appending; returns its descriptor.

    Raises:
        OSError: it cannot be made whole, and nothing of it stays.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        whole = os.write(descriptor, first_line) == len(first_line)
    except OSError:
        _abandon(descriptor, path)
        raise
    if not whole:
        _abandon(descriptor, path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return descriptor


def _abandon(descriptor: int, path: Path) -> None:
    os.close(descriptor)
    path.unlink()


def open_existing(path: Path) -> int:
    """
    Open a file for appending; returns its descriptor.

    Raises:
        JournalUnavailable: it is not a plain file.
    """
    return _open_plain(path, os.O_WRONLY | os.O_APPEND)


def open_to_read(path: Path) -> BinaryIO:
    """
    Open a file for reading.

    Raises:
        JournalUnavailable: it is not a plain file.
    """
    return open(_open_plain(path, os.O_RDONLY), "rb")


def _open_plain(path: Path, flags: int) -> int:
    """Refuse a link, a pipe or a device: what is written there can vanish, and reading or opening it can block."""
    # Without O_NONBLOCK, opening a pipe that somebody put in the file's place would hang here.
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise JournalUnavailable(f"{path.name} is not a plain file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise JournalUnavailable(f"{path.name} is not a plain file")
    return descriptor


def lock(directory: Path, node: str) -> int:
    """
    Take the node's lock for as long as the returned descriptor is open, so that one process alone writes its chain.

    Raises:
        JournalUnavailable: another process has it.
    """
    path = directory / f"{node}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalUnavailable(f"another process writes the journal of {node}") from error
    return descriptor


def sync(descriptor: int) -> None:
    """Bring what was written to a file to the disk."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        _sync_data(descriptor)


def sync_directory(directory: Path) -> None:
    """Bring the names of new files to the disk."""
    with _directory(directory) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _directory(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
