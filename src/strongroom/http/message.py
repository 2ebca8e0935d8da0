"""Requests and responses, as the flow sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from strongroom.core.network import Link

Header = tuple[bytes, bytes]
HTML = b"text/html; charset=utf-8"
End = tuple[str, int]
"""An address and a port."""


class Relayed(NamedTuple):
    """Who is at the far end of a connection that came through the PROXY protocol's listener."""

    client: str
    """The client's address, or the proxy's own if that spoke for nobody."""
    proxy: str
    """The proxy's address."""


class Request(msgspec.Struct, eq=False):
    """
    One request as it arrived: nothing is decoded beyond what HTTP itself says.

    `host` is the Host header or `:authority` in lower case, port included; `path` is the raw path, percent-encoding
    kept; `receive_body` reads the body at most once, within the limits it is given.
    """

    method: str
    host: str
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    """By lower-case name. A name that came twice is refused by the listener, except those that may be joined."""
    peer: str
    link: Link
    http_version: str
    receive_body: Callable[[int, float], Awaitable[bytes]]
    """`(limit in bytes, time in seconds)`; raises TooLarge, TimedOut."""
    ends: tuple[End, End] | None = None
    """The connection's other end and ours, where the listener is on one IPv4 address in plain HTTP."""
    listener: str = ""
    """What the listener is called, where a link has several."""
    proxy: str = ""
    """The proxy that said who `peer` is by the PROXY protocol; empty on every other listener."""

    def header(self, name: bytes) -> str | None:
        """One header's value as text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Response(msgspec.Struct, eq=False):
    """One answer. `body` is complete: nothing here streams."""

    status: int
    body: bytes = b""
    headers: list[Header] = []
    content_type: bytes | None = b"application/json; charset=utf-8"
