"""The permissions that Graph's rows require, by the names they have in Graph."""

from __future__ import annotations

from strongroom.core.delegated_permissions import OWN_PASSWORD, OWN_PROFILE
from strongroom.core.permissions import Authenticated, DirectoryPermission

READ_APPLICATIONS = DirectoryPermission("Application.Read.All", write=False)
READ_APPLICATION = DirectoryPermission("Application.Read.All", write=False, itself=True)
WRITE_APPLICATIONS = DirectoryPermission("Application.ReadWrite.All", write=True, owned=True)
WRITE_CREDENTIALS = DirectoryPermission("Application.ReadWrite.All", write=True, owner=True, owned=True)
"""Of an application or service principal: its owners have it too."""
ROLL_CREDENTIALS = DirectoryPermission("Application.ReadWrite.All", write=True, itself=True, owner=True, owned=True)
"""With a proof besides, which only who has the private key of a registered certificate can make."""
ASSIGN_APP_ROLES = DirectoryPermission("AppRoleAssignment.ReadWrite.All", write=True)
READ_USERS = DirectoryPermission("User.Read.All", write=False)
WRITE_USERS = DirectoryPermission("User.ReadWrite.All", write=True)
READ_BASIC_USERS = DirectoryPermission("User.ReadBasic.All", write=False)
"""Of a user the names and the address alone, for whoever has not `READ_USERS`."""
WRITE_PASSWORDS = DirectoryPermission("User-PasswordProfile.ReadWrite.All", write=True)
REVOKE_SESSIONS = DirectoryPermission("User.RevokeSessions.All", write=True)
READ_USERINFO = Authenticated("openid")
READ_ME = Authenticated(OWN_PROFILE)
CHANGE_MY_PASSWORD = Authenticated(OWN_PASSWORD)
REVOKE_MY_SESSIONS = Authenticated("User.RevokeSessions.All")
READ_MY_GRANTS = Authenticated("Directory.Read.All")
READ_METHODS = DirectoryPermission("UserAuthenticationMethod.Read.All", write=False, personal=True)
WRITE_METHODS = DirectoryPermission("UserAuthenticationMethod.ReadWrite.All", write=True, personal=True)
"""What users sign in with. Their own they remove if they showed a second factor a moment ago."""
READ_GROUPS = DirectoryPermission("Group.Read.All", write=False)
WRITE_GROUPS = DirectoryPermission("Group.ReadWrite.All", write=True)
READ_MEMBERS = DirectoryPermission("GroupMember.Read.All", write=False)
WRITE_MEMBERS = DirectoryPermission("GroupMember.ReadWrite.All", write=True)
READ_DIRECTORY = DirectoryPermission("Directory.Read.All", write=False)
WRITE_DIRECTORY = DirectoryPermission("Directory.ReadWrite.All", write=True)
READ_ROLES = DirectoryPermission("RoleManagement.Read.Directory", write=False)
WRITE_ROLES = DirectoryPermission("RoleManagement.ReadWrite.Directory", write=True)
READ_GRANTS = DirectoryPermission("Directory.Read.All", write=False)
WRITE_GRANTS = DirectoryPermission("DelegatedPermissionGrant.ReadWrite.All", write=True)
READ_ORGANIZATION = DirectoryPermission("Organization.Read.All", write=False)
READ_DOMAINS = DirectoryPermission("Domain.Read.All", write=False)
READ_POLICIES = DirectoryPermission("Policy.Read.All", write=False, confidential=True)
"""What keeps people out is no more everybody's business than it is in Entra."""
WRITE_POLICIES = DirectoryPermission("Policy.ReadWrite.ConditionalAccess", write=True)
