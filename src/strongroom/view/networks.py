"""The networks, private endpoints and perimeters around vaults, and what they come to for one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterRules,
    PrivateEndpoint,
    Surroundings,
    VirtualNetwork,
)
from strongroom.core.records import Record
from strongroom.core.surroundings import find_subnet, network_of, perimeter_rules, subnet_ranges
from strongroom.core.vaults import Vault
from strongroom.view.index import Collected, Index


class Networks:
    """
    What the firewalls of all vaults rest on besides the vaults' own settings.

    Attributes:
        changes: grows with every record that comes or goes, so that what was worked out from them can be kept.
    """

    def __init__(self) -> None:
        self.changes = 0
        self.virtual_networks: Index[str, VirtualNetwork] = Index(lambda one: (one.scope.lower(),))
        self.maps: Index[str, NetworkMap] = Index(lambda one: (one.virtual_network,))
        self.endpoints: Index[str, PrivateEndpoint] = Index(lambda one: (one.scope.lower(),))
        self.connections: Collected[str, EndpointConnection] = Collected(lambda one: one.vault)
        self.perimeters: Index[tuple[str, str], Perimeter] = Index(lambda one: ((one.tenant, one.id),))
        self.associations: Collected[tuple[str, str], PerimeterAssociation] = Collected(
            lambda one: (one.tenant, one.vault)
        )
        self.following: Mapping[str, tuple[Any, ...]] = {
            VirtualNetwork.KIND: (self.virtual_networks, self),
            NetworkMap.KIND: (self.maps, self),
            PrivateEndpoint.KIND: (self.endpoints, self),
            EndpointConnection.KIND: (self.connections, self),
            Perimeter.KIND: (self.perimeters, self),
            PerimeterAssociation.KIND: (self.associations, self),
        }
        """What follows which kind of record."""

    def add(self, _record: Record) -> None:
        """Notice that a record came."""
        self.changes += 1

    def remove(self, _record: Record) -> None:
        """Notice that a record went."""
        self.changes += 1

    # ---- questions --------------------------------------------------------------------------------------------------

    def surroundings(self, vault: Vault) -> Surroundings:
        """Work out what counts for a vault. What belongs to another tenant counts only where the vault's has agreed."""
        return Surroundings(self._subnets(vault), self._endpoints(vault), self._perimeter(vault))

    def _subnets(self, vault: Vault) -> dict[str, tuple[str, ...]]:
        """Find the subnets that the vault's rules name: of its own tenant, and with ranges that count."""
        found: dict[str, tuple[str, ...]] = {}
        for rule in vault.network_acls.virtual_network_rules if vault.network_acls is not None else ():
            network = self.virtual_networks.get(network_of(rule.id))
            subnet = find_subnet(network, rule.id) if network is not None else None
            if network is None or subnet is None or network.tenant != vault.tenant:
                continue
            ranges = subnet_ranges(subnet, self._map_of(network))
            if ranges:
                found[rule.id.lower()] = ranges
        return found

    def _endpoints(self, vault: Vault) -> dict[str, tuple[str, ...]]:
        """Find the endpoints with an approved connection to the vault: its owner's own word, whosever they are."""
        found: dict[str, tuple[str, ...]] = {}
        for connection in self.connections.get(vault.id):
            endpoint = self.endpoints.get(connection.endpoint)
            if connection.state is not ConnectionState.APPROVED or endpoint is None:
                continue
            network = self.virtual_networks.get(network_of(endpoint.subnet))
            if network is None or network.tenant != endpoint.tenant or find_subnet(network, endpoint.subnet) is None:
                continue
            mapped = self._map_of(network)
            if mapped is not None:
                found[connection.endpoint] = mapped.ranges
        return found

    def _perimeter(self, vault: Vault) -> PerimeterRules | None:
        """Find the rules of the perimeter that the vault is in; of several at once none counts, so nobody comes in."""
        associations = self.associations.get((vault.tenant, vault.id))
        if not associations:
            return None
        if len(associations) > 1:
            return PerimeterRules("", max(associations, key=lambda one: one.mode is PerimeterMode.ENFORCED).mode)
        found = associations[0]
        return perimeter_rules(found, self.perimeters.get((found.tenant, found.perimeter)))

    def _map_of(self, network: VirtualNetwork) -> NetworkMap | None:
        mapped = self.maps.get(network.scope.lower())
        return mapped if mapped is not None and mapped.tenant == network.tenant else None
