"""
Backups of certificates: sealed by the root key for one subscription, so that they outlive their vault (section 4.7).

What is in one is a certificate with its policy and all its versions, each with its key and its secret. A private part
that lives in a token is in it only as that token wrapped it, as in backups of keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core.certificates import CertificatePolicy, CertificateUpkeep, CertificateVersionBody
from strongroom.core.errors import Conflict
from strongroom.core.guids import new_guid
from strongroom.core.keys import KeyVersionBody
from strongroom.core.lifecycle import not_found, require_active, require_backup_fits
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.secrets import SecretVersionBody
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import KeyProtections, MadeKey, Place
from strongroom.crypto.protocol import Envelope, RootKey
from strongroom.http import json
from strongroom.objects.backups import Backups
from strongroom.objects.certificate_links import LinkedVersion, put_back_linked, remove_certificate, require_links_free
from strongroom.objects.certificate_rows import (
    Certificate,
    certificate_of,
    new_certificate_row,
    scheduled,
    upkeep_of,
)
from strongroom.objects.key_rows import body_of, held_key
from strongroom.objects.keys import Unclaimed
from strongroom.objects.lifecycle import Entropy, each_version_in_turn, latest_version, make_room
from strongroom.objects.secrets import open_value, secret_of
from strongroom.store import Reader, Transaction

_FORMAT = 1


class _Linked(json.Secretive, array_like=True):
    """The key and the secret of a version; `saved` is what the key's place gave for it."""

    key: KeyVersionBody
    saved: bytes
    secret: SecretVersionBody
    value: str


class _BackupVersion(json.Secretive, array_like=True):
    version: str
    body: CertificateVersionBody
    linked: _Linked | None
    """None for a version that was never issued."""


class CertificateBackup(json.Secretive, array_like=True):
    """A certificate in a backup."""

    format: int
    name: str
    policy: CertificatePolicy
    versions: list[_BackupVersion]

    @property
    def keys(self) -> list[KeyVersionBody]:
        """What its keys are."""
        return [one.linked.key for one in self.versions if one.linked is not None]

    @property
    def secrets(self) -> list[SecretVersionBody]:
        """What its secrets are."""
        return [one.linked.secret for one in self.versions if one.linked is not None]


@dataclass(frozen=True, slots=True)
class RestoredVersion:
    """A version of a backup whose key is in its place."""

    version: str
    body: CertificateVersionBody
    linked: LinkedVersion | None


_backups = Backups("certificate", CertificateBackup, _FORMAT)


async def back_up_certificate(
    reader: Reader,
    root: RootKey,
    protections: KeyProtections,
    envelope: Envelope,
    vault: Vault,
    name: str,
    *,
    now: int,
) -> tuple[Certificate, bytes]:
    """
    Make a sealed backup of a certificate with all its versions; the certificate is given too, by its latest version.

    Raises:
        NotFound: no active certificate has the name.
        Conflict: it is not issued yet.
        Invalid: it has more versions than a backup holds.
    """
    collection = Collection.CERTIFICATES
    stored = require_active(await reader.object(vault.id, collection, name), collection, name, now)
    require_backup_fits(stored.versions, collection)
    latest = certificate_of(stored, await latest_version(reader, stored))
    if latest.body.cer is None:
        raise Conflict(f"The certificate {stored.name} is not issued yet, so there is nothing to back up.")
    versions = [
        await _save(reader, protections, envelope, vault, stored, row)
        async for row in each_version_in_turn(reader, stored, now)
    ]
    backup = CertificateBackup(_FORMAT, stored.name, upkeep_of(stored).policy, versions)
    return latest, _backups.seal(root, vault, backup)


async def _save(
    reader: Reader,
    protections: KeyProtections,
    envelope: Envelope,
    vault: Vault,
    stored: StoredObject,
    row: StoredVersion,
) -> _BackupVersion:
    body, name, version = certificate_of(stored, row).body, stored.name, row.version
    if body.cer is None:
        return _BackupVersion(version, body, None)
    key_row = await reader.version(vault.id, Collection.KEYS, name, version)
    secret_row = await reader.version(vault.id, Collection.SECRETS, name, version)
    if key_row is None or secret_row is None:
        # Somebody deleted all three meanwhile.
        raise not_found(Collection.CERTIFICATES, name)
    key = body_of(key_row)
    where = Place(vault.id, vault.subscription, name, version)
    saved = await protections.of(key.type).back_up(held_key(envelope, vault, key_row), where)
    secret = secret_of(stored, secret_row).body
    return _BackupVersion(version, body, _Linked(key, saved, secret, open_value(envelope, vault, secret_row)))


def read_backup(root: RootKey, vault: Vault, sealed: bytes) -> CertificateBackup:
    """
    Open a backup made in this vault's tenant and subscription.

    Raises:
        Invalid: it is no backup of a certificate, was altered, or belongs elsewhere; which of these is not said.
    """
    return _backups.open(root, vault, sealed)


async def bring_back(
    protections: KeyProtections, vault: Vault, backup: CertificateBackup, unclaimed: Unclaimed
) -> list[RestoredVersion]:
    """
    Put the keys of a backup in their places, where they wait for `restore_certificate`.

    Raises:
        Invalid: this vault cannot hold such keys.
    """
    # All places are asked for before any key is made, so that a vault that cannot hold one of them makes none.
    for key in backup.keys:
        protections.for_new(key.type, vault)
    restored = []
    for one in backup.versions:
        linked = None
        if one.linked is not None:
            made = await _make(protections, vault, backup.name, one.version, one.linked, unclaimed)
            linked = LinkedVersion(one.linked.key, made.material, one.linked.secret, one.linked.value)
        restored.append(RestoredVersion(one.version, one.body, linked))
    return restored


async def _make(
    protections: KeyProtections, vault: Vault, name: str, version: str, linked: _Linked, unclaimed: Unclaimed
) -> MadeKey:
    place = protections.for_new(linked.key.type, vault)
    where = Place(vault.id, vault.subscription, name, version)
    return unclaimed.note(place, await place.restore(linked.saved, linked.key.spec, linked.key.parts, where))


async def restore_certificate(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    backup: CertificateBackup,
    versions: list[RestoredVersion],
    base: str,
    *,
    now: int,
    entropy: Entropy,
) -> Certificate:
    """
    Make a certificate out of a backup: same name, same versions, same policy, three new objects.

    Raises:
        Conflict: the name is in use, or is that of a deleted certificate, or of a key or a secret.
    """
    name = backup.name
    remove = remove_certificate(vault, lambda: envelope)
    await make_room(tx, vault, Collection.CERTIFICATES, name, base, now=now, remove=remove)
    await require_links_free(tx, vault, name, now)
    last = versions[-1]
    stored = StoredObject(vault.id, Collection.CERTIFICATES, name, new_guid(entropy), now, last.version, len(versions))
    # What was noted of the certificate that was backed up was not noted of this one.
    stored = scheduled(stored, last.body, CertificateUpkeep(backup.policy))
    await tx.put_object(stored)
    for ordinal, one in enumerate(versions, start=1):
        await tx.put_version(new_certificate_row(vault, stored, one.version, ordinal, one.body))
    linked = [(one.version, one.linked) for one in versions if one.linked is not None]
    await put_back_linked(tx, vault, envelope, replace(stored, latest=linked[-1][0]), linked, entropy=entropy)
    return Certificate(stored, last.version, last.body)
