"""
Subnets that a vault's firewall names: they exist, in the vault's own tenant, and reach vaults by their own addresses.

Words and codes are those that users of the real service report (ADR 0014).
"""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.core.echo import RESOURCE_ID, RESOURCE_NAME, shown
from strongroom.core.errors import Invalid
from strongroom.core.network import VirtualNetworkRule
from strongroom.core.networks import VirtualNetwork
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.resources.network_names import Reference, find_subnet, parse_subnet_id
from strongroom.resources.vault_settings import VaultChange
from strongroom.store import Transaction

SERVICE = "Microsoft.KeyVault"


def added_subnets(vault: Vault | None, change: VaultChange) -> tuple[str, ...]:
    """Name the subnets, by their ARM ids, that a change lets in and that the vault does not let in yet."""
    rules = _said(change)
    known = () if vault is None or vault.network_acls is None else vault.network_acls.virtual_network_rules
    there = {rule.id.lower() for rule in known}
    return tuple(rule.id for rule in rules if rule.id.lower() not in there)


async def check_subnet_rules(tx: Transaction, tenant: str, change: VaultChange) -> None:
    """
    Check the subnets that a change of a vault names.

    Raises:
        Invalid: `VirtualNetworkNotValid`: one does not exist in the tenant, or vaults are not reached from it by its
            own addresses and the rule does not say that this does not matter.
    """
    networks: dict[str, VirtualNetwork | None] = {}
    for rule in _said(change):
        reference = parse_subnet_id(rule.id)
        if reference is None:
            raise _absent_network(rule.id)
        key = reference.record_id
        if key not in networks:
            networks[key] = await tx.record(VirtualNetwork, tenant_partition(tenant), key)
        _check(networks[key], reference, rule)


def _said(change: VaultChange) -> Sequence[VirtualNetworkRule]:
    return () if change.network is None else change.network.virtual_network_rules or ()


def _check(network: VirtualNetwork | None, reference: Reference, rule: VirtualNetworkRule) -> None:
    if network is None:
        raise _absent_network(rule.id)
    subnet = find_subnet(network, reference.child)
    if subnet is None:
        raise _invalid(
            "404 (NotFound)",
            "SubnetsNotFound",
            f"Virtual network {network.scope} does not have subnets with names"
            f" {shown(reference.child, RESOURCE_NAME)}.",
        )
    reaches = {service.lower() for service in subnet.service_endpoints}
    if SERVICE.lower() not in reaches and not rule.ignore_missing_vnet_service_endpoint:
        raise _invalid(
            "400 (BadRequest)",
            "SubnetsHaveNoServiceEndpointsConfigured",
            f"Subnets {subnet.name} of virtual network {network.scope} do not have ServiceEndpoints for {SERVICE}"
            f" resources configured. Add {SERVICE} to subnet's ServiceEndpoints collection before trying to ACL"
            f" {SERVICE} resources to these subnets.",
        )


def _absent_network(rule: str) -> Invalid:
    network = rule[: rule.lower().find("/subnets/")]
    return _invalid(
        "404 (NotFound)",
        "ParentResourceNotFound",
        "Failed to perform 'action' on resource(s) of type 'virtualNetworks/taggedTrafficConsumers', because the"
        f" parent resource '{shown(network, RESOURCE_ID)}' could not be found.",
    )


def _invalid(status: str, code: str, message: str) -> Invalid:
    return Invalid(
        f"Operation on Virtual Network could not be performed. StatusCode: {status}. Error Code: {code}. Error Message:"
        f" {message}.",
        code="VirtualNetworkNotValid",
    )
