"""Tenants, principals and their credentials, as Entra names them (reference clients.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from strongroom.core.limits import CALLERS_KEPT
from strongroom.core.records import INSTANCE, Record, record, tenant_partition
from strongroom.core.registration import Api, AppRole, ResourceAccess, SignIn


class PrincipalType(StrEnum):
    """What a principal is, in the words of role assignments."""

    USER = "User"
    GROUP = "Group"
    SERVICE_PRINCIPAL = "ServicePrincipal"


_USER_ASSIGNED = "/providers/microsoft.managedidentity/userassignedidentities/"


class ServicePrincipalType(StrEnum):
    """What stands behind a service principal, in Graph's words."""

    APPLICATION = "Application"
    MANAGED_IDENTITY = "ManagedIdentity"


class CredentialKind(StrEnum):
    """How a credential proves its owner."""

    SECRET = "secret"  # noqa: S105  the word, not a secret
    """A client secret: at least 256 bits, kept as a keyed hash."""
    PASSWORD = "password"  # noqa: S105  the word, not a password
    """A user's password: kept as an Argon2id hash."""
    RUN = "run"
    """A credential made for one run of one program over the local control socket."""
    MAP = "map"
    """What stands for a user or a network that the operator mapped to an identity: it has no secret."""
    LINK = "link"
    """What stands for a person who is known at an identity provider: it has no secret."""


@record
@dataclass(frozen=True, slots=True)
class Tenant(Record):
    """A directory: who exists and who vouches for them."""

    KIND: ClassVar[str] = "tenant"
    id: str
    display_name: str
    domains: tuple[str, ...]
    created: int

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        return tuple(f"domain:{domain.lower()}" for domain in self.domains)


@record
@dataclass(frozen=True, slots=True)
class User(Record):
    """A person."""

    KIND: ClassVar[str] = "user"
    id: str
    tenant: str
    user_principal_name: str
    display_name: str
    created: int
    enabled: bool = True
    mail_nickname: str = ""
    given_name: str | None = None
    surname: str | None = None
    profile: tuple[tuple[str, str], ...] = ()
    """What else is said of the person, in the order of the names: `jobTitle`, `department`. Nothing decides by it."""
    password_never_expires: bool = False
    """Whatever the tenant's setting says: `DisablePasswordExpiration`."""
    sessions_valid_from: int = 0
    """Nothing that the user signed in to before goes on."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        return (f"upn:{self.user_principal_name.casefold()}",)


@record
@dataclass(frozen=True, slots=True)
class Group(Record):
    """A security group. Its members are `Membership` records, so that two changes at once do not undo each other."""

    KIND: ClassVar[str] = "group"
    id: str
    tenant: str
    display_name: str
    created: int
    mail_nickname: str = ""
    description: str | None = None

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class Membership(Record):
    """One direct membership: principal *member* in group *group*."""

    KIND: ClassVar[str] = "membership"
    id: str
    """`{group}/{member}`."""
    tenant: str
    group: str
    member: str

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class Application(Record):
    """An app registration. Its object id is never a principal: that is the service principal's."""

    KIND: ClassVar[str] = "application"
    id: str
    tenant: str
    app_id: str
    display_name: str
    created: int
    identifier_uris: tuple[str, ...] = ()
    sign_in_audience: str = "AzureADMyOrg"
    sign_in: SignIn = SignIn()  # noqa: RUF009  frozen
    api: Api = Api()  # noqa: RUF009  frozen
    app_roles: tuple[AppRole, ...] = ()
    required_resource_access: tuple[ResourceAccess, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str | None = None
    service_management_reference: str | None = None

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        return (f"app:{self.app_id}", *(f"app_uri:{self.tenant}:{uri.casefold()}" for uri in self.identifier_uris))

    def may_be_in(self, tenant: str) -> bool:
        """Tell whether it may have a principal in a tenant and sign in there: its own, or any if it is for several."""
        return self.tenant == tenant or self.sign_in_audience != "AzureADMyOrg"


@record
@dataclass(frozen=True, slots=True)
class ServicePrincipal(Record):
    """An application's or a managed identity's presence in a tenant: the principal that rights are given to."""

    KIND: ClassVar[str] = "service_principal"
    id: str
    tenant: str
    app_id: str
    display_name: str
    created: int
    enabled: bool = True
    type: ServicePrincipalType = ServicePrincipalType.APPLICATION
    resource_id: str | None = None
    """The ARM id of the managed identity's resource: the `xms_mirid` claim."""
    tags: tuple[str, ...] = ()
    app_role_assignment_required: bool = False
    """True if users need an app role before they get tokens for it."""
    description: str | None = None
    notes: str | None = None

    @property
    def is_system_assigned(self) -> bool:
        """Whether it is the identity of one resource that does something, and not a resource of its own."""
        return (
            self.type is ServicePrincipalType.MANAGED_IDENTITY
            and _USER_ASSIGNED not in (self.resource_id or _USER_ASSIGNED).lower()
        )

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called."""
        return (f"sp:{self.tenant}:{self.app_id}",)


@record
@dataclass(frozen=True, slots=True)
class Credential(Record):
    """
    One way in for one owner.

    `owner` is the object id of the application (secrets), user (passwords) or service principal (the others). The
    verifier is a keyed hash or an Argon2id string; the secret itself is nowhere.
    """

    KIND: ClassVar[str] = "credential"
    id: str
    """The `keyId`."""
    tenant: str
    owner: str
    kind: CredentialKind
    verifier: bytes
    created: int
    not_before: int
    expires: int | None
    display_name: str | None = None
    hint: str = ""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


def stand_in(
    kind: CredentialKind, id_: str, *, tenant: str, owner: str, created: int, display_name: str | None = None
) -> Credential:
    """Make the credential that stands for a map or a link: it proves nothing itself, and its tokens end with it."""
    return Credential(
        id=id_,
        tenant=tenant,
        owner=owner,
        kind=kind,
        verifier=b"",
        created=created,
        not_before=created,
        expires=None,
        display_name=display_name,
    )


@record
@dataclass(frozen=True, slots=True)
class DirectoryRoleAssignment(Record):
    """A directory role held by a principal for the whole tenant."""

    KIND: ClassVar[str] = "directory_role_assignment"
    id: str
    """`{role}/{principal}`."""
    tenant: str
    role: str
    principal: str

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class SigningKey(Record):
    """
    One key that signs a tenant's tokens; never shared between tenants.

    A key is published from `created`, signs from `signs_from` until `signs_until`, and is trusted until
    `trusted_until`. Emergency revocation sets `trusted_until` to the present: roll-over overlaps, revocation does not.
    """

    KIND: ClassVar[str] = "signing_key"
    id: str
    """The `kid`."""
    tenant: str
    created: int
    signs_from: int
    signs_until: int
    trusted_until: int
    certificate: bytes
    """DER: what `x5c` and the public members of the key set come from."""
    sealed_private_key: bytes = field(repr=False)

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    def is_trusted(self, now: int) -> bool:
        """Tell whether what the key signed is believed."""
        return self.created <= now < self.trusted_until


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who a verified token says is calling, as the directory knows that principal now.

    Only `flow.authentication` makes one, after signature, audience, issuer, times and directory were all checked.
    """

    tenant: str
    oid: str
    appid: str
    kind: PrincipalType
    issuer: str
    groups: frozenset[str]
    """Every group the principal is in, directly or not, from the directory and never from the token."""
    credential: str
    """The id of the credential the token came from."""
    token_id: str
    """The token's `uti`."""
    appidacr: str = "0"
    idtyp: str = "app"
    name: str | None = None
    """User principal name, for users."""
    mirid: str | None = None
    directory_roles: frozenset[str] = frozenset()
    session: str | None = None
    """The token family of a user's token."""
    app_permissions: frozenset[str] = frozenset()
    """The ids of the app roles of Microsoft Graph that the caller has, from the directory and never from the token."""
    continuous: bool = False
    """The client that got the token understands that it can be refused before it ends."""
    delegated: frozenset[str] = frozenset()
    """What the token's client may do in a user's name: `scp`. A service principal acts for itself and has none."""
    address: str | None = None
    """Where a user signed in from: `ipaddr`. It may be elsewhere than where the request comes from."""

    @property
    def principals(self) -> frozenset[str]:
        """The caller's own object id and all its groups: whatever a right may name."""
        return _with_groups(self.oid, self.groups)


@lru_cache(maxsize=CALLERS_KEPT)
def _with_groups(oid: str, groups: frozenset[str]) -> frozenset[str]:
    # The same set for the same caller: what is kept by it is then found without comparing a thousand groups.
    return groups | {oid}


@dataclass(frozen=True, slots=True)
class Unidentified:
    """A token that did not verify. Nothing it claims is kept; the message is the reference's for the cause."""

    message: str
    reason: str
    code: str = ""
    """The surface's word for programs; empty for its usual one."""
    newer_than: int | None = None
    """What a new token may not be older than: told to clients that understand it, where the token was ours and good."""
