"""
What requests about rights carry: roles, denials and management groups (inventory of azure-mgmt-authorization 4.0.0).

As in `wire`, almost every member is optional, and members we do not know are ignored. Read-only members that clients
send back as they got them are passed over, but for those whose value would be a promise: see the handlers.
"""

from __future__ import annotations

from msgspec import Struct


class RoleAssignmentProperties(Struct, rename="camel"):
    """Who gets which role."""

    role_definition_id: str
    principal_id: str
    principal_type: str | None = None
    description: str | None = None
    condition: str | None = None
    condition_version: str | None = None
    delegated_managed_identity_resource_id: str | None = None


class RoleAssignmentCreateParameters(Struct, rename="camel"):
    """The body of PUT role assignment."""

    properties: RoleAssignmentProperties


class Permission(Struct, rename="camel"):
    """What is granted, or taken away."""

    actions: list[str] | None = None
    not_actions: list[str] | None = None
    data_actions: list[str] | None = None
    not_data_actions: list[str] | None = None
    condition: str | None = None
    condition_version: str | None = None


class RoleDefinitionProperties(Struct, rename="camel"):
    """What a custom role is."""

    role_name: str | None = None
    description: str | None = None
    type: str | None = None
    permissions: list[Permission] | None = None
    assignable_scopes: list[str] | None = None


class RoleDefinition(Struct, rename="camel"):
    """The body of PUT role definition."""

    properties: RoleDefinitionProperties


class Principal(Struct, rename="camel"):
    """A principal that a denial names."""

    id: str
    type: str | None = None


class DenyAssignmentProperties(Struct, rename="camel"):
    """Whom a denial takes what."""

    deny_assignment_name: str | None = None
    description: str | None = None
    permissions: list[Permission] | None = None
    scope: str | None = None
    do_not_apply_to_child_scopes: bool | None = None
    principals: list[Principal] | None = None
    exclude_principals: list[Principal] | None = None
    is_system_protected: bool | None = None
    condition: str | None = None
    condition_version: str | None = None


class DenyAssignment(Struct, rename="camel"):
    """The body of PUT deny assignment."""

    properties: DenyAssignmentProperties


class ParentGroup(Struct, rename="camel"):
    """The management group that another one is in, by its ARM id."""

    id: str | None = None


class ManagementGroupDetails(Struct, rename="camel"):
    """Where a management group is."""

    parent: ParentGroup | None = None


class ManagementGroupProperties(Struct, rename="camel"):
    """What a management group is."""

    tenant_id: str | None = None
    display_name: str | None = None
    details: ManagementGroupDetails | None = None


class ManagementGroup(Struct, rename="camel"):
    """The body of PUT management group."""

    name: str | None = None
    properties: ManagementGroupProperties | None = None


class ManagementGroupPatch(Struct, rename="camel"):
    """The body of PATCH management group."""

    display_name: str | None = None
    parent_group_id: str | None = None


class LockOwner(Struct, rename="camel"):
    """An owner of a lock."""

    application_id: str


class ManagementLockProperties(Struct, rename="camel"):
    """What a lock keeps people from."""

    level: str
    notes: str | None = None
    owners: list[LockOwner] | None = None


class ManagementLock(Struct, rename="camel"):
    """The body of PUT lock."""

    properties: ManagementLockProperties
