"""The `View`: what the flow, the surfaces and the domain may ask of the records in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple, NoReturn, TypeVar, cast

from strongroom.core.access_policy import PolicyIndex
from strongroom.core.changes import BESIDES_RECORDS, Change, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.conditional_access import AccessPolicy, NamedNetwork, PolicySet
from strongroom.core.errors import Unavailable
from strongroom.core.federation import FederatedCredential, TrustedIssuer
from strongroom.core.firewall import Firewall
from strongroom.core.first_party import GRAPH
from strongroom.core.grants import GrantIndex
from strongroom.core.identity import Application, Credential, ServicePrincipal, SigningKey, Tenant, User
from strongroom.core.identity_providers import IdentityLink
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    PrivateEndpoint,
    Surroundings,
    TrustedService,
)
from strongroom.core.records import Record, tenant_partition
from strongroom.core.relations import AppRoleAssignment, PermissionGrant
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.second_factors import SecondFactor
from strongroom.core.vaults import Vault
from strongroom.view.sealed import SealedCache
from strongroom.view.tables import Principal, Tables

R = TypeVar("R", bound=Record)


PIECE = 2_000
"""Records that are looked at before others are served, which takes a millisecond or two."""


class ViewNotLoaded(Unavailable):
    """The records are not in memory yet, or no longer whole, so nothing can be decided: 503."""

    def __init__(self) -> None:
        super().__init__(
            "The service is not ready yet.", reason="the view is not loaded", headers=(("Retry-After", "1"),)
        )


class _NotLoaded:
    """Stands where the tables will be, and refuses every question."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ViewNotLoaded


_NOT_LOADED = cast("Tables", _NotLoaded())


class _KeptFirewall(NamedTuple):
    """A vault's firewall and what it was compiled from."""

    vault: Vault
    changes: int
    """How many records of networks had changed by then: as long as none does, the surroundings are the same."""
    surroundings: Surroundings
    firewall: Firewall


class View:
    """
    All records of the instance, by whatever they are asked for.

    Every method but `load` and `apply` raises `ViewNotLoaded` while the view is not loaded (pitfalls.md: "Fails open
    until configuration is first loaded"). Names and domains are found without case. Ids are compared as they stand,
    except those that come out of ARM paths.

    Attributes:
        generation: grows with every change of a record, so that what was worked out from records can be kept with it.
        sealed: rows of objects, as they are in the store.
    """

    def __init__(self, *, sealed: SealedCache | None = None) -> None:
        self.generation = 0
        self.sealed = SealedCache() if sealed is None else sealed
        self._tables = _NOT_LOADED
        self._early: list[Change] = []
        self._firewalls: dict[str, _KeptFirewall] = {}
        self._policies: dict[str, tuple[Vault, PolicyIndex]] = {}
        self._access: dict[str, tuple[tuple[AccessPolicy, ...], tuple[NamedNetwork, ...], PolicySet]] = {}

    # ---- following the store ----------------------------------------------------------------------------------------

    def load(self, records: Iterable[Record]) -> None:
        """
        Take in all records there are, in the place of whatever was known.

        Subscribe to the store before reading the records from it: a change that comes while they are read is kept and
        applied on top, which is right whether or not the records show it already.
        """
        tables = Tables()
        tables.apply(map(RecordPut, records))
        tables.apply(self._early)
        self._early = []
        self._forget()
        self._tables = tables

    def apply(self, changes: Sequence[Change]) -> None:
        """Follow a commit. A change that cannot be followed leaves the view not loaded: what it knows is not whole."""
        if self._tables is _NOT_LOADED:
            self._early += changes
            self._drop(changes)
            return
        try:
            self._tables.apply(changes)
            self._drop(changes)
        except BaseException:
            self._tables = _NOT_LOADED
            self._forget()
            raise
        if any(not isinstance(change, BESIDES_RECORDS) for change in changes):
            self.generation += 1

    def _drop(self, changes: Sequence[Change]) -> None:
        """Drop what is kept of objects that changed and of vaults that are gone."""
        for change in changes:
            if isinstance(change, ObjectChanged):
                self.sealed.drop(change.vault, change.collection, change.key)
            elif isinstance(change, RecordRemoved) and change.kind == Vault.KIND:
                self._firewalls.pop(change.id, None)
                self._policies.pop(change.id, None)

    def _forget(self) -> None:
        """Forget everything that was worked out from records."""
        self.generation += 1
        self._firewalls.clear()
        self._policies.clear()
        self._access.clear()
        self.sealed.clear()

    # ---- any record -------------------------------------------------------------------------------------------------

    def get(self, kind: type[R], partition: str, record_id: str) -> R | None:
        """Return one record by its place, or None."""
        return cast("R | None", self._tables.get(kind.KIND, partition, record_id))

    def all(self, kind: type[R], partition: str | None = None) -> tuple[R, ...]:
        """Return every record of a kind, of one partition or of all, in the order of partition and id."""
        return cast("tuple[R, ...]", self._tables.all(kind.KIND, partition))

    def each(self, kind: type[R], partition: str | None = None) -> tuple[R, ...]:
        """Return every record of a kind, of one partition or of all, in no order, which `all` takes its time for."""
        return cast("tuple[R, ...]", self._tables.each(kind.KIND, partition))

    async def pieces(self, kind: type[R], partition: str | None = None) -> AsyncIterator[tuple[R, ...]]:
        """
        Go through the records of a kind, in no order and as they are now, serving whoever waits between two pieces.

        For kinds of which there can be very many: to put them in order takes longer than to look at each.
        """
        records = self.each(kind, partition)
        for begin in range(0, len(records), PIECE):
            yield records[begin : begin + PIECE]
            await asyncio.sleep(0)

    # ---- the directory ----------------------------------------------------------------------------------------------

    def tenant(self, id_or_domain: str) -> Tenant | None:
        """Return a tenant by its id or one of its domains, or None."""
        key = id_or_domain.lower()
        return self._tables.tenants.get(key) or self._tables.domains.get(key)

    def tenants(self) -> tuple[Tenant, ...]:
        """Return all tenants."""
        return self.all(Tenant)

    def principal(self, tenant: str, oid: str) -> Principal | None:
        """Return a tenant's user, service principal or group by its object id, or None."""
        return self._tables.principals.get((tenant, oid))

    def application_by_app_id(self, app_id: str) -> Application | None:
        """Return an application by its client id, or None. Whether a tenant may use it is for the caller to say."""
        return self._tables.applications.get(app_id)

    def applications_by_uri(self, uri: str) -> tuple[Application, ...]:
        """Return the applications, of whatever tenants, that have an identifier URI."""
        return self._tables.identifier_uris.get(uri.casefold())

    def applications_by_origin(self, origin: str) -> tuple[Application, ...]:
        """Return the applications, of whatever tenants, whose pages redeem codes from an origin."""
        return self._tables.spa_origins.get(origin)

    def service_principal_by_app_id(self, tenant: str, app_id: str) -> ServicePrincipal | None:
        """Return a tenant's service principal by its client id, or None."""
        return self._tables.service_principals.get((tenant, app_id))

    def user_by_upn(self, upn: str) -> User | None:
        """Return a user by user principal name, or None."""
        return self._tables.users.get(upn.casefold())

    def credentials_of(self, owner: str) -> tuple[Credential, ...]:
        """Return the credentials of an application, user or service principal."""
        return self._tables.owned.get(owner)

    def credential(self, credential_id: str) -> Credential | None:
        """Return a credential by its id, or None."""
        return self._tables.credentials.get(credential_id)

    def second_factors_of(self, tenant: str, user: str) -> tuple[SecondFactor, ...]:
        """Return what a user can show besides a password, in the order of the ids."""
        return self._tables.shown_by.get((tenant, user))

    def second_factor(self, factor_id: str) -> SecondFactor | None:
        """Return a second factor by its id, or None. Whose it is is for the caller to check."""
        return self._tables.factors.get(factor_id)

    def certificates_of(self, owner: str) -> tuple[ClientCertificate, ...]:
        """Return the certificates that are registered for an application or service principal."""
        return self._tables.certificates.get(owner)

    def federated_credentials_of(self, owner: str) -> tuple[FederatedCredential, ...]:
        """Return the subjects of outside issuers that are an application, or the managed identity of a principal."""
        return self._tables.federated.get(owner)

    def trusted_issuer(self, issuer: str) -> TrustedIssuer | None:
        """Return what the operator said of an issuer, named exactly, or None if it is not trusted."""
        return self._tables.issuers.get(issuer)

    def identity_link(self, provider: str, subject: str) -> IdentityLink | None:
        """Return the link of an identity provider's subject, or None."""
        return self._tables.identity_links.get((provider, subject))

    def groups_of(self, tenant: str, principal: str) -> frozenset[str]:
        """Return every group a principal is in, directly or through others."""
        return self._tables.memberships(tenant).transitive(principal)

    def groups_around(self, tenant: str, principal: str) -> frozenset[str]:
        """Return every group a principal is in or would be, if those that were deleted were restored."""
        return self._tables.memberships(tenant).around(principal)

    def direct_groups_of(self, tenant: str, principal: str) -> frozenset[str]:
        """Return the groups that a principal is in directly."""
        return self._tables.memberships(tenant).direct(principal)

    def members_of(self, tenant: str, group: str) -> tuple[str, ...]:
        """Return the direct members of a group."""
        return self._tables.memberships(tenant).members(group)

    def directory_roles_of(self, tenant: str, principal: str) -> frozenset[str]:
        """Return the directory roles that a principal itself holds: whoever edits groups makes no administrator."""
        return frozenset(held.role for held in self._tables.held_roles.get((tenant, principal)))

    def owners_of(self, tenant: str, object_id: str) -> tuple[str, ...]:
        """Return the ids of the owners of an application, service principal or group."""
        return tuple(one.owner for one in self._tables.owners.get((tenant, object_id)))

    def owned_by(self, tenant: str, owner: str) -> tuple[str, ...]:
        """Return the ids of what a principal owns."""
        return tuple(one.object for one in self._tables.owned_objects.get((tenant, owner)))

    def app_roles_held_by(self, tenant: str, principal: str) -> tuple[AppRoleAssignment, ...]:
        """Return the app role assignments that a principal itself has, of whatever resources."""
        return self._tables.held_app_roles.get((tenant, principal))

    def app_roles_given_on(self, tenant: str, resource: str) -> tuple[AppRoleAssignment, ...]:
        """Return the app role assignments on a resource's service principal, to whatever principals."""
        return self._tables.given_app_roles.get((tenant, resource))

    def permission_grants_of(self, tenant: str, client: str) -> tuple[PermissionGrant, ...]:
        """Return what a client's service principal was granted, by whoever and of whatever resources."""
        return self._tables.permission_grants.get((tenant, client))

    def app_permissions_of(self, tenant: str, principal: str) -> frozenset[str]:
        """Return the ids of the app roles of Microsoft Graph that a principal itself has."""
        graph = self.service_principal_by_app_id(tenant, GRAPH)
        held = self.app_roles_held_by(tenant, principal)
        return frozenset(one.app_role for one in held if graph is not None and one.resource == graph.id)

    def signing_key(self, kid: str) -> SigningKey | None:
        """Return a signing key, or None. Whose it is and whether it is trusted now is for the caller to check."""
        return self._tables.signing_keys.get(kid)

    def signing_keys(self, tenant: str) -> tuple[SigningKey, ...]:
        """Return the signing keys of a tenant."""
        return self.all(SigningKey, tenant_partition(tenant))

    def conditional_access(self, tenant: str) -> PolicySet:
        """Return a tenant's conditional access policies, ready to be asked."""
        partition = tenant_partition(tenant)
        policies, networks = self.all(AccessPolicy, partition), self.all(NamedNetwork, partition)
        kept = self._access.get(tenant)
        if kept is None or kept[0] is not policies or kept[1] is not networks:
            kept = self._access[tenant] = (policies, networks, PolicySet(policies, networks))
        return kept[2]

    # ---- resources and rights ---------------------------------------------------------------------------------------

    def subscription(self, subscription: str) -> Subscription | None:
        """Return a subscription by its id, or None."""
        return self._tables.subscriptions.get(subscription.lower())

    def resource_group(self, subscription: str, name: str) -> ResourceGroup | None:
        """Return a resource group by its name, or None."""
        return self._tables.resource_groups.get((subscription.lower(), name.lower()))

    def user_assigned_identity(self, subscription: str, resource_group: str, name: str) -> UserAssignedIdentity | None:
        """Return a user-assigned identity by its place, or None."""
        return self._tables.identities.get((subscription.lower(), resource_group.lower(), name.lower()))

    def machine(self, subscription: str, resource_group: str, name: str) -> Machine | None:
        """Return a machine by its place, or None."""
        return self._tables.machines.get((subscription.lower(), resource_group.lower(), name.lower()))

    def private_endpoint(self, tenant: str, arm_id: str) -> PrivateEndpoint | None:
        """Return a tenant's private endpoint by its ARM id, or None."""
        return self._tables.private_endpoints.get((tenant, arm_id.lower()))

    def private_endpoints_in(self, tenant: str, subnet: str) -> tuple[PrivateEndpoint, ...]:
        """Return the private endpoints in a tenant's subnet, by its ARM id."""
        return self._tables.endpoints_in_subnets.get((tenant, subnet.lower()))

    def connection_between(self, endpoint: str, vault: str) -> EndpointConnection | None:
        """Return the connection of a private endpoint, by its ARM id, to a vault, or None; one that is gone is none."""
        found = self._tables.endpoint_connections.get((endpoint.lower(), vault))
        return next((one for one in found if one.state is not ConnectionState.DISCONNECTED), None)

    def vault_by_name(self, name: str) -> Vault | None:
        """Return the vault that holds a name, or None; a soft-deleted vault holds its name too."""
        return self._tables.vault_names.get(name.lower())

    def vault(self, vault_id: str) -> Vault | None:
        """Return a vault by its id, soft-deleted or not, or None."""
        return self._tables.vaults.get(vault_id)

    def vaults(self) -> tuple[Vault, ...]:
        """Return all vaults, soft-deleted or not."""
        return self.all(Vault)

    def grants(self, tenant: str) -> GrantIndex:
        """Return the role assignments of a tenant, ready to be asked; another object after any of them changed."""
        return self._tables.grants(tenant)

    def endpoint_connections(self, vault_id: str) -> tuple[EndpointConnection, ...]:
        """Return a vault's connections to private endpoints, in whatever state."""
        return self._tables.networks.connections.get(vault_id)

    def trusted_service(self, tenant: str, principal: str) -> TrustedService | None:
        """Return which of Azure's trusted services a service principal is, or None."""
        return self._tables.trusted_services.get((tenant, principal))

    def surroundings(self, vault: Vault) -> Surroundings:
        """Return what a vault's firewall rests on besides the vault's own settings."""
        return self._tables.networks.surroundings(vault)

    def firewall(self, vault: Vault) -> Firewall:
        """Return a vault's firewall, ready to be asked; another one after the vault or its surroundings changed."""
        changes = self._tables.networks.changes
        kept = self._firewalls.get(vault.id)
        if kept is None or kept.vault is not vault or kept.changes != changes:
            around = self.surroundings(vault)
            same = kept is not None and kept.vault is vault and kept.surroundings == around
            made = kept.firewall if kept is not None and same else Firewall(vault, around)
            kept = self._firewalls[vault.id] = _KeptFirewall(vault, changes, around, made)
        return kept.firewall

    def policies(self, vault: Vault) -> PolicyIndex:
        """Return a vault's access policies, ready to be asked."""
        kept = self._policies.get(vault.id)
        if kept is None or kept[0] is not vault:
            self._require_loaded()
            kept = self._policies[vault.id] = (vault, PolicyIndex(vault.access_policies))
        return kept[1]

    def _require_loaded(self) -> None:
        if self._tables is _NOT_LOADED:
            raise ViewNotLoaded
