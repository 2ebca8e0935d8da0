"""
Graph's operations.

Reading a directory is every user's right, and a service principal's with a directory role or application permission
that gives it, as changing it is; what a service principal itself is, it may read without. A client that acts for a user
needs the delegated permission that the row's right names, or one that implies it. Both versions of Graph answer
alike: `{version}` is `v1.0` or `beta`, and the caller's tenant may follow it. What one object is to another is in
`relation_operations`, what users sign in with in `method_operations`.
"""

from __future__ import annotations

from collections.abc import Callable

from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.directory.client_secrets import SecretOwner
from strongroom.flow.call import Call
from strongroom.flow.operation import Op
from strongroom.graph import (
    application_keys,
    applications,
    deleted_items,
    directory_objects,
    federated_credentials,
    groups,
    method_operations,
    organization,
    policy_operations,
    relation_operations,
    rights,
    service_principals,
    user_sign_in,
    userinfo,
    users,
)
from strongroom.graph.objects import directory_target, find_application, find_service_principal, split_tenant
from strongroom.graph.odata import COUNT
from strongroom.graph.passwords import password_handlers
from strongroom.graph.registration import ApplicationBody
from strongroom.graph.wire import (
    AddKeyBody,
    AddPasswordBody,
    ChangePasswordBody,
    FederatedCredentialBody,
    GetByIdsBody,
    GroupBody,
    ReferenceBody,
    RemoveKeyBody,
    RemovePasswordBody,
    ServicePrincipalBody,
    UserBody,
)

_T = directory_target
_APPLICATIONS = "/{version}/applications"
_APPLICATION_KEYS = (("", _APPLICATIONS + "/{id}"), ("ByAppId", "/{version}/applications(appId='{app_id}')"))
_SERVICE_PRINCIPALS = "/{version}/servicePrincipals"
_SERVICE_PRINCIPAL_KEYS = (
    ("", _SERVICE_PRINCIPALS + "/{id}"),
    ("ByAppId", "/{version}/servicePrincipals(appId='{client_id}')"),
)
_USERS = "/{version}/users"
_GROUPS = "/{version}/groups"
_MEMBERS = _GROUPS + "/{id}/members"
_OBJECTS = "/{version}/directoryObjects"
_DELETED = "/{version}/directory/deletedItems"

#        audit name         method   path           requires              handler
_FLAT: tuple[Op, ...] = (
    Op("ApplicationList", "GET", _APPLICATIONS, rights.READ_APPLICATIONS, applications.list_applications, _T),
    Op("ApplicationCreate", "POST", _APPLICATIONS, rights.WRITE_APPLICATIONS, applications.create_application, _T,
       success=201, body=ApplicationBody),
    Op("ServicePrincipalList", "GET", _SERVICE_PRINCIPALS, rights.READ_APPLICATIONS,
       service_principals.list_service_principals, _T),
    Op("ServicePrincipalCreate", "POST", _SERVICE_PRINCIPALS, rights.WRITE_APPLICATIONS,
       service_principals.create_service_principal, _T, success=201, body=ServicePrincipalBody),
    Op("Me", "GET", "/{version}/me", rights.READ_ME, users.get_me, _T),
    Op("UserInfo", "GET", "/oidc/userinfo", rights.READ_USERINFO, userinfo.get_userinfo, userinfo.userinfo_target),
    Op("UserInfoPost", "POST", "/oidc/userinfo", rights.READ_USERINFO, userinfo.get_userinfo,
       userinfo.userinfo_target),
    Op("UserList", "GET", _USERS, rights.READ_BASIC_USERS, users.list_users, _T),
    Op("UserCreate", "POST", _USERS, rights.WRITE_USERS, users.create_user, _T, success=201, body=UserBody),
    Op("UserGet", "GET", _USERS + "/{id}", rights.READ_BASIC_USERS, users.get_user, _T),
    Op("UserUpdate", "PATCH", _USERS + "/{id}", rights.WRITE_USERS, users.update_user, _T, success=204, body=UserBody),
    Op("UserDelete", "DELETE", _USERS + "/{id}", rights.WRITE_USERS, users.delete_user, _T, success=204),
    Op("UserRevokeSessions", "POST", _USERS + "/{id}/revokeSignInSessions", rights.REVOKE_SESSIONS,
       user_sign_in.revoke_of_user, _T),
    Op("MeRevokeSessions", "POST", "/{version}/me/revokeSignInSessions", rights.REVOKE_MY_SESSIONS,
       user_sign_in.revoke_of_me, _T),
    Op("MeChangePassword", "POST", "/{version}/me/changePassword", rights.CHANGE_MY_PASSWORD,
       user_sign_in.change_own_password, _T, success=204, body=ChangePasswordBody),
    Op("GroupList", "GET", _GROUPS, rights.READ_GROUPS, groups.list_groups, _T),
    Op("GroupCreate", "POST", _GROUPS, rights.WRITE_GROUPS, groups.create_group, _T, success=201, body=GroupBody),
    Op("GroupGet", "GET", _GROUPS + "/{id}", rights.READ_GROUPS, groups.get_group, _T),
    Op("GroupUpdate", "PATCH", _GROUPS + "/{id}", rights.WRITE_GROUPS, groups.update_group, _T, success=204,
       body=GroupBody),
    Op("GroupDelete", "DELETE", _GROUPS + "/{id}", rights.WRITE_GROUPS, groups.delete_group, _T, success=204),
    Op("GroupMemberList", "GET", _MEMBERS, rights.READ_MEMBERS, groups.list_members, _T),
    Op("GroupTransitiveMemberList", "GET", _GROUPS + "/{id}/transitiveMembers", rights.READ_MEMBERS,
       groups.list_transitive_members, _T),
    Op("GroupMemberReferenceList", "GET", _MEMBERS + "/$ref", rights.READ_MEMBERS, groups.list_member_references, _T),
    Op("GroupMemberReferenceGet", "GET", _MEMBERS + "/{member}/$ref", rights.READ_MEMBERS,
       groups.get_member_reference, _T),
    Op("GroupMemberAdd", "POST", _MEMBERS + "/$ref", rights.WRITE_MEMBERS, groups.add_member, _T, success=204,
       body=ReferenceBody),
    Op("GroupMemberRemove", "DELETE", _MEMBERS + "/{member}/$ref", rights.WRITE_MEMBERS, groups.remove_member, _T,
       success=204),
    Op("ApplicationCount", "GET", _APPLICATIONS + COUNT, rights.READ_APPLICATIONS, applications.list_applications, _T),
    Op("GroupCount", "GET", _GROUPS + COUNT, rights.READ_GROUPS, groups.list_groups, _T),
    Op("GroupMemberCount", "GET", _MEMBERS + COUNT, rights.READ_MEMBERS, groups.list_members, _T),
    Op("ServicePrincipalCount", "GET", _SERVICE_PRINCIPALS + COUNT, rights.READ_APPLICATIONS,
       service_principals.list_service_principals, _T),
    Op("UserCount", "GET", _USERS + COUNT, rights.READ_BASIC_USERS, users.list_users, _T),
    Op("DirectoryObjectGet", "GET", _OBJECTS + "/{id}", rights.READ_DIRECTORY, directory_objects.get_object, _T),
    Op("DirectoryObjectGetByIds", "POST", _OBJECTS + "/getByIds", rights.READ_DIRECTORY,
       directory_objects.get_by_ids, _T, body=GetByIdsBody),
    Op("DeletedApplicationList", "GET", _DELETED + "/microsoft.graph.application", rights.READ_APPLICATIONS,
       deleted_items.listing(Application), _T),
    Op("DeletedGroupList", "GET", _DELETED + "/microsoft.graph.group", rights.READ_GROUPS,
       deleted_items.listing(Group), _T),
    Op("DeletedServicePrincipalList", "GET", _DELETED + "/microsoft.graph.servicePrincipal", rights.READ_APPLICATIONS,
       deleted_items.listing(ServicePrincipal), _T),
    Op("DeletedUserList", "GET", _DELETED + "/microsoft.graph.user", rights.READ_USERS, deleted_items.listing(User),
       _T),
    Op("DeletedItemGet", "GET", _DELETED + "/{deleted}", rights.READ_DIRECTORY, deleted_items.get_deleted, _T),
    Op("DeletedItemRestore", "POST", _DELETED + "/{deleted}/restore", rights.WRITE_DIRECTORY,
       deleted_items.restore_deleted, _T),
    Op("DeletedItemDelete", "DELETE", _DELETED + "/{deleted}", rights.WRITE_DIRECTORY, deleted_items.delete_deleted,
       _T, success=204),
    Op("OrganizationList", "GET", "/{version}/organization", rights.READ_ORGANIZATION,
       organization.list_organizations, _T),
    Op("OrganizationGet", "GET", "/{version}/organization/{organization}", rights.READ_ORGANIZATION,
       organization.get_organization, _T),
    Op("DomainList", "GET", "/{version}/domains", rights.READ_DOMAINS, organization.list_domains, _T),
    Op("DomainGet", "GET", "/{version}/domains/{domain}", rights.READ_DOMAINS, organization.get_domain, _T),
)  # fmt: skip


def _password_rows(name: str, path: str, find: Callable[[Call], SecretOwner]) -> tuple[Op, ...]:
    add_password, remove_password = password_handlers(find)
    return (
        Op(name.format("Add"), "POST", path + "/addPassword", rights.WRITE_CREDENTIALS, add_password, _T,
           body=AddPasswordBody),
        Op(name.format("Remove"), "POST", path + "/removePassword", rights.WRITE_CREDENTIALS, remove_password, _T,
           success=204, body=RemovePasswordBody),
    )  # fmt: skip


def _application_rows(suffix: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"ApplicationGet{suffix}", "GET", path, rights.READ_APPLICATION, applications.get_application, _T),
        Op(f"ApplicationUpdate{suffix}", "PATCH", path, rights.WRITE_APPLICATIONS, applications.update_application, _T,
           success=204, body=ApplicationBody),
        Op(f"ApplicationDelete{suffix}", "DELETE", path, rights.WRITE_APPLICATIONS, applications.delete_application, _T,
           success=204),
        *_password_rows(f"Application{{}}Password{suffix}", path, find_application),
        Op(f"ApplicationAddKey{suffix}", "POST", path + "/addKey", rights.ROLL_CREDENTIALS,
           application_keys.add_key, _T, body=AddKeyBody),
        Op(f"ApplicationRemoveKey{suffix}", "POST", path + "/removeKey", rights.ROLL_CREDENTIALS,
           application_keys.remove_key, _T, success=204, body=RemoveKeyBody),
    )  # fmt: skip


def _federation_rows(suffix: str, path: str) -> tuple[Op, ...]:
    every, one = path + "/federatedIdentityCredentials", path + "/federatedIdentityCredentials/{credential}"
    return (
        Op(f"FederatedCredentialList{suffix}", "GET", every, rights.READ_APPLICATIONS,
           federated_credentials.list_credentials, _T),
        Op(f"FederatedCredentialCreate{suffix}", "POST", every, rights.WRITE_CREDENTIALS,
           federated_credentials.create_credential, _T, success=201, body=FederatedCredentialBody),
        Op(f"FederatedCredentialGet{suffix}", "GET", one, rights.READ_APPLICATIONS,
           federated_credentials.get_credential, _T),
        Op(f"FederatedCredentialUpdate{suffix}", "PATCH", one, rights.WRITE_CREDENTIALS,
           federated_credentials.update_credential, _T, success=204, body=FederatedCredentialBody),
        Op(f"FederatedCredentialDelete{suffix}", "DELETE", one, rights.WRITE_CREDENTIALS,
           federated_credentials.delete_credential, _T, success=204),
    )  # fmt: skip


def _service_principal_rows(suffix: str, path: str) -> tuple[Op, ...]:
    return (
        Op(f"ServicePrincipalGet{suffix}", "GET", path, rights.READ_APPLICATION,
           service_principals.get_service_principal, _T),
        Op(f"ServicePrincipalUpdate{suffix}", "PATCH", path, rights.WRITE_APPLICATIONS,
           service_principals.update_service_principal, _T, success=204, body=ServicePrincipalBody),
        Op(f"ServicePrincipalDelete{suffix}", "DELETE", path, rights.WRITE_APPLICATIONS,
           service_principals.delete_service_principal, _T, success=204),
        *_password_rows(f"ServicePrincipal{{}}Password{suffix}", path, find_service_principal),
    )  # fmt: skip


__all__ = ["OPERATIONS", "split_tenant"]

OPERATIONS: tuple[Op, ...] = (
    *_FLAT,
    *(row for key in _APPLICATION_KEYS for row in _application_rows(*key)),
    *(row for key in _APPLICATION_KEYS for row in _federation_rows(*key)),
    *(row for key in _SERVICE_PRINCIPAL_KEYS for row in _service_principal_rows(*key)),
    *relation_operations.OPERATIONS,
    *method_operations.OPERATIONS,
    *policy_operations.OPERATIONS,
)
