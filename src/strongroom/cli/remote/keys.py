"""
`strongroom key`: the life of a vault's keys, by the data plane.

No private part comes out of a vault. One goes in from a file, is never an argument and is never printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import STANDARD_INPUT, confirm, read_bytes
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

_MEMBERS = ("kty", "crv", "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "k", "key_ops")
"""What is sent of a JSON Web Key in a file."""
_LIST: Columns = {
    "name": name_of,
    "enabled": "attributes.enabled",
    "updated": time_of("updated"),
    "expires": time_of("exp"),
    "tags": "tags",
}
_VERSIONS: Columns = {
    "version": version_of,
    "enabled": "attributes.enabled",
    "created": time_of("created"),
    "expires": time_of("exp"),
}
_ONE: Columns = {
    "name": name_of,
    "version": version_of,
    "id": "key.kid",
    "type": "key.kty",
    "curve": "key.crv",
    "size": lambda row: _bits(row["key"]),
    "operations": "key.key_ops",
    "enabled": "attributes.enabled",
    "created": time_of("created"),
    "updated": time_of("updated"),
    "not before": time_of("nbf"),
    "expires": time_of("exp"),
    "exportable": "attributes.exportable",
    "recovery": "attributes.recoveryLevel",
    "tags": "tags",
}


def a_key(at: At, vault: str, name: str, version: str = "") -> VaultObject:
    """Name a key of a vault, and perhaps a version of it."""
    return VaultObject(at, vault, "key", name, version)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a new key is to be; what is None is for the service to choose."""

    type: str
    size: int | None = None
    curve: str | None = None

    def body(self) -> dict[str, Any]:
        """Give it as a vault calls it."""
        said = {"kty": self.type, "key_size": self.size, "crv": self.curve}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Properties:
    """What can be said of a key beside what it is; what is None is not said."""

    operations: Sequence[str] | None = None
    tags: Mapping[str, str] | None = None
    lifetime: Lifetime = field(default_factory=Lifetime)

    def body(self) -> dict[str, Any]:
        """Give them as a vault calls them."""
        operations = list(self.operations) if self.operations is not None else None
        attributes = self.lifetime.attributes() or None
        said = {"key_ops": operations, "tags": self.tags, "attributes": attributes}
        return {name: value for name, value in said.items() if value is not None}


def list_keys(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's keys.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/keys"), _LIST, as_json=as_json)


def list_deleted(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's deleted keys.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/deletedkeys"), DELETED, as_json=as_json)


def versions(key: VaultObject, *, as_json: bool) -> int:
    """
    Print a key's versions.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(key) as session:
        return show(versions_of(session, key), _VERSIONS, as_json=as_json)


def show_key(key: VaultObject, *, as_json: bool) -> int:
    """
    Print a key: its public part and what is said of it.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(key) as session:
        return show_one(session.vault(key.vault, "GET", key.version_path), _ONE, as_json=as_json)


def create_key(key: VaultObject, shape: Shape, properties: Properties, *, as_json: bool) -> int:
    """
    Have the vault make a key, or a new version of one.

    Raises:
        Halt: the vault refuses.
    """
    return _make(key, "POST", f"{key.path}/create", {**shape.body(), **properties.body()}, as_json=as_json)


def import_key(key: VaultObject, file: Path, properties: Properties, *, in_token: bool, as_json: bool) -> int:
    """
    Bring a private key from a file into the vault: PEM or DER, or a JSON Web Key.

    Raises:
        Halt: there is none in the file, or the vault refuses.
    """
    web_key, said = _read(file), properties.body()
    if "key_ops" in said:
        web_key["key_ops"] = said.pop("key_ops")
    hsm = {"Hsm": True} if in_token else {}
    return _make(key, "PUT", key.path, {"key": web_key, **hsm, **said}, as_json=as_json)


def update_key(key: VaultObject, properties: Properties, *, as_json: bool) -> int:
    """
    Change what is said of a version: whether it is enabled, its dates, its operations, its tags.

    Raises:
        Halt: nothing is said, there is no such key, or the vault refuses.
    """
    body = properties.body()
    if not body:
        raise Halt("say what is to be changed: strongroom key update --help lists it", Exit.USAGE)
    with about(key) as session:
        return show_one(session.vault(key.vault, "PATCH", key.version_path, body), _ONE, as_json=as_json)


def rotate_key(key: VaultObject, *, as_json: bool) -> int:
    """
    Have the vault make a new version of a key, of the same kind.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(key) as session:
        return show_one(session.vault(key.vault, "POST", f"{key.path}/rotate"), _ONE, as_json=as_json)


def delete_key(key: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Delete a key with all its versions; it can be recovered for as long as it is retained.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Delete the key {key.name} of {key.vault}, with all its versions?", yes=yes)
    with about(key) as session:
        deleted = session.vault(key.vault, "DELETE", key.path)
    sentence = f"{key.name} is deleted; strongroom key recover {key.vault} {key.name} brings it back"
    return done(sentence, as_json=as_json, **deleted)


def recover_key(key: VaultObject, *, as_json: bool) -> int:
    """
    Bring a deleted key back.

    Raises:
        Halt: there is no deleted key of that name, or the vault refuses.
    """
    with about(key, deleted=True) as session:
        found = session.vault(key.vault, "POST", f"{key.deleted_path}/recover")
        return show_one(found, _ONE, as_json=as_json)


def purge_key(key: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Remove a deleted key for good.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Purge the key {key.name} of {key.vault}? Nothing brings it back, nor what only it can decrypt.", yes=yes)
    with about(key, deleted=True) as session:
        session.vault(key.vault, "DELETE", key.deleted_path)
    return done(f"{key.name} is purged", as_json=as_json, vault=key.vault, name=key.name, purged=True)


def backup_key(key: VaultObject, file: Path, *, as_json: bool) -> int:
    """
    Write a key, with all its versions and encrypted, into a file that only its owner can read.

    Raises:
        Halt: there is none of that name, the vault refuses, or the file cannot be written.
    """
    with about(key) as session:
        blob = str(session.vault(key.vault, "POST", f"{key.path}/backup")[VALUE])
    if file == STANDARD_INPUT:
        return hand_over(blob.encode())
    keep_privately(file, blob.encode())
    sentence = f"{key.name} is in {file}; only vaults of this instance can read it"
    return done(sentence, as_json=as_json, vault=key.vault, name=key.name, file=str(file))


def restore_key(at: At, vault: str, file: Path, *, as_json: bool) -> int:
    """
    Bring a key back out of a backup.

    Raises:
        Halt: the file cannot be read, there is a key of that name, or the vault refuses.
    """
    blob = read_backup(file)
    with asking(at, vault) as session:
        return show_one(session.vault(vault, "POST", "/keys/restore", {VALUE: blob}), _ONE, as_json=as_json)


def download_key(key: VaultObject, file: Path | None, *, as_json: bool) -> int:
    """
    Write a key's public part, in PEM or as a JSON Web Key.

    Raises:
        Halt: there is none of that name, it has no public part, or the file cannot be written.
    """
    from strongroom.cli.remote import key_use  # noqa: PLC0415  it has a cryptographic library with it
    from strongroom.crypto.keys.pem import BadKeyFile, public_pem  # noqa: PLC0415  likewise

    with about(key) as session:
        web_key = session.vault(key.vault, "GET", key.version_path)["key"]
    if as_json:
        return key_use.write(f"{json.dumps(web_key, indent=2)}\n".encode(), file)
    try:
        return key_use.write(public_pem(web_key), file)
    except BadKeyFile as fault:
        raise Halt(f"{key.name} cannot be downloaded: {fault}") from None


def _make(key: VaultObject, method: str, path: str, body: Mapping[str, Any], *, as_json: bool) -> int:
    with asking(key.at, key.vault) as session:
        try:
            made = session.vault(key.vault, method, path, body)
        except Refused as refused:
            if refused.inner != IS_DELETED:
                raise
            raise name_is_deleted(key) from None
        return show_one(made, _ONE, as_json=as_json)


def _read(file: Path) -> dict[str, Any]:
    """
    Read a private key out of a file.

    Raises:
        Halt: there is none in it that a vault can have; the message repeats nothing of it.
    """
    from strongroom.crypto.keys.pem import BadKeyFile, private_web_key  # noqa: PLC0415  a cryptographic library

    content = read_bytes(file)
    name = "standard input" if file == STANDARD_INPUT else str(file)
    if not content.lstrip().startswith(b"{"):
        try:
            return dict(private_web_key(content))
        except BadKeyFile as fault:
            raise Halt(f"{name} cannot be brought in: {fault}") from None
    try:
        members = json.loads(content)
    except ValueError:
        raise Halt(f"{name} is no JSON, and so no JSON Web Key") from None
    return {member: members[member] for member in _MEMBERS if member in members}


def _bits(web_key: Mapping[str, Any]) -> str:
    """Say how long an RSA key is, which its modulus tells."""
    modulus = str(web_key.get("n", ""))
    return f"{len(modulus) * 6 // 8 * 8}" if modulus else ""
