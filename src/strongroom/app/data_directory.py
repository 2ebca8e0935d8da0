"""The data directory: whose it is, who holds it, and whether there is an instance in it."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from strongroom.config import Settings


class NotInitialised(Exception):
    """There is no instance in the data directory."""


class InstanceFault(Exception):
    """The instance cannot be opened; the sentence says why and what to do."""


def prepare_directory(data: Path) -> None:
    """
    Make the data directory, or check the one that is there: it is its owner's alone.

    Raises:
        InstanceFault: somebody else can read it, or it is not ours.
    """
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
        return
    state = data.stat()
    if not data.is_dir():
        raise InstanceFault(f"{data} is not a directory.")
    if state.st_uid != os.getuid():
        raise InstanceFault(f"{data} belongs to another user.")
    if state.st_mode & 0o077:
        raise InstanceFault(f"{data} can be read by others. Run: chmod 700 {shlex.quote(str(data))}")


def remove_directory(data: Path) -> None:
    """
    Remove a data directory. Where its name is a link or another file system's, that stays, with nothing in it.

    Somebody else may be removing it at the same moment, as a script does that has just told the service to end.
    """
    with suppress(FileNotFoundError):
        for path in list(data.iterdir()):
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
            while path.is_dir() and not path.is_symlink():
                with suppress(FileNotFoundError):
                    shutil.rmtree(path)
    with suppress(OSError):
        data.rmdir()


def is_initialised(settings: Settings) -> bool:
    """
    Tell whether a first start was finished here, finishing one that ended between its last two steps.

    Raises:
        InstanceFault: the directory holds a part of an instance. Nothing is made anew over it: what is missing may come
            back from a backup, and what is left may be all there is.
    """
    key, database = settings.root_key.exists(), settings.database.exists()
    unfinished_store = unfinished(settings.database)
    if key and not database and unfinished_store.exists():
        unfinished_store.rename(settings.database)
        database = True
    if key and not database:
        raise InstanceFault(
            f"{settings.data} has a root key and no store. Restore {settings.database.name} from a backup, or use"
            " another directory."
        )
    if database and not key:
        raise InstanceFault(
            f"{settings.data} has a store and no root key. Nothing in it opens without its key: restore"
            f" {settings.root_key.name} from a backup."
        )
    return key


def unfinished(path: Path) -> Path:
    """Name what becomes *path* when it is finished."""
    return path.with_name(f"{path.name}.new")


def require_initialised(settings: Settings) -> None:
    """
    Refuse a directory without an instance.

    Raises:
        NotInitialised: no first start was made here.
    """
    if not is_initialised(settings):
        raise NotInitialised(f"There is no instance in {settings.data}. Make one with: strongroom init")


@asynccontextmanager
async def lock_directory(data: Path) -> AsyncIterator[None]:
    """
    Hold the data directory: one process has an instance at a time.

    Raises:
        InstanceFault: another process holds it.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstanceFault(f"The service is already running on {data}.") from None
        yield
    finally:
        os.close(descriptor)
