"""
What is to be done with a key by itself, as its object keeps it, and when that is next.

Whatever changes a key's latest version or its policy puts the object back through here: what is due is found by
`StoredObject.due_at` alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import msgspec

from strongroom.core.key_rotation import Due, Upkeep, next_due
from strongroom.core.keys import KeyVersionBody
from strongroom.core.objects import StoredObject

_NOTHING = Upkeep()
_encode = msgspec.msgpack.Encoder().encode
_decode = lru_cache(maxsize=256)(msgspec.msgpack.Decoder(Upkeep).decode)


def upkeep_of(stored: StoredObject) -> Upkeep:
    """Read what is to be done with a key, and what of it was done."""
    return _NOTHING if stored.policy is None else _decode(stored.policy)


def due_of(stored: StoredObject, body: KeyVersionBody) -> Due | None:
    """Say what is due next of a key with this latest version."""
    return next_due(upkeep_of(stored), stored.latest, body.attributes, managed=body.managed)


def scheduled(stored: StoredObject, latest: KeyVersionBody, upkeep: Upkeep | None = None) -> StoredObject:
    """
    Give a key's object the time at which something is due next, as its latest version now is.

    Without *upkeep* somebody changed the key: what is to be done stays, and what failed is tried as if for the first
    time.
    """
    if upkeep is None:
        upkeep = replace(upkeep_of(stored), failures=0, retry_at=None)
    changed = replace(stored, policy=None if upkeep == _NOTHING else _encode(upkeep))
    due = due_of(changed, latest)
    return replace(changed, due_at=None if due is None else due.at)
