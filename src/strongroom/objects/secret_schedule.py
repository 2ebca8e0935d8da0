"""
When a secret is near its expiry or past it, as its object keeps it, and what of that was noted.

Whatever changes a secret's latest version puts the object back through here: what is due is found by
`StoredObject.due_at` alone. A secret that does not expire keeps nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import msgspec

from strongroom.core.objects import StoredObject
from strongroom.core.secret_expiry import Due, Upkeep, next_due
from strongroom.core.secrets import SecretVersionBody
from strongroom.store import Transaction

_NOTHING = Upkeep()
_encode = msgspec.msgpack.Encoder().encode
_decode = lru_cache(maxsize=256)(msgspec.msgpack.Decoder(Upkeep).decode)


def upkeep_of(stored: StoredObject) -> Upkeep:
    """Read what was noted of a secret."""
    return _NOTHING if stored.policy is None else _decode(stored.policy)


def due_of(stored: StoredObject, latest: SecretVersionBody) -> Due | None:
    """Say what is due next of a secret with this latest version."""
    return next_due(upkeep_of(stored), stored.latest, latest.attributes, managed=latest.managed)


def scheduled(stored: StoredObject, latest: SecretVersionBody, upkeep: Upkeep | None = None) -> StoredObject:
    """Give a secret's object the time at which something is due next, as its latest version now is."""
    if latest.attributes.exp is None or latest.managed:
        # Nearly every secret: it never had anything to keep.
        return stored if stored.policy is None and stored.due_at is None else replace(stored, policy=None, due_at=None)
    changed = stored if upkeep is None else replace(stored, policy=_encode(upkeep))
    due = due_of(changed, latest)
    return replace(changed, due_at=None if due is None else due.at)


async def put_scheduled(tx: Transaction, stored: StoredObject, latest: SecretVersionBody) -> StoredObject:
    """Put a secret's object again if what is due of it is something else now."""
    changed = scheduled(stored, latest)
    if changed is not stored and changed != stored:
        await tx.put_object(changed)
    return changed
