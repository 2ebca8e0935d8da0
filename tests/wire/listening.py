"""A listener on a real socket, with a handler that a test chooses and a client that speaks in bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from strongroom.core.errors import Failure
from strongroom.core.network import Link
from strongroom.crypto import x509
from strongroom.http import problems
from strongroom.http.asgi import Listener
from strongroom.http.message import Request, Response
from strongroom.http.problems import Moment

T = TypeVar("T")
HOST = "v1.vault.localhost"
MOMENT = Moment("request", "correlation", "2026-01-01 00:00:00Z", "https://v1.vault.localhost")
GET = f"GET /secrets/a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Loop:
    """An event loop in a thread of its own, as the service's is, so that a test can block on a socket."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something to its end on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Server:
    """A listener whose handler records what reached it."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        self.loop = loop
        self.folder = folder
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.finished = threading.Event()
        self.entered = threading.Event()
        self.release = asyncio.Event()
        self.answer: Callable[[Request], Awaitable[Response]] = self._plain
        self.body_time_s = 20.0
        """How long `read_body` waits; what comes late is for the tests that are about that."""
        self.authority = x509.make_authority("localhost", now=_now())
        self.files = self.issue("first")
        self.listener = Listener(self._handle, self._refuse, Link.PUBLIC, certificate=self.files)
        loop.run(self.listener.open())

    def issue(self, name: str) -> tuple[Path, Path]:
        """Issue a server certificate."""
        leaf = x509.issue_leaf(self.authority, (f"*.{HOST.partition('.')[2]}",), now=_now())
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(leaf.certificate)
        key.write_bytes(leaf.private_key)
        return certificate, key

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        return await self.answer(request)

    async def _plain(self, _request: Request) -> Response:
        return Response(200, b'"hello"')

    async def _refuse(self, request: Request, fault: Failure) -> Response:
        self.requests.append(request)
        return problems.render(fault, problems.KEY_VAULT, MOMENT)

    async def read_body(self, request: Request) -> Response:
        """Answer with the body's length, or with what is wrong with it."""
        try:
            body = await request.receive_body(1000, self.body_time_s)
        except Failure as failure:
            return problems.render(failure, problems.KEY_VAULT, MOMENT)
        self.bodies.append(body)
        return Response(200, str(len(body)).encode())

    async def wait(self, _request: Request) -> Response:
        """Answer only when told to, and note that the handler went through to its end."""
        self.entered.set()
        await self.release.wait()
        self.finished.set()
        return Response(200, b'"late"')

    def let_go(self) -> None:
        """Tell `wait` to answer."""
        self.loop.run(_set(self.release))

    def context(self, **versions: ssl.TLSVersion) -> ssl.SSLContext:
        """Make a client's context that trusts this server's CA alone."""
        context = ssl.create_default_context(cadata=self.authority.certificate.decode())
        for name, version in versions.items():
            setattr(context, name, version)
        return context

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """Open a verified TLS connection."""
        plain = socket.create_connection(("127.0.0.1", self.listener.port), timeout=20)
        return (context or self.context()).wrap_socket(plain, server_hostname=HOST)

    def exchange(self, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """Send bytes and read the answer until the server closes or a response is whole."""
        with self.connect(context) as connection:
            connection.sendall(request)
            return read_response(connection)

    def close(self) -> None:
        """Stop listening."""
        self.loop.run(self.listener.close(0.1))


async def _set(event: asyncio.Event) -> None:
    event.set()


def _now() -> int:
    return int(time.time())


def read_response(connection: ssl.SSLSocket) -> bytes:
    """Read one response with a Content-Length, or what comes before the end."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return received
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            break
        body += chunk
    return head + b"\r\n\r\n" + body


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
