"""
Events: that something about a vault's contents changed, or its time came (reference azure-key-vault.md section 8).

An event is announced in the change that it tells of (`Transaction.announce`), so it exists if and only if the change
does. How one is written for a receiver is `strongroom.events`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault

_PREFIX = "Microsoft.KeyVault."


class EventType(StrEnum):
    """The types of event, by Event Grid's names."""

    CERTIFICATE_NEW_VERSION = f"{_PREFIX}CertificateNewVersionCreated"
    CERTIFICATE_NEAR_EXPIRY = f"{_PREFIX}CertificateNearExpiry"
    CERTIFICATE_EXPIRED = f"{_PREFIX}CertificateExpired"
    KEY_NEW_VERSION = f"{_PREFIX}KeyNewVersionCreated"
    KEY_NEAR_EXPIRY = f"{_PREFIX}KeyNearExpiry"
    KEY_EXPIRED = f"{_PREFIX}KeyExpired"
    SECRET_NEW_VERSION = f"{_PREFIX}SecretNewVersionCreated"
    SECRET_NEAR_EXPIRY = f"{_PREFIX}SecretNearExpiry"
    SECRET_EXPIRED = f"{_PREFIX}SecretExpired"
    VAULT_ACCESS_POLICY_CHANGED = f"{_PREFIX}VaultAccessPolicyChanged"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Nothing in it is secret."""

    id: str
    """A GUID that is the same however often it is delivered."""
    type: EventType
    time: int
    vault: str
    """The vault's GUID."""
    topic: str
    """The vault's ARM id."""
    vault_name: str
    subject: str
    """The object's name; the vault's, of an event of its own."""
    object_type: str = ""
    """`Secret`, `Key` or `Certificate`."""
    version: str = ""
    nbf: int | None = None
    exp: int | None = None


_OBJECTS = {Collection.SECRETS: "Secret", Collection.KEYS: "Key", Collection.CERTIFICATES: "Certificate"}


def new_version(
    vault: Vault, stored: StoredObject, version: str, *, nbf: int | None, exp: int | None, now: int
) -> Event:
    """Tell that an object has a new version."""
    return _of_object("NewVersionCreated", vault, stored, version, nbf, exp, now)


def near_expiry(
    vault: Vault, stored: StoredObject, version: str, *, nbf: int | None, exp: int | None, now: int
) -> Event:
    """Tell that an object's latest version will expire soon."""
    return _of_object("NearExpiry", vault, stored, version, nbf, exp, now)


def expired(vault: Vault, stored: StoredObject, version: str, *, nbf: int | None, exp: int | None, now: int) -> Event:
    """Tell that an object's latest version has expired."""
    return _of_object("Expired", vault, stored, version, nbf, exp, now)


def access_policy_changed(vault: Vault, change: str, now: int) -> Event:
    """Tell that a vault's access policies, or its model of permissions, changed; *change* tells one from another."""
    kind = EventType.VAULT_ACCESS_POLICY_CHANGED
    return Event(_id(kind, vault.id, change), kind, now, vault.id, vault.scope, vault.name, vault.name)


def _of_object(
    what: str, vault: Vault, stored: StoredObject, version: str, nbf: int | None, exp: int | None, now: int
) -> Event:
    noun = _OBJECTS[stored.collection]
    kind = EventType(f"{_PREFIX}{noun}{what}")
    # That a version is near its expiry is said again if it gets another one.
    event_id = _id(kind, vault.id, stored.object_id, version, str(exp))
    return Event(event_id, kind, now, vault.id, vault.scope, vault.name, stored.name, noun, version, nbf, exp)


def _id(*parts: str) -> str:
    """Give an event a GUID that follows from what it tells, so that the same is never told under two."""
    digits = sha256("\0".join(parts).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
