"""
The load: requests made beforehand, sent over TLS connections that stay open, and every answer checked.

One burst sends a request on each connection and then reads an answer from each, so every server gets the same pattern
whatever its speed, and has several requests waiting at a time, as a busy one does. Names are not looked up: the
connection goes to the loopback address, and the name is in SNI, in `Host`, and in the certificate that is verified.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_READ_BYTES = 64 * 1024
_TIMEOUT_S = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = 200

NotYet = (ConnectionRefusedError, ConnectionResetError, ssl.SSLEOFError)
"""How connecting fails while a server starts: it does not listen, or only looks whether its port is free."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where requests go: a port of this machine, by the name it is asked for; without TLS where no CA is named."""

    name: str
    port: int
    ca_file: Path | None

    @property
    def host(self) -> str:
        """What stands in the `Host` header."""
        return f"{self.name}:{self.port}"


def tls(ca_file: Path | None) -> ssl.SSLContext | None:
    """Trust one authority and nobody else; without one there is no TLS."""
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file is not None else None


def connect(site: Site, context: ssl.SSLContext | None) -> socket.socket:
    """Open one connection, without asking anybody where the name is."""
    plain = socket.create_connection(("127.0.0.1", site.port), timeout=_TIMEOUT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=site.name)
    except BaseException:
        plain.close()
        raise


def request(
    site: Site,
    method: str,
    target: str,
    *,
    token: str = "",
    body: bytes = b"",
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Write a request out as it will be sent."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {site.host}",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        "User-Agent: strongroom-bench",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class Connections:
    """Open connections to one server."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets

    def answers(self, requests: Iterable[bytes]) -> Iterator[bytes]:
        """
        Send requests in bursts, and give the bodies of their answers in order.

        Raises:
            AssertionError: an answer was not 200.
        """
        pending = iter(requests)
        while burst := list(islice(pending, len(self._sockets))):
            asked = self._sockets[: len(burst)]
            for connection, content in zip(asked, burst, strict=True):
                connection.sendall(content)
            for connection in asked:
                status, body = read_answer(connection)
                assert status == _OK, f"not answered with 200, but {status}: {body[:600]!r}"
                yield body

    def send(self, requests: Iterable[bytes], expected: bytes) -> None:
        """
        Send requests in bursts.

        Raises:
            AssertionError: an answer was not 200, or its body not the one *expected*.
        """
        for body in self.answers(requests):
            assert body == expected, f"not the answer that was asked for: {body[:300]!r}"


@contextmanager
def connections(site: Site, count: int) -> Iterator[Connections]:
    """Open connections for as long as the block lasts."""
    context = tls(site.ca_file)
    sockets: list[socket.socket] = []
    try:
        sockets.extend(connect(site, context) for _ in range(count))
        yield Connections(sockets)
    finally:
        for connection in sockets:
            connection.close()


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer: status and body; no more of HTTP is understood than the servers measured here speak."""
    data = connection.recv(_READ_BYTES)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(connection, data)
    version, status, *_ = data.split(maxsplit=2)
    assert version == b"HTTP/1.1", f"not an answer: {data[:600]!r}"
    length = _LENGTH.search(data, 0, end + 2)
    assert length is not None, f"an answer without a length: {data[:end]!r}"
    start = end + 4
    while len(data) < start + int(length[1]):
        data += _more(connection, data)
    return int(status), data[start:]


def _more(connection: socket.socket, so_far: bytes) -> bytes:
    chunk = connection.recv(_READ_BYTES)
    assert chunk, f"the connection was closed within an answer: {so_far[:300]!r}"
    return chunk
