"""
Signing in at another device (RFC 8628; reference clients.md section 7).

    program: POST devicecode --> device code, user code            person: GET deviceauth, types the user code in
             POST token, again and again, until the person ...             signs in afresh, sees what asks, says yes

Off in every tenant until its operator says otherwise, because a stranger can ask a person to type a code in
(security.md "Tokens and sign-in"): the page says which program asked, from where, for what.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure
from strongroom.core.firewall import source_of
from strongroom.core.limits import DEVICE_CODE_INTERVAL_S, DEVICE_CODE_S
from strongroom.core.names import Surface
from strongroom.core.user_tokens import parse_user_scope
from strongroom.directory.clients import find_public_client
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.sts import browser, pages
from strongroom.sts.forms import parse_form
from strongroom.sts.goals.device import DEVICE, find_pending, require_device_codes
from strongroom.sts.named import note_named
from strongroom.sts.scopes import read_user_scope, scope_of_v1
from strongroom.sts.sign_in_clients import find_application
from strongroom.sts.walk import Walk, tenant_of_path
from strongroom.sts.walking import begin
from strongroom.sts.wire import DeviceCode, DeviceCodeV1

_DEVICE_CODE_BYTES = 32
_GUESSES = "device code"
"""What wrong user codes are counted under, for each source."""


async def device_code_v1(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/devicecode."""
    return await _device_code(call, version=1)


async def device_code_v2(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/v2.0/devicecode."""
    return await _device_code(call, version=2)


async def _device_code(call: Call, *, version: int) -> Response:
    """
    Let a program wait for its user.

    Raises:
        Invalid: AADSTS900144, 700016, 7000218, 53003, 70011, 500011.
        Throttled: too many wait.
    """
    path = call.params["tenant"]
    call.properties["grantType"] = "device_code"
    note_named(call, None)
    tenant = tenant_of_path(call, path)
    form = parse_form(call.request.header(b"content-type"), await call.raw_body())
    note_named(call, form.get("client_id"))
    client_id = _public_client(call, path, form.get("client_id"))
    if tenant is not None:
        require_device_codes(call, tenant.id)
    scope = scope_of_v1(form) if version == 1 else form.get("scope", "")
    if tenant is not None:
        asked = read_user_scope(call, tenant.id, client_id, scope)
    else:
        # Whose tenant it will be is not known yet, so neither are its applications: only Azure's own resources are.
        asked = parse_user_scope(scope, call.world.hosts, path)
    code = urlsafe_b64encode(call.world.entropy(_DEVICE_CODE_BYTES)).rstrip(b"=").decode("ascii")
    pending = call.world.device_codes.add(
        code,
        tenant=tenant.id if tenant is not None else None,
        client_id=client_id,
        resource=asked.resource.audience,
        scope=scope,
        address=call.connection.address,
        source=source_of(call.connection),
        now=call.now,
        entropy=call.world.entropy,
    )
    # The person's browser is on no control link, so it is told our own name whatever the program asked by.
    place = f"{call.world.hosts.url(Surface.LOGIN)}/{path}/oauth2/deviceauth"
    code_told = f"the code {pending.user_code} to authenticate."
    message = f"To sign in, use a web browser to open the page {place} and enter {code_told}"
    answer: DeviceCode | DeviceCodeV1
    if version == 1:
        lifetime, interval = str(DEVICE_CODE_S), str(DEVICE_CODE_INTERVAL_S)
        answer = DeviceCodeV1(pending.user_code, code, place, lifetime, interval, message)
    else:
        answer = DeviceCode(pending.user_code, code, place, DEVICE_CODE_S, DEVICE_CODE_INTERVAL_S, message)
    return json.response(answer, headers=[(b"cache-control", b"no-store")])


def _public_client(call: Call, path: str, client_id: str | None) -> str:
    """Find the client: a public one, since whoever polls proves nothing by it."""
    if not client_id:
        raise refuse(900144, parameter="client_id")
    known = find_public_client(client_id)
    if known is not None:
        return known.app_id
    application = find_application(call, path, client_id)
    if application.sign_in.is_fallback_public_client is not True:
        raise refuse(7000218, reason="device code of an application that is no public client")
    return application.app_id


async def show_form(call: Call) -> Response:
    """Answer GET /{tenant}/oauth2/deviceauth with the form that takes a code."""
    try:
        tenant_of_path(call, call.params["tenant"])
    except Failure as failure:
        raise pages.told(call, failure) from None
    _, cookie = browser.new_secret(call)
    response = pages.answer(call, "user_code", action=_action(call), wrong=None)
    response.headers.append(cookie)
    return response


async def take_form(call: Call) -> Response:
    """
    Answer POST /{tenant}/oauth2/deviceauth: begin to sign in whoever typed a code in.

    Nothing is decided by the code: who asks and for what is shown after a fresh sign-in, and answered there.

    Raises:
        Invalid: AADSTS70018, no device waits under the code, or too many wrong ones were typed in; told on the page.
    """
    path, source = call.params["tenant"], source_of(call.connection)
    note_named(call, None)
    try:
        form = parse_form(call.request.header(b"content-type"), await call.raw_body())
        if not browser.has_secret(call):
            # Another site's form would lead past the warning that stands on ours.
            return await show_form(call)
        if call.world.lockout.is_locked(_GUESSES, source, call.now):
            raise refuse(70018, reason="too many wrong user codes from the source")
        tenant = tenant_of_path(call, path)
        try:
            pending = find_pending(call, form.get("user_code", ""))
        except Failure:
            call.world.lockout.fail(_GUESSES, source, call.now)
            raise refuse(70018, reason="no device waits under the user code") from None
        if tenant is not None and pending.tenant not in {None, tenant.id}:
            raise refuse(70018, reason="user code of another tenant")
    except Failure as failure:
        raise pages.told(call, failure, "user_code", action=_action(call)) from None
    return await begin(call, Walk(DEVICE, path, b"", 0, device=pending.user_code))


def _action(call: Call) -> str:
    return f"/{call.params['tenant']}/oauth2/deviceauth"
