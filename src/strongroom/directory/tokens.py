"""Issuing tokens: which key signs, and what is said of whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.core.claims_request import NOTHING, ClaimsRequest
from strongroom.core.claims_v2 import version_2
from strongroom.core.client_certificates import ClientCertificate
from strongroom.core.identity import Credential, ServicePrincipal, SigningKey
from strongroom.core.oauth import (
    CERTIFICATE_CLIENT,
    Lifetime,
    Resource,
    TokenFacts,
    application_lifetime,
    continuous_lifetime,
    issuer_v2,
    managed_identity_claims,
    managed_identity_lifetime,
    opaque_text,
    service_principal_claims,
)
from strongroom.core.token_ids import Proof, new_token_id
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.token_signers import TokenSigners
from strongroom.directory.apis import app_id_of, roles_of_application
from strongroom.directory.signing_keys import open_private_key, signs_now
from strongroom.view import View

AIO_BYTES = 36
RH_BYTES = 24


@dataclass(frozen=True, slots=True)
class Mint:
    """What issuing takes: the instance's keys, the threads that sign, the directory, chance, and our own name."""

    keys: RootKey
    signers: TokenSigners
    view: View
    entropy: Callable[[int], bytes]
    authority: str
    """The URL of the login surface, without a slash at the end: what the `iss` of tokens of version 2 begins with."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and what the answer says about it."""

    text: str = field(repr=False)
    resource: Resource
    lifetime: Lifetime
    token_id: str


async def issue_to_application(
    mint: Mint,
    principal: ServicePrincipal,
    credential: Proof,
    *,
    appidacr: str,
    resource: Resource,
    now: int,
    claims: ClaimsRequest = NOTHING,
) -> AccessToken:
    """
    Issue a token to an application for itself, bound to the credential it showed.

    One that lives long, as clients that understand it get, ends with a secret or certificate at the latest. A federated
    credential says nothing of when the outside token ends, so with one it lives no longer than usual.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    continuous = is_continuous(claims, resource)
    if continuous and isinstance(credential, Credential | ClientCertificate):
        lifetime = continuous_lifetime(now, mint.entropy, until=credential.expires, not_before=claims.not_before)
    else:
        lifetime = application_lifetime(now, mint.entropy, not_before=claims.not_before)
    facts = _facts(mint, principal, credential, appidacr, resource, lifetime, continuous=continuous)
    roles = roles_of_application(mint.view, principal, resource)
    return await sign_access(mint, facts, service_principal_claims(facts, oid=principal.id, roles=roles), now)


def is_continuous(claims: ClaimsRequest, resource: Resource) -> bool:
    """Tell whether a token will be refused as soon as it has ended: the client understands it, and we are asked."""
    return claims.continuous and resource.surface is not None


async def issue_to_identity(
    mint: Mint, principal: ServicePrincipal, credential: Proof, *, until: int | None, resource: Resource, now: int
) -> AccessToken:
    """
    Issue a token to a managed identity, bound to the credential that asked and never outliving it: it ends *until*.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    lifetime = managed_identity_lifetime(now, until)
    facts = _facts(mint, principal, credential, CERTIFICATE_CLIENT, resource, lifetime)
    roles = roles_of_application(mint.view, principal, resource)
    claims = managed_identity_claims(facts, oid=principal.id, resource_id=principal.resource_id or "", roles=roles)
    return await sign_access(mint, facts, claims, now)


def _facts(
    mint: Mint,
    principal: ServicePrincipal,
    credential: Proof,
    appidacr: str,
    resource: Resource,
    lifetime: Lifetime,
    *,
    continuous: bool = False,
) -> TokenFacts:
    return TokenFacts(
        tenant=principal.tenant,
        resource=resource,
        app_id=principal.app_id,
        appidacr=appidacr,
        lifetime=lifetime,
        token_id=new_token_id(mint.keys.tag, credential.id, mint.entropy),
        aio=opaque_text(mint.entropy, AIO_BYTES),
        rh=opaque_text(mint.entropy, RH_BYTES),
        continuous=continuous,
    )


async def sign_access(mint: Mint, facts: TokenFacts, claims: dict[str, object], now: int) -> AccessToken:
    """
    Sign the claims of an access token, in the version that its resource wants.

    Raises:
        NoSigningKey: the tenant has none.
        Throttled: too many signatures wait already.
    """
    version = facts.resource.token_version
    if version != 1:
        issuer = issuer_v2(mint.authority, facts.tenant)
        claims = version_2(claims, audience=app_id_of(facts.resource), issuer=issuer)
    return await sign(mint, facts, claims, now, version=version)


async def sign(mint: Mint, facts: TokenFacts, claims: dict[str, object], now: int, *, version: int) -> AccessToken:
    """
    Sign claims with the key that signs for their tenant now. The header of version 1 names it twice, others once.

    Raises:
        NoSigningKey: the tenant has none.
        Throttled: too many signatures wait already.
    """
    key: SigningKey = signs_now(mint.view.signing_keys(facts.tenant), now)
    text = await mint.signers.sign(key.id, lambda: open_private_key(mint.keys, key), claims, x5t=version == 1)
    return AccessToken(text, facts.resource, facts.lifetime, facts.token_id)
