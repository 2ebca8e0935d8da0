"""ARM's containers, subscriptions and resource groups, and the resources that stand for identities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class ManagementGroup(Record):
    """A management group: subscriptions and groups below it. The tenant's root group is there without a record."""

    KIND: ClassVar[str] = "management_group"
    SCOPE: ClassVar[str] = "/providers/Microsoft.Management/managementGroups/"
    id: str
    """The name, lower case."""
    tenant: str
    name: str
    """The name as its maker spelled it; it cannot be changed."""
    display_name: str
    created: int
    parent: str = ""
    """The parent's id; empty for the tenant's root group."""
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id, which is also the scope of rights over the group."""
        return f"{self.SCOPE}{self.name}"


@record
@dataclass(frozen=True, slots=True)
class Subscription(Record):
    """A subscription, in exactly one tenant."""

    KIND: ClassVar[str] = "subscription"
    id: str
    tenant: str
    display_name: str
    created: int
    management_group: str = ""
    """The id of the management group it is in, which is its lower-case name; empty for the tenant's root group."""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        return (f"subscription:{self.id}",)

    @property
    def scope(self) -> str:
        """The ARM id, which is also the scope of rights over the subscription."""
        return f"/subscriptions/{self.id}"


@record
@dataclass(frozen=True, slots=True)
class ResourceGroup(Record):
    """A resource group. `id` is `{subscription}/{lower-case name}`; `name` is as its first writer spelled it."""

    KIND: ClassVar[str] = "resource_group"
    id: str
    tenant: str
    subscription: str
    name: str
    location: str
    created: int
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id, which is also the scope of rights over the group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"


@record
@dataclass(frozen=True, slots=True)
class UserAssignedIdentity(Record):
    """The ARM resource of a managed identity; its service principal is in the directory."""

    KIND: ClassVar[str] = "user_assigned_identity"
    id: str
    """`{subscription}/{lower-case group}/{lower-case name}`."""
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    client_id: str
    principal_id: str
    created: int
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id: the `xms_mirid` of the identity's tokens."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{self.name}"
        )


@record
@dataclass(frozen=True, slots=True)
class Machine(Record):
    """A machine outside Azure, as Azure Arc knows it: what has a system-assigned identity here, if it has one."""

    KIND: ClassVar[str] = "machine"
    id: str
    """`{subscription}/{lower-case group}/{lower-case name}`."""
    tenant: str
    subscription: str
    resource_group: str
    name: str
    location: str
    vm_id: str
    """The GUID by which Arc tells machines apart; it never changes."""
    created: int
    client_id: str | None = None
    principal_id: str | None = None
    """Its identity's service principal; None without one."""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def scope(self) -> str:
        """The ARM id: the `xms_mirid` of its identity's tokens."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.HybridCompute/machines/{self.name}"
        )


@record
@dataclass(frozen=True, slots=True)
class UnregisteredProvider(Record):
    """That a subscription does without a resource provider: each that is served is registered until one says so."""

    KIND: ClassVar[str] = "unregistered_provider"
    id: str
    """`{subscription}/{lower-case namespace}`."""
    tenant: str
    subscription: str
    namespace: str
    since: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class TagName(Record):
    """A name that a subscription suggests for tags, with values. What has tags need not keep to it."""

    KIND: ClassVar[str] = "tag_name"
    id: str
    """`{subscription}/{lower-case name}`."""
    tenant: str
    subscription: str
    name: str
    created: int
    values: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)
