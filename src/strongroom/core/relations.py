"""What binds objects of a directory to each other: who owns what, who has which app role, who consented to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strongroom.core.identity import Application, Group, PrincipalType, ServicePrincipal, User
from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class Ownership(Record):
    """User or service principal *owner* owns application, service principal or group *object*."""

    KIND: ClassVar[str] = "ownership"
    id: str
    """`{object}/{owner}`."""
    tenant: str
    object: str
    owner: str

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class AppRoleAssignment(Record):
    """A principal has an app role of a resource: `roles` in its tokens for that, and of Graph's, a permission there."""

    KIND: ClassVar[str] = "app_role_assignment"
    id: str
    tenant: str
    app_role: str
    """The role's id; 00000000-0000-0000-0000-000000000000 is access without a role."""
    principal: str
    principal_type: PrincipalType
    resource: str
    """The object id of the resource's service principal."""
    created: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class PermissionGrant(Record):
    """A client may ask for these delegated permissions of a resource for one user, or for all of them: consent."""

    KIND: ClassVar[str] = "permission_grant"
    id: str
    tenant: str
    client: str
    """The object id of the client's service principal."""
    principal: str | None
    """The user who consented; None: an administrator did for everybody."""
    resource: str
    """The object id of the resource's service principal."""
    scopes: tuple[str, ...]
    """Words of `scp`."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """There is one for each client, user and resource."""
        return (f"grant:{self.client}:{self.principal or ''}:{self.resource}",)


@record
@dataclass(frozen=True, slots=True)
class DeletedObject(Record):
    """
    An object that was deleted and can be restored.

    It is kept inside, out of reach of whoever looks for it: neither sign-in nor any right finds it. Memberships,
    ownerships and credentials stay where they are and mean nothing without it; rights over the directory are gone.
    Exactly one of the last four is given.
    """

    KIND: ClassVar[str] = "deleted_object"
    id: str
    """The object's own."""
    tenant: str
    deleted: int
    user: User | None = None
    group: Group | None = None
    application: Application | None = None
    service_principal: ServicePrincipal | None = None

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def inner(self) -> User | Group | Application | ServicePrincipal:
        """
        The object as it was.

        Raises:
            ValueError: there is none in it.
        """
        found = self.user or self.group or self.application or self.service_principal
        if found is None:
            msg = f"the deleted object {self.id} is empty"
            raise ValueError(msg)
        return found
