"""The owner-only socket, as its operations make sure of it and read from it."""

from __future__ import annotations

from typing import TypeVar

from strongroom.core.errors import NotFound
from strongroom.core.network import Link
from strongroom.flow.call import Call
from strongroom.http import json

T = TypeVar("T")


def require_control(call: Call) -> None:
    """
    Refuse whatever did not come through the owner-only socket, should a listener ever be wired wrongly.

    Whoever did has proved to be the owner by that.

    Raises:
        NotFound: it came another way.
    """
    if call.connection.link is not Link.CONTROL:
        raise NotFound("The path is not one of this service's.")
    call.proved = True


async def optional_body(call: Call, kind: type[T]) -> T:
    """
    Read a body all of whose members have a default; none at all is the default.

    Raises:
        Invalid: it is not of the form of *kind*.
        TooLarge, TimedOut: see `Request.receive_body`.
    """
    raw = await call.raw_body()
    return json.decode(raw if raw.strip() else b"{}", kind)
