"""
The built-in roles as reference azure-key-vault.md section 3.4 lists them, written out a second time.

The generic roles are the published ones, as far as the questions asked of them go.
"""

from __future__ import annotations

from dataclasses import dataclass

_KV = "Microsoft.KeyVault/vaults/"
_COMMON = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)


@dataclass(frozen=True)
class Role:
    """What a role gives and takes back."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str | None = None
    tenant: str = ""
    """Empty for a role that is everybody's."""


def _vault(*actions: str) -> tuple[str, ...]:
    return tuple(_KV + action for action in actions)


_DELEGABLE = (
    "00482a5a-887f-4fb3-b363-3b7fe8e74483, "
    "a4417e6f-fecd-4de8-b567-7b0420556985, "
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603, "
    "e147488a-f6f5-4113-8e2d-b22465e65bf6, "
    "12338af0-0e69-4776-bea7-57ae8d297424, "
    "21090545-7ca7-4776-b22c-e363652d74d2, "
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7, "
    "4633458b-17de-408a-b874-0445c86b69e6"
)
_DELEGATION = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}))"
    " OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
    f" ForAnyOfAnyValues:GuidEquals {{{_DELEGABLE}}}))"
    " AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}))"
    " OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
    f" ForAnyOfAnyValues:GuidEquals {{{_DELEGABLE}}}))"
)

BUILT_IN: dict[str, Role] = {
    # Key Vault Administrator
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": Role(_COMMON, data_actions=_vault("*")),
    # Key Vault Reader
    "21090545-7ca7-4776-b22c-e363652d74d2": Role(
        _COMMON, data_actions=_vault("*/read", "secrets/readMetadata/action")
    ),
    # Key Vault Secrets Officer
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": Role(_COMMON, data_actions=_vault("secrets/*")),
    # Key Vault Secrets User
    "4633458b-17de-408a-b874-0445c86b69e6": Role(
        data_actions=_vault("secrets/getSecret/action", "secrets/readMetadata/action")
    ),
    # Key Vault Crypto Officer
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": Role(_COMMON, data_actions=_vault("keys/*", "keyrotationpolicies/*")),
    # Key Vault Crypto User
    "12338af0-0e69-4776-bea7-57ae8d297424": Role(
        data_actions=_vault(
            "keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
            "keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action",
        )
    ),
    # Key Vault Crypto Service Encryption User
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": Role(
        (
            "Microsoft.EventGrid/eventSubscriptions/write",
            "Microsoft.EventGrid/eventSubscriptions/read",
            "Microsoft.EventGrid/eventSubscriptions/delete",
        ),
        data_actions=_vault("keys/read", "keys/wrap/action", "keys/unwrap/action"),
    ),
    # Key Vault Crypto Service Release User
    "08bbd89e-9f13-488c-ac41-acfcb10c90ab": Role(data_actions=_vault("keys/release/action")),
    # Key Vault Certificates Officer
    "a4417e6f-fecd-4de8-b567-7b0420556985": Role(
        _COMMON, data_actions=_vault("certificatecas/*", "certificates/*", "certificatecontacts/write")
    ),
    # Key Vault Certificate User
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": Role(
        data_actions=_vault("certificates/read", "secrets/getSecret/action", "secrets/readMetadata/action", "keys/read")
    ),
    # Key Vault Purge Operator
    "a68e7c17-0ab2-4c09-9a58-125dae29748c": Role(
        (
            "Microsoft.KeyVault/locations/deletedVaults/read",
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/locations/operationResults/read",
        )
    ),
    # Key Vault Contributor
    "f25e0fa2-a7c8-4377-a976-54943a77a395": Role(
        (
            "Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.KeyVault/*",
            "Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ),
        (
            "Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ),
    ),
    # Key Vault Data Access Administrator
    "8b54135c-b56d-4d72-a534-26097cfdc8d8": Role(
        (
            "Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Authorization/*/read", "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Resources/subscriptions/read",
            "Microsoft.Management/managementGroups/read", "Microsoft.Support/*", "Microsoft.KeyVault/vaults/*/read",
        ),
        condition=_DELEGATION,
    ),
    # Owner
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role(("*",)),
    # Contributor
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        ("*",),
        (
            "Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ),
    ),
    # Reader
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role(("*/read",)),
    # User Access Administrator
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role(("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*")),
    # Role Based Access Control Administrator
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role(
        (
            "Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete",
            "*/read", "Microsoft.Support/*",
        )
    ),
}  # fmt: skip
