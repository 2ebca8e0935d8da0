"""The rows of `Microsoft.Authorization`: who may, at whatever scope."""

from __future__ import annotations

from strongroom.arm import role_assignments, role_definitions, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import at, at_scope
from strongroom.core.permissions import Authenticated

_AUTHORIZATION = "Microsoft.Authorization"
_ASSIGNMENTS = f"{{scope*}}/providers/{_AUTHORIZATION}/roleAssignments"
_DEFINITIONS = f"/providers/{_AUTHORIZATION}/roleDefinitions"
_AT_TENANT, _ANYONE = at("/"), Authenticated()

_ASSIGNMENT_TYPE, _DEFINITION_TYPE = f"{_AUTHORIZATION}/roleAssignments", f"{_AUTHORIZATION}/roleDefinitions"
RIGHTS_ROWS = (
    row("RoleAssignmentList", "GET", _ASSIGNMENTS,
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.list_assignments, at_scope),
    row("RoleAssignmentGet", "GET", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/read"), role_assignments.get_assignment, at_scope),
    row("RoleAssignmentPut", "PUT", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/write"), role_assignments.put_assignment, at_scope,
        success=201, body=wire.RoleAssignmentCreateParameters),
    row("RoleAssignmentDelete", "DELETE", f"{_ASSIGNMENTS}/{{name}}",
        _ASSIGNMENT_TYPE, action(f"{_ASSIGNMENT_TYPE}/delete"), role_assignments.delete_assignment, at_scope),
    # At the tenant itself the roles that Azure defines are no secret; anywhere else it takes the right to read roles.
    row("RoleDefinitionListBuiltIn", "GET", _DEFINITIONS,
        _DEFINITION_TYPE, _ANYONE, role_definitions.list_roles, _AT_TENANT),
    row("RoleDefinitionGetBuiltIn", "GET", f"{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, _ANYONE, role_definitions.get_role, _AT_TENANT),
    row("RoleDefinitionList", "GET", f"{{scope*}}{_DEFINITIONS}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/read"), role_definitions.list_roles, at_scope),
    row("RoleDefinitionGet", "GET", f"{{scope*}}{_DEFINITIONS}/{{name}}",
        _DEFINITION_TYPE, action(f"{_DEFINITION_TYPE}/read"), role_definitions.get_role, at_scope),
    row("PermissionList", "GET", f"{{scope*}}/providers/{_AUTHORIZATION}/permissions",
        f"{_AUTHORIZATION}/permissions", _ANYONE, role_definitions.list_permissions, at_scope),
)  # fmt: skip
