"""What a key's rows say, and how its material is sealed in them."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from strongroom.core.keys import KeyVersionBody
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.keys.protocol import HeldKey
from strongroom.crypto.protocol import Envelope

_FORMAT = 1
"""The format of sealed key material; it is bound into the seal."""

encode_body = msgspec.msgpack.Encoder().encode
_decode_body = msgspec.msgpack.Decoder(KeyVersionBody).decode
_remembered = lru_cache(maxsize=1024)(_decode_body)
"""What bodies say, which are read again and again. Nothing in them is secret."""
_spec_of = lru_cache(maxsize=1024)(lambda encoded: _remembered(encoded).spec)


class Key(msgspec.Struct, frozen=True):
    """A version of a key with its object: what a handler renders."""

    stored: StoredObject
    version: str
    body: KeyVersionBody


def key_of(stored: StoredObject, row: StoredVersion) -> Key:
    """Decode a version's listable part."""
    return Key(stored, row.version, _remembered(row.body))


def body_of(row: StoredVersion) -> KeyVersionBody:
    """Decode what a version says."""
    return _remembered(row.body)


def held_key(envelope: Envelope, vault: Vault, row: StoredVersion) -> HeldKey:
    """Give a version to the place that uses it; its material is opened only there."""
    body = _remembered(row.body)
    return HeldKey(
        (vault.id, row.object_id, row.version),
        _spec_of(row.body),
        body.parts,
        row.sealed,
        lambda: open_material(envelope, vault, row),
        row.key,
    )


def open_material(envelope: Envelope, vault: Vault, row: StoredVersion) -> bytes:
    """
    Open a version's material: a private part, or the name of one that a token holds.

    Raises:
        Unsealable: the row is not the one that was sealed for this place.
    """
    return envelope.open(_material_context(vault.tenant, vault.id, row.object_id, row.version), row.sealed)


def new_row(
    vault: Vault,
    envelope: Envelope,
    stored: StoredObject,
    version: str,
    ordinal: int,
    body: KeyVersionBody,
    material: bytes,
) -> StoredVersion:
    """Make a version's row, its material sealed for this place alone."""
    sealed = envelope.seal(_material_context(vault.tenant, vault.id, stored.object_id, version), material)
    return StoredVersion(
        vault.id, Collection.KEYS, stored.name, stored.object_id, version, ordinal, encode_body(body), sealed
    )


@lru_cache(maxsize=4096)
def _material_context(tenant: str, vault: str, object_id: str, version: str) -> bytes:
    return context("key-material", tenant, vault, object_id, version, str(_FORMAT))
