"""A device is let in: what waits under its code gets the person's sign-in."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.directory.tenants import settings_of
from strongroom.flow.call import Call
from strongroom.flow.device_codes import Approval, Pending
from strongroom.sts import pages
from strongroom.sts.sign_in_clients import display_name_of
from strongroom.sts.walk import Goal, Reached, Walk

DEVICE = "device"


def find_pending(call: Call, user_code: str) -> Pending:
    """
    Find what waits under a code.

    Raises:
        Invalid: AADSTS70020, nothing does any longer.
    """
    found = call.world.device_codes.find(user_code, call.now)
    if found is None or found.approval is not None or found.is_denied:
        raise refuse(70020, reason="no device waits under the code")
    return found


def require_device_codes(call: Call, tenant: str) -> None:
    """
    Refuse device codes where the tenant's operator has not switched them on.

    Raises:
        Invalid: AADSTS53003.
    """
    if not settings_of(call.world.view, tenant).device_code:
        raise refuse(53003, reason="device codes are off in the tenant")


def _application(call: Call, walk: Walk) -> str:
    pending = find_pending(call, walk.device)
    call.properties.update(appId=pending.client_id, grantType="device_code")
    return display_name_of(call, pending.client_id)


def _reach(call: Call, walk: Walk) -> Reached:
    pending, shown = find_pending(call, walk.device), walk.the_shown
    require_device_codes(call, shown.tenant)
    if pending.tenant not in {None, shown.tenant}:
        raise refuse(70020, reason="device code of another tenant")

    approval = Approval(shown.tenant, shown.user, shown.credential, shown.amr, shown.authenticated, shown.factor)
    told = "You are signed in at the device that showed the code. You can close this window."
    return Reached(
        pages.answer(call, "done", title="Signed in", told=told),
        # Not before the journal has it: who polls may get a token in the same moment.
        then=lambda: call.world.device_codes.approve(pending, approval),
    )


GOAL = Goal(_application, _reach)
