"""The first step: what the connection is."""

from __future__ import annotations

from uuid import UUID

from strongroom.core.firewall import normalise_address
from strongroom.core.network import Connection, Link
from strongroom.flow.world import World
from strongroom.http.message import Request

_CLIENT_REQUEST_ID_CHARS = 128
_LOOPBACK = "127.0.0.1"


def describe_connection(world: World, request: Request) -> Connection:
    """
    Describe the connection a request came over.

    The peer's address comes from the socket and never from a header: no proxy is trusted yet. What comes over the
    owner-only Unix socket comes from this machine, and counts as its loopback address.
    """
    request_id = str(UUID(bytes=world.entropy(16), version=4))
    echo = request.header(b"x-ms-client-request-id") or request.header(b"client-request-id")
    if echo is not None and not (echo.isprintable() and echo.isascii() and len(echo) <= _CLIENT_REQUEST_ID_CHARS):
        # It would be written into a header and into the journal: what is no identifier is not repeated.
        echo = None
    address = normalise_address(request.peer) if request.link is not Link.CONTROL else _LOOPBACK
    return Connection(address, request.link, request_id, echo)
