"""What the token service answers."""

from __future__ import annotations

import msgspec

from strongroom.http import json


class TokenResponse(json.Secretive, omit_defaults=True):
    """Tokens, as the v2 endpoint and AD FS answer. The last four come with tokens for users."""

    token_type: str
    expires_in: int
    ext_expires_in: int
    access_token: str
    scope: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    client_info: str | None = None


class TokenResponseV1(json.Secretive, omit_defaults=True):
    """Tokens, as the v1 endpoint answers: all numbers are text."""

    token_type: str
    expires_in: str
    ext_expires_in: str
    expires_on: str
    not_before: str
    resource: str
    access_token: str
    scope: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    client_info: str | None = None


class DeviceCode(json.Secretive):
    """A device code, and what the person is to be told (RFC 8628 section 3.2; v2)."""

    user_code: str
    device_code: str
    verification_uri: str
    expires_in: int
    interval: int
    message: str


class DeviceCodeV1(json.Secretive):
    """The same, as v1 names it."""

    user_code: str
    device_code: str
    verification_url: str
    expires_in: str
    interval: str
    message: str


class OpenIdConfiguration(msgspec.Struct):
    """OpenID provider metadata (OpenID Connect Discovery section 3), with Entra's own members."""

    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    jwks_uri: str
    response_modes_supported: list[str]
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]
    issuer: str
    request_uri_parameter_supported: bool
    userinfo_endpoint: str
    authorization_endpoint: str
    device_authorization_endpoint: str
    http_logout_supported: bool
    frontchannel_logout_supported: bool
    end_session_endpoint: str
    claims_supported: list[str]
    cloud_instance_name: str
    msgraph_host: str


class KeySet(msgspec.Struct):
    """A JSON Web Key Set (RFC 7517 section 5). Public members only: they are made of certificates."""

    keys: list[dict[str, object]]


class CloudMetadata(msgspec.Struct):
    """The names that one cloud's authority goes by."""

    preferred_network: str
    preferred_cache: str
    aliases: list[str]


class InstanceDiscovery(msgspec.Struct, rename={"api_version": "api-version"}):
    """That an authority is one of ours, and where its metadata is."""

    tenant_discovery_endpoint: str
    api_version: str
    metadata: list[CloudMetadata]


class UserRealm(msgspec.Struct):
    """How the users of a domain sign in. It goes by the domain alone, so it tells nobody who exists."""

    ver: str
    account_type: str
    domain_name: str
    cloud_instance_name: str
    cloud_audience_urn: str
