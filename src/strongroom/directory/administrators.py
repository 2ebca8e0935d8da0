"""
Administrators: programs that may change everything in a tenant's directory.

The first start makes one, and whoever holds the root key makes another when the last is lost (security.md "Bootstrap,
keys, data"). The rights over resources that belong to it are `resources`'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import (
    Application,
    DirectoryRoleAssignment,
    ServicePrincipal,
)
from strongroom.core.records import tenant_partition
from strongroom.crypto.protocol import RootKey
from strongroom.directory.applications import create_application, create_service_principal
from strongroom.directory.client_secrets import NewSecret, add_password, make_client_secret, secrets_of
from strongroom.directory.roles import assign_role
from strongroom.store import Transaction

_NAME = "Strongroom administrator"


@dataclass(frozen=True, slots=True)
class Administrator:
    """An application that is Global Administrator of its tenant, with a secret that was made for it now."""

    application: Application
    principal: ServicePrincipal
    secret: NewSecret


async def make_administrator(
    tx: Transaction, keys: RootKey, tenant: str, *, reason: str, now: int, entropy: Callable[[int], bytes]
) -> Administrator:
    """Make an application that is Global Administrator. Its secret is called by the *reason* it is made for."""
    application = await create_application(tx, tenant, display_name=_NAME, now=now, entropy=entropy)
    principal = await create_service_principal(tx, tenant, application, now=now, entropy=entropy)
    await assign_role(tx, tenant, role=GLOBAL_ADMINISTRATOR, principal=principal.id)
    return await _with_secret(tx, keys, application, principal, reason=reason, now=now, entropy=entropy)


async def recover_administrator(
    tx: Transaction,
    keys: RootKey,
    tenant: str,
    application: str,
    *,
    reason: str,
    now: int,
    entropy: Callable[[int], bytes],
) -> Administrator:
    """
    Give *application* a fresh secret if it is an administrator still, or else make another one.

    An application that was deleted, disabled or has lost its role gets nothing back: somebody may have taken it away
    on purpose, and whoever has one of its old secrets would be an administrator again.
    """
    held = await tx.record(Application, tenant_partition(tenant), application)
    principal = await _administering(tx, held) if held is not None else None
    if held is None or principal is None:
        return await make_administrator(tx, keys, tenant, reason=reason, now=now, entropy=entropy)
    return await _with_secret(tx, keys, held, principal, reason=reason, now=now, entropy=entropy)


async def _administering(tx: Transaction, application: Application) -> ServicePrincipal | None:
    """Find the principal by which an application is Global Administrator, if it may have another secret."""
    if len(await secrets_of(tx, application.tenant, application.id)) >= limits.CLIENT_SECRETS_PER_APPLICATION:
        return None
    for principal in await tx.records_with(ServicePrincipal, application.partition, application.app_id):
        if principal.app_id == application.app_id and principal.enabled:
            role = f"{GLOBAL_ADMINISTRATOR}/{principal.id}"
            held = await tx.record(DirectoryRoleAssignment, principal.partition, role)
            return principal if held is not None else None
    return None


async def _with_secret(
    tx: Transaction,
    keys: RootKey,
    application: Application,
    principal: ServicePrincipal,
    *,
    reason: str,
    now: int,
    entropy: Callable[[int], bytes],
) -> Administrator:
    expires = now + limits.CLIENT_SECRET_DEFAULT_S
    secret = make_client_secret(keys, application, display_name=reason, expires=expires, now=now, entropy=entropy)
    await add_password(tx, secret.credential)
    return Administrator(application, principal, secret)
