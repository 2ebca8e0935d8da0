"""
What happens to an object of the directory that is deleted.

    there --delete--> deleted, for 30 days --restore--> there, without the roles it had
                              |
                              +-- its time is over, or it is deleted again --> gone, with all that hung on it

A deleted object is out of reach of every question (`core.relations.DeletedObject`), so neither it nor what it passed on
counts. Its memberships, ownerships, credentials and second factors stay, and count again once it is restored; the
directory roles and app roles that it held do not come back: rights are given anew, by somebody who may.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from strongroom.core import limits
from strongroom.core.errors import Conflict, NameTaken
from strongroom.core.identity import (
    Application,
    DirectoryRoleAssignment,
    Group,
    Membership,
    ServicePrincipal,
    User,
)
from strongroom.core.records import tenant_partition
from strongroom.core.relations import AppRoleAssignment, DeletedObject, Ownership, PermissionGrant
from strongroom.core.sessions import BrowserSession, TokenFamily
from strongroom.directory.identity_providers import remove_links_to
from strongroom.directory.principals import no_such_object, remove_credentials
from strongroom.directory.second_factors import remove_all
from strongroom.directory.trusted_services import remove_trust_in
from strongroom.store import Store, Transaction
from strongroom.view import View

DirectoryObject = User | Group | Application | ServicePrincipal


async def delete(tx: Transaction, found: DirectoryObject, now: int) -> None:
    """Take an object out of reach; it can be restored for a while. Whoever is deleted is signed out."""
    await _remove_roles(tx, found)
    await _end_sessions(tx, found)
    await tx.remove(found)
    # The field for each kind has the kind's name.
    await tx.put(DeletedObject(found.id, found.tenant, now, **{found.KIND: found}))  # type: ignore[arg-type]


async def restore(tx: Transaction, tenant: str, object_id: str, now: int) -> DirectoryObject:
    """
    Bring a deleted object back.

    Raises:
        Conflict: a name of it was taken meanwhile.
        NotFound: the tenant has no such deleted object, or its time is over.
    """
    found = await _require_deleted(tx, tenant, object_id, now)
    await tx.remove(found)
    try:
        await tx.put(found.inner)
    except NameTaken:
        raise Conflict(
            "Another object with the same value for a unique property already exists.",
            code="Request_MultipleObjectsWithSameKeyValue",
        ) from None
    return found.inner


async def delete_for_good(tx: Transaction, tenant: str, object_id: str, now: int) -> None:
    """
    Remove a deleted object before its time.

    Raises:
        NotFound: the tenant has no such deleted object, or its time is over.
    """
    await _purge(tx, await _require_deleted(tx, tenant, object_id, now))


def is_restorable(found: DeletedObject, now: int) -> bool:
    """Tell whether a deleted object can be restored; when its time is over, it counts as gone at once."""
    return now < found.deleted + limits.DELETED_OBJECT_S


async def purge_expired(store: Store, view: View, now: int) -> int:
    """
    Remove the deleted objects of every tenant whose time is over, each in a change of its own; the number removed.

    What hangs on one is looked for among all that hangs on any, during which nobody else reads or writes.
    """
    removed = 0
    for found in view.all(DeletedObject):
        if not is_restorable(found, now):
            removed += (await store.commit(partial(_purge_if_expired, found=found, now=now))).result
            # Whoever waits is served between any two.
            await asyncio.sleep(0)
    return removed


async def _purge_if_expired(tx: Transaction, found: DeletedObject, now: int) -> bool:
    # It may have been restored meanwhile, or removed by somebody.
    current = await tx.record(DeletedObject, found.partition, found.id)
    if current is None or is_restorable(current, now):
        return False
    await _purge(tx, current)
    return True


async def remove(tx: Transaction, found: DirectoryObject) -> None:
    """Remove an object that nobody can restore: a managed identity's principal, with its resource."""
    await _remove_relations(tx, found)
    await tx.remove(found)


async def _purge(tx: Transaction, found: DeletedObject) -> None:
    await _remove_relations(tx, found.inner)
    await tx.remove(found)


async def _require_deleted(tx: Transaction, tenant: str, object_id: str, now: int) -> DeletedObject:
    found = await tx.record(DeletedObject, tenant_partition(tenant), object_id)
    if found is None or not is_restorable(found, now):
        raise no_such_object(object_id)
    return found


async def _remove_roles(tx: Transaction, found: DirectoryObject) -> None:
    """Take away every right over the directory that an object holds, and what makes it a trusted service."""
    await remove_trust_in(tx, found.tenant, found.id)
    for role in await tx.records_with(DirectoryRoleAssignment, found.partition, found.id):
        if role.principal == found.id:
            await tx.remove(role)
    for assignment in await tx.records_with(AppRoleAssignment, found.partition, found.id):
        if assignment.principal == found.id:
            await tx.remove(assignment)


async def _end_sessions(tx: Transaction, found: DirectoryObject) -> None:
    """End what a user or client has: what was given before the deletion does not come back with it."""
    for session in await tx.records_with(BrowserSession, found.partition, found.id):
        if session.user == found.id:
            await tx.remove(session)
    # An application may have been a client in any tenant.
    where = None if isinstance(found, Application) else found.partition
    app_id = found.app_id if isinstance(found, Application | ServicePrincipal) else None
    for family in await tx.records_with(TokenFamily, where, app_id or found.id):
        if (family.user == found.id or family.app_id == app_id) and not family.ended:
            await tx.put(replace(family, ended=True))


async def _remove_relations(tx: Transaction, found: DirectoryObject) -> None:
    """Remove credentials, second factors, roles, and every relation that an object is on either side of."""
    await _remove_roles(tx, found)
    await remove_credentials(tx, found.tenant, found.id)
    await remove_links_to(tx, found.tenant, found.id)
    await remove_all(tx, found.tenant, found.id)
    for membership in await tx.records_with(Membership, found.partition, found.id):
        if found.id in {membership.group, membership.member}:
            await tx.remove(membership)
    for ownership in await tx.records_with(Ownership, found.partition, found.id):
        if found.id in {ownership.object, ownership.owner}:
            await tx.remove(ownership)
    for assignment in await tx.records_with(AppRoleAssignment, found.partition, found.id):
        if assignment.resource == found.id:
            await tx.remove(assignment)
    for grant in await tx.records_with(PermissionGrant, found.partition, found.id):
        if found.id in {grant.client, grant.principal, grant.resource}:
            await tx.remove(grant)
