"""The owner-only socket, as its operations make sure of it."""

from __future__ import annotations

from strongroom.core.errors import NotFound
from strongroom.core.network import Link
from strongroom.flow.call import Call


def require_control(call: Call) -> None:
    """
    Refuse whatever did not come through the owner-only socket, should a listener ever be wired wrongly.

    Raises:
        NotFound: it came another way.
    """
    if call.connection.link is not Link.CONTROL:
        raise NotFound("The path is not one of this service's.")
