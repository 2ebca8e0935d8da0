"""Clients: whether a program is the application it says it is (reference clients.md section 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.core.aadsts import KEY_DID_NOT_SIGN, KEY_EXPIRED, KEY_NOT_FOUND, refuse
from strongroom.core.assertions import require_own_claims
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.errors import Failure, knowing
from strongroom.core.identity import Application, CredentialKind, ServicePrincipal
from strongroom.core.oauth import CERTIFICATE_CLIENT, PUBLIC_CLIENT, SECRET_CLIENT
from strongroom.core.public_clients import WELL_KNOWN_CLIENTS
from strongroom.core.token_ids import Proof
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.secret_texts import WrongSecret, match_secret
from strongroom.directory.runs import is_current
from strongroom.view import View

if TYPE_CHECKING:
    from strongroom.crypto.assertions import AssertionRefused, UnverifiedAssertion


@dataclass(frozen=True, slots=True)
class Client:
    """An application that proved itself, its principal in the tenant asked, and what it proved itself by."""

    application: Application | None
    """None for a managed identity, which has no application."""
    principal: ServicePrincipal
    credential: Proof
    """What its tokens end with."""
    appidacr: str
    credential_id: str
    """What whoever administers the application knows the credential by."""

    @property
    def app_id(self) -> str:
        """The application's id."""
        return self.principal.app_id or ""


@dataclass(frozen=True, slots=True)
class PublicClient:
    """A program that anybody may run: its id is its own claim, and it acts for users alone."""

    app_id: str
    display_name: str
    appidacr: str = PUBLIC_CLIENT
    principal: ServicePrincipal | None = None
    """None for a well-known client, which nobody registered."""


def find_public_client(client_id: str) -> PublicClient | None:
    """Find the public client that an id names, or None if no such client is known."""
    known = WELL_KNOWN_CLIENTS.get(client_id.lower())
    return PublicClient(known.app_id, known.display_name) if known is not None else None


def find_registered_public_client(
    view: View, *, tenant: str, client_id: str, has_redirect_uri: bool
) -> PublicClient | None:
    """
    Find the registered application that an id names, if it may do without a proof, or None.

    Its registration says so, by a redirect URI of a page or an installed program, or, for requests that have none
    (password, device code), by `isFallbackPublicClient`.

    Raises:
        Invalid: AADSTS7000112, it is disabled in the tenant.
    """
    application, principal = _look_up(view, tenant, client_id)
    if application is None or principal is None:
        return None
    sign_in = application.sign_in
    listens = has_redirect_uri and (sign_in.public_client or sign_in.spa)
    if not listens and sign_in.is_fallback_public_client is not True:
        return None
    require_enabled(principal)
    return PublicClient(application.app_id, application.display_name, principal=principal)


def authenticate_by_secret(keys: RootKey, view: View, *, tenant: str, client_id: str, secret: str, now: int) -> Client:
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
        for owner in (application, principal)
        for credential in (view.credentials_of(owner.id) if owner is not None else ())
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
    with knowing(credentialId=credential.id):
        if not is_current(credential, now):
            raise refuse(7000222, client_id=client_id, reason=f"client secret {credential.id} is not current")
        require_enabled(principal)
    return Client(application, principal, credential, SECRET_CLIENT, credential.id)


def authenticate_by_certificate(
    view: View, assertion: UnverifiedAssertion, *, tenant: str, client_id: str, audiences: AbstractSet[str], now: int
) -> Client:
    """
    Check an assertion that an application signed with the key of a certificate it registered.

    The header says which certificate, among those that the application and its principal have; the algorithm is one of
    that key's kind. Nothing else of the header counts, a certificate or chain in `x5c` least of all. That a certificate
    has expired, or that the application is disabled, is said to nobody who has not shown the key.

    Raises:
        Invalid: AADSTS700016, the tenant has no principal of such an application; 7000112, it is disabled; 50027.
        Unauthenticated: AADSTS700027, no such certificate, it did not sign, or it has expired; 5002723, none is named;
            5002730, the algorithm is not its key's; 700021, 700023, 700024.
    """
    application, principal = require_client(view, tenant=tenant, client_id=client_id)
    held = [one for owner in (application, principal) for one in view.certificates_of(owner.id)]
    certificate = _named_certificate(held, assertion, application.app_id)
    claims = check_signature(assertion, certificate, application.app_id)
    with knowing(credentialId=certificate.key_id):
        require_own_claims(claims, client_id=application.app_id, audiences=audiences, now=now)
        if not certificate.is_current(now):
            raise refuse(
                700027,
                client_id=application.app_id,
                cause=KEY_EXPIRED,
                reason=f"certificate {certificate.key_id} is not current",
            )
        require_enabled(principal)
    return Client(application, principal, certificate, CERTIFICATE_CLIENT, certificate.key_id)


def check_signature(
    assertion: UnverifiedAssertion, certificate: ClientCertificate, client_id: str
) -> Mapping[str, object]:
    """
    Check an assertion's signature by a certificate, and give its claims.

    Raises:
        Invalid: AADSTS50027.
        Unauthenticated: AADSTS5002730, 700027.
    """
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto import assertions  # noqa: PLC0415

    try:
        return assertions.verify_assertion(assertion, assertions.certificate_key(certificate.certificate))
    except assertions.AssertionRefused as refused:
        raise refuse_assertion(refused, client_id) from None


def refuse_assertion(refused: AssertionRefused, client_id: str) -> Failure:
    """Say in the token service's words what is wrong with an assertion's form or signature."""
    if refused.fault == "bad_signature":
        return refuse(700027, client_id=client_id, cause=KEY_DID_NOT_SIGN, reason=refused.reason)
    number = {"header": 5002710, "algorithm": 5002730}.get(refused.fault, 50027)
    return refuse(number, reason=f"assertion: {refused.reason}")


def _named_certificate(
    held: Sequence[ClientCertificate], assertion: UnverifiedAssertion, client_id: str
) -> ClientCertificate:
    from strongroom.crypto.client_certificates import names_certificate  # noqa: PLC0415  see check_signature

    names = {"kid": assertion.kid, "x5t": assertion.x5t, "x5t_s256": assertion.x5t_s256}
    if not any(names.values()):
        raise refuse(5002723, reason="assertion names no certificate")
    # The same certificate may be registered twice; the one that lasts longest is the one that counts.
    found = [one for one in held if names_certificate(one.certificate, **names)]
    if not found:
        raise refuse(700027, client_id=client_id, cause=KEY_NOT_FOUND, reason="certificate is not registered")
    return max(found, key=lambda one: (one.expires, one.id))


def require_enabled(principal: ServicePrincipal) -> None:
    """
    Refuse an application that is disabled in the tenant, once it has proved itself.

    Raises:
        Invalid: AADSTS7000112.
    """
    if not principal.enabled:
        raise refuse(7000112, client_id=principal.app_id, reason="service principal is disabled")


def require_client(view: View, *, tenant: str, client_id: str) -> tuple[Application, ServicePrincipal]:
    """
    Find the application that a request names, and its principal, before anything proved that it is from there.

    Raises:
        Invalid: AADSTS700016, the tenant has no principal of such an application.
    """
    application, principal = _look_up(view, tenant, client_id)
    if application is None or principal is None:
        raise refuse(700016, client_id=client_id, tenant=tenant, reason="unknown client")
    return application, principal


def _look_up(view: View, tenant: str, client_id: str) -> tuple[Application | None, ServicePrincipal | None]:
    """Find an application and its principal in the tenant; both, or neither, and neither where it may not be."""
    app_id = client_id.lower()
    principal = view.service_principal_by_app_id(tenant, app_id)
    application = view.application_by_app_id(app_id)
    if application is None or principal is None or not application.may_be_in(tenant):
        return None, None
    return application, principal
