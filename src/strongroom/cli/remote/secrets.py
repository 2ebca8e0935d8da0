"""
`strongroom secret`: secrets of a vault, by the data plane.

A value is never an argument and never printed unless that is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import STANDARD_INPUT, confirm, read_value
from strongroom.cli.remote.objects import (
    DELETED,
    IS_DELETED,
    VALUE,
    Lifetime,
    VaultObject,
    about,
    asking,
    hand_over,
    keep_privately,
    name_is_deleted,
    name_of,
    read_backup,
    time_of,
    version_of,
    versions_of,
)
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.text import one_line


def _lines(row: Mapping[str, Any]) -> Text:
    """Show a value with its lines, and no character of it that steers a terminal."""
    return Text("\n".join(one_line(line) for line in str(row.get(VALUE, "")).splitlines()))


_LIST: Columns = {
    "name": name_of,
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "updated": time_of("updated"),
    "expires": time_of("exp"),
}
_VERSIONS: Columns = {
    "version": version_of,
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "created": time_of("created"),
    "expires": time_of("exp"),
}
_ONE: Columns = {
    "name": name_of,
    "version": version_of,
    "id": "id",
    "enabled": "attributes.enabled",
    "content type": "contentType",
    "created": time_of("created"),
    "updated": time_of("updated"),
    "not before": time_of("nbf"),
    "expires": time_of("exp"),
    "recovery": "attributes.recoveryLevel",
    "tags": "tags",
}


def a_secret(at: At, vault: str, name: str, version: str = "") -> VaultObject:
    """Name a secret of a vault, and perhaps a version of it."""
    return VaultObject(at, vault, "secret", name, version)


@dataclass(frozen=True, slots=True)
class Properties:
    """What can be said of a secret beside its value; what is None is not said."""

    content_type: str | None = None
    tags: Mapping[str, str] | None = None
    lifetime: Lifetime = field(default_factory=Lifetime)

    def body(self) -> dict[str, Any]:
        """Give them as a vault calls them."""
        attributes = self.lifetime.attributes() or None
        said = {"contentType": self.content_type, "tags": self.tags, "attributes": attributes}
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
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/secrets"), _LIST, as_json=as_json)


def list_deleted(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's deleted secrets.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/deletedsecrets"), DELETED, as_json=as_json)


def versions(secret: VaultObject, *, as_json: bool) -> int:
    """
    Print a secret's versions, without their values.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(secret) as session:
        return show(versions_of(session, secret), _VERSIONS, as_json=as_json)


def show_secret(secret: VaultObject, shown: Shown) -> int:
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
    with about(secret) as session:
        bundle = session.vault(secret.vault, "GET", secret.version_path)
    if shown.value_only:
        return hand_over(str(bundle[VALUE]).encode())
    if shown.value:
        return show_one(bundle, {**_ONE, VALUE: _lines}, as_json=shown.as_json)
    return show_one(_without_value(bundle), _ONE, as_json=shown.as_json)


def set_secret(secret: VaultObject, file: Path | None, properties: Properties, *, as_json: bool) -> int:
    """
    Make a secret, or a new version of one.

    Raises:
        Halt: the value cannot be read, or the vault refuses.
    """
    value = read_value(f"Value of {secret.name}", file)
    with asking(secret.at, secret.vault) as session:
        try:
            made = session.vault(secret.vault, "PUT", secret.path, {VALUE: value, **properties.body()})
        except Refused as refused:
            if refused.inner != IS_DELETED:
                raise
            raise name_is_deleted(secret) from None
        return show_one(_without_value(made), _ONE, as_json=as_json)


def update_secret(secret: VaultObject, properties: Properties, *, as_json: bool) -> int:
    """
    Change what is said of a version beside its value.

    Raises:
        Halt: nothing is said, there is no such secret, or the vault refuses.
    """
    body = properties.body()
    if not body:
        raise Halt("say what is to be changed: strongroom secret update --help lists it", Exit.USAGE)
    with about(secret) as session:
        changed = session.vault(secret.vault, "PATCH", secret.version_path, body)
        return show_one(_without_value(changed), _ONE, as_json=as_json)


def delete_secret(secret: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Delete a secret with all its versions; it can be recovered for as long as it is retained.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Delete the secret {secret.name} of {secret.vault}, with all its versions?", yes=yes)
    with about(secret) as session:
        deleted = session.vault(secret.vault, "DELETE", secret.path)
    sentence = f"{secret.name} is deleted; strongroom secret recover {secret.vault} {secret.name} brings it back"
    return done(sentence, as_json=as_json, **_without_value(deleted))


def recover_secret(secret: VaultObject, *, as_json: bool) -> int:
    """
    Bring a deleted secret back.

    Raises:
        Halt: there is no deleted secret of that name, or the vault refuses.
    """
    with about(secret, deleted=True) as session:
        found = session.vault(secret.vault, "POST", f"{secret.deleted_path}/recover")
        return show_one(_without_value(found), _ONE, as_json=as_json)


def purge_secret(secret: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Remove a deleted secret for good.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Purge the secret {secret.name} of {secret.vault}? Nothing brings it back.", yes=yes)
    with about(secret, deleted=True) as session:
        session.vault(secret.vault, "DELETE", secret.deleted_path)
    return done(f"{secret.name} is purged", as_json=as_json, vault=secret.vault, name=secret.name, purged=True)


def backup_secret(secret: VaultObject, file: Path, *, as_json: bool) -> int:
    """
    Write a secret, with all its versions and encrypted, into a file that only its owner can read.

    Raises:
        Halt: there is none of that name, the vault refuses, or the file cannot be written.
    """
    with about(secret) as session:
        blob = str(session.vault(secret.vault, "POST", f"{secret.path}/backup")[VALUE])
    if file == STANDARD_INPUT:
        return hand_over(blob.encode())
    keep_privately(file, blob.encode())
    sentence = f"{secret.name} is in {file}; only vaults of this instance can read it"
    return done(sentence, as_json=as_json, vault=secret.vault, name=secret.name, file=str(file))


def restore_secret(at: At, vault: str, file: Path, *, as_json: bool) -> int:
    """
    Bring a secret back out of a backup.

    Raises:
        Halt: the file cannot be read, there is a secret of that name, or the vault refuses.
    """
    blob = read_backup(file)
    with asking(at, vault) as session:
        restored = session.vault(vault, "POST", "/secrets/restore", {VALUE: blob})
        return show_one(_without_value(restored), _ONE, as_json=as_json)


def _without_value(bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bundle.items() if name != VALUE}
