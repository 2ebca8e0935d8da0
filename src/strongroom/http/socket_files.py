"""
Unix sockets as files: where one may be made, and what may be in its place.

Whoever may write a folder decides what is at every path in it, so a socket that stands for somebody is made only where
nobody but the service's user, or root, can put something else. What lies there and is no socket is never touched.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def require_safe_folder(folder: Path) -> None:
    """
    Demand a folder in which, and on the way to which, nobody else can put something in a socket's place.

    Raises:
        OSError: it is none; the sentence says what to do.
    """
    if folder.resolve() != folder:
        raise OSError(errno.ELOOP, f"{folder} is reached through a symbolic link: name {folder.resolve()} instead")
    for place in (folder, *folder.parents):
        try:
            facts = place.lstat()
        except FileNotFoundError:
            raise OSError(errno.ENOENT, f"there is no folder {place}") from None
        if not stat.S_ISDIR(facts.st_mode):
            raise OSError(errno.ENOTDIR, f"{place} is not a folder")
        if facts.st_uid not in {0, os.geteuid()}:
            raise OSError(errno.EPERM, f"{place} belongs to user {facts.st_uid}, who could put another socket there")
        # On the way, the sticky bit keeps others from renaming what is not theirs, as in /tmp.
        if facts.st_mode & _OTHERS_WRITE and (place == folder or not facts.st_mode & stat.S_ISVTX):
            raise OSError(errno.EPERM, f"{place} can be written by others, who could put another socket there")


def remove_stale(path: Path) -> None:
    """
    Make room for a socket where a service that was killed has left one.

    Raises:
        OSError: something else is there, or somebody listens; it stays as it is.
    """
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(facts.st_mode):
        raise OSError(errno.EEXIST, f"{path} exists and is no socket: it is left as it is")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # One whose queue is full has somebody as well, and must not be waited for.
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, f"somebody listens at {path} already")


def claim(path: Path, owner: int | None) -> tuple[int, int]:
    """
    Let a socket that was just made be its owner's alone, and say which file it is.

    Raises:
        OSError: this user may not give files away.
    """
    # The umask is 077 already; the mode says so on the socket as well.
    path.chmod(0o600)
    if owner is not None and owner != os.geteuid():
        try:
            os.chown(path, owner, -1, follow_symlinks=False)
        except PermissionError:
            raise OSError(
                errno.EPERM, f"only root can give {path} to user {owner}: run the service as that user, or as root"
            ) from None
    return _file(path.lstat())


def remove(path: Path, which: tuple[int, int]) -> None:
    """Remove a socket, if it is still the file that it was."""
    try:
        if _file(path.lstat()) == which:
            path.unlink()
    except FileNotFoundError:
        # The web server removes its own when it stops.
        return


def _file(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino
