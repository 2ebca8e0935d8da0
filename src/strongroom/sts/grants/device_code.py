"""device_code (RFC 8628 section 3.4): a program asks whether its user has let it in."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.identity import Tenant, User
from strongroom.flow.device_codes import Approval, Pending
from strongroom.flow.world import World
from strongroom.sts.authorities import find_tenant
from strongroom.sts.goals.device import require_device_codes
from strongroom.sts.grants.grant import Form, Grant, Issued, TokenRequest
from strongroom.sts.grants.user import begin, note_user
from strongroom.sts.sign_in import SignedIn


async def _issue(request: TokenRequest) -> Issued:
    """
    Give the tokens, once.

    Raises:
        Invalid: AADSTS70016, the person has not answered; 65004, and said no; 70020, time is over; 70018, it is no
            device code of the client's; 53003, device codes are off in the tenant; 50173, the user or the password
            went away meanwhile.
    """
    call, world = request.call, request.call.world
    pending = _find(world, request.form)
    approval = _approval_of(pending, call.now)
    if approval.tenant != request.tenant.id:
        raise refuse(70018, reason="device code of another tenant")
    note_user(call, approval.user, approval.credential, approval.factor)
    require_device_codes(call, approval.tenant)
    user, credential = world.view.principal(approval.tenant, approval.user), world.view.credential(approval.credential)
    if not isinstance(user, User) or not user.enabled or credential is None:
        raise refuse(50173, reason="user or credential has ended")
    world.device_codes.redeem(pending)
    call.proved = True
    return await begin(
        request, SignedIn(user, credential, approval.amr, approval.factor), authenticated=approval.authenticated
    )


def _find(world: World, form: Form) -> Pending:
    code = form.get("device_code") or form.get("code")
    if code is None:
        raise refuse(900144, parameter="device_code")
    found = world.device_codes.find_by_device_code(code, (form.get("client_id") or "").lower())
    if found is None:
        raise refuse(70018, reason="no such device code")
    return found


def _approval_of(pending: Pending, now: int) -> Approval:
    if pending.expires <= now:
        raise refuse(70020, reason="device code has expired")
    if pending.is_denied:
        raise refuse(65004, error="authorization_declined", reason="the person said no")
    if pending.approval is None:
        raise refuse(70016, reason="the person has not answered yet")
    return pending.approval


def _tenant_of_device_code(world: World, form: Form) -> Tenant:
    """
    Find the tenant of whoever answered.

    Raises:
        Invalid: AADSTS70016, nobody has; 70018, 70020, 65004.
    """
    return find_tenant(world, _approval_of(_find(world, form), world.now()).tenant)


def _scope(world: World, form: Form) -> str:
    return _find(world, form).scope


DEVICE_CODE, DEVICE_CODE_V1 = (
    Grant(name, _issue, find_tenant=_tenant_of_device_code, takes_public_clients=True, find_scope=_scope)
    for name in ("urn:ietf:params:oauth:grant-type:device_code", "device_code")
)
