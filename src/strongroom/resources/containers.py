"""Subscriptions and resource groups: making, changing and removing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.echo import LOCATION, shown
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.network import PublicNetworkAccess
from strongroom.core.networks import PerimeterAssociation, PerimeterMode, PrivateEndpoint, VirtualNetwork
from strongroom.core.records import tenant_partition, vault_partition
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.resources.deployments import remove_deployments_at
from strongroom.resources.endpoint_connections import disconnect
from strongroom.resources.endpoint_listeners import remove_listeners_of
from strongroom.resources.lookup import group_not_found, is_in, subscription_not_found
from strongroom.resources.network_maps import remove_maps_of
from strongroom.resources.networks import endpoints_in
from strongroom.resources.perimeter_associations import perimeters_of
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location
from strongroom.resources.vaults import mark_deleted
from strongroom.store import Transaction

_GROUP_NAME = re.compile(rf"[\w.()-]{{1,{limits.RESOURCE_GROUP_NAME_CHARS}}}")


@dataclass(frozen=True, slots=True)
class GroupRemoval:
    """What went with a resource group: vaults into the deleted state, identities and machines for good."""

    vaults: tuple[Vault, ...]
    identities: tuple[UserAssignedIdentity, ...]
    machines: tuple[Machine, ...]

    @property
    def principals(self) -> tuple[str, ...]:
        """The service principals behind them, which are the directory's: the caller removes them with the group."""
        return (
            *(one.principal_id for one in self.identities),
            *(one.principal_id for one in self.machines if one.principal_id is not None),
        )


async def create_subscription(
    tx: Transaction, *, subscription: str, tenant: str, display_name: str, now: int
) -> Subscription:
    """Make a subscription of a tenant. *subscription* is a new GUID."""
    made = Subscription(id=subscription, tenant=tenant, display_name=display_name, created=now)
    await tx.put(made)
    return made


def parse_group_name(text: str) -> str:
    """
    Check a resource group's name: 1 to 90 word characters, `.`, `-` and parentheses, not ending in a full stop.

    Raises:
        Invalid: `InvalidResourceGroup`.
    """
    if _GROUP_NAME.fullmatch(text) is None or text.endswith("."):
        raise Invalid(
            f"The provided resource group name is invalid: it has 1 to {limits.RESOURCE_GROUP_NAME_CHARS} characters,"
            " each a letter, digit, '-', '.', '(', ')' or '_', and does not end with '.'.",
            code="InvalidResourceGroup",
        )
    return text


async def put_group(
    tx: Transaction,
    *,
    subscription: Subscription,
    name: str,
    location: str,
    tags: Mapping[str, str],
    now: int,
) -> tuple[ResourceGroup, bool]:
    """
    Make a resource group or replace its tags; the second value says whether it was made.

    Raises:
        NotFound: the subscription is gone.
        Conflict: it exists in another location.
        Invalid: name, location or tags.
    """
    place, labels = parse_location(location), check_tags(tags)
    partition = tenant_partition(subscription.tenant)
    if await tx.record(Subscription, partition, subscription.id) is None:
        raise subscription_not_found(subscription.id)
    existing = await tx.record(ResourceGroup, partition, f"{subscription.id}/{name.lower()}")
    if existing is not None:
        if existing.location != place:
            raise Conflict(
                f"Invalid resource group location '{shown(place, LOCATION)}'. The Resource group already exists in"
                f" location '{existing.location}'.",
                code="InvalidResourceGroupLocation",
            )
        changed = replace(existing, tags=labels)
        await tx.put(changed)
        return changed, False
    made = ResourceGroup(
        id=f"{subscription.id}/{name.lower()}",
        tenant=subscription.tenant,
        subscription=subscription.id,
        name=parse_group_name(name),
        location=place,
        created=now,
        tags=labels,
    )
    await tx.put(made)
    return made, True


async def tag_group(tx: Transaction, group: ResourceGroup, tags: Mapping[str, str] | None) -> ResourceGroup:
    """
    Replace a resource group's tags; None leaves them.

    Raises:
        NotFound: it is gone.
        Invalid: the tags.
    """
    current = await tx.record(ResourceGroup, group.partition, group.id)
    if current is None:
        raise group_not_found(group.name)
    changed = current if tags is None else replace(current, tags=check_tags(tags))
    await tx.put(changed)
    return changed


async def delete_group(tx: Transaction, group: ResourceGroup, *, now: int) -> GroupRemoval:
    """
    Remove a resource group with everything in it. Its vaults become recoverable, as if each had been deleted.

    Raises:
        NotFound: it is gone already.
        Conflict: something in it is in use from another group.
    """
    partition = tenant_partition(group.tenant)
    current = await tx.record(ResourceGroup, partition, group.id)
    if current is None:
        raise group_not_found(group.name)
    networks, endpoints = await _networks_of(tx, current)
    perimeters, associations, used = await perimeters_of(tx, current, lambda one: is_in(one, current))
    if used is not None:
        raise deletion_blocked(current, used.scope)
    await _keep_closed(tx, associations)
    vaults = [
        await mark_deleted(tx, vault, now=now)
        for vault in await tx.records(Vault)
        if vault.deleted is None and is_in(vault, current)
    ]
    identities = [one for one in await tx.records(UserAssignedIdentity, partition) if is_in(one, current)]
    machines = [one for one in await tx.records(Machine, partition) if is_in(one, current)]
    await disconnect(tx, [endpoint.scope for endpoint in endpoints])
    await remove_listeners_of(tx, endpoints)
    await remove_maps_of(tx, networks)
    for resource in (*identities, *machines, *networks, *endpoints, *associations, *perimeters):
        await tx.remove(resource)
    await remove_deployments_at(tx, current.tenant, current.scope)
    # Those of all that was in it too: a tenant's assignments are gone through once, however many vaults there were.
    await remove_assignments_under(tx, current.tenant, current.scope)
    await tx.remove(current)
    return GroupRemoval(tuple(vaults), tuple(identities), tuple(machines))


async def _keep_closed(tx: Transaction, associations: Iterable[PerimeterAssociation]) -> None:
    """
    Let vaults admit nobody whose perimeter goes and decided until now, so that recovering one opens nothing.

    Their owners say what is to decide in its place: it is the vault's own setting.
    """
    for association in associations:
        vault = await tx.record(Vault, vault_partition(association.vault), association.vault)
        if vault is not None and association.mode is PerimeterMode.ENFORCED:
            await tx.put(replace(vault, public_network_access=PublicNetworkAccess.SECURED_BY_PERIMETER))


async def _networks_of(tx: Transaction, group: ResourceGroup) -> tuple[list[VirtualNetwork], list[PrivateEndpoint]]:
    """
    Find the networks and private endpoints that go with a group.

    Raises:
        Conflict: `ResourceGroupDeletionBlocked`: an endpoint of another group is in one of its networks.
    """
    partition = tenant_partition(group.tenant)
    networks = [one for one in await tx.records(VirtualNetwork, partition) if is_in(one, group)]
    everywhere = await tx.records(PrivateEndpoint, partition)
    for network in networks:
        if any(not is_in(endpoint, group) for endpoint in endpoints_in(network, everywhere)):
            raise deletion_blocked(group, network.scope)
    return networks, [endpoint for endpoint in everywhere if is_in(endpoint, group)]


def deletion_blocked(group: ResourceGroup, scope: str) -> Conflict:
    """Say that a group stays because something in it is in use from elsewhere."""
    return Conflict(
        f"Deletion of resource group '{group.name}' failed as resources with identifiers '{scope}' could not be"
        " deleted. They are in use by resources of other groups.",
        code="ResourceGroupDeletionBlocked",
    )
