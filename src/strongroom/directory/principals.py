"""Principals of every kind: how one is found, and its credentials removed."""

from __future__ import annotations

from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.echo import USER_NAME, shown
from strongroom.core.errors import NotFound
from strongroom.core.federation import FederatedCredential
from strongroom.core.identity import (
    Application,
    Credential,
    Group,
    ServicePrincipal,
    User,
)
from strongroom.core.records import tenant_partition
from strongroom.store import Transaction

Principal = User | Group | ServicePrincipal


def no_such_object(object_id: str) -> NotFound:
    """Say that an object is not in this directory, in Graph's words; another tenant's object gets the same."""
    return NotFound(
        f"Resource '{shown(object_id, USER_NAME)}' does not exist or one of its queried reference-property objects are"
        " not present.",
        code="Request_ResourceNotFound",
    )


async def require_principal(tx: Transaction, tenant: str, principal: str) -> Principal:
    """
    Read a principal of a tenant, whatever its kind.

    Raises:
        NotFound: the tenant has no such principal.
    """
    partition = tenant_partition(tenant)
    found = (
        await tx.record(User, partition, principal)
        or await tx.record(ServicePrincipal, partition, principal)
        or await tx.record(Group, partition, principal)
    )
    if found is None:
        raise no_such_object(principal)
    return found


async def require_user(tx: Transaction, tenant: str, user: str) -> User:
    """
    Read a user.

    Raises:
        NotFound: the tenant has no such user.
    """
    found = await tx.record(User, tenant_partition(tenant), user)
    if found is None:
        raise no_such_object(user)
    return found


async def require_group(tx: Transaction, tenant: str, group: str) -> Group:
    """
    Read a group.

    Raises:
        NotFound: the tenant has no such group.
    """
    found = await tx.record(Group, tenant_partition(tenant), group)
    if found is None:
        raise no_such_object(group)
    return found


async def require_application(tx: Transaction, tenant: str, application: str) -> Application:
    """
    Read an application by its object id.

    Raises:
        NotFound: the tenant has no such application.
    """
    found = await tx.record(Application, tenant_partition(tenant), application)
    if found is None:
        raise no_such_object(application)
    return found


async def require_service_principal(tx: Transaction, tenant: str, service_principal: str) -> ServicePrincipal:
    """
    Read a service principal.

    Raises:
        NotFound: the tenant has no such service principal.
    """
    found = await tx.record(ServicePrincipal, tenant_partition(tenant), service_principal)
    if found is None:
        raise no_such_object(service_principal)
    return found


async def remove_credentials(tx: Transaction, tenant: str, owner: str) -> None:
    """Remove every credential of one owner, of whatever kind."""
    for credential in await tx.records_with(Credential, tenant_partition(tenant), owner):
        if credential.owner == owner:
            await tx.remove(credential)
    kinds: tuple[type[ClientCertificate | FederatedCredential], ...] = (ClientCertificate, FederatedCredential)
    for kind in kinds:
        for other in await tx.records_with(kind, tenant_partition(tenant), owner):
            if other.owner == owner:
                await tx.remove(other)
