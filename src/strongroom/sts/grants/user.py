"""What every grant for a user ends with: a family of tokens begun, or taken further, and the answer about it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.conditional_access import Verdict
from strongroom.core.guids import new_guid
from strongroom.core.identity import Tenant, User
from strongroom.core.limits import ACCESS_TOKEN_MAX_S, CONTINUOUS_TOKEN_MAX_S, PAGE_REFRESH_TOKEN_S, REFRESH_TOKEN_S
from strongroom.core.oauth import OFFLINE_ACCESS, issuer_v2
from strongroom.core.records import tenant_partition
from strongroom.core.redirects import has_page_at
from strongroom.core.sessions import TokenFamily
from strongroom.directory.apis import require_user_assigned
from strongroom.directory.clients import Client
from strongroom.directory.consent import require_consent
from strongroom.directory.sessions import (
    RefreshToken,
    begin_family,
    family_of,
    make_refresh_token,
    read_refresh_token,
    refresh_family,
)
from strongroom.directory.user_tokens import issue_id_token, issue_to_user
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.sts.authorities import find_tenant
from strongroom.sts.cors import origin_asked
from strongroom.sts.grants.grant import Form, Grant, Issued, TokenRequest
from strongroom.sts.sign_in import SignedIn


async def begin(
    request: TokenRequest,
    signed_in: SignedIn,
    *,
    family: str | None = None,
    nonce: str | None = None,
    authenticated: int | None = None,
    origin: str | None = None,
    parent: str | None = None,
) -> Issued:
    """
    Begin a family for a user who signed in, and give its first tokens.

    *family* is the one that an authorization code names, *authenticated* when its user signed in, *origin* the page
    that redeems it, and *parent* the family on behalf of whose user it is begun.

    Raises:
        Invalid: AADSTS50173, the user or the credential went away meanwhile; 54005, the code was redeemed before;
            53003, 50076, 50078, a policy does not allow it.
    """
    call, user = request.call, signed_in.user
    refreshable = OFFLINE_ACCESS in request.user_scope.openid
    longest_s = CONTINUOUS_TOKEN_MAX_S if request.claims.continuous else ACCESS_TOKEN_MAX_S
    begun = TokenFamily(
        id=family or new_guid(call.world.entropy),
        tenant=user.tenant,
        user=user.id,
        app_id=request.client.app_id,
        credential=signed_in.credential.id,
        authenticated=call.now if authenticated is None else authenticated,
        amr=signed_in.amr,
        factor=signed_in.factor,
        expires=call.now + (REFRESH_TOKEN_S if refreshable else longest_s),
        client_credential=request.client_credential,
        parent=parent,
        origin=origin,
        until=call.now + PAGE_REFRESH_TOKEN_S if origin is not None else None,
    )
    _note(request, begun)
    verdict = request.admit(user, authenticated=begun.authenticated, methods=begun.amr)
    issued = await _issue(request, user, begun, nonce, verdict)
    is_new = await call.commit(
        lambda tx: begin_family(tx, begun),
        # The token that was made for it goes to nobody.
        describe=lambda is_new: {} if is_new else {"tokenId": None},
        status=lambda is_new: 200 if is_new else 400,
    )
    if not is_new:
        raise refuse(54005, reason="code was redeemed before: what came of it has ended")
    return replace(issued, refresh_token=make_refresh_token(call.world.keys, begun)) if refreshable else issued


def note_user(call: Call, user: str, credential: str, factor: str | None, session: str | None = None) -> None:
    """Note for the journal whom the tokens are to speak for, and what that person showed; never what it is."""
    noted = {"userId": user, "userCredentialId": credential, "secondFactorId": factor, "sessionId": session}
    call.properties.update({name: value for name, value in noted.items() if value is not None})


def _note(request: TokenRequest, family: TokenFamily) -> None:
    note_user(request.call, family.user, family.credential, family.factor, family.id)


async def _issue(request: TokenRequest, user: User, family: TokenFamily, nonce: str | None, verdict: Verdict) -> Issued:
    call, view, client = request.call, request.mint.view, request.client
    require_user_assigned(view, user, request.resource, client.principal)
    scope = require_consent(
        view,
        user.tenant,
        client=client.principal,
        app_id=client.app_id,
        user=user.id,
        scope=request.user_scope,
    )
    access = await issue_to_user(
        request.mint,
        user,
        family,
        scope,
        appidacr=client.appidacr,
        address=call.connection.address,
        now=call.now,
        claims=request.claims,
        # Where a policy bounds the age of a sign-in, a token that lives for a day would carry it past the bound.
        long_lived=not verdict.bounds_age,
    )
    issuer = issuer_v2(call.base, request.tenant.id)
    id_token = await issue_id_token(request.mint, user, family, scope, issuer=issuer, nonce=nonce, now=call.now)
    call.properties["tokenId"] = access.token_id
    return Issued(access, scope.told, id_token=id_token, client_info=_client_info(request, user), origin=family.origin)


def _client_info(request: TokenRequest, user: User) -> str | None:
    """Name the user as clients keep them (`client_info=1`, reference clients.md section 1.2)."""
    if request.form.get("client_info") != "1":
        return None
    named = msgspec.json.encode({"uid": user.id, "utid": user.tenant})
    return urlsafe_b64encode(named).rstrip(b"=").decode("ascii")


# ---- refresh_token (RFC 6749 section 6) -----------------------------------------------------------------------------


async def _refresh(request: TokenRequest) -> Issued:
    """
    Take a family further. Its refresh tokens are good for every resource, as Entra's are.

    Raises:
        Invalid: AADSTS70000, 50173, 700082: see `refresh_family`; a token that was used before ends its family. 53003,
            50076, 70043: a policy does not allow it, and the family goes on.
    """
    call, world = request.call, request.call.world
    token = read_refresh_token(world.keys, _required(request.form, "refresh_token"))
    family, user = _goes_on(request, token)
    family = replace(family, client_credential=request.client_credential)
    call.proved = True
    _note(request, family)
    # The policies of today, for every refresh: what was allowed at the sign-in is not allowed for ever.
    verdict = request.admit(user, authenticated=family.authenticated, methods=family.amr)
    issued = await _issue(request, user, family, None, verdict)
    refreshed = await call.commit(
        lambda tx: refresh_family(
            tx,
            token,
            app_id=request.client.app_id,
            client_credential=request.client_credential,
            expires=call.now + REFRESH_TOKEN_S,
            now=call.now,
        ),
        describe=lambda found: {} if found is not None else {"tokenId": None},
        status=lambda found: 200 if found is not None else 400,
    )
    if refreshed is None:
        raise refuse(50173, reason="refresh token was used before: its family has ended")
    return replace(issued, refresh_token=make_refresh_token(world.keys, refreshed))


def _goes_on(request: TokenRequest, token: RefreshToken) -> tuple[TokenFamily, User]:
    """Find the family of a refresh token and its user, as they are now."""
    view = request.call.world.view
    if token.tenant != request.tenant.id:
        raise refuse(70000, parameter="refresh_token", reason="refresh token of another tenant")
    family = family_of(view, token.tenant, token.family)
    known = view.get(TokenFamily, tenant_partition(token.tenant), token.family)
    if known is not None:
        _note(request, known)
    user = view.principal(token.tenant, family.user) if family is not None else None
    if family is None or not isinstance(user, User) or not user.enabled:
        raise refuse(50173, reason="token family, user or credential has ended")
    if family.app_id != request.client.app_id:
        raise refuse(70000, parameter="refresh_token", reason="refresh token of another client")
    require_kind(request, is_public=family.client_credential is None)
    require_origin(request, family.origin)
    return family, user


# ---- what kind of client asks ---------------------------------------------------------------------------------------


def require_kind(request: TokenRequest, *, is_public: bool) -> None:
    """
    Require of a client to prove itself, or not to, as what it redeems was given to one that could or could not.

    Raises:
        Unauthenticated: AADSTS7000218, it has proved nothing.
        Invalid: AADSTS700025, it is public here, and yet has shown a secret.
    """
    if is_public and isinstance(request.client, Client):
        raise refuse(700025)
    if not is_public and not isinstance(request.client, Client):
        raise refuse(7000218)


def require_origin(request: TokenRequest, origin: str | None) -> None:
    """
    Require of a page to ask from its own origin, and of everybody else not to be a page.

    Raises:
        Invalid: AADSTS9002327, no browser says which page it is; 9002326, it is another one, or no page may ask, or
            the client has none there any longer.
    """
    asked = origin_asked(request.call)
    if asked is None and origin is not None:
        raise refuse(9002327)
    if asked != origin:
        raise refuse(9002326, reason="page of another origin")
    application = request.call.world.view.application_by_app_id(request.client.app_id)
    if origin is not None and (application is None or not has_page_at(application.sign_in, origin)):
        raise refuse(9002326, reason="page is no longer registered")


def _tenant_of_refresh_token(world: World, form: Form) -> Tenant:
    return find_tenant(world, read_refresh_token(world.keys, _required(form, "refresh_token")).tenant)


def _required(form: Form, name: str) -> str:
    value = form.get(name)
    if value is None:
        raise refuse(900144, parameter=name)
    return value


REFRESH_TOKEN = Grant(
    "refresh_token", _refresh, find_tenant=_tenant_of_refresh_token, takes_public_clients=True, has_redirect_uri=True
)
