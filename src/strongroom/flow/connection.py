"""The first step: what the connection is."""

from __future__ import annotations

from strongroom.core.errors import Failure, Invalid
from strongroom.core.firewall import normalise_address
from strongroom.core.network import Connection, Link
from strongroom.core.proxies import asker_of, client_of
from strongroom.flow.world import World
from strongroom.http.message import Request

_CLIENT_REQUEST_ID_CHARS = 128
_QUERY_PAIRS = 16
"""As far into a query as anyone looks before the query is judged."""
_LOOPBACK = "127.0.0.1"
_PROXIED = frozenset({Link.PUBLIC, Link.PKI})
_UNIX = frozenset({Link.CONTROL, Link.IDENTITY_SOCKET})


def describe_connection(world: World, request: Request) -> tuple[Connection, Failure | None]:
    """
    Describe the connection a request came over, and say what is wrong with what a trusted proxy told of it.

    The address comes from the socket, and on the main and the plain listener from a trusted proxy's header;
    another's is passed over.
    What comes over a Unix socket comes from this machine, and counts as its loopback address.
    """
    headers, link = request.headers, request.link
    given = headers.get(b"x-ms-client-request-id") or headers.get(b"client-request-id")
    echo = _repeatable(given) if given else None
    if not given and b"client-request-id=" in request.query:
        echo = _asked_in_query(request)
    address = normalise_address(request.peer) if link not in _UNIX else _LOOPBACK
    if world.proxies is None and link is Link.PUBLIC:
        return Connection(address, link, world.request_ids.next(), echo), None
    endpoint = request.listener if link is Link.PRIVATE_ENDPOINT else ""
    proxy, fault = "", None
    if world.proxies is not None and link in _PROXIED:
        if request.proxy:
            # The PROXY protocol has spoken. A header in what it passes on is the client's own.
            proxy = request.proxy
        elif b"x-forwarded-for" in headers and address in world.proxies:
            proxy, told = address, headers[b"x-forwarded-for"].decode("latin-1")
            try:
                address = client_of(told, world.proxies)
            except Invalid as unreadable:
                # It is refused for what a client wrote, and counts against that client: not against the proxy, whose
                # own requests, such as the probes that keep us in its service, would then be refused too.
                fault, address = unreadable, asker_of(told, world.proxies) or proxy
    return Connection(address, link, world.request_ids.next(), echo, endpoint, proxy), fault


def _asked_in_query(request: Request) -> str | None:
    """Find the id where the JavaScript client puts it (reference clients.md section 2): a GUID, so never encoded."""
    for pair in request.query.split(b"&")[:_QUERY_PAIRS]:
        name, _, value = pair.partition(b"=")
        if name == b"client-request-id":
            return _repeatable(value)
    return None


def _repeatable(given: bytes) -> str | None:
    """Give a client's id as text, or None: what is no identifier is not written into a header and into the journal."""
    echo = given.decode("latin-1")
    return echo if echo.isprintable() and echo.isascii() and len(echo) <= _CLIENT_REQUEST_ID_CHARS else None
