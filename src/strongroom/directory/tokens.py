"""Issuing tokens: which key signs, and what is said of whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.core.directory_roles import APPLICATION_PERMISSIONS
from strongroom.core.identity import ServicePrincipal, SigningKey
from strongroom.core.names import Surface
from strongroom.core.oauth import (
    CERTIFICATE_CLIENT,
    Lifetime,
    Resource,
    TokenFacts,
    application_lifetime,
    managed_identity_claims,
    managed_identity_lifetime,
    opaque_text,
    service_principal_claims,
)
from strongroom.core.token_ids import Proof, new_token_id
from strongroom.crypto.protocol import KeyProtection
from strongroom.crypto.token_signers import TokenSigners
from strongroom.directory.signing_keys import open_private_key, signs_now
from strongroom.view import View

AIO_BYTES = 36
RH_BYTES = 24


@dataclass(frozen=True, slots=True)
class Mint:
    """What issuing takes: the instance's keys, the threads that sign, the directory, and chance."""

    keys: KeyProtection
    signers: TokenSigners
    view: View
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and what the answer says about it."""

    text: str = field(repr=False)
    resource: Resource
    lifetime: Lifetime
    token_id: str


async def issue_to_application(
    mint: Mint, principal: ServicePrincipal, credential: Proof, *, appidacr: str, resource: Resource, now: int
) -> AccessToken:
    """
    Issue a token to an application for itself, bound to the credential it showed.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    lifetime = application_lifetime(now, mint.entropy)
    facts = _facts(mint, principal, credential, appidacr, resource, lifetime)
    return await sign(
        mint, facts, service_principal_claims(facts, oid=principal.id, roles=_roles(mint, principal, resource)), now
    )


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
    roles = _roles(mint, principal, resource)
    claims = managed_identity_claims(facts, oid=principal.id, resource_id=principal.resource_id or "", roles=roles)
    return await sign(mint, facts, claims, now)


def _roles(mint: Mint, principal: ServicePrincipal, resource: Resource) -> tuple[str, ...]:
    """
    Name the app roles that a principal has of a resource of Azure's, in the order of their names.

    They are for whoever reads the token: what they give here is asked of the directory whenever the token is used.
    """
    if resource.surface is not Surface.GRAPH:
        return ()
    held = mint.view.app_permissions_of(principal.tenant, principal.id)
    return tuple(sorted(one.name for id_, one in APPLICATION_PERMISSIONS.items() if id_ in held))


def _facts(
    mint: Mint,
    principal: ServicePrincipal,
    credential: Proof,
    appidacr: str,
    resource: Resource,
    lifetime: Lifetime,
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
    )


async def sign(mint: Mint, facts: TokenFacts, claims: dict[str, object], now: int) -> AccessToken:
    """
    Sign claims with the key that signs for their tenant now.

    Raises:
        NoSigningKey: the tenant has none.
        Throttled: too many signatures wait already.
    """
    key: SigningKey = signs_now(mint.view.signing_keys(facts.tenant), now)
    text = await mint.signers.sign(key.id, lambda: open_private_key(mint.keys, key), claims)
    return AccessToken(text, facts.resource, facts.lifetime, facts.token_id)
