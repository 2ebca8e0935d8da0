"""Pages of a person's own account: each begins with a fresh sign-in."""

from __future__ import annotations

from strongroom.core.errors import Failure
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.goals.account import NEW_PASSWORD, SECURITY_INFO
from strongroom.sts.walk import Walk
from strongroom.sts.walking import begin


async def change_password(call: Call) -> Response:
    """Answer GET /{tenant}/password: the person signs in, and chooses another password."""
    return await _begin(call, NEW_PASSWORD)


async def security_info(call: Call) -> Response:
    """Answer GET /{tenant}/security-info: the person signs in, and sees, adds and removes second factors."""
    return await _begin(call, SECURITY_INFO)


async def _begin(call: Call, goal: str) -> Response:
    try:
        return await begin(call, Walk(goal, call.params["tenant"], b"", 0))
    except Failure as failure:
        raise pages.told(call, failure) from None
