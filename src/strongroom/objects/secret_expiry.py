"""The expiry of secrets, noted once before it comes and once when it does: commands over a Transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from strongroom.core.errors import Tampered
from strongroom.core.events import expired, near_expiry
from strongroom.core.installation import CaughtUp
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.secret_expiry import Due, Event
from strongroom.core.vaults import Vault
from strongroom.objects import lifecycle
from strongroom.objects.lifecycle import latest_version
from strongroom.objects.secret_schedule import due_of, put_scheduled, scheduled, upkeep_of
from strongroom.objects.secrets import Secret, secret_of
from strongroom.store import ObjectState, Reader, Store, Transaction

_logger = logging.getLogger("strongroom.upkeep")
_READ_AT_ONCE = 200
SCHEDULED = CaughtUp("schedule of secrets")
"""Says that every secret with an expiry is scheduled, also those that an older release set."""


async def look_again(reader: Reader, candidate: StoredObject, now: int) -> tuple[Secret, Due | None] | None:
    """Read what is due next of an object that was; None if it is no longer there, or deleted."""
    found = await lifecycle.look_again(reader, candidate, now)
    if found is None:
        return None
    secret = secret_of(*found)
    return secret, due_of(secret.stored, secret.body)


async def note_expiry(tx: Transaction, vault: Vault, seen: Secret, event: Event, now: int) -> Secret | None:
    """Keep that a version's near or past expiry was noted; None if it was before, or does not hold any more."""
    found = await look_again(tx, seen.stored, now)
    if found is None:
        return None
    secret, due = found
    if secret.version != seen.version or due is None or due.event is not event or due.at > now:
        return None
    own, upkeep = secret.body.attributes, upkeep_of(secret.stored)
    noted = (secret.version, own.exp or 0)
    if event is Event.NEAR_EXPIRY:
        done, tell = replace(upkeep, near_expiry=noted), near_expiry
    else:
        done, tell = replace(upkeep, expired=noted), expired
    await tx.put_object(scheduled(secret.stored, secret.body, done))
    tx.announce(tell(vault, secret.stored, secret.version, nbf=own.nbf, exp=own.exp, now=now))
    return secret


# ---- secrets of older releases --------------------------------------------------------------------------------------


async def schedule_older(store: Store, vaults: Iterable[str], *, lease: str) -> int:
    """
    Schedule the secrets that were set before secrets were looked after, and note that it was done; the number of them.

    What is left of a vault from an altered row on stays as it is, and is told of.

    Raises:
        StoreFault: it cannot be committed now.
    """
    number = 0
    for vault in vaults:
        for state in ObjectState:
            try:
                number += await _schedule_all(store, vault, state, lease)
            except Tampered as fault:
                _logger.error("secrets of the vault %s are not looked after: %s", vault, fault)  # noqa: TRY400  it says all
    await store.commit(lambda tx: tx.put(SCHEDULED), lease=lease)
    return number


async def _schedule_all(store: Store, vault: str, state: ObjectState, lease: str) -> int:
    number, after, more = 0, None, True
    while more:
        page = await store.objects(vault, Collection.SECRETS, state, after=after, limit=_READ_AT_ONCE)
        older = [stored for stored, row in page.rows if scheduled(stored, secret_of(stored, row).body) != stored]
        if older:
            number += (await store.commit(partial(_schedule, older), lease=lease)).result
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)
    return number


async def _schedule(older: Sequence[StoredObject], tx: Transaction) -> int:
    number = 0
    for seen in older:
        stored = await tx.object(seen.vault, Collection.SECRETS, seen.name)
        # Whatever changed it meanwhile has scheduled it.
        if stored == seen:
            await put_scheduled(tx, stored, secret_of(stored, await latest_version(tx, stored)).body)
            number += 1
    return number
