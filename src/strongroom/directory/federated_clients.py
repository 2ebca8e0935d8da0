"""Clients that prove themselves by the token of an outside issuer: workload identity federation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from strongroom.core.aadsts import KEY_NOT_FOUND, refuse
from strongroom.core.assertions import audience_of, require_in_time
from strongroom.core.errors import knowing
from strongroom.core.federation import FederatedCredential, IssuerKey, TrustedIssuer
from strongroom.core.identity import Application, ServicePrincipal
from strongroom.core.names import Hosts
from strongroom.core.oauth import CERTIFICATE_CLIENT
from strongroom.directory.clients import Client, refuse_assertion, require_enabled
from strongroom.directory.federation import is_service_audience
from strongroom.view import View

if TYPE_CHECKING:
    from strongroom.crypto.assertions import UnverifiedAssertion

FindKey = Callable[[TrustedIssuer, str], Awaitable[IssuerKey | None]]
"""`(issuer, kid) -> key`: given by the operator, or published by the issuer."""


async def authenticate_by_federation(
    view: View,
    assertion: UnverifiedAssertion,
    find_key: FindKey,
    application: Application | None,
    principal: ServicePrincipal,
    *,
    hosts: Hosts,
    now: int,
) -> Client:
    """
    Check a token of an outside issuer that a federated credential is for.

    It is one of the application, or of the managed identity that *principal* is if there is no application.

    Issuer, subject and audience are compared exactly. Nothing is asked of an issuer that neither the client names
    nor the operator trusts, and which subjects are known is said to nobody without a token that the issuer signed.

    Raises:
        Invalid: AADSTS7000112, 50027.
        Unauthenticated: AADSTS700211, 700212, 700213, the issuer, audience or subject is none of the client's;
            700027, 5002730, 700024.
        Unavailable: AADSTS90033, the issuer's keys cannot be had now.
    """
    owner, client_id = (application or principal).id, principal.app_id
    held = [one for one in view.federated_credentials_of(owner) if one.issuer == assertion.issuer]
    if not held:
        raise refuse(700211, reason="no federated credential for the issuer")
    issuer = view.trusted_issuer(assertion.issuer)
    if issuer is None:
        raise refuse(700211, reason="the operator does not trust the issuer")
    key = None if assertion.kid is None else await find_key(issuer, assertion.kid)
    if key is None or view.trusted_issuer(assertion.issuer) is not issuer:
        raise refuse(700027, client_id=client_id, cause=KEY_NOT_FOUND, reason="the issuer has no such key")
    claims = _check_signature(assertion, key, client_id)
    if claims.get("iss") != issuer.id:
        raise refuse(700211, reason="iss is not what it was")
    found = next((one for one in held if one.subject == claims.get("sub")), None)
    with knowing(credentialId=found.credential_id if found is not None else None):
        require_in_time(claims, now)
        credential = _fitting(found, claims, hosts)
        require_enabled(principal)
    return Client(application, principal, credential, CERTIFICATE_CLIENT, credential.credential_id)


def _check_signature(assertion: UnverifiedAssertion, key: IssuerKey, client_id: str) -> Mapping[str, object]:
    # The libraries take a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto import assertions, jwk  # noqa: PLC0415

    try:
        return assertions.verify_assertion(
            assertion, jwk.issuer_key(key.public_key), algorithms=jwk.FEDERATED_ALGORITHMS
        )
    except assertions.AssertionRefused as refused:
        raise refuse_assertion(refused, client_id) from None


def _fitting(found: FederatedCredential | None, claims: Mapping[str, object], hosts: Hosts) -> FederatedCredential:
    audience = audience_of(claims)
    if found is None:
        raise refuse(700213, reason="no federated credential for the subject")
    if audience not in found.audiences or is_service_audience(audience, hosts):
        raise refuse(700212, reason="no federated credential for the audience")
    return found
