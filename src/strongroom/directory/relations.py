"""What binds objects of a directory to each other: owners, app roles, and consent to delegated permissions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from strongroom.core import limits
from strongroom.core.errors import Conflict, Invalid, NameTaken
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, Group, PrincipalType, ServicePrincipal
from strongroom.core.records import tenant_partition
from strongroom.core.registration import AppRole
from strongroom.core.relations import AppRoleAssignment, Ownership, PermissionGrant
from strongroom.directory.principals import no_such_object, require_principal, require_service_principal, require_user
from strongroom.store import Transaction

NO_ROLE = "00000000-0000-0000-0000-000000000000"
"""Access to a resource without a role of it."""
Owned = Application | ServicePrincipal | Group


# ---- owners ---------------------------------------------------------------------------------------------------------


async def add_owner(tx: Transaction, tenant: str, kind: type[Owned], object_id: str, owner: str) -> Ownership:
    """
    Make a user or service principal an owner of an application, service principal or group.

    Raises:
        Invalid: it is one already, it is a group, or the object has as many as it may have.
        NotFound: the tenant has no such object or principal.
    """
    partition = tenant_partition(tenant)
    if await tx.record(kind, partition, object_id) is None:
        raise no_such_object(object_id)
    if isinstance(await require_principal(tx, tenant, owner), Group):
        raise Invalid("The reference target is not of a type that can be an owner.")
    ownership = Ownership(f"{object_id}/{owner}", tenant, object_id, owner)
    held = [one for one in await tx.records_with(Ownership, partition, object_id) if one.object == object_id]
    if ownership in held:
        raise Invalid(
            "One or more added object references already exist for the following modified properties: 'owners'."
        )
    if len(held) >= limits.OWNERS_PER_OBJECT:
        raise Invalid(f"An object has at most {limits.OWNERS_PER_OBJECT} owners.", code="Directory_QuotaExceeded")
    await tx.put(ownership)
    return ownership


async def remove_owner(tx: Transaction, tenant: str, object_id: str, owner: str) -> None:
    """
    Take an object from an owner.

    Raises:
        NotFound: it is none.
    """
    ownership = await tx.record(Ownership, tenant_partition(tenant), f"{object_id}/{owner}")
    if ownership is None:
        raise no_such_object(owner)
    await tx.remove(ownership)


# ---- app roles ------------------------------------------------------------------------------------------------------


async def assign_app_role(
    tx: Transaction,
    tenant: str,
    *,
    principal: str,
    resource: str,
    app_role: str,
    defined: Sequence[AppRole],
    now: int,
    entropy: Callable[[int], bytes],
) -> AppRoleAssignment:
    """
    Give a principal an app role of a resource, which has *defined* these.

    Raises:
        Invalid: the resource has no such enabled role for principals of that kind, or it is assigned already, or the
            principal has as many as it may have.
        NotFound: the tenant has no such principal or service principal.
    """
    found = await require_principal(tx, tenant, principal)
    await require_service_principal(tx, tenant, resource)
    kind = _kind_of(found)
    member = "Application" if kind is PrincipalType.SERVICE_PRINCIPAL else "User"
    if app_role != NO_ROLE and not any(
        role.id == app_role and role.enabled and member in role.member_types for role in defined
    ):
        raise Invalid("Permission being assigned was not found on application.")
    every = await tx.records_with(AppRoleAssignment, tenant_partition(tenant), principal)
    held = [one for one in every if one.principal == principal]
    if any(one.resource == resource and one.app_role == app_role for one in held):
        raise Invalid("Permission being assigned already exists on the object.")
    if len(held) >= limits.APP_ROLES_PER_PRINCIPAL:
        raise Invalid(
            f"A principal has at most {limits.APP_ROLES_PER_PRINCIPAL} app role assignments.",
            code="Directory_QuotaExceeded",
        )
    assignment = AppRoleAssignment(new_guid(entropy), tenant, app_role, principal, kind, resource, now)
    await tx.put(assignment)
    return assignment


async def remove_app_role(tx: Transaction, tenant: str, assignment_id: str, *, of: str) -> AppRoleAssignment:
    """
    Take an app role away, and say which it was. *of* is the principal or the resource that the assignment was named by.

    Raises:
        NotFound: there is no such assignment of it.
    """
    found = await tx.record(AppRoleAssignment, tenant_partition(tenant), assignment_id)
    if found is None or of not in {found.principal, found.resource}:
        raise no_such_object(assignment_id)
    await tx.remove(found)
    return found


def _kind_of(principal: object) -> PrincipalType:
    if isinstance(principal, ServicePrincipal):
        return PrincipalType.SERVICE_PRINCIPAL
    return PrincipalType.GROUP if isinstance(principal, Group) else PrincipalType.USER


# ---- consent --------------------------------------------------------------------------------------------------------


async def grant_permissions(
    tx: Transaction,
    tenant: str,
    *,
    client: str,
    principal: str | None,
    resource: str,
    scopes: tuple[str, ...],
    entropy: Callable[[int], bytes],
) -> PermissionGrant:
    """
    Let a client ask for delegated permissions of a resource, for one user or, without a *principal*, for all.

    Raises:
        Conflict: there is a grant for them already, which is to be changed.
        NotFound: the tenant has no such client, user or resource.
    """
    await require_service_principal(tx, tenant, client)
    await require_service_principal(tx, tenant, resource)
    if principal is not None:
        await require_user(tx, tenant, principal)
    grant = PermissionGrant(new_guid(entropy), tenant, client, principal, resource, _distinct(scopes))
    try:
        await tx.put(grant)
    except NameTaken:
        raise Conflict("Permission entry already exists.", code="Request_MultipleObjectsWithSameKeyValue") from None
    return grant


async def extend_grant(
    tx: Transaction,
    tenant: str,
    *,
    client: str,
    principal: str | None,
    resource: str,
    scopes: tuple[str, ...],
    entropy: Callable[[int], bytes],
) -> PermissionGrant:
    """
    Let a client ask for more delegated permissions of a resource, beside those that it has: what consent records.

    Raises:
        Invalid: they would be more than a grant can say.
        NotFound: the tenant has no such client, user or resource.
    """
    whose = (client, principal, resource)
    held = next(
        (
            one
            for one in await tx.records_with(PermissionGrant, tenant_partition(tenant), client)
            if (one.client, one.principal, one.resource) == whose
        ),
        None,
    )
    words = _distinct((*(held.scopes if held is not None else ()), *scopes))
    if len(" ".join(words)) > limits.GRANT_SCOPE_CHARS:
        raise Invalid(f"The scope of a grant has at most {limits.GRANT_SCOPE_CHARS} characters.")
    if held is not None:
        return await change_grant(tx, tenant, held.id, words)
    return await grant_permissions(
        tx, tenant, client=client, principal=principal, resource=resource, scopes=words, entropy=entropy
    )


async def change_grant(tx: Transaction, tenant: str, grant_id: str, scopes: tuple[str, ...]) -> PermissionGrant:
    """
    Replace the permissions of a grant.

    Raises:
        NotFound: the tenant has no such grant.
    """
    changed = replace(await _require_grant(tx, tenant, grant_id), scopes=_distinct(scopes))
    await tx.put(changed)
    return changed


async def revoke_grant(tx: Transaction, tenant: str, grant_id: str) -> None:
    """
    Take consent back.

    Raises:
        NotFound: the tenant has no such grant.
    """
    await tx.remove(await _require_grant(tx, tenant, grant_id))


async def _require_grant(tx: Transaction, tenant: str, grant_id: str) -> PermissionGrant:
    found = await tx.record(PermissionGrant, tenant_partition(tenant), grant_id)
    if found is None:
        raise no_such_object(grant_id)
    return found


def _distinct(scopes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scopes))
