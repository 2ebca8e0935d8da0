"""
The end of TLS for the names that a run serves, and what happens to the requests inside.

    200 --> handshake --> request --> request's host is the connection's? --> the service's socket
                                      no: 421, and the connection ends

The bytes of a request and of its answer are handed on as they are.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli import framing
from strongroom.cli.answers import PIECE_BYTES, pump, refuse_request
from strongroom.cli.framing import Malformed, RequestHead
from strongroom.cli.hints import Hints, Watch
from strongroom.core.names import HTTPS_PORT

_HANDSHAKE_TIME_S = 15.0
_LINGER_S = 2.0


class Termination:
    """
    The TLS side of one run's relay: TLS 1.2 or newer, HTTP/1.1 alone.

    The standard library reads keys from files only. On Linux it gets one that exists in memory alone; elsewhere one
    that is its owner's, in *scratch*, and is gone before this returns.
    """

    def __init__(self, certificate: bytes, private_key: bytes, scratch: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.set_alpn_protocols(["http/1.1"])
        # Clients say inside TLS, too, which name they want. It is looked at when their request comes.
        self._context.sni_callback = self._remember_name
        self._names_asked: weakref.WeakKeyDictionary[object, str | None] = weakref.WeakKeyDictionary()
        _load(self._context, certificate + private_key, scratch)

    def _remember_name(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self._names_asked[connection] = name

    async def accept(self, writer: asyncio.StreamWriter) -> str | None:
        """Say that the tunnel stands and begin TLS in it; the name that the client asked for there, if it did."""
        # Nothing may be awaited in between: what the client sends next belongs to TLS.
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.start_tls(self._context, ssl_handshake_timeout=_HANDSHAKE_TIME_S)
        return self._names_asked.get(writer.get_extra_info("ssl_object"))


@dataclass(slots=True)
class Visit:
    """One connection to a served name, and how far it is."""

    host: str
    port: int
    asked_name: str | None
    """The name inside TLS."""
    hints: Hints | None = None
    within_request: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, control_socket: Path) -> None:
        """Hand the connection's requests to the service and its answers back, until either is done."""
        try:
            from_service, to_service, sending = await _connect(control_socket)
        except OSError:
            return await refuse_request(writer, 502, "The strongroom service does not answer: is it still running?")
        watch = self.hints.watch(self.host) if self.hints is not None else None
        answers = asyncio.ensure_future(pump(from_service, writer, watch.see if watch is not None else None))
        requests = asyncio.ensure_future(self._hand_over(reader, writer, sending, watch))
        try:
            await asyncio.wait({answers, requests}, return_when=asyncio.FIRST_COMPLETED)
            refusal = requests.result() if requests.done() and not answers.done() else None
            if refusal is not None:
                # What was asked before is answered before; the service closes when it sees the end.
                to_service.write_eof()
                await asyncio.wait({answers}, timeout=_LINGER_S)
                return await refuse_request(writer, refusal.status, str(refusal))
        except ConnectionError:
            # The service closed before the request was whole: its answer is on the way, a 413 as likely as not.
            await asyncio.wait({answers}, timeout=_LINGER_S)
        finally:
            # First, because the wait below may be cancelled in its turn.
            to_service.close()
            try:
                await _cancel(answers, requests)
            finally:
                # Last, because the loop watches it as long as something is being sent.
                sending.close()
        if self.within_request:
            # A client that is still sending reads the answer only if it is not met by a reset, which is what closing
            # on bytes that nobody read would cause.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    while await reader.read(PIECE_BYTES):
                        pass
        return None

    async def _hand_over(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: socket.socket, watch: Watch | None
    ) -> Malformed | None:
        """Hand requests on until the client is done, or give the refusal of one that is not for this host."""
        loop = asyncio.get_running_loop()
        try:
            while (head := await framing.read_head(reader)) is not None:
                require_host(head, self.host, self.port, self.asked_name)
                self.within_request = True
                if watch is not None:
                    watch.expect(head.method, head.target)
                if head.length != 0:
                    acknowledge(writer)
                await loop.sock_sendall(service, head.raw)
                async for piece in framing.read_body(reader, head):
                    await loop.sock_sendall(service, piece)
                self.within_request = False
        except Malformed as refusal:
            return refusal
        return None


def acknowledge(writer: asyncio.StreamWriter) -> None:
    """
    Acknowledge what came, and not 40 ms later, where the system can be told so.

    urllib3 has Nagle's algorithm on for proxies: it holds a request's body back until its head is acknowledged.
    """
    connection = writer.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def require_host(head: RequestHead, host: str, port: int, asked_name: str | None) -> None:
    """
    Demand that a request is for the host its connection was opened for.

    The proxy's target, the name inside TLS and the Host header have to say the same. Above all nobody gets to the
    operator's interface this way, which has a host of its own on the socket behind us.

    Raises:
        Malformed: they do not (421), or the target names a host again (400).
    """
    if not head.target.startswith("/") and head.target != "*":
        raise Malformed("A request to a server names a path.")
    hosts = head.values(b"host")
    if len(hosts) != 1:
        raise Malformed("A request names exactly one host.")
    names = {f"{host}:{port}", host} if str(port) == HTTPS_PORT else {f"{host}:{port}"}
    same_name = asked_name is None or asked_name.lower().rstrip(".") == host
    if hosts[0].decode("latin-1").lower() not in names or not same_name:
        raise Malformed(f"This connection is for {host}:{port}, and the request for another host.", 421)


async def _connect(control_socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, socket.socket]:
    """
    Connect to the service, with a second handle of the connection for sending.

    A stream of asyncio's gives up its reading half when writing fails, and with it an answer that has arrived: that of
    a service which refuses a body before it is whole.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, str(control_socket))
        sending = connection.dup()
    except BaseException:
        connection.close()
        raise
    sending.setblocking(False)
    try:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
    except BaseException:
        sending.close()
        raise
    return reader, writer, sending


def _load(context: ssl.SSLContext, content: bytes, scratch: Path) -> None:
    """Load a certificate with its key into a context."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("strongroom-run", os.MFD_CLOEXEC)
        path = Path(f"/proc/self/fd/{descriptor}")
    else:
        path = scratch / "leaf.pem"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        context.load_cert_chain(path)
    finally:
        if sys.platform != "linux":
            path.unlink()
        os.close(descriptor)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
