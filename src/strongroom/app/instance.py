"""Opening an instance: its keys, its store, its journal, and the world made of them."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from strongroom import __version__
from strongroom.app.anchor import find_rollback, write_anchor
from strongroom.app.data_directory import InstanceFault, NotInitialised, require_initialised
from strongroom.app.root_keys import load_root_key
from strongroom.app.tokens import open_token
from strongroom.config import Settings
from strongroom.core import acme_accounts, acme_limits, private_authorities
from strongroom.core.errors import Tampered
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.core.guids import Guids
from strongroom.core.installation import Installation, JournalCheckpoint
from strongroom.core.instance import Instance
from strongroom.core.kinds import KINDS
from strongroom.core.names import Hosts
from strongroom.core.outgoing import parse_networks
from strongroom.core.permissions import Public
from strongroom.core.proxies import TrustedProxies, parse_trusted_proxies
from strongroom.core.records import INSTANCE, vault_partition
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys.protocol import KeyProtection, KeyProtections
from strongroom.crypto.keys.software import SoftwareKeys
from strongroom.crypto.passwords import Passwords
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.software import SoftwareRootKey
from strongroom.crypto.token_signers import TokenSigners
from strongroom.egress import Documents, Egress
from strongroom.events.routing import EventRouter
from strongroom.flow.authentication import TokenCache
from strongroom.flow.decisions import Decisions
from strongroom.flow.device_codes import DeviceCodes
from strongroom.flow.lockout import FactorLockout, Lockout
from strongroom.flow.operation import Op
from strongroom.flow.quota import AnonymousQuota
from strongroom.flow.recorder import Recorder
from strongroom.flow.throttle import Throttle
from strongroom.flow.world import Mail, NoMail, World
from strongroom.journal import Entry, Journal, encode
from strongroom.objects.issuers.acme import AcmeIssuer
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.objects.issuers.private_authority import PrivateAuthorities
from strongroom.store import Store
from strongroom.store.sqlite import SqliteStore
from strongroom.view import View


@dataclass(slots=True)
class Opened:
    """An open instance. `installation` is replaced when the server's certificate is renewed."""

    settings: Settings
    installation: Installation
    store: Store
    keys: SoftwareRootKey
    world: World
    checkpointed: int = 0
    """Up to which line of the journal the store keeps a checkpoint."""


@asynccontextmanager
async def open_instance(settings: Settings, *, restored: bool = False) -> AsyncIterator[Opened]:
    """
    Open the instance in a held directory: keys, store, view, journal.

    *restored* accepts a store that is older than it was, and has that recorded.

    Raises:
        NotInitialised: there is none.
        InstanceFault: it cannot be opened.
    """
    require_initialised(settings)
    _require_mail_password(settings)
    keys = load_root_key(settings)
    with _refusing_tampered(settings):
        store = await SqliteStore.open(settings.database, keys.tag)
    try:
        rollback = find_rollback(settings, keys, await store.sequence())
        if rollback is not None and not restored:
            raise InstanceFault(
                f"{settings.data}: {rollback}. If you have restored a backup, say so once: strongroom serve --restored"
            )
        view = View()
        store.subscribe(view.apply)
        store.route(event_router(view, Hosts(settings.domain, settings.url_port)))
        with _refusing_tampered(settings):
            installation = await _installation_of(settings, store)
            view.load([record for kind in KINDS.values() for record in await store.records(kind)])
        known = view.get(JournalCheckpoint, INSTANCE, installation.id)
        checkpoint = known.checkpoint if known is not None else None
        journal = Journal.open(settings.journal, keys.tag, installation.id, time.time, checkpoint=checkpoint)
        try:
            if rollback is not None:
                journal.append(
                    encode(Entry(time=time.time(), operation="StoreRestored", status=200, description=rollback))
                )
            instance = _describe(settings)
            async with _opened_token(settings, instance) as token:
                world = make_world(settings, installation, store, keys, view, journal, token=token, instance=instance)
                try:
                    yield Opened(settings, installation, store, keys, world)
                finally:
                    # Keys that wait to be made or read would keep the process for as long as they take.
                    await world.protections.close()
                    world.incoming_keys.close()
                    world.forks.end()
        finally:
            journal.close()
    finally:
        await store.close()


@asynccontextmanager
async def _opened_token(settings: Settings, instance: Instance) -> AsyncIterator[KeyProtection | None]:
    """Give the token, if there is one. It is reached for meanwhile: what needs no key of it does not wait for it."""
    token = open_token(settings, instance)
    if token is None:
        yield None
        return
    reaching = asyncio.create_task(token.reach())
    try:
        yield token
    finally:
        await token.close()
        await reaching


@contextmanager
def _refusing_tampered(settings: Settings) -> Iterator[None]:
    """Turn what the store finds wrong with itself into a refusal to start."""
    try:
        yield
    except Tampered as found:
        raise InstanceFault(
            f"{settings.database} is not as it was written under this root key: {found}. Nothing is served from it."
            f" All that is wrong says `strongroom verify --data {shlex.quote(str(settings.data))}`."
            " Restore a backup of both, and find out what happened."
        ) from found


async def _installation_of(settings: Settings, store: Store) -> Installation:
    found = await store.records(Installation)
    if not found:
        raise NotInitialised(f"There is no instance in {settings.data}. Make one with: strongroom init")
    if found[0].domain != settings.domain:
        raise InstanceFault(
            f"This instance was made for the domain {found[0].domain}, not {settings.domain}: its certificate"
            " authority cannot vouch for another. Make a new instance for another domain."
        )
    return found[0]


def event_router(view: View, hosts: Hosts) -> EventRouter:
    """Make what says who is to be told of an event."""
    return EventRouter(lambda vault: view.all(EventSubscription, vault_partition(vault)), hosts)


def make_world(
    settings: Settings,
    installation: Installation,
    store: Store,
    keys: RootKey,
    view: View,
    journal: Journal,
    *,
    token: KeyProtection | None = None,
    instance: Instance | None = None,
    clock: Callable[[], float] = time.time,
) -> World:
    """Put a world together."""
    hosts = Hosts(installation.domain, settings.url_port)
    flow, forks = settings.flow, Forks()
    protections = KeyProtections(SoftwareKeys(forks=forks), token)
    store.subscribe(protections.follow)
    described = instance or _describe(settings)
    # One of its own: an authority that takes its time keeps no token's keys waiting.
    exchange = Egress(
        parse_networks(settings.egress_networks), settings.egress_ca_file, at_once=acme_limits.ACME_REQUESTS_AT_ONCE
    )
    return World(
        settings=flow,
        hosts=hosts,
        store=store,
        view=view,
        keys=keys,
        protections=protections,
        journal=journal,
        clock=clock,
        entropy=os.urandom,
        request_ids=Guids(os.urandom),
        tokens=TokenCache(flow.token_cache_entries),
        decisions=Decisions(),
        recorder=Recorder(),
        throttle=Throttle(flow.anonymous_per_source, service_limits=flow.service_limits),
        quota=AnonymousQuota(
            flow.anonymous_audit_per_source, flow.anonymous_audit_per_second, flow.anonymous_audit_bytes_per_second
        ),
        passwords=Passwords(keys),
        lockout=Lockout(),
        factor_lockout=FactorLockout(),
        device_codes=DeviceCodes(),
        signers=TokenSigners(),
        instance=described,
        forks=forks,
        proxies=TrustedProxies(trusted) if (trusted := parse_trusted_proxies(settings.trusted_proxies)) else None,
        egress=exchange,
        issuers={
            acme_accounts.PROVIDER: AcmeIssuer(store, view, keys, exchange, clock),
            private_authorities.PROVIDER: PrivateAuthorities(store, view, AuthorityKeys(keys, protections), described),
        },
        documents=Documents(Egress(parse_networks(settings.egress_networks), settings.egress_ca_file), clock),
        vault_operations=_vault_operations,
        mail=_mail(settings, hosts, clock),
    )


def _require_mail_password(settings: Settings) -> None:
    """
    Demand that the mail server's password is there for us alone, if there is a server.

    Raises:
        InstanceFault: it is not.
    """
    if settings.smtp_server:
        from strongroom.app.mail import mail_server  # noqa: PLC0415  as below

        mail_server(settings)


def _mail(settings: Settings, hosts: Hosts, clock: Callable[[], float]) -> Mail:
    if not settings.smtp_server:
        return NoMail()
    from strongroom.app.mail import ContactMail  # noqa: PLC0415  few instances send letters, and email is much to read

    return ContactMail(hosts, clock, os.urandom)


def _describe(settings: Settings) -> Instance:
    return Instance(
        pid=os.getpid(), version=__version__, arc_key_folder=settings.arc_key_folder, pki_url=settings.pki_base
    )


def _vault_operations() -> tuple[Op, ...]:
    # Read when it is first asked for: a start-up does not wait for the table.
    from strongroom.vault.operations import OPERATIONS  # noqa: PLC0415

    return tuple(op for op in OPERATIONS if not isinstance(op.requires, Public))


async def keep_journal_checkpoint(opened: Opened) -> None:
    """Keep in the store how far the journal goes, and beside the store how far that does, unless nothing grew."""
    world, node = opened.world, opened.installation.id
    place = world.journal.durable_seq
    if place != opened.checkpointed:
        checkpoint = JournalCheckpoint(node, world.journal.checkpoint())
        await world.store.commit(lambda tx: tx.put(checkpoint))
        opened.checkpointed = place
        write_anchor(opened.settings, opened.keys, await world.store.sequence())
