"""
The upkeep of what vaults hold: whatever is due is found here, and looked after by what its collection has for it.

    due_objects --> an object ──> key_upkeep, secret_upkeep, certificate_upkeep ──> commit (still due?)
       ^                                              each with its audit entry and its event, under the lease
       └── next batch

What an object does and that it did it are one commit, so nothing is done twice: not by two nodes, nor by one that died
between. What was due several times while the service was down is done once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from strongroom.core.errors import Tampered, Unavailable
from strongroom.core.installation import CaughtUp
from strongroom.core.key_rotation import DAY_S
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.flow.world import World
from strongroom.objects.certificate_renewal import set_all_right
from strongroom.objects.secret_expiry import SCHEDULED, schedule_older
from strongroom.store import StoreFault
from strongroom.vault.certificate_upkeep import look_after_certificate
from strongroom.vault.key_upkeep import look_after_key
from strongroom.vault.secret_upkeep import look_after_secret
from strongroom.vault.upkeep import FAILED, LEASE, hold, let_go, put_off

_logger = logging.getLogger("strongroom.upkeep")

BATCH = 25
_AFTER_A_FAULT_S = 3_600

LookAfter = Callable[[World, str, Vault, StoredObject, Counter[str]], Awaitable[None]]
"""Does what is due of one object, as a node, and counts what it did."""
LOOKED_AFTER: Mapping[Collection, LookAfter] = {
    Collection.KEYS: look_after_key,
    Collection.SECRETS: look_after_secret,
    Collection.CERTIFICATES: look_after_certificate,
}


async def look_after_objects(world: World, node: str) -> Counter[str]:
    """
    Do all that is due, a batch under a lease at a time; how much of each kind it was.

    Raises:
        Unavailable, StoreFault: nothing can be committed now, or another node has taken over.
    """
    done: Counter[str] = Counter()
    altered: set[str] = set()
    try:
        await _catch_up(world, node)
        await _look_after_all(world, node, done, altered)
    except StoreFault:
        let_go(world, node)
        raise
    finally:
        for fault in sorted(altered):
            _logger.error("an object is not looked after: %s", fault)
        if done:
            told = ", ".join(f"{name} {number}" for name, number in sorted(done.items()))
            _logger.info("looked after what was due: %s", told)
    return done


async def _catch_up(world: World, node: str) -> None:
    """Schedule what an older release has not, once, and what a clock that was ahead has put off for too long."""
    if world.view.get(CaughtUp, SCHEDULED.partition, SCHEDULED.id) is None and await hold(world, node):
        number = await schedule_older(world.store, [vault.id for vault in world.view.all(Vault)], lease=LEASE)
        if number:
            _logger.info("%d secrets of an older release are looked after from now on", number)
    now, before = world.now(), world.upkeep_at
    if before > now + _AFTER_A_FAULT_S:
        if not await hold(world, node):
            return
        number = await set_all_right(world.store, [vault.id for vault in world.view.all(Vault)], now, lease=LEASE)
        _logger.warning("the clock was ahead and is set right: %d certificates no longer wait for what it said", number)
    # Only now: what could not be set right is set right in the next turn.
    world.upkeep_at = now


async def _look_after_all(world: World, node: str, done: Counter[str], altered: set[str]) -> None:
    seen: set[str] = set()
    limit = BATCH
    while await world.store.due_objects(world.now(), limit=1, altered=altered.add):
        if not await hold(world, node):
            return
        due = await world.store.due_objects(world.now(), limit=limit, altered=altered.add)
        # What stays due although it was looked after waits for the next turn.
        fresh = [one for one in due if one.object_id not in seen]
        if not fresh:
            if len(due) < limit:
                return
            # It does not keep those behind it waiting.
            limit += BATCH
        for stored in fresh:
            await _look_after(world, node, stored, done)
        seen.update(one.object_id for one in fresh)


async def _look_after(world: World, node: str, stored: StoredObject, done: Counter[str]) -> None:
    """Do what is due of one object; what fails keeps no other waiting."""
    vault = world.view.vault(stored.vault)
    try:
        if vault is None or vault.deleted is not None:
            # It may be recovered.
            await put_off(world, stored, world.now() + DAY_S)
        else:
            await LOOKED_AFTER[stored.collection](world, node, vault, stored, done)
    except (Unavailable, StoreFault):
        # What a place for keys refuses is dealt with by then: this is the journal or the database.
        raise
    except Exception as error:  # noqa: BLE001  a fault at one object must not keep all others waiting
        _logger.error(  # noqa: TRY400  texts can hold input
            "%s %s of vault %s could not be looked after: %s",
            stored.collection,
            stored.name,
            stored.vault,
            type(error).__name__,
        )
        done[FAILED] += 1
        with suppress(Tampered):
            await put_off(world, stored, world.now() + _AFTER_A_FAULT_S)
