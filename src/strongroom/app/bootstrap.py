"""
The first start: an instance's keys, certificate authority, tenant, vault and principals, made once.

The secrets it makes are returned once and kept as hashes (security.md "Bootstrap, keys, data"): nothing can show them
again. Everything is one transaction, so a first start that fails half-way leaves nothing that a second could trip over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.app.certificates import CA_PURPOSE
from strongroom.config import Settings
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.guids import new_guid
from strongroom.core.identity import Tenant, User
from strongroom.core.installation import Installation
from strongroom.core.names import Hosts, Surface, tenant_domain
from strongroom.core.resources import ResourceGroup, Subscription
from strongroom.core.vaults import Vault
from strongroom.crypto import x509
from strongroom.crypto.context import bind
from strongroom.crypto.passwords import Passwords
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.secret_texts import new_password
from strongroom.directory import applications, roles, signing_keys, tenants, users
from strongroom.directory.administrators import Administrator, make_administrator
from strongroom.objects.secret_expiry import SCHEDULED
from strongroom.resources import containers, vaults
from strongroom.resources.administrators import make_owner
from strongroom.resources.identities import DEFAULT_IDENTITY, create_user_assigned_identity, identity_resource_id
from strongroom.resources.role_assignments import Grant, put_role_assignment
from strongroom.resources.scopes import Scope
from strongroom.resources.vault_settings import Sku, VaultChange
from strongroom.store import Store, Transaction

RESOURCE_GROUP = "default"
_BY = "bootstrap"

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What a first start made, with the only copies of its two secrets there will ever be."""

    installation: Installation
    tenant_id: str
    subscription_id: str
    resource_group: str
    vault_name: str
    client_id: str
    object_id: str
    user_name: str
    client_secret: str = field(repr=False)
    user_password: str = field(repr=False)

    def describe(self, hosts: Hosts, ca_file: str) -> dict[str, str]:
        """Give what `init --json` prints."""
        return {
            "tenantId": self.tenant_id,
            "subscriptionId": self.subscription_id,
            "resourceGroup": self.resource_group,
            "vaultName": self.vault_name,
            "vaultUri": hosts.url(Surface.VAULT, self.vault_name) + "/",
            "authority": hosts.url(Surface.LOGIN),
            "armUri": hosts.url(Surface.MANAGEMENT),
            "graphUri": hosts.url(Surface.GRAPH),
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "objectId": self.object_id,
            "userName": self.user_name,
            "userPassword": self.user_password,
            "caFile": ca_file,
        }


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is computed before the transaction."""

    password: str = field(repr=False)
    password_verifier: bytes = field(repr=False)
    authority: x509.Authority


async def bootstrap(
    settings: Settings, store: Store, keys: RootKey, *, now: int, entropy: Entropy
) -> tuple[Bootstrap, x509.Authority]:
    """Make everything a new instance needs; the CA comes back open, for the first server certificate."""
    password = new_password(entropy)
    prepared = _Prepared(
        password=password,
        password_verifier=await Passwords(keys).hash(password),
        authority=x509.make_authority(settings.domain, now=now),
    )
    committed = await store.commit(lambda tx: _make(tx, settings, keys, prepared, now, entropy))
    return committed.result, prepared.authority


@dataclass(frozen=True, slots=True)
class _Making:
    """What every part of a first start is made with."""

    tx: Transaction
    settings: Settings
    keys: RootKey
    now: int
    entropy: Entropy


@dataclass(frozen=True, slots=True)
class _Directory:
    """The first tenant and its two administrators, a program and a person."""

    tenant: Tenant
    administrator: Administrator
    user: User


@dataclass(frozen=True, slots=True)
class _Resources:
    """The first vault and what it is in."""

    subscription: Subscription
    group: ResourceGroup
    vault: Vault


async def _make(
    tx: Transaction, settings: Settings, keys: RootKey, prepared: _Prepared, now: int, entropy: Entropy
) -> Bootstrap:
    making = _Making(tx, settings, keys, now, entropy)
    directory = await _make_directory(making, prepared)
    resources = await _make_resources(making, directory.tenant)
    await _give_rights(making, directory, resources.subscription)
    await _make_identity(making, resources)
    installation = _make_installation(making, prepared, directory, resources)
    await tx.put(installation)
    # Nothing is older than this release.
    await tx.put(SCHEDULED)
    return Bootstrap(
        installation=installation,
        tenant_id=directory.tenant.id,
        subscription_id=resources.subscription.id,
        resource_group=resources.group.name,
        vault_name=resources.vault.name,
        client_id=directory.administrator.application.app_id,
        object_id=directory.administrator.principal.id,
        user_name=directory.user.user_principal_name,
        client_secret=directory.administrator.secret.text,
        user_password=prepared.password,
    )


async def _make_directory(making: _Making, prepared: _Prepared) -> _Directory:
    tx, keys, now, entropy = making.tx, making.keys, making.now, making.entropy
    domain = tenant_domain(making.settings.domain)
    tenant = await tenants.create_tenant(tx, display_name="Strongroom", domains=(domain,), now=now, entropy=entropy)
    terms = signing_keys.due((), now)
    made = [signing_keys.make_signing_key(keys, tenant.id, term, now) for term in terms]
    await signing_keys.roll_over(tx, tenant.id, made, now)
    administrator = await make_administrator(tx, keys, tenant.id, reason="first start", now=now, entropy=entropy)
    user = await users.create_user(
        tx,
        tenant.id,
        users.NewUser(f"admin@{domain}", "Administrator", "admin"),
        password=users.NewPassword(prepared.password_verifier),
        now=now,
        entropy=entropy,
    )
    await roles.assign_role(tx, tenant.id, role=GLOBAL_ADMINISTRATOR, principal=user.id)
    return _Directory(tenant, administrator, user)


async def _make_resources(making: _Making, tenant: Tenant) -> _Resources:
    tx, region, now, entropy = making.tx, making.settings.region, making.now, making.entropy
    subscription = await containers.create_subscription(
        tx, subscription=new_guid(entropy), tenant=tenant.id, display_name="Strongroom", now=now
    )
    group, _ = await containers.put_group(
        tx, subscription=subscription, name=RESOURCE_GROUP, location=region, tags={}, now=now
    )
    vault_id = new_guid(entropy)
    vault = await vaults.create_vault(
        tx,
        group=group,
        vault=vault_id,
        # Random: without `run`, the same name would be somebody's real vault.
        name=f"sr-{entropy(5).hex()}",
        location=region,
        wrapped_key=making.keys.new_vault_key(vault_id),
        change=VaultChange(sku=Sku.PREMIUM if making.settings.pkcs11_module else None),
        rbac_default=True,
        now=now,
        by=_BY,
    )
    return _Resources(subscription, group, vault)


async def _give_rights(making: _Making, directory: _Directory, subscription: Subscription) -> None:
    """Make both administrators owners of all resources, and of what is in the vaults."""
    for principal in (directory.administrator.principal.id, directory.user.id):
        await make_owner(making.tx, subscription, principal, now=making.now, by=_BY, entropy=making.entropy)


async def _make_identity(making: _Making, resources: _Resources) -> None:
    """Make the managed identity that `run` lends, with every right to what is in the first vault."""
    group, vault = resources.group, resources.vault
    principal = await applications.create_identity_principal(
        making.tx,
        group.tenant,
        display_name=DEFAULT_IDENTITY,
        resource_id=identity_resource_id(group, DEFAULT_IDENTITY),
        now=making.now,
        entropy=making.entropy,
    )
    await create_user_assigned_identity(
        making.tx,
        group=group,
        name=DEFAULT_IDENTITY,
        location=making.settings.region,
        client_id=principal.app_id,
        principal_id=principal.id,
        now=making.now,
    )
    at_vault = Scope(vault.scope, vault.subscription, vault)
    await put_role_assignment(
        making.tx,
        tenant=group.tenant,
        assignment=new_guid(making.entropy),
        scope=at_vault,
        grant=Grant(KEY_VAULT_ADMINISTRATOR, principal.id),
        now=making.now,
        by=_BY,
    )


def _make_installation(
    making: _Making, prepared: _Prepared, directory: _Directory, resources: _Resources
) -> Installation:
    domain, authority = making.settings.domain, prepared.authority
    return Installation(
        id=new_guid(making.entropy),
        domain=domain,
        created=making.now,
        ca_certificate=authority.certificate,
        sealed_ca_key=making.keys.seal(CA_PURPOSE, bind(domain), authority.private_key),
        tenant=directory.tenant.id,
        subscription=resources.subscription.id,
        resource_group=resources.group.name,
        vault=resources.vault.id,
        application=directory.administrator.application.id,
        break_glass=directory.user.id,
    )
