"""
Graph's operations.

Reading a directory is every user's right, and a service principal's with a directory role that gives it, as changing it
is; what a service principal itself is, it may read without. Both versions of Graph answer alike: `{version}` is `v1.0`
or `beta`.
"""

from __future__ import annotations

from strongroom.core.permissions import Authenticated, DirectoryPermission
from strongroom.flow.operation import Op
from strongroom.graph import applications, directory_objects, groups, service_principals, users
from strongroom.graph.objects import directory_target
from strongroom.graph.registration import ApplicationBody
from strongroom.graph.wire import (
    AddPasswordBody,
    CheckMemberGroupsBody,
    GetByIdsBody,
    GroupBody,
    MemberObjectsBody,
    ReferenceBody,
    RemovePasswordBody,
    ServicePrincipalBody,
    UserBody,
)

_READ_APPLICATIONS = DirectoryPermission("Application.Read.All", write=False)
_READ_APPLICATION = DirectoryPermission("Application.Read.All", write=False, itself=True)
_WRITE_APPLICATIONS = DirectoryPermission("Application.ReadWrite.All", write=True)
_READ_USERS = DirectoryPermission("User.Read.All", write=False)
_WRITE_USERS = DirectoryPermission("User.ReadWrite.All", write=True)
_READ_GROUPS = DirectoryPermission("Group.Read.All", write=False)
_WRITE_GROUPS = DirectoryPermission("Group.ReadWrite.All", write=True)
_READ_DIRECTORY = DirectoryPermission("Directory.Read.All", write=False)

_T = directory_target
_APPLICATIONS = "/{version}/applications"
_APPLICATION_KEYS = (("", _APPLICATIONS + "/{id}"), ("ByAppId", "/{version}/applications(appId='{app_id}')"))
_SERVICE_PRINCIPALS = "/{version}/servicePrincipals"
_SERVICE_PRINCIPAL_KEYS = (
    ("", _SERVICE_PRINCIPALS + "/{id}"),
    ("ByAppId", "/{version}/servicePrincipals(appId='{app_id}')"),
)
_USERS = "/{version}/users"
_GROUPS = "/{version}/groups"
_MEMBERS = _GROUPS + "/{id}/members"
_OBJECTS = "/{version}/directoryObjects"
_ANY_OBJECT = (
    ("User", _USERS + "/{id}"),
    ("Group", _GROUPS + "/{id}"),
    ("ServicePrincipal", _SERVICE_PRINCIPALS + "/{id}"),
    ("DirectoryObject", _OBJECTS + "/{id}"),
)

#        audit name         method   path           requires              handler
_FLAT: tuple[Op, ...] = (
    Op("ApplicationList", "GET", _APPLICATIONS, _READ_APPLICATIONS, applications.list_applications, _T),
    Op("ApplicationCreate", "POST", _APPLICATIONS, _WRITE_APPLICATIONS, applications.create_application, _T,
       success=201, body=ApplicationBody),
    Op("ServicePrincipalList", "GET", _SERVICE_PRINCIPALS, _READ_APPLICATIONS,
       service_principals.list_service_principals, _T),
    Op("ServicePrincipalCreate", "POST", _SERVICE_PRINCIPALS, _WRITE_APPLICATIONS,
       service_principals.create_service_principal, _T, success=201, body=ServicePrincipalBody),
    Op("Me", "GET", "/{version}/me", Authenticated(), users.get_me, _T),
    Op("UserList", "GET", _USERS, _READ_USERS, users.list_users, _T),
    Op("UserCreate", "POST", _USERS, _WRITE_USERS, users.create_user, _T, success=201, body=UserBody),
    Op("UserGet", "GET", _USERS + "/{id}", _READ_USERS, users.get_user, _T),
    Op("UserUpdate", "PATCH", _USERS + "/{id}", _WRITE_USERS, users.update_user, _T, success=204, body=UserBody),
    Op("UserDelete", "DELETE", _USERS + "/{id}", _WRITE_USERS, users.delete_user, _T, success=204),
    Op("GroupList", "GET", _GROUPS, _READ_GROUPS, groups.list_groups, _T),
    Op("GroupCreate", "POST", _GROUPS, _WRITE_GROUPS, groups.create_group, _T, success=201, body=GroupBody),
    Op("GroupGet", "GET", _GROUPS + "/{id}", _READ_GROUPS, groups.get_group, _T),
    Op("GroupUpdate", "PATCH", _GROUPS + "/{id}", _WRITE_GROUPS, groups.update_group, _T, success=204, body=GroupBody),
    Op("GroupDelete", "DELETE", _GROUPS + "/{id}", _WRITE_GROUPS, groups.delete_group, _T, success=204),
    Op("GroupMemberList", "GET", _MEMBERS, _READ_GROUPS, groups.list_members, _T),
    Op("GroupTransitiveMemberList", "GET", _GROUPS + "/{id}/transitiveMembers", _READ_GROUPS,
       groups.list_transitive_members, _T),
    Op("GroupMemberAdd", "POST", _MEMBERS + "/$ref", _WRITE_GROUPS, groups.add_member, _T, success=204,
       body=ReferenceBody),
    Op("GroupMemberRemove", "DELETE", _MEMBERS + "/{member}/$ref", _WRITE_GROUPS, groups.remove_member, _T,
       success=204),
    Op("DirectoryObjectGet", "GET", _OBJECTS + "/{id}", _READ_DIRECTORY, directory_objects.get_object, _T),
    Op("DirectoryObjectGetByIds", "POST", _OBJECTS + "/getByIds", _READ_DIRECTORY, directory_objects.get_by_ids, _T,
       body=GetByIdsBody),
)  # fmt: skip


def _application_rows(suffix: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"ApplicationGet{suffix}", "GET", path, _READ_APPLICATION, applications.get_application, _T),
        Op(f"ApplicationUpdate{suffix}", "PATCH", path, _WRITE_APPLICATIONS, applications.update_application, _T,
           success=204, body=ApplicationBody),
        Op(f"ApplicationDelete{suffix}", "DELETE", path, _WRITE_APPLICATIONS, applications.delete_application, _T,
           success=204),
        Op(f"ApplicationAddPassword{suffix}", "POST", path + "/addPassword", _WRITE_APPLICATIONS,
           applications.add_password, _T, body=AddPasswordBody),
        Op(f"ApplicationRemovePassword{suffix}", "POST", path + "/removePassword", _WRITE_APPLICATIONS,
           applications.remove_password, _T, success=204, body=RemovePasswordBody),
    )  # fmt: skip


def _service_principal_rows(suffix: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"ServicePrincipalGet{suffix}", "GET", path, _READ_APPLICATION,
           service_principals.get_service_principal, _T),
        Op(f"ServicePrincipalUpdate{suffix}", "PATCH", path, _WRITE_APPLICATIONS,
           service_principals.update_service_principal, _T, success=204, body=ServicePrincipalBody),
        Op(f"ServicePrincipalDelete{suffix}", "DELETE", path, _WRITE_APPLICATIONS,
           service_principals.delete_service_principal, _T, success=204),
    )  # fmt: skip


def _membership_rows(kind: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"{kind}GetMemberGroups", "POST", path + "/getMemberGroups", _READ_DIRECTORY,
           directory_objects.get_member_groups, _T, body=MemberObjectsBody),
        Op(f"{kind}GetMemberObjects", "POST", path + "/getMemberObjects", _READ_DIRECTORY,
           directory_objects.get_member_groups, _T, body=MemberObjectsBody),
        Op(f"{kind}CheckMemberGroups", "POST", path + "/checkMemberGroups", _READ_DIRECTORY,
           directory_objects.check_member_groups, _T, body=CheckMemberGroupsBody),
    )  # fmt: skip


OPERATIONS: tuple[Op, ...] = (
    *_FLAT,
    *(row for key in _APPLICATION_KEYS for row in _application_rows(*key)),
    *(row for key in _SERVICE_PRINCIPAL_KEYS for row in _service_principal_rows(*key)),
    *(row for key in _ANY_OBJECT for row in _membership_rows(*key)),
)
