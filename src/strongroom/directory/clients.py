"""Clients: whether a program is the application it says it is (reference clients.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.identity import Application, Credential, CredentialKind, ServicePrincipal
from strongroom.core.oauth import SECRET_CLIENT, refuse
from strongroom.crypto.protocol import KeyProtection
from strongroom.crypto.secret_texts import WrongSecret, match_secret
from strongroom.directory.runs import is_current
from strongroom.view import View


@dataclass(frozen=True, slots=True)
class Client:
    """An application that proved itself, its principal in the tenant asked, and the credential that it used."""

    application: Application | None
    """None for a managed identity, which has no application."""
    principal: ServicePrincipal
    credential: Credential
    appidacr: str


def authenticate_by_secret(
    keys: KeyProtection, view: View, *, tenant: str, client_id: str, secret: str, now: int
) -> Client:
    """
    Check an application's secret.

    An unknown application costs as much as a known one with one secret, and what is wrong with a known one (disabled,
    expired) is said to nobody who has not shown its secret.

    Raises:
        Invalid: AADSTS700016, the tenant has no principal of such an application; 7000112, it is disabled.
        Unauthenticated: AADSTS7000215, the secret is wrong; 7000222, it has expired.
    """
    application, principal = _look_up(view, tenant, client_id)
    held = [
        credential
        for credential in (view.credentials_of(application.id) if application is not None else ())
        if credential.kind is CredentialKind.SECRET
    ]
    try:
        matched = match_secret(keys, secret, [(credential.id, credential.verifier) for credential in held])
    except WrongSecret:
        matched = None
    if application is None or principal is None:
        raise refuse(700016, client_id=client_id, tenant=tenant, reason="unknown client")
    credential = next((one for one in held if one.id == matched), None)
    if credential is None:
        raise refuse(7000215, client_id=client_id, reason="wrong client secret")
    if not is_current(credential, now):
        raise refuse(7000222, client_id=client_id, reason=f"client secret {credential.id} is not current")
    if not principal.enabled:
        raise refuse(7000112, client_id=client_id, reason="service principal is disabled")
    return Client(application, principal, credential, SECRET_CLIENT)


def require_client(view: View, *, tenant: str, client_id: str) -> Application:
    """
    Find the application that a request without any proof of it names.

    Raises:
        Invalid: AADSTS700016, the tenant has no principal of such an application.
    """
    application, principal = _look_up(view, tenant, client_id)
    if application is None or principal is None:
        raise refuse(700016, client_id=client_id, tenant=tenant, reason="unknown client")
    return application


def _look_up(view: View, tenant: str, client_id: str) -> tuple[Application | None, ServicePrincipal | None]:
    """Find an application and its principal in the tenant; both, or neither."""
    app_id = client_id.lower()
    principal = view.service_principal_by_app_id(tenant, app_id)
    application = view.application_by_app_id(app_id)
    return (application, principal) if application is not None and principal is not None else (None, None)
