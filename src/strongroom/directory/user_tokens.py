"""Issuing tokens that speak for a user."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace

from strongroom.core.claims_request import NOTHING, ClaimsRequest
from strongroom.core.identity import User
from strongroom.core.oauth import (
    EMAIL,
    OPENID,
    PROFILE,
    Lifetime,
    TokenFacts,
    application_lifetime,
    continuous_lifetime,
    opaque_text,
)
from strongroom.core.sessions import TokenFamily
from strongroom.core.token_ids import new_token_id
from strongroom.core.user_tokens import UserFacts, UserScope, id_token_claims, user_claims
from strongroom.crypto.protocol import RootKey
from strongroom.directory.apis import roles_of_user
from strongroom.directory.identity_providers import issuer_of
from strongroom.directory.tokens import AIO_BYTES, RH_BYTES, AccessToken, Mint, is_continuous, sign, sign_access

_SUBJECT = "pairwise subject"
_PASSPORT = "passport id"
_PASSPORT_PREFIX, _PASSPORT_BYTES = "1003", 6
"""`puid` is sixteen hexadecimal digits, of which Entra's are known to begin like this."""


async def issue_to_user(
    mint: Mint,
    user: User,
    family: TokenFamily,
    scope: UserScope,
    *,
    appidacr: str,
    address: str,
    now: int,
    claims: ClaimsRequest = NOTHING,
    long_lived: bool = True,
) -> AccessToken:
    """
    Issue an access token for a user to the client of a family. It ends with the family.

    Not *long_lived* keeps the usual life though the client would understand a longer one; so does a client with a
    proof of its own, which may end before.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    continuous = is_continuous(claims, scope.resource)
    if continuous and long_lived and family.client_credential is None:
        lifetime = continuous_lifetime(now, mint.entropy, until=family.until, not_before=claims.not_before)
    else:
        lifetime = application_lifetime(now, mint.entropy, not_before=claims.not_before)
    facts = _facts(mint, family, scope, appidacr, lifetime, continuous=continuous)
    said = replace(_user_facts(mint, user, family, address), app_roles=roles_of_user(mint.view, user, scope.resource))
    return await sign_access(mint, facts, user_claims(facts, said, scope.permissions), now)


async def issue_id_token(
    mint: Mint, user: User, family: TokenFamily, scope: UserScope, *, issuer: str, nonce: str | None, now: int
) -> str | None:
    """
    Issue an id token to the client of a family, if it asked for one.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    if OPENID not in scope.openid:
        return None
    facts = _facts(mint, family, scope, "0", application_lifetime(now, mint.entropy))
    claims = id_token_claims(
        facts,
        _user_facts(mint, user, family, None),
        issuer=issuer,
        nonce=nonce,
        preferred_username=PROFILE in scope.openid,
        email=dict(user.profile).get("mail") if EMAIL in scope.openid else None,
    )
    return (await sign(mint, facts, claims, now, version=2)).text


def pairwise_subject(keys: RootKey, user: User, app_id: str) -> str:
    """Give the `sub` by which one client knows a user: no other client's is the same, in no token and no answer."""
    tag = keys.tag(_SUBJECT, f"{user.tenant}/{user.id}/{app_id}".encode("ascii"))
    return urlsafe_b64encode(tag).rstrip(b"=").decode("ascii")


def passport_id(keys: RootKey, user: User) -> str:
    """Give the `puid` of a user: the same in every token, in Entra's form. It says nothing and opens nothing here."""
    tag = keys.tag(_PASSPORT, f"{user.tenant}/{user.id}".encode("ascii"))
    return _PASSPORT_PREFIX + tag[:_PASSPORT_BYTES].hex().upper()


def _facts(
    mint: Mint,
    family: TokenFamily,
    scope: UserScope,
    appidacr: str,
    lifetime: Lifetime,
    *,
    continuous: bool = False,
) -> TokenFacts:
    return TokenFacts(
        tenant=family.tenant,
        resource=scope.resource,
        app_id=family.app_id,
        appidacr=appidacr,
        lifetime=lifetime,
        token_id=new_token_id(mint.keys.tag, family.proof, mint.entropy),
        aio=opaque_text(mint.entropy, AIO_BYTES),
        rh=opaque_text(mint.entropy, RH_BYTES),
        continuous=continuous,
    )


def _user_facts(mint: Mint, user: User, family: TokenFamily, address: str | None) -> UserFacts:
    return UserFacts(
        oid=user.id,
        user_principal_name=user.user_principal_name,
        display_name=user.display_name,
        subject=pairwise_subject(mint.keys, user, family.app_id),
        passport=passport_id(mint.keys, user),
        session=family.id,
        authenticated=family.authenticated,
        amr=family.amr,
        given_name=user.given_name,
        surname=user.surname,
        groups=tuple(sorted(mint.view.groups_of(user.tenant, user.id))),
        roles=tuple(sorted(mint.view.directory_roles_of(user.tenant, user.id))),
        address=address,
        identity_provider=issuer_of(mint.view, family.tenant, family.credential),
    )
