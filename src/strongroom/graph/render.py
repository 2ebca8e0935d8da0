"""How directory objects look on Graph's wire."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from strongroom.core.client_certificates import THUMBPRINT_BYTES, ClientCertificate
from strongroom.core.first_party import FIRST_PARTY, OWNER_TENANT
from strongroom.core.identity import (
    Application,
    Credential,
    CredentialKind,
    Group,
    ServicePrincipal,
    ServicePrincipalType,
    User,
)
from strongroom.core.registration import SignIn
from strongroom.directory.user_passwords import password_of
from strongroom.graph.registration import app_role, permission_scope, registration
from strongroom.graph.wire import PROFILE
from strongroom.view import View


def instant(seconds: int | None) -> str | None:
    """Write a time as Graph does: `2025-01-01T00:00:00Z`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def password_credential(credential: Credential) -> dict[str, Any]:
    """Render a client secret without its secret, which nobody has any more."""
    return {
        "customKeyIdentifier": None,
        "displayName": credential.display_name,
        "endDateTime": instant(credential.expires),
        "hint": credential.hint,
        "keyId": credential.id,
        "secretText": None,
        "startDateTime": instant(credential.not_before),
    }


def key_credential(certificate: ClientCertificate, *, with_key: bool = False) -> dict[str, Any]:
    """Render a certificate; its bytes only where one object's `keyCredentials` are asked for by name."""
    return {
        "customKeyIdentifier": _key_identifier(certificate.custom_key_identifier),
        "displayName": certificate.display_name,
        "endDateTime": instant(certificate.expires),
        "key": b64encode(certificate.certificate).decode("ascii") if with_key else None,
        "keyId": certificate.key_id,
        "startDateTime": instant(certificate.not_before),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def _key_identifier(identifier: bytes) -> str:
    """Write a thumbprint in hexadecimal, as Graph does and `az ad app credential list` is read; else in base64."""
    return identifier.hex().upper() if len(identifier) == THUMBPRINT_BYTES else b64encode(identifier).decode("ascii")


def _secrets(view: View, owner: str) -> list[dict[str, Any]]:
    """Render an owner's secrets, the oldest first."""
    secrets = [one for one in view.credentials_of(owner) if one.kind is CredentialKind.SECRET]
    return [password_credential(one) for one in sorted(secrets, key=_by_age)]


def _certificates(view: View, owner: str, *, with_key: bool) -> list[dict[str, Any]]:
    """Render an owner's certificates, the oldest first."""
    certificates = sorted(view.certificates_of(owner), key=lambda one: (one.created, one.key_id))
    return [key_credential(one, with_key=with_key) for one in certificates]


def application(view: View, record: Application, *, with_keys: bool = False) -> dict[str, Any]:
    """Render an application."""
    return {
        "id": record.id,
        "deletedDateTime": None,
        "appId": record.app_id,
        "createdDateTime": instant(record.created),
        "displayName": record.display_name,
        "identifierUris": list(record.identifier_uris),
        "signInAudience": record.sign_in_audience,
        **registration(record),
        "keyCredentials": _certificates(view, record.id, with_key=with_keys),
        "passwordCredentials": _secrets(view, record.id),
    }


def service_principal_names(view: View, record: ServicePrincipal) -> tuple[str, ...]:
    """Give the names a service principal may be asked for by: its app id and its application's identifier URIs."""
    backing, party = view.application_by_app_id(record.app_id), FIRST_PARTY.get(record.app_id)
    names = party.names if party is not None else backing.identifier_uris if backing is not None else ()
    return (record.app_id, *names)


def service_principal(view: View, record: ServicePrincipal, *, with_keys: bool = False) -> dict[str, Any]:
    """Render a service principal: its own properties, and those of the application behind it."""
    backing, party = view.application_by_app_id(record.app_id), FIRST_PARTY.get(record.app_id)
    is_identity = record.type is ServicePrincipalType.MANAGED_IDENTITY
    offers = backing or party
    organization = OWNER_TENANT if party is not None else backing.tenant if backing is not None else None
    scopes = party.scopes if party is not None else backing.api.scopes if backing is not None else ()
    sign_in = backing.sign_in if backing is not None else SignIn()
    return {
        "id": record.id,
        "deletedDateTime": None,
        "accountEnabled": record.enabled,
        "alternativeNames": [f"isExplicit={not record.is_system_assigned}", record.resource_id] if is_identity else [],
        "appDisplayName": offers.display_name if offers is not None else None,
        "appId": record.app_id,
        "appOwnerOrganizationId": organization,
        "appRoleAssignmentRequired": record.app_role_assignment_required,
        "appRoles": [app_role(one) for one in offers.app_roles] if offers is not None else [],
        "createdDateTime": instant(record.created),
        "description": record.description,
        "displayName": record.display_name,
        "homepage": sign_in.home_page_url,
        "keyCredentials": _certificates(view, record.id, with_key=with_keys),
        "logoutUrl": sign_in.logout_url,
        "notes": record.notes,
        "oauth2PermissionScopes": [permission_scope(one) for one in scopes],
        "passwordCredentials": _secrets(view, record.id),
        "replyUrls": [*sign_in.web, *sign_in.spa, *sign_in.public_client],
        "servicePrincipalNames": list(service_principal_names(view, record)),
        "servicePrincipalType": record.type.value,
        "signInAudience": backing.sign_in_audience if backing is not None else None,
        "tags": list(record.tags),
    }


def user(record: User) -> dict[str, Any]:
    """Render a user."""
    return {
        "id": record.id,
        "deletedDateTime": None,
        "accountEnabled": record.enabled,
        "businessPhones": [],
        "createdDateTime": instant(record.created),
        "displayName": record.display_name,
        "givenName": record.given_name,
        "mailNickname": record.mail_nickname,
        "surname": record.surname,
        "userPrincipalName": record.user_principal_name,
        "userType": "Member",
        **dict.fromkeys(PROFILE),
        **dict(record.profile),
    }


DEFAULT_USER = frozenset(
    {
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    }
)
"""What v1.0 tells of a user without being asked by name."""
BASIC_USER = frozenset({"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"})
"""What `User.ReadBasic.All` shows of a user."""


def basic_user(record: User) -> dict[str, Any]:
    """Render what everybody may know of a user."""
    return {name: value for name, value in user(record).items() if name in BASIC_USER}


def user_security(view: View, record: User) -> dict[str, Any]:
    """Render what is told of a user's password and sessions, where it is asked for by name."""
    password = password_of(view, record)
    changed = record.created if password is None else password.created
    return {
        "lastPasswordChangeDateTime": instant(changed),
        "passwordPolicies": "DisablePasswordExpiration" if record.password_never_expires else "None",
        "signInSessionsValidFromDateTime": instant(max(changed, record.sessions_valid_from)),
    }


def group(record: Group) -> dict[str, Any]:
    """Render a group."""
    return {
        "id": record.id,
        "deletedDateTime": None,
        "createdDateTime": instant(record.created),
        "description": record.description,
        "displayName": record.display_name,
        "groupTypes": [],
        "mail": None,
        "mailEnabled": False,
        "mailNickname": record.mail_nickname,
        "securityEnabled": True,
        "visibility": None,
    }


def directory_object(view: View, record: User | Group | ServicePrincipal | Application) -> dict[str, Any]:
    """Render an object where objects of every kind may stand, so it says which kind it is."""
    match record:
        case User():
            return {"@odata.type": "#microsoft.graph.user", **user(record)}
        case Group():
            return {"@odata.type": "#microsoft.graph.group", **group(record)}
        case ServicePrincipal():
            return {"@odata.type": "#microsoft.graph.servicePrincipal", **service_principal(view, record)}
        case Application():
            return {"@odata.type": "#microsoft.graph.application", **application(view, record)}


def _by_age(credential: Credential) -> tuple[int, str]:
    return credential.created, credential.id
