"""
Management groups: making, moving and removing them, and putting subscriptions into them.

The tenant's root group is there without a record, holds whatever is in no other group, and is neither changed nor
removed. What is below a group inherits its rights, so whoever moves something changes who may do what there; the
surfaces ask for the rights to that before they come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.echo import RESOURCE_NAME, shown
from strongroom.core.errors import Invalid
from strongroom.core.hierarchy import Hierarchy, group_name
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ManagementGroup, Subscription
from strongroom.resources.deployments import remove_deployments_at
from strongroom.resources.lookup import management_group_not_found, read_hierarchy, subscription_not_found
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.store import Transaction

_NAME = re.compile(
    rf"[A-Za-z0-9][A-Za-z0-9_.()-]{{0,{limits.MANAGEMENT_GROUP_NAME_CHARS - 2}}}[A-Za-z0-9_()-]|[A-Za-z0-9]", re.ASCII
)


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What is asked for; None leaves a member as it is."""

    display_name: str | None = None
    parent: str | None = None
    """The parent's lower-case name; the tenant's id for the root group."""


def parse_name(text: str) -> str:
    """
    Check the name of a new management group.

    Raises:
        Invalid: `InvalidManagementGroupId`.
    """
    if _NAME.fullmatch(text) is None:
        raise Invalid(
            f"The management group ID is invalid: it has 1 to {limits.MANAGEMENT_GROUP_NAME_CHARS} characters, each a"
            " letter, digit, '-', '_', '(', ')' or '.', begins with a letter or digit and does not end with '.'.",
            code="InvalidManagementGroupId",
        )
    return text


def parse_parent(text: str) -> str:
    """
    Read a management group's ARM id; gives its name in lower case.

    Raises:
        Invalid: it is no such id.
    """
    name = group_name(text)
    if name is None:
        raise Invalid(
            "The parent's ID is not valid. It has the form"
            " '/providers/Microsoft.Management/managementGroups/{groupId}'.",
            code="InvalidParentId",
        )
    return name


async def put_management_group(
    tx: Transaction, *, tenant: str, name: str, change: GroupChange, now: int, by: str
) -> tuple[ManagementGroup, bool]:
    """
    Make a management group, or change its display name or its parent; the second value says whether it was made.

    Raises:
        NotFound: the parent does not exist.
        Invalid: the name, the display name, a parent at or below the group, too deep, too many, or the root group.
    """
    _refuse_root(tenant, name)
    existing = await tx.record(ManagementGroup, tenant_partition(tenant), name.lower())
    tree = await read_hierarchy(tx, tenant)
    display_name = None if change.display_name is None else _check_display_name(change.display_name)
    parent = await _check_parent(tx, tree, tenant, name.lower(), change.parent)
    if existing is not None:
        changed = replace(
            existing,
            display_name=existing.display_name if display_name is None else display_name,
            parent=existing.parent if parent is None else parent,
            updated=now,
            updated_by=by,
        )
        await tx.put(changed)
        return changed, False
    if len(await tx.records(ManagementGroup, tenant_partition(tenant))) >= limits.MANAGEMENT_GROUPS_PER_TENANT:
        raise Invalid(
            f"A directory can have {limits.MANAGEMENT_GROUPS_PER_TENANT} management groups.",
            code="ManagementGroupLimitExceeded",
        )
    made = ManagementGroup(
        id=name.lower(),
        tenant=tenant,
        name=parse_name(name),
        display_name=display_name or name,
        created=now,
        parent=parent or "",
        created_by=by,
    )
    await tx.put(made)
    return made, True


async def remove_management_group(tx: Transaction, *, tenant: str, name: str) -> ManagementGroup | None:
    """
    Remove an empty management group with the roles given and the deployments made at it; None if there is none.

    Raises:
        Invalid: it is the root group, or something is in it.
    """
    _refuse_root(tenant, name)
    partition = tenant_partition(tenant)
    existing = await tx.record(ManagementGroup, partition, name.lower())
    if existing is None:
        return None
    has_groups = any(one.parent == existing.id for one in await tx.records(ManagementGroup, partition))
    if has_groups or any(one.management_group == existing.id for one in await tx.records(Subscription, partition)):
        raise Invalid(
            f"The management group '{existing.name}' cannot be deleted: move the management groups and subscriptions in"
            " it to another one first.",
            code="ManagementGroupHasChildren",
        )
    await remove_assignments_under(tx, tenant, existing.scope)
    await remove_deployments_at(tx, tenant, existing.scope)
    await tx.remove(existing)
    return existing


async def place_subscription(tx: Transaction, *, tenant: str, subscription: str, group: str) -> Subscription:
    """
    Put a subscription into a management group; *group* is its lower-case name, the tenant's id for the root group.

    Raises:
        NotFound: there is no such subscription or group.
    """
    partition = tenant_partition(tenant)
    current = await tx.record(Subscription, partition, subscription)
    if current is None:
        raise subscription_not_found(subscription)
    if group != tenant and await tx.record(ManagementGroup, partition, group) is None:
        raise management_group_not_found(group)
    placed = replace(current, management_group="" if group == tenant else group)
    await tx.put(placed)
    return placed


def _refuse_root(tenant: str, name: str) -> None:
    if name.lower() == tenant:
        raise Invalid(
            "The root management group of a directory can be neither changed nor deleted.",
            code="RootManagementGroupNotAllowed",
        )


def _check_display_name(text: str) -> str:
    if not 1 <= len(text) <= limits.MANAGEMENT_GROUP_NAME_CHARS or not text.isprintable():
        raise Invalid(
            f"The display name of a management group has 1 to {limits.MANAGEMENT_GROUP_NAME_CHARS} characters.",
            code="InvalidDisplayName",
        )
    return text


async def _check_parent(tx: Transaction, tree: Hierarchy, tenant: str, name: str, parent: str | None) -> str | None:
    """Check where a group is to hang; gives the parent as it is stored, None if nothing was said."""
    if parent is None:
        return None
    if parent == tenant:
        return ""
    if await tx.record(ManagementGroup, tenant_partition(tenant), parent) is None:
        raise management_group_not_found(parent)
    above = (parent, *tree.ancestors(parent))
    if name in above:
        raise Invalid(
            f"The management group '{shown(parent, RESOURCE_NAME)}' cannot be the parent: it is the group itself or"
            " below it.",
            code="InvalidParentId",
        )
    # `above` ends with the root group, which is no level; the group itself is one.
    if len(above) + tree.height(name) > limits.MANAGEMENT_GROUP_DEPTH:
        raise Invalid(
            f"Management groups have at most {limits.MANAGEMENT_GROUP_DEPTH} levels below the root group.",
            code="ManagementGroupDepthExceeded",
        )
    return parent
