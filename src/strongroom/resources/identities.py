"""User-assigned identities: the ARM resource; the principal behind it is made by the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup, UserAssignedIdentity
from strongroom.resources.lookup import group_not_found, identity_not_found
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location, require_place
from strongroom.store import Transaction

DEFAULT_IDENTITY = "default"
"""The identity that a first start makes, and that `run` lends unless another is asked for."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", re.ASCII)


def identity_resource_id(group: ResourceGroup, name: str) -> str:
    """Give the ARM id that an identity of this name has: its principal carries it as `xms_mirid`."""
    return f"{group.scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


async def create_user_assigned_identity(
    tx: Transaction,
    *,
    group: ResourceGroup,
    name: str,
    location: str,
    client_id: str,
    principal_id: str,
    tags: Mapping[str, str] | None = None,
    now: int,
) -> UserAssignedIdentity:
    """
    Make an identity's resource, for a principal that the directory makes in the same transaction.

    Raises:
        NotFound: the group is gone.
        Conflict: the group has an identity of this name.
        Invalid: name, location or tags.
    """
    if _NAME.fullmatch(name) is None:
        raise Invalid(
            "An identity's name has 3 to 128 characters, each a letter, digit, '-' or '_', and starts with a letter or"
            " digit.",
            code="InvalidIdentityName",
        )
    partition = tenant_partition(group.tenant)
    if await tx.record(ResourceGroup, partition, group.id) is None:
        raise group_not_found(group.name)
    made = UserAssignedIdentity(
        id=f"{group.subscription}/{group.name.lower()}/{name.lower()}",
        tenant=group.tenant,
        subscription=group.subscription,
        resource_group=group.name,
        name=name,
        location=parse_location(location),
        client_id=client_id,
        principal_id=principal_id,
        created=now,
        tags=check_tags(tags or {}),
    )
    if await tx.record(UserAssignedIdentity, partition, made.id) is not None:
        raise Conflict(f"The identity '{name}' already exists in resource group '{group.name}'.", code="Conflict")
    await tx.put(made)
    return made


async def read_identity(tx: Transaction, group: ResourceGroup, name: str) -> UserAssignedIdentity | None:
    """Read an identity of a group, or None."""
    return await tx.record(
        UserAssignedIdentity,
        tenant_partition(group.tenant),
        f"{group.subscription}/{group.name.lower()}/{name.lower()}",
    )


async def update_identity(
    tx: Transaction, identity: UserAssignedIdentity, *, tags: Mapping[str, str] | None, location: str | None
) -> UserAssignedIdentity:
    """
    Replace the tags of an identity, unless there are none to replace them with.

    Raises:
        NotFound: it is gone.
        Conflict: it is in another location than the one given.
        Invalid: location or tags.
    """
    current = await require_identity(tx, identity)
    require_place(current.name, current.location, location)
    changed = current if tags is None else replace(current, tags=check_tags(tags))
    await tx.put(changed)
    return changed


async def remove_identity(tx: Transaction, identity: UserAssignedIdentity) -> None:
    """
    Remove an identity's resource, and the roles that were given over it. Its principal is the directory's to remove.

    Raises:
        NotFound: it is gone already.
    """
    current = await require_identity(tx, identity)
    await remove_assignments_under(tx, current.tenant, current.scope)
    await tx.remove(current)


async def require_identity(tx: Transaction, identity: UserAssignedIdentity) -> UserAssignedIdentity:
    """
    Read an identity again. One of its name that was made since is another one: its principal tells.

    Raises:
        NotFound: it is gone.
    """
    current = await tx.record(UserAssignedIdentity, identity.partition, identity.id)
    if current is None or current.principal_id != identity.principal_id:
        raise identity_not_found(identity.resource_group, identity.name)
    return current
