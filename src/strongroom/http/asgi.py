"""
The web server: the only file that knows it.

granian is embedded, one instance for each listener on one event loop (ADR 0002). A listener knows its own link, so what
a connection is never depends on what the client says. The server has no body or time limit and answers an oversized
header block itself, so its limits are set well above ours and ours are enforced here, in the surface's dialect. It ends
a request whose body nobody reads as soon as it is answered, so what is left of a body is read here after the answer.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketSpec  # type: ignore[attr-defined]  # re-exported without saying so
from granian.server.embed import Server

from strongroom.core import limits
from strongroom.core.errors import Failure, HeadersTooLarge, Invalid, TimedOut, TooLarge, UnsupportedMediaType
from strongroom.core.network import Link, reachable_at
from strongroom.http.connections import Requests, place_at
from strongroom.http.deadlines import Deadlines
from strongroom.http.message import End, Relayed, Request, Response
from strongroom.http.peer_owner import is_listened_on
from strongroom.http.socket_files import claim, remove, remove_stale

Handle = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Request, Failure], Awaitable[Response]]
"""Renders what the listener itself refuses, in the dialect of the host that was asked, and audits it."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ONCE = frozenset(
    {
        b"host",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"transfer-encoding",
        b"x-identity-header",
        b"secret",
    }
)
"""Headers that mean something to us and must not come twice: two readers could take different ones."""

_SERVER_HEADER_BYTES = 256 * 1024
"""Above our own limit, so that ours answers first."""

_OPEN_S = 10.0
_FAREWELL_S = 1.0
_TOLD_ENDS = frozenset({Link.MANAGED_IDENTITY, Link.METADATA})
"""Listeners on one address, whose requests may be judged by who is at the other end."""

_PLAIN, _CHUNKED = b"identity", b"chunked"
"""How a body may be coded: not at all, and in chunks."""
_WITHOUT_BODY = frozenset({204, 304})
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose requests have no body unless a header says so; over HTTP/2 those of others may."""


@dataclass(slots=True)
class Listener:
    """
    One address being listened on.

        made --open()--> open --renew(certificate)--> open --close(grace_s)--> closed

    `renew` starts a second server on the same address with the new certificate before the first stops accepting, so no
    connection is refused.
    """

    handle: Handle
    refuse: Refuse
    link: Link
    address: str = "127.0.0.1"
    port: int = 0
    unix_socket: Path | None = None
    certificate: tuple[Path, Path] | None = None
    """Certificate chain and private key, PEM."""
    name: str = ""
    """What its requests say they came through, where a link has several listeners."""
    owner: int | None = None
    """The user whose the Unix socket is to be, if not the process's own."""
    beside_every: bool = False
    """Whether a listener of ours on every address has this port as well: the system prefers the one address."""
    peer_of: Callable[[End], Relayed | None] | None = None
    """Where only relayed connections are served: says for whom one is. One of which it knows nothing is refused."""
    requests: Requests = field(default_factory=Requests)
    """What the watch over connections knows of this listener's."""
    _deadlines: Deadlines = field(default_factory=Deadlines)
    """Of the bodies that are being read."""
    _server: _Server | None = None
    _serving: asyncio.Task[None] | None = None
    _active: set[asyncio.Task[Any]] = field(default_factory=set)
    _file: tuple[int, int] | None = None
    """Which file the Unix socket is."""

    async def open(self) -> None:
        """
        Start to accept.

        Raises:
            OSError: the address is taken or not ours; what lies at a socket's path and is none is left there.
        """
        if self.unix_socket is None:
            self.port = free_port(self.address, self.port, shared=self.beside_every)
            self.requests.place = place_at(self.address, self.port)
        else:
            remove_stale(self.unix_socket)
            self.requests.place = str(self.unix_socket)
        self._start()
        await self._accepting()

    async def renew(self, certificate: tuple[Path, Path]) -> None:
        """
        Serve new connections with another certificate; those that are open go on.

        Raises:
            OSError: the new server does not take connections; the old one goes on.
        """
        old_server, old_task = self._server, self._serving
        old_certificate, self.certificate = self.certificate, certificate
        try:
            self._start()
            await self._serves_certificate(ssl.PEM_cert_to_DER_cert(certificate[0].read_text(encoding="ascii")))
        except OSError:
            failed_server, failed_task = self._server, self._serving
            self._server, self._serving, self.certificate = old_server, old_task, old_certificate
            if failed_server is not None and failed_task is not None and failed_server is not old_server:
                # It shares the port with the one that serves, and must not take its connections.
                failed_server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
                await asyncio.gather(failed_task, return_exceptions=True)
            raise
        if old_server is not None and old_task is not None:
            old_server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
            await old_task

    async def close(self, grace_s: float) -> None:
        """Stop accepting at once, let requests under way finish for *grace_s* seconds, then end what is left."""
        if self._server is None or self._serving is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]  # granian has no types here
        await asyncio.wait({self._serving}, timeout=grace_s)
        if ended := set(self._active):
            for task in ended:
                task.cancel()
            # Whoever waits is told that it was ended, and the server ends by itself once it has told them.
            await asyncio.wait(ended, timeout=_FAREWELL_S)
            await asyncio.wait({self._serving}, timeout=_FAREWELL_S)
        for task in (left := {self._serving, *self._active}):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._server = self._serving = None
        if self.unix_socket is not None and self._file is not None:
            remove(self.unix_socket, self._file)

    async def _accepting(self) -> None:
        """Wait until connections are taken: the server binds in a thread of its own, and does not say when."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _OPEN_S
        while True:
            try:
                await self._connect_once(loop)
            except (ConnectionRefusedError, FileNotFoundError):
                if loop.time() > deadline or self._serving is None or self._serving.done():
                    raise
                await asyncio.sleep(0.001)
            else:
                if not self.beside_every or is_listened_on(self.address, self.port):
                    break
                # It was the listener on every address that took the connection.
                if loop.time() > deadline or self._serving is None or self._serving.done():
                    raise OSError(errno.ETIMEDOUT, "the server does not take connections")
                await asyncio.sleep(0.001)
        if self.unix_socket is not None:
            self._file = claim(self.unix_socket, self.owner)

    async def _serves_certificate(self, certificate: bytes) -> None:
        """Wait until the new server answers: it shares the port with the old one, so some handshakes tell, not one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _OPEN_S
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Our own certificate is what is looked at here, not what it vouches for.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        while True:
            _, writer = await asyncio.open_connection(
                reachable_at(self.address), self.port, ssl=context, server_hostname="renewal"
            )
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.transport.abort()
            if shown == certificate:
                return
            if loop.time() > deadline:
                raise OSError(errno.ETIMEDOUT, "the server with the new certificate does not take connections")
            await asyncio.sleep(0.01)

    async def _connect_once(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.unix_socket is not None:
            family = socket.AF_UNIX
            address: str | tuple[str, int] = str(self.unix_socket)
        else:
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            address = (reachable_at(self.address), self.port)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            await loop.sock_connect(probe, address)

    def _start(self) -> None:
        certificate, key = self.certificate or (None, None)
        self._server = _Server(
            self._serve,
            address=self.address,
            port=self.port,
            uds=self.unix_socket,
            interface=Interfaces.ASGINL,
            websockets=False,
            http=HTTPModes.auto if certificate else HTTPModes.http1,
            backlog=1024,
            log_enabled=False,
            ssl_cert=certificate,
            ssl_key=key,
            ssl_protocol_min="tls1.2",  # type: ignore[arg-type]  # the enum's value; it is passed on as text
            http1_settings=HTTP1Settings(
                header_read_timeout=int(limits.HEADER_TIME_S * 1000), max_buffer_size=_SERVER_HEADER_BYTES
            ),
            http2_settings=HTTP2Settings(
                max_headers_size=_SERVER_HEADER_BYTES,
                max_concurrent_streams=128,
                # Of clients that are gone without a word; `connections.Watch` ends those that only say nothing.
                keep_alive_interval=int(limits.FIRST_REQUEST_S * 1000),
                keep_alive_timeout=int(limits.HEADER_TIME_S),
            ),
        )
        self._serving = asyncio.get_running_loop().create_task(self._server.serve())

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        # Granian does not cancel this when the client hangs up; the flow's audit is never cut in half.
        task = asyncio.current_task()
        if task is not None:
            self._active.add(task)
        address, port = scope["client"]
        # The server gives the port as text; a Unix socket's client has none.
        peer = address, int(port or 0)
        if self.unix_socket is None:
            self.requests.asked(peer)
        body = _BodyReader(scope, receive, self._deadlines)
        try:
            response = await self._answer(scope, body)
            unread = body.is_unread
            is_stranger = self.peer_of is not None and self.peer_of(peer) is None
            if (unread and body.ends_connection) or (is_stranger and body.is_http_1):
                response.headers.append((b"connection", b"close"))
            await _send(response, send)
            if self.unix_socket is None:
                self.requests.answered(peer)
            if is_stranger:
                self.requests.give_up(peer)
            if unread:
                await body.discard()
                if body.is_unread and body.is_http_1 and self.unix_socket is None:
                    self.requests.give_up(peer)
        finally:
            if task is not None:
                self._active.discard(task)

    async def _answer(self, scope: dict[str, Any], body: _BodyReader) -> Response:
        fault: Failure | None = None
        given, headers = scope["headers"], body.headers
        if len(headers) != len(given):
            headers, fault = _joined(given)
        request = Request(
            method=scope["method"],
            host=headers.get(b"host", b"").decode("latin-1").lower(),
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=headers,
            peer=scope["client"][0],
            link=self.link,
            http_version=scope["http_version"],
            receive_body=body.read,
            listener=self.name,
        )
        if self.link in _TOLD_ENDS:
            address, port = scope["client"]
            request.ends = (address, int(port)), (self.address, self.port)
        # To join them takes half as long as to add up their lengths.
        if len(b"".join(headers)) + len(b"".join(headers.values())) > limits.HEADER_BYTES:
            fault = HeadersTooLarge(f"The request headers are larger than {limits.HEADER_BYTES} bytes.")
        if self.peer_of is not None:
            address, port = scope["client"]
            relayed = self.peer_of((address, int(port)))
            if relayed is None:
                fault = Invalid("This connection did not come through the listener that it belongs to.")
                # Nobody vouches for it, so no header of it says where it comes from either.
                request.proxy = request.peer
            else:
                request.peer, request.proxy = relayed
        if fault is not None:
            return await self.refuse(request, fault)
        return await self.handle(request)


def _joined(given: list[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], Failure | None]:
    """Join the values of headers that came several times, or say which may not."""
    headers: dict[bytes, bytes] = {}
    fault: Failure | None = None
    for name, value in given:
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            fault = Invalid(f"The header {name.decode('latin-1')} comes twice.")
        else:
            # Browsers send each cookie by itself over HTTP/2 (RFC 9113 section 8.2.3).
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
    return headers, fault


class _BodyReader:
    """
    Reads one request's body, once, within limits; and after the answer, what nobody has read.

    A client that sends on while the server has ended the request loses the answer: it finds its connection or stream
    closed, and many clients look no further (RFC 9112 section 9.6, RFC 9113 section 8.1).
    """

    __slots__ = ("_begun", "_body", "_deadlines", "_late", "_over", "_receive", "_scope", "headers")

    def __init__(self, scope: dict[str, Any], receive: Receive, deadlines: Deadlines) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self._scope = scope
        self._receive = receive
        self._deadlines = deadlines
        self._body: bytes | None = None
        self._begun = self._over = self._late = False

    async def read(self, limit: int, time_s: float) -> bytes:
        if self._body is not None:
            return self._body
        if self._length > limit:
            raise TooLarge(f"The request body is larger than {limit} bytes.")
        self._require_plain()
        self._begun = True
        if self._whole == 0:
            self._body, self._over = b"", True
            return self._body
        try:
            self._body = await self._deadlines.within(time_s, self._read_all(limit))
        except TimeoutError:
            self._late = True
            raise TimedOut(f"The request body did not arrive within {time_s:g} seconds.") from None
        return self._body

    def _require_plain(self) -> None:
        """
        Refuse a body that was coded on its way: nothing here decodes one, and a proxy that does would read another.

        Raises:
            UnsupportedMediaType: it has a content coding (RFC 9110 section 8.4).
            Invalid: it has a transfer coding besides its chunks (RFC 9112 section 6.1).
        """
        if self.headers.get(b"content-encoding", _PLAIN).strip().lower() not in {b"", _PLAIN}:
            raise UnsupportedMediaType("The request body has a Content-Encoding. Send it without one.")
        if self.headers.get(b"transfer-encoding", _CHUNKED).lower() != _CHUNKED:
            raise Invalid("The request body has a Transfer-Encoding other than chunked.")

    async def _read_all(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            self._note(message, size)
            if message["type"] == "http.disconnect":
                raise Invalid("The request body ended early.")
            if size > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes.")
            if self._over and not chunks:
                return chunk
            chunks.append(chunk)
            if self._over:
                return b"".join(chunks)

    @property
    def is_unread(self) -> bool:
        """Whether some of a body may still be on its way."""
        if self._over:
            return False
        if b"content-length" in self.headers:
            return self._length > 0
        if self.is_http_1:
            return b"transfer-encoding" in self.headers
        # Over HTTP/2 a body is announced by nothing; where there is none, the server says so at once.
        return self._scope["method"] not in _BODILESS

    @property
    def ends_connection(self) -> bool:
        """Whether what is unread stands between this request and the next one, as it can over HTTP/1.1."""
        return self.is_http_1 and (self._is_given_up or self._length > limits.UNREAD_BODY_BYTES)

    async def discard(self) -> None:
        """Take in what is unread and drop it, within the limits on it; what is more ends the connection or stream."""
        if self._is_given_up:
            return
        try:
            await self._deadlines.within(limits.UNREAD_BODY_TIME_S, self._discard())
        except TimeoutError:
            # The client has its answer, and has had time to look at it.
            self._late = True

    async def _discard(self) -> None:
        size = 0
        while not self._over and size <= limits.UNREAD_BODY_BYTES:
            message = await self._receive()
            size += len(message.get("body", b""))
            self._note(message, size)

    def _note(self, message: dict[str, Any], size: int) -> None:
        """Note whether the body is over with a message, the last one of *size* bytes so far."""
        # Where it ends with its announced last byte, the server would say so after one more way to its thread and back.
        self._over = size == self._whole or not message.get("more_body")

    @property
    def _is_given_up(self) -> bool:
        """Whether nobody waits for the rest: it came too late, or was never asked for (RFC 9110 section 10.1.1)."""
        return self._late or (not self._begun and b"expect" in self.headers)

    @property
    def is_http_1(self) -> bool:
        """Whether the connection has one request at a time."""
        return bool(self._scope["http_version"].startswith("1"))

    @property
    def _whole(self) -> int | None:
        """How long the body is, where nothing else says where it ends: RFC 9112 section 6.3."""
        return self._length if self.is_http_1 and b"transfer-encoding" not in self.headers else None

    @property
    def _length(self) -> int:
        """The length that was announced; 0 if none was."""
        length = self.headers.get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0


async def _send(response: Response, send: Send) -> None:
    headers = response.headers
    if response.status not in _WITHOUT_BODY:
        if response.content_type is not None and response.body:
            headers.append((b"content-type", response.content_type))
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


class _Server(Server):
    """Granian's embedded server, without its share of the process's logging."""

    def _init_shared_socket(self) -> None:
        if self.bind_uds:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]  # granian has no types here
            return
        self._ssp = SocketSpec(self.bind_addr, self.bind_port, self.backlog)  # type: ignore[assignment]  # likewise


def free_port(address: str, port: int, *, shared: bool = False) -> int:
    """
    Find the port to listen on, and make sure that nobody else does.

    The server's sockets share their port (SO_REUSEPORT), which is how a certificate is renewed without a gap; without
    this check a second service would silently take every other connection. *shared* is for an address beside a listener
    of ours on every one, which has kept everybody else from the port already.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # Connections in TIME_WAIT do not count; a listener does.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                message = f"{address} port {port} is in use. Is the service running already?"
                raise OSError(error.errno, message) from None
            raise
        bound: int = probe.getsockname()[1]
        return bound
