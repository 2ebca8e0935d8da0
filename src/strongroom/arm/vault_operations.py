"""
The rows of `Microsoft.KeyVault`: vaults, deleted ones, their access policies, and lists of managed HSMs.

Operation names are those of reference azure-key-vault.md section 7, the others are made in the same way.
"""

from __future__ import annotations

from strongroom.arm import managed_hsms, vaults, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import DELETED_VAULT, GROUP, VAULT, at
from strongroom.core.locks import Effect
from strongroom.core.permissions import Authenticated

_KEY_VAULT = "Microsoft.KeyVault"
_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_VAULTS_OF_GROUP = f"{GROUP}/providers/{_KEY_VAULT}/vaults"
_AT_SUBSCRIPTION, _AT_GROUP = at(_SUBSCRIPTION), at(GROUP)
_AT_VAULT, _AT_DELETED_VAULT = at(VAULT), at(DELETED_VAULT)

_VAULT_TYPE = "Microsoft.KeyVault/vaults"
VAULT_ROWS = (
    row("VaultGet", "GET", VAULT,
        _VAULT_TYPE, action("Microsoft.KeyVault/vaults/read"), vaults.get_vault, _AT_VAULT),
    row("VaultPut", "PUT", VAULT,
        _VAULT_TYPE, action("Microsoft.KeyVault/vaults/write"), vaults.put_vault, _AT_VAULT,
        body=wire.VaultCreateOrUpdateParameters),
    row("VaultPatch", "PATCH", VAULT,
        _VAULT_TYPE, action("Microsoft.KeyVault/vaults/write"), vaults.patch_vault, _AT_VAULT,
        body=wire.VaultPatchParameters),
    row("VaultDelete", "DELETE", VAULT,
        _VAULT_TYPE, action("Microsoft.KeyVault/vaults/delete"), vaults.remove_vault, _AT_VAULT),
    row("VaultAccessPolicyPut", "PUT", f"{VAULT}/accessPolicies/{{operation}}",
        "Microsoft.KeyVault/vaults/accessPolicies", action("Microsoft.KeyVault/vaults/accessPolicies/write"),
        vaults.put_access_policies, _AT_VAULT, body=wire.VaultAccessPolicyParameters),
    row("VaultListByGroup", "GET", _VAULTS_OF_GROUP,
        _VAULT_TYPE, _ANYONE, vaults.list_vaults, _AT_GROUP),
    row("VaultList", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/vaults",
        _VAULT_TYPE, _ANYONE, vaults.list_vaults, _AT_SUBSCRIPTION),
    row("VaultCheckNameAvailability", "POST", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/checkNameAvailability",
        "Microsoft.KeyVault/checkNameAvailability", action("Microsoft.KeyVault/checkNameAvailability/read"),
        vaults.check_name_availability, _AT_SUBSCRIPTION, body=wire.VaultCheckNameAvailabilityParameters,
        effect=Effect.NOTHING),
    row("VaultListDeleted", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/deletedVaults",
        "Microsoft.KeyVault/deletedVaults", action("Microsoft.KeyVault/deletedVaults/read"),
        vaults.list_deleted_vaults, _AT_SUBSCRIPTION),
    row("VaultGetDeleted", "GET", DELETED_VAULT,
        "Microsoft.KeyVault/locations/deletedVaults", action("Microsoft.KeyVault/locations/deletedVaults/read"),
        vaults.get_deleted_vault, _AT_DELETED_VAULT),
    row("VaultPurge", "POST", f"{DELETED_VAULT}/purge",
        "Microsoft.KeyVault/locations/deletedVaults",
        action("Microsoft.KeyVault/locations/deletedVaults/purge/action"),
        vaults.purge_deleted_vault, _AT_DELETED_VAULT, success=202, effect=Effect.DELETE),
    row("ManagedHsmListByGroup", "GET", f"{GROUP}/providers/{_KEY_VAULT}/managedHSMs",
        "Microsoft.KeyVault/managedHSMs", _ANYONE, managed_hsms.list_hsms, _AT_GROUP),
    row("ManagedHsmList", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/managedHSMs",
        "Microsoft.KeyVault/managedHSMs", _ANYONE, managed_hsms.list_hsms, _AT_SUBSCRIPTION),
    row("ManagedHsmListDeleted", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/deletedManagedHSMs",
        "Microsoft.KeyVault/deletedManagedHSMs", action("Microsoft.KeyVault/deletedManagedHsms/read"),
        managed_hsms.list_hsms, _AT_SUBSCRIPTION),
)  # fmt: skip

VAULT_TYPES: tuple[str, ...] = (
    "Microsoft.KeyVault/vaults",
    "Microsoft.KeyVault/vaults/accessPolicies",
    "Microsoft.KeyVault/deletedVaults",
    "Microsoft.KeyVault/locations/deletedVaults",
    "Microsoft.KeyVault/checkNameAvailability",
)
"""The resource types that these rows serve. Managed HSMs are none of them: there is nothing of them but empty lists."""
