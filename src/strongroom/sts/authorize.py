"""
The authorization endpoints, v1 and v2: where a client sends a person to sign in.

    GET authorize --client and redirect URI are good--> the walk of signing in --> code, or error, at the redirect URI
         |
         +-- they are not: an error page

Where an answer may go is settled before anything is asked: no redirect leads to a place that the client is not known to
listen at.
"""

from __future__ import annotations

from strongroom.core.errors import Failure
from strongroom.core.sign_in import read_authorization_request
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.goals.authorization import AUTHORIZATION, refused_unread
from strongroom.sts.named import note_named
from strongroom.sts.scopes import read_user_scope, scope_of_v1
from strongroom.sts.sign_in_clients import find_client
from strongroom.sts.walk import Walk, tenant_of_path
from strongroom.sts.walking import begin


async def authorize_v1(call: Call) -> Response:
    """Answer GET /{tenant}/oauth2/authorize: the resource is `resource`, or `scope` as clients of AD FS name it."""
    return await _authorize(call, scope_of_v1(call.query))


async def authorize_v2(call: Call) -> Response:
    """Answer GET /{tenant}/oauth2/v2.0/authorize: the resource is in `scope`."""
    return await _authorize(call, call.query.get("scope", ""))


async def _authorize(call: Call, scope: str) -> Response:
    """
    Begin to sign somebody in, or send the client back with what is wrong.

    Raises:
        Invalid: client or redirect URI are not known. It is told on a page, and nothing is sent anywhere.
    """
    path, query = call.params["tenant"], call.query
    call.properties["grantType"] = "authorization_code"
    note_named(call, query.get("client_id"))
    try:
        client = find_client(call, path, query.get("client_id"), query.get("redirect_uri"))
        tenant = tenant_of_path(call, path)
    except Failure as failure:
        raise pages.told(call, failure) from None
    try:
        request = read_authorization_request(path, query, scope, client.platform)
        if tenant is not None:
            read_user_scope(call, tenant.id, client.app_id, scope)
    except Failure as failure:
        return refused_unread(call, failure)
    walk = Walk(AUTHORIZATION, path, b"", 0, hint=request.login_hint or "", authorization=request)
    return await begin(call, walk, prompt=request.prompt, max_age=request.max_age)
