"""
Who signed in where: `accounts.json` in this user's configuration folder, and beside it the tokens of each.

Files are their owner's alone and replaced as a whole; whoever reads to write holds the lock, so that two commands at
once never lose a refresh token to each other. No secret of an application is kept: where it is read from may be.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Halt
from strongroom.cli.remote.endpoints import Endpoints, endpoints_at, local_endpoints

CONFIG_VARIABLE = "STRONGROOM_CONFIG"
_FILE = "accounts.json"
_LOCK = ".lock"
_OTHERS_WRITE = 0o022

SERVICE_PRINCIPAL = "service-principal"
USER = "user"
MANAGED_IDENTITY = "managed-identity"


@dataclass(frozen=True, slots=True)
class Account:
    """One sign-in: at which instance, as whom, by what."""

    name: str
    """What `strongroom account set` calls it."""
    kind: str
    tenant: str
    client_id: str
    user: str = ""
    """The user principal name, if it is a user."""
    data: str = ""
    """The data directory, for an instance of this machine; otherwise `url` says where."""
    url: str = ""
    ca_file: str = ""
    secret_file: str = ""
    certificate: str = ""
    """Files that the application proves itself by; neither means that its secret was typed and not kept."""
    subscription: str = ""

    def endpoints(self) -> Endpoints:
        """
        Find the instance.

        Raises:
            Halt: it does not run, or is not where it was.
        """
        if self.data:
            return local_endpoints(find_instance(Path(self.data)))
        return endpoints_at(self.url, Path(self.ca_file) if self.ca_file else None)


@dataclass(frozen=True, slots=True)
class Accounts:
    """All of them, and which one commands use."""

    current: str = ""
    accounts: tuple[Account, ...] = ()

    def find(self, name: str) -> Account | None:
        """Find one by its name."""
        return next((one for one in self.accounts if one.name == name), None)

    def with_account(self, account: Account) -> Accounts:
        """Add one, in the place of one of its name, and make it the one that is used."""
        others = tuple(one for one in self.accounts if one.name != account.name)
        return Accounts(account.name, (*others, account))

    def without(self, name: str) -> Accounts:
        """Take one away; the one that was added last is used from then on, if it was this."""
        left = tuple(one for one in self.accounts if one.name != name)
        current = self.current if self.current != name else (left[-1].name if left else "")
        return Accounts(current, left)

    def at(self, data: Path, tenant: str | None) -> Account | None:
        """Find the one for an instance of this machine: the one that is used, or the one that was added last."""
        fitting = [
            one for one in self.accounts if one.data == str(data) and (tenant is None or one.tenant == tenant.lower())
        ]
        return next((one for one in fitting if one.name == self.current), fitting[-1] if fitting else None)


def config_folder() -> Path:
    """
    Give this user's configuration folder, and make it, for its owner alone.

    Raises:
        Halt: it cannot be made.
    """
    folder = _named_folder()
    with _using(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def _using(path: Path) -> Iterator[None]:
    """Turn what keeps a file from being used into `Halt`."""
    try:
        yield
    except OSError as error:
        raise Halt(
            f"{path} cannot be used ({error.strerror}): what is remembered of a sign-in is there, and {CONFIG_VARIABLE}"
            " names another folder"
        ) from None


def _named_folder() -> Path:
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "strongroom-cli"
    base = os.environ.get("XDG_CONFIG_HOME")
    # The base directory specification: a relative path is to be ignored.
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".config") / "strongroom"


@contextmanager
def locked() -> Iterator[None]:
    """Keep every other command of this user from reading what it will write."""
    lock = config_folder() / _LOCK
    with _using(lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_accounts() -> Accounts:
    """
    Read all accounts.

    Raises:
        Halt: the file is not as this version writes it, or others may write it.
    """
    path = _named_folder() / _FILE
    try:
        with _using(path):
            text = _read_own(path)
        told = json.loads(text or '{"current": "", "accounts": []}')
        return Accounts(str(told["current"]), tuple(Account(**one) for one in told["accounts"]))
    except (ValueError, TypeError, KeyError) as error:
        raise Halt(f"{path} is not as this version writes it ({error!r}): remove it and sign in again") from None


def _read_own(path: Path) -> str:
    """Read a file that nobody else can have written; nothing if there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            facts = os.fstat(file.fileno())
            if facts.st_uid not in {os.geteuid(), 0} or facts.st_mode & _OTHERS_WRITE:
                raise Halt(
                    f"{path} can be written by others, who could choose where your secrets are sent: remove it and sign"
                    " in again"
                )
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write_accounts(accounts: Accounts) -> None:
    """Write all accounts. The caller holds the lock."""
    told: dict[str, Any] = {"current": accounts.current, "accounts": [asdict(one) for one in accounts.accounts]}
    _replace(config_folder() / _FILE, json.dumps(told, indent=2))


def change_account(name: str, **changes: str) -> None:
    """Change what is known of an account."""
    with locked():
        told = read_accounts()
        kept = tuple(replace(one, **changes) if one.name == name else one for one in told.accounts)
        write_accounts(Accounts(told.current, kept))


def token_file(name: str) -> Path:
    """Give the file with an account's tokens."""
    return _named_folder() / "tokens" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def write_tokens(name: str, text: str) -> None:
    """Keep an account's tokens. The caller holds the lock."""
    path = token_file(name)
    with _using(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
    _replace(path, text)


def read_tokens(name: str) -> str:
    """Read an account's tokens; nothing if there are none."""
    path = token_file(name)
    try:
        with _using(path):
            return _read_own(path)
    except UnicodeDecodeError:
        # What is no text is no token either.
        return ""


def _replace(path: Path, text: str) -> None:
    from strongroom.crypto.private_files import replace_private_file  # noqa: PLC0415  most commands only read

    with _using(path):
        replace_private_file(path, text.encode())
