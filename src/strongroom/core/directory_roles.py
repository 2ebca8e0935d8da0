"""
What gives rights over a tenant's directory: directory roles, and application permissions of Microsoft Graph.

Both are closed tables of Entra's own ids. A right has the name of the Graph permission that an operation's row
requires. What is given includes what it implies: whoever may write may read.

Nobody raises anybody above himself: see `power_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
OWNED_APPLICATIONS = "Application.ReadWrite.OwnedBy"
"""To make applications, and to manage those that one owns."""
ASSIGNS_ROLES = "RoleManagement.ReadWrite.Directory"
_READS_METHODS, _WRITES_METHODS = "UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"
"""Over what users sign in with; to read it is no part of reading a directory."""
_READS_POLICIES = "Policy.Read.All"
_WRITES_POLICIES = "Policy.ReadWrite.ConditionalAccess"

_READS = frozenset(
    {
        "Application.Read.All",
        "Directory.Read.All",
        "Domain.Read.All",
        "Group.Read.All",
        "GroupMember.Read.All",
        "Organization.Read.All",
        "RoleManagement.Read.Directory",
        "User.Read.All",
        "User.ReadBasic.All",
    }
)
_WRITES_USERS = frozenset({"User.Read.All", "User.ReadBasic.All", "User.RevokeSessions.All"})
_IMPLIED: Mapping[str, frozenset[str]] = {
    "AppRoleAssignment.ReadWrite.All": frozenset({"Application.Read.All"}),
    "Application.ReadWrite.All": frozenset({"Application.Read.All", OWNED_APPLICATIONS}),
    OWNED_APPLICATIONS: frozenset({"Application.Read.All"}),
    "DelegatedPermissionGrant.ReadWrite.All": frozenset({"Application.Read.All"}),
    "Directory.Read.All": _READS,
    "Directory.ReadWrite.All": _READS
    | _WRITES_USERS
    | {"Group.ReadWrite.All", "GroupMember.ReadWrite.All", "User.ReadWrite.All"},
    "Group.Read.All": frozenset({"GroupMember.Read.All"}),
    "Group.ReadWrite.All": frozenset({"Group.Read.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All"}),
    "GroupMember.ReadWrite.All": frozenset({"GroupMember.Read.All"}),
    _WRITES_POLICIES: frozenset({_READS_POLICIES}),
    ASSIGNS_ROLES: frozenset({"RoleManagement.Read.Directory"}),
    "User.Read.All": frozenset({"User.ReadBasic.All"}),
    "User.ReadWrite.All": _WRITES_USERS,
    _WRITES_METHODS: frozenset({_READS_METHODS}),
}


def with_implied(*names: str) -> frozenset[str]:
    """Give rights with all that they imply: whoever may write may read."""
    return frozenset(names).union(*(_IMPLIED.get(name, frozenset()) for name in names))


@dataclass(frozen=True, slots=True)
class ApplicationPermission:
    """An app role of Microsoft Graph: what a service principal may do without a user."""

    name: str
    display_name: str

    @property
    def gives(self) -> frozenset[str]:
        """The names of the rights that it gives, its own among them."""
        return with_implied(self.name)


APPLICATION_PERMISSIONS: Mapping[str, ApplicationPermission] = {
    id_: ApplicationPermission(name, text)
    for id_, name, text in (
        ("06b708a9-e830-4db3-a914-8e69da51d44f", "AppRoleAssignment.ReadWrite.All",
         "Manage app role assignments"),
        ("9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30", "Application.Read.All", "Read all applications"),
        ("1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", "Application.ReadWrite.All", "Read and write all applications"),
        ("18a4783c-866b-4cc7-a460-3d5e5662c884", OWNED_APPLICATIONS, "Manage apps that this app creates or owns"),
        ("8e8e4742-1d95-4f68-9d56-6ee75648c72a", "DelegatedPermissionGrant.ReadWrite.All",
         "Manage all delegated permission grants"),
        ("7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All", "Read directory data"),
        ("19dbc75e-c2e2-444c-a770-ec69d8559fc7", "Directory.ReadWrite.All", "Read and write directory data"),
        ("dbb9058a-0e50-45d7-ae91-66909b5d4664", "Domain.Read.All", "Read domains"),
        ("5b567255-7703-4780-807c-7be8301ae99b", "Group.Read.All", "Read all groups"),
        ("62a82d76-70ea-41e2-9197-370581804d09", "Group.ReadWrite.All", "Read and write all groups"),
        ("98830695-27a2-44f7-8c18-0c3ebc9698f6", "GroupMember.Read.All", "Read all group memberships"),
        ("dbaae8cf-10b5-4b86-a4a1-f871c94c6695", "GroupMember.ReadWrite.All", "Read and write all group memberships"),
        ("498476ce-e0fe-48b0-b801-37ba7e2685c6", "Organization.Read.All", "Read organization information"),
        ("246dd0d5-5bd0-4def-940b-0421030a5b68", _READS_POLICIES, "Read your organization's policies"),
        ("01c0a623-fc9b-48e9-b794-0756f8e8f067", _WRITES_POLICIES,
         "Read and write your organization's conditional access policies"),
        ("483bed4a-2ad3-4361-a73b-c83ccdbdc53c", "RoleManagement.Read.Directory", "Read all directory RBAC settings"),
        ("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", ASSIGNS_ROLES, "Read and write all directory RBAC settings"),
        ("cc117bb9-00cf-4eb8-b580-ea2a878fe8f7", "User-PasswordProfile.ReadWrite.All",
         "Read and write all password profiles and reset user passwords"),
        ("df021288-bdef-4463-88db-98f22de89214", "User.Read.All", "Read all users' full profiles"),
        ("97235f07-e226-4f63-ace3-39588e11d3a1", "User.ReadBasic.All", "Read all users' basic profiles"),
        ("741f803b-c850-494e-b5df-cde7c675a1ca", "User.ReadWrite.All", "Read and write all users' full profiles"),
        ("77f3a031-c388-4f99-b373-dc68676a979e", "User.RevokeSessions.All", "Revoke all sign in sessions for a user"),
        ("38d9df27-64da-44fd-b7c5-a6fbac20248f", _READS_METHODS, "Read all users' authentication methods"),
        ("50483e42-d915-4231-9639-7fdb7fd190e5", _WRITES_METHODS, "Read and write all users' authentication methods"),
    )
}  # fmt: skip
"""The app roles of Microsoft Graph that give anything here, by id (Microsoft Graph permissions reference)."""

EVERYTHING: frozenset[str] = frozenset().union(*(one.gives for one in APPLICATION_PERMISSIONS.values()))
"""Every right over a directory that there is."""


@dataclass(frozen=True, slots=True)
class DirectoryRole:
    """A role over a whole directory. Every one gives the right to read it."""

    name: str
    description: str
    gives: frozenset[str]


_APPLICATION_ADMINISTRATOR = with_implied(
    "Directory.Read.All",
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
)
_READER = with_implied("Directory.Read.All")
_AUTHENTICATION_ADMINISTRATOR = with_implied("Directory.Read.All", _WRITES_METHODS)
_POLICIES = with_implied("Directory.Read.All", _WRITES_POLICIES)

DIRECTORY_ROLES: Mapping[str, DirectoryRole] = {
    GLOBAL_ADMINISTRATOR: DirectoryRole("Global Administrator", "Can manage all of the directory.", EVERYTHING),
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": DirectoryRole(
        "Global Reader",
        "Can read everything that a Global Administrator can, and change nothing.",
        _READER | {_READS_METHODS, _READS_POLICIES},
    ),
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": DirectoryRole(
        "Directory Readers", "Can read the directory; for applications and guests.", _READER
    ),
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": DirectoryRole(
        "Application Administrator", "Can manage applications and service principals.", _APPLICATION_ADMINISTRATOR
    ),
    "158c047a-c907-4556-b7ef-446551a6b5f7": DirectoryRole(
        "Cloud Application Administrator", "Can manage applications and service principals.", _APPLICATION_ADMINISTRATOR
    ),
    "fe930be7-5e62-47db-91af-98c3a49a38b1": DirectoryRole(
        "User Administrator",
        "Can manage users and groups.",
        with_implied(
            "Directory.Read.All", "User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All", "Group.ReadWrite.All"
        ),
    ),
    "fdd7a751-b60b-444a-984c-02652fe8fa1c": DirectoryRole(
        "Groups Administrator",
        "Can manage groups.",
        with_implied("Directory.Read.All", "Group.ReadWrite.All"),
    ),
    "e8611ab8-c189-46e8-94e1-60213ab1f814": DirectoryRole(
        "Privileged Role Administrator",
        "Can manage role assignments in the directory.",
        with_implied("Directory.Read.All", ASSIGNS_ROLES, "AppRoleAssignment.ReadWrite.All"),
    ),
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": DirectoryRole(
        "Authentication Administrator",
        "Can manage the authentication methods of users without more power than its own.",
        _AUTHENTICATION_ADMINISTRATOR,
    ),
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": DirectoryRole(
        "Privileged Authentication Administrator",
        "Can manage the authentication methods of users without more power than its own.",
        _AUTHENTICATION_ADMINISTRATOR,
    ),
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": DirectoryRole(
        "Conditional Access Administrator", "Can manage conditional access policies and named locations.", _POLICIES
    ),
    "194ae4cb-b126-40b2-bd5b-6091b380977d": DirectoryRole(
        "Security Administrator", "Can manage conditional access policies and named locations.", _POLICIES
    ),
    "5d6b6bb7-de71-4623-b4af-96380a352509": DirectoryRole(
        "Security Reader", "Can read conditional access policies and named locations.", _READER | {_READS_POLICIES}
    ),
}
"""The roles that give anything here, by template id; the first that a principal holds is the evidence."""


def role_that_gives(held: Iterable[str], right: str) -> str | None:
    """Find the role among those *held* that gives its holder a right over the directory; None if there is none."""
    roles = frozenset(held)
    return next((id_ for id_, role in DIRECTORY_ROLES.items() if id_ in roles and right in role.gives), None)


def permission_that_gives(held: Iterable[str], right: str) -> str | None:
    """Find the application permission among the ids *held* that gives a right; its name, or None."""
    permissions = frozenset(held)
    return next(
        (one.name for id_, one in APPLICATION_PERMISSIONS.items() if id_ in permissions and right in one.gives), None
    )


def power_of(roles: Iterable[str], permissions: Iterable[str], *, user: bool) -> frozenset[str]:
    """
    Tell what somebody with these roles and application permissions could come to do in the directory.

    Whoever assigns roles could assign himself any, so that is everything. A principal is changed, given a credential or
    given a right only by somebody whose power includes what it has then: so no right over credentials, users or
    assignments leads to more than its holder has already (security.md "Tenants, outgoing requests, audit").
    """
    given = frozenset().union(
        *(DIRECTORY_ROLES[id_].gives for id_ in roles if id_ in DIRECTORY_ROLES),
        *(APPLICATION_PERMISSIONS[id_].gives for id_ in permissions if id_ in APPLICATION_PERMISSIONS),
        _READS if user else frozenset(),
    )
    return EVERYTHING if ASSIGNS_ROLES in given else given
