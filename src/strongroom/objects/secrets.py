"""
Secrets: commands over a Transaction.

Each re-reads through the transaction what must be true when it commits. The rules of names, states and texts are
`core.secrets` and `core.lifecycle`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from strongroom.core.events import new_version as announced
from strongroom.core.guids import new_guid
from strongroom.core.lifecycle import (
    State,
    require_active,
    require_backup_fits,
    require_name_free,
    require_no_certificate,
    state_of,
)
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.secrets import (
    GivenProperties,
    SecretVersionBody,
    managed,
    new_version,
    require_not_managed,
    updated_version,
)
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.protocol import Envelope, RootKey
from strongroom.objects.backups import Backups
from strongroom.objects.lifecycle import (
    delete_object,
    each_version_in_turn,
    latest_version,
    make_room,
    next_version,
    purge_object,
    recover_object,
    version_to_change,
)
from strongroom.objects.secret_schedule import put_scheduled, scheduled
from strongroom.store import ObjectState, Reader, Transaction

_FORMAT = 1
"""The format of a sealed secret value: UTF-8 text. It is bound into the seal."""

encode_secret = msgspec.msgpack.Encoder().encode
_decode_body = msgspec.msgpack.Decoder(SecretVersionBody).decode
_READ_AT_ONCE = 100
_REMEMBERED_BYTES = 512
_remembered = lru_cache(maxsize=4096)(_decode_body)
"""What small bodies say: nearly all of them, read again and again. Nothing in them is secret."""

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Secret:
    """A version of a secret with its object: what a handler renders."""

    stored: StoredObject
    version: str
    body: SecretVersionBody


def secret_of(stored: StoredObject, row: StoredVersion) -> Secret:
    """Decode a version's listable part."""
    body = row.body
    return Secret(stored, row.version, _remembered(body) if len(body) <= _REMEMBERED_BYTES else _decode_body(body))


def value_context(vault: Vault, row: StoredVersion) -> bytes:
    """Say what a version's value is sealed for; nothing in it is secret."""
    return _context(vault, row.object_id, row.version)


def open_value(envelope: Envelope, vault: Vault, row: StoredVersion) -> str:
    """
    Open a version's value.

    Raises:
        Unsealable: the row is not the one that was sealed for this place.
    """
    return envelope.open(_context(vault, row.object_id, row.version), row.sealed).decode()


async def set_secret(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    value: str,
    given: GivenProperties,
    *,
    now: int,
    entropy: Entropy,
) -> Secret:
    """
    Make a secret, or a new version of one.

    Raises:
        Conflict: the name is that of a deleted secret, or of a certificate that has none yet.
        Forbidden: the name is that of a certificate's secret.
        Invalid: a property breaks its rule.
    """
    body = new_version(given, now)
    await _require_settable(tx, vault, name, now)
    version = entropy(16).hex()
    stored = await next_version(tx, vault, Collection.SECRETS, name, version, now=now, entropy=entropy)
    stored = await put_scheduled(tx, stored, body)
    await tx.put_version(new_secret_row(vault, envelope, stored, version, stored.versions, body, value))
    own = body.attributes
    tx.announce(announced(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))
    return Secret(stored, version, body)


async def _require_settable(tx: Transaction, vault: Vault, name: str, now: int) -> None:
    # Asked by the certificate, which is found faster than what the secret's latest version says of itself.
    certificate = await tx.object(vault.id, Collection.CERTIFICATES, name)
    if state_of(certificate, now) is State.ABSENT:
        return
    stored = await tx.object(vault.id, Collection.SECRETS, name)
    require_name_free(stored, Collection.SECRETS, name, now)
    if state_of(stored, now) is State.ACTIVE:
        raise managed("set")
    require_no_certificate(certificate, Collection.SECRETS, name, now)


async def update_secret(
    tx: Transaction, vault: Vault, name: str, version: str, given: GivenProperties, *, now: int
) -> Secret:
    """
    Change a version's attributes, tags or content type; the value stays.

    Raises:
        NotFound: no active secret has the name, or it has no such version.
        Invalid: a property breaks its rule.
        Forbidden: the secret is a certificate's.
    """
    stored, row = await version_to_change(tx, vault, Collection.SECRETS, name, version, now=now)
    body = updated_version(_decode_body(row.body), given, now)
    await tx.put_version(replace(row, body=encode_secret(body)))
    if row.version == stored.latest:
        stored = await put_scheduled(tx, stored, body)
    return Secret(stored, row.version, body)


async def delete_secret(tx: Transaction, vault: Vault, name: str, *, now: int) -> Secret:
    """
    Delete a secret with all its versions; it can be recovered until its retention ends.

    Raises:
        NotFound: no active secret has the name.
        Forbidden: the secret is a certificate's.
    """
    secret = secret_of(*await delete_object(tx, vault, Collection.SECRETS, name, now=now))
    require_not_managed(secret.body, "delete")
    return secret


async def recover_secret(tx: Transaction, vault: Vault, name: str, *, now: int) -> Secret:
    """
    Make a deleted secret active again, with all its versions.

    Raises:
        NotFound: no deleted secret has the name.
        Forbidden: the secret is a certificate's.
    """
    secret = secret_of(*await recover_object(tx, vault, Collection.SECRETS, name, now=now))
    require_not_managed(secret.body, "recover")
    return secret


async def purge_secret(tx: Transaction, vault: Vault, name: str, *, now: int) -> None:
    """
    Remove a deleted secret for ever.

    Raises:
        NotFound: no deleted secret has the name.
        Forbidden: the vault has purge protection, or the secret is a certificate's.
    """
    old = await tx.object(vault.id, Collection.SECRETS, name)
    if old is not None and old.deleted is not None:
        require_not_managed(secret_of(old, await latest_version(tx, old)).body, "purge")
    await purge_object(tx, vault, Collection.SECRETS, name, now=now)


# ---- backup and restore ---------------------------------------------------------------------------------------------


class _BackupVersion(msgspec.Struct, array_like=True):
    version: str
    body: SecretVersionBody
    value: str


class _Backup(msgspec.Struct, array_like=True):
    format: int
    name: str
    versions: list[_BackupVersion]


_backups = Backups("secret", _Backup, _FORMAT)


async def back_up_secret(
    reader: Reader, keys: RootKey, envelope: Envelope, vault: Vault, name: str, *, now: int
) -> bytes:
    """
    Make a sealed backup of a secret with all its versions.

    It opens in the same tenant and subscription only, and outlives its vault (security.md "Bootstrap, keys, data").

    Raises:
        NotFound: no active secret has the name.
        Invalid: it has more versions than a backup holds.
        Forbidden: the secret is a certificate's, whose backup has it.
    """
    stored = require_active(await reader.object(vault.id, Collection.SECRETS, name), Collection.SECRETS, name, now)
    require_not_managed(secret_of(stored, await latest_version(reader, stored)).body, "backup")
    require_backup_fits(stored.versions, Collection.SECRETS)
    versions = [
        _BackupVersion(row.version, _decode_body(row.body), open_value(envelope, vault, row))
        async for row in each_version_in_turn(reader, stored, now)
    ]
    return _backups.seal(keys, vault, _Backup(_FORMAT, stored.name, versions))


def read_backup(keys: RootKey, vault: Vault, sealed: bytes) -> _Backup:
    """
    Open a backup made in this vault's tenant and subscription.

    Raises:
        Invalid: it is no backup of a secret, was altered, or belongs elsewhere; which of these is not said.
    """
    return _backups.open(keys, vault, sealed)


async def restore_secret(
    tx: Transaction, vault: Vault, envelope: Envelope, backup: _Backup, base: str, *, now: int, entropy: Entropy
) -> Secret:
    """
    Make a secret out of a backup: same name, same versions, a new object.

    Raises:
        Conflict: the name is in use, or is that of a deleted secret.
    """
    await make_room(tx, vault, Collection.SECRETS, backup.name, base, now=now)
    last = backup.versions[-1]
    stored = StoredObject(
        vault.id, Collection.SECRETS, backup.name, new_guid(entropy), now, last.version, len(backup.versions)
    )
    stored = scheduled(stored, last.body)
    await tx.put_object(stored)
    for ordinal, saved in enumerate(backup.versions, start=1):
        await tx.put_version(new_secret_row(vault, envelope, stored, saved.version, ordinal, saved.body, saved.value))
    return Secret(stored, last.version, last.body)


# ---- rows -----------------------------------------------------------------------------------------------------------


def new_secret_row(
    vault: Vault,
    envelope: Envelope,
    stored: StoredObject,
    version: str,
    ordinal: int,
    body: SecretVersionBody,
    value: str,
) -> StoredVersion:
    """Make a version's row, its value sealed for this place alone."""
    sealed = envelope.seal(_context(vault, stored.object_id, version), value.encode())
    return StoredVersion(
        vault.id, Collection.SECRETS, stored.name, stored.object_id, version, ordinal, encode_secret(body), sealed
    )


async def each_secret(reader: Reader, vault: Vault, now: int) -> AsyncIterator[Secret]:
    """Go through a vault's active secrets in order of name, each by its latest version; no value is opened."""
    after: str | None = None
    more = True
    while more:
        page = await reader.objects(vault.id, Collection.SECRETS, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE)
        for stored, row in page.rows:
            if state_of(stored, now) is State.ACTIVE:
                yield secret_of(stored, row)
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)


def _context(vault: Vault, object_id: str, version: str) -> bytes:
    return _value_context(vault.tenant, vault.id, object_id, version)


@lru_cache(maxsize=4096)
def _value_context(tenant: str, vault: str, object_id: str, version: str) -> bytes:
    return context("secret-value", tenant, vault, object_id, version, str(_FORMAT))
