"""The wire structs of keys' use (reference operations.md section 7, keys). What holds a plaintext shows nothing."""

from __future__ import annotations

import msgspec

from strongroom.core.errors import Invalid
from strongroom.http import json
from strongroom.vault.key_wire import read_octets


class KeyOperationsParameters(json.Secretive):
    """The body of KeyEncrypt, KeyDecrypt, KeyWrap and KeyUnwrap."""

    alg: str | None = None
    value: str | None = None
    iv: str | None = None
    aad: str | None = None
    tag: str | None = None


class KeySignParameters(json.Secretive):
    """The body of KeySign."""

    alg: str | None = None
    value: str | None = None


class KeyVerifyParameters(json.Secretive):
    """The body of KeyVerify."""

    alg: str | None = None
    digest: str | None = None
    value: str | None = None


class GetRandomBytesRequest(msgspec.Struct):
    """The body of RandomBytesGet."""

    count: int | None = None


class KeyOperationResult(json.Secretive, omit_defaults=True):
    """What an operation with a key gives."""

    kid: str
    value: str
    iv: str | None = None
    tag: str | None = None
    aad: str | None = None


class KeyVerifyResult(msgspec.Struct):
    """Whether a signature is the key's."""

    value: bool


class RandomBytes(json.Secretive):
    """Random bytes."""

    value: str


def required_octets(text: str | None, member: str) -> bytes:
    """
    Read bytes that a request must have.

    Raises:
        Invalid: they are missing, or are not base64url.
    """
    value = optional_octets(text, member)
    if value is None:
        raise Invalid(f"Property {member} is required.", code="BadParameter", reason=f"invalid {member}")
    return value


def optional_octets(text: str | None, member: str) -> bytes | None:
    """
    Read bytes that a request may have: base64url, with its padding or without.

    Raises:
        Invalid: they are not base64url.
    """
    return None if text is None else read_octets(text, member)
