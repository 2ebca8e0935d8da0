"""
The table of the management plane's operations.

Literal segments match in any case, as ARM's do (`make_surface(..., case_insensitive=True)`). Rows of one resource ask
for the resource's own ARM action at the scope in the path; lists are open to every principal of the tenant and show
what its rights let it see. Operation names of vaults are those of reference azure-key-vault.md section 7, the others
are made in the same way. The api-version is read here, because ARM's versions are each provider's own (reference
section 3.1).
"""

from __future__ import annotations

from strongroom.arm import (
    cloud,
    containers,
    federated_credentials,
    identities,
    machines,
    vaults,
    wire,
)
from strongroom.arm.explain_operations import EXPLAIN_ROWS
from strongroom.arm.network_operations import NETWORK_ROWS, NETWORK_TYPES
from strongroom.arm.rights_operations import RIGHTS_ROWS
from strongroom.arm.rows import action, row
from strongroom.arm.targets import DELETED_VAULT, FEDERATION, GROUP, IDENTITY, MACHINE, VAULT, at, at_scope
from strongroom.core.echo import RESOURCE_TYPE, shown
from strongroom.core.errors import NotFound
from strongroom.core.permissions import Authenticated, Public
from strongroom.flow.operation import Op
from strongroom.http.routing import split_path

_KEY_VAULT = "Microsoft.KeyVault"
_ANYONE = Authenticated()

_SUBSCRIPTION = "/subscriptions/{subscription}"
_VAULTS_OF_GROUP = f"{GROUP}/providers/{_KEY_VAULT}/vaults"
_AT_SUBSCRIPTION, _AT_GROUP, _AT_VAULT = at(_SUBSCRIPTION), at(GROUP), at(VAULT)
_AT_TENANT, _AT_DELETED_VAULT, _AT_IDENTITY = at("/"), at(DELETED_VAULT), at(IDENTITY)
_AT_FEDERATION, _AT_MACHINE = at(FEDERATION), at(MACHINE)

_TENANT_ROWS = (
    row("CloudMetadataGet", "GET", "/metadata/endpoints",
        "Microsoft.Resources/metadata", Public(), cloud.get_cloud_metadata, _AT_TENANT),
    row("TenantList", "GET", "/tenants",
        "Microsoft.Resources/tenants", _ANYONE, containers.list_tenants, _AT_TENANT),
    row("SubscriptionList", "GET", "/subscriptions",
        "Microsoft.Resources/subscriptions", _ANYONE, containers.list_subscriptions, _AT_TENANT),
    row("SubscriptionGet", "GET", _SUBSCRIPTION,
        "Microsoft.Resources/subscriptions", action("Microsoft.Resources/subscriptions/read"),
        containers.get_subscription, _AT_SUBSCRIPTION),
)  # fmt: skip

_GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_GROUP_ACTION = "Microsoft.Resources/subscriptions/resourceGroups"
_GROUP_ROWS = (
    row("ResourceGroupList", "GET", f"{_SUBSCRIPTION}/resourceGroups",
        _GROUP_TYPE, _ANYONE, containers.list_groups, _AT_SUBSCRIPTION),
    row("ResourceGroupGet", "GET", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/read"), containers.get_group, _AT_GROUP),
    row("ResourceGroupExists", "HEAD", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/read"), containers.check_group, _AT_GROUP, success=204),
    row("ResourceGroupPut", "PUT", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/write"), containers.put_resource_group, _AT_GROUP,
        success=201, body=wire.ResourceGroup),
    row("ResourceGroupDelete", "DELETE", GROUP,
        _GROUP_TYPE, action(f"{_GROUP_ACTION}/delete"), containers.delete_resource_group, _AT_GROUP),
    row("ResourceList", "GET", f"{_SUBSCRIPTION}/resources",
        "Microsoft.Resources/resources", _ANYONE, containers.list_resources, _AT_SUBSCRIPTION),
    row("ResourceListByGroup", "GET", f"{GROUP}/resources",
        "Microsoft.Resources/resources", _ANYONE, containers.list_resources, _AT_GROUP),
)  # fmt: skip

_VAULT_TYPE = "Microsoft.KeyVault/vaults"
_VAULT_ROWS = (
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
        vaults.check_name_availability, _AT_SUBSCRIPTION, body=wire.VaultCheckNameAvailabilityParameters),
    row("VaultListDeleted", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/deletedVaults",
        "Microsoft.KeyVault/deletedVaults", action("Microsoft.KeyVault/deletedVaults/read"),
        vaults.list_deleted_vaults, _AT_SUBSCRIPTION),
    row("VaultGetDeleted", "GET", DELETED_VAULT,
        "Microsoft.KeyVault/locations/deletedVaults", action("Microsoft.KeyVault/locations/deletedVaults/read"),
        vaults.get_deleted_vault, _AT_DELETED_VAULT),
    row("VaultPurge", "POST", f"{DELETED_VAULT}/purge",
        "Microsoft.KeyVault/locations/deletedVaults",
        action("Microsoft.KeyVault/locations/deletedVaults/purge/action"),
        vaults.purge_deleted_vault, _AT_DELETED_VAULT),
)  # fmt: skip

_IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_IDENTITY_ROWS = (
    row("UserAssignedIdentityGet", "GET", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/read"), identities.get_identity, _AT_IDENTITY),
    row("UserAssignedIdentityPut", "PUT", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/write"), identities.put_identity, _AT_IDENTITY,
        success=201, body=wire.Identity),
    row("UserAssignedIdentityPatch", "PATCH", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/write"), identities.patch_identity, _AT_IDENTITY,
        body=wire.IdentityUpdate),
    row("UserAssignedIdentityDelete", "DELETE", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/delete"), identities.delete_identity, _AT_IDENTITY),
    row("UserAssignedIdentityListByGroup", "GET", f"{GROUP}/providers/{_IDENTITY_TYPE}",
        _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_GROUP),
    row("UserAssignedIdentityList", "GET", f"{_SUBSCRIPTION}/providers/{_IDENTITY_TYPE}",
        _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_SUBSCRIPTION),
)  # fmt: skip

_FEDERATED_TYPE = f"{_IDENTITY_TYPE}/federatedIdentityCredentials"
_FEDERATION_ROWS = (
    row("FederatedIdentityCredentialList", "GET", f"{IDENTITY}/federatedIdentityCredentials",
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/read"), federated_credentials.list_credentials, _AT_IDENTITY),
    row("FederatedIdentityCredentialGet", "GET", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/read"), federated_credentials.get_credential, _AT_FEDERATION),
    row("FederatedIdentityCredentialPut", "PUT", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/write"), federated_credentials.put_credential, _AT_FEDERATION,
        success=201, body=wire.FederatedIdentityCredential),
    row("FederatedIdentityCredentialDelete", "DELETE", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/delete"), federated_credentials.delete_credential,
        _AT_FEDERATION),
)  # fmt: skip

_MACHINE_TYPE, _OF_SYSTEM = "Microsoft.HybridCompute/machines", "Microsoft.ManagedIdentity/identities"
_MACHINE_ROWS = (
    row("MachineGet", "GET", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/read"), machines.get_machine, _AT_MACHINE),
    row("MachinePut", "PUT", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/write"), machines.put_machine, _AT_MACHINE, body=wire.Machine),
    row("MachinePatch", "PATCH", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/write"), machines.patch_machine, _AT_MACHINE,
        body=wire.MachineUpdate),
    row("MachineDelete", "DELETE", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/delete"), machines.delete_machine, _AT_MACHINE),
    row("MachineListByGroup", "GET", f"{GROUP}/providers/{_MACHINE_TYPE}",
        _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_GROUP),
    row("MachineList", "GET", f"{_SUBSCRIPTION}/providers/{_MACHINE_TYPE}",
        _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_SUBSCRIPTION),
    row("SystemAssignedIdentityGet", "GET", f"{{scope*}}/providers/{_OF_SYSTEM}/default",
        _OF_SYSTEM, action(f"{_OF_SYSTEM}/read"), machines.get_system_identity, at_scope),
)  # fmt: skip

OPERATIONS: tuple[Op, ...] = (
    *_TENANT_ROWS,
    *_GROUP_ROWS,
    *_VAULT_ROWS,
    *_IDENTITY_ROWS,
    *_FEDERATION_ROWS,
    *_MACHINE_ROWS,
    *RIGHTS_ROWS,
    *EXPLAIN_ROWS,
    *NETWORK_ROWS,
)

SERVED_TYPES: tuple[str, ...] = (
    "Microsoft.KeyVault/vaults",
    "Microsoft.KeyVault/vaults/accessPolicies",
    "Microsoft.KeyVault/deletedVaults",
    "Microsoft.KeyVault/locations/deletedVaults",
    "Microsoft.KeyVault/checkNameAvailability",
    *NETWORK_TYPES,
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/denyAssignments",
    "Microsoft.Authorization/permissions",
    "Microsoft.Management/managementGroups",
    "Microsoft.Management/managementGroups/subscriptions",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.ManagedIdentity/identities",
    "Microsoft.HybridCompute/machines",
    "Microsoft.Resources/subscriptions",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/resources",
    "Microsoft.Resources/tenants",
    "Strongroom.Authorization/explain",
    "Strongroom.Authorization/explainOwn",
    "Strongroom.Authorization/whoCan",
)


def unserved(path: bytes) -> NotFound:
    """Say that nothing of the kind is served at a path, and what is."""
    segments = split_path(path)
    folded = [segment.lower() for segment in segments]
    served = ", ".join(SERVED_TYPES)
    if "providers" not in folded[:-1]:
        return NotFound(
            f"The path is not one of this service's. It serves these resource types: {served}.", code="NotFound"
        )
    place = len(folded) - 1 - folded[::-1].index("providers")
    namespace, kinds = segments[place + 1], segments[place + 2 :: 2]
    return NotFound(
        f"The resource type '{shown('/'.join(kinds), RESOURCE_TYPE)}' could not be found in the namespace"
        f" '{shown(namespace, RESOURCE_TYPE)}'. This service has these resource types: {served}.",
        code="InvalidResourceType",
    )
