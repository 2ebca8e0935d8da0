"""
`strongroom secret`: secrets of a vault, by the data plane.

A value is never an argument and never printed unless that is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt, forget_output
from strongroom.cli.remote.asking import STANDARD_INPUT, confirm, decoded, read_bytes, read_value
from strongroom.cli.remote.near import naming
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import Session, open_session, segment
from strongroom.cli.remote.vaults import vault_names
from strongroom.cli.text import one_line
from strongroom.core.limits import RESTORE_BODY_BYTES

_VALUE = "value"
_IS_DELETED = "ObjectIsDeletedButRecoverable"


def _name(row: Mapping[str, Any]) -> str:
    return str(row["id"]).split("/")[4]


def _version(row: Mapping[str, Any]) -> str:
    parts = str(row["id"]).split("/")
    return parts[5] if len(parts) > 5 else ""


def _time(name: str) -> Any:
    def read(row: Mapping[str, Any]) -> str:
        seconds = row.get(name, row["attributes"].get(name))
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

    return read


def _lines(row: Mapping[str, Any]) -> Text:
    """Show a value with its lines, and no character of it that steers a terminal."""
    return Text("\n".join(one_line(line) for line in str(row.get(_VALUE, "")).splitlines()))


_LIST: Columns = {
    "name": _name,
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "updated": _time("updated"),
    "expires": _time("exp"),
}
_VERSIONS: Columns = {
    "version": _version,
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "created": _time("created"),
    "expires": _time("exp"),
}
_DELETED: Columns = {
    "name": _name,
    "deleted": _time("deletedDate"),
    "purged on": _time("scheduledPurgeDate"),
    "recovery": "attributes.recoveryLevel",
}
_ONE: Columns = {
    "name": _name,
    "version": _version,
    "id": "id",
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "created": _time("created"),
    "updated": _time("updated"),
    "not before": _time("nbf"),
    "expires": _time("exp"),
    "recovery": "attributes.recoveryLevel",
    "tags": "tags",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """Which secret: of which vault of which instance, and perhaps which version."""

    at: At
    vault: str
    name: str
    version: str = ""

    @property
    def path(self) -> str:
        """Where it is, without its version."""
        return f"/secrets/{segment(self.name)}"

    @property
    def version_path(self) -> str:
        """Where this version is, or the newest."""
        return f"{self.path}/{segment(self.version)}" if self.version else self.path


@dataclass(frozen=True, slots=True)
class Properties:
    """What can be said of a secret beside its value; what is None is not said."""

    content_type: str | None = None
    tags: Mapping[str, str] | None = None
    enabled: bool | None = None
    not_before: datetime | None = None
    expires: datetime | None = None

    def body(self) -> dict[str, Any]:
        """Give them as a vault calls them."""
        attributes = {"enabled": self.enabled, "nbf": _seconds(self.not_before), "exp": _seconds(self.expires)}
        given = {name: value for name, value in attributes.items() if value is not None}
        said = {"contentType": self.content_type, "tags": self.tags, "attributes": given or None}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of a secret is printed: by default everything but its value."""

    value: bool = False
    value_only: bool = False
    as_json: bool = False


def list_secrets(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's secrets, without their values.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with _asking(at, vault) as session:
        return show(session.vault_pages(vault, "/secrets"), _LIST, as_json=as_json)


def list_deleted(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's deleted secrets.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with _asking(at, vault) as session:
        return show(session.vault_pages(vault, "/deletedsecrets"), _DELETED, as_json=as_json)


def versions(secret: Secret, *, as_json: bool) -> int:
    """
    Print a secret's versions, without their values.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with _about(secret) as session:
        found = list(session.vault_pages(secret.vault, f"{secret.path}/versions"))
        if not found:
            # A vault has no word for it: a name without versions is one that is not there.
            session.vault(secret.vault, "GET", secret.path)
        return show(found, _VERSIONS, as_json=as_json)


def show_secret(secret: Secret, shown: Shown) -> int:
    """
    Print a secret; its value if that is asked for.

    Raises:
        Halt: there is none of that name, the vault refuses, or the value alone would go to a terminal.
    """
    if shown.value_only and sys.stdout.isatty():
        raise Halt(
            "standard output is a terminal, where a value stays to be read: --show-value shows it, a pipe takes it",
            Exit.USAGE,
        )
    with _about(secret) as session:
        bundle = session.vault(secret.vault, "GET", secret.version_path)
    if shown.value_only:
        return _hand_over(str(bundle[_VALUE]))
    if shown.value:
        return show_one(bundle, {**_ONE, _VALUE: _lines}, as_json=shown.as_json)
    return show_one(_without_value(bundle), _ONE, as_json=shown.as_json)


def set_secret(secret: Secret, file: Path | None, properties: Properties, *, as_json: bool) -> int:
    """
    Make a secret, or a new version of one.

    Raises:
        Halt: the value cannot be read, or the vault refuses.
    """
    value = read_value(f"Value of {secret.name}", file)
    with _asking(secret.at, secret.vault) as session:
        try:
            made = session.vault(secret.vault, "PUT", secret.path, {_VALUE: value, **properties.body()})
        except Refused as refused:
            if refused.inner != _IS_DELETED:
                raise
            where = f"{secret.vault} {secret.name}"
            raise Halt(
                f"{secret.name} is deleted, and its name is not free: strongroom secret recover {where} brings it back,"
                f" strongroom secret purge {where} removes it for good"
            ) from None
        return show_one(_without_value(made), _ONE, as_json=as_json)


def update_secret(secret: Secret, properties: Properties, *, as_json: bool) -> int:
    """
    Change what is said of a version beside its value.

    Raises:
        Halt: nothing is said, there is no such secret, or the vault refuses.
    """
    body = properties.body()
    if not body:
        raise Halt("say what is to be changed: strongroom secret update --help lists it", Exit.USAGE)
    with _about(secret) as session:
        changed = session.vault(secret.vault, "PATCH", secret.version_path, body)
        return show_one(_without_value(changed), _ONE, as_json=as_json)


def delete_secret(secret: Secret, *, yes: bool, as_json: bool) -> int:
    """
    Delete a secret with all its versions; it can be recovered for as long as it is retained.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Delete the secret {secret.name} of {secret.vault}, with all its versions?", yes=yes)
    with _about(secret) as session:
        deleted = session.vault(secret.vault, "DELETE", secret.path)
    sentence = f"{secret.name} is deleted; strongroom secret recover {secret.vault} {secret.name} brings it back"
    return done(sentence, as_json=as_json, **_without_value(deleted))


def recover_secret(secret: Secret, *, as_json: bool) -> int:
    """
    Bring a deleted secret back.

    Raises:
        Halt: there is no deleted secret of that name, or the vault refuses.
    """
    with _about(secret, deleted=True) as session:
        found = session.vault(secret.vault, "POST", f"/deletedsecrets/{segment(secret.name)}/recover")
        return show_one(_without_value(found), _ONE, as_json=as_json)


def purge_secret(secret: Secret, *, yes: bool, as_json: bool) -> int:
    """
    Remove a deleted secret for good.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Purge the secret {secret.name} of {secret.vault}? Nothing brings it back.", yes=yes)
    with _about(secret, deleted=True) as session:
        session.vault(secret.vault, "DELETE", f"/deletedsecrets/{segment(secret.name)}")
    return done(f"{secret.name} is purged", as_json=as_json, vault=secret.vault, name=secret.name, purged=True)


def backup_secret(secret: Secret, file: Path, *, as_json: bool) -> int:
    """
    Write a secret, with all its versions and encrypted, into a file that only its owner can read.

    Raises:
        Halt: there is none of that name, the vault refuses, or the file cannot be written.
    """
    with _about(secret) as session:
        blob = str(session.vault(secret.vault, "POST", f"{secret.path}/backup")[_VALUE])
    if file == STANDARD_INPUT:
        return _hand_over(blob)
    from strongroom.crypto.private_files import create_private_file  # noqa: PLC0415  for this command alone

    try:
        create_private_file(file, blob.encode())
    except FileExistsError:
        raise Halt(f"{file} is there already: nothing is overwritten") from None
    except OSError as error:
        raise Halt(f"{file} cannot be written: {error.strerror}") from None
    sentence = f"{secret.name} is in {file}; only vaults of this instance can read it"
    return done(sentence, as_json=as_json, vault=secret.vault, name=secret.name, file=str(file))


def restore_secret(at: At, vault: str, file: Path, *, as_json: bool) -> int:
    """
    Bring a secret back out of a backup.

    Raises:
        Halt: the file cannot be read, there is a secret of that name, or the vault refuses.
    """
    # A backup has all versions of a secret.
    blob = decoded(read_bytes(file, most=RESTORE_BODY_BYTES), file).strip()
    with _asking(at, vault) as session:
        restored = session.vault(vault, "POST", "/secrets/restore", {_VALUE: blob})
        return show_one(_without_value(restored), _ONE, as_json=as_json)


@contextmanager
def _asking(at: At, vault: str) -> Iterator[Session]:
    """Ask a vault; if there is none of its name, say which there are."""
    with (
        open_session(at.data, subscription=at.subscription) as session,
        naming("vault", vault, lambda: vault_names(session)),
    ):
        yield session


@contextmanager
def _about(secret: Secret, *, deleted: bool = False) -> Iterator[Session]:
    """Ask a vault about a secret; if there is none of its name, say which there are."""
    what, path = ("deleted secret", "/deletedsecrets") if deleted else ("secret", "/secrets")
    with (
        _asking(secret.at, secret.vault) as session,
        naming(what, secret.name, lambda: map(_name, session.vault_pages(secret.vault, path))),
    ):
        yield session


def _without_value(bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bundle.items() if name != _VALUE}


def _hand_over(value: str) -> int:
    """Write a value, and nothing more, to standard output."""
    try:
        sys.stdout.buffer.write(value.encode())
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
