"""Letting a device in: the person sees which program asked from where for what, and says yes or no."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.flow.call import Call
from strongroom.sts.goals.device import DEVICE as GOAL
from strongroom.sts.goals.device import find_pending, require_device_codes
from strongroom.sts.walk import Form, Step, Taken, Walk, due_for

_NAME = "device"


def _page(call: Call, walk: Walk) -> dict[str, object]:
    pending = find_pending(call, walk.device)
    require_device_codes(call, walk.the_shown.tenant)
    return {"code": pending.user_code, "address": pending.address, "resource": pending.resource}


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Take the answer.

    Raises:
        Invalid: AADSTS70020, the code has expired meanwhile.
    """
    pending = find_pending(call, walk.device)
    if form.get("answer") != "yes":
        call.world.device_codes.deny(pending)
        return Taken(walk, gave_up=refuse(65004, reason="the person did not let the device in"))
    return Taken(walk.answered(_NAME))


DEVICE = Step(_NAME, due_for(GOAL), _page, _take)
