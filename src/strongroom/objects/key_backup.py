"""
Backups of keys: sealed by the root key for one subscription, so that they outlive their vault (reference section 4.7).

What is in one is a key with all its versions and its rotation policy. A private part that lives in software is in it
itself, one that lives in a token only as that token wrapped it.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.guids import new_guid
from strongroom.core.key_rotation import Upkeep
from strongroom.core.keys import KeyVersionBody, require_not_managed
from strongroom.core.lifecycle import require_active, require_backup_fits
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import KeyProtections, MadeKey, Place
from strongroom.crypto.protocol import Envelope, RootKey
from strongroom.http import json
from strongroom.objects.backups import Backups
from strongroom.objects.doomed_keys import remove_key
from strongroom.objects.key_rows import Key, held_key, key_of, new_row
from strongroom.objects.key_schedule import scheduled, upkeep_of
from strongroom.objects.keys import Unclaimed
from strongroom.objects.lifecycle import Entropy, each_version_in_turn, latest_version, make_room
from strongroom.store import Reader, Transaction

_FORMAT = 1


class BackupVersion(json.Secretive, array_like=True):
    """A version in a backup; `saved` is what its place gave for it."""

    version: str
    body: KeyVersionBody
    saved: bytes


class KeyBackup(json.Secretive, array_like=True):
    """A key in a backup."""

    format: int
    name: str
    versions: list[BackupVersion]
    policy: bytes | None = None


@dataclass(frozen=True, slots=True)
class RestoredVersion:
    """A version of a backup whose key is in its place."""

    version: str
    body: KeyVersionBody
    made: MadeKey


_backups = Backups("key", KeyBackup, _FORMAT)


async def back_up_key(
    reader: Reader,
    keys: RootKey,
    protections: KeyProtections,
    envelope: Envelope,
    vault: Vault,
    name: str,
    *,
    now: int,
) -> tuple[Key, bytes]:
    """
    Make a sealed backup of a key with all its versions; the key is given too, by its latest version.

    Raises:
        NotFound: no active key has the name.
        Invalid: it has more versions than a backup holds.
        Forbidden: the key is a certificate's, whose backup has it.
    """
    stored = require_active(await reader.object(vault.id, Collection.KEYS, name), Collection.KEYS, name, now)
    require_backup_fits(stored.versions, Collection.KEYS)
    latest = key_of(stored, await latest_version(reader, stored))
    require_not_managed(latest.body, "backup")
    versions = [
        await _save(protections, envelope, vault, stored, row)
        async for row in each_version_in_turn(reader, stored, now)
    ]
    return latest, _backups.seal(keys, vault, KeyBackup(_FORMAT, stored.name, versions, stored.policy))


async def _save(
    protections: KeyProtections, envelope: Envelope, vault: Vault, stored: StoredObject, row: StoredVersion
) -> BackupVersion:
    body = key_of(stored, row).body
    place = protections.of(body.type)
    where = Place(vault.id, vault.subscription, stored.name, row.version)
    return BackupVersion(row.version, body, await place.back_up(held_key(envelope, vault, row), where))


def read_backup(keys: RootKey, vault: Vault, sealed: bytes) -> KeyBackup:
    """
    Open a backup made in this vault's tenant and subscription.

    Raises:
        Invalid: it is no backup of a key, was altered, or belongs elsewhere; which of these is not said.
    """
    return _backups.open(keys, vault, sealed)


async def bring_back(
    protections: KeyProtections, vault: Vault, backup: KeyBackup, unclaimed: Unclaimed
) -> list[RestoredVersion]:
    """
    Put the keys of a backup in their places, where they wait for `restore_key`.

    Raises:
        Invalid: this vault cannot hold such keys.
    """
    restored = []
    # All places are asked for before any key is made, so that a vault that cannot hold one of them makes none.
    places = [protections.for_new(saved.body.type, vault) for saved in backup.versions]
    for place, saved in zip(places, backup.versions, strict=True):
        where = Place(vault.id, vault.subscription, backup.name, saved.version)
        made = await place.restore(saved.saved, saved.body.spec, saved.body.parts, where)
        restored.append(RestoredVersion(saved.version, saved.body, unclaimed.note(place, made)))
    return restored


async def restore_key(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    backup: KeyBackup,
    versions: list[RestoredVersion],
    base: str,
    *,
    now: int,
    entropy: Entropy,
) -> Key:
    """
    Make a key out of a backup: same name, same versions, same rotation policy, a new object.

    Raises:
        Conflict: the name is in use, or is that of a deleted key.
    """
    await make_room(tx, vault, Collection.KEYS, backup.name, base, now=now, remove=remove_key(vault, lambda: envelope))
    last = versions[-1]
    stored = StoredObject(
        vault.id,
        Collection.KEYS,
        backup.name,
        new_guid(entropy),
        now,
        last.version,
        len(versions),
        policy=backup.policy,
    )
    # What was noted of the key that was backed up was not noted of this one.
    stored = scheduled(stored, last.body, Upkeep(upkeep_of(stored).policy))
    await tx.put_object(stored)
    for ordinal, one in enumerate(versions, start=1):
        await tx.put_version(new_row(vault, envelope, stored, one.version, ordinal, one.body, one.made.material))
    return Key(stored, last.version, last.body)
