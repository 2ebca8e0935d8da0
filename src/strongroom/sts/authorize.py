"""
The authorization endpoint: a person signs in, and the client gets a code for it.

    GET authorize --client and redirect URI are good--> sign-in page --POST sign-in--> code, at the redirect URI
         |                                                  ^   |
         +-- they are not: an error page                    +---+-- wrong: the page again, and why

What the client asked is sealed into the page and comes back with the form, bound to a cookie that only our own page can
send, so no other site can sign anybody in (CSRF). Where an answer may go is settled before anything is asked: no
redirect leads to a place that the client is not known to listen at.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlencode

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure
from strongroom.core.guids import new_guid
from strongroom.core.identity import Tenant
from strongroom.core.limits import AUTHORIZATION_CODE_S, SIGN_IN_PAGE_S
from strongroom.core.sign_in import AuthorizationRequest, ResponseMode, is_loopback_redirect, read_authorization_request
from strongroom.core.user_tokens import parse_user_scope
from strongroom.directory.clients import PublicClient, find_public_client, require_client
from strongroom.directory.codes import AuthorizationCode, seal, unseal
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.authorities import MULTI_TENANT, find_tenant
from strongroom.sts.forms import parse_form
from strongroom.sts.sign_in import SignedIn, sign_in_by_password, tenant_of_user

CODE_PURPOSE = "authorization code"
_PAGE_PURPOSE = "sign-in page"
_NO_STORE = ((b"cache-control", b"no-store"),)
_COOKIE = "__Host-sign-in"
_COOKIE_BYTES = 32


class _Page(msgspec.Struct, array_like=True, frozen=True):
    """What a sign-in page carries: what the client asked, which browser it was made for, and until when."""

    request: AuthorizationRequest
    browser: bytes
    expires: int


async def authorize(call: Call) -> Response:
    """
    Answer GET /{tenant}/oauth2/v2.0/authorize with the sign-in page, or send the client back with what is wrong.

    Raises:
        Invalid: client or redirect URI are not known. It is told on a page, and nothing is sent anywhere.
    """
    try:
        client = _client(call)
    except Failure as failure:
        raise pages.told(call, failure) from None
    try:
        request = read_authorization_request(call.params["tenant"], call.query, call.query.get("scope", ""))
        tenant = _tenant(call, request.tenant)
        if tenant is not None:
            parse_user_scope(request.scope, call.world.hosts, tenant.id)
    except Failure as failure:
        return _sent_back(call, failure)
    secret = urlsafe_b64encode(call.world.entropy(_COOKIE_BYTES)).rstrip(b"=")
    sealed = _Page(request, sha256(secret).digest(), call.now + SIGN_IN_PAGE_S)
    response = _sign_in_page(call, client, request, seal(call.world.keys, _PAGE_PURPOSE, sealed))
    cookie = b"%b=%b; Path=/; Secure; HttpOnly; SameSite=Strict" % (_COOKIE.encode(), secret)
    response.headers.append((b"set-cookie", cookie))
    return response


async def sign_in(call: Call) -> Response:
    """
    Answer POST /{tenant}/sign-in, the sign-in page's form: send the client a code, or the person the page again.

    Raises:
        Invalid: told on a page.
        Throttled: too many passwords wait to be checked; told on a page.
    """
    try:
        form = parse_form(call.request.header(b"content-type"), await call.raw_body())
        sealed = _carried(call, form)
        client = find_public_client(sealed.request.client_id)
        if client is None:
            raise refuse(700016, client_id=sealed.request.client_id, tenant=sealed.request.tenant)
    except Failure as failure:
        raise pages.told(call, failure) from None
    request, user_name = sealed.request, form.get("username", "")
    try:
        tenant = _tenant(call, request.tenant) or tenant_of_user(call.world, user_name)
        signed_in = await sign_in_by_password(call, tenant, user_name, form.get("password", ""))
    except Failure as failure:
        raise pages.told(
            call,
            failure,
            "sign_in",
            goes_to=request.redirect_uri,
            application=client.display_name,
            action=_action(call),
            request=form["request"],
            user_name=user_name,
        ) from None
    call.properties.update(tenantId=tenant.id, appId=client.app_id, grantType="authorization_code")
    return _answer(call, client, request, _make_code(call, tenant, request, signed_in))


def _client(call: Call) -> PublicClient:
    """Find the client, and make sure that the redirect URI is one that it listens at."""
    client_id, redirect_uri = call.query.get("client_id"), call.query.get("redirect_uri")
    if not client_id or not redirect_uri:
        raise refuse(900144, parameter="redirect_uri" if client_id else "client_id")
    client = find_public_client(client_id)
    if client is None:
        tenant = _tenant(call, call.params["tenant"])
        if tenant is not None:
            require_client(call.world.view, tenant=tenant.id, client_id=client_id)
            # What a registration says of redirect URIs counts once somebody can consent to it; until then none is good.
            raise refuse(50011, client_id=client_id, reason="registered application without consent")
        raise refuse(700016, client_id=client_id, tenant=call.params["tenant"], reason="unknown client")
    if not is_loopback_redirect(redirect_uri):
        raise refuse(50011, client_id=client_id, reason="redirect URI is not the client's")
    return client


def _tenant(call: Call, name: str) -> Tenant | None:
    """Find the tenant that a path names; None where the user's name will say which it is."""
    return None if name.lower() in MULTI_TENANT else find_tenant(call.world, name)


def _sent_back(call: Call, failure: Failure) -> Response:
    """Tell the client what is wrong with its request (RFC 6749 section 4.1.2.1): it is known to listen there."""
    told = {"error": failure.code, "error_description": f"AADSTS{failure.number}: {failure.message}"}
    if "state" in call.query:
        told["state"] = call.query["state"]
    mark = "#" if call.query.get("response_mode") == ResponseMode.FRAGMENT else "?"
    place = f"{call.query['redirect_uri']}{mark}{urlencode(told)}"
    return Response(302, headers=[(b"location", place.encode("ascii")), *_NO_STORE], content_type=None)


def _sign_in_page(call: Call, client: PublicClient, request: AuthorizationRequest, sealed: str) -> Response:
    return pages.answer(
        call,
        "sign_in",
        goes_to=request.redirect_uri,
        application=client.display_name,
        action=_action(call),
        request=sealed,
        user_name=request.login_hint or "",
        wrong=None,
    )


def _action(call: Call) -> str:
    return f"/{call.params['tenant']}/sign-in"


def _carried(call: Call, form: Mapping[str, str]) -> _Page:
    """
    Read what the page carried.

    Raises:
        Invalid: AADSTS9002313, it is none of ours, another browser's, another tenant's, or was answered too late.
    """
    sealed = unseal(call.world.keys, _PAGE_PURPOSE, _Page, form.get("request", ""))
    if sealed is None or sealed.request.tenant != call.params["tenant"]:
        raise refuse(9002313, reason="not a sign-in page of this instance")
    if not compare_digest(sha256(_cookie(call)).digest(), sealed.browser):
        raise refuse(9002313, reason="sign-in page of another browser")
    if sealed.expires <= call.now:
        raise refuse(9002313, reason="sign-in page answered too late")
    return sealed


def _cookie(call: Call) -> bytes:
    found = b""
    for pair in call.request.headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == _COOKIE.encode():
            found = value
    return found


def _make_code(call: Call, tenant: Tenant, request: AuthorizationRequest, signed_in: SignedIn) -> str:
    code = AuthorizationCode(
        tenant=tenant.id,
        family=new_guid(call.world.entropy),
        user=signed_in.user.id,
        credential=signed_in.credential.id,
        authenticated=call.now,
        amr=signed_in.amr,
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        scope=request.scope,
        nonce=request.nonce,
        expires=call.now + AUTHORIZATION_CODE_S,
    )
    return seal(call.world.keys, CODE_PURPOSE, code)


def _answer(call: Call, client: PublicClient, request: AuthorizationRequest, code: str) -> Response:
    # The browser's cookie has done its work.
    gone = b"%b=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0" % _COOKIE.encode()
    if request.response_mode is ResponseMode.FORM_POST:
        members = {"code": code, **({"state": request.state} if request.state is not None else {})}
        response = pages.answer(
            call,
            "form_post",
            goes_to=request.redirect_uri,
            application=client.display_name,
            action=request.redirect_uri,
            members=members,
        )
    else:
        place = request.answer({"code": code}).encode("ascii")
        response = Response(302, headers=[(b"location", place), *_NO_STORE], content_type=None)
    response.headers.append((b"set-cookie", gone))
    return response
