"""
Scopes: the places where a role may be given, in the one spelling they are stored in.

    /                                                                                the tenant
    /providers/Microsoft.Management/managementGroups/{name}
    /subscriptions/{guid}
    /subscriptions/{guid}/resourceGroups/{name}
    .../providers/Microsoft.KeyVault/vaults/{name}
    .../providers/Microsoft.KeyVault/vaults/{name}/{secrets|keys|certificates}/{name}
    .../providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}
    .../providers/Microsoft.HybridCompute/machines/{name}
    .../providers/Microsoft.Network/virtualNetworks/{name}
    .../providers/Microsoft.Network/virtualNetworks/{name}/subnets/{name}
    .../providers/Microsoft.Network/privateEndpoints/{name}
    .../providers/Microsoft.Network/networkSecurityPerimeters/{name}

Requests spell scopes in any case; what is stored is what the resources themselves are called. A scope in another tenant
is answered as one that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.hierarchy import group_scope
from strongroom.core.names import parse_object_name
from strongroom.core.networks import VirtualNetwork
from strongroom.core.objects import Collection
from strongroom.core.records import Record
from strongroom.core.resources import ResourceGroup
from strongroom.core.vaults import Vault
from strongroom.resources.lookup import (
    find_vault,
    group_of,
    identity_of,
    machine_of,
    management_group_of,
    network_of,
    perimeter_of,
    private_endpoint_of,
    require_active,
    subscription_of,
    vault_not_found,
)
from strongroom.resources.network_names import find_subnet, subnet_scope, the_subnet
from strongroom.store import Transaction
from strongroom.view import View

ROOT = "/"
_SUBSCRIPTION_SEGMENTS = 2
_GROUP_SEGMENTS = 4
_MANAGEMENT_GROUPS = ["providers", "microsoft.management", "managementgroups"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope that exists, as far as the view knows."""

    path: str
    subscription: str | None = None
    """The subscription it counts against; None for the tenant and for management groups."""
    resource: Record | None = None
    """What must still be there when a role is given: a subscription, group, vault, identity, machine or management
    group; None for the tenant and for its root group, which are there as long as the tenant is."""


def locate(view: View, tenant: str, text: str) -> Scope:
    """
    Find the scope that *text* names.

    Raises:
        NotFound: there is no such resource in the tenant, or its type is not one that is served.
        Invalid: it is no scope at all.
    """
    if not text.strip("/"):
        return Scope(ROOT)
    if "//" in text:
        # Rights were asked for at the text, which is no spelling of the place that it would lead to.
        raise _unknown_scope(text)
    segments = text.strip("/").split("/")
    folded = [part.lower() for part in segments]
    if folded[:-1] == _MANAGEMENT_GROUPS:
        return _locate_management_group(view, tenant, segments[-1])
    if folded[0] != "subscriptions" or len(segments) < _SUBSCRIPTION_SEGMENTS:
        raise _unknown_scope(text)
    if len(segments) == _SUBSCRIPTION_SEGMENTS:
        subscription = subscription_of(view, tenant, segments[1])
        return Scope(subscription.scope, subscription.id, subscription)
    if folded[2] != "resourcegroups" or len(segments) < _GROUP_SEGMENTS:
        raise _unknown_scope(text)
    group = group_of(view, tenant, segments[1], segments[3])
    return _locate_in_group(view, group, folded[_GROUP_SEGMENTS:], segments[_GROUP_SEGMENTS:], text)


def _locate_in_group(view: View, group: ResourceGroup, folded: list[str], segments: list[str], text: str) -> Scope:
    """Find a resource group or what is in it, by what its path has after the group's; *folded* is in lower case."""
    match folded, segments:
        case [], _:
            return Scope(group.scope, group.subscription, group)
        case ["providers", "microsoft.keyvault", "vaults", _, *below], [_, _, _, name, *inside]:
            return _locate_vault(view, group, name, below, inside, text)
        case ["providers", "microsoft.managedidentity", "userassignedidentities", _], [_, _, _, name]:
            return _locate_identity(view, group, name)
        case ["providers", "microsoft.hybridcompute", "machines", _], [_, _, _, name]:
            machine = machine_of(view, group, name)
            return Scope(machine.scope, machine.subscription, machine)
        case ["providers", "microsoft.network", *below], [_, _, *inside]:
            return _locate_network(view, group, below, inside, text)
        case _:
            raise _unknown_scope(text)


async def confirm(tx: Transaction, scope: Scope) -> None:
    """
    Make sure that a scope is still there.

    Raises:
        NotFound: it went away since it was located.
    """
    resource = scope.resource
    if isinstance(resource, Vault):
        await require_active(tx, resource)
    elif resource is not None:
        current = await tx.record(type(resource), resource.partition, resource.id)
        if current is None or not _has_part(current, scope.path):
            raise NotFound(f"The resource '{scope.path}' was not found.", code="ResourceNotFound")


def _has_part(resource: Record, path: str) -> bool:
    """Tell whether a scope in a resource that is still there is so itself: of networks, subnets can go."""
    if not isinstance(resource, VirtualNetwork) or path == resource.scope:
        return True
    return find_subnet(resource, path.rpartition("/")[2]) is not None


def _locate_management_group(view: View, tenant: str, name: str) -> Scope:
    group = management_group_of(view, tenant, name)
    return Scope(group_scope(tenant)) if group is None else Scope(group.scope, None, group)


def _locate_vault(view: View, group: ResourceGroup, name: str, below: list[str], inside: list[str], text: str) -> Scope:
    vault = find_vault(view, group, name)
    if vault is None:
        raise vault_not_found(group.name, name)
    if not below:
        return Scope(vault.scope, vault.subscription, vault)
    if len(below) == 2 and below[0] in set(Collection):
        # The object need not exist: a role may be given before the secret is set (reference section 3.5).
        return Scope(f"{vault.scope}/{below[0]}/{parse_object_name(inside[1])}", vault.subscription, vault)
    raise _unknown_scope(text)


def _locate_identity(view: View, group: ResourceGroup, name: str) -> Scope:
    identity = identity_of(view, group, name)
    return Scope(identity.scope, identity.subscription, identity)


def _locate_network(view: View, group: ResourceGroup, below: list[str], inside: list[str], text: str) -> Scope:
    match below, inside:
        case ["virtualnetworks", _], [_, name]:
            network = network_of(view, group, name)
            return Scope(network.scope, network.subscription, network)
        case ["virtualnetworks", _, "subnets", _], [_, name, _, part]:
            network = network_of(view, group, name)
            subnet = the_subnet(network, part)
            return Scope(subnet_scope(network, subnet.name), network.subscription, network)
        case ["privateendpoints", _], [_, name]:
            endpoint = private_endpoint_of(view, group, name)
            return Scope(endpoint.scope, endpoint.subscription, endpoint)
        case ["networksecurityperimeters", _], [_, name]:
            perimeter = perimeter_of(view, group, name)
            return Scope(perimeter.scope, perimeter.subscription, perimeter)
        case _:
            raise _unknown_scope(text)


def _unknown_scope(text: str) -> Invalid:
    return Invalid(
        f"The scope '{shown(text, RESOURCE_ID)}' is not valid: a role is given at '/', a management group, a"
        " subscription, a resource group, a vault, one of its secrets, keys or certificates, a user-assigned identity,"
        " a machine, a virtual network, a subnet, a private endpoint, or a network security perimeter.",
        code="InvalidScope",
    )
