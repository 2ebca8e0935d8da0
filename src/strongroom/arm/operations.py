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
    role_assignments,
    role_definitions,
    vaults,
    wire,
)
from strongroom.arm.targets import DELETED_VAULT, FEDERATION, GROUP, IDENTITY, MACHINE, VAULT, at, at_scope
from strongroom.core import limits
from strongroom.core.api_versions import parse_arm
from strongroom.core.echo import RESOURCE_TYPE, shown
from strongroom.core.errors import NotFound
from strongroom.core.permissions import Authenticated, ControlAction, Public, Requirement
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler, Op, Resolver
from strongroom.http.message import Response
from strongroom.http.routing import split_path

_KEY_VAULT, _AUTHORIZATION = "Microsoft.KeyVault", "Microsoft.Authorization"
_ANYONE = Authenticated()

_SUBSCRIPTION = "/subscriptions/{subscription}"
_ASSIGNMENTS = f"{{scope*}}/providers/{_AUTHORIZATION}/roleAssignments"
_DEFINITIONS = f"/providers/{_AUTHORIZATION}/roleDefinitions"
_VAULTS_OF_GROUP = f"{GROUP}/providers/{_KEY_VAULT}/vaults"
_AT_SUBSCRIPTION, _AT_GROUP, _AT_VAULT = at(_SUBSCRIPTION), at(GROUP), at(VAULT)
_AT_TENANT, _AT_DELETED_VAULT, _AT_IDENTITY = at("/"), at(DELETED_VAULT), at(IDENTITY)
_AT_FEDERATION, _AT_MACHINE = at(FEDERATION), at(MACHINE)


def _action(name: str) -> ControlAction:
    return ControlAction(name)


def _row(
    name: str,
    method: str,
    path: str,
    resource_type: str,
    requires: Requirement,
    handler: Handler,
    target: Resolver,
    *,
    success: int = 200,
    body: type | None = None,
) -> Op:
    """Make a row whose handler runs once the api-version is known to be one of the provider's."""
    provider, _, kind = resource_type.partition("/")

    async def versioned(call: Call) -> Response:
        given = [call.api_version] if call.api_version else []
        parse_arm(given, provider=provider, resource_type=kind, location=call.world.settings.region)
        return await handler(call)

    return Op(
        name=name,
        method=method,
        path=path,
        requires=requires,
        handler=versioned,
        target=target,
        success=success,
        body_limit=limits.ARM_BODY_BYTES if body is not None else limits.BODY_BYTES,
        body=body,
    )


_TENANT_ROWS = (
    _row("CloudMetadataGet", "GET", "/metadata/endpoints",
         "Microsoft.Resources/metadata", Public(), cloud.get_cloud_metadata, _AT_TENANT),
    _row("TenantList", "GET", "/tenants",
         "Microsoft.Resources/tenants", _ANYONE, containers.list_tenants, _AT_TENANT),
    _row("SubscriptionList", "GET", "/subscriptions",
         "Microsoft.Resources/subscriptions", _ANYONE, containers.list_subscriptions, _AT_TENANT),
    _row("SubscriptionGet", "GET", _SUBSCRIPTION,
         "Microsoft.Resources/subscriptions", _action("Microsoft.Resources/subscriptions/read"),
         containers.get_subscription, _AT_SUBSCRIPTION),
)  # fmt: skip

_GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_GROUP_ACTION = "Microsoft.Resources/subscriptions/resourceGroups"
_GROUP_ROWS = (
    _row("ResourceGroupList", "GET", f"{_SUBSCRIPTION}/resourceGroups",
         _GROUP_TYPE, _ANYONE, containers.list_groups, _AT_SUBSCRIPTION),
    _row("ResourceGroupGet", "GET", GROUP,
         _GROUP_TYPE, _action(f"{_GROUP_ACTION}/read"), containers.get_group, _AT_GROUP),
    _row("ResourceGroupExists", "HEAD", GROUP,
         _GROUP_TYPE, _action(f"{_GROUP_ACTION}/read"), containers.check_group, _AT_GROUP, success=204),
    _row("ResourceGroupPut", "PUT", GROUP,
         _GROUP_TYPE, _action(f"{_GROUP_ACTION}/write"), containers.put_resource_group, _AT_GROUP,
         success=201, body=wire.ResourceGroup),
    _row("ResourceGroupDelete", "DELETE", GROUP,
         _GROUP_TYPE, _action(f"{_GROUP_ACTION}/delete"), containers.delete_resource_group, _AT_GROUP),
    _row("ResourceList", "GET", f"{_SUBSCRIPTION}/resources",
         "Microsoft.Resources/resources", _ANYONE, containers.list_resources, _AT_SUBSCRIPTION),
    _row("ResourceListByGroup", "GET", f"{GROUP}/resources",
         "Microsoft.Resources/resources", _ANYONE, containers.list_resources, _AT_GROUP),
)  # fmt: skip

_VAULT_TYPE = "Microsoft.KeyVault/vaults"
_VAULT_ROWS = (
    _row("VaultGet", "GET", VAULT,
         _VAULT_TYPE, _action("Microsoft.KeyVault/vaults/read"), vaults.get_vault, _AT_VAULT),
    _row("VaultPut", "PUT", VAULT,
         _VAULT_TYPE, _action("Microsoft.KeyVault/vaults/write"), vaults.put_vault, _AT_VAULT,
         body=wire.VaultCreateOrUpdateParameters),
    _row("VaultPatch", "PATCH", VAULT,
         _VAULT_TYPE, _action("Microsoft.KeyVault/vaults/write"), vaults.patch_vault, _AT_VAULT,
         body=wire.VaultPatchParameters),
    _row("VaultDelete", "DELETE", VAULT,
         _VAULT_TYPE, _action("Microsoft.KeyVault/vaults/delete"), vaults.remove_vault, _AT_VAULT),
    _row("VaultAccessPolicyPut", "PUT", f"{VAULT}/accessPolicies/{{operation}}",
         "Microsoft.KeyVault/vaults/accessPolicies", _action("Microsoft.KeyVault/vaults/accessPolicies/write"),
         vaults.put_access_policies, _AT_VAULT, body=wire.VaultAccessPolicyParameters),
    _row("VaultListByGroup", "GET", _VAULTS_OF_GROUP,
         _VAULT_TYPE, _ANYONE, vaults.list_vaults, _AT_GROUP),
    _row("VaultList", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/vaults",
         _VAULT_TYPE, _ANYONE, vaults.list_vaults, _AT_SUBSCRIPTION),
    _row("VaultCheckNameAvailability", "POST", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/checkNameAvailability",
         "Microsoft.KeyVault/checkNameAvailability", _action("Microsoft.KeyVault/checkNameAvailability/read"),
         vaults.check_name_availability, _AT_SUBSCRIPTION, body=wire.VaultCheckNameAvailabilityParameters),
    _row("VaultListDeleted", "GET", f"{_SUBSCRIPTION}/providers/{_KEY_VAULT}/deletedVaults",
         "Microsoft.KeyVault/deletedVaults", _action("Microsoft.KeyVault/deletedVaults/read"),
         vaults.list_deleted_vaults, _AT_SUBSCRIPTION),
    _row("VaultGetDeleted", "GET", DELETED_VAULT,
         "Microsoft.KeyVault/locations/deletedVaults", _action("Microsoft.KeyVault/locations/deletedVaults/read"),
         vaults.get_deleted_vault, _AT_DELETED_VAULT),
    _row("VaultPurge", "POST", f"{DELETED_VAULT}/purge",
         "Microsoft.KeyVault/locations/deletedVaults",
         _action("Microsoft.KeyVault/locations/deletedVaults/purge/action"),
         vaults.purge_deleted_vault, _AT_DELETED_VAULT),
)  # fmt: skip

_IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_IDENTITY_ROWS = (
    _row("UserAssignedIdentityGet", "GET", IDENTITY,
         _IDENTITY_TYPE, _action(f"{_IDENTITY_TYPE}/read"), identities.get_identity, _AT_IDENTITY),
    _row("UserAssignedIdentityPut", "PUT", IDENTITY,
         _IDENTITY_TYPE, _action(f"{_IDENTITY_TYPE}/write"), identities.put_identity, _AT_IDENTITY,
         success=201, body=wire.Identity),
    _row("UserAssignedIdentityPatch", "PATCH", IDENTITY,
         _IDENTITY_TYPE, _action(f"{_IDENTITY_TYPE}/write"), identities.patch_identity, _AT_IDENTITY,
         body=wire.IdentityUpdate),
    _row("UserAssignedIdentityDelete", "DELETE", IDENTITY,
         _IDENTITY_TYPE, _action(f"{_IDENTITY_TYPE}/delete"), identities.delete_identity, _AT_IDENTITY),
    _row("UserAssignedIdentityListByGroup", "GET", f"{GROUP}/providers/{_IDENTITY_TYPE}",
         _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_GROUP),
    _row("UserAssignedIdentityList", "GET", f"{_SUBSCRIPTION}/providers/{_IDENTITY_TYPE}",
         _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_SUBSCRIPTION),
)  # fmt: skip

_FEDERATED_TYPE = f"{_IDENTITY_TYPE}/federatedIdentityCredentials"
_FEDERATION_ROWS = (
    _row("FederatedIdentityCredentialList", "GET", f"{IDENTITY}/federatedIdentityCredentials",
         _FEDERATED_TYPE, _action(f"{_FEDERATED_TYPE}/read"), federated_credentials.list_credentials, _AT_IDENTITY),
    _row("FederatedIdentityCredentialGet", "GET", FEDERATION,
         _FEDERATED_TYPE, _action(f"{_FEDERATED_TYPE}/read"), federated_credentials.get_credential, _AT_FEDERATION),
    _row("FederatedIdentityCredentialPut", "PUT", FEDERATION,
         _FEDERATED_TYPE, _action(f"{_FEDERATED_TYPE}/write"), federated_credentials.put_credential, _AT_FEDERATION,
         success=201, body=wire.FederatedIdentityCredential),
    _row("FederatedIdentityCredentialDelete", "DELETE", FEDERATION,
         _FEDERATED_TYPE, _action(f"{_FEDERATED_TYPE}/delete"), federated_credentials.delete_credential,
         _AT_FEDERATION),
)  # fmt: skip

_MACHINE_TYPE, _OF_SYSTEM = "Microsoft.HybridCompute/machines", "Microsoft.ManagedIdentity/identities"
_MACHINE_ROWS = (
    _row("MachineGet", "GET", MACHINE,
         _MACHINE_TYPE, _action(f"{_MACHINE_TYPE}/read"), machines.get_machine, _AT_MACHINE),
    _row("MachinePut", "PUT", MACHINE,
         _MACHINE_TYPE, _action(f"{_MACHINE_TYPE}/write"), machines.put_machine, _AT_MACHINE, body=wire.Machine),
    _row("MachinePatch", "PATCH", MACHINE,
         _MACHINE_TYPE, _action(f"{_MACHINE_TYPE}/write"), machines.patch_machine, _AT_MACHINE,
         body=wire.MachineUpdate),
    _row("MachineDelete", "DELETE", MACHINE,
         _MACHINE_TYPE, _action(f"{_MACHINE_TYPE}/delete"), machines.delete_machine, _AT_MACHINE),
    _row("MachineListByGroup", "GET", f"{GROUP}/providers/{_MACHINE_TYPE}",
         _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_GROUP),
    _row("MachineList", "GET", f"{_SUBSCRIPTION}/providers/{_MACHINE_TYPE}",
         _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_SUBSCRIPTION),
    _row("SystemAssignedIdentityGet", "GET", f"{{scope*}}/providers/{_OF_SYSTEM}/default",
         _OF_SYSTEM, _action(f"{_OF_SYSTEM}/read"), machines.get_system_identity, at_scope),
)  # fmt: skip

_ASSIGNMENT_TYPE, _DEFINITION_TYPE = f"{_AUTHORIZATION}/roleAssignments", f"{_AUTHORIZATION}/roleDefinitions"
_RIGHTS_ROWS = (
    _row("RoleAssignmentList", "GET", _ASSIGNMENTS,
         _ASSIGNMENT_TYPE, _action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.list_assignments, at_scope),
    _row("RoleAssignmentGet", "GET", f"{_ASSIGNMENTS}/{{name}}",
         _ASSIGNMENT_TYPE, _action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.get_assignment, at_scope),
    _row("RoleAssignmentPut", "PUT", f"{_ASSIGNMENTS}/{{name}}",
         _ASSIGNMENT_TYPE, _action(f"{_ASSIGNMENT_TYPE}/write"), role_assignments.put_assignment, at_scope,
         success=201, body=wire.RoleAssignmentCreateParameters),
    _row("RoleAssignmentDelete", "DELETE", f"{_ASSIGNMENTS}/{{name}}",
         _ASSIGNMENT_TYPE, _action(f"{_ASSIGNMENT_TYPE}/delete"), role_assignments.delete_assignment, at_scope),
    # At the tenant itself the roles that Azure defines are no secret; anywhere else it takes the right to read roles.
    _row("RoleDefinitionListBuiltIn", "GET", _DEFINITIONS,
         _DEFINITION_TYPE, _ANYONE, role_definitions.list_roles, _AT_TENANT),
    _row("RoleDefinitionGetBuiltIn", "GET", f"{_DEFINITIONS}/{{name}}",
         _DEFINITION_TYPE, _ANYONE, role_definitions.get_role, _AT_TENANT),
    _row("RoleDefinitionList", "GET", f"{{scope*}}{_DEFINITIONS}",
         _DEFINITION_TYPE, _action(f"{_DEFINITION_TYPE}/read"), role_definitions.list_roles, at_scope),
    _row("RoleDefinitionGet", "GET", f"{{scope*}}{_DEFINITIONS}/{{name}}",
         _DEFINITION_TYPE, _action(f"{_DEFINITION_TYPE}/read"), role_definitions.get_role, at_scope),
    _row("PermissionList", "GET", f"{{scope*}}/providers/{_AUTHORIZATION}/permissions",
         f"{_AUTHORIZATION}/permissions", _ANYONE, role_definitions.list_permissions, at_scope),
)  # fmt: skip

OPERATIONS: tuple[Op, ...] = (
    *_TENANT_ROWS,
    *_GROUP_ROWS,
    *_VAULT_ROWS,
    *_IDENTITY_ROWS,
    *_FEDERATION_ROWS,
    *_MACHINE_ROWS,
    *_RIGHTS_ROWS,
)

SERVED_TYPES: tuple[str, ...] = (
    "Microsoft.KeyVault/vaults",
    "Microsoft.KeyVault/vaults/accessPolicies",
    "Microsoft.KeyVault/deletedVaults",
    "Microsoft.KeyVault/locations/deletedVaults",
    "Microsoft.KeyVault/checkNameAvailability",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/permissions",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.ManagedIdentity/identities",
    "Microsoft.HybridCompute/machines",
    "Microsoft.Resources/subscriptions",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/resources",
    "Microsoft.Resources/tenants",
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
