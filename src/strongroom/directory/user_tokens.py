"""Issuing tokens that speak for a user."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from strongroom.core.identity import User
from strongroom.core.oauth import Lifetime, TokenFacts, application_lifetime, opaque_text
from strongroom.core.sessions import TokenFamily
from strongroom.core.token_ids import new_token_id
from strongroom.core.user_tokens import OPENID, PROFILE, UserFacts, UserScope, id_token_claims, user_claims
from strongroom.directory.identity_providers import issuer_of
from strongroom.directory.tokens import AIO_BYTES, RH_BYTES, AccessToken, Mint, sign

_SUBJECT = "pairwise subject"


async def issue_to_user(
    mint: Mint, user: User, family: TokenFamily, scope: UserScope, *, appidacr: str, address: str, now: int
) -> AccessToken:
    """
    Issue an access token for a user to the client of a family. It ends with the family.

    Raises:
        NoSigningKey: the tenant has no key that signs now.
        Throttled: too many signatures wait already.
    """
    facts = _facts(mint, family, scope, appidacr, application_lifetime(now, mint.entropy))
    claims = user_claims(facts, _user_facts(mint, user, family, address), scope.permissions)
    return await sign(mint, facts, claims, now)


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
    )
    return (await sign(mint, facts, claims, now)).text


def _facts(mint: Mint, family: TokenFamily, scope: UserScope, appidacr: str, lifetime: Lifetime) -> TokenFacts:
    return TokenFacts(
        tenant=family.tenant,
        resource=scope.resource,
        app_id=family.app_id,
        appidacr=appidacr,
        lifetime=lifetime,
        token_id=new_token_id(mint.keys.tag, family.id, mint.entropy),
        aio=opaque_text(mint.entropy, AIO_BYTES),
        rh=opaque_text(mint.entropy, RH_BYTES),
    )


def _user_facts(mint: Mint, user: User, family: TokenFamily, address: str | None) -> UserFacts:
    subject = mint.keys.tag(_SUBJECT, f"{user.tenant}/{user.id}/{family.app_id}".encode("ascii"))
    return UserFacts(
        oid=user.id,
        user_principal_name=user.user_principal_name,
        display_name=user.display_name,
        subject=urlsafe_b64encode(subject).rstrip(b"=").decode("ascii"),
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
