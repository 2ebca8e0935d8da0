"""The data directory and what lies in it: whose it is, who else can read it, and what protects the root key."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

_OTHERS = 0o077
_ROOT_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file system says of one path, a link itself and not what it leads to."""

    path: Path
    mode: int
    owner: int
    size: int = 0

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_plain(self) -> bool:
        """Whether it is a plain file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_open(self) -> bool:
        """Whether others than its owner can do something with it."""
        return not self.is_link and bool(self.mode & _OTHERS)


def look_at(path: Path) -> FileFacts | None:
    """
    Look at a path; None if nothing is there.

    Raises:
        PermissionError: we may not look.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileFacts(path, found.st_mode, found.st_uid, found.st_size)


def look_into(directory: Path) -> list[FileFacts]:
    """
    Look at what lies in a data directory that no one else is to read: its files, and those of the journal.

    Raises:
        OSError: we may not look.
    """
    found = [look_at(path) for path in sorted(directory.iterdir())]
    journal = directory / "audit"
    if journal.is_dir():
        found += [look_at(path) for path in sorted(journal.iterdir())]
    # What was there and is gone is not judged: a running service makes files and takes them away.
    return [facts for facts in found if facts is not None]


def judge_directory(data: Path, facts: FileFacts | None, user: int) -> Finding:
    """Judge the data directory: its owner's alone, and ours."""
    check, named = "data directory", shlex.quote(str(data))
    if facts is None:
        return warning(check, f"{data} does not exist", f"strongroom init --data {named}")
    if facts.is_link:
        return warning(
            check,
            f"{data} is a symbolic link: whoever can change it chooses the data",
            f"name the directory itself: strongroom doctor --data {shlex.quote(os.path.realpath(data))}",
        )
    if not facts.is_directory:
        return problem(check, f"{data} is not a directory", "name another one with --data")
    if facts.owner != user:
        return problem(
            check,
            f"{data} belongs to user {facts.owner}, and user {user} looks",
            f"sudo -u '#{facts.owner}' strongroom doctor --data {named}",
        )
    if facts.is_open:
        return problem(check, f"{data} is open to others (mode {stat.S_IMODE(facts.mode):04o})", f"chmod 700 {named}")
    return ok(check, f"{data} is its owner's alone")


def judge_root_key(
    path: Path, facts: FileFacts | None, user: int, *, store_exists: bool, token: str | None = None
) -> Finding:
    """
    Judge how the root key is protected. A file beside the data is development protection: SEC-BOOT.

    *token* is the one that has wrapped it.
    """
    check, named = "root key", shlex.quote(str(path))
    if facts is None:
        if store_exists:
            return problem(
                check,
                "there is a store and no root key, without which nothing in it opens",
                f"restore {named} from its backup",
            )
        return unknown(check, "there is none yet: the first start makes it")
    if facts.is_link or not facts.is_plain:
        kind = "a symbolic link" if facts.is_link else "no plain file"
        return problem(check, f"{path} is {kind}, which the service refuses", f"put the file itself at {named}")
    if facts.owner != user:
        return problem(check, f"{path} belongs to user {facts.owner}, not to user {user}", f"sudo chown {user} {named}")
    if facts.is_open:
        return problem(check, f"{path} is open to others (mode {stat.S_IMODE(facts.mode):04o})", f"chmod 600 {named}")
    if token is not None:
        return ok(check, f"wrapped by a key in the token {token}, without which it opens nothing")
    if facts.size != _ROOT_KEY_BYTES:
        return problem(
            check, f"{path} has {facts.size} bytes where a root key has {_ROOT_KEY_BYTES}", f"restore {named}"
        )
    return warning(
        check,
        "a file beside the data, which is development protection: whoever copies the directory has the secrets",
        "keep the directory on an encrypted file system, and backups of root.key and of the store apart",
    )


def judge_contents(found: Sequence[FileFacts], user: int) -> Finding:
    """Judge the other files: all are their owner's alone."""
    check = "files"
    others = [facts for facts in found if facts.owner != user]
    if others:
        names = " ".join(shlex.quote(str(facts.path)) for facts in others)
        return problem(check, f"{_names(others)}: another user's", f"sudo chown {user} {names}")
    open_ones = [facts for facts in found if facts.is_open]
    if open_ones:
        paths = " ".join(shlex.quote(str(facts.path)) for facts in open_ones)
        return problem(check, f"{_names(open_ones)}: open to others", f"chmod go= {paths}")
    return ok(check, f"all {len(found)} are their owner's alone")


def judge_first_secrets(path: Path, facts: FileFacts | None) -> Finding:
    """Judge whether the first secrets still lie where the first start put them."""
    check = "first secrets"
    if facts is None:
        return ok(check, "none lie in a file")
    return warning(
        check, f"{path} still has them in the clear", f"read it, keep them elsewhere, then: rm {shlex.quote(str(path))}"
    )


def _names(found: Sequence[FileFacts]) -> str:
    return ", ".join(facts.path.name for facts in found)
