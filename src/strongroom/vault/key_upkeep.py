"""
What keys do without being asked: they rotate as their policies say, and their expiry is noted before and when it comes.

    a key that is due ─┬─ rotation: make the new key ─> commit (still due? the latest version still the one?)
                       └─ near expiry, expired ───────> commit (still due?)

A key that was due several times while the service was down is rotated once, since a new version's time begins when it
is made.
"""

from __future__ import annotations

from collections import Counter

from strongroom.core.errors import Failure, Forbidden
from strongroom.core.guardrails import Effect, KeyFacts, Violation, judge_key
from strongroom.core.key_rotation import Due, Event
from strongroom.core.keys import spec_of_next
from strongroom.core.objects import StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import Place
from strongroom.flow import audit
from strongroom.flow.guardrails import AUDITED, guardrails_of
from strongroom.flow.world import World
from strongroom.journal import Entry
from strongroom.objects import key_rotation
from strongroom.objects.keys import Key, Unclaimed
from strongroom.store import Transaction
from strongroom.vault.upkeep import FAILED, LEASE, OVERTAKEN, entry_of, hold, put_off


async def look_after_key(world: World, node: str, vault: Vault, stored: StoredObject, done: Counter[str]) -> None:
    """
    Do what is due of one key, and count it.

    Raises:
        Unavailable, StoreFault: nothing can be committed now, or another node has taken over.
    """
    # A key can be due for each event in turn, and for none twice.
    for number, _ in enumerate(Event):
        found = await key_rotation.look_again(world.store, stored, world.now())
        if found is None:
            return
        key, due = found
        if due is None or due.at > world.now():
            if not number:
                # Its row says otherwise: it was written under other rules. It must not stand before all others.
                await put_off(world, stored, None if due is None else due.at)
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
        await hold(world, node)
        await _postpone(world, vault, seen, failure)
        return FAILED


async def _replace(world: World, node: str, vault: Vault, seen: Key) -> bool:
    # As on request: a vault that is no premium one any more keeps its keys of a token, and gets no new ones.
    place, version = world.protections.for_new(seen.body.type, vault), world.entropy(16).hex()
    where = Place(vault.id, vault.subscription, seen.stored.name, version)
    async with Unclaimed() as unclaimed:
        made = unclaimed.note(place, await place.make(spec_of_next(seen.body.spec), where))
        # However long that took, unless another node has taken over meanwhile.
        await hold(world, node)
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
            own = key.body.attributes
            facts = KeyFacts(own.created, own.exp, key.body.type, key.body.bits, key.body.curve)
            notes[:] = guard(world, vault, facts, "rotation")
            unclaimed.claim()
            return key

        def entry(key: Key | None) -> Entry | None:
            return _entry(world, vault, key, Event.ROTATE, audits=notes) if key is not None else None

        return await audit.commit_apart(world, change, entry, lease=LEASE) is not None


def guard(world: World, vault: Vault, facts: KeyFacts, noun: str) -> list[str]:
    """
    Ask the guardrails about a key that is made because its time has come; what is only to be noted.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    return allowed(judge_key(guardrails_of(world.view), vault, facts), noun)


def allowed(found: tuple[Violation, ...], noun: str) -> list[str]:
    """
    Refuse what a guardrail denies, and give what is only to be noted.

    Raises:
        Forbidden: innererror `DisallowedByPolicy`.
    """
    denied = [_told(one) for one in found if one.effect is Effect.DENY]
    if denied:
        raise Forbidden(
            f"The {noun} was disallowed by policy. Reasons: {', '.join(denied)}.",
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
        return await key_rotation.note_expiry(tx, vault, seen, due.event, now)

    def entry(key: Key | None) -> Entry | None:
        return _entry(world, vault, key, due.event) if key is not None else None

    noted = await audit.commit_apart(world, change, entry, lease=LEASE)
    return due.event if noted is not None else OVERTAKEN


def _entry(
    world: World, vault: Vault, key: Key, event: Event, failure: Failure | None = None, audits: list[str] | None = None
) -> Entry:
    """Say what a key did, or could not do."""
    own = key.body.attributes
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
    return entry_of(world, vault, event, key.stored, key.version, properties, failure)
