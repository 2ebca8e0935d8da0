"""
Transfer blobs: a key from outside, wrapped for a key of the vault (BYOK, reference azure-key-vault.md section 5.3).

    {"schema_version": "1.0.0", "header": {"kid": ID, "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"}, "ciphertext": ...}

Here the form is read. Whether the ciphertext is for that key is for whoever holds the key.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import NoReturn

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyOperation, KeyType, KeyVersionBody
from strongroom.core.names import parse_object_name, parse_version
from strongroom.core.strict_json import parse_object

_METHOD = "CKM_RSA_AES_KEY_WRAP"
_SCHEMAS = ("1.0.0", "1.0")
"""No set: what is looked for in it may be a list."""


@dataclass(frozen=True, slots=True)
class TransferBlob:
    """A transfer blob: which key it says it is for, and the key in it, wrapped."""

    name: str
    version: str
    wrapped: bytes = field(repr=False)


def no_such_transfer(reason: str) -> Invalid:
    """Refuse a blob whose key is not there, is no such key, or does not open it: in one sentence for all of these."""
    return Invalid(
        "The transfer blob is not one for a key exchange key of this vault, or was altered.",
        code="BadParameter",
        reason=f"transfer blob: {reason}",
    )


def parse_transfer_blob(text: str, base: str) -> TransferBlob:
    """
    Read a `key_hsm`: base64url or base64 of a transfer blob for a key of the vault at *base*, as the client asked it.

    Raises:
        Invalid: it is not of the form, too large, or for a key elsewhere.
    """
    # Four characters for three bytes, and its padding.
    if len(text) > limits.TRANSFER_BLOB_BYTES * 4 // 3 + 4:
        _refuse(f"has at most {limits.TRANSFER_BLOB_BYTES} bytes")
    blob = _octets(text)
    if blob is None or len(blob) > limits.TRANSFER_BLOB_BYTES:
        _refuse(f"is base64url of at most {limits.TRANSFER_BLOB_BYTES} bytes")
    try:
        members = parse_object(blob)
    except (TypeError, ValueError):
        _refuse("is a JSON object, with no member twice")
    header, ciphertext = members.get("header"), members.get("ciphertext")
    if members.get("schema_version") not in _SCHEMAS or not isinstance(header, dict):
        _refuse('has the schema_version "1.0.0" and a header')
    if header.get("alg") != "dir" or header.get("enc") != _METHOD:
        _refuse(f'has a header with the alg "dir" and the enc "{_METHOD}"')
    kid = header.get("kid")
    if not isinstance(kid, str):
        _refuse("has a header with the id of a key exchange key")
    wrapped = _octets(ciphertext) if isinstance(ciphertext, str) else None
    if not wrapped:
        _refuse("has a ciphertext in base64url")
    name, version = _parts_of(kid, base)
    return TransferBlob(name, version, wrapped)


def require_exchange_key(body: KeyVersionBody, target: KeyType) -> None:
    """
    Demand a key that brings in others and does nothing else, in the place where the new one is to live.

    Raises:
        Invalid: it is not one, is disabled, or lives elsewhere.
    """
    if body.operations != (KeyOperation.IMPORT,) or not body.attributes.enabled:
        raise no_such_transfer("not a key exchange key, or disabled")
    if body.type.in_token is not target.in_token:
        where = "in a token (-HSM)" if body.type.in_token else "in software"
        raise Invalid(
            f"The key exchange key lives {where}, and what it brings in lives there too: choose kty accordingly.",
            code="BadParameter",
        )


def _parts_of(kid: str, base: str) -> tuple[str, str]:
    """Take name and version out of a key's id, which are compared without regard to case (section 4.1)."""
    prefix = f"{base}/keys/".lower()
    if not kid.lower().startswith(prefix):
        raise no_such_transfer("key exchange key elsewhere")
    name, _, version = kid[len(prefix) :].partition("/")
    try:
        parsed, found = parse_object_name(name), parse_version(version)
    except Invalid:
        raise no_such_transfer("no id of a key exchange key") from None
    if found is None or not version:
        raise no_such_transfer("no version of a key exchange key")
    return parsed, found


def _octets(text: str) -> bytes | None:
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _refuse(what: str) -> NoReturn:
    raise Invalid(f"A transfer blob {what}.", code="BadParameter")
