"""What a certificate's rows say, and how the key of an operation under way is sealed in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from strongroom.core.certificate_life import as_if_new, next_due
from strongroom.core.certificates import CertificateUpkeep, CertificateVersionBody, Pending
from strongroom.core.keys import KeySpec
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.keys.protocol import HeldKey
from strongroom.crypto.protocol import Envelope

_FORMAT = 1
_encode_body = msgspec.msgpack.Encoder().encode
_decode_body = lru_cache(maxsize=512)(msgspec.msgpack.Decoder(CertificateVersionBody).decode)
_encode_upkeep = msgspec.msgpack.Encoder().encode
_decode_upkeep = lru_cache(maxsize=256)(msgspec.msgpack.Decoder(CertificateUpkeep).decode)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A version of a certificate with its object: what a handler renders."""

    stored: StoredObject
    version: str
    body: CertificateVersionBody

    @property
    def upkeep(self) -> CertificateUpkeep:
        """What is the same for all versions: the policy, and the operation that makes the next one."""
        return upkeep_of(self.stored)


def certificate_of(stored: StoredObject, row: StoredVersion) -> Certificate:
    """Decode a version."""
    return Certificate(stored, row.version, _decode_body(row.body))


def upkeep_of(stored: StoredObject) -> CertificateUpkeep:
    """Read what a certificate's object keeps besides its versions."""
    return _decode_upkeep(stored.policy or b"")


def scheduled(
    stored: StoredObject, latest: CertificateVersionBody, upkeep: CertificateUpkeep | None = None
) -> StoredObject:
    """
    Give a certificate's object what it keeps, and the time at which something is due next of its *latest* version.

    Whatever changes a certificate's latest version or its policy puts the object back through here: what is due is
    found by `StoredObject.due_at` alone. Without *upkeep* somebody changed the version: what failed is tried as if for
    the first time.
    """
    if upkeep is None:
        upkeep = as_if_new(upkeep_of(stored))
    return replace(stored, policy=_encode_upkeep(upkeep), due_at=next_due(upkeep, stored.latest, latest))


def encode_body(body: CertificateVersionBody) -> bytes:
    """Encode what a version says."""
    return _encode_body(body)


def new_certificate_row(
    vault: Vault, stored: StoredObject, version: str, ordinal: int, body: CertificateVersionBody
) -> StoredVersion:
    """Make a version's row. A certificate has nothing to seal: its key and its secret have."""
    return StoredVersion(
        vault.id, Collection.CERTIFICATES, stored.name, stored.object_id, version, ordinal, encode_body(body), b""
    )


# ---- the key of an operation under way ------------------------------------------------------------------------------


def seal_pending(envelope: Envelope, vault: Vault, request_id: str, material: bytes) -> bytes:
    """Seal the key of an operation, for that operation alone."""
    return envelope.seal(_context(vault.tenant, vault.id, request_id), material)


def open_pending(envelope: Envelope, vault: Vault, pending: Pending) -> bytes:
    """
    Open the key of an operation.

    Raises:
        Unsealable: it is not the one that was sealed for this operation.
    """
    return envelope.open(_context(vault.tenant, vault.id, pending.request_id), pending.material)


def held_pending(envelope: Envelope, vault: Vault, name: str, pending: Pending) -> HeldKey:
    """Give the key of a certificate's operation to the place that uses it."""
    return HeldKey(
        (vault.id, f"pending {pending.request_id}", pending.version),
        spec_of_pending(pending),
        pending.parts,
        pending.material,
        lambda: open_pending(envelope, vault, pending),
        name.lower(),
    )


def spec_of_pending(pending: Pending) -> KeySpec:
    """Say what the key of an operation is."""
    return KeySpec(pending.key_type.kind, pending.bits, pending.curve)


@lru_cache(maxsize=256)
def _context(tenant: str, vault: str, request_id: str) -> bytes:
    return context("pending-certificate-key", tenant, vault, request_id, "", str(_FORMAT))
