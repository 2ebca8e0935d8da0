"""What secrets do without being asked: their expiry is noted thirty days before it comes, and when it does."""

from __future__ import annotations

from collections import Counter

from strongroom.core.objects import StoredObject
from strongroom.core.secret_expiry import Due, Event
from strongroom.core.vaults import Vault
from strongroom.flow import audit
from strongroom.flow.world import World
from strongroom.journal import Entry
from strongroom.objects import secret_expiry
from strongroom.objects.secrets import Secret
from strongroom.store import Transaction
from strongroom.vault.upkeep import LEASE, OVERTAKEN, entry_of, put_off


async def look_after_secret(world: World, _node: str, vault: Vault, stored: StoredObject, done: Counter[str]) -> None:
    """
    Do what is due of one secret, and count it.

    Raises:
        Unavailable, StoreFault: nothing can be committed now, or another node has taken over.
    """
    # It can be due for each event in turn, and for none twice.
    for number, _ in enumerate(Event):
        found = await secret_expiry.look_again(world.store, stored, world.now())
        if found is None:
            return
        secret, due = found
        if due is None or due.at > world.now():
            if not number:
                # Its row says otherwise: it was written under other rules. It must not stand before all others.
                await put_off(world, stored, None if due is None else due.at)
            return
        done[await _note(world, vault, secret, due)] += 1


async def _note(world: World, vault: Vault, seen: Secret, due: Due) -> str:
    """Note that a version is near its expiry or past it, once; what it comes to."""
    now = world.now()

    async def change(tx: Transaction) -> Secret | None:
        return await secret_expiry.note_expiry(tx, vault, seen, due.event, now)

    def entry(secret: Secret | None) -> Entry | None:
        return _entry(world, vault, secret, due.event) if secret is not None else None

    noted = await audit.commit_apart(world, change, entry, lease=LEASE)
    return due.event if noted is not None else OVERTAKEN


def _entry(world: World, vault: Vault, secret: Secret, event: Event) -> Entry:
    """Say what was noted."""
    own = secret.body.attributes
    properties = {
        "secretProperties": {
            "type": secret.body.content_type,
            "attributes": {"enabled": own.enabled, "exp": own.exp, "created": own.created, "updated": own.updated},
        }
    }
    return entry_of(world, vault, event, secret.stored, secret.version, properties)
