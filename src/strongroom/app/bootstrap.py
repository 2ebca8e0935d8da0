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
from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.identity import GLOBAL_ADMINISTRATOR, PrincipalType, SigningKey
from strongroom.core.installation import Installation
from strongroom.core.names import Hosts, Surface
from strongroom.core.rbac import RoleAssignment
from strongroom.crypto import x509
from strongroom.crypto.context import bind
from strongroom.crypto.passwords import Passwords
from strongroom.crypto.protocol import KeyProtection
from strongroom.crypto.secret_texts import new_password
from strongroom.directory import applications, client_secrets, roles, signing_keys, tenants, users
from strongroom.resources import containers, identities, vaults
from strongroom.resources.vault_settings import VaultChange
from strongroom.store import Store, Transaction

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"

RESOURCE_GROUP = "default"
DEFAULT_IDENTITY = "default"

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
    settings: Settings, store: Store, keys: KeyProtection, *, now: int, entropy: Entropy
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


def tenant_domain(domain: str) -> str:
    """Name the first tenant's verified domain: the instance's, or one below it if that has a single label."""
    return domain if "." in domain else f"strongroom.{domain}"


async def _make(
    tx: Transaction, settings: Settings, keys: KeyProtection, prepared: _Prepared, now: int, entropy: Entropy
) -> Bootstrap:
    domain = tenant_domain(settings.domain)
    tenant = await tenants.create_tenant(tx, display_name="Strongroom", domains=(domain,), now=now, entropy=entropy)
    made_keys = _make_signing_keys(keys, tenant.id, now)
    await signing_keys.roll_over(tx, tenant.id, made_keys, now)

    subscription = await containers.create_subscription(
        tx, subscription=new_guid(entropy), tenant=tenant.id, display_name="Strongroom", now=now
    )
    group, _ = await containers.put_group(
        tx, subscription=subscription, name=RESOURCE_GROUP, location=settings.region, tags={}, now=now
    )
    vault_id = new_guid(entropy)
    vault = await vaults.create_vault(
        tx,
        group=group,
        vault=vault_id,
        # Random: without `run`, the same name would be somebody's real vault.
        name=f"sr-{entropy(5).hex()}",
        location=settings.region,
        wrapped_key=keys.new_vault_key(vault_id),
        change=VaultChange(),
        rbac_default=True,
        now=now,
        by="bootstrap",
    )

    application = await applications.create_application(
        tx, tenant.id, display_name="Strongroom administrator", now=now, entropy=entropy
    )
    principal = await applications.create_service_principal(tx, tenant.id, application, now=now, entropy=entropy)
    secret = client_secrets.make_client_secret(
        keys,
        application,
        display_name="first start",
        expires=now + limits.CLIENT_SECRET_DEFAULT_S,
        now=now,
        entropy=entropy,
    )
    await client_secrets.add_password(tx, secret.credential)
    user = await users.create_user(
        tx,
        tenant.id,
        users.NewUser(f"admin@{domain}", "Administrator", "admin"),
        password=users.NewPassword(prepared.password_verifier),
        now=now,
        entropy=entropy,
    )
    for administrator, kind in ((principal.id, PrincipalType.SERVICE_PRINCIPAL), (user.id, PrincipalType.USER)):
        await roles.assign_role(tx, tenant.id, role=GLOBAL_ADMINISTRATOR, principal=administrator)
        for role in (OWNER, KEY_VAULT_ADMINISTRATOR):
            await _assign(tx, tenant.id, subscription.scope, role, administrator, kind, now, entropy)

    resource_id = f"{group.scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{DEFAULT_IDENTITY}"
    identity = await applications.create_identity_principal(
        tx, tenant.id, display_name=DEFAULT_IDENTITY, resource_id=resource_id, now=now, entropy=entropy
    )
    await identities.create_user_assigned_identity(
        tx,
        group=group,
        name=DEFAULT_IDENTITY,
        location=settings.region,
        client_id=identity.app_id,
        principal_id=identity.id,
        now=now,
    )
    await _assign(
        tx,
        tenant.id,
        vault.scope,
        KEY_VAULT_ADMINISTRATOR,
        identity.id,
        PrincipalType.SERVICE_PRINCIPAL,
        now,
        entropy,
    )

    installation = Installation(
        id=new_guid(entropy),
        domain=settings.domain,
        created=now,
        ca_certificate=prepared.authority.certificate,
        sealed_ca_key=keys.seal(CA_PURPOSE, bind(settings.domain), prepared.authority.private_key),
        tenant=tenant.id,
        subscription=subscription.id,
        resource_group=group.name,
        vault=vault.id,
        application=application.id,
    )
    await tx.put(installation)
    return Bootstrap(
        installation=installation,
        tenant_id=tenant.id,
        subscription_id=subscription.id,
        resource_group=group.name,
        vault_name=vault.name,
        client_id=application.app_id,
        object_id=principal.id,
        user_name=user.user_principal_name,
        client_secret=secret.text,
        user_password=prepared.password,
    )


def _make_signing_keys(keys: KeyProtection, tenant: str, now: int) -> tuple[SigningKey, ...]:
    return tuple(signing_keys.make_signing_key(keys, tenant, term, now) for term in signing_keys.due((), now))


async def _assign(
    tx: Transaction,
    tenant: str,
    scope: str,
    role: str,
    principal: str,
    kind: PrincipalType,
    now: int,
    entropy: Entropy,
) -> None:
    await tx.put(
        RoleAssignment(
            id=new_guid(entropy),
            tenant=tenant,
            scope=scope,
            role=role,
            principal=principal,
            principal_type=kind,
            created=now,
            created_by="bootstrap",
        )
    )
