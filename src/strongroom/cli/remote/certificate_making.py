"""
`strongroom certificate policy`, `pending`, `csr` and `merge`: how a certificate's next version is made.

What is signed elsewhere goes out as a request and comes in as a certificate; no private key is in either.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import STANDARD_INPUT, confirm, decoded, read_bytes
from strongroom.cli.remote.objects import VaultObject, about, hand_over, keep_privately, name_of, time_of, version_of
from strongroom.cli.remote.output import Columns, done, show_one
from strongroom.cli.remote.session import Session
from strongroom.core.api_versions import CERTIFICATE_NAMES_SINCE

OPERATION: Columns = {
    "name": name_of,
    "status": "status",
    "issuer": "issuer.name",
    "cancellation requested": "cancellation_requested",
    "details": "status_details",
    "error": lambda row: (row.get("error") or {}).get("message"),
    "target": "target",
    "request id": "request_id",
}
"""How an operation is shown."""
CERTIFICATE: Columns = {
    "name": name_of,
    "version": version_of,
    "id": "id",
    "key": "kid",
    "secret": "sid",
    "thumbprint": "x5t",
    "subject": "policy.x509_props.subject",
    "names": "policy.x509_props.sans.dns_names",
    "issuer": "policy.issuer.name",
    "content type": "policy.secret_props.contentType",
    "enabled": "attributes.enabled",
    "created": time_of("created"),
    "not before": time_of("nbf"),
    "expires": time_of("exp"),
    "recovery": "attributes.recoveryLevel",
    "tags": "tags",
}
"""How a certificate is shown."""


def ask(session: Session, vault: str, method: str, path: str, body: Any = None) -> Any:
    """
    Ask for a certificate or its policy, with its URIs and its addresses: versions before know none, and leave them out.

    Raises:
        Refused: the vault refuses.
    """
    return session.vault(vault, method, path, body, query={"api-version": CERTIFICATE_NAMES_SINCE})


def show_policy(one: VaultObject) -> int:
    """
    Print a certificate's policy: JSON that `policy set` and `create --policy` read.

    Raises:
        Halt: there is none of that name, or the vault refuses.
    """
    with about(one) as session:
        policy = ask(session, one.vault, "GET", f"{one.path}/policy")
    print(json.dumps(policy, indent=2))
    return Exit.OK


def set_policy(one: VaultObject, file: Path, *, as_json: bool) -> int:
    """
    Change a certificate's policy, for the versions to come.

    Raises:
        Halt: the file is none, there is no such certificate, or the vault refuses.
    """
    policy = read_policy(file)
    with about(one) as session:
        changed = ask(session, one.vault, "PATCH", f"{one.path}/policy", policy)
    return done(f"the policy of {one.name} is changed", as_json=as_json, **changed)


def show_pending(one: VaultObject, *, as_json: bool) -> int:
    """
    Print the operation that makes a certificate's next version, or made its last one.

    Raises:
        Halt: there is none, or the vault refuses.
    """
    with about(one) as session:
        return show_one(session.vault(one.vault, "GET", f"{one.path}/pending"), OPERATION, as_json=as_json)


def cancel_pending(one: VaultObject, *, as_json: bool) -> int:
    """
    Ask for an operation to be cancelled.

    Raises:
        Halt: none is under way, or the vault refuses.
    """
    with about(one) as session:
        found = session.vault(one.vault, "PATCH", f"{one.path}/pending", {"cancellation_requested": True})
        return show_one(found, OPERATION, as_json=as_json)


def delete_pending(one: VaultObject, *, yes: bool, as_json: bool) -> int:
    """
    Forget an operation, and with it the key that it made.

    Raises:
        Halt: it is not confirmed, there is none, or the vault refuses.
    """
    confirm(f"Forget the operation of {one.name} in {one.vault}, and the key that it made?", yes=yes)
    with about(one) as session:
        return show_one(session.vault(one.vault, "DELETE", f"{one.path}/pending"), OPERATION, as_json=as_json)


def write_csr(one: VaultObject, file: Path | None, *, as_json: bool) -> int:
    """
    Write the certificate request of an operation, in PEM.

    Raises:
        Halt: there is none, or the file cannot be written.
    """
    with about(one) as session:
        content = pem_of("CERTIFICATE REQUEST", session.vault(one.vault, "GET", f"{one.path}/pending").get("csr"), one)
    if file is None or file == STANDARD_INPUT:
        return hand_over(content)
    keep_privately(file, content)
    return done(f"the request is in {file}", as_json=as_json, vault=one.vault, name=one.name, file=str(file))


def merge_certificate(one: VaultObject, file: Path, said: Mapping[str, Any], *, as_json: bool) -> int:
    """
    Bring in the certificate that a CA elsewhere issued for an operation's request, with those above it: PEM or DER.

    Raises:
        Halt: there is none in the file, or the vault refuses.
    """
    body = {**said, "x5c": certificates_in(read_bytes(file), file)}
    with about(one) as session:
        return show_one(
            ask(session, one.vault, "POST", f"{one.path}/pending/merge", body), CERTIFICATE, as_json=as_json
        )


def certificates_in(content: bytes, file: Path) -> list[str]:
    """
    Read the certificates of a file, each as base64 of its DER.

    Raises:
        Halt: there is none.
    """
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    if b"-----BEGIN" not in content:
        return [base64.b64encode(content).decode("ascii")]
    found = []
    for piece in content.split(begin)[1:]:
        inside = b"".join(piece.partition(end)[0].split())
        try:
            found.append(base64.b64encode(binascii.a2b_base64(inside, strict_mode=True)).decode("ascii"))
        except ValueError:
            raise Halt(f"{file} has a certificate that is no base64") from None
    if not found:
        raise Halt(f"{file} has no certificate")
    return found


def read_policy(file: Path) -> dict[str, Any]:
    """
    Read a policy: JSON as `policy show` prints it.

    Raises:
        Halt: it cannot be read, or is none.
    """
    try:
        policy = json.loads(decoded(read_bytes(file), file))
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise Halt(f"{file} is no policy: a JSON object, as strongroom certificate policy show prints it")
    return policy


def pem_of(label: str, text: str | None, one: VaultObject) -> bytes:
    """
    Write a certificate or a request in PEM.

    Raises:
        Halt: there is none yet.
    """
    if not text:
        raise Halt(f"{one.name} is not issued yet: strongroom certificate pending show {one.vault} {one.name}")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")
