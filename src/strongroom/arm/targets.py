"""
Targets: from a path's parameters to the ARM id that rights are looked up at.

A scope is made of what was asked and nothing is looked up, so a caller without rights learns nothing about what exists.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Resolver, Target
from strongroom.flow.world import World

MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/{group}"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{{vault}}"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{identity}}"
MACHINE = f"{GROUP}/providers/Microsoft.HybridCompute/machines/{{machine}}"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{{network}}"
SUBNET = f"{NETWORK}/subnets/{{subnet}}"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/{{endpoint}}"
SECRET = f"{VAULT}/secrets/{{secret}}"
KEY = f"{VAULT}/keys/{{key}}"
KEY_VERSION = f"{KEY}/versions/{{version}}"
CONNECTION = f"{VAULT}/privateEndpointConnections/{{connection}}"
PERIMETER = f"{GROUP}/providers/Microsoft.Network/networkSecurityPerimeters/{{perimeter}}"
PROFILE = f"{PERIMETER}/profiles/{{profile}}"
RULE = f"{PROFILE}/accessRules/{{rule}}"
ASSOCIATION = f"{PERIMETER}/resourceAssociations/{{association}}"
FEDERATION = f"{IDENTITY}/federatedIdentityCredentials/{{federation}}"
DELETED_VAULT = "/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}"


def at(template: str) -> Resolver:
    """Make the resolver whose scope is *template* filled with the path's parameters."""

    def resolve(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
        for value in params.values():
            if "/" in value or not value.isprintable():
                # An encoded slash would make one segment look like several to whoever compares scopes.
                raise Invalid("A segment of the request path has a character that no name has.", code="InvalidUri")
        _require_subscription_id(params.get("subscription"))
        return Target(template.format_map(params), params)

    return resolve


def at_scope(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve an operation whose path begins with any scope: its scope is that one."""
    scope = params["scope"].rstrip("/")
    if "//" in scope or not scope.isprintable():
        # An empty segment, as an encoded slash makes one, is a spelling that no denial and no assignment is found by.
        raise Invalid("A segment of the request path has a character that no name has.", code="InvalidUri")
    words = scope.split("/", 3)
    _require_subscription_id(words[2] if len(words) > 2 and words[1].lower() == "subscriptions" else None)
    return Target(scope or "/", {**params, "scope": scope or "/"})


def _require_subscription_id(text: str | None) -> None:
    """
    Refuse what no subscription can be called: a variable that is not set leaves a word of the path in its place.

    Raises:
        Invalid: `InvalidSubscriptionId`.
    """
    if text is not None and parse_guid(text) is None:
        raise Invalid(
            f"The provided subscription identifier '{shown(text, GUID)}' is malformed or invalid.",
            code="InvalidSubscriptionId",
        )
