"""What an application registration says beside its names: wire form, changes, and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec

from strongroom.core import limits
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application
from strongroom.core.registration import Api, AppRole, PermissionScope, PreAuthorized, ResourceAccess, SignIn
from strongroom.graph.wire import (
    Guid,
    KeyCredentials,
    Name,
    References,
    Tags,
    Text,
    Uris,
    Wire,
    refuse_later,
)

RedirectUris = Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.REDIRECT_URIS)]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


class ImplicitGrantBody(Wire):
    """What the authorization endpoint may give out itself."""

    enable_access_token_issuance: bool | Unset = UNSET
    enable_id_token_issuance: bool | Unset = UNSET


class WebBody(Wire):
    """Settings of a confidential web application."""

    redirect_uris: RedirectUris | Unset = UNSET
    home_page_url: str | Unset | None = UNSET
    logout_url: str | Unset | None = UNSET
    implicit_grant_settings: ImplicitGrantBody | Unset | None = UNSET
    redirect_uri_settings: Any = None
    """What Graph makes of the redirect URIs itself; clients send back what they read."""


class RedirectsBody(Wire):
    """Settings of a platform that has redirect URIs and nothing else."""

    redirect_uris: RedirectUris | Unset = UNSET


class AppRoleBody(Wire):
    """A role that an application defines."""

    id: Guid
    display_name: Name
    description: Text
    allowed_member_types: tuple[Literal["User", "Application"], ...]
    value: Name | None = None
    is_enabled: bool = True
    origin: str | None = None

    def read(self) -> AppRole:
        """Read it, its id in lower case."""
        members = tuple(dict.fromkeys(self.allowed_member_types))
        return AppRole(self.id.lower(), self.value, self.display_name, self.description, self.is_enabled, members)


class ScopeBody(Wire):
    """A delegated permission that an application offers."""

    id: Guid
    value: Name | None = None
    type: Literal["User", "Admin"] = "User"
    is_enabled: bool = True
    admin_consent_display_name: Text | None = None
    admin_consent_description: Text | None = None
    user_consent_display_name: Text | None = None
    user_consent_description: Text | None = None
    origin: str | None = None

    def read(self) -> PermissionScope:
        """Read it, its id in lower case."""
        return PermissionScope(
            self.id.lower(), self.value, self.type, self.is_enabled, self.admin_consent_display_name,
            self.admin_consent_description, self.user_consent_display_name, self.user_consent_description,
        )  # fmt: skip


class PreAuthorizedBody(Wire):
    """A client that needs no consent."""

    app_id: Guid
    delegated_permission_ids: tuple[Guid, ...] = ()


class ApiBody(Wire):
    """What an application offers as a resource."""

    oauth2_permission_scopes: tuple[ScopeBody, ...] | Unset | None = UNSET
    known_client_applications: tuple[Guid, ...] | Unset | None = UNSET
    pre_authorized_applications: tuple[PreAuthorizedBody, ...] | Unset | None = UNSET
    requested_access_token_version: Literal[1, 2] | Unset | None = UNSET
    accept_mapped_claims: bool | Unset | None = UNSET


class AccessBody(Wire):
    """One permission that is wanted."""

    id: Guid
    type: Literal["Role", "Scope"]


class ResourceAccessBody(Wire):
    """What is wanted of one application."""

    resource_app_id: Guid
    resource_access: tuple[AccessBody, ...] = ()

    def read(self) -> ResourceAccess:
        """Read it, every id in lower case."""
        ids = {
            kind: tuple(one.id.lower() for one in self.resource_access if one.type == kind)
            for kind in ("Scope", "Role")
        }
        order = tuple(one.id.lower() for one in self.resource_access)
        return ResourceAccess(self.resource_app_id.lower(), ids["Scope"], ids["Role"], order)


class ApplicationBody(Wire):
    """An application to be made or changed."""

    display_name: Name | None = None
    identifier_uris: Uris | None = None
    sign_in_audience: str | None = None
    api: ApiBody | None = None
    app_roles: tuple[AppRoleBody, ...] | None = None
    is_fallback_public_client: bool | Unset | None = UNSET
    notes: Text | Unset | None = UNSET
    public_client: RedirectsBody | None = None
    required_resource_access: tuple[ResourceAccessBody, ...] | None = None
    service_management_reference: Text | Unset | None = UNSET
    spa: RedirectsBody | None = None
    tags: Tags | None = None
    key_credentials: KeyCredentials | None = None
    owners: References = msgspec.field(name="owners@odata.bind", default=())
    web: WebBody | None = None
    # Empty as official clients send them; with content they are for later, or only ever answered.
    app_id: Any = None
    created_date_time: Any = None
    default_redirect_uri: Any = None
    description: Any = None
    group_membership_claims: Any = None
    id: Any = None
    info: Any = None
    is_device_only_auth_supported: Any = None
    oauth2_require_post_response: Any = None
    optional_claims: Any = None
    parental_control_settings: Any = None
    password_credentials: Any = None
    publisher_domain: Any = None
    saml_metadata_url: Any = None
    token_encryption_key_id: Any = None
    template_id: Any = msgspec.field(name="applicationTemplateId", default=None)

    LATER = (
        "app_id", "created_date_time", "default_redirect_uri", "description", "group_membership_claims", "id", "info",
        "is_device_only_auth_supported", "oauth2_require_post_response", "optional_claims",
        "parental_control_settings", "password_credentials", "publisher_domain", "saml_metadata_url",
        "token_encryption_key_id", "template_id",
    )  # fmt: skip


def registered(body: ApplicationBody) -> Callable[[Application], Application]:
    """
    Read what a body changes: a function of the application as it is when the change is made.

    Raises:
        Invalid: it has content that is not supported.
    """
    refuse_later(body, ApplicationBody.LATER)

    def change(found: Application) -> Application:
        kept: dict[str, Any] = {
            "display_name": body.display_name,
            "identifier_uris": body.identifier_uris,
            "sign_in_audience": body.sign_in_audience,
            "tags": body.tags,
            "app_roles": None if body.app_roles is None else tuple(one.read() for one in body.app_roles),
            "required_resource_access": None
            if body.required_resource_access is None
            else tuple(one.read() for one in body.required_resource_access),
        }
        removable: dict[str, Any] = {
            "notes": body.notes,
            "service_management_reference": body.service_management_reference,
        }
        changes = {name: value for name, value in kept.items() if value is not None}
        changes |= {name: value or None for name, value in removable.items() if value is not UNSET}
        return replace(
            found,
            **changes,
            sign_in=_sign_in(found.sign_in, body),
            api=_api(found.api, body.api),
        )

    return change


def _sign_in(found: SignIn, body: ApplicationBody) -> SignIn:
    changes: dict[str, Any] = {}
    if body.spa is not None:
        changes |= _given(spa=body.spa.redirect_uris)
    if body.public_client is not None:
        changes |= _given(public_client=body.public_client.redirect_uris)
    if body.is_fallback_public_client is not UNSET:
        changes["is_fallback_public_client"] = body.is_fallback_public_client
    web = body.web
    if web is not None:
        changes |= _given(web=web.redirect_uris, home_page_url=web.home_page_url, logout_url=web.logout_url)
        implicit = web.implicit_grant_settings
        if isinstance(implicit, ImplicitGrantBody):
            changes |= _given(
                access_token_implicit=implicit.enable_access_token_issuance,
                id_token_implicit=implicit.enable_id_token_issuance,
            )
    return replace(found, **changes)


def _api(found: Api, body: ApiBody | None) -> Api:
    if body is None:
        return found
    changes = _given(token_version=body.requested_access_token_version, accept_mapped_claims=body.accept_mapped_claims)
    if body.oauth2_permission_scopes is not UNSET:
        changes["scopes"] = tuple(one.read() for one in body.oauth2_permission_scopes or ())
    if body.known_client_applications is not UNSET:
        changes["known_client_applications"] = _ids(body.known_client_applications or ())
    if body.pre_authorized_applications is not UNSET:
        changes["pre_authorized"] = tuple(
            PreAuthorized(one.app_id.lower(), _ids(one.delegated_permission_ids))
            for one in body.pre_authorized_applications or ()
        )
    return replace(found, **changes)


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not UNSET}


def _ids(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(parse_guid(text) or text for text in texts)


# ---- how it looks ---------------------------------------------------------------------------------------------------


def app_role(role: AppRole) -> dict[str, Any]:
    """Render a role."""
    return {
        "allowedMemberTypes": list(role.member_types),
        "description": role.description,
        "displayName": role.display_name,
        "id": role.id,
        "isEnabled": role.enabled,
        "origin": "Application",
        "value": role.value,
    }


def permission_scope(scope: PermissionScope) -> dict[str, Any]:
    """Render a delegated permission."""
    return {
        "adminConsentDescription": scope.admin_consent_description,
        "adminConsentDisplayName": scope.admin_consent_display_name,
        "id": scope.id,
        "isEnabled": scope.enabled,
        "type": scope.type,
        "userConsentDescription": scope.user_consent_description,
        "userConsentDisplayName": scope.user_consent_display_name,
        "value": scope.value,
    }


def registration(record: Application) -> dict[str, Any]:
    """Render what an application says of itself beside its names."""
    sign_in, api = record.sign_in, record.api
    return {
        "api": {
            "acceptMappedClaims": api.accept_mapped_claims,
            "knownClientApplications": list(api.known_client_applications),
            "oauth2PermissionScopes": [permission_scope(one) for one in api.scopes],
            "preAuthorizedApplications": [
                {"appId": one.app_id, "delegatedPermissionIds": list(one.scopes)} for one in api.pre_authorized
            ],
            "requestedAccessTokenVersion": api.token_version,
        },
        "appRoles": [app_role(one) for one in record.app_roles],
        "isFallbackPublicClient": sign_in.is_fallback_public_client,
        "notes": record.notes,
        "optionalClaims": None,
        "publicClient": {"redirectUris": list(sign_in.public_client)},
        "requiredResourceAccess": [
            {
                "resourceAppId": one.resource_app_id,
                "resourceAccess": [{"id": id_, "type": type_} for id_, type_ in one.in_order()],
            }
            for one in record.required_resource_access
        ],
        "serviceManagementReference": record.service_management_reference,
        "spa": {"redirectUris": list(sign_in.spa)},
        "tags": list(record.tags),
        "web": {
            "homePageUrl": sign_in.home_page_url,
            "implicitGrantSettings": {
                "enableAccessTokenIssuance": sign_in.access_token_implicit,
                "enableIdTokenIssuance": sign_in.id_token_implicit,
            },
            "logoutUrl": sign_in.logout_url,
            "redirectUriSettings": [{"index": None, "uri": uri} for uri in sign_in.web],
            "redirectUris": list(sign_in.web),
        },
    }
