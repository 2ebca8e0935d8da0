"""
The rotation of keys: commands over a Transaction, on request and by themselves.

A new version is made of material that was made before the commit, so the command looks again whether the version that
it is to replace is still the latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from strongroom.core.errors import Conflict, Forbidden
from strongroom.core.events import expired, near_expiry
from strongroom.core.key_rotation import (
    Due,
    Event,
    GivenAction,
    RotationPolicy,
    expiry_of_new,
    read_policy,
    retry_delay,
)
from strongroom.core.keys import KeyAttributes, KeyVersionBody, require_not_managed
from strongroom.core.lifecycle import not_found, require_active
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import MadeKey
from strongroom.crypto.protocol import Envelope
from strongroom.objects import lifecycle
from strongroom.objects.key_schedule import due_of, scheduled, upkeep_of
from strongroom.objects.keys import Entropy, Key, key_of, put_new_version
from strongroom.store import Reader, Transaction

# ---- policies -------------------------------------------------------------------------------------------------------


async def latest_key(reader: Reader, vault: Vault, name: str, now: int) -> Key:
    """
    Read a key by its latest version.

    Raises:
        NotFound: no active key has the name.
    """
    stored = require_active(await reader.object(vault.id, Collection.KEYS, name), Collection.KEYS, name, now)
    row = await reader.version(vault.id, Collection.KEYS, name, stored.latest)
    if row is None:
        raise not_found(Collection.KEYS, name)
    return key_of(stored, row)


def policy_of(stored: StoredObject) -> RotationPolicy | None:
    """Give a key's rotation policy; None if nobody set one."""
    return upkeep_of(stored).policy


async def set_policy(
    tx: Transaction, vault: Vault, name: str, actions: Sequence[GivenAction], expiry_time: str | None, *, now: int
) -> tuple[StoredObject, RotationPolicy]:
    """
    Set a key's rotation policy, which replaces the one before as a whole.

    Raises:
        NotFound: no active key has the name.
        Forbidden: the key is a certificate's.
        Invalid: the policy breaks a rule.
    """
    key = await latest_key(tx, vault, name, now)
    require_not_managed(key.body, "setrotationpolicy")
    upkeep = upkeep_of(key.stored)
    policy = read_policy(actions, expiry_time, upkeep.policy, now)
    stored = scheduled(key.stored, key.body, replace(upkeep, policy=policy, failures=0, retry_at=None))
    await tx.put_object(stored)
    return stored, policy


# ---- rotation -------------------------------------------------------------------------------------------------------


def require_rotatable(body: KeyVersionBody) -> None:
    """
    Refuse to rotate what must not come alive behind its name, or is not its holder's to rotate.

    Raises:
        Forbidden: the latest version is disabled, or a certificate's key.
    """
    require_not_managed(body, "rotate")
    if not body.attributes.enabled:
        raise Forbidden(
            "Operation rotate is not allowed on a disabled key.", code="Forbidden", inner="KeyDisabled"
        )  # fmt: skip


def next_body(key: Key, made: MadeKey, platform: str, now: int) -> KeyVersionBody:
    """Describe the version that follows: all is as it was, but it begins now and ends when the policy says."""
    own = KeyAttributes(
        now, now, exp=expiry_of_new(policy_of(key.stored), now), exportable=key.body.attributes.exportable
    )
    return replace(key.body, parts=made.parts, attributes=own, platform=platform)


async def rotate(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    seen: Key,
    made: MadeKey,
    platform: str,
    *,
    version: str,
    now: int,
    entropy: Entropy,
) -> Key:
    """
    Put a new version after the one that was *seen* as the latest before its material was made.

    Raises:
        NotFound: the key is gone or deleted meanwhile.
        Conflict: another version came meanwhile.
        Forbidden: see `require_rotatable`.
    """
    key = await latest_key(tx, vault, seen.stored.name, now)
    if (key.stored.object_id, key.version) != (seen.stored.object_id, seen.version):
        raise Conflict(
            f"The key {key.stored.name} got another version while it was being rotated. Try again if that is not"
            " enough.",
            code="Conflict",
        )
    require_rotatable(key.body)
    return await put_new_version(
        tx,
        vault,
        envelope,
        key.stored.name,
        made.material,
        next_body(key, made, platform, now),
        version=version,
        now=now,
        entropy=entropy,
    )


# ---- by itself ------------------------------------------------------------------------------------------------------


async def look_again(reader: Reader, candidate: StoredObject, now: int) -> tuple[Key, Due | None] | None:
    """Read what is due next of an object that was; None if it is no longer there, or deleted."""
    found = await lifecycle.look_again(reader, candidate, now)
    if found is None:
        return None
    key = key_of(*found)
    return key, due_of(key.stored, key.body)


async def still_due(tx: Transaction, seen: Key, event: Event, now: int) -> Key | None:
    """Read inside a change the key of which something was due; None if it is no more: another node may have done it."""
    found = await look_again(tx, seen.stored, now)
    if found is None:
        return None
    key, due = found
    return key if key.version == seen.version and due is not None and due.event is event and due.at <= now else None


async def note_expiry(tx: Transaction, vault: Vault, seen: Key, event: Event, now: int) -> Key | None:
    """Keep that a version's near or past expiry was noted; None if it was before, or does not hold any more."""
    key = await still_due(tx, seen, event, now)
    if key is None:
        return None
    own, upkeep = key.body.attributes, upkeep_of(key.stored)
    noted = (key.version, own.exp or 0)
    if event is Event.NEAR_EXPIRY:
        done, tell = replace(upkeep, near_expiry=noted), near_expiry
    else:
        done, tell = replace(upkeep, expired=noted), expired
    await tx.put_object(scheduled(key.stored, key.body, done))
    tx.announce(tell(vault, key.stored, key.version, nbf=own.nbf, exp=own.exp, now=now))
    return key


async def postpone_rotation(tx: Transaction, seen: Key, now: int) -> bool:
    """Have a rotation that failed tried again later; False if the key was changed or gone meanwhile."""
    found = await look_again(tx, seen.stored, now)
    if found is None or found[0].version != seen.version:
        return False
    key, _ = found
    upkeep = upkeep_of(key.stored)
    failures = upkeep.failures + 1
    again = replace(upkeep, failures=failures, retry_at=now + retry_delay(failures))
    await tx.put_object(scheduled(key.stored, key.body, again))
    return True
