"""
Assertions for workload identity: what a program finds in its token file, and shows the token endpoint as its proof.

    a run's credential --> a signed assertion in a file --> client_assertion --> tokens bound to the credential

The instance is the issuer: the tenant's own key signs, under an `iss` that no access token has and for an audience that
no surface is, so that neither can stand for the other. An assertion names the credential that it was made for as a
token does, and is worth nothing once that is removed. What outside issuers sign is another matter: federation.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.aadsts import KEY_DID_NOT_SIGN, refuse
from strongroom.core.errors import Failure, knowing
from strongroom.core.identity import Credential, CredentialKind, ServicePrincipal, ServicePrincipalType
from strongroom.core.oauth import CERTIFICATE_CLIENT
from strongroom.core.token_ids import new_token_id, proof_of
from strongroom.crypto.protocol import RootKey
from strongroom.directory.clients import Client
from strongroom.directory.runs import is_current
from strongroom.directory.signing_keys import open_private_key, signs_now, verification_keys
from strongroom.directory.tokens import Mint
from strongroom.view import View

AUDIENCE = "api://AzureADTokenExchange"
"""What the assertions of workload identity are for, in Azure and here."""
_LEEWAY_S = 60


def assertion_issuer(tenant: str) -> str:
    """Give the `iss` of a tenant's own assertions. It is no address: nobody looks for keys there."""
    return f"urn:strongroom:workload-identity:{tenant}"


async def make_assertion(
    mint: Mint, principal: ServicePrincipal, credential: Credential, *, lifetime_s: int, now: int
) -> tuple[str, int]:
    """
    Make an assertion that never outlives its credential, and say when it ends.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    ends = now + lifetime_s if credential.expires is None else min(now + lifetime_s, credential.expires)
    key = signs_now(mint.view.signing_keys(principal.tenant), now)
    claims: dict[str, object] = {
        "iss": assertion_issuer(principal.tenant),
        "sub": principal.id,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": ends,
        "uti": new_token_id(mint.keys.tag, credential.id, mint.entropy),
    }
    return await mint.signers.sign(key.id, lambda: open_private_key(mint.keys, key), claims), ends


def find_identity(view: View, tenant: str, client_id: str) -> ServicePrincipal | None:
    """Find the managed identity that a client id is of, if it is one's."""
    found = view.service_principal_by_app_id(tenant, client_id.lower())
    return found if found is not None and found.type is ServicePrincipalType.MANAGED_IDENTITY else None


def authenticate_identity(keys: RootKey, view: View, principal: ServicePrincipal, assertion: str, now: int) -> Client:
    """
    Check that an assertion of ours is a managed identity's, and that the credential behind it still counts.

    Raises:
        Invalid: AADSTS7000112, the identity is disabled.
        Unauthenticated: AADSTS700027, it is not ours, or not this identity's; 700024, it has ended.
    """
    claims = _verified(view, principal, assertion, now)
    if (claims.get("iss"), claims.get("aud"), claims.get("sub")) != (
        assertion_issuer(principal.tenant),
        AUDIENCE,
        principal.id,
    ):
        raise _refused(principal, "issuer, audience or subject of an assertion")
    not_before, ends, token_id = claims.get("nbf"), claims.get("exp"), claims.get("uti")
    if not (isinstance(not_before, int) and isinstance(ends, int) and isinstance(token_id, str)):
        raise _refused(principal, "nbf, exp or uti of an assertion")
    runs = [one for one in view.credentials_of(principal.id) if one.kind is CredentialKind.RUN]
    credential = proof_of(keys.tag, token_id, runs)
    with knowing(credentialId=credential.id if credential is not None else None):
        if not not_before - _LEEWAY_S <= now < ends:
            raise refuse(700024, reason="assertion is not current")
        if credential is None or not is_current(credential, now):
            raise _refused(principal, "the credential behind an assertion is gone")
        if not principal.enabled:
            raise refuse(7000112, client_id=principal.app_id, reason="managed identity is disabled")
    return Client(None, principal, credential, CERTIFICATE_CLIENT, credential.id)


def _refused(principal: ServicePrincipal, reason: str) -> Failure:
    """Say that an assertion proves nothing: one answer, whatever is wrong with it."""
    return refuse(700027, client_id=principal.app_id, cause=KEY_DID_NOT_SIGN, reason=reason)


def _verified(view: View, principal: ServicePrincipal, assertion: str, now: int) -> Mapping[str, object]:
    # The library takes a quarter of a second to import, which a start-up must not wait for.
    from strongroom.crypto import jws  # noqa: PLC0415

    try:
        return jws.verify_signature(assertion.strip(), verification_keys(view.signing_keys(principal.tenant), now))
    except jws.TokenRefused as refused:
        raise _refused(principal, f"assertion: {refused.reason}") from None
