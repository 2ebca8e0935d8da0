"""What the control surface reads and answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from strongroom.control.networks_wire import EndpointListenerEntry
from strongroom.core import limits
from strongroom.core.federation import TEXT_CHARS
from strongroom.core.identity_maps import USER_MAX
from strongroom.core.identity_providers import OPENID_SCOPES
from strongroom.http import json


class RunBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a run is to be lent."""

    identity: Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)] | None = None
    """A managed identity's name, ARM id or client id; none means `default`."""
    service_principal: bool = False
    """Whether to make a client secret for the run as well."""
    application: Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)] | None = None
    """Whose client secret: an application's name or app id; none means the first application."""
    lifetime_seconds: Annotated[int, msgspec.Meta(ge=60, le=limits.RUN_MAX_S)] = limits.RUN_S


class RunServicePrincipal(json.Secretive, rename="camel"):
    """A client secret made for one run."""

    tenant_id: str
    client_id: str
    client_secret: str


class RunAnswer(json.Secretive, rename="camel"):
    """What a run was lent, and the names that its relay is to serve."""

    run_id: str
    identity_endpoint: str
    identity_header: str
    arc_key_folder: str
    client_id: str
    object_id: str
    tenant_id: str
    subscription_id: str
    vault_name: str
    vault_uri: str
    authority: str
    azure_hosts: list[str]
    own_hosts: list[str]
    domain: str
    port: int
    expires_on: int
    service_principal: RunServicePrincipal | None


class Status(msgspec.Struct, rename="camel"):
    """How the instance is."""

    ready: bool
    pid: int
    version: str
    domain: str
    port: int
    key_protection: str
    token: str
    """Which token (HSM) holds vaults' keys and whether it is reached; empty if there is none."""
    recording: bool
    """Whether the audit journal takes entries; while it does not, nothing is served."""
    main: str
    managed_identity: str
    control_socket: str
    private_endpoints: list[EndpointListenerEntry]
    certificate_expires: int
    failing_jobs: list[str]
    """The jobs whose last turn failed; `GET /jobs` says how."""
    authority: str
    arm_uri: str
    graph_uri: str
    own_hosts: list[str]
    azure_hosts: list[str]


class TenantBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which tenant something is to happen in."""

    tenant: Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)] | None = None
    """Its id or one of its domains; none where there is only one tenant."""


TenantName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=limits.DISPLAY_NAME_CHARS, pattern=r"\A[^\x00-\x1f\x7f]+\Z")
]
"""One line: it is printed beside others."""
Domain = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]


class NewTenantBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A tenant to be made."""

    display_name: TenantName
    domain: Domain
    user_name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "admin"
    """What the first administrator is called before the @."""
    subscription: bool = False
    """Whether the tenant gets a subscription, which the first administrator owns."""


class TenantChangeBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is to become different about a tenant; one thing at a time."""

    display_name: TenantName | None = None
    add_domain: Domain | None = None
    remove_domain: Domain | None = None


class TenantEntry(msgspec.Struct, rename="camel"):
    """A tenant, and what it has of resources."""

    tenant_id: str
    display_name: str
    domains: list[str]
    """The default first."""
    subscription_ids: list[str]
    created: int


class TenantList(msgspec.Struct):
    """Every tenant."""

    value: list[TenantEntry]


class NewTenant(json.Secretive, rename="camel"):
    """A tenant that was made, with the one copy of its first administrator's password."""

    tenant_id: str
    display_name: str
    domain: str
    authority: str
    user_name: str
    user_password: str
    object_id: str
    subscription_id: str | None


class SignInBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a tenant's users are to be let sign in by; what is not said stays."""

    tenant: Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)] | None = None
    """Its id or one of its domains; none where there is only one tenant."""
    password_grant: bool | None = None
    device_code: bool | None = None
    password_days: Annotated[int, msgspec.Meta(ge=0, le=limits.PASSWORD_DAYS_MAX)] | None = None
    """How long a password is good that is set from now on; 0 for ever."""
    second_factor: bool | None = None


class SignInAnswer(msgspec.Struct, rename="camel"):
    """What a tenant's users may sign in by, of what is off by default, and how long their passwords last."""

    tenant_id: str
    password_grant: bool
    device_code: bool
    password_days: int | None
    second_factor: bool


class IssuerBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An issuer, and its keys if they are given and not fetched."""

    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS)]
    keys: dict[str, Any] | None = None
    """A JSON Web Key Set."""


class IssuerEntry(msgspec.Struct, rename="camel"):
    """A trusted issuer."""

    issuer: str
    key_ids: list[str]
    fetched: bool
    """Whether its keys are those that it publishes."""
    created: int


class IssuerList(msgspec.Struct):
    """Every trusted issuer."""

    value: list[IssuerEntry]


class ReleaseAuthorityBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An attestation authority of a tenant (none: the first), and its keys if they are given and not fetched."""

    authority: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARS)]
    tenant: str | None = None
    keys: dict[str, Any] | None = None
    """A JSON Web Key Set."""


class ReleaseAuthorityEntry(msgspec.Struct, rename="camel"):
    """An attestation authority."""

    authority: str
    tenant_id: str
    key_ids: list[str]
    fetched: bool
    """Whether its keys are those that it publishes."""
    created: int
    signing_certificate: str
    """What the tenant's released keys are signed with: DER in base64, as `x5c` has it."""
    signing_certificates: list[str]
    """All that are to be accepted: the one before for a while, the one that signs, and the next one."""


class ReleaseAuthorityList(msgspec.Struct):
    """Every attestation authority."""

    value: list[ReleaseAuthorityEntry]


class RecoveredAdministrator(json.Secretive, rename="camel"):
    """An administrator that was made when the last one was lost, with the one copy of its secret."""

    tenant_id: str
    subscription_ids: list[str]
    """The subscriptions that it owns, with what is in their vaults."""
    authority: str
    arm_uri: str
    graph_uri: str
    client_id: str
    client_secret: str
    object_id: str
    expires_on: int
    """When the secret ends, in Unix seconds."""


class SigningKeyState(StrEnum):
    """What a signing key does now."""

    NEXT = "next"
    SIGNS = "signs"
    TRUSTED = "trusted"
    """It signs no more; what it signed is still good."""


class SigningKeyEntry(msgspec.Struct, rename="camel"):
    """A signing key and its terms, in Unix seconds."""

    kid: str
    tenant_id: str
    state: SigningKeyState
    created: int
    signs_from: int
    signs_until: int
    trusted_until: int


class SigningKeyList(msgspec.Struct):
    """Every signing key."""

    value: list[SigningKeyEntry]


class IdentityMapBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Who may be which identity: a user, a network or a socket, and exactly one of them."""

    identity: Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)]
    """A managed identity's name, ARM id or client id."""
    user: Annotated[int, msgspec.Meta(ge=0, le=USER_MAX)] | None = None
    """The id of a Unix user of this machine."""
    network: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """An IPv4 address or range."""
    socket: Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)] | None = None
    """The path of a Unix socket that is to be made."""
    owner: Annotated[int, msgspec.Meta(ge=0, le=USER_MAX)] | None = None
    """The user whose that socket is to be; none means the service's own."""


class IdentityMapEntry(msgspec.Struct, rename="camel"):
    """An identity map."""

    id: str
    tenant_id: str
    object_id: str
    resource_id: str | None
    """The identity's ARM id; none once the identity is gone."""
    user: int | None
    network: str | None
    socket: str | None
    owner: int | None
    fault: str | None
    """Why the socket does not listen, if it does not."""
    created: int


class IdentityMapList(msgspec.Struct):
    """Every identity map."""

    value: list[IdentityMapEntry]


class AssertionBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How long an assertion is to last."""

    lifetime_seconds: Annotated[int, msgspec.Meta(ge=60, le=limits.RUN_MAX_S)] = limits.ASSERTION_S


class RunAssertion(json.Secretive, rename="camel"):
    """An assertion for a run's token file."""

    assertion: str
    expires_on: int
    """When it ends, in Unix seconds: never after the run's credential."""


class IdentityProviderBody(json.Secretive, rename="camel", forbid_unknown_fields=True):
    """An identity provider that a tenant's users may sign in at."""

    issuer: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
    client_id: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
    client_secret: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
    display_name: Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)]
    tenant: str | None = None
    """A tenant's id or domain; none means the only one there is."""
    scopes: list[str] = msgspec.field(default_factory=lambda: list(OPENID_SCOPES))
    domains: list[str] = msgspec.field(default_factory=list)
    """Domains of the tenant whose users are sent there."""
    trusted_claim: str | None = None
    """The claim that names a user in one of these domains at a first sign-in; none means that links alone do."""


class IdentityProviderChangeBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whether people are sent to an identity provider."""

    enabled: bool


class IdentityProviderEntry(msgspec.Struct, rename="camel"):
    """An identity provider. Its secret is told to nobody."""

    id: str
    tenant_id: str
    issuer: str
    client_id: str
    display_name: str
    redirect_uri: str
    """What has to be registered there."""
    scopes: list[str]
    domains: list[str]
    trusted_claim: str | None
    enabled: bool
    links: int
    """How many users are linked."""
    created: int


class IdentityProviderList(msgspec.Struct):
    """Every identity provider."""

    value: list[IdentityProviderEntry]


class IdentityLinkBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which subject of an identity provider a user is."""

    user: Annotated[str, msgspec.Meta(max_length=limits.USER_NAME_CHARS)]
    """The user principal name."""
    subject: Annotated[str, msgspec.Meta(max_length=limits.SUBJECT_CHARS)]
    """The `sub` of the provider's id tokens."""


class IdentityLinkEntry(msgspec.Struct, rename="camel"):
    """A link between a subject and a user."""

    id: str
    subject: str
    user_id: str
    user: str | None
    """The user principal name; none while the user is deleted."""
    created: int


class IdentityLinkList(msgspec.Struct):
    """Every link of an identity provider."""

    value: list[IdentityLinkEntry]
