"""All records of the instance with the indexes over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol, TypeVar

from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.changes import Change, EventsRecorded, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.federation import FederatedCredential, TrustedIssuer
from strongroom.core.grants import GrantIndex
from strongroom.core.hierarchy import Hierarchy
from strongroom.core.identity import (
    Application,
    Credential,
    DirectoryRoleAssignment,
    Group,
    Membership,
    ServicePrincipal,
    SigningKey,
    Tenant,
    User,
)
from strongroom.core.identity_providers import IdentityLink
from strongroom.core.networks import EndpointConnection, PrivateEndpoint, TrustedService
from strongroom.core.rbac import DenyAssignment, RoleAssignment, RoleDefinition
from strongroom.core.records import Record, tenant_partition
from strongroom.core.registration import origin_of
from strongroom.core.relations import AppRoleAssignment, Ownership, PermissionGrant
from strongroom.core.resources import (
    Machine,
    ManagementGroup,
    ResourceGroup,
    Subscription,
    UserAssignedIdentity,
)
from strongroom.core.rulings import Compiled
from strongroom.core.second_factors import AuthenticatorApp, SecondFactor, SecurityKey
from strongroom.core.vaults import Vault
from strongroom.view.groups import Memberships
from strongroom.view.index import Collected, Index, Listed
from strongroom.view.networks import Networks

Principal = User | ServicePrincipal | Group
_Rights = RoleDefinition | RoleAssignment | DenyAssignment | ManagementGroup | Subscription
"""What a tenant's `GrantIndex` is made of."""
R = TypeVar("R", bound=Record)


class Following(Protocol):
    """What is kept in step with the records."""

    def add(self, record: Any) -> None:
        """Take in a record."""
        ...

    def remove(self, record: Any) -> None:
        """Take out a record."""
        ...


class Tables:
    """
    The records by kind, partition and id, and every index that a question needs.

    One row of the table below says which indexes follow which kind. A record without an index can still be asked for by
    its place.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, dict[str, Record]]] = {}
        self._listed: dict[tuple[str, str | None], tuple[Record, ...]] = {}
        self._grants: dict[str, GrantIndex] = {}
        self._compiled: dict[str, Compiled] = {}
        self._memberships: dict[str, Memberships] = {}

        self.tenants: Index[str, Tenant] = Index(lambda tenant: (tenant.id.lower(),))
        self.domains: Index[str, Tenant] = Index(lambda tenant: map(str.lower, tenant.domains))
        self.principals: Index[tuple[str, str], Principal] = Index(lambda found: ((found.tenant, found.id),))
        self.users: Index[str, User] = Index(lambda user: (user.user_principal_name.casefold(),))
        self.applications: Index[str, Application] = Index(lambda application: (application.app_id,))
        self.identifier_uris: Listed[str, Application] = Listed(lambda one: map(str.casefold, one.identifier_uris))
        self.spa_origins: Listed[str, Application] = Listed(lambda one: map(origin_of, one.sign_in.spa))
        self.service_principals: Index[tuple[str, str], ServicePrincipal] = Index(
            lambda principal: ((principal.tenant, principal.app_id),)
        )
        self.credentials: Index[str, Credential] = Index(lambda credential: (credential.id,))
        self.owned: Collected[str, Credential] = Collected(lambda credential: credential.owner)
        self.certificates: Collected[str, ClientCertificate] = Collected(lambda certificate: certificate.owner)
        self.federated: Collected[str, FederatedCredential] = Collected(lambda credential: credential.owner)
        self.issuers: Index[str, TrustedIssuer] = Index(lambda issuer: (issuer.id,))
        self.identity_links: Index[tuple[str, str], IdentityLink] = Index(lambda link: ((link.provider, link.subject),))
        self.factors: Index[str, SecondFactor] = Index(lambda factor: (factor.id,))
        self.shown_by: Collected[tuple[str, str], SecondFactor] = Collected(lambda factor: (factor.tenant, factor.user))
        self.held_roles: Collected[tuple[str, str], DirectoryRoleAssignment] = Collected(
            lambda held: (held.tenant, held.principal)
        )
        self.owners: Collected[tuple[str, str], Ownership] = Collected(lambda one: (one.tenant, one.object))
        self.owned_objects: Collected[tuple[str, str], Ownership] = Collected(lambda one: (one.tenant, one.owner))
        self.held_app_roles: Collected[tuple[str, str], AppRoleAssignment] = Collected(
            lambda one: (one.tenant, one.principal)
        )
        self.given_app_roles: Collected[tuple[str, str], AppRoleAssignment] = Collected(
            lambda one: (one.tenant, one.resource)
        )
        self.permission_grants: Collected[tuple[str, str], PermissionGrant] = Collected(
            lambda one: (one.tenant, one.client)
        )
        self.signing_keys: Index[str, SigningKey] = Index(lambda key: (key.id,))
        self.subscriptions: Index[str, Subscription] = Index(lambda subscription: (subscription.id.lower(),))
        self.resource_groups: Index[tuple[str, str], ResourceGroup] = Index(
            lambda group: ((group.subscription.lower(), group.name.lower()),)
        )
        self.identities: Index[tuple[str, str, str], UserAssignedIdentity] = Index(
            lambda one: ((one.subscription.lower(), one.resource_group.lower(), one.name.lower()),)
        )
        self.machines: Index[tuple[str, str, str], Machine] = Index(
            lambda one: ((one.subscription.lower(), one.resource_group.lower(), one.name.lower()),)
        )
        self.private_endpoints: Index[tuple[str, str], PrivateEndpoint] = Index(
            lambda one: ((one.tenant, one.scope.lower()),)
        )
        self.endpoints_in_subnets: Collected[tuple[str, str], PrivateEndpoint] = Collected(
            lambda one: (one.tenant, one.subnet)
        )
        self.endpoint_connections: Collected[tuple[str, str], EndpointConnection] = Collected(
            lambda one: (one.endpoint, one.vault)
        )
        self.vaults: Index[str, Vault] = Index(lambda vault: (vault.id,))
        self.vault_names: Index[str, Vault] = Index(lambda vault: (vault.name.lower(),))
        self.networks = Networks()
        self.trusted_services: Index[tuple[str, str], TrustedService] = Index(
            lambda one: ((one.tenant, one.principal),)
        )

        following: dict[str, tuple[Following, ...]] = {
            Tenant.KIND: (self.tenants, self.domains),
            User.KIND: (self.principals, self.users),
            Group.KIND: (self.principals, _Notice(self._groups_changed)),
            Membership.KIND: (_MembershipsByTenant(self.memberships),),
            Application.KIND: (self.applications, self.identifier_uris, self.spa_origins),
            ServicePrincipal.KIND: (self.principals, self.service_principals),
            Credential.KIND: (self.credentials, self.owned),
            ClientCertificate.KIND: (self.certificates,),
            FederatedCredential.KIND: (self.federated,),
            TrustedIssuer.KIND: (self.issuers,),
            IdentityLink.KIND: (self.identity_links,),
            AuthenticatorApp.KIND: (self.factors, self.shown_by),
            SecurityKey.KIND: (self.factors, self.shown_by),
            DirectoryRoleAssignment.KIND: (self.held_roles,),
            Ownership.KIND: (self.owners, self.owned_objects),
            AppRoleAssignment.KIND: (self.held_app_roles, self.given_app_roles),
            PermissionGrant.KIND: (self.permission_grants,),
            SigningKey.KIND: (self.signing_keys,),
            RoleDefinition.KIND: (_Notice(self._rights_changed),),
            RoleAssignment.KIND: (_Notice(self._rights_changed),),
            DenyAssignment.KIND: (_Notice(self._rights_changed),),
            ManagementGroup.KIND: (_Notice(self._rights_changed),),
            Subscription.KIND: (self.subscriptions, _Notice(self._rights_changed)),
            ResourceGroup.KIND: (self.resource_groups,),
            UserAssignedIdentity.KIND: (self.identities,),
            Machine.KIND: (self.machines,),
            PrivateEndpoint.KIND: (self.private_endpoints, self.endpoints_in_subnets),
            EndpointConnection.KIND: (self.endpoint_connections,),
            Vault.KIND: (self.vaults, self.vault_names),
            TrustedService.KIND: (self.trusted_services,),
        }
        for kind, followers in self.networks.following.items():
            following[kind] = (*following.get(kind, ()), *followers)
        self._following: Mapping[str, tuple[Following, ...]] = following

    # ---- following the changes --------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change]) -> None:
        """Follow changes of records; a record that is put again or removed twice changes nothing more."""
        for change in changes:
            match change:
                case RecordPut(record):
                    self._remove(record.KIND, record.partition, record.id)
                    self._put(record)
                case RecordRemoved(kind, partition, record_id):
                    self._remove(kind, partition, record_id)
                case ObjectChanged() | EventsRecorded():
                    continue

    def _put(self, record: Record) -> None:
        self._kinds.setdefault(record.KIND, {}).setdefault(record.partition, {})[record.id] = record
        for follower in self._following.get(record.KIND, ()):
            follower.add(record)
        self._changed(record.KIND, record.partition)

    def _remove(self, kind: str, partition: str, record_id: str) -> None:
        records = self._kinds.get(kind, {}).get(partition)
        record = None if records is None else records.pop(record_id, None)
        if record is None:
            return
        for follower in self._following.get(kind, ()):
            follower.remove(record)
        self._changed(kind, partition)

    def _changed(self, kind: str, partition: str) -> None:
        self._listed.pop((kind, partition), None)
        self._listed.pop((kind, None), None)

    def _groups_changed(self, group: Group) -> None:
        self.memberships(group.tenant).groups_changed()

    def _rights_changed(self, record: _Rights) -> None:
        outdated = self._grants.pop(record.tenant, None)
        if outdated is not None:
            self._compiled[record.tenant] = outdated.compiled

    # ---- questions --------------------------------------------------------------------------------------------------

    def get(self, kind: str, partition: str, record_id: str) -> Record | None:
        """Return one record, or None."""
        records = self._kinds.get(kind, {}).get(partition)
        return None if records is None else records.get(record_id)

    def all(self, kind: str, partition: str | None) -> tuple[Record, ...]:
        """Return the records of a kind, of one partition or of all, in the order of partition and id."""
        found = self._listed.get((kind, partition))
        if found is None:
            partitions = self._kinds.get(kind, {})
            if partition is not None:
                records = partitions.get(partition)
                if not records:
                    return ()
                found = tuple(records[record_id] for record_id in sorted(records))
            else:
                found = tuple(
                    partitions[name][record_id] for name in sorted(partitions) for record_id in sorted(partitions[name])
                )
            self._listed[kind, partition] = found
        return found

    def each(self, kind: str, partition: str | None) -> tuple[Record, ...]:
        """Return the records of a kind, of one partition or of all, in no order."""
        partitions = self._kinds.get(kind, {})
        if partition is not None:
            return tuple(partitions.get(partition, {}).values())
        return tuple(chain.from_iterable(records.values() for records in partitions.values()))

    def memberships(self, tenant: str) -> Memberships:
        """Return a tenant's memberships."""
        found = self._memberships.get(tenant)
        if found is None:
            groups = self._kinds.setdefault(Group.KIND, {}).setdefault(tenant_partition(tenant), {})
            found = self._memberships[tenant] = Memberships(groups.__contains__)
        return found

    def grants(self, tenant: str) -> GrantIndex:
        """Return a tenant's assignments, compiled; made anew after any of them, of its roles or its groups changed."""
        found = self._grants.get(tenant)
        if found is None:
            # A stored role cannot take the place of a built-in one.
            roles = {**{role.id: role for role in self._of(RoleDefinition, tenant)}, **BUILTIN_ROLES}
            found = self._grants[tenant] = GrantIndex(
                tenant,
                self._of(RoleAssignment, tenant),
                roles,
                denials=self._of(DenyAssignment, tenant),
                ancestors=Hierarchy(tenant, self._of(ManagementGroup, tenant), self._of(Subscription, tenant)).lines(),
                known=self._compiled.pop(tenant, {}),
            )
        return found

    def _of(self, kind: type[R], tenant: str) -> Iterator[R]:
        records = self._kinds.get(kind.KIND, {}).get(tenant_partition(tenant), {})
        return (record for record in records.values() if isinstance(record, kind))


class _Notice:
    """Calls a function for every record that comes or goes."""

    __slots__ = ("add", "remove")

    def __init__(self, notice: Callable[[Any], None]) -> None:
        self.add = notice
        self.remove = notice


class _MembershipsByTenant:
    """Hands every membership to its tenant's."""

    __slots__ = ("_of",)

    def __init__(self, of: Callable[[str], Memberships]) -> None:
        self._of = of

    def add(self, membership: Membership) -> None:
        self._of(membership.tenant).add(membership)

    def remove(self, membership: Membership) -> None:
        self._of(membership.tenant).remove(membership)
