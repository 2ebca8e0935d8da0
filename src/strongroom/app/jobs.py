"""What happens without being asked: purges, key roll-over, certificate renewal, and the journal's housekeeping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from strongroom.app import certificates
from strongroom.app.audit_delivery import AuditDelivery
from strongroom.app.endpoint_listeners import EndpointListeners
from strongroom.app.instance import Opened, keep_journal_checkpoint
from strongroom.app.upkeep import look_after_objects
from strongroom.core import limits
from strongroom.core.outgoing import parse_networks
from strongroom.crypto.pool import BoundedPool
from strongroom.directory import deletion, signing_keys
from strongroom.directory.browser_sessions import end_sessions, expired_sessions
from strongroom.directory.sessions import end_families, expired_families
from strongroom.egress import Egress
from strongroom.flow import audit
from strongroom.http.asgi import Listener
from strongroom.objects.doomed_keys import destroy_doomed_keys, doom_keys_of
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.objects.issuers.authority_life import Keeper, look_after_authorities
from strongroom.objects.jobs import purge_due_objects
from strongroom.resources.vaults import has_expired_vaults, purge_expired_vaults
from strongroom.store import Transaction

_logger = logging.getLogger("strongroom.jobs")

_LEASE_FACTOR = 3
"""A lease outlives a missed turn or two, so that two nodes do not do one job."""


@dataclass(slots=True)
class Service:
    """What jobs look after."""

    opened: Opened
    listeners: Sequence[Listener]
    """The main one and those beside it that serve the server's certificate."""
    endpoints: EndpointListeners
    keys_pool: BoundedPool
    served_tag: bytes
    """Which certificate the listeners serve: a renewal that failed after the issue is tried again."""
    delivery: AuditDelivery = field(init=False)

    def __post_init__(self) -> None:
        settings, world = self.opened.settings, self.opened.world
        # A way out of its own: a sink that hangs takes no place from what requests wait for, nor from another sink.
        networks = parse_networks(settings.egress_networks)
        egress = Egress(networks, settings.egress_ca_file, at_once=limits.AUDIT_SINKS)
        self.delivery = AuditDelivery(world, self.opened.installation.id, egress)


async def trim_outbox(service: Service) -> None:
    """Let the store forget what the journal has."""
    await audit.trim(service.opened.world)


async def settle_anonymous(service: Service) -> None:
    """Record how many anonymous attempts were only counted."""
    audit.settle_anonymous(service.opened.world)


async def keep_checkpoint(service: Service) -> None:
    """Keep in the store how far the journal goes."""
    await keep_journal_checkpoint(service.opened)


async def purge_objects(service: Service) -> None:
    """Remove objects whose retention is over."""
    world = service.opened.world
    await purge_due_objects(world.store, world.keys, world.now())


async def destroy_keys(service: Service) -> None:
    """Destroy in the token the keys that were purged here."""
    world = service.opened.world
    await destroy_doomed_keys(world.store, world.protections)


async def look_after(service: Service) -> None:
    """Rotate and renew what is due, and note what is near its expiry or past it."""
    await look_after_objects(service.opened.world, service.opened.installation.id)


async def purge_vaults(service: Service) -> None:
    """Remove vaults whose retention is over."""
    world, now = service.opened.world, service.opened.world.now()
    if has_expired_vaults(world.view, now):
        await world.store.commit(
            lambda tx: purge_expired_vaults(tx, now=now, before=partial(doom_keys_of, root=world.keys))
        )


async def purge_directory(service: Service) -> None:
    """Remove deleted objects of directories whose time is over."""
    world, now = service.opened.world, service.opened.world.now()
    if deletion.has_expired(world.view, now):
        await world.store.commit(lambda tx: deletion.purge_expired(tx, now))


async def roll_over_signing_keys(service: Service) -> None:
    """Make the signing keys that tenants lack, off the loop, and publish them."""
    opened = service.opened
    for tenant in opened.world.view.tenants():
        await _roll_over(opened, service.keys_pool, tenant.id)


async def look_after_private_authorities(service: Service) -> None:
    """Renew issuing CAs and the lists of what they revoked, and forget what is over."""
    world = service.opened.world
    keys = AuthorityKeys(world.keys, world.protections)
    keeper = Keeper(world.store, world.view, keys, world.entropy, world.instance.pki_url)
    await look_after_authorities(keeper, world.now())


async def end_expired_sessions(service: Service) -> None:
    """Forget the browser sessions and the token families that are over."""
    world = service.opened.world
    sessions, families = expired_sessions(world.view, world.now()), expired_families(world.view, world.now())

    async def forget(tx: Transaction) -> None:
        await end_sessions(tx, sessions)
        await end_families(tx, families)

    if sessions or families:
        await world.store.commit(forget)


async def renew(service: Service) -> None:
    """Renew the server's certificate if that is due, and serve one that is not served yet, without a restart."""
    opened = service.opened
    await certificates.renew_if_due(opened)
    issued = opened.installation
    if issued.certificate_tag != service.served_tag:
        for listener in service.listeners:
            await listener.renew(opened.settings.certificate_files)
        service.served_tag = issued.certificate_tag
        opened.world.instance.certificate_expires = issued.certificate_expires
    # After the main one, whose files they serve: what could not be renewed does not keep the others from it.
    await service.endpoints.renew(issued.certificate_tag)


async def settle_endpoints(service: Service) -> None:
    """Listen at private endpoints' addresses that could not be listened at before."""
    await service.endpoints.settle()


async def settle_audit_sinks(service: Service) -> None:
    """Deliver copies of the audit wherever a diagnostic setting says so, and nowhere else any more."""
    await service.delivery.settle()


@dataclass(frozen=True, slots=True)
class Job:
    """Something done every *interval_s* seconds; *shared* ones by one node of those that share a store."""

    name: str
    interval_s: float
    run: Callable[[Service], Awaitable[None]]
    shared: bool = True


JOBS: tuple[Job, ...] = (
    Job("trim outbox", 1.0, trim_outbox, shared=False),
    Job("count anonymous", 5.0, settle_anonymous, shared=False),
    Job("journal checkpoint", 60.0, keep_checkpoint, shared=False),
    Job("purge objects", 60.0, purge_objects),
    # It takes its lease by itself, as it renews it while there is more to do.
    Job("upkeep", 15.0, look_after, shared=False),
    Job("purge vaults", 300.0, purge_vaults),
    Job("destroy purged keys", 60.0, destroy_keys),
    Job("purge directory", 300.0, purge_directory),
    Job("roll over signing keys", 3600.0, roll_over_signing_keys),
    Job("private CAs", 300.0, look_after_private_authorities),
    Job("end expired sessions", 600.0, end_expired_sessions),
    Job("renew certificate", 3600.0, renew, shared=False),
    Job("private endpoints", 60.0, settle_endpoints, shared=False),
    Job("audit sinks", 5.0, settle_audit_sinks, shared=False),
)


async def _roll_over(opened: Opened, pool: BoundedPool, tenant: str) -> None:
    """Make the signing keys a tenant lacks, off the loop, and publish them."""
    now = opened.world.now()
    terms = signing_keys.due(opened.world.view.signing_keys(tenant), now)
    made = [await pool.run(partial(signing_keys.make_signing_key, opened.keys, tenant, term, now)) for term in terms]
    if made:
        await opened.store.commit(lambda tx: signing_keys.roll_over(tx, tenant, made, now))


@asynccontextmanager
async def running(opened: Opened, listeners: Sequence[Listener], endpoints: EndpointListeners) -> AsyncIterator[None]:
    """Run the jobs while the block lasts."""
    keys_pool = BoundedPool("signing key", threads=1, waiting=4)
    service = Service(opened, listeners, endpoints, keys_pool, opened.installation.certificate_tag)
    opened.world.audit_sinks = service.delivery
    tasks = [asyncio.create_task(_repeat(service, job), name=job.name) for job in JOBS]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.delivery.close()
        service.keys_pool.close()


async def _repeat(service: Service, job: Job) -> None:
    """Run one job on its interval under its lease. A failure is logged and tried again at the next turn."""
    opened = service.opened
    store, node = opened.store, opened.installation.id
    while True:
        try:
            lifetime_s = int(job.interval_s * _LEASE_FACTOR) + 1
            if not job.shared or await store.acquire_lease(
                job.name, node, now=opened.world.now(), lifetime_s=lifetime_s
            ):
                await job.run(service)
        except Exception as error:  # noqa: BLE001  a job must not end because one turn failed
            _logger.error("the job %r failed: %s", job.name, type(error).__name__)  # noqa: TRY400  texts can hold input
        await asyncio.sleep(job.interval_s)
