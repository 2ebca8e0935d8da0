"""What happens without being asked: purges, key roll-over, certificate renewal, and the journal's housekeeping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from strongroom.app import certificates
from strongroom.app.instance import Opened
from strongroom.crypto.pool import BoundedPool
from strongroom.directory import signing_keys
from strongroom.flow import audit
from strongroom.http.asgi import Listener
from strongroom.objects.jobs import purge_due_objects
from strongroom.resources.vaults import purge_expired_vaults

_logger = logging.getLogger("strongroom.jobs")

_LEASE_FACTOR = 3
"""A lease outlives a missed turn or two, so that two nodes do not do one job."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something done every *interval_s* seconds; *shared* ones by one node of those that share a store."""

    name: str
    interval_s: float
    run: Callable[[], Awaitable[object]]
    shared: bool = True


def jobs_of(opened: Opened, main: Listener) -> tuple[Job, ...]:
    """List the jobs of an instance."""
    world, settings = opened.world, opened.settings
    keys_pool = BoundedPool("signing key", threads=1, waiting=4)

    async def trim_outbox() -> None:
        await audit.trim(world)

    async def settle_anonymous() -> None:
        audit.settle_anonymous(world)

    async def purge_objects() -> None:
        await purge_due_objects(world.store, world.now())

    async def purge_vaults() -> None:
        now = world.now()
        if any(vault.purge_at is not None and vault.purge_at <= now for vault in world.view.vaults()):
            await world.store.commit(lambda tx: purge_expired_vaults(tx, now=now))

    async def roll_over_keys() -> None:
        for tenant in world.view.tenants():
            await _roll_over(opened, keys_pool, tenant.id)

    async def renew() -> None:
        if await renew_certificate(opened):
            await main.renew(settings.certificate_files)

    return (
        Job("trim outbox", 1.0, trim_outbox, shared=False),
        Job("count anonymous", 5.0, settle_anonymous, shared=False),
        Job("purge objects", 60.0, purge_objects),
        Job("purge vaults", 300.0, purge_vaults),
        Job("roll over signing keys", 3600.0, roll_over_keys),
        Job("renew certificate", settings.certificate_check_s, renew, shared=False),
    )


async def renew_certificate(opened: Opened) -> bool:
    """Issue a new server certificate if one is due; whether it was."""
    now = opened.world.now()
    if not certificates.is_due(opened.settings, opened.installation, now):
        return False
    opened.installation = await certificates.issue(opened.settings, opened.store, opened.keys, opened.installation, now)
    opened.world.instance.certificate_expires = opened.installation.certificate_expires
    return True


async def _roll_over(opened: Opened, pool: BoundedPool, tenant: str) -> None:
    """Make the signing keys a tenant lacks, off the loop, and publish them."""
    now = opened.world.now()
    terms = signing_keys.due(opened.world.view.signing_keys(tenant), now)
    made = [await pool.run(partial(signing_keys.make_signing_key, opened.keys, tenant, term, now)) for term in terms]
    if made:
        await opened.store.commit(lambda tx: signing_keys.roll_over(tx, tenant, made, now))


@asynccontextmanager
async def running(opened: Opened, main: Listener) -> AsyncIterator[None]:
    """Run the jobs while the block lasts."""
    tasks = [asyncio.create_task(_repeat(opened, job), name=job.name) for job in jobs_of(opened, main)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(opened: Opened, job: Job) -> None:
    """Run one job on its interval under its lease. A failure is logged and tried again at the next turn."""
    store, node = opened.store, opened.installation.id
    while True:
        try:
            lifetime_s = int(job.interval_s * _LEASE_FACTOR) + 1
            if not job.shared or await store.acquire_lease(
                job.name, node, now=opened.world.now(), lifetime_s=lifetime_s
            ):
                await job.run()
        except Exception as error:  # noqa: BLE001  a job must not end because one turn failed
            _logger.error("the job %r failed: %s", job.name, type(error).__name__)  # noqa: TRY400  texts can hold input
        await asyncio.sleep(job.interval_s)
