"""
Role-based access control: role definitions, role assignments and deny assignments. `core.grants` evaluates them.

Facts from reference azure-key-vault.md sections 3.4 and 3.5.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import ClassVar

from strongroom.core.identity import PrincipalType
from strongroom.core.records import Record, record, tenant_partition


def scope_key(scope: str) -> str:
    """Give a scope in the form in which scopes are compared: lower case, no slash at the end; the root is empty."""
    return scope.rstrip("/").lower()


def root_of(scope: str, roots: Container[str]) -> str | None:
    """Find which of *roots*, in the form of `scope_key`, a scope is or is below, the nearest; None if it is none."""
    key = scope_key(scope)
    while key:
        if key in roots:
            return key
        key = key[: key.rfind("/")]
    return None


@record
@dataclass(frozen=True, slots=True)
class RoleDefinition(Record):
    """A role: wildcarded actions it grants, less those it takes back. Built-in ones are in `core.builtin_roles`."""

    KIND: ClassVar[str] = "role_definition"
    id: str
    """The role's GUID, lower case."""
    tenant: str
    """Empty for built-in roles, which are never stored."""
    name: str
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)
    built_in: bool = False
    condition: str | None = None
    """What a built-in role limits itself by, such as Key Vault Data Access Administrator (`core.conditions`)."""
    condition_version: str | None = None
    created: int = 0
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class RoleAssignment(Record):
    """A role given to a principal over a scope and everything below it."""

    KIND: ClassVar[str] = "role_assignment"
    id: str
    """The assignment's GUID, lower case."""
    tenant: str
    scope: str
    role: str
    """The role definition's GUID, lower case."""
    principal: str
    principal_type: PrincipalType
    created: int
    created_by: str = ""
    description: str | None = None
    condition: str | None = None
    condition_version: str | None = None
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """Scope, role and principal together."""
        # ARM refuses a second assignment of the same role to the same principal at the same scope.
        return (f"role_assignment:{self.scope.lower()}|{self.role}|{self.principal}",)

    @property
    def arm_id(self) -> str:
        """The assignment's ARM id."""
        scope = "" if self.scope == "/" else self.scope
        return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{self.id}"


EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal of a deny assignment that means everyone."""


@record
@dataclass(frozen=True, slots=True)
class DenyAssignment(Record):
    """
    Actions taken from principals over a scope, whatever roles they have. A matching one always wins.

    Azure lets nobody but the platform make one; here whoever has the right may (ADR 14).
    """

    KIND: ClassVar[str] = "deny_assignment"
    id: str
    """The deny assignment's GUID, lower case."""
    tenant: str
    scope: str
    name: str
    created: int
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    """Object ids, lower case, or `EVERYONE`."""
    exclude_principals: tuple[str, ...] = ()
    """Object ids of users, groups and service principals that it does not concern."""
    only_here: bool = False
    """`doNotApplyToChildScopes`."""
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""
    condition: str | None = None
    condition_version: str | None = None

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)

    @property
    def arm_id(self) -> str:
        """The deny assignment's ARM id."""
        scope = "" if self.scope == "/" else self.scope
        return f"{scope}/providers/Microsoft.Authorization/denyAssignments/{self.id}"
