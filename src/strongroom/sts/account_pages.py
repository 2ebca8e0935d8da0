"""Pages of a person's own account: each begins with a fresh sign-in."""

from __future__ import annotations

from strongroom.core.errors import Failure
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.goals.account import NEW_PASSWORD
from strongroom.sts.walk import Walk
from strongroom.sts.walking import begin


async def change_password(call: Call) -> Response:
    """Answer GET /{tenant}/password: the person signs in, and chooses another password."""
    try:
        return await begin(call, Walk(NEW_PASSWORD, call.params["tenant"], b"", 0))
    except Failure as failure:
        raise pages.told(call, failure) from None
