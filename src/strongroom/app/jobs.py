"""What happens without being asked: purges, key roll-over, certificate renewal, and the journal's housekeeping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from strongroom.app import certificates
from strongroom.app.audit_delivery import AuditDelivery
from strongroom.app.clockwork import Clockwork, Job, PartlyDone
from strongroom.app.endpoint_listeners import EndpointListeners
from strongroom.app.event_delivery import LEASE as EVENTS_LEASE
from strongroom.app.event_delivery import EventDelivery
from strongroom.app.instance import Opened, keep_journal_checkpoint
from strongroom.app.upkeep import look_after_objects
from strongroom.control.private_authorities import keeper_of
from strongroom.core import audit_limits, event_limits, limits
from strongroom.core.acme_accounts import AcmeChallenge
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Tampered
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.core.mail import Letter
from strongroom.core.outgoing import parse_networks
from strongroom.core.records import tenant_partition
from strongroom.core.release_authorities import ReleaseSigningKey, next_begins, shown_keys
from strongroom.core.vaults import Vault
from strongroom.crypto.pool import BoundedPool
from strongroom.directory import deletion, signing_keys
from strongroom.directory.browser_sessions import end_sessions, expired_sessions
from strongroom.directory.runs import expired_runs, forget_runs
from strongroom.directory.sessions import end_families, expired_families
from strongroom.egress import Egress
from strongroom.flow import audit
from strongroom.http.asgi import Listener
from strongroom.objects import release_authorities
from strongroom.objects.doomed_keys import destroy_doomed_keys, doom_keys_of, find_keys_of
from strongroom.objects.issuers.authority_life import look_after_authorities
from strongroom.objects.jobs import purge_due_objects
from strongroom.resources.vaults import expired_vaults, purge_expired_vault, remove_left_contents
from strongroom.store import Transaction
from strongroom.vault.upkeep import LEASE

if TYPE_CHECKING:
    from strongroom.app.mail import Deliver

_logger = logging.getLogger("strongroom.jobs")


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
    post: Deliver | None = field(init=False)
    """What gives letters to the mail server, if there is one."""
    events: EventDelivery = field(init=False)

    def __post_init__(self) -> None:
        settings, world = self.opened.settings, self.opened.world
        # A way out of its own: a sink that hangs takes no place from what requests wait for, nor from another sink.
        networks = parse_networks(settings.egress_networks)
        egress = Egress(networks, settings.egress_ca_file, at_once=audit_limits.AUDIT_SINKS)
        self.delivery = AuditDelivery(world, self.opened.installation.id, egress)
        self.post = None
        if settings.smtp_server:
            from strongroom.app.mail import deliver_through  # noqa: PLC0415  few instances send letters

            self.post = deliver_through(Egress(networks, settings.egress_ca_file), settings)
        egress = Egress(networks, settings.egress_ca_file, at_once=event_limits.EVENT_DELIVERIES_AT_ONCE)
        self.events = EventDelivery(world, self.opened.installation.id, egress)


async def trim_outbox(service: Service) -> None:
    """Let the store forget what the journal has."""
    await audit.trim(service.opened.world)


async def settle_anonymous(service: Service) -> None:
    """Record how many anonymous attempts were only counted."""
    audit.settle_anonymous(service.opened.world)


async def keep_checkpoint(service: Service) -> None:
    """Keep in the store how far the journal goes."""
    await keep_journal_checkpoint(service.opened)


async def purge_objects(service: Service) -> int:
    """Remove objects whose retention is over."""
    world = service.opened.world
    return await purge_due_objects(world.store, world.keys, world.now())


async def count_purgeable(service: Service) -> int:
    """Count the objects whose retention is over."""
    world = service.opened.world
    return await world.store.count_for_purge(world.now(), limit=limits.JOB_WAITING)


async def destroy_keys(service: Service) -> int:
    """Destroy in the token the keys that were purged here."""
    world = service.opened.world
    altered: set[str] = set()
    done = await destroy_doomed_keys(world.store, world.protections, altered=altered.add)
    if not altered:
        return done
    for fault in sorted(altered):
        _logger.error("a purged key is not destroyed in its token: %s", fault)
    raise PartlyDone(done, Tampered.__name__)


async def count_doomed(service: Service) -> int:
    """Count the purged keys that their token still has."""
    return len(service.opened.world.view.all(DoomedKey))


async def look_after(service: Service) -> int:
    """Rotate and renew what is due in vaults, and note what is near its expiry or past it."""
    done = await look_after_objects(service.opened.world, service.opened.installation.id)
    return done.total()


async def count_due(service: Service) -> int:
    """Count the objects of which something is due."""
    world = service.opened.world
    return await world.store.count_due(world.now(), limit=limits.JOB_WAITING)


async def purge_vaults(service: Service) -> int:
    """Remove vaults whose retention is over, and what is left of those that were purged."""
    world, now = service.opened.world, service.opened.world.now()
    removed = 0
    for vault in expired_vaults(world.view, now):
        found = await find_keys_of(world.store, vault, world.keys)

        async def change(tx: Transaction, vault: Vault = vault, found: Sequence[DoomedKey] = found) -> bool:
            doom = partial(doom_keys_of, tx, vault, world.keys, found)
            return await purge_expired_vault(tx, vault, now=now, before=doom)

        removed += (await world.store.commit(change)).result
    await remove_left_contents(world.store, world.view)
    return removed


async def purge_directory(service: Service) -> int:
    """Remove deleted objects of directories whose time is over."""
    world = service.opened.world
    return await deletion.purge_expired(world.store, world.view, world.now())


async def roll_over_signing_keys(service: Service) -> int:
    """Make the signing keys that tenants lack, publish them, and forget those that nobody trusts any more."""
    opened = service.opened
    return sum([await _roll_over(opened, service.keys_pool, tenant.id) for tenant in opened.world.view.tenants()])


async def roll_over_release_keys(service: Service) -> int:
    """Make the next keys that releases are signed with, in time, and forget those that nobody is to accept any more."""
    opened, done = service.opened, 0
    for tenant in opened.world.view.tenants():
        now = opened.world.now()
        present = opened.world.view.all(ReleaseSigningKey, tenant_partition(tenant.id))
        begins = next_begins(present, now)
        made = None
        if begins is not None:
            make = partial(release_authorities.make_release_signing_key, opened.keys, tenant.id, now, begins)
            made = await service.keys_pool.run(make)
        if made is not None or len(shown_keys(present, now)) < len(present):
            change = partial(release_authorities.roll_over, tenant=tenant.id, made=made, now=now)
            done += (await opened.store.commit(change)).result
    return done


async def look_after_private_authorities(service: Service) -> int:
    """Renew issuing CAs and the lists of what they revoked, and forget what is over."""
    world = service.opened.world
    return await look_after_authorities(keeper_of(world), world.now())


async def end_expired_sessions(service: Service) -> int:
    """Forget what was lent and is over: browser sessions, token families, runs, device codes, answers to challenges."""
    world, now = service.opened.world, service.opened.world.now()
    sessions, families = expired_sessions(world.view, now), expired_families(world.view, now)
    runs = expired_runs(world.view, world.keys, now)
    challenges = [one for one in world.view.all(AcmeChallenge) if one.expires <= now]

    async def forget(tx: Transaction) -> None:
        await end_sessions(tx, sessions)
        await end_families(tx, families)
        await forget_runs(tx, runs)
        for challenge in challenges:
            await tx.remove(challenge)

    number = len(sessions) + len(families) + len(runs) + len(challenges)
    if number:
        await world.store.commit(forget)
    return number + world.device_codes.forget_expired(now)


async def rest_forks(service: Service) -> None:
    """End the process that checks keys and opens files if nobody has needed it for a minute."""
    await asyncio.to_thread(service.opened.world.forks.rest)


async def send_mail(service: Service) -> int:
    """Send the letters that wait for contacts of certificates."""
    if service.post is None:
        return 0
    from strongroom.app.mail import send_letters  # noqa: PLC0415  as above

    return await send_letters(service.opened.world, service.post)


async def count_mail(service: Service) -> int:
    """Count the letters that wait."""
    return len(service.opened.world.view.all(Letter))


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


async def count_deliveries(service: Service) -> int:
    """Count the events that wait for a webhook."""
    world = service.opened.world
    return sum([(await world.store.count_deliveries(one.number)).waiting for one in world.view.all(EventSubscription)])


async def settle_events(service: Service) -> None:
    """Deliver events to whoever subscribes to them, if this node is the one that does."""
    await service.events.settle()


JOBS: tuple[Job[Service], ...] = (
    Job("trim-outbox", 1.0, trim_outbox, shared=False, patient=False),
    Job("count-anonymous", 5.0, settle_anonymous, shared=False, patient=False),
    Job("journal-checkpoint", 60.0, keep_checkpoint, shared=False, patient=False),
    Job("purge-objects", 60.0, purge_objects, waiting=count_purgeable),
    # It takes its lease by itself, as it renews it while there is more to do.
    Job("upkeep", 15.0, look_after, shared=False, lease=LEASE, waiting=count_due),
    Job("purge-vaults", 300.0, purge_vaults),
    Job("destroy-purged-keys", 60.0, destroy_keys, waiting=count_doomed),
    Job("purge-directory", 300.0, purge_directory),
    Job("roll-over-signing-keys", 3600.0, roll_over_signing_keys),
    Job("roll-over-release-keys", 3600.0, roll_over_release_keys),
    Job("private-authorities", 300.0, look_after_private_authorities),
    Job("end-expired-sessions", 600.0, end_expired_sessions),
    Job("send-mail", 15.0, send_mail, waiting=count_mail),
    Job("rest-processes", 60.0, rest_forks, shared=False, patient=False),
    Job("renew-certificate", 3600.0, renew, shared=False),
    Job("private-endpoints", 60.0, settle_endpoints, shared=False),
    Job("audit-sinks", 5.0, settle_audit_sinks, shared=False),
    # It holds its lease for as long as it delivers.
    Job("event-deliveries", 5.0, settle_events, shared=False, lease=EVENTS_LEASE, waiting=count_deliveries),
)


async def _roll_over(opened: Opened, pool: BoundedPool, tenant: str) -> int:
    """Make the signing keys a tenant lacks, off the loop, and publish them."""
    now = opened.world.now()
    present = opened.world.view.signing_keys(tenant)
    terms = signing_keys.due(present, now)
    made = [await pool.run(partial(signing_keys.make_signing_key, opened.keys, tenant, term, now)) for term in terms]
    if not made and all(key.trusted_until > now for key in present):
        return 0
    return len((await opened.store.commit(lambda tx: signing_keys.roll_over(tx, tenant, made, now))).result)


@asynccontextmanager
async def running(opened: Opened, listeners: Sequence[Listener], endpoints: EndpointListeners) -> AsyncIterator[None]:
    """Run the jobs while the block lasts."""
    keys_pool = BoundedPool("signing key", threads=1, waiting=4)
    service = Service(opened, listeners, endpoints, keys_pool, opened.installation.certificate_tag)
    opened.world.audit_sinks = service.delivery
    opened.store.subscribe(service.events.follow)
    clockwork = Clockwork(opened.world, opened.installation.id, service, JOBS)
    opened.world.jobs = clockwork
    clockwork.start()
    try:
        yield
    finally:
        await clockwork.stop()
        await service.delivery.close()
        await service.events.close()
        service.keys_pool.close()
