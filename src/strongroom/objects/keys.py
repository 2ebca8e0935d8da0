"""
Keys: commands over a Transaction, and what a use of a key needs.

Private parts are made and used in `crypto.keys`, before a commit; here they are bytes that are sealed and opened. The
rules of names, states and texts are `core.keys` and `core.lifecycle`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import TracebackType
from typing import Self

import msgspec

from strongroom.core.guids import new_guid
from strongroom.core.keys import KeyVersionBody, require_not_managed
from strongroom.core.lifecycle import State, require_name_free, state_of
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.keys.protocol import HeldKey, KeyProtection, MadeKey
from strongroom.crypto.protocol import Envelope
from strongroom.store import Transaction

_FORMAT = 1
"""The format of sealed key material; it is bound into the seal."""

_encode_body = msgspec.msgpack.Encoder().encode
_decode_body = msgspec.msgpack.Decoder(KeyVersionBody).decode
_remembered = lru_cache(maxsize=1024)(_decode_body)
"""What bodies say, which are read again and again. Nothing in them is secret."""

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Key:
    """A version of a key with its object: what a handler renders."""

    stored: StoredObject
    version: str
    body: KeyVersionBody


def key_of(stored: StoredObject, row: StoredVersion) -> Key:
    """Decode a version's listable part."""
    return Key(stored, row.version, _remembered(row.body))


def held_key(envelope: Envelope, vault: Vault, row: StoredVersion) -> HeldKey:
    """Give a version to the place that uses it; its material is opened only there."""
    body = _remembered(row.body)
    return HeldKey(
        (vault.id, row.object_id, row.version),
        body.spec,
        body.parts,
        row.sealed,
        lambda: envelope.open(_context(vault, row.object_id, row.version), row.sealed),
    )


@dataclass(slots=True)
class Unclaimed:
    """
    Keys that were made for versions that do not exist yet. What no change has claimed by the end is destroyed.

    A change claims them when it has done its part. From then on they stay, whatever becomes of the commit: it may have
    taken effect where that is not known, and a key without its material would be lost, whereas material without its
    key only takes up room.
    """

    place: KeyProtection
    claimed: bool = False
    _materials: list[bytes] = field(default_factory=list, repr=False)

    def note(self, made: MadeKey) -> MadeKey:
        """Look after a key from here on."""
        self._materials.append(made.material)
        return made

    def claim(self) -> None:
        """Say that a change has put all of them in their place."""
        self.claimed = True

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Destroy what nobody claimed."""
        if not self.claimed:
            for material in self._materials:
                await self.place.destroy(material)


async def put_new_version(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    material: bytes,
    body: KeyVersionBody,
    *,
    version: str,
    now: int,
    entropy: Entropy,
) -> Key:
    """
    Make a key, or a new version of one, of material that was made before.

    Raises:
        Conflict: the name is that of a deleted key.
        Forbidden: the name is that of a certificate's key.
    """
    old = await tx.object(vault.id, Collection.KEYS, name)
    require_name_free(old, Collection.KEYS, name, now)
    if old is not None and state_of(old, now) is State.ACTIVE:
        latest = await tx.version(vault.id, Collection.KEYS, name, old.latest)
        if latest is not None:
            require_not_managed(_remembered(latest.body), "create")
        stored = replace(old, latest=version, versions=old.versions + 1)
    else:
        if old is not None:
            # Its retention is over; the clean-up has not come by yet.
            await tx.remove_object(vault.id, Collection.KEYS, name)
        stored = StoredObject(vault.id, Collection.KEYS, name, new_guid(entropy), now, version)
    sealed = envelope.seal(_context(vault, stored.object_id, version), material)
    await tx.put_object(stored)
    await tx.put_version(
        StoredVersion(
            vault.id,
            Collection.KEYS,
            stored.name,
            stored.object_id,
            version,
            stored.versions,
            _encode_body(body),
            sealed,
        )
    )
    return Key(stored, version, body)


def _context(vault: Vault, object_id: str, version: str) -> bytes:
    return _material_context(vault.tenant, vault.id, object_id, version)


@lru_cache(maxsize=4096)
def _material_context(tenant: str, vault: str, object_id: str, version: str) -> bytes:
    return context("key-material", tenant, vault, object_id, version, str(_FORMAT))
