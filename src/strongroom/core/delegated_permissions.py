"""
What a client may do in a user's name: the delegated permissions of Microsoft Graph, a closed table of Entra's own ids.

A user's token does what the user may do, and of that no more than its `scp` allows. Both sides are asked in the same
words: a right has the name of the Graph permission that an operation's row requires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from strongroom.core.directory_roles import ASSIGNS_ROLES, EVERYTHING, with_implied

AS_USER = "Directory.AccessAsUser.All"
"""Whatever the user may do."""
OWN_PROFILE = "User.Read"
OWN_PASSWORD = AS_USER
"""To change the user's own password: Graph has no narrower permission for it."""

_OPENID_WORDS = frozenset({"openid", "profile", "email", "offline_access"})
"""What a client learns of its user, which no right of the user's gives."""
_OWN_PROFILE_TOO = frozenset(
    {
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "User.Read.All",
        "User.ReadBasic.All",
        "User.ReadWrite.All",
    }
)
"""Whoever may read everybody may read the user."""


@dataclass(frozen=True, slots=True)
class DelegatedPermission:
    """A delegated permission of Microsoft Graph."""

    name: str
    display_name: str
    admin: bool = True
    """Whether only an administrator can consent to it."""

    def allows(self, right: str) -> bool:
        """Tell whether a client that has it may use a right of its user."""
        if self.name == AS_USER:
            return right not in _OPENID_WORDS
        if self.name == right:
            return True
        return right in with_implied(self.name) or (right == OWN_PROFILE and self.name in _OWN_PROFILE_TOO)


DELEGATED_PERMISSIONS: Mapping[str, DelegatedPermission] = {
    id_: DelegatedPermission(name, text, admin=kind == "Admin")
    for id_, name, text, kind in (
        ("84bccea3-f856-4a8a-967b-dbe0a3d53a64", "AppRoleAssignment.ReadWrite.All",
         "Manage app permission grants and app role assignments", "Admin"),
        ("c79f8feb-a9db-4090-85f9-90d820caa0eb", "Application.Read.All", "Read applications", "Admin"),
        ("bdfbf15f-ee85-4955-8675-146e8e5296b5", "Application.ReadWrite.All", "Read and write all applications",
         "Admin"),
        ("41ce6ca6-6826-4807-84f1-1c82854f7ee5", "DelegatedPermissionGrant.ReadWrite.All",
         "Manage all delegated permission grants", "Admin"),
        ("0e263e50-5827-48a4-b97c-d940288653c7", AS_USER, "Access directory as the signed in user", "Admin"),
        ("06da0dbc-49e2-44d2-8312-53f166ab848a", "Directory.Read.All", "Read directory data", "Admin"),
        ("c5366453-9fb0-48a5-a156-24f0c49a4b84", "Directory.ReadWrite.All", "Read and write directory data", "Admin"),
        ("2f9ee017-59c1-4f1d-9472-bd5529a7b311", "Domain.Read.All", "Read domains", "Admin"),
        ("5f8c59db-677d-491f-a6b8-5f174b11ec1d", "Group.Read.All", "Read all groups", "Admin"),
        ("4e46008b-f24c-477d-8fff-7bb4ec7aafe0", "Group.ReadWrite.All", "Read and write all groups", "Admin"),
        ("bc024368-1153-4739-b217-4326f2e966d0", "GroupMember.Read.All", "Read group memberships", "Admin"),
        ("f81125ac-d3b7-4573-a3b2-7099cc39df9e", "GroupMember.ReadWrite.All", "Read and write group memberships",
         "Admin"),
        ("4908d5b9-3fb2-4b1e-9336-1888b7937185", "Organization.Read.All", "Read organization information", "Admin"),
        ("572fea84-0151-49b2-9301-11cb16974376", "Policy.Read.All", "Read your organization's policies", "Admin"),
        ("ad902697-1014-4ef5-81ef-2b4301988e8c", "Policy.ReadWrite.ConditionalAccess",
         "Read and write your organization's conditional access policies", "Admin"),
        ("741c54c3-0c1e-44a1-818b-3f97ab4e8c83", "RoleManagement.Read.Directory", "Read directory RBAC settings",
         "Admin"),
        ("d01b97e9-cbc0-49fe-810a-750afd5527a3", "RoleManagement.ReadWrite.Directory",
         "Read and write directory RBAC settings", "Admin"),
        ("56760768-b641-451f-8906-e1b8ab31bca7", "User-PasswordProfile.ReadWrite.All",
         "Read and write password profiles and reset user passwords", "Admin"),
        ("e1fe6dd8-ba31-4d61-89e7-88639da4683d", OWN_PROFILE, "Sign in and read user profile", "User"),
        ("a154be20-db9c-4678-8ab7-66f6cc099a59", "User.Read.All", "Read all users' full profiles", "Admin"),
        ("b340eb25-3456-403f-be2f-af7a0d370277", "User.ReadBasic.All", "Read all users' basic profiles", "User"),
        ("204e0828-b5ca-4ad8-b9f3-f32a958e7cc4", "User.ReadWrite.All", "Read and write all users' full profiles",
         "Admin"),
        ("fc30e98b-8810-4501-81f5-c20a3196387b", "User.RevokeSessions.All",
         "Revoke all sign in sessions for a user", "Admin"),
        ("37f7f235-527c-4136-accd-4a02d197296e", "openid", "Sign users in", "User"),
        ("14dad69e-099b-42c9-810b-d002981feec1", "profile", "View users' basic profile", "User"),
        ("64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0", "email", "View users' email address", "User"),
        ("7427e0e9-2fba-42fe-b0c0-848c9e6a8182", "offline_access", "Maintain access to data", "User"),
        ("aec28ec7-4d02-4e8c-b864-50163aea77eb", "UserAuthenticationMethod.Read.All",
         "Read all users' authentication methods", "Admin"),
        ("b7887744-6746-4312-813d-72daeaee7e2d", "UserAuthenticationMethod.ReadWrite.All",
         "Read and write all users' authentication methods", "Admin"),
    )
}  # fmt: skip
"""By id (Microsoft Graph permissions reference)."""

_BY_NAME: Mapping[str, DelegatedPermission] = {one.name: one for one in DELEGATED_PERMISSIONS.values()}


def power_of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """
    Tell what a client with these permissions could come to do in the name of whoever may do everything.

    What users consent to for themselves is no power. In the words of `directory_roles.power_of`.
    """
    held = [one for one in (_BY_NAME.get(name) for name in scopes) if one is not None and one.admin]
    rights = frozenset().union(*(with_implied(one.name) for one in held if one.name != AS_USER))
    return EVERYTHING if any(one.name == AS_USER for one in held) or ASSIGNS_ROLES in rights else rights


def delegation_that_allows(scopes: Iterable[str], right: str) -> str | None:
    """Find what among a token's delegated permissions (`scp`) lets its client use a right; its name, or None."""
    held = frozenset(scopes)
    return next((name for name, one in _BY_NAME.items() if name in held and one.allows(right)), None)
