"""Going through all keys of a vault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from strongroom.core.guardrails import KeyFacts
from strongroom.core.keys import KeyVersionBody
from strongroom.core.lifecycle import State, state_of
from strongroom.core.objects import Collection
from strongroom.core.vaults import Vault
from strongroom.objects.keys import Key, key_of
from strongroom.store import ObjectState, Reader

_READ_AT_ONCE = 100


async def each_key(reader: Reader, vault: Vault, now: int) -> AsyncIterator[Key]:
    """Go through a vault's active keys in order of name, each by its latest version; no material is opened."""
    after: str | None = None
    more = True
    while more:
        page = await reader.objects(vault.id, Collection.KEYS, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE)
        for stored, row in page.rows:
            if state_of(stored, now) is State.ACTIVE:
                yield key_of(stored, row)
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)


def facts_of(body: KeyVersionBody) -> KeyFacts:
    """Say of a version what guardrails ask about."""
    return KeyFacts(body.attributes.created, body.attributes.exp, body.type, body.bits, body.curve)
