"""The rows of `Microsoft.Network`, and of what a vault says about networks."""

from __future__ import annotations

from strongroom.arm import network_wire as wire
from strongroom.arm import networks, perimeters, private_endpoints, vault_connections
from strongroom.arm.etags import in_group, of_connection
from strongroom.arm.rows import action, row
from strongroom.arm.targets import (
    ASSOCIATION,
    CONNECTION,
    ENDPOINT,
    GROUP,
    NETWORK,
    PERIMETER,
    PROFILE,
    RULE,
    SUBNET,
    VAULT,
    at,
)
from strongroom.core.networks import Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.permissions import Authenticated

_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_AT_SUBSCRIPTION, _AT_GROUP, _AT_VAULT = at(_SUBSCRIPTION), at(GROUP), at(VAULT)
_AT_NETWORK, _AT_SUBNET, _AT_ENDPOINT = at(NETWORK), at(SUBNET), at(ENDPOINT)
_AT_PERIMETER, _AT_PROFILE, _AT_RULE, _AT_ASSOCIATION = at(PERIMETER), at(PROFILE), at(RULE), at(ASSOCIATION)
_NETWORK_TAG = in_group(VirtualNetwork, "network")
_SUBNET_TAG = in_group(VirtualNetwork, "network", "subnet")
_ENDPOINT_TAG = in_group(PrivateEndpoint, "endpoint")
_PERIMETER_TAG = in_group(Perimeter, "perimeter")

_NETWORK_TYPE = "Microsoft.Network/virtualNetworks"
_SUBNET_TYPE = f"{_NETWORK_TYPE}/subnets"
_NETWORK_ROWS = (
    row("VirtualNetworkGet", "GET", NETWORK,
        _NETWORK_TYPE, action(f"{_NETWORK_TYPE}/read"), networks.get_network, _AT_NETWORK),
    row("VirtualNetworkPut", "PUT", NETWORK,
        _NETWORK_TYPE, action(f"{_NETWORK_TYPE}/write"), networks.put_network, _AT_NETWORK,
        success=201, body=wire.VirtualNetwork, tagged=_NETWORK_TAG),
    row("VirtualNetworkPatch", "PATCH", NETWORK,
        _NETWORK_TYPE, action(f"{_NETWORK_TYPE}/write"), networks.patch_network, _AT_NETWORK, body=wire.Tags,
        tagged=_NETWORK_TAG),
    row("VirtualNetworkDelete", "DELETE", NETWORK,
        _NETWORK_TYPE, action(f"{_NETWORK_TYPE}/delete"), networks.delete_network, _AT_NETWORK,
        success=202, tagged=_NETWORK_TAG),
    row("VirtualNetworkListByGroup", "GET", f"{GROUP}/providers/{_NETWORK_TYPE}",
        _NETWORK_TYPE, _ANYONE, networks.list_networks, _AT_GROUP),
    row("VirtualNetworkList", "GET", f"{_SUBSCRIPTION}/providers/{_NETWORK_TYPE}",
        _NETWORK_TYPE, _ANYONE, networks.list_networks, _AT_SUBSCRIPTION),
    row("SubnetGet", "GET", SUBNET,
        _SUBNET_TYPE, action(f"{_SUBNET_TYPE}/read"), networks.get_subnet, _AT_SUBNET),
    row("SubnetPut", "PUT", SUBNET,
        _SUBNET_TYPE, action(f"{_SUBNET_TYPE}/write"), networks.put_subnet, _AT_SUBNET,
        success=201, body=wire.Subnet, tagged=_SUBNET_TAG),
    row("SubnetDelete", "DELETE", SUBNET,
        _SUBNET_TYPE, action(f"{_SUBNET_TYPE}/delete"), networks.delete_subnet, _AT_SUBNET,
        success=202, tagged=_SUBNET_TAG),
    row("SubnetList", "GET", f"{NETWORK}/subnets",
        _SUBNET_TYPE, action(f"{_SUBNET_TYPE}/read"), networks.list_subnets, _AT_NETWORK),
)  # fmt: skip

_ENDPOINT_TYPE = "Microsoft.Network/privateEndpoints"
_ENDPOINT_ROWS = (
    row("PrivateEndpointGet", "GET", ENDPOINT,
        _ENDPOINT_TYPE, action(f"{_ENDPOINT_TYPE}/read"), private_endpoints.get_endpoint, _AT_ENDPOINT),
    # It takes rights over the subnet and the vault besides, which the handler asks for.
    row("PrivateEndpointPut", "PUT", ENDPOINT,
        _ENDPOINT_TYPE, action(f"{_ENDPOINT_TYPE}/write"), private_endpoints.put_endpoint, _AT_ENDPOINT,
        success=201, body=wire.PrivateEndpoint, tagged=_ENDPOINT_TAG),
    row("PrivateEndpointDelete", "DELETE", ENDPOINT,
        _ENDPOINT_TYPE, action(f"{_ENDPOINT_TYPE}/delete"), private_endpoints.delete_endpoint, _AT_ENDPOINT,
        success=202, tagged=_ENDPOINT_TAG),
    row("PrivateEndpointListByGroup", "GET", f"{GROUP}/providers/{_ENDPOINT_TYPE}",
        _ENDPOINT_TYPE, _ANYONE, private_endpoints.list_endpoints, _AT_GROUP),
    row("PrivateEndpointList", "GET", f"{_SUBSCRIPTION}/providers/{_ENDPOINT_TYPE}",
        _ENDPOINT_TYPE, _ANYONE, private_endpoints.list_endpoints, _AT_SUBSCRIPTION),
)  # fmt: skip

_CONNECTION_TYPE = "Microsoft.KeyVault/vaults/privateEndpointConnections"
_LINK_TYPE = "Microsoft.KeyVault/vaults/privateLinkResources"
# Nobody is given a role over a connection, so rights are looked up at the vault.
_CONNECTION_ROWS = (
    row("PrivateEndpointConnectionList", "GET", f"{VAULT}/privateEndpointConnections",
        _CONNECTION_TYPE, action(f"{_CONNECTION_TYPE}/read"), vault_connections.list_connections, _AT_VAULT),
    row("PrivateEndpointConnectionGet", "GET", CONNECTION,
        _CONNECTION_TYPE, action(f"{_CONNECTION_TYPE}/read"), vault_connections.get_connection, _AT_VAULT),
    row("PrivateEndpointConnectionPut", "PUT", CONNECTION,
        _CONNECTION_TYPE, action(f"{_CONNECTION_TYPE}/write"), vault_connections.put_connection, _AT_VAULT,
        body=wire.PrivateEndpointConnection, tagged=of_connection),
    row("PrivateEndpointConnectionDelete", "DELETE", CONNECTION,
        _CONNECTION_TYPE, action(f"{_CONNECTION_TYPE}/delete"), vault_connections.delete_connection,
        _AT_VAULT, success=202, tagged=of_connection),
    row("PrivateLinkResourceList", "GET", f"{VAULT}/privateLinkResources",
        _LINK_TYPE, action(f"{_LINK_TYPE}/read"), vault_connections.list_link_resources, _AT_VAULT),
)  # fmt: skip

_PERIMETER_TYPE = "Microsoft.Network/networkSecurityPerimeters"
_PROFILE_TYPE, _ASSOCIATION_TYPE = f"{_PERIMETER_TYPE}/profiles", f"{_PERIMETER_TYPE}/resourceAssociations"
_RULE_TYPE = f"{_PROFILE_TYPE}/accessRules"
_CONFIGURATION_TYPE = "Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations"
_CONFIGURATIONS = f"{VAULT}/networkSecurityPerimeterConfigurations"
_PERIMETER_ROWS = (
    row("NetworkSecurityPerimeterGet", "GET", PERIMETER,
        _PERIMETER_TYPE, action(f"{_PERIMETER_TYPE}/read"), perimeters.get_perimeter, _AT_PERIMETER),
    row("NetworkSecurityPerimeterPut", "PUT", PERIMETER,
        _PERIMETER_TYPE, action(f"{_PERIMETER_TYPE}/write"), perimeters.put_perimeter, _AT_PERIMETER,
        success=201, body=wire.Perimeter, tagged=_PERIMETER_TAG),
    row("NetworkSecurityPerimeterPatch", "PATCH", PERIMETER,
        _PERIMETER_TYPE, action(f"{_PERIMETER_TYPE}/write"), perimeters.patch_perimeter, _AT_PERIMETER,
        body=wire.Tags, tagged=_PERIMETER_TAG),
    row("NetworkSecurityPerimeterDelete", "DELETE", PERIMETER,
        _PERIMETER_TYPE, action(f"{_PERIMETER_TYPE}/delete"), perimeters.delete_perimeter, _AT_PERIMETER,
        success=202, tagged=_PERIMETER_TAG),
    row("NetworkSecurityPerimeterListByGroup", "GET", f"{GROUP}/providers/{_PERIMETER_TYPE}",
        _PERIMETER_TYPE, _ANYONE, perimeters.list_perimeters, _AT_GROUP),
    row("NetworkSecurityPerimeterList", "GET", f"{_SUBSCRIPTION}/providers/{_PERIMETER_TYPE}",
        _PERIMETER_TYPE, _ANYONE, perimeters.list_perimeters, _AT_SUBSCRIPTION),
    row("PerimeterProfileGet", "GET", PROFILE,
        _PROFILE_TYPE, action(f"{_PROFILE_TYPE}/read"), perimeters.get_profile, _AT_PROFILE),
    row("PerimeterProfilePut", "PUT", PROFILE,
        _PROFILE_TYPE, action(f"{_PROFILE_TYPE}/write"), perimeters.put_profile, _AT_PROFILE,
        success=201, body=wire.PerimeterProfile),
    row("PerimeterProfileDelete", "DELETE", PROFILE,
        _PROFILE_TYPE, action(f"{_PROFILE_TYPE}/delete"), perimeters.delete_profile, _AT_PROFILE),
    row("PerimeterProfileList", "GET", f"{PERIMETER}/profiles",
        _PROFILE_TYPE, action(f"{_PROFILE_TYPE}/read"), perimeters.list_profiles, _AT_PERIMETER),
    row("PerimeterAccessRuleGet", "GET", RULE,
        _RULE_TYPE, action(f"{_RULE_TYPE}/read"), perimeters.get_rule, _AT_RULE),
    row("PerimeterAccessRulePut", "PUT", RULE,
        _RULE_TYPE, action(f"{_RULE_TYPE}/write"), perimeters.put_rule, _AT_RULE,
        success=201, body=wire.AccessRule),
    row("PerimeterAccessRuleDelete", "DELETE", RULE,
        _RULE_TYPE, action(f"{_RULE_TYPE}/delete"), perimeters.delete_rule, _AT_RULE),
    row("PerimeterAccessRuleList", "GET", f"{PROFILE}/accessRules",
        _RULE_TYPE, action(f"{_RULE_TYPE}/read"), perimeters.list_rules, _AT_PROFILE),
    row("PerimeterAssociationGet", "GET", ASSOCIATION,
        _ASSOCIATION_TYPE, action(f"{_ASSOCIATION_TYPE}/read"), perimeters.get_association, _AT_ASSOCIATION),
    # It takes a right over the vault besides, which the handler asks for.
    row("PerimeterAssociationPut", "PUT", ASSOCIATION,
        _ASSOCIATION_TYPE, action(f"{_ASSOCIATION_TYPE}/write"), perimeters.put_association, _AT_ASSOCIATION,
        success=201, body=wire.ResourceAssociation),
    row("PerimeterAssociationDelete", "DELETE", ASSOCIATION,
        _ASSOCIATION_TYPE, action(f"{_ASSOCIATION_TYPE}/delete"), perimeters.delete_association, _AT_ASSOCIATION,
        success=202),
    row("PerimeterAssociationList", "GET", f"{PERIMETER}/resourceAssociations",
        _ASSOCIATION_TYPE, action(f"{_ASSOCIATION_TYPE}/read"), perimeters.list_associations, _AT_PERIMETER),
    row("PerimeterConfigurationList", "GET", _CONFIGURATIONS,
        _CONFIGURATION_TYPE, action(f"{_CONFIGURATION_TYPE}/read"), perimeters.list_configurations, _AT_VAULT),
    row("PerimeterConfigurationGet", "GET", f"{_CONFIGURATIONS}/{{configuration}}",
        _CONFIGURATION_TYPE, action(f"{_CONFIGURATION_TYPE}/read"), perimeters.get_configuration, _AT_VAULT),
)  # fmt: skip

NETWORK_ROWS = (*_NETWORK_ROWS, *_ENDPOINT_ROWS, *_CONNECTION_ROWS, *_PERIMETER_ROWS)

NETWORK_TYPES: tuple[str, ...] = (
    _CONNECTION_TYPE,
    _LINK_TYPE,
    _NETWORK_TYPE,
    _SUBNET_TYPE,
    _ENDPOINT_TYPE,
    _CONFIGURATION_TYPE,
    _PERIMETER_TYPE,
    _PROFILE_TYPE,
    _RULE_TYPE,
    _ASSOCIATION_TYPE,
)
"""The resource types that these rows serve."""
