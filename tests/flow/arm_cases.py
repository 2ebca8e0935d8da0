"""One case for each operation of the management plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from strongroom.arm.operations import CATALOG, OPERATIONS
from strongroom.arm.polling import KEY_VAULT_PLACE, MANAGEMENT_PLACE, NETWORK_PLACE, RESOURCES_PLACE
from strongroom.core.builtin_roles import KEY_VAULT_READER
from strongroom.core.network import Link
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from tests.flow.arm import Arm
from tests.flow.arm_bodies import decided, inbound, key_body, lock_body, secret_body, tags_body


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's request, and what must be there for it."""

    path: Callable[[Arm], str]
    prepare: Callable[[Arm], object] = lambda _arm: None
    body: Callable[[Arm], object] = lambda _arm: None
    linked: tuple[tuple[str, Callable[[Arm], str]], ...] = ()
    """The actions that it takes besides its row's, each with the scope that it is asked at."""
    query: Callable[[Arm], str] = lambda _arm: ""
    """What its query has besides the api-version, each parameter with an ampersand before it."""
    empty_for_nobody: bool = False
    """True for lists that show nothing to a caller without rights."""
    empty_for_all: bool = False
    """True for lists of what there is none of."""
    to_stranger: int = 404
    """What another tenant's owner is answered: what is no 404 looks nothing up in the subscription of its path."""


def _posted_to(word: str) -> Callable[[Arm], str]:
    """Make what gives the path of something that is asked of an event subscription."""
    return lambda arm: f"{arm.event_subscription}/{word}"


def _policies(arm: Arm) -> object:
    entry = {"tenantId": arm.world.first.tenant_id, "objectId": arm.who.oid, "permissions": {"secrets": ["get"]}}
    return {"properties": {"accessPolicies": [entry]}}


def _note_policy(arm: Arm) -> None:
    text = '[[guardrail]]\nname = "noted"\nrule = "rbac-only"\neffect = "audit"\n'
    how: dict[str, Any] = {"link": Link.CONTROL, "host": "control"}
    assert arm.world.ask("POST", "http://control/policy", body={"text": text}, **how).status == 200


def _make_bare_network(arm: Arm) -> None:
    arm.make_group()
    arm.do("PUT", arm.network, arm.network_body())


def _make_bare_perimeter(arm: Arm) -> None:
    arm.make_group()
    arm.do("PUT", arm.perimeter, {"location": "local"})


def _make_perimeter_and_vault(arm: Arm) -> None:
    arm.make_vault()
    arm.make_rule()


def _make_both_ends(arm: Arm) -> None:
    arm.make_vault()
    arm.make_network()


def _make_management_group_later(arm: Arm) -> None:
    """Make a management group when time has gone on, so that what others did and tried before is not of that time."""
    arm.world.advance(2)
    arm.make_management_group()


def _make_vault_and_sink(arm: Arm) -> None:
    arm.make_vault()
    arm.make_sink()


_AUTHORIZATION = "/providers/Microsoft.Authorization"
_INSIGHTS = "/providers/Microsoft.Insights"
_EVENTS = f"{_INSIGHTS}/eventtypes/management/values"
_GONE = {"name": "gone"}


def _short(path: str) -> str:
    """Leave the provider out of the path of a deployment in a group, as the official clients do."""
    return path.replace("/providers/Microsoft.Resources/", "/")


_POLICY_INSIGHTS = "/providers/Microsoft.PolicyInsights"
_PROPOSED = {"resourceDetails": {"resourceContent": {"type": "Microsoft.KeyVault/vaults", "properties": {}}}}
_EXPLANATIONS = "/providers/Strongroom.Authorization"
_SYSTEM_ASSIGNED = "/providers/Microsoft.ManagedIdentity/identities/default"
_MOVE_RIGHTS: tuple[tuple[str, Callable[[Arm], str]], ...] = (
    ("Microsoft.Resources/subscriptions/resourceGroups/write", lambda arm: arm.other_group),
    ("Microsoft.Authorization/roleAssignments/write", lambda arm: arm.vault),
)

CASES: dict[str, Case] = {
    "TenantList": Case(lambda _: "/tenants", to_stranger=200),
    "SubscriptionList": Case(lambda _: "/subscriptions", empty_for_nobody=True, to_stranger=200),
    "SubscriptionGet": Case(lambda arm: arm.subscription),
    "ResourceGroupList": Case(lambda arm: f"{arm.subscription}/resourceGroups", empty_for_nobody=True),
    "ResourceGroupGet": Case(lambda arm: arm.group, Arm.make_group),
    "ResourceGroupExists": Case(lambda arm: arm.group, Arm.make_group),
    "ResourceGroupPut": Case(lambda arm: arm.group, body=lambda _: {"location": "local"}),
    "ResourceGroupPatch": Case(lambda arm: arm.group, Arm.make_group, lambda _: {"tags": {"a": "b"}}),
    "TagsGet": Case(lambda arm: arm.tags, Arm.make_vault),
    "TagsPut": Case(lambda arm: arm.tags, Arm.make_vault, lambda _: tags_body({"a": "b"})),
    "TagsPatch": Case(lambda arm: arm.tags, Arm.make_vault, lambda _: tags_body({"a": "b"}, "Merge")),
    "TagsDelete": Case(lambda arm: arm.tags, Arm.make_vault),
    "TagNameList": Case(lambda arm: f"{arm.subscription}/tagNames"),
    "TagNamePut": Case(lambda arm: arm.tag_name),
    "TagNameDelete": Case(lambda arm: arm.tag_name, Arm.make_tag_name),
    "TagValuePut": Case(lambda arm: f"{arm.tag_name}/tagValues/v", Arm.make_tag_name),
    "TagValueDelete": Case(lambda arm: f"{arm.tag_name}/tagValues/v", Arm.make_tag_value),
    "ResourceGroupDelete": Case(lambda arm: arm.group, Arm.make_vault),
    "VaultExists": Case(lambda arm: arm.vault, Arm.make_vault),
    "UserAssignedIdentityExists": Case(lambda arm: arm.identity, Arm.make_identity),
    "MachineExists": Case(lambda arm: arm.machine, Arm.make_machine),
    "VirtualNetworkExists": Case(lambda arm: arm.network, Arm.make_network),
    "PrivateEndpointExists": Case(lambda arm: arm.endpoint, Arm.make_endpoint),
    "NetworkSecurityPerimeterExists": Case(lambda arm: arm.perimeter, Arm.make_profile),
    "ResourceMove": Case(
        lambda arm: f"{arm.group}/moveResources", Arm.make_vault_and_other_group, Arm.move_body, linked=_MOVE_RIGHTS
    ),
    "ResourceMoveValidate": Case(
        lambda arm: f"{arm.group}/validateMoveResources",
        Arm.make_vault_and_other_group,
        Arm.move_body,
        linked=_MOVE_RIGHTS,
    ),
    "ResourceList": Case(lambda arm: f"{arm.subscription}/resources", Arm.make_vault, empty_for_nobody=True),
    "ResourceListByGroup": Case(lambda arm: f"{arm.group}/resources", Arm.make_vault, empty_for_nobody=True),
    "VaultGet": Case(lambda arm: arm.vault, Arm.make_vault),
    "VaultPut": Case(lambda arm: arm.vault, Arm.make_group, Arm.vault_body),
    "VaultPatch": Case(lambda arm: arm.vault, Arm.make_vault, lambda _: {"tags": {"a": "b"}}),
    "VaultDelete": Case(lambda arm: arm.vault, Arm.make_vault),
    "VaultAccessPolicyPut": Case(lambda arm: f"{arm.vault}/accessPolicies/add", Arm.make_vault, _policies),
    "VaultKeyGet": Case(lambda arm: arm.key, Arm.make_key),
    "VaultKeyPut": Case(lambda arm: arm.key, Arm.make_vault, lambda _: key_body()),
    "VaultKeyList": Case(lambda arm: f"{arm.vault}/keys", Arm.make_key),
    "VaultKeyVersionGet": Case(lambda arm: arm.key_version, Arm.make_key),
    "VaultKeyVersionList": Case(lambda arm: f"{arm.key}/versions", Arm.make_key),
    "VaultSecretGet": Case(lambda arm: arm.secret, Arm.make_secret),
    "VaultSecretPut": Case(lambda arm: arm.secret, Arm.make_vault, lambda _: secret_body()),
    "VaultSecretPatch": Case(lambda arm: arm.secret, Arm.make_secret, lambda _: {"tags": {"a": "b"}}),
    "VaultSecretList": Case(lambda arm: f"{arm.vault}/secrets", Arm.make_secret),
    "VaultListByGroup": Case(lambda arm: arm.vault.rpartition("/")[0], Arm.make_vault, empty_for_nobody=True),
    "VaultList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/vaults", Arm.make_vault, empty_for_nobody=True
    ),
    "VaultCheckNameAvailability": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/checkNameAvailability",
        body=lambda arm: {"name": arm.vault_name, "type": "Microsoft.KeyVault/vaults"},
    ),
    "VaultListDeleted": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/deletedVaults", Arm.make_deleted_vault
    ),
    "VaultGetDeleted": Case(lambda arm: arm.deleted_vault, Arm.make_deleted_vault),
    "VaultPurge": Case(lambda arm: f"{arm.deleted_vault}/purge", Arm.make_deleted_vault),
    "ManagedHsmListByGroup": Case(
        lambda arm: f"{arm.group}/providers/Microsoft.KeyVault/managedHSMs", Arm.make_group, empty_for_all=True
    ),
    "ManagedHsmList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/managedHSMs", empty_for_all=True
    ),
    "ManagedHsmListDeleted": Case(lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/deletedManagedHSMs"),
    "UserAssignedIdentityGet": Case(lambda arm: arm.identity, Arm.make_identity),
    "UserAssignedIdentityPut": Case(lambda arm: arm.identity, Arm.make_group, lambda _: {"location": "local"}),
    "UserAssignedIdentityPatch": Case(lambda arm: arm.identity, Arm.make_identity, lambda _: {"tags": {"a": "b"}}),
    "UserAssignedIdentityDelete": Case(lambda arm: arm.identity, Arm.make_identity),
    "UserAssignedIdentityListByGroup": Case(
        lambda arm: arm.identity.rpartition("/")[0], Arm.make_identity, empty_for_nobody=True
    ),
    "UserAssignedIdentityList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
        Arm.make_identity,
        empty_for_nobody=True,
    ),
    "FederatedIdentityCredentialList": Case(lambda arm: arm.federation.rpartition("/")[0], Arm.make_federation),
    "FederatedIdentityCredentialGet": Case(lambda arm: arm.federation, Arm.make_federation),
    "FederatedIdentityCredentialPut": Case(lambda arm: arm.federation, Arm.make_identity, Arm.federation_body),
    "FederatedIdentityCredentialDelete": Case(lambda arm: arm.federation, Arm.make_federation),
    "MachineGet": Case(lambda arm: arm.machine, Arm.make_machine),
    "MachinePut": Case(lambda arm: arm.machine, Arm.make_group, lambda _: {"location": "local"}),
    "MachinePatch": Case(lambda arm: arm.machine, Arm.make_machine, lambda _: {"identity": {"type": "None"}}),
    "MachineDelete": Case(lambda arm: arm.machine, Arm.make_machine),
    "MachineListByGroup": Case(lambda arm: arm.machine.rpartition("/")[0], Arm.make_machine, empty_for_nobody=True),
    "MachineList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.HybridCompute/machines",
        Arm.make_machine,
        empty_for_nobody=True,
    ),
    "SystemAssignedIdentityGet": Case(lambda arm: f"{arm.machine}{_SYSTEM_ASSIGNED}", Arm.make_machine),
    "VirtualNetworkGet": Case(lambda arm: arm.network, Arm.make_network),
    "VirtualNetworkPut": Case(lambda arm: arm.network, Arm.make_group, Arm.network_body),
    "VirtualNetworkPatch": Case(lambda arm: arm.network, Arm.make_network, lambda _: {"tags": {"a": "b"}}),
    "VirtualNetworkDelete": Case(lambda arm: arm.network, Arm.make_network),
    "VirtualNetworkListByGroup": Case(
        lambda arm: arm.network.rpartition("/")[0], Arm.make_network, empty_for_nobody=True
    ),
    "VirtualNetworkList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.Network/virtualNetworks",
        Arm.make_network,
        empty_for_nobody=True,
    ),
    "SubnetGet": Case(lambda arm: arm.subnet, Arm.make_network),
    "SubnetPut": Case(lambda arm: arm.subnet, _make_bare_network, Arm.subnet_body),
    "SubnetDelete": Case(lambda arm: arm.subnet, Arm.make_network),
    "SubnetList": Case(lambda arm: arm.subnet.rpartition("/")[0], Arm.make_network),
    "PrivateEndpointGet": Case(lambda arm: arm.endpoint, Arm.make_endpoint),
    "PrivateEndpointPut": Case(
        lambda arm: arm.endpoint,
        _make_both_ends,
        Arm.endpoint_body,
        linked=(
            ("Microsoft.Network/virtualNetworks/subnets/join/action", lambda arm: arm.subnet),
            ("Microsoft.KeyVault/vaults/PrivateEndpointConnectionsApproval/action", lambda arm: arm.vault),
        ),
    ),
    "PrivateEndpointDelete": Case(lambda arm: arm.endpoint, Arm.make_endpoint),
    "PrivateEndpointListByGroup": Case(
        lambda arm: arm.endpoint.rpartition("/")[0], Arm.make_endpoint, empty_for_nobody=True
    ),
    "PrivateEndpointList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.Network/privateEndpoints",
        Arm.make_endpoint,
        empty_for_nobody=True,
    ),
    "PrivateEndpointConnectionList": Case(lambda arm: f"{arm.vault}/privateEndpointConnections", Arm.make_endpoint),
    "PrivateEndpointConnectionGet": Case(lambda arm: arm.connection, Arm.make_endpoint),
    "PrivateEndpointConnectionPut": Case(
        lambda arm: arm.connection, lambda arm: arm.make_endpoint(manual=True), lambda _: decided("Approved")
    ),
    "PrivateEndpointConnectionDelete": Case(lambda arm: arm.connection, Arm.make_endpoint),
    "PrivateLinkResourceList": Case(lambda arm: f"{arm.vault}/privateLinkResources", Arm.make_vault),
    "NetworkSecurityPerimeterGet": Case(lambda arm: arm.perimeter, Arm.make_profile),
    "NetworkSecurityPerimeterPut": Case(lambda arm: arm.perimeter, Arm.make_group, lambda _: {"location": "local"}),
    "NetworkSecurityPerimeterPatch": Case(lambda arm: arm.perimeter, Arm.make_profile, lambda _: {"tags": {"a": "b"}}),
    "NetworkSecurityPerimeterDelete": Case(lambda arm: arm.perimeter, Arm.make_profile),
    "NetworkSecurityPerimeterListByGroup": Case(
        lambda arm: arm.perimeter.rpartition("/")[0], Arm.make_profile, empty_for_nobody=True
    ),
    "NetworkSecurityPerimeterList": Case(
        lambda arm: f"{arm.subscription}/providers/Microsoft.Network/networkSecurityPerimeters",
        Arm.make_profile,
        empty_for_nobody=True,
    ),
    "PerimeterProfileGet": Case(lambda arm: arm.profile, Arm.make_profile),
    "PerimeterProfilePut": Case(lambda arm: arm.profile, _make_bare_perimeter, lambda _: {"properties": {}}),
    "PerimeterProfileDelete": Case(lambda arm: arm.profile, Arm.make_profile),
    "PerimeterProfileList": Case(lambda arm: arm.profile.rpartition("/")[0], Arm.make_profile),
    "PerimeterAccessRuleGet": Case(lambda arm: arm.rule, Arm.make_rule),
    "PerimeterAccessRulePut": Case(lambda arm: arm.rule, Arm.make_profile, lambda _: inbound("203.0.113.0/24")),
    "PerimeterAccessRuleDelete": Case(lambda arm: arm.rule, Arm.make_rule),
    "PerimeterAccessRuleList": Case(lambda arm: arm.rule.rpartition("/")[0], Arm.make_rule),
    "PerimeterAssociationGet": Case(lambda arm: arm.association, Arm.make_association),
    "PerimeterAssociationPut": Case(
        lambda arm: arm.association,
        _make_perimeter_and_vault,
        Arm.association_body,
        linked=(("Microsoft.KeyVault/vaults/joinPerimeter/action", lambda arm: arm.vault),),
    ),
    "PerimeterAssociationDelete": Case(lambda arm: arm.association, Arm.make_association),
    "PerimeterAssociationList": Case(lambda arm: arm.association.rpartition("/")[0], Arm.make_association),
    "PerimeterConfigurationList": Case(lambda arm: arm.configuration.rpartition("/")[0], Arm.make_association),
    "PerimeterConfigurationGet": Case(lambda arm: arm.configuration, Arm.make_association),
    "RoleAssignmentList": Case(lambda arm: arm.assignment.rpartition("/")[0], Arm.make_assignment),
    "RoleAssignmentGet": Case(lambda arm: arm.assignment, Arm.make_assignment),
    "RoleAssignmentPut": Case(
        lambda arm: arm.assignment, Arm.make_vault, lambda arm: arm.assignment_body(arm.world.administrator.oid)
    ),
    "RoleAssignmentDelete": Case(lambda arm: arm.assignment, Arm.make_assignment, to_stranger=204),
    "RoleDefinitionListBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/roleDefinitions", to_stranger=200),
    "RoleDefinitionGetBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/roleDefinitions/{KEY_VAULT_READER}", to_stranger=200),
    "RoleDefinitionList": Case(lambda arm: f"{arm.subscription}{_AUTHORIZATION}/roleDefinitions", to_stranger=200),
    "RoleDefinitionGet": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/roleDefinitions/{KEY_VAULT_READER}", to_stranger=200
    ),
    "RoleDefinitionPut": Case(lambda arm: arm.role, Arm.make_group, lambda arm: arm.role_body()),
    "RoleDefinitionDelete": Case(lambda arm: arm.role, Arm.make_role, to_stranger=204),
    "DenyAssignmentList": Case(lambda arm: arm.denial.rpartition("/")[0], Arm.make_denial),
    "DenyAssignmentGet": Case(lambda arm: arm.denial, Arm.make_denial),
    "DenyAssignmentPut": Case(lambda arm: arm.denial, Arm.make_vault, lambda arm: arm.denial_body()),
    "DenyAssignmentDelete": Case(lambda arm: arm.denial, Arm.make_denial, to_stranger=204),
    "ManagementLockList": Case(lambda arm: arm.lock.rpartition("/")[0], Arm.make_lock),
    "ManagementLockGet": Case(lambda arm: arm.lock, Arm.make_lock),
    "ManagementLockPut": Case(lambda arm: arm.lock, Arm.make_vault, lambda _: lock_body()),
    "ManagementLockDelete": Case(lambda arm: arm.lock, Arm.make_lock, to_stranger=204),
    "ManagementGroupList": Case(
        lambda arm: arm.management_group.rpartition("/")[0],
        Arm.make_management_group,
        empty_for_nobody=True,
        to_stranger=200,
    ),
    "ManagementGroupGet": Case(lambda arm: arm.management_group, Arm.make_management_group),
    "ManagementGroupPut": Case(
        lambda arm: arm.management_group,
        Arm.make_management_group,
        lambda arm: arm.management_group_body(arm.root_group),
    ),
    "ManagementGroupPatch": Case(
        lambda arm: arm.management_group, Arm.make_management_group, lambda _: {"displayName": "New"}
    ),
    "ManagementGroupDelete": Case(lambda arm: arm.management_group, Arm.make_management_group, to_stranger=204),
    "ManagementGroupDescendants": Case(lambda arm: f"{arm.management_group}/descendants", Arm.make_placed),
    "ManagementGroupSubscriptionList": Case(lambda arm: arm.placed.rpartition("/")[0], Arm.make_placed),
    "ManagementGroupSubscriptionGet": Case(lambda arm: arm.placed, Arm.make_placed),
    "ManagementGroupSubscriptionPut": Case(lambda arm: arm.placed, Arm.make_placed),
    "ManagementGroupSubscriptionDelete": Case(
        lambda arm: arm.placed,
        Arm.make_placed,
        linked=(
            ("Microsoft.Management/managementGroups/write", lambda arm: arm.management_group),
            ("Microsoft.Authorization/roleAssignments/write", lambda arm: arm.management_group),
        ),
    ),
    "VaultExplain": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/explain",
        Arm.make_vault,
        lambda arm: {"principal": arm.world.administrator.oid, "operation": "SecretGet", "objectName": "a"},
        linked=(("Microsoft.KeyVault/vaults/read", lambda arm: arm.vault),),
    ),
    "VaultExplainOwn": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/explainOwn",
        Arm.make_vault,
        lambda _: {"operation": "SecretGet", "objectName": "a"},
    ),
    "VaultWhoCan": Case(
        lambda arm: f"{arm.vault}{_EXPLANATIONS}/whoCan",
        Arm.make_vault,
        lambda _: {"operation": "SecretGet", "objectName": "a"},
        linked=(("Microsoft.KeyVault/vaults/read", lambda arm: arm.vault),),
    ),
    "DiagnosticSettingList": Case(lambda arm: arm.setting.rpartition("/")[0], Arm.make_setting),
    "DiagnosticSettingGet": Case(lambda arm: arm.setting, Arm.make_setting),
    "DiagnosticSettingPut": Case(
        lambda arm: arm.setting,
        _make_vault_and_sink,
        Arm.setting_body,
        linked=(("Microsoft.Storage/storageAccounts/listKeys/action", lambda arm: arm.storage),),
    ),
    "DiagnosticSettingDelete": Case(lambda arm: arm.setting, Arm.make_setting),
    "DiagnosticSettingCategoryList": Case(
        lambda arm: f"{arm.vault}{_INSIGHTS}/diagnosticSettingsCategories", Arm.make_vault
    ),
    "DiagnosticSettingCategoryGet": Case(
        lambda arm: f"{arm.vault}{_INSIGHTS}/diagnosticSettingsCategories/AuditEvent", Arm.make_vault
    ),
    "EventSubscriptionList": Case(lambda arm: arm.event_subscription.rpartition("/")[0], Arm.make_event_subscription),
    "EventSubscriptionGet": Case(lambda arm: arm.event_subscription, Arm.make_event_subscription),
    "EventSubscriptionPut": Case(lambda arm: arm.event_subscription, Arm.make_vault, Arm.event_subscription_body),
    "EventSubscriptionPatch": Case(
        lambda arm: arm.event_subscription, Arm.make_event_subscription, lambda _: {"labels": ["a"]}
    ),
    "EventSubscriptionDelete": Case(lambda arm: arm.event_subscription, Arm.make_event_subscription),
    **{
        f"EventSubscription{word[0].upper()}{word[1:]}": Case(_posted_to(word), Arm.make_event_subscription)
        for word in ("getFullUrl", "getDeliveryAttributes", "getSigningSecret", "renewSigningSecret")
    },
    "EventDeadLetterList": Case(_posted_to("deadLetters"), Arm.make_event_subscription),
    "EventDeadLetterReplay": Case(_posted_to("deadLetters/replay"), Arm.make_event_subscription, lambda _: {}),
    "EventDeadLetterDiscard": Case(_posted_to("deadLetters/discard"), Arm.make_event_subscription, lambda _: {}),
    "ActivityLogList": Case(
        lambda arm: f"{arm.subscription}{_EVENTS}", query=lambda arm: f"&$filter={arm.since_yesterday}"
    ),
    "TenantActivityLogList": Case(
        lambda _: _EVENTS,
        _make_management_group_later,
        query=lambda arm: f"&$filter={arm.since_now}",
        empty_for_nobody=True,
        to_stranger=200,
    ),
    "EventCategoryList": Case(lambda _: f"{_INSIGHTS}/eventcategories", to_stranger=200),
    "ProviderList": Case(lambda arm: f"{arm.subscription}/providers"),
    "ProviderGet": Case(lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault"),
    "ProviderResourceTypeList": Case(lambda arm: f"{arm.subscription}/providers/Microsoft.KeyVault/resourceTypes"),
    "ProviderListAtTenant": Case(lambda _: "/providers", to_stranger=200),
    "ProviderGetAtTenant": Case(lambda _: "/providers/Microsoft.KeyVault", to_stranger=200),
    "ProviderOperationList": Case(lambda _: "/providers/Microsoft.KeyVault/operations", to_stranger=200),
    "RoleOperationList": Case(lambda _: f"{_AUTHORIZATION}/providerOperations", to_stranger=200),
    "RoleOperationGet": Case(lambda _: f"{_AUTHORIZATION}/providerOperations/Microsoft.KeyVault", to_stranger=200),
    "LocationList": Case(lambda arm: f"{arm.subscription}/locations"),
    "PolicyDefinitionListBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/policyDefinitions", to_stranger=200),
    "PolicyDefinitionGetBuiltIn": Case(lambda _: f"{_AUTHORIZATION}/policyDefinitions/rbac-only", to_stranger=200),
    "PolicyDefinitionList": Case(lambda arm: f"{arm.subscription}{_AUTHORIZATION}/policyDefinitions", to_stranger=200),
    "PolicyDefinitionGet": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/policyDefinitions/rbac-only", to_stranger=200
    ),
    "PolicyAssignmentList": Case(
        lambda arm: f"{arm.group}{_AUTHORIZATION}/policyAssignments", Arm.make_group, to_stranger=200
    ),
    "PolicyAssignmentGet": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/policyAssignments/noted", _note_policy, to_stranger=200
    ),
    "PolicyRestrictionCheck": Case(
        lambda arm: f"{arm.subscription}{_POLICY_INSIGHTS}/checkPolicyRestrictions", body=lambda _: _PROPOSED
    ),
    "PolicyRestrictionCheckByGroup": Case(
        lambda arm: f"{arm.group}{_POLICY_INSIGHTS}/checkPolicyRestrictions", Arm.make_group, lambda _: _PROPOSED
    ),
    "KeyVaultOperationStatusGet": Case(lambda arm: arm.operation(KEY_VAULT_PLACE, "operationStatuses")),
    "KeyVaultOperationResultGet": Case(lambda arm: arm.operation(KEY_VAULT_PLACE, "operationResults", _GONE)),
    "NetworkOperationStatusGet": Case(lambda arm: arm.operation(NETWORK_PLACE, "operations")),
    "NetworkOperationResultGet": Case(lambda arm: arm.operation(NETWORK_PLACE, "operationResults", _GONE)),
    "ResourceOperationStatusGet": Case(lambda arm: arm.operation(RESOURCES_PLACE, "operationStatuses")),
    "ResourceOperationResultGet": Case(lambda arm: arm.operation(RESOURCES_PLACE, "operationresults", _GONE)),
    "ManagementGroupOperationStatusGet": Case(lambda arm: arm.operation(MANAGEMENT_PLACE, "operationResults")),
    "DeploymentList": Case(lambda arm: arm.deployment.rpartition("/")[0], Arm.make_deployment),
    "DeploymentGet": Case(lambda arm: arm.deployment, Arm.make_deployment),
    "DeploymentExists": Case(lambda arm: arm.deployment, Arm.make_deployment),
    "DeploymentPut": Case(lambda arm: arm.deployment, Arm.make_group, Arm.deployment_body),
    "DeploymentDelete": Case(lambda arm: arm.deployment, Arm.make_deployment),
    "DeploymentValidate": Case(lambda arm: f"{arm.deployment}/validate", Arm.make_group, Arm.deployment_body),
    "DeploymentWhatIf": Case(lambda arm: f"{arm.deployment}/whatIf", Arm.make_group, Arm.deployment_body),
    "DeploymentCancel": Case(lambda arm: f"{arm.deployment}/cancel", Arm.make_endless_deployment),
    "DeploymentExportTemplate": Case(lambda arm: f"{arm.deployment}/exportTemplate", Arm.make_deployment),
    "DeploymentOperationList": Case(lambda arm: f"{arm.deployment}/operations", Arm.make_deployment),
    "DeploymentOperationGet": Case(lambda arm: arm.deployment_operation, Arm.make_deployment),
    "DeploymentOperationListInGroup": Case(lambda arm: _short(f"{arm.deployment}/operations"), Arm.make_deployment),
    "DeploymentOperationGetInGroup": Case(lambda arm: _short(arm.deployment_operation), Arm.make_deployment),
    "DeploymentStatusGet": Case(lambda arm: arm.deployment_status, Arm.make_deployment),
    "PermissionList": Case(
        lambda arm: f"{arm.subscription}{_AUTHORIZATION}/permissions", empty_for_nobody=True, to_stranger=200
    ),
}


def _states(place: Callable[[Arm], str], word: str) -> Case:
    return Case(lambda arm: f"{place(arm)}{_POLICY_INSIGHTS}/policyStates/latest/{word}", Arm.make_secret)


def _registration(namespace: str, word: str) -> Case:
    return Case(lambda arm: f"{arm.bare_subscription}/providers/{namespace}/{word}", Arm.make_bare_subscription)


for _suffix, _prefix in (
    ("", lambda arm: arm.subscription),
    ("ByGroup", lambda arm: arm.group),
    ("ByVault", lambda arm: arm.vault),
):
    for _word, _last in (("Query", "queryResults"), ("Summarize", "summarize")):
        CASES[f"PolicyState{_word}{_suffix}"] = _states(_prefix, _last)

for _provider in CATALOG.providers:
    _name = _provider.namespace.removeprefix("Microsoft.").replace(".", "")
    CASES[f"{_name}ProviderRegister"] = _registration(_provider.namespace, "register")
    if not _provider.is_free:
        CASES[f"{_name}ProviderUnregister"] = _registration(_provider.namespace, "unregister")

GUARDED: tuple[Op, ...] = tuple(op for op in OPERATIONS if not isinstance(op.requires, Public))
"""Every operation that wants a caller. A new row without a case fails the suite."""


def scope_of(op: Op, arm: Arm) -> str:
    """Give the scope that an operation's right is looked up at."""
    path = CASES[op.name].path(arm)
    if "{scope*}" in op.path:
        provider = op.path.split("/")[2]
        return path.rpartition(f"/providers/{provider}/")[0]
    for prefix in (
        arm.management_group,
        arm.secret,
        arm.key,
        arm.vault,
        arm.subnet,
        arm.network,
        arm.endpoint,
        arm.rule,
        arm.profile,
        arm.association,
        arm.perimeter,
        arm.federation,
        arm.identity,
        arm.machine,
        arm.deleted_vault,
        arm.group,
        arm.subscription,
        arm.bare_subscription,
    ):
        if path.startswith(prefix):
            return prefix
    return "/"
