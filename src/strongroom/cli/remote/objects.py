"""What commands about the secrets, the keys and the certificates of a vault have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt, forget_output
from strongroom.cli.remote.asking import decoded, read_bytes
from strongroom.cli.remote.near import naming
from strongroom.cli.remote.output import Columns
from strongroom.cli.remote.session import Session, open_session, segment
from strongroom.cli.remote.vaults import vault_names
from strongroom.core.limits import RESTORE_BODY_BYTES

VALUE = "value"
IS_DELETED = "ObjectIsDeletedButRecoverable"


def id_of(row: Mapping[str, Any]) -> str:
    """Give the identifier of an object or a version of one, in a list or alone."""
    return str(row.get("id") or row.get("kid") or row["key"]["kid"])


def name_of(row: Mapping[str, Any]) -> str:
    """Give an object's name, from its identifier."""
    return id_of(row).split("/")[4]


def version_of(row: Mapping[str, Any]) -> str:
    """Give a version, from its identifier."""
    parts = id_of(row).split("/")
    return parts[5] if len(parts) > 5 else ""


def time_of(name: str) -> Callable[[Mapping[str, Any]], str]:
    """Make the column of a moment."""

    def read(row: Mapping[str, Any]) -> str:
        seconds = row.get(name, row["attributes"].get(name))
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

    return read


DELETED: Columns = {
    "name": name_of,
    "deleted": time_of("deletedDate"),
    "purged on": time_of("scheduledPurgeDate"),
    "recovery": "attributes.recoveryLevel",
}
"""How deleted objects are listed."""


@dataclass(frozen=True, slots=True)
class VaultObject:
    """Which secret, key or certificate: of which vault of which instance, and perhaps which version."""

    at: At
    vault: str
    noun: str
    """`secret`, `key` or `certificate`."""
    name: str
    version: str = ""

    @property
    def path(self) -> str:
        """Where it is, without its version."""
        return f"/{self.noun}s/{segment(self.name)}"

    @property
    def version_path(self) -> str:
        """Where this version is, or the newest."""
        return f"{self.path}/{segment(self.version)}" if self.version else self.path

    @property
    def deleted_path(self) -> str:
        """Where it is once it is deleted."""
        return f"/deleted{self.noun}s/{segment(self.name)}"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Whether a version is enabled, and from when to when it is good; what is None is not said."""

    enabled: bool | None = None
    not_before: datetime | None = None
    expires: datetime | None = None

    def attributes(self) -> dict[str, Any]:
        """Give them as a vault calls them."""
        said = {"enabled": self.enabled, "nbf": _seconds(self.not_before), "exp": _seconds(self.expires)}
        return {name: value for name, value in said.items() if value is not None}


@contextmanager
def asking(at: At, vault: str) -> Iterator[Session]:
    """Ask a vault; if there is none of its name, say which there are."""
    with (
        open_session(at.data, subscription=at.subscription) as session,
        naming("vault", vault, lambda: vault_names(session)),
    ):
        yield session


@contextmanager
def about(one: VaultObject, *, deleted: bool = False) -> Iterator[Session]:
    """Ask a vault about an object; if there is none of its name, say which there are."""
    what, path = (f"deleted {one.noun}", f"/deleted{one.noun}s") if deleted else (one.noun, f"/{one.noun}s")
    with (
        asking(one.at, one.vault) as session,
        naming(what, one.name, lambda: map(name_of, session.vault_pages(one.vault, path))),
    ):
        yield session


def versions_of(session: Session, one: VaultObject) -> list[dict[str, Any]]:
    """
    List the versions of an object, the oldest first; those of one second in the order of their ids, as a vault has all.

    Raises:
        Refused: there is none of that name. A vault has no word for it, and answers with an empty list.
    """
    found = list(session.vault_pages(one.vault, f"{one.path}/versions"))
    if not found:
        session.vault(one.vault, "GET", one.path)
    return sorted(found, key=lambda version: int(version["attributes"]["created"]))


def name_is_deleted(one: VaultObject) -> Halt:
    """Say that a name is that of something deleted, and what can be done about it."""
    where = f"{one.vault} {one.name}"
    return Halt(
        f"{one.name} is deleted, and its name is not free: strongroom {one.noun} recover {where} brings it back,"
        f" strongroom {one.noun} purge {where} removes it for good"
    )


def keep_privately(file: Path, content: bytes) -> None:
    """
    Write a new file that only its owner can read.

    Raises:
        Halt: the file is there already, or cannot be written.
    """
    from strongroom.crypto.private_files import create_private_file  # noqa: PLC0415  for this command alone

    try:
        create_private_file(file, content)
    except FileExistsError:
        raise Halt(f"{file} is there already: nothing is overwritten") from None
    except OSError as error:
        raise Halt(f"{file} cannot be written: {error.strerror}") from None


def read_backup(file: Path) -> str:
    """
    Read a backup, which has all versions of what it is of.

    Raises:
        Halt: the file cannot be read.
    """
    return decoded(read_bytes(file, most=RESTORE_BODY_BYTES), file).strip()


def hand_over(content: bytes) -> int:
    """
    Write this, and nothing more, to standard output.

    Raises:
        Halt: nobody takes it.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except OSError as error:
        forget_output()
        raise Halt(f"standard output takes nothing ({error.strerror})") from None
    return Exit.OK


def _seconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    # A moment without a zone is one of UTC, as everything that is printed here.
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())
