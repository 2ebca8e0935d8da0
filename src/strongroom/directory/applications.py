"""Applications and service principals: what a program is, and its presence in a tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core.echo import GUID, WORD, shown
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, ServicePrincipal, ServicePrincipalType
from strongroom.core.records import tenant_partition
from strongroom.directory.deletion import delete, remove
from strongroom.directory.identity_maps import remove_maps_to
from strongroom.directory.principals import no_such_object, require_application, require_service_principal
from strongroom.directory.registrations import judge_registration
from strongroom.store import Transaction

SIGN_IN_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount")
"""Who may sign in to an application: its own tenant, any tenant, anyone."""


Change = Callable[[Application], Application]
"""What is to become of an application, as a function of what it is when the change is made."""


@dataclass(frozen=True, slots=True)
class ServicePrincipalChange:
    """What is to become different about a service principal. None leaves things as they are."""

    enabled: bool | None = None
    display_name: str | None = None
    tags: tuple[str, ...] | None = None
    app_role_assignment_required: bool | None = None
    description: str | None = None
    notes: str | None = None


async def create_application(
    tx: Transaction,
    tenant: str,
    *,
    display_name: str,
    identifier_uris: tuple[str, ...] = (),
    sign_in_audience: str = "AzureADMyOrg",
    details: Change | None = None,
    now: int,
    entropy: Callable[[int], bytes],
) -> Application:
    """
    Register an application. It has no principal yet: nothing can be given to it. *details* says the rest of it.

    Raises:
        Invalid: the audience is not one there is, an identifier URI is taken, or see `judge_registration`.
    """
    application = Application(
        id=new_guid(entropy),
        tenant=tenant,
        app_id=new_guid(entropy),
        display_name=display_name,
        created=now,
        identifier_uris=identifier_uris,
        sign_in_audience=sign_in_audience,
    )
    if details is not None:
        application = details(application)
    await _put_application(tx, None, application)
    return application


async def update_application(tx: Transaction, tenant: str, application: str, change: Change) -> Application:
    """
    Change an application.

    Raises:
        Invalid: the audience is not one there is, an identifier URI is taken, or see `judge_registration`.
        NotFound: the tenant has no such application.
    """
    found = await require_application(tx, tenant, application)
    changed = change(found)
    await _put_application(tx, found, changed)
    return changed


async def delete_application(tx: Transaction, tenant: str, application: str, *, now: int) -> None:
    """
    Delete an application and the principal it has in its own tenant; each can be restored.

    A principal it has in another tenant stays there, as in Entra, and can no longer sign in: its credentials were the
    application's.

    Raises:
        NotFound: the tenant has no such application.
    """
    found = await require_application(tx, tenant, application)
    for principal in await tx.records_with(ServicePrincipal, tenant_partition(tenant), found.app_id):
        if principal.app_id == found.app_id:
            await delete(tx, principal, now)
    await delete(tx, found, now)


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
    details: ServicePrincipalChange | None = None,
    now: int,
    entropy: Callable[[int], bytes],
) -> ServicePrincipal:
    """
    Give an application a principal in a tenant: its own, or another's if the application is for several.

    *application* is what the caller's look-up by app id found; it is read again here. *details* says what is to be
    otherwise than by default.

    Raises:
        Conflict: it has one already.
        Invalid: the application is gone, or it is for its own tenant alone.
    """
    found = await tx.record(Application, application.partition, application.id)
    if found is None or not found.may_be_in(tenant):
        # One answer for both, so that no tenant learns which applications another one has.
        raise no_such_application(application.app_id)
    principal = ServicePrincipal(
        id=new_guid(entropy),
        tenant=tenant,
        app_id=found.app_id,
        display_name=found.display_name,
        created=now,
    )
    if details is not None:
        principal = _changed(principal, details)
    await _put_service_principal(tx, principal)
    return principal


async def create_first_party_principal(
    tx: Transaction, tenant: str, app_id: str, *, now: int, entropy: Callable[[int], bytes]
) -> ServicePrincipal:
    """
    Give a tenant that was made before them its principal of one of Azure's own resources.

    Raises:
        Conflict: it has one already.
    """
    principal = ServicePrincipal(new_guid(entropy), tenant, app_id, FIRST_PARTY[app_id].display_name, now)
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
    changed = _changed(found, change)
    await tx.put(changed)
    return changed


async def delete_service_principal(tx: Transaction, tenant: str, service_principal: str, *, now: int) -> None:
    """
    Delete a service principal; its application stays, and it can be restored.

    Raises:
        Invalid: it is a managed identity's, and goes with the identity's resource; or one that every tenant has.
        NotFound: the tenant has no such service principal.
    """
    found = await require_service_principal(tx, tenant, service_principal)
    if found.type is ServicePrincipalType.MANAGED_IDENTITY:
        raise Invalid("Service principals of managed identities are deleted with their resource.")
    if found.app_id in FIRST_PARTY:
        raise Invalid("The service principals of Azure's own resources cannot be deleted.")
    await delete(tx, found, now)


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
    await remove(tx, found)


def _changed(found: ServicePrincipal, change: ServicePrincipalChange) -> ServicePrincipal:
    return replace(
        found,
        enabled=found.enabled if change.enabled is None else change.enabled,
        display_name=found.display_name if change.display_name is None else change.display_name,
        tags=found.tags if change.tags is None else change.tags,
        app_role_assignment_required=found.app_role_assignment_required
        if change.app_role_assignment_required is None
        else change.app_role_assignment_required,
        description=found.description if change.description is None else change.description or None,
        notes=found.notes if change.notes is None else change.notes or None,
    )


async def _put_application(tx: Transaction, before: Application | None, after: Application) -> None:
    if after.sign_in_audience not in SIGN_IN_AUDIENCES:
        raise Invalid(
            "Invalid value specified for property 'signInAudience' of resource 'Application':"
            f" '{shown(after.sign_in_audience, WORD)}'."
        )
    judge_registration(before, after)
    try:
        await tx.put(after)
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
