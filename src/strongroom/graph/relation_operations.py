"""Graph's operations on what one object is to another: memberships, owners, app roles, directory roles, consent."""

from __future__ import annotations

from strongroom.core.identity import Application, Group, ServicePrincipal
from strongroom.core.permissions import DirectoryPermission
from strongroom.directory.relations import Owned
from strongroom.flow.operation import Op
from strongroom.graph import app_roles, directory_objects, directory_roles, owners, permission_grants, rights
from strongroom.graph.objects import directory_target
from strongroom.graph.wire import (
    ActivateRoleBody,
    AppRoleAssignmentBody,
    CheckMemberGroupsBody,
    GrantChangeBody,
    MemberObjectsBody,
    PermissionGrantBody,
    ReferenceBody,
    RoleAssignmentBody,
)

_T = directory_target
_ME = "/{version}/me"
_ROLES = "/{version}/directoryRoles"
_ROLE_KEYS = (("", _ROLES + "/{role}"), ("ByTemplateId", "/{version}/directoryRoles(roleTemplateId='{template}')"))
_TEMPLATES = "/{version}/directoryRoleTemplates"
_DEFINITIONS = "/{version}/roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "/{version}/roleManagement/directory/roleAssignments"
_GRANTS = "/{version}/oauth2PermissionGrants"
_APPLICATION = "/{version}/applications/{id}"
_SERVICE_PRINCIPAL = "/{version}/servicePrincipals/{id}"
_USER, _GROUP = "/{version}/users/{id}", "/{version}/groups/{id}"
_APPLICATION_BY_APP_ID = "/{version}/applications(appId='{app_id}')"
_SERVICE_PRINCIPAL_BY_APP_ID = "/{version}/servicePrincipals(appId='{client_id}')"
_ANY_OBJECT = (
    ("User", _USER),
    ("Group", _GROUP),
    ("ServicePrincipal", _SERVICE_PRINCIPAL),
    ("DirectoryObject", "/{version}/directoryObjects/{id}"),
)


def _membership_rows(kind: str, path: str) -> tuple[Op, ...]:
    requires = rights.READ_ME if path == _ME else rights.READ_DIRECTORY
    return (
        Op(f"{kind}GetMemberGroups", "POST", path + "/getMemberGroups", requires,
           directory_objects.get_member_groups, _T, body=MemberObjectsBody),
        Op(f"{kind}GetMemberObjects", "POST", path + "/getMemberObjects", requires,
           directory_objects.get_member_groups, _T, body=MemberObjectsBody),
        Op(f"{kind}CheckMemberGroups", "POST", path + "/checkMemberGroups", requires,
           directory_objects.check_member_groups, _T, body=CheckMemberGroupsBody),
    )  # fmt: skip


def _member_of_rows(kind: str, path: str) -> tuple[Op, ...]:
    requires = rights.READ_ME if path == _ME else rights.READ_DIRECTORY
    return (
        Op(f"{kind}MemberOfList", "GET", path + "/memberOf", requires, directory_objects.list_member_of, _T),
        Op(f"{kind}TransitiveMemberOfList", "GET", path + "/transitiveMemberOf", requires,
           directory_objects.list_transitive_member_of, _T),
    )  # fmt: skip


def _owned_rows(kind: str, path: str) -> tuple[Op, ...]:
    requires = rights.READ_ME if path == _ME else rights.READ_DIRECTORY
    of_grants = rights.READ_MY_GRANTS if path == _ME else rights.READ_GRANTS
    return (
        Op(f"{kind}OwnedObjectList", "GET", path + "/ownedObjects", requires, owners.list_owned_objects, _T),
        Op(f"{kind}PermissionGrantList", "GET", path + "/oauth2PermissionGrants", of_grants,
           permission_grants.list_grants_of, _T),
    )  # fmt: skip


def _owner_rows(
    name: str, path: str, kind: type[Owned], read: DirectoryPermission, write: DirectoryPermission
) -> tuple[Op, ...]:
    list_owners, add_owner, remove_owner, list_references, get_reference = owners.owner_handlers(kind)
    return (
        Op(f"{name}OwnerList", "GET", path + "/owners", read, list_owners, _T),
        Op(f"{name}OwnerReferenceList", "GET", path + "/owners/$ref", read, list_references, _T),
        Op(f"{name}OwnerReferenceGet", "GET", path + "/owners/{member}/$ref", read, get_reference, _T),
        Op(f"{name}OwnerAdd", "POST", path + "/owners/$ref", write, add_owner, _T, success=204, body=ReferenceBody),
        Op(f"{name}OwnerRemove", "DELETE", path + "/owners/{member}/$ref", write, remove_owner, _T, success=204),
    )


def _held_rows(kind: str, path: str) -> tuple[Op, ...]:
    path += "/appRoleAssignments"
    return (
        Op(f"{kind}AppRoleAssignmentList", "GET", path, rights.READ_DIRECTORY, app_roles.list_held, _T),
        Op(f"{kind}AppRoleAssignmentCreate", "POST", path, rights.ASSIGN_APP_ROLES, app_roles.assign_to_principal, _T,
           success=201, body=AppRoleAssignmentBody),
        Op(f"{kind}AppRoleAssignmentGet", "GET", path + "/{assignment}", rights.READ_DIRECTORY, app_roles.get_held,
           _T),
        Op(f"{kind}AppRoleAssignmentDelete", "DELETE", path + "/{assignment}", rights.ASSIGN_APP_ROLES,
           app_roles.remove_held, _T, success=204),
    )  # fmt: skip


def _given_rows(suffix: str, path: str) -> tuple[Op, ...]:
    path += "/appRoleAssignedTo"
    return (
        Op(f"AppRoleAssignedToList{suffix}", "GET", path, rights.READ_DIRECTORY, app_roles.list_given, _T),
        Op(f"AppRoleAssignedToCreate{suffix}", "POST", path, rights.ASSIGN_APP_ROLES, app_roles.assign_of_resource, _T,
           success=201, body=AppRoleAssignmentBody),
        Op(f"AppRoleAssignedToGet{suffix}", "GET", path + "/{assignment}", rights.READ_DIRECTORY, app_roles.get_given,
           _T),
        Op(f"AppRoleAssignedToDelete{suffix}", "DELETE", path + "/{assignment}", rights.ASSIGN_APP_ROLES,
           app_roles.remove_given, _T, success=204),
    )  # fmt: skip


def _role_rows(suffix: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"DirectoryRoleGet{suffix}", "GET", path, rights.READ_ROLES, directory_roles.get_role, _T),
        Op(f"DirectoryRoleMemberList{suffix}", "GET", path + "/members", rights.READ_ROLES,
           directory_roles.list_members, _T),
        Op(f"DirectoryRoleMemberReferenceList{suffix}", "GET", path + "/members/$ref", rights.READ_ROLES,
           directory_roles.list_member_references, _T),
        Op(f"DirectoryRoleMemberReferenceGet{suffix}", "GET", path + "/members/{member}/$ref", rights.READ_ROLES,
           directory_roles.get_member_reference, _T),
        Op(f"DirectoryRoleMemberAdd{suffix}", "POST", path + "/members/$ref", rights.WRITE_ROLES,
           directory_roles.add_member, _T, success=204, body=ReferenceBody),
        Op(f"DirectoryRoleMemberRemove{suffix}", "DELETE", path + "/members/{member}/$ref", rights.WRITE_ROLES,
           directory_roles.remove_member, _T, success=204),
    )  # fmt: skip


_FLAT = (
    Op("DirectoryRoleList", "GET", _ROLES, rights.READ_ROLES, directory_roles.list_roles, _T),
    Op("DirectoryRoleActivate", "POST", _ROLES, rights.WRITE_ROLES, directory_roles.activate_role, _T, success=201,
       body=ActivateRoleBody),
    Op("DirectoryRoleTemplateList", "GET", _TEMPLATES, rights.READ_ROLES, directory_roles.list_templates, _T),
    Op("DirectoryRoleTemplateGet", "GET", _TEMPLATES + "/{template}", rights.READ_ROLES, directory_roles.get_template,
       _T),
    Op("DirectoryRoleDefinitionList", "GET", _DEFINITIONS, rights.READ_ROLES, directory_roles.list_definitions, _T),
    Op("DirectoryRoleDefinitionGet", "GET", _DEFINITIONS + "/{role}", rights.READ_ROLES,
       directory_roles.get_definition, _T),
    Op("DirectoryRoleAssignmentList", "GET", _ASSIGNMENTS, rights.READ_ROLES, directory_roles.list_assignments, _T),
    Op("DirectoryRoleAssignmentCreate", "POST", _ASSIGNMENTS, rights.WRITE_ROLES, directory_roles.create_assignment,
       _T, success=201, body=RoleAssignmentBody),
    Op("DirectoryRoleAssignmentGet", "GET", _ASSIGNMENTS + "/{assignment}", rights.READ_ROLES,
       directory_roles.get_assignment, _T),
    Op("DirectoryRoleAssignmentDelete", "DELETE", _ASSIGNMENTS + "/{assignment}", rights.WRITE_ROLES,
       directory_roles.delete_assignment, _T, success=204),
    Op("PermissionGrantList", "GET", _GRANTS, rights.READ_GRANTS, permission_grants.list_grants, _T),
    Op("PermissionGrantCreate", "POST", _GRANTS, rights.WRITE_GRANTS, permission_grants.create_grant, _T, success=201,
       body=PermissionGrantBody),
    Op("PermissionGrantGet", "GET", _GRANTS + "/{grant}", rights.READ_GRANTS, permission_grants.get_grant, _T),
    Op("PermissionGrantUpdate", "PATCH", _GRANTS + "/{grant}", rights.WRITE_GRANTS, permission_grants.update_grant, _T,
       success=204, body=GrantChangeBody),
    Op("PermissionGrantDelete", "DELETE", _GRANTS + "/{grant}", rights.WRITE_GRANTS, permission_grants.delete_grant,
       _T, success=204),
)  # fmt: skip

OPERATIONS: tuple[Op, ...] = (
    *(row for key in (*_ANY_OBJECT, ("Me", _ME)) for row in _membership_rows(*key)),
    *(row for key in (*_ANY_OBJECT[:3], ("Me", _ME)) for row in _member_of_rows(*key)),
    *(row for key in (_ANY_OBJECT[0], _ANY_OBJECT[2], ("Me", _ME)) for row in _owned_rows(*key)),
    *_owner_rows("Application", _APPLICATION, Application, rights.READ_APPLICATIONS, rights.WRITE_APPLICATIONS),
    *_owner_rows(
        "ApplicationByAppId", _APPLICATION_BY_APP_ID, Application, rights.READ_APPLICATIONS, rights.WRITE_APPLICATIONS
    ),
    *_owner_rows(
        "ServicePrincipal", _SERVICE_PRINCIPAL, ServicePrincipal, rights.READ_APPLICATIONS, rights.WRITE_APPLICATIONS
    ),
    *_owner_rows("Group", _GROUP, Group, rights.READ_GROUPS, rights.WRITE_GROUPS),
    *(row for key in _ANY_OBJECT[:3] for row in _held_rows(*key)),
    *_given_rows("", _SERVICE_PRINCIPAL),
    *_given_rows("ByAppId", _SERVICE_PRINCIPAL_BY_APP_ID),
    *(row for key in _ROLE_KEYS for row in _role_rows(*key)),
    *_FLAT,
)
