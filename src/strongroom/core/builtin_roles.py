"""
The built-in roles: a table, as reference azure-key-vault.md section 3.4 lists them.

They are never stored and never change. Compared with Azure's own list, word for word.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from strongroom.core.rbac import RoleDefinition

KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
KEY_VAULT_CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
KEY_VAULT_CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
KEY_VAULT_CRYPTO_SERVICE_RELEASE_USER = "08bbd89e-9f13-488c-ac41-acfcb10c90ab"
KEY_VAULT_CERTIFICATES_OFFICER = "a4417e6f-fecd-4de8-b567-7b0420556985"
KEY_VAULT_CERTIFICATE_USER = "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba"
KEY_VAULT_PURGE_OPERATOR = "a68e7c17-0ab2-4c09-9a58-125dae29748c"
KEY_VAULT_CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"
KEY_VAULT_DATA_ACCESS_ADMINISTRATOR = "8b54135c-b56d-4d72-a534-26097cfdc8d8"
MANAGED_HSM_CONTRIBUTOR = "18500a29-7fe2-46b2-a342-b16a415e101d"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"

_BESIDE_VAULTS = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
)
_COMMON = (
    *_BESIDE_VAULTS,
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)
"""The control actions that the section calls C."""

_GIVEN_BY_DATA_ACCESS_ADMINISTRATOR = (
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_CERTIFICATES_OFFICER,
    KEY_VAULT_CRYPTO_OFFICER,
    KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
    KEY_VAULT_CRYPTO_USER,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
)
_GUIDS = ", ".join(_GIVEN_BY_DATA_ACCESS_ADMINISTRATOR)
_DATA_ACCESS_ADMINISTRATOR_CONDITION = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}))"
    " OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
    f" ForAnyOfAnyValues:GuidEquals{{{_GUIDS}}}))"
    " AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}))"
    " OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
    f" ForAnyOfAnyValues:GuidEquals{{{_GUIDS}}}))"
)


def _role(
    role_id: str,
    name: str,
    description: str,
    *,
    actions: tuple[str, ...] = (),
    not_actions: tuple[str, ...] = (),
    data: tuple[str, ...] = (),
    condition: str | None = None,
) -> RoleDefinition:
    """Make one row; data actions are given without what they all begin with."""
    return RoleDefinition(
        id=role_id,
        tenant="",
        name=name,
        description=description,
        actions=actions,
        not_actions=not_actions,
        data_actions=tuple(f"Microsoft.KeyVault/vaults/{action}" for action in data),
        built_in=True,
        condition=condition,
        condition_version=None if condition is None else "2.0",
    )


_TABLE = (
    _role(
        KEY_VAULT_ADMINISTRATOR,
        "Key Vault Administrator",
        "Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and"
        " secrets. Cannot manage key vault resources or manage role assignments.",
        actions=_COMMON,
        data=("*",),
    ),
    _role(
        KEY_VAULT_READER,
        "Key Vault Reader",
        "Read metadata of key vaults and its certificates, keys, and secrets. Cannot read sensitive values such as"
        " secret contents or key material.",
        actions=_COMMON,
        data=("*/read", "secrets/readMetadata/action"),
    ),
    _role(
        KEY_VAULT_SECRETS_OFFICER,
        "Key Vault Secrets Officer",
        "Perform any action on the secrets of a key vault, except manage permissions.",
        actions=_COMMON,
        data=("secrets/*",),
    ),
    _role(
        KEY_VAULT_SECRETS_USER,
        "Key Vault Secrets User",
        "Read secret contents.",
        data=("secrets/getSecret/action", "secrets/readMetadata/action"),
    ),
    _role(
        KEY_VAULT_CRYPTO_OFFICER,
        "Key Vault Crypto Officer",
        "Perform any action on the keys of a key vault, except manage permissions.",
        actions=_COMMON,
        data=("keys/*", "keyrotationpolicies/*"),
    ),
    _role(
        KEY_VAULT_CRYPTO_USER,
        "Key Vault Crypto User",
        "Perform cryptographic operations using keys.",
        data=(
            "keys/read",
            "keys/update/action",
            "keys/backup/action",
            "keys/encrypt/action",
            "keys/decrypt/action",
            "keys/wrap/action",
            "keys/unwrap/action",
            "keys/sign/action",
            "keys/verify/action",
        ),
    ),
    _role(
        KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
        "Key Vault Crypto Service Encryption User",
        "Read metadata of keys and perform wrap/unwrap operations.",
        actions=(
            "Microsoft.EventGrid/eventSubscriptions/write",
            "Microsoft.EventGrid/eventSubscriptions/read",
            "Microsoft.EventGrid/eventSubscriptions/delete",
        ),
        data=("keys/read", "keys/wrap/action", "keys/unwrap/action"),
    ),
    _role(
        KEY_VAULT_CRYPTO_SERVICE_RELEASE_USER,
        "Key Vault Crypto Service Release User",
        "Release keys.",
        data=("keys/release/action",),
    ),
    _role(
        KEY_VAULT_CERTIFICATES_OFFICER,
        "Key Vault Certificates Officer",
        "Perform any action on the certificates of a key vault, except manage permissions.",
        actions=_COMMON,
        data=("certificatecas/*", "certificates/*", "certificatecontacts/write"),
    ),
    _role(
        KEY_VAULT_CERTIFICATE_USER,
        "Key Vault Certificate User",
        "Read certificate contents.",
        data=("certificates/read", "secrets/getSecret/action", "secrets/readMetadata/action", "keys/read"),
    ),
    _role(
        KEY_VAULT_PURGE_OPERATOR,
        "Key Vault Purge Operator",
        "Allows permanent deletion of soft-deleted vaults.",
        actions=(
            "Microsoft.KeyVault/locations/deletedVaults/read",
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/locations/operationResults/read",
        ),
    ),
    _role(
        KEY_VAULT_CONTRIBUTOR,
        "Key Vault Contributor",
        "Manage key vaults, but does not allow you to assign roles in Azure RBAC, and does not allow you to access"
        " secrets, keys, or certificates.",
        actions=(*_BESIDE_VAULTS, "Microsoft.KeyVault/*"),
        not_actions=(
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ),
    ),
    _role(
        KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
        "Key Vault Data Access Administrator",
        "Manage access to Azure Key Vault by adding or removing role assignments for the Key Vault Administrator, Key"
        " Vault Certificates Officer, Key Vault Crypto Officer, Key Vault Crypto Service Encryption User, Key Vault"
        " Crypto User, Key Vault Reader, Key Vault Secrets Officer, or Key Vault Secrets User roles.",
        actions=(
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Support/*",
            "Microsoft.KeyVault/vaults/*/read",
        ),
        condition=_DATA_ACCESS_ADMINISTRATOR_CONDITION,
    ),
    _role(
        MANAGED_HSM_CONTRIBUTOR,
        "Managed HSM contributor",
        "Lets you manage managed HSM pools, but not access to them.",
        actions=(
            "Microsoft.KeyVault/managedHSMs/*",
            "Microsoft.KeyVault/deletedManagedHsms/read",
            "Microsoft.KeyVault/locations/deletedManagedHsms/read",
            "Microsoft.KeyVault/locations/deletedManagedHsms/purge/action",
            "Microsoft.KeyVault/locations/managedHsmOperationResults/read",
        ),
    ),
    _role(
        OWNER,
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        actions=("*",),
    ),
    _role(
        CONTRIBUTOR,
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage"
        " assignments in Azure Blueprints, or share image galleries.",
        actions=("*",),
        not_actions=(
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
            "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ),
    ),
    _role(
        READER,
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        actions=("*/read",),
    ),
    _role(
        USER_ACCESS_ADMINISTRATOR,
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    _role(
        RBAC_ADMINISTRATOR,
        "Role Based Access Control Administrator",
        "Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow you to manage"
        " access using other ways, such as Azure Policy.",
        actions=(
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
)

BUILTIN_ROLES: Mapping[str, RoleDefinition] = MappingProxyType({role.id: role for role in _TABLE})
"""Every built-in role by id."""
