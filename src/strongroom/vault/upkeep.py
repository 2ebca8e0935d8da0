"""
What all upkeep shares: the lease under which it is done, what it comes to, and how the journal has it.

`strongroom.app.upkeep` finds what is due; what is then done is each collection's: `key_upkeep`, `secret_upkeep` and
`certificate_upkeep`.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.errors import Failure
from strongroom.core.names import Surface
from strongroom.core.objects import StoredObject
from strongroom.core.vaults import Vault
from strongroom.flow.world import World
from strongroom.http.problems import KEY_VAULT, status_of
from strongroom.journal import Entry
from strongroom.objects.lifecycle import put_off as put_object_off

LEASE = "upkeep"
"""Whatever upkeep commits, it commits under this lease."""
LEASE_S = 300
"""It is taken anew after whatever takes long: a key that was made, an issuer that was asked."""
FAILED = "failed"
"""Counts what was to be done and could not be."""
OVERTAKEN = "overtaken"
"""Counts what somebody else had done by then."""


async def hold(world: World, node: str) -> bool:
    """
    Take the lease, or keep it for longer; False while another node has it, whose commits count then.

    While most of its time is left nothing is written: to keep a lease costs as much as what is done under it.
    """
    now, known = world.now(), (LEASE, node)
    if LEASE_S // 2 < world.leases_held.get(known, 0) - now <= LEASE_S:
        return True
    has_it = await world.store.acquire_lease(LEASE, node, now=now, lifetime_s=LEASE_S)
    if has_it:
        world.leases_held[known] = now + LEASE_S
    else:
        let_go(world, node)
    return has_it


def let_go(world: World, node: str) -> None:
    """Be sure of the lease no more: the database said otherwise, or did not say."""
    world.leases_held.pop((LEASE, node), None)


async def put_off(world: World, stored: StoredObject, until: int | None) -> None:
    """Look at an object later, or not until it is changed."""
    await world.store.commit(lambda tx: put_object_off(tx, stored, until), lease=LEASE)


def entry_of(
    world: World,
    vault: Vault,
    operation: str,
    stored: StoredObject,
    version: str,
    properties: Mapping[str, object],
    failure: Failure | None = None,
) -> Entry:
    """Say what an object did by itself, or could not do. It has no identity: nobody asked."""
    return Entry(
        time=world.clock(),
        operation=operation,
        status=200 if failure is None else status_of(failure, KEY_VAULT),
        resource_id=vault.scope,
        description=failure.message if failure is not None else "",
        object_uri=f"{world.hosts.url(Surface.VAULT, vault.name)}/{stored.collection}/{stored.name}/{version}",
        error_code=(failure.inner or failure.code or None) if failure is not None else None,
        reason=failure.reason if failure is not None else None,
        properties=dict(properties),
    )
