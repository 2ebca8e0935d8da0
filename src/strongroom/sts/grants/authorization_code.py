"""authorization_code (RFC 6749 section 4.1.3, RFC 7636): whoever asked for the code redeems it, once."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Credential, Tenant, User
from strongroom.core.redirects import Platform
from strongroom.core.registration import origin_of
from strongroom.core.sign_in import check_verifier
from strongroom.directory.codes import AuthorizationCode, unseal
from strongroom.flow.world import World
from strongroom.sts.authorities import find_tenant
from strongroom.sts.goals.authorization import CODE_PURPOSE
from strongroom.sts.grants.grant import Form, Grant, Issued, TokenRequest
from strongroom.sts.grants.user import begin, note_user, require_kind, require_origin
from strongroom.sts.sign_in import SignedIn


async def _issue(request: TokenRequest) -> Issued:
    """
    Redeem a code.

    Raises:
        Invalid: AADSTS70000, it is no code, or another client's or redirect URI's; 70008, it has expired; 501481, the
            verifier is wrong; 54005, it was redeemed before, and then what came of it ends; 50173, the user or the
            password went away meanwhile; 700025, 9002326, 9002327, see `require_kind` and `require_origin`.
        Unauthenticated: AADSTS7000218, a web application has proved nothing.
    """
    call, form = request.call, request.form
    code = _read(call.world, form)
    if code.tenant == request.tenant.id:
        # It was sealed here, so whose it is can be said whatever comes of it.
        note_user(call, code.user, code.credential, code.factor, code.family)
    if code.tenant != request.tenant.id or code.client_id != request.client.app_id:
        raise refuse(70000, parameter="code", reason="code of another tenant or client")
    if form.get("redirect_uri") != code.redirect_uri:
        raise refuse(70000, parameter="redirect_uri", reason="redirect URI is not the one of the code")
    require_kind(request, is_public=code.platform is not Platform.WEB)
    origin = origin_of(code.redirect_uri) if code.platform is Platform.SPA else None
    require_origin(request, origin)
    _check_verifier(code, form.get("code_verifier"))
    if code.expires <= call.now:
        raise refuse(70008, reason="code has expired")
    signed_in = _signed_in(call.world, code)
    call.proved = True
    return await begin(
        request, signed_in, family=code.family, nonce=code.nonce, authenticated=code.authenticated, origin=origin
    )


def _check_verifier(code: AuthorizationCode, verifier: str | None) -> None:
    """Check PKCE. A web application may do without: whoever has its code still lacks its proof."""
    if code.challenge is None:
        if code.platform is not Platform.WEB:
            raise refuse(9002325, reason="code without a challenge")
        if verifier is not None:
            raise refuse(501481, reason="code_verifier without a challenge")
        return
    if verifier is None:
        raise refuse(900144, parameter="code_verifier")
    check_verifier(verifier, code.challenge)


def _read(world: World, form: Form) -> AuthorizationCode:
    text = form.get("code")
    if text is None:
        raise refuse(900144, parameter="code")
    code = unseal(world.keys, CODE_PURPOSE, AuthorizationCode, text)
    if code is None:
        raise refuse(70000, parameter="code", reason="not a code of this instance")
    return code


def _signed_in(world: World, code: AuthorizationCode) -> SignedIn:
    """Find the user and the credential that the code was given for, as they are now."""
    user, credential = world.view.principal(code.tenant, code.user), world.view.credential(code.credential)
    if not isinstance(user, User) or not user.enabled or not isinstance(credential, Credential):
        raise refuse(50173, reason="user or credential has ended")
    return SignedIn(user, credential, code.amr, code.factor)


def _tenant_of_code(world: World, form: Form) -> Tenant:
    return find_tenant(world, _read(world, form).tenant)


def _scope_of_code(world: World, form: Form) -> str:
    return _read(world, form).scope


AUTHORIZATION_CODE = Grant(
    "authorization_code",
    _issue,
    find_tenant=_tenant_of_code,
    find_scope=_scope_of_code,
    takes_public_clients=True,
    has_redirect_uri=True,
)
