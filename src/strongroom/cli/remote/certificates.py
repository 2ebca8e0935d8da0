"""
`strongroom certificate`: the life of a vault's certificates, by the data plane.

A private key goes in from a file, never as an argument. It comes out by `download --with-key` alone, into a file that
only its owner can read, and only for whoever may read the certificate's secret.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import STANDARD_INPUT, confirm, decoded, read_bytes, read_secret_line
from strongroom.cli.remote.certificate_making import CERTIFICATE, OPERATION, ask, pem_of, read_policy
from strongroom.cli.remote.objects import (
    DELETED,
    IS_DELETED,
    VALUE,
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
from strongroom.cli.remote.output import Columns, done, say, show, show_one
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import Session

_LIST: Columns = {
    "name": name_of,
    "enabled": "attributes.enabled",
    "expires": time_of("exp"),
    "tags": "tags",
}
_VERSIONS: Columns = {
    "version": version_of,
    "enabled": "attributes.enabled",
    "created": time_of("created"),
    "expires": time_of("exp"),
}
_IN_PROGRESS = "inProgress"
_LOOK_S = 0.2
_LONGEST_LOOK_S = 5.0
_KINDS = {"pkcs12": "application/x-pkcs12", "pem": "application/x-pem-file"}


def a_certificate(at: At, vault: str, name: str, version: str = "") -> VaultObject:
    """Name a certificate of a vault, and perhaps a version of it."""
    return VaultObject(at, vault, "certificate", name, version)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate is to be; what is None is for the policy file, or the service, to say."""

    policy: Path | None = None
    subject: str | None = None
    dns_names: Sequence[str] = ()
    issuer: str | None = None
    type: str | None = None
    size: int | None = None
    curve: str | None = None
    months: int | None = None
    content: str | None = None
    exportable: bool | None = None
    reuse_key: bool | None = None

    def body(self) -> dict[str, Any] | None:
        """
        Give the policy as a vault calls it; None if nothing is said of it.

        Raises:
            Halt: the policy's file is none, or the content is of no kind.
        """
        policy: dict[str, Any] = read_policy(self.policy) if self.policy is not None else {}
        if self.content is not None and self.content not in _KINDS:
            raise Halt("--content is pkcs12 or pem", Exit.USAGE)
        if isinstance(policy.get("key_props"), dict):
            policy["key_props"] = self._as_far_as_it_stays(policy["key_props"])
        names = _inside(_inside(policy, "x509_props"), "sans")
        for part, members in (
            ("key_props", {"kty": self.type, "key_size": self.size, "crv": self.curve,
                           "exportable": self.exportable, "reuse_key": self.reuse_key}),
            ("secret_props", {"contentType": _KINDS[self.content] if self.content is not None else None}),
            ("x509_props", {"subject": self.subject, "validity_months": self.months,
                            "sans": {**names, "dns_names": list(self.dns_names)} if self.dns_names else None}),
            ("issuer", {"name": self.issuer}),
        ):  # fmt: skip
            said = {name: value for name, value in members.items() if value is not None}
            if said:
                policy[part] = {**(policy.get(part) or {}), **said}
        return policy or None

    def _as_far_as_it_stays(self, key: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out of the file's key the size and the curve that another kind of key, or another curve, has not."""
        is_another = self.type is not None and _kind_of(self.type) != _kind_of(str(key.get("kty") or "RSA"))
        gone = {"key_size", "crv"} if is_another else {"key_size"} if self.curve is not None else set()
        return {name: value for name, value in key.items() if name not in gone}


def _inside(document: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    """Give a part of a policy; what a file has instead is for the service to refuse."""
    found = document.get(member)
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Said:
    """What can be said of a version; what is None is not said."""

    enabled: bool | None = None
    tags: Mapping[str, str] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Give it as a vault calls it."""
        attributes = {"enabled": self.enabled} if self.enabled is not None else None
        said = {"attributes": attributes, "tags": self.tags, **self.more}
        return {name: value for name, value in said.items() if value is not None}


# ---- certificates ---------------------------------------------------------------------------------------------------


def _kind_of(key_type: str) -> str:
    return key_type.upper().removesuffix("-HSM")


def list_certificates(at: At, vault: str, *, pending: bool, as_json: bool) -> int:
    """
    Print a vault's certificates, and those that are not issued yet if that is asked for.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    query = {"includePending": "true"} if pending else {}
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/certificates", query=query), _LIST, as_json=as_json)


def list_deleted(at: At, vault: str, *, as_json: bool) -> int:
    """
    Print a vault's deleted certificates.

    Raises:
        Halt: the vault cannot be asked, or refuses.
    """
    with asking(at, vault) as session:
        return show(session.vault_pages(vault, "/deletedcertificates"), DELETED, as_json=as_json)


def versions(one: VaultObject, *, as_json: bool) -> int:
    """
    Print a certificate's versions.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(one) as session:
        return show(versions_of(session, one), _VERSIONS, as_json=as_json)


def show_certificate(one: VaultObject, *, as_json: bool) -> int:
    """
    Print a certificate and what is said of it.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(one) as session:
        return show_one(ask(session, one.vault, "GET", one.version_path), CERTIFICATE, as_json=as_json)


def create_certificate(one: VaultObject, wanted: Wanted, said: Said, *, wait_s: float, as_json: bool) -> int:
    """
    Have the vault make a certificate, or its next version, and wait until it is issued.

    Raises:
        Halt: the vault refuses, or it is not issued.
    """
    policy = wanted.body()
    body = {**said.body(), **({"policy": policy} if policy is not None else {})}
    with asking(one.at, one.vault) as session:
        operation = _begin(session, one, body)
        if operation["issuer"].get("name") == "Unknown":
            say(
                f"it waits to be signed elsewhere: strongroom certificate csr {one.vault} {one.name} writes the"
                f" request, strongroom certificate merge {one.vault} {one.name} brings the certificate in"
            )
            return show_one(operation, OPERATION, as_json=as_json)
        return _issued(session, one, operation, wait_s, as_json=as_json)


def _begin(session: Session, one: VaultObject, body: Mapping[str, Any]) -> Any:
    try:
        return ask(session, one.vault, "POST", f"{one.path}/create", body)
    except Refused as refused:
        if refused.inner != IS_DELETED:
            raise
        raise name_is_deleted(one) from None


def _issued(session: Session, one: VaultObject, operation: Any, wait_s: float, *, as_json: bool) -> int:
    """Look until an operation is over, and show what came of it."""
    deadline, pause = time.monotonic() + wait_s, _LOOK_S
    while operation["status"] == _IN_PROGRESS:
        if time.monotonic() >= deadline:
            say(f"it is not issued yet: strongroom certificate pending show {one.vault} {one.name}")
            return show_one(operation, OPERATION, as_json=as_json)
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.5, _LONGEST_LOOK_S)
        operation = session.vault(one.vault, "GET", f"{one.path}/pending")
    if operation["status"] != "completed":
        error = operation.get("error") or {}
        raise Halt(f"{one.name} is not issued: {error.get('message') or operation['status']}")
    return show_one(ask(session, one.vault, "GET", one.path), CERTIFICATE, as_json=as_json)


def import_certificate(
    one: VaultObject, file: Path, password_file: Path | None, policy: Path | None, said: Said, *, as_json: bool
) -> int:
    """
    Bring a certificate with its private key in from a file: PKCS#12, or PEM.

    Raises:
        Halt: it cannot be read, or the vault refuses.
    """
    content = read_bytes(file)
    is_pem = b"-----BEGIN" in content
    value = decoded(content, file) if is_pem else base64.b64encode(content).decode("ascii")
    body: dict[str, Any] = {**said.body(), "value": value}
    if policy is not None:
        body["policy"] = read_policy(policy)
    elif is_pem:
        body["policy"] = {"secret_props": {"contentType": _KINDS["pem"]}}
    if password_file is not None:
        body["pwd"] = read_secret_line("Password of the file", password_file)
    with asking(one.at, one.vault) as session:
        try:
            made = ask(session, one.vault, "POST", f"{one.path}/import", body)
        except Refused as refused:
            if refused.inner != IS_DELETED:
                raise
            raise name_is_deleted(one) from None
        return show_one(made, CERTIFICATE, as_json=as_json)


def update_certificate(one: VaultObject, said: Said, *, as_json: bool) -> int:
    """
    Change what is said of a version: whether it is enabled, its tags.

    Raises:
        Halt: nothing is said, there is no such certificate, or the vault refuses.
    """
    body = said.body()
    if not body:
        raise Halt("say what is to be changed: strongroom certificate update --help lists it", Exit.USAGE)
    with about(one) as session:
        path = one.version_path
        if not one.version:
            path = f"{one.path}/{version_of(session.vault(one.vault, 'GET', one.path))}"
        return show_one(ask(session, one.vault, "PATCH", path, body), CERTIFICATE, as_json=as_json)


def download_certificate(one: VaultObject, file: Path | None, *, with_key: bool, as_json: bool) -> int:
    """
    Write a certificate in PEM; with its key, all that its secret hands out, as that has it.

    Raises:
        Halt: there is none of that name, it is not issued, or the file cannot be written.
    """
    with about(one) as session:
        if with_key:
            if file is None:
                raise Halt("--with-key needs --output: - is standard output", Exit.USAGE)
            path = one.version_path.replace("/certificates/", "/secrets/", 1)
            secret = session.vault(one.vault, "GET", path)
            content = _handed_out(str(secret[VALUE]), str(secret.get("contentType")))
        else:
            content = pem_of("CERTIFICATE", session.vault(one.vault, "GET", one.version_path).get("cer"), one)
    if file is None or file == STANDARD_INPUT:
        return hand_over(content)
    keep_privately(file, content)
    return done(f"{one.name} is in {file}", as_json=as_json, vault=one.vault, name=one.name, file=str(file))


def _handed_out(value: str, content_type: str) -> bytes:
    if content_type != _KINDS["pkcs12"]:
        return value.encode()
    return base64.b64decode(value)


# ---- the end --------------------------------------------------------------------------------------------------------


def delete_certificate(one: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Delete a certificate with all its versions, its key and its secret; they can be recovered while they are retained.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Delete the certificate {one.name} of {one.vault}, with its key and its secret?", yes=yes)
    with about(one) as session:
        deleted = session.vault(one.vault, "DELETE", one.path)
    sentence = f"{one.name} is deleted; strongroom certificate recover {one.vault} {one.name} brings it back"
    return done(sentence, as_json=as_json, **deleted)


def recover_certificate(one: VaultObject, *, as_json: bool) -> int:
    """
    Bring a deleted certificate back, with its key and its secret.

    Raises:
        Halt: there is no deleted certificate of that name, or the vault refuses.
    """
    with about(one, deleted=True) as session:
        found = ask(session, one.vault, "POST", f"{one.deleted_path}/recover")
        return show_one(found, CERTIFICATE, as_json=as_json)


def purge_certificate(one: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Remove a deleted certificate for good, with its key and its secret.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Purge the certificate {one.name} of {one.vault}? Nothing brings its key back.", yes=yes)
    with about(one, deleted=True) as session:
        session.vault(one.vault, "DELETE", one.deleted_path)
    return done(f"{one.name} is purged", as_json=as_json, vault=one.vault, name=one.name, purged=True)


def backup_certificate(one: VaultObject, file: Path, *, as_json: bool) -> int:
    """
    Write a certificate, with all its versions and their keys and encrypted, into a file that only its owner can read.

    Raises:
        Halt: there is none of that name, the vault refuses, or the file cannot be written.
    """
    with about(one) as session:
        blob = str(session.vault(one.vault, "POST", f"{one.path}/backup")[VALUE])
    if file == STANDARD_INPUT:
        return hand_over(blob.encode())
    keep_privately(file, blob.encode())
    sentence = f"{one.name} is in {file}; only vaults of this instance can read it"
    return done(sentence, as_json=as_json, vault=one.vault, name=one.name, file=str(file))


def restore_certificate(at: At, vault: str, file: Path, *, as_json: bool) -> int:
    """
    Bring a certificate back out of a backup.

    Raises:
        Halt: the file cannot be read, there is a certificate of that name, or the vault refuses.
    """
    blob = read_backup(file)
    with asking(at, vault) as session:
        return show_one(
            ask(session, vault, "POST", "/certificates/restore", {VALUE: blob}), CERTIFICATE, as_json=as_json
        )
