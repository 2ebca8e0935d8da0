"""Making signing keys where the operator's commands need them: off the loop, which a key would stop for a while."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from strongroom.core.identity import SigningKey
from strongroom.crypto.pool import BoundedPool
from strongroom.directory import signing_keys
from strongroom.flow.call import Call


async def make_missing(call: Call, tenant: str, left: Sequence[SigningKey]) -> list[SigningKey]:
    """Make the keys that a tenant lacks once it has *left*, or all of a new one's."""
    world, now = call.world, call.now
    pool = BoundedPool("signing key", threads=1, waiting=1)
    try:
        return [
            await pool.run(partial(signing_keys.make_signing_key, world.keys, tenant, term, now))
            for term in signing_keys.due(left, now)
        ]
    finally:
        pool.close()
