"""Groups and memberships. Groups nest; no group is inside itself, by whatever way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core.errors import Invalid
from strongroom.core.guids import new_guid
from strongroom.core.identity import Group, Membership
from strongroom.core.records import tenant_partition
from strongroom.directory.deletion import delete
from strongroom.directory.principals import no_such_object, require_group, require_principal
from strongroom.store import Transaction
from strongroom.view import View


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What is to become different about a group. None leaves things as they are; an empty text removes it."""

    display_name: str | None = None
    mail_nickname: str | None = None
    description: str | None = None


async def create_group(
    tx: Transaction,
    tenant: str,
    *,
    display_name: str,
    mail_nickname: str,
    description: str | None,
    now: int,
    entropy: Callable[[int], bytes],
) -> Group:
    """Make a security group without members. Two groups may have one name, as in Entra."""
    group = Group(new_guid(entropy), tenant, display_name, now, mail_nickname, description or None)
    await tx.put(group)
    return group


async def update_group(tx: Transaction, tenant: str, group: str, change: GroupChange) -> Group:
    """
    Change what is said of a group.

    Raises:
        NotFound: the tenant has no such group.
    """
    found = await require_group(tx, tenant, group)
    changed = replace(
        found,
        display_name=found.display_name if change.display_name is None else change.display_name,
        mail_nickname=found.mail_nickname if change.mail_nickname is None else change.mail_nickname,
        description=found.description if change.description is None else change.description or None,
    )
    await tx.put(changed)
    return changed


async def delete_group(tx: Transaction, tenant: str, group: str, *, now: int) -> None:
    """
    Delete a group; its members stay, and lose what they had through it until it is restored.

    Raises:
        NotFound: the tenant has no such group.
    """
    await delete(tx, await require_group(tx, tenant, group), now)


async def add_member(tx: Transaction, view: View, tenant: str, group: str, member: str) -> Membership:
    """
    Put a principal into a group.

    *view* says what the group is in: within a change it shows every record as it stands (ADR 6).

    Raises:
        Invalid: it is a member already, or the group is inside *member*, which would make a circle.
        NotFound: the tenant has no such group or principal.
    """
    await require_group(tx, tenant, group)
    principal = await require_principal(tx, tenant, member)
    partition = tenant_partition(tenant)
    membership = Membership(membership_id(group, member), tenant, group, member)
    if await tx.record(Membership, partition, membership.id) is not None:
        raise Invalid(
            "One or more added object references already exist for the following modified properties: 'members'."
        )
    # Asked within the change, since two additions at once could each be harmless and together make a circle. What else
    # the same change puts into the same group is on no way that leads to it.
    if isinstance(principal, Group) and (group == member or member in view.groups_around(tenant, group)):
        raise Invalid("A group cannot be a member of itself, directly or through another group.")
    await tx.put(membership)
    return membership


async def remove_member(tx: Transaction, tenant: str, group: str, member: str) -> None:
    """
    Take a principal out of a group.

    Raises:
        NotFound: the tenant has no such group, or the principal is not a direct member.
    """
    await require_group(tx, tenant, group)
    membership = await tx.record(Membership, tenant_partition(tenant), membership_id(group, member))
    if membership is None:
        raise no_such_object(member)
    await tx.remove(membership)


def membership_id(group: str, member: str) -> str:
    """Name the membership of a principal in a group."""
    return f"{group}/{member}"
