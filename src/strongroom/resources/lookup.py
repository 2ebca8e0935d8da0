"""
Finding resources by the names in a request.

Everything is looked up within the caller's tenant: a subscription, group or vault of another tenant is answered exactly
as one that does not exist (security.md "Tenants").
"""

from __future__ import annotations

from typing import TypeVar

from strongroom.core.echo import GUID, RESOURCE_NAME, VAULT_NAME, shown
from strongroom.core.errors import NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.hierarchy import Hierarchy, group_scope
from strongroom.core.lifecycle import is_over
from strongroom.core.networks import Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.records import tenant_partition, vault_partition
from strongroom.core.resources import Machine, ManagementGroup, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.resources.network_names import id_in, unresolved
from strongroom.store import Transaction
from strongroom.view import View

Placed = Vault | UserAssignedIdentity | Machine | VirtualNetwork | PrivateEndpoint | Perimeter
"""What is in a resource group."""


def subscription_not_found(subscription: str) -> NotFound:
    """Say that a subscription is not the tenant's."""
    return NotFound(f"The subscription '{shown(subscription, GUID)}' could not be found.", code="SubscriptionNotFound")


def management_group_not_found(name: str) -> NotFound:
    """Say that a management group does not exist."""
    return NotFound(f"'{group_scope(shown(name, RESOURCE_NAME))}' not found", code="NotFound")


def group_not_found(name: str) -> NotFound:
    """Say that a resource group does not exist."""
    return NotFound(f"Resource group '{shown(name, RESOURCE_NAME)}' could not be found.", code="ResourceGroupNotFound")


def resource_not_found(resource_type: str, group: str, name: str) -> NotFound:
    """Say that a resource of this type does not exist in a group."""
    return NotFound(
        f"The Resource '{resource_type}/{shown(name, RESOURCE_NAME)}' under resource group"
        f" '{shown(group, RESOURCE_NAME)}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        code="ResourceNotFound",
    )


def vault_not_found(group: str, name: str) -> NotFound:
    """Say that a vault does not exist in a group."""
    return NotFound(
        f"The Resource 'Microsoft.KeyVault/vaults/{shown(name, VAULT_NAME)}' under resource group"
        f" '{shown(group, RESOURCE_NAME)}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        code="ResourceNotFound",
    )


def identity_not_found(group: str, name: str) -> NotFound:
    """Say that an identity does not exist in a group."""
    return resource_not_found("Microsoft.ManagedIdentity/userAssignedIdentities", group, name)


def machine_not_found(group: str, name: str) -> NotFound:
    """Say that a machine does not exist in a group."""
    return resource_not_found("Microsoft.HybridCompute/machines", group, name)


def deleted_vault_not_found(name: str) -> NotFound:
    """Say that no soft-deleted vault has this name."""
    return NotFound(
        f"The specified deleted vault '{shown(name, VAULT_NAME)}' does not exist.", code="DeletedVaultNotFound"
    )


def subscription_of(view: View, tenant: str, subscription: str) -> Subscription:
    """
    Find a subscription of a tenant.

    Raises:
        NotFound: `SubscriptionNotFound`.
    """
    guid = parse_guid(subscription)
    found = view.subscription(guid) if guid is not None else None
    if found is None or found.tenant != tenant:
        raise subscription_not_found(subscription)
    return found


def management_group_of(view: View, tenant: str, name: str) -> ManagementGroup | None:
    """
    Find a management group of a tenant; None is the root group, which has no record.

    Raises:
        NotFound: there is no such group.
    """
    if name.lower() == tenant:
        return None
    found = view.get(ManagementGroup, tenant_partition(tenant), name.lower())
    if found is None:
        raise management_group_not_found(name)
    return found


def hierarchy_of(view: View, tenant: str) -> Hierarchy:
    """Give the tree of a tenant's management groups and subscriptions, as the view has it."""
    partition = tenant_partition(tenant)
    return Hierarchy(tenant, view.all(ManagementGroup, partition), view.all(Subscription, partition))


async def read_hierarchy(tx: Transaction, tenant: str) -> Hierarchy:
    """Give that tree as it is in a transaction."""
    partition = tenant_partition(tenant)
    return Hierarchy(tenant, await tx.records(ManagementGroup, partition), await tx.records(Subscription, partition))


def group_of(view: View, tenant: str, subscription: str, name: str) -> ResourceGroup:
    """
    Find a resource group of a tenant's subscription.

    Raises:
        NotFound: `SubscriptionNotFound`, `ResourceGroupNotFound`.
    """
    parent = subscription_of(view, tenant, subscription)
    found = view.resource_group(parent.id, name)
    if found is None or found.tenant != tenant:
        raise group_not_found(name)
    return found


def identity_of(view: View, group: ResourceGroup, name: str) -> UserAssignedIdentity:
    """
    Find a user-assigned identity of a group.

    Raises:
        NotFound: `ResourceNotFound`.
    """
    found = view.user_assigned_identity(group.subscription, group.name, name)
    if found is None:
        raise identity_not_found(group.name, name)
    return found


def machine_of(view: View, group: ResourceGroup, name: str) -> Machine:
    """
    Find a machine of a group.

    Raises:
        NotFound: `ResourceNotFound`.
    """
    found = view.machine(group.subscription, group.name, name)
    if found is None:
        raise machine_not_found(group.name, name)
    return found


def network_of(view: View, group: ResourceGroup, name: str) -> VirtualNetwork:
    """
    Find a virtual network of a group.

    Raises:
        NotFound: `ResourceNotFound`.
    """
    return _in_group(view, VirtualNetwork, "Microsoft.Network/virtualNetworks", group, name)


def private_endpoint_of(view: View, group: ResourceGroup, name: str) -> PrivateEndpoint:
    """
    Find a private endpoint of a group.

    Raises:
        NotFound: `ResourceNotFound`.
    """
    return _in_group(view, PrivateEndpoint, "Microsoft.Network/privateEndpoints", group, name)


def perimeter_of(view: View, group: ResourceGroup, name: str) -> Perimeter:
    """
    Find a network security perimeter of a group.

    Raises:
        NotFound: `ResourceNotFound`.
    """
    return _in_group(view, Perimeter, "Microsoft.Network/networkSecurityPerimeters", group, name)


NetworkT = TypeVar("NetworkT", VirtualNetwork, PrivateEndpoint, Perimeter)


def _in_group(view: View, kind: type[NetworkT], resource_type: str, group: ResourceGroup, name: str) -> NetworkT:
    found = view.get(kind, tenant_partition(group.tenant), id_in(group, name))
    if found is None:
        raise resource_not_found(resource_type, group.name, name)
    return found


def find_vault(view: View, group: ResourceGroup, name: str) -> Vault | None:
    """Find a vault that is in a group and not deleted, or None."""
    found = view.vault_by_name(name)
    if found is None or found.deleted is not None or not is_in(found, group):
        return None
    return found


def vault_of(view: View, tenant: str, subscription: str, group: str, name: str) -> Vault:
    """
    Find a vault that is not deleted by its place.

    Raises:
        NotFound: `SubscriptionNotFound`, `ResourceGroupNotFound`, `ResourceNotFound`.
    """
    parent = group_of(view, tenant, subscription, group)
    found = find_vault(view, parent, name)
    if found is None:
        raise vault_not_found(parent.name, name)
    return found


def find_deleted_vault(view: View, subscription: Subscription, name: str, now: int) -> Vault | None:
    """Find a soft-deleted vault of a subscription whose retention has not ended, or None."""
    found = view.vault_by_name(name)
    if found is None or found.subscription != subscription.id or not is_recoverable(found, now):
        return None
    return found


def is_in(resource: Placed, group: ResourceGroup) -> bool:
    """Tell whether a resource's place is in this group."""
    return resource.subscription == group.subscription and resource.resource_group.lower() == group.name.lower()


def is_recoverable(vault: Vault, now: int) -> bool:
    """Tell whether a vault is deleted and its retention has not ended."""
    return vault.deleted is not None and not is_over(vault.purge_at, now)


async def require_active(tx: Transaction, vault: Vault) -> Vault:
    """
    Read a vault again, as it is now.

    Raises:
        NotFound: it is gone, deleted, or moved: rights and locks were asked where it was.
    """
    current = await tx.record(Vault, vault_partition(vault.id), vault.id)
    if current is None or current.deleted is not None or current.scope != vault.scope:
        raise vault_not_found(vault.resource_group, vault.name)
    return current


async def named_vault(tx: Transaction, tenant: str, vault: Vault | None, text: str, by: str) -> Vault:
    """
    Read again the vault that a resource *by* names by the ARM id *text*; *vault* is what was found for its name.

    Raises:
        Invalid: there is no such vault in the tenant that is not deleted.
    """
    current = None if vault is None else await tx.record(Vault, vault_partition(vault.id), vault.id)
    there = current is not None and current.deleted is None and current.tenant == tenant
    if current is None or not there or current.scope.lower() != text.rstrip("/").lower():
        raise unresolved(text, by)
    return current
