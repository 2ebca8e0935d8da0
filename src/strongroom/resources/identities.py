"""User-assigned identities: the ARM resource; the principal behind it is made by the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from strongroom.core.errors import Conflict, Invalid
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup, UserAssignedIdentity
from strongroom.resources.lookup import group_not_found
from strongroom.resources.tracked import check_tags, parse_location
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
