"""A client gets an authorization code, at its redirect URI."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from strongroom.core.errors import Failure
from strongroom.core.guids import new_guid
from strongroom.core.limits import AUTHORIZATION_CODE_S
from strongroom.core.sign_in import AuthorizationRequest, ResponseMode
from strongroom.directory.codes import AuthorizationCode, seal
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.sign_in_clients import find_client
from strongroom.sts.walk import Goal, Reached, Walk

AUTHORIZATION = "authorization"
CODE_PURPOSE = "authorization code"
_NO_STORE = ((b"cache-control", b"no-store"),)


def _request(walk: Walk) -> AuthorizationRequest:
    if walk.authorization is None:
        msg = "the walk is for no client"
        raise RuntimeError(msg)
    return walk.authorization


def _application(call: Call, walk: Walk) -> str:
    """Name the client, which may have lost its registration or its redirect URI since the page was made."""
    request = _request(walk)
    client = find_client(call, walk.path, request.client_id, request.redirect_uri)
    call.properties.update(appId=client.app_id, grantType="authorization_code")
    return client.display_name


def _goes_to(walk: Walk) -> str:
    return _request(walk).redirect_uri


def _reach(call: Call, walk: Walk) -> Reached:
    request, shown = _request(walk), walk.the_shown
    code = AuthorizationCode(
        tenant=shown.tenant,
        family=new_guid(call.world.entropy),
        user=shown.user,
        credential=shown.credential,
        authenticated=shown.authenticated,
        amr=shown.amr,
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        scope=request.scope,
        nonce=request.nonce,
        expires=call.now + AUTHORIZATION_CODE_S,
        platform=request.platform,
        factor=shown.factor,
    )
    return Reached(_answer(call, walk, {"code": seal(call.world.keys, CODE_PURPOSE, code)}))


def _refuse(call: Call, walk: Walk, failure: Failure) -> Response:
    return _answer(call, walk, _told(call, failure))


def refused_unread(call: Call, failure: Failure) -> Response:
    """Tell the client that its request could not be read: at its redirect URI, as far as it says how."""
    query, redirect_uri = call.query, call.query["redirect_uri"]
    told = _told(call, failure) | ({"state": query["state"]} if "state" in query else {})
    mark = "#" if query.get("response_mode") == ResponseMode.FRAGMENT else "&" if "?" in redirect_uri else "?"
    return _redirect(f"{redirect_uri}{mark}{urlencode(told)}")


def _told(call: Call, failure: Failure) -> dict[str, str]:
    # The answer is a redirect, so the journal is told by itself that it is a refusal (RFC 6749 section 4.1.2.1).
    call.properties.update(failure.known)
    call.properties.update(refusal=f"AADSTS{failure.number}", refusalReason=failure.reason or failure.code)
    return {"error": failure.code, "error_description": f"AADSTS{failure.number}: {failure.message}"}


def _answer(call: Call, walk: Walk, members: Mapping[str, str]) -> Response:
    request = _request(walk)
    if request.response_mode is not ResponseMode.FORM_POST:
        return _redirect(request.answer(members))
    members = {**members, **({"state": request.state} if request.state is not None else {})}
    return pages.answer(
        call,
        "form_post",
        goes_to=request.redirect_uri,
        application=_application(call, walk),
        action=request.redirect_uri,
        members=members,
    )


def _redirect(place: str) -> Response:
    return Response(302, headers=[(b"location", place.encode("ascii")), *_NO_STORE], content_type=None)


GOAL = Goal(_application, _reach, _goes_to, _refuse)
