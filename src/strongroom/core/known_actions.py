"""
The actions that a custom role or a denial may name, as far as we know their providers (reference section 3.3).

A pattern that matches none of them is a slip of the pen, and a role that grants nothing by it looks as if it did; so it
is refused, as Azure refuses it. Providers whose actions are not all listed are taken at their word.
"""

from __future__ import annotations

import re

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.limits import ROLE_ACTION_CHARS

_FORM = re.compile(r"[A-Za-z0-9.*]+(?:/[A-Za-z0-9.*_$-]+)*", re.ASCII)


def _under(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}/{name}" for name in names)


_READ_WRITE_DELETE = ("read", "write", "delete")

CONTROL_ACTIONS: tuple[str, ...] = (
    # ---- Microsoft.Authorization
    *_under("Microsoft.Authorization/roleAssignments", *_READ_WRITE_DELETE),
    *_under("Microsoft.Authorization/roleDefinitions", *_READ_WRITE_DELETE),
    *_under("Microsoft.Authorization/denyAssignments", *_READ_WRITE_DELETE),
    *_under("Microsoft.Authorization/locks", *_READ_WRITE_DELETE),
    *_under("Microsoft.Authorization/policyAssignments", *_READ_WRITE_DELETE),
    *_under("Microsoft.Authorization/policyDefinitions", *_READ_WRITE_DELETE),
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Authorization/providerOperations/read",
    "Microsoft.Authorization/operations/read",
    "Microsoft.Authorization/classicAdministrators/read",
    "Microsoft.Authorization/elevateAccess/action",
    "Microsoft.Authorization/register/action",
    # ---- Microsoft.Management
    "Microsoft.Management/register/action",
    *_under("Microsoft.Management/managementGroups", *_READ_WRITE_DELETE),
    *_under("Microsoft.Management/managementGroups/subscriptions", *_READ_WRITE_DELETE),
    "Microsoft.Management/managementGroups/descendants/read",
    "Microsoft.Management/checkNameAvailability/action",
    "Microsoft.Management/getEntities/action",
    # ---- Microsoft.Resources
    "Microsoft.Resources/register/action",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/tenants/read",
    *_under("Microsoft.Resources/subscriptions/resourceGroups", *_READ_WRITE_DELETE),
    *_under("Microsoft.Resources/subscriptions/resourceGroups", "moveResources/action", "validateMoveResources/action"),
    *_under("Microsoft.Resources/subscriptions/tagNames", *_READ_WRITE_DELETE),
    *_under("Microsoft.Resources/subscriptions/tagNames/tagValues", *_READ_WRITE_DELETE),
    "Microsoft.Resources/subscriptions/resources/read",
    "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
    *_under("Microsoft.Resources/deployments", *_READ_WRITE_DELETE),
    *_under("Microsoft.Resources/deployments", "validate/action", "cancel/action", "whatIf/action"),
    "Microsoft.Resources/deployments/exportTemplate/action",
    *_under("Microsoft.Resources/deployments/operations", "read"),
    "Microsoft.Resources/deployments/operationstatuses/read",
    *_under("Microsoft.Resources/tags", *_READ_WRITE_DELETE),
    "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
    # ---- Microsoft.KeyVault
    "Microsoft.KeyVault/register/action",
    "Microsoft.KeyVault/unregister/action",
    "Microsoft.KeyVault/operations/read",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/checkMhsmNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/deletedManagedHsms/read",
    *_under("Microsoft.KeyVault/locations", "deletedVaults/read", "deletedVaults/purge/action"),
    *_under("Microsoft.KeyVault/locations", "deletedManagedHsms/read", "deletedManagedHsms/purge/action"),
    *_under("Microsoft.KeyVault/locations", "operationResults/read", "managedHsmOperationResults/read"),
    *_under("Microsoft.KeyVault/locations", "deleteVirtualNetworkOrSubnets/action"),
    *_under("Microsoft.KeyVault/hsmPools", *_READ_WRITE_DELETE, "joinVault/action"),
    *_under("Microsoft.KeyVault/managedHSMs", *_READ_WRITE_DELETE),
    *_under("Microsoft.KeyVault/vaults", *_READ_WRITE_DELETE),
    *_under("Microsoft.KeyVault/vaults", "deploy/action", "joinPerimeter/action", "accessPolicies/write"),
    *_under("Microsoft.KeyVault/vaults/keys", "read", "write"),
    *_under("Microsoft.KeyVault/vaults/keys/versions", "read"),
    *_under("Microsoft.KeyVault/vaults/secrets", "read", "write"),
    *_under("Microsoft.KeyVault/vaults/eventGridFilters", *_READ_WRITE_DELETE),
    *_under("Microsoft.KeyVault/vaults/privateEndpointConnections", *_READ_WRITE_DELETE),
    *_under("Microsoft.KeyVault/vaults/privateEndpointConnectionProxies", *_READ_WRITE_DELETE, "validate/action"),
    *_under("Microsoft.KeyVault/vaults", "PrivateEndpointConnectionsApproval/action", "privateLinkResources/read"),
    *_under("Microsoft.KeyVault/vaults/networkSecurityPerimeterAssociationProxies", *_READ_WRITE_DELETE),
    *_under("Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations", "read", "reconcile/action"),
    # ---- Microsoft.ManagedIdentity
    "Microsoft.ManagedIdentity/register/action",
    "Microsoft.ManagedIdentity/unregister/action",
    "Microsoft.ManagedIdentity/operations/read",
    "Microsoft.ManagedIdentity/identities/read",
    *_under("Microsoft.ManagedIdentity/userAssignedIdentities", *_READ_WRITE_DELETE),
    *_under("Microsoft.ManagedIdentity/userAssignedIdentities", "assign/action", "revokeTokens/action"),
    *_under("Microsoft.ManagedIdentity/userAssignedIdentities", "listAssociatedResources/action"),
    *_under("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", *_READ_WRITE_DELETE),
    # ---- Microsoft.HybridCompute
    "Microsoft.HybridCompute/register/action",
    "Microsoft.HybridCompute/unregister/action",
    "Microsoft.HybridCompute/operations/read",
    *_under("Microsoft.HybridCompute/machines", *_READ_WRITE_DELETE),
    *_under("Microsoft.HybridCompute/machines/extensions", *_READ_WRITE_DELETE),
)
"""Control actions of the providers that `SERVED_PROVIDERS` names."""

_SECRETS = ("getSecret", "setSecret", "readMetadata", "update", "backup", "restore", "recover", "purge")
_KEYS = (
    *("create", "import", "update", "backup", "restore", "recover", "purge", "rotate", "release"),
    *("encrypt", "decrypt", "sign", "verify", "wrap", "unwrap"),
)
_CERTIFICATES = ("create", "import", "update", "backup", "restore", "recover", "purge")
_STORAGE = ("set", "backup", "purge", "regeneratekey", "recover", "restore")
_VAULTS = "Microsoft.KeyVault/vaults"

DATA_ACTIONS: tuple[str, ...] = (
    f"{_VAULTS}/secrets/delete",
    *(f"{_VAULTS}/secrets/{word}/action" for word in _SECRETS),
    *_under(f"{_VAULTS}/keys", "read", "delete"),
    *(f"{_VAULTS}/keys/{word}/action" for word in _KEYS),
    *_under(f"{_VAULTS}/keyrotationpolicies", "read", "write"),
    *_under(f"{_VAULTS}/certificates", "read", "delete"),
    *(f"{_VAULTS}/certificates/{word}/action" for word in _CERTIFICATES),
    f"{_VAULTS}/certificatecontacts/write",
    *_under(f"{_VAULTS}/certificatecas", *_READ_WRITE_DELETE),
    *_under(f"{_VAULTS}/storageaccounts", "read", "delete"),
    *(f"{_VAULTS}/storageaccounts/{word}/action" for word in _STORAGE),
    *_under(f"{_VAULTS}/storageaccounts/sas", "read", "delete", "set/action"),
)
"""Data actions of a vault."""

SERVED_PROVIDERS = frozenset(action.partition("/")[0].lower() for action in CONTROL_ACTIONS)
"""The providers whose actions are all listed. Of others nothing is known, and of Microsoft.Network not everything."""


def is_known(pattern: str, *, data: bool) -> bool:
    """
    Tell whether a pattern stands for any action that there is: a data action if *data*, otherwise a control action.

    One whose provider is not listed, or is a wildcard itself, may stand for an action elsewhere.
    """
    if len(pattern) > ROLE_ACTION_CHARS or _FORM.fullmatch(pattern) is None:
        return False
    provider = pattern.partition("/")[0].lower()
    if provider not in SERVED_PROVIDERS:
        return "*" in provider or ("." in provider and "/" in pattern)
    compiled = ActionPattern((pattern,))
    return any(compiled.matches(action) for action in (DATA_ACTIONS if data else CONTROL_ACTIONS))
