"""Applications and service principals: what a program is, and its presence in a tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core.echo import GUID, WORD, shown
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, ServicePrincipal, ServicePrincipalType
from strongroom.core.records import tenant_partition
from strongroom.directory.identity_maps import remove_maps_to
from strongroom.directory.principals import (
    no_such_object,
    remove_credentials,
    remove_principal,
    require_application,
    require_service_principal,
)
from strongroom.store import Transaction

SIGN_IN_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount")
"""Who may sign in to an application: its own tenant, any tenant, anyone."""


@dataclass(frozen=True, slots=True)
class ApplicationChange:
    """What is to become different about an application. None leaves things as they are."""

    display_name: str | None = None
    identifier_uris: tuple[str, ...] | None = None
    sign_in_audience: str | None = None


@dataclass(frozen=True, slots=True)
class ServicePrincipalChange:
    """What is to become different about a service principal. None leaves things as they are."""

    enabled: bool | None = None
    display_name: str | None = None
    tags: tuple[str, ...] | None = None


async def create_application(
    tx: Transaction,
    tenant: str,
    *,
    display_name: str,
    identifier_uris: tuple[str, ...] = (),
    sign_in_audience: str = "AzureADMyOrg",
    now: int,
    entropy: Callable[[int], bytes],
) -> Application:
    """
    Register an application. It has no principal yet: nothing can be given to it.

    Raises:
        Invalid: the audience is not one there is, or an identifier URI is taken.
    """
    application = Application(
        id=new_guid(entropy),
        tenant=tenant,
        app_id=new_guid(entropy),
        display_name=display_name,
        created=now,
        identifier_uris=identifier_uris,
        sign_in_audience=_judge_audience(sign_in_audience),
    )
    await _put_application(tx, application)
    return application


async def update_application(tx: Transaction, tenant: str, application: str, change: ApplicationChange) -> Application:
    """
    Change an application.

    Raises:
        Invalid: the audience is not one there is, or an identifier URI is taken.
        NotFound: the tenant has no such application.
    """
    found = await require_application(tx, tenant, application)
    audience = change.sign_in_audience
    changed = replace(
        found,
        display_name=found.display_name if change.display_name is None else change.display_name,
        identifier_uris=found.identifier_uris if change.identifier_uris is None else change.identifier_uris,
        sign_in_audience=found.sign_in_audience if audience is None else _judge_audience(audience),
    )
    await _put_application(tx, changed)
    return changed


async def delete_application(tx: Transaction, tenant: str, application: str) -> None:
    """
    Delete an application with its credentials and the principal it has in its own tenant.

    A principal it has in another tenant stays there, as in Entra, and can no longer sign in: its credentials were the
    application's.

    Raises:
        NotFound: the tenant has no such application.
    """
    found = await require_application(tx, tenant, application)
    for principal in await tx.records(ServicePrincipal, tenant_partition(tenant)):
        if principal.app_id == found.app_id:
            await remove_principal(tx, principal)
    await remove_credentials(tx, tenant, found.id)
    await tx.remove(found)


def no_such_application(app_id: str) -> Invalid:
    """Say that an app id means no application that this tenant may have a principal of."""
    return Invalid(
        f"The appId '{shown(app_id, GUID)}' of the service principal does not reference a valid application object."
    )


async def create_service_principal(
    tx: Transaction,
    tenant: str,
    application: Application,
    *,
    enabled: bool = True,
    display_name: str | None = None,
    tags: tuple[str, ...] = (),
    now: int,
    entropy: Callable[[int], bytes],
) -> ServicePrincipal:
    """
    Give an application a principal in a tenant: its own, or another's if the application is for several.

    *application* is what the caller's look-up by app id found; it is read again here.

    Raises:
        Conflict: it has one already.
        Invalid: the application is gone, or it is for its own tenant alone.
    """
    found = await tx.record(Application, application.partition, application.id)
    if found is None or (found.tenant != tenant and found.sign_in_audience == "AzureADMyOrg"):
        # One answer for both, so that no tenant learns which applications another one has.
        raise no_such_application(application.app_id)
    principal = ServicePrincipal(
        id=new_guid(entropy),
        tenant=tenant,
        app_id=found.app_id,
        display_name=found.display_name if display_name is None else display_name,
        created=now,
        enabled=enabled,
        tags=tags,
    )
    await _put_service_principal(tx, principal)
    return principal


async def create_identity_principal(
    tx: Transaction,
    tenant: str,
    *,
    display_name: str,
    resource_id: str,
    now: int,
    entropy: Callable[[int], bytes],
) -> ServicePrincipal:
    """Give a managed identity's ARM resource its principal. It has no application, so no secret can be added to it."""
    principal = ServicePrincipal(
        id=new_guid(entropy),
        tenant=tenant,
        app_id=new_guid(entropy),
        display_name=display_name,
        created=now,
        type=ServicePrincipalType.MANAGED_IDENTITY,
        resource_id=resource_id,
    )
    await _put_service_principal(tx, principal)
    return principal


async def update_service_principal(
    tx: Transaction, tenant: str, service_principal: str, change: ServicePrincipalChange
) -> ServicePrincipal:
    """
    Change a service principal. Disabling one ends its tokens at once.

    Raises:
        NotFound: the tenant has no such service principal.
    """
    found = await require_service_principal(tx, tenant, service_principal)
    changed = replace(
        found,
        enabled=found.enabled if change.enabled is None else change.enabled,
        display_name=found.display_name if change.display_name is None else change.display_name,
        tags=found.tags if change.tags is None else change.tags,
    )
    await tx.put(changed)
    return changed


async def delete_service_principal(tx: Transaction, tenant: str, service_principal: str) -> None:
    """
    Delete a service principal; its application stays.

    Raises:
        Invalid: it is a managed identity's, and goes with the identity's resource.
        NotFound: the tenant has no such service principal.
    """
    found = await require_service_principal(tx, tenant, service_principal)
    if found.type is ServicePrincipalType.MANAGED_IDENTITY:
        raise Invalid("Service principals of managed identities are deleted with their resource.")
    await remove_principal(tx, found)


async def delete_identity_principal(tx: Transaction, tenant: str, service_principal: str) -> None:
    """
    Delete a managed identity's principal, as its resource is deleted.

    Raises:
        NotFound: the tenant has no such managed identity.
    """
    found = await tx.record(ServicePrincipal, tenant_partition(tenant), service_principal)
    if found is None or found.type is not ServicePrincipalType.MANAGED_IDENTITY:
        raise no_such_object(service_principal)
    await remove_maps_to(tx, tenant, found.id)
    await remove_principal(tx, found)


def _judge_audience(audience: str) -> str:
    if audience not in SIGN_IN_AUDIENCES:
        raise Invalid(
            "Invalid value specified for property 'signInAudience' of resource 'Application':"
            f" '{shown(audience, WORD)}'."
        )
    return audience


async def _put_application(tx: Transaction, application: Application) -> None:
    try:
        await tx.put(application)
    except NameTaken:
        raise Invalid("Another object with the same value for property identifierUris already exists.") from None


async def _put_service_principal(tx: Transaction, principal: ServicePrincipal) -> None:
    try:
        await tx.put(principal)
    except NameTaken:
        raise Conflict(
            "The service principal cannot be created, updated, or restored because the service principal name"
            f" {principal.app_id} is already in use.",
            code="Request_MultipleObjectsWithSameKeyValue",
        ) from None
