"""What an instance's files say of it, for whoever looks after it; nothing that is sealed is opened."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom import journal
from strongroom.app.anchor import find_rollback
from strongroom.app.root_keys import load_root_key
from strongroom.config import Settings
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.federation import FederatedCredential
from strongroom.core.identity import (
    Application,
    Credential,
    CredentialKind,
    DirectoryRoleAssignment,
    ServicePrincipal,
    Tenant,
    User,
)
from strongroom.core.installation import Installation, JournalCheckpoint
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.journal import Report
from strongroom.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class TenantSurvey:
    """A tenant, and how many of its Global Administrators could sign in."""

    id: str
    domain: str
    administrators: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What the store says."""

    domain: str
    created: int
    vaults: tuple[str, ...]
    """The names of those that answer."""
    tenants: tuple[TenantSurvey, ...]
    first_client: str | None
    """The client id of the first application, if it is still there."""
    secret_ends: tuple[int | None, ...]
    """When each secret of the first application ends, in Unix seconds; None is never."""
    rollback: str | None
    """What says that an older store was put back."""
    checkpoint: bytes | None
    """How far the journal was known to go."""


async def survey_store(settings: Settings, now: int) -> Survey | None:
    """
    Read the store of an instance that is there. It may run beside the service. None: there is no installation in it.

    Raises:
        RootKeyUnusable: the root key cannot be read.
        StoreFault: the store cannot.
        StoreTooNew: a newer program has migrated it.
        Tampered: it is not as it was written.
    """
    keys = load_root_key(settings)
    store = await SqliteStore.open(settings.database, keys.tag, looks_only=True)
    try:
        found = await store.records(Installation)
        if not found:
            return None
        installation = found[0]
        kept = await store.records(JournalCheckpoint)
        vaults = sorted(one.name.lower() for one in await store.records(Vault) if one.deleted is None)
        tenants = [
            TenantSurvey(one.id, one.domains[0] if one.domains else one.id, await _administrators(store, one.id, now))
            for one in await store.records(Tenant)
        ]
        client, ends = await _first_secrets(store, installation)
        return Survey(
            domain=installation.domain,
            created=installation.created,
            vaults=tuple(vaults),
            tenants=tuple(tenants),
            first_client=client,
            secret_ends=ends,
            rollback=find_rollback(settings, keys, await store.sequence()),
            checkpoint=kept[0].checkpoint if kept else None,
        )
    finally:
        await store.close()


def survey_journal(settings: Settings, checkpoint: bytes | None) -> Report:
    """
    Check the newest file of every node's journal: its chain, and that it still holds what *checkpoint* knew.

    Raises:
        RootKeyUnusable: the root key cannot be read.
    """
    keys = load_root_key(settings)
    return journal.verify(settings.journal, keys.tag, checkpoint, newest_only=True)


async def _administrators(store: SqliteStore, tenant: str, now: int) -> int:
    """Count the Global Administrators that are enabled and have something to sign in with."""
    partition = tenant_partition(tenant)
    assignments = await store.records(DirectoryRoleAssignment, partition)
    holders = {one.principal for one in assignments if one.role == GLOBAL_ADMINISTRATOR}
    users = [one for one in await store.records(User, partition) if one.id in holders and one.enabled]
    principals = [one for one in await store.records(ServicePrincipal, partition) if one.id in holders and one.enabled]
    if not principals:
        return len(users)
    owners = {
        one.owner
        for one in await store.records(Credential, partition)
        if one.kind is CredentialKind.SECRET and (one.expires is None or one.expires > now)
    }
    owners |= {one.owner for one in await store.records(ClientCertificate, partition) if one.expires > now}
    owners |= {one.owner for one in await store.records(FederatedCredential, partition)}
    applications = {one.app_id: one.id for one in await store.records(Application, partition)}
    able = [one for one in principals if owners & {one.id, applications.get(one.app_id)} or one.resource_id]
    return len(users) + len(able)


async def _first_secrets(store: SqliteStore, installation: Installation) -> tuple[str | None, tuple[int | None, ...]]:
    """Find the first application's client id, and the ends of its secrets."""
    partition = tenant_partition(installation.tenant)
    application = await store.record(Application, partition, installation.application)
    if application is None:
        return None, ()
    ends = [
        one.expires
        for one in await store.records(Credential, partition)
        if one.owner == application.id and one.kind is CredentialKind.SECRET
    ]
    return application.app_id, tuple(ends)
