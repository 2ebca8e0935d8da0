"""
What keys do without being asked: they rotate as their policies say, and their expiry is noted before and when it comes.

    due_objects --> a key ─┬─ rotation: make the new key ─> commit (still due? the latest version still the one?)
       ^                   └─ near expiry, expired ───────> commit (still due?)
       └── next batch                                         each with its audit entry, under the lease

What a key does and that it did it are one commit, so nothing is done twice: not by two nodes, nor by one that died
between. A key that was due several times while the service was down is rotated once, since a new version's time begins
when it is made.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress

from strongroom.core.errors import Failure, Forbidden, Tampered, Unavailable
from strongroom.core.guardrails import Effect, KeyFacts, Violation, judge_key
from strongroom.core.key_rotation import DAY_S, Due, Event
from strongroom.core.keys import KeyVersionBody
from strongroom.core.names import Surface
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import Place
from strongroom.flow import audit
from strongroom.flow.guardrails import AUDITED, guardrails_of
from strongroom.flow.world import World
from strongroom.http.problems import KEY_VAULT, status_of
from strongroom.journal import Entry
from strongroom.objects import key_rotation
from strongroom.objects.keys import Key, Unclaimed
from strongroom.store import StoreFault, Transaction

_logger = logging.getLogger("strongroom.keys")

LEASE = "look after keys"
LEASE_S = 300
"""It is taken anew after every key that was made, or could not be: a batch may take longer."""
BATCH = 25
FAILED = "failed"
"""Counts what was to be done and could not be."""
OVERTAKEN = "overtaken"
"""Counts what somebody else had done by then."""
_AFTER_A_FAULT_S = 3_600


async def look_after_keys(world: World, node: str) -> Counter[str]:
    """
    Do all that is due, a batch under a lease at a time; how much of each kind it was.

    Raises:
        Unavailable, StoreFault: nothing can be committed now, or another node has taken over.
    """
    done: Counter[str] = Counter()
    altered: set[str] = set()
    try:
        await _look_after_all(world, node, done, altered)
    finally:
        for fault in sorted(altered):
            _logger.error("a key is not looked after: %s", fault)
        if done:
            told = ", ".join(f"{name} {number}" for name, number in sorted(done.items()))
            _logger.info("keys were looked after: %s", told)
    return done


async def _look_after_all(world: World, node: str, done: Counter[str], altered: set[str]) -> None:
    seen: set[str] = set()
    limit = BATCH
    while await world.store.due_objects(world.now(), limit=1, altered=altered.add):
        if not await _hold(world, node):
            return
        due = await world.store.due_objects(world.now(), limit=limit, altered=altered.add)
        # So far nothing but keys is ever due. What stays due although it was looked after waits for the next turn.
        fresh = [one for one in due if one.collection is Collection.KEYS and one.object_id not in seen]
        if not fresh:
            if len(due) < limit:
                return
            # It does not keep those behind it waiting.
            limit += BATCH
        for stored in fresh:
            await _look_after(world, node, stored, done)
        seen.update(one.object_id for one in fresh)


async def _hold(world: World, node: str) -> bool:
    """Take the lease, or keep it for longer; False while another node has it, whose commits count then."""
    return await world.store.acquire_lease(LEASE, node, now=world.now(), lifetime_s=LEASE_S)


async def _look_after(world: World, node: str, stored: StoredObject, done: Counter[str]) -> None:
    """Do what is due of one key; what fails keeps no other key waiting."""
    vault = world.view.vault(stored.vault)
    try:
        if vault is None or vault.deleted is not None:
            # It may be recovered.
            await _put_off(world, stored, world.now() + DAY_S)
        else:
            await _do_what_is_due(world, node, vault, stored, done)
    except (Unavailable, StoreFault):
        # What a place for keys refuses is dealt with by then: this is the journal or the database.
        raise
    except Exception as error:  # noqa: BLE001  a fault at one key must not keep all others from rotating
        _logger.error(  # noqa: TRY400  texts can hold input
            "the key %s of vault %s could not be looked after: %s", stored.name, stored.vault, type(error).__name__
        )
        done[FAILED] += 1
        with suppress(Tampered):
            await _put_off(world, stored, world.now() + _AFTER_A_FAULT_S)


async def _put_off(world: World, stored: StoredObject, until: int | None) -> None:
    await world.store.commit(lambda tx: key_rotation.put_off(tx, stored, until), lease=LEASE)


async def _do_what_is_due(world: World, node: str, vault: Vault, stored: StoredObject, done: Counter[str]) -> None:
    # A key can be due for each event in turn, and for none twice.
    for number, _ in enumerate(Event):
        found = await key_rotation.look_again(world.store, stored, world.now())
        if found is None:
            return
        key, due = found
        if due is None or due.at > world.now():
            if not number:
                # Its row says otherwise: it was written under other rules. It must not stand before all others.
                await _put_off(world, stored, None if due is None else due.at)
            return
        done[
            await _rotate(world, node, vault, key) if due.event is Event.ROTATE else await _note(world, vault, key, due)
        ] += 1


# ---- rotation -------------------------------------------------------------------------------------------------------


async def _rotate(world: World, node: str, vault: Vault, seen: Key) -> str:
    """Rotate a key that is due, or note why that cannot be done now and try again later; what it comes to."""
    try:
        return Event.ROTATE if await _replace(world, node, vault, seen) else OVERTAKEN
    except Failure as failure:
        await _hold(world, node)
        await _postpone(world, vault, seen, failure)
        return FAILED


async def _replace(world: World, node: str, vault: Vault, seen: Key) -> bool:
    # As on request: a vault that is no premium one any more keeps its keys of a token, and gets no new ones.
    place, version = world.protections.for_new(seen.body.type, vault), world.entropy(16).hex()
    async with Unclaimed() as unclaimed:
        made = unclaimed.note(
            place, await place.make(seen.body.spec, Place(vault.id, vault.subscription, seen.stored.name, version))
        )
        # However long that took, unless another node has taken over meanwhile.
        await _hold(world, node)
        now, notes = world.now(), list[str]()

        async def change(tx: Transaction) -> Key | None:
            if await key_rotation.still_due(tx, seen, Event.ROTATE, now) is None:
                return None
            envelope = world.keys.envelope(vault.id, vault.wrapped_key)
            key = await key_rotation.rotate(
                tx,
                vault,
                envelope,
                seen,
                made,
                place.platform,
                version=version,
                now=now,
                entropy=world.entropy,
            )
            notes[:] = _guard(world, vault, key.body)
            unclaimed.claim()
            return key

        def entry(key: Key | None) -> Entry | None:
            return _entry(world, vault, key, Event.ROTATE, audits=notes) if key is not None else None

        return await audit.commit_apart(world, change, entry, lease=LEASE) is not None


def _guard(world: World, vault: Vault, body: KeyVersionBody) -> list[str]:
    """
    Ask the guardrails about the version that rotation makes; what is only to be noted.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    own = body.attributes
    facts = KeyFacts(own.created, own.exp, body.type, body.bits, body.curve)
    found = judge_key(guardrails_of(world.view), vault, facts)
    denied = [_told(one) for one in found if one.effect is Effect.DENY]
    if denied:
        raise Forbidden(
            f"The rotation was disallowed by policy. Reasons: {', '.join(denied)}.",
            inner="DisallowedByPolicy",
            reason=f"guardrail {', '.join(one.guardrail for one in found if one.effect is Effect.DENY)}",
        )
    return [_told(one) for one in found]


def _told(violation: Violation) -> str:
    return f"{violation.guardrail}: {violation.reason}"


async def _postpone(world: World, vault: Vault, seen: Key, failure: Failure) -> None:
    now = world.now()

    async def change(tx: Transaction) -> bool:
        return await key_rotation.postpone_rotation(tx, seen, now)

    def entry(postponed: bool) -> Entry | None:  # noqa: FBT001  what the change gives
        return _entry(world, vault, seen, Event.ROTATE, failure) if postponed else None

    await audit.commit_apart(world, change, entry, lease=LEASE)


# ---- expiry ---------------------------------------------------------------------------------------------------------


async def _note(world: World, vault: Vault, seen: Key, due: Due) -> str:
    """Note that a version is near its expiry or past it, once; what it comes to."""
    now = world.now()

    async def change(tx: Transaction) -> Key | None:
        return await key_rotation.note_expiry(tx, seen, due.event, now)

    def entry(key: Key | None) -> Entry | None:
        return _entry(world, vault, key, due.event) if key is not None else None

    noted = await audit.commit_apart(world, change, entry, lease=LEASE)
    return due.event if noted is not None else OVERTAKEN


def _entry(
    world: World, vault: Vault, key: Key, event: Event, failure: Failure | None = None, audits: list[str] | None = None
) -> Entry:
    """Say what a key did, or could not do. It has no identity: nobody asked."""
    own = key.body.attributes
    uri = f"{world.hosts.url(Surface.VAULT, vault.name)}/keys/{key.stored.name}/{key.version}"
    properties: dict[str, object] = {
        "keyProperties": {
            "type": key.body.type,
            "size": key.body.bits,
            "curve": key.body.curve,
            "operations": key.body.operations,
            "attributes": {"enabled": own.enabled, "exp": own.exp, "created": own.created, "updated": own.updated},
        },
    }
    if audits:
        properties[AUDITED] = audits
    return Entry(
        time=world.clock(),
        operation=event,
        status=200 if failure is None else status_of(failure, KEY_VAULT),
        resource_id=vault.scope,
        description=failure.message if failure is not None else "",
        object_uri=uri,
        error_code=(failure.inner or failure.code or None) if failure is not None else None,
        reason=failure.reason if failure is not None else None,
        properties=properties,
    )
