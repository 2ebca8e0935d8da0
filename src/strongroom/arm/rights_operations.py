"""The rows of `Microsoft.Authorization` and `Microsoft.Management`: who may, at whatever scope."""

from __future__ import annotations

from strongroom.arm import deny_assignments, management_groups, role_assignments, role_definitions
from strongroom.arm import rights_wire as wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import MANAGEMENT_GROUP, at, at_scope
from strongroom.core.permissions import Authenticated

_AUTHORIZATION = "Microsoft.Authorization"
_ASSIGNMENTS = f"{{scope*}}/providers/{_AUTHORIZATION}/roleAssignments"
_DENIALS = f"{{scope*}}/providers/{_AUTHORIZATION}/denyAssignments"
_DEFINITIONS = f"/providers/{_AUTHORIZATION}/roleDefinitions"
_AT_TENANT, _ANYONE = at("/"), Authenticated()

_ASSIGNMENT_TYPE, _DEFINITION_TYPE = f"{_AUTHORIZATION}/roleAssignments", f"{_AUTHORIZATION}/roleDefinitions"
_DENIAL_TYPE = f"{_AUTHORIZATION}/denyAssignments"
_RIGHTS_ROWS = (
    row("RoleAssignmentList", "GET", _ASSIGNMENTS,
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.list_assignments, at_scope),
    row("RoleAssignmentGet", "GET", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.get_assignment, at_scope),
    row("RoleAssignmentPut", "PUT", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/write", by_handler=True), role_assignments.put_assignment,
        at_scope, success=201, body=wire.RoleAssignmentCreateParameters),
    row("RoleAssignmentDelete", "DELETE", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/delete", by_handler=True), role_assignments.delete_assignment,
        at_scope),
    row("DenyAssignmentList", "GET", _DENIALS,
        _DENIAL_TYPE, action(f"{_DENIAL_TYPE}/read"), deny_assignments.list_denials, at_scope),
    row("DenyAssignmentGet", "GET", f"{_DENIALS}/{{name}}",
        _DENIAL_TYPE, action(f"{_DENIAL_TYPE}/read"), deny_assignments.get_denial, at_scope),
    row("DenyAssignmentPut", "PUT", f"{_DENIALS}/{{name}}",
        _DENIAL_TYPE, action(f"{_DENIAL_TYPE}/write"), deny_assignments.put_denial, at_scope,
        success=201, body=wire.DenyAssignment),
    row("DenyAssignmentDelete", "DELETE", f"{_DENIALS}/{{name}}",
        _DENIAL_TYPE, action(f"{_DENIAL_TYPE}/delete"), deny_assignments.delete_denial, at_scope),
    # At the tenant itself the roles that Azure defines are no secret; anywhere else it takes the right to read roles.
    row("RoleDefinitionListBuiltIn", "GET", _DEFINITIONS,
        _DEFINITION_TYPE, _ANYONE, role_definitions.list_roles, _AT_TENANT),
    row("RoleDefinitionGetBuiltIn", "GET", f"{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, _ANYONE, role_definitions.get_role, _AT_TENANT),
    row("RoleDefinitionList", "GET", f"{{scope*}}{_DEFINITIONS}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/read"), role_definitions.list_roles, at_scope),
    row("RoleDefinitionGet", "GET", f"{{scope*}}{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/read"), role_definitions.get_role, at_scope),
    row("RoleDefinitionPut", "PUT", f"{{scope*}}{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/write"), role_definitions.put_role, at_scope,
        success=201, body=wire.RoleDefinition),
    row("RoleDefinitionDelete", "DELETE", f"{{scope*}}{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/delete"), role_definitions.delete_role, at_scope),
    row("PermissionList", "GET", f"{{scope*}}/providers/{_AUTHORIZATION}/permissions",
        f"{_AUTHORIZATION}/permissions", _ANYONE, role_definitions.list_permissions, at_scope),
)  # fmt: skip

_GROUP_TYPE = "Microsoft.Management/managementGroups"
_GROUPS_SUBSCRIPTION_TYPE = f"{_GROUP_TYPE}/subscriptions"
_PLACE = f"{MANAGEMENT_GROUP}/subscriptions/{{subscription}}"
_AT_GROUP = at(MANAGEMENT_GROUP)
_GROUP_ROWS = (
    row("ManagementGroupList", "GET", f"/providers/{_GROUP_TYPE}",
        _GROUP_TYPE, _ANYONE, management_groups.list_groups, _AT_TENANT),
    row("ManagementGroupGet", "GET", MANAGEMENT_GROUP,
        _GROUP_TYPE, action(f"{_GROUP_TYPE}/read"), management_groups.get_group, _AT_GROUP),
    row("ManagementGroupPut", "PUT", MANAGEMENT_GROUP,
        _GROUP_TYPE, action(f"{_GROUP_TYPE}/write"), management_groups.put_group, _AT_GROUP,
        body=wire.ManagementGroup),
    row("ManagementGroupPatch", "PATCH", MANAGEMENT_GROUP,
        _GROUP_TYPE, action(f"{_GROUP_TYPE}/write"), management_groups.patch_group, _AT_GROUP,
        body=wire.ManagementGroupPatch),
    row("ManagementGroupDelete", "DELETE", MANAGEMENT_GROUP,
        _GROUP_TYPE, action(f"{_GROUP_TYPE}/delete"), management_groups.delete_group, _AT_GROUP,
        success=202),
    row("ManagementGroupDescendants", "GET", f"{MANAGEMENT_GROUP}/descendants",
        _GROUP_TYPE, action(f"{_GROUP_TYPE}/descendants/read"), management_groups.list_descendants, _AT_GROUP),
    row("ManagementGroupSubscriptionList", "GET", f"{MANAGEMENT_GROUP}/subscriptions",
        _GROUPS_SUBSCRIPTION_TYPE, action(f"{_GROUPS_SUBSCRIPTION_TYPE}/read"),
        management_groups.list_subscriptions, _AT_GROUP),
    row("ManagementGroupSubscriptionGet", "GET", _PLACE,
        _GROUPS_SUBSCRIPTION_TYPE, action(f"{_GROUPS_SUBSCRIPTION_TYPE}/read"),
        management_groups.get_subscription, _AT_GROUP),
    row("ManagementGroupSubscriptionPut", "PUT", _PLACE,
        _GROUPS_SUBSCRIPTION_TYPE, action(f"{_GROUPS_SUBSCRIPTION_TYPE}/write"),
        management_groups.put_subscription, _AT_GROUP),
    row("ManagementGroupSubscriptionDelete", "DELETE", _PLACE,
        _GROUPS_SUBSCRIPTION_TYPE, action(f"{_GROUPS_SUBSCRIPTION_TYPE}/delete"),
        management_groups.remove_subscription, _AT_GROUP),
)  # fmt: skip

RIGHTS_ROWS = (*_RIGHTS_ROWS, *_GROUP_ROWS)

RIGHTS_TYPES: tuple[str, ...] = (
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/denyAssignments",
    "Microsoft.Authorization/permissions",
    "Microsoft.Management/managementGroups",
    "Microsoft.Management/managementGroups/subscriptions",
)
"""The resource types that these rows serve."""
