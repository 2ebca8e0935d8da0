"""
Signing out (OpenID Connect RP-Initiated Logout 1.0): the browser's sessions end.

Tokens that clients have are theirs until they expire or are revoked, as in Entra: what ends here is that others get new
ones from this browser without a password.
"""

from __future__ import annotations

from urllib.parse import urlencode

from strongroom.core.errors import Failure
from strongroom.core.redirects import find_platform
from strongroom.directory.browser_sessions import end_sessions
from strongroom.directory.clients import require_client, require_enabled
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import browser, pages
from strongroom.sts.named import note_named
from strongroom.sts.walk import tenant_of_path


async def sign_out(call: Call) -> Response:
    """
    Answer GET /{tenant}/oauth2/v2.0/logout and its v1 twin: end what the tenant's users have at this browser.

    The browser is sent back where `post_logout_redirect_uri` says, if `client_id` names an application that is
    registered to listen there; otherwise a page says that it is done.
    """
    note_named(call, call.query.get("client_id"))
    try:
        tenant = tenant_of_path(call, call.params["tenant"])
    except Failure as failure:
        raise pages.told(call, failure) from None
    every = browser.live_sessions(call)
    ended = [one for one in every if tenant is None or one.tenant == tenant.id]
    # Where the path names no tenant, it is that of whoever was signed in: another's clients are sent nobody.
    response = _answer(call, tenant.id if tenant is not None else ended[0].tenant if ended else None)
    if ended:
        call.proved = True
        call.properties.update(tenantId=ended[0].tenant, userId=ended[0].user)
        await call.commit(lambda tx: end_sessions(tx, ended), status=lambda _: response.status)
    # A walk under way, of somebody who has shown a password in it, ends as well.
    response.headers.append(browser.renewed_secret(call))
    response.headers.append(browser.sessions_cookie(call, [one for one in every if one not in ended]))
    return response


def _answer(call: Call, tenant: str | None) -> Response:
    place = call.query.get("post_logout_redirect_uri")
    if place is None or tenant is None or not _listens_at(call, tenant, place):
        told = "You are signed out at this browser. Programs that have tokens keep them until they expire."
        return pages.answer(call, "done", title="Signed out", told=told)
    if "state" in call.query:
        place += ("&" if "?" in place else "?") + urlencode({"state": call.query["state"]})
    return Response(
        302, headers=[(b"location", place.encode("ascii")), (b"cache-control", b"no-store")], content_type=None
    )


def _listens_at(call: Call, tenant: str, uri: str) -> bool:
    """Tell whether the application that the request names is one of the tenant's, and registered to listen at a URI."""
    client_id = call.query.get("client_id", "")
    try:
        application, principal = require_client(call.world.view, tenant=tenant, client_id=client_id)
        require_enabled(principal)
    except Failure:
        return False
    return find_platform(application.sign_in, uri) is not None
