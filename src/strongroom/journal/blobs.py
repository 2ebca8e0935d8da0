"""
A folder of blobs, laid out as Azure Monitor lays out a storage account's (reference azure-key-vault.md section 7).

    insights-logs-auditevent/resourceId=/SUBSCRIPTIONS/.../y=2026/m=11/d=27/h=03/m=00/PT1H.json

One record is one line. Nothing is written but below the folder: every step down is taken from the one before it, a link
is never followed, and what a name may not have is encoded. Whatever is made is its owner's alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from strongroom.journal.chain import LINE_BYTES

CONTAINER = "insights-logs-auditevent"
FILE = "PT1H.json"
_NAME_BYTES = 200
_SHARED = stat.S_IWGRP | stat.S_IWOTH


class FolderFault(Exception):
    """The folder cannot be written to; the text says why, for the operator."""


def check_folder(folder: Path) -> None:
    """
    Make sure that a folder is one that copies may be written to.

    Raises:
        FolderFault: it is no folder, a link, somebody else's, or others may write to it.
    """
    os.close(_open_folder(folder))


def append_records(folder: Path, records: Iterable[tuple[str, str, bytes]]) -> None:
    """
    Append records, each given with the ARM id that it is about and its time, and bring them to the disk.

    Raises:
        FolderFault: not all of them were written. What was is written again with the next try.
    """
    lines: defaultdict[tuple[str, ...], list[bytes]] = defaultdict(list)
    for resource, time, record in records:
        lines[_path(resource, time)].append(record)
    try:
        root = _open_folder(folder)
        try:
            # A write that hung and was given up may still come: what it cuts off must not be another's.
            _lock(root)
            for path, written in lines.items():
                _append(root, path, b"\n".join([*written, b""]))
        finally:
            os.close(root)
    except OSError as error:
        raise FolderFault(f"writing failed: {error.strerror}") from error


def write_blob(folder: Path, path: Sequence[str], content: bytes) -> None:
    """
    Write a blob of its own, in the place of one of the same name, and bring it to the disk.

    Raises:
        FolderFault: it was not written, or not whole.
    """
    steps = tuple(map(_safe, path))
    try:
        root = _open_folder(folder)
        try:
            _lock(root)
            _append(root, steps, content, anew=True)
        finally:
            os.close(root)
    except OSError as error:
        raise FolderFault(f"writing failed: {error.strerror}") from error


def _path(resource: str, time: str) -> tuple[str, ...]:
    """Give the steps to the blob of a resource and an hour; *time* is as records have it."""
    parts = tuple(_safe(part) for part in resource.strip("/").split("/"))
    hour = (f"y={time[:4]}", f"m={time[5:7]}", f"d={time[8:10]}", f"h={time[11:13]}", "m=00")
    return (CONTAINER, "resourceId=", *parts, *map(_safe, hour), FILE)


def _safe(name: str) -> str:
    """Make a name that is one step and no other: no slash, no full stop alone, nothing that a file system minds."""
    encoded = quote(name, safe="()=")
    if not encoded.strip("."):
        return encoded.replace(".", "%2E") or "%"
    if len(encoded) > _NAME_BYTES:
        return f"{encoded[:_NAME_BYTES]}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return encoded


def _open_folder(folder: Path) -> int:
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise FolderFault(f"the folder cannot be opened: {error.strerror}") from error
    state = os.fstat(root)
    if state.st_uid != os.geteuid() or state.st_mode & _SHARED:
        os.close(root)
        raise FolderFault("the folder is not its owner's alone to write to: it must be the service's user's, mode 0700")
    return root


def _lock(root: int) -> None:
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderFault("the folder is still being written to") from None


def _append(root: int, path: tuple[str, ...], content: bytes, *, anew: bool = False) -> None:
    """
    Append to one blob, whole or not at all; what an interrupted write left is cut off first.

    With *anew* that is everything.
    """
    folder = os.dup(root)
    try:
        for step in path[:-1]:
            below = _step(folder, step)
            os.close(folder)
            folder = below
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        blob = os.open(path[-1], flags, 0o600, dir_fd=folder)
        try:
            state = os.fstat(blob)
            if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
                raise FolderFault(f"{path[-1]} is not a plain file of one name")
            size = 0 if anew else _whole_bytes(blob, state.st_size)
            if size != state.st_size:
                os.ftruncate(blob, size)
            _write(blob, content, size)
            os.fsync(blob)
        finally:
            os.close(blob)
        os.fsync(folder)
    finally:
        os.close(folder)


def _step(folder: int, name: str) -> int:
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        pass
    else:
        os.fsync(folder)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def _whole_bytes(blob: int, size: int) -> int:
    """Say up to where a blob has whole lines."""
    end = size
    while end > 0:
        begins = max(0, end - LINE_BYTES)
        found = os.pread(blob, end - begins, begins).rfind(b"\n")
        if found >= 0:
            return begins + found + 1
        end = begins
    return 0


def _write(blob: int, content: bytes, size: int) -> None:
    written = 0
    try:
        while written < len(content):
            written += os.write(blob, content[written:])
    except OSError:
        os.ftruncate(blob, size)
        raise
