"""
Files that hold key material: made for their owner alone, and refused when anyone else could read them.

Creation is exclusive and durable, replacement atomic and durable. Reading judges the open descriptor, not the path, so
that what was judged is what is read. POSIX only.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OWNER_ONLY = 0o600
_OTHERS = 0o077


class PrivateFileRefused(Exception):
    """A file that should be its owner's alone is not, or is no plain file of the expected size. Says what to do."""


def create_private_file(path: Path, content: bytes) -> None:
    """
    Write a new file for the owner alone, durably: the content and its name are on disk when this returns.

    Raises:
        FileExistsError: something has that name, be it a dangling link. Nothing is overwritten.
    """
    # O_EXCL also refuses a symbolic link, wherever it points.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
    try:
        _write(descriptor, content)
    except BaseException:
        # Half a key must not look like a key at the next start.
        path.unlink()
        raise
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


def replace_private_file(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, whole or not at all: a reader sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    create_private_file(temporary, content)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
    sync_directory(path.parent)


def read_private_file(path: Path, *, size: int) -> bytes:
    """
    Read a file of exactly *size* bytes that only its owner, who must be us, can read.

    Raises:
        FileNotFoundError: there is none.
        PrivateFileRefused: a symbolic link, no plain file, another owner, readable by others, or another size.
    """
    content, found = _read_judged(path, size + 1)
    if len(content) != size or found != size:
        raise PrivateFileRefused(f"{path} has {found} bytes where {size} are expected")
    return content


def read_private_text(path: Path, *, limit: int) -> bytes:
    """
    Read a file of at most *limit* bytes that only its owner, who must be us, can read.

    Raises:
        FileNotFoundError: there is none.
        PrivateFileRefused: a symbolic link, no plain file, another owner, readable by others, too long, or empty.
    """
    content, found = _read_judged(path, limit + 1)
    if not content or len(content) > limit:
        raise PrivateFileRefused(f"{path} has {found} bytes where there are to be 1 to {limit}")
    return content


def _read_judged(path: Path, at_most: int) -> tuple[bytes, int]:
    """Read the beginning of a file that only its owner can read, and say how long it is."""
    if path.is_symlink():
        raise PrivateFileRefused(f"{path} is a symbolic link: put the file itself there")
    # O_NOFOLLOW closes the moment between the look above and the open; O_NONBLOCK keeps a pipe from hanging us.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise PrivateFileRefused(f"{path} is not a plain file")
        if facts.st_uid != os.geteuid():
            raise PrivateFileRefused(f"{path} belongs to user {facts.st_uid}, not to user {os.geteuid()} who reads it")
        if facts.st_mode & _OTHERS:
            mode = stat.S_IMODE(facts.st_mode)
            raise PrivateFileRefused(f"{path} is open to others (mode {mode:04o}): run chmod 600 on it")
        content = os.read(descriptor, at_most)
    finally:
        os.close(descriptor)
    return content, facts.st_size


def _write(descriptor: int, content: bytes) -> None:
    # The mode again, because the umask may have taken bits away that we need.
    os.fchmod(descriptor, _OWNER_ONLY)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable: a file that was renamed is there after a power cut, under its new name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
