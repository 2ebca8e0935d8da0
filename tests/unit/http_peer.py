"""The other side of what the service sends: a real TLS server, in a simulated network."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from strongroom.core.outgoing import IPAddress, parse_networks
from strongroom.crypto import x509
from strongroom.egress import Egress

T = TypeVar("T")
PUBLIC = ipaddress.ip_address("93.184.216.34")
HOST = "issuer.egress.example"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run something asynchronous."""
    return asyncio.run(coroutine)


class Elsewhere:
    """A TLS server of another party; the network between is simulated: every public address leads to it."""

    def __init__(self, folder: Path, answer: Answer | bytes, *, name: str = HOST) -> None:
        import time  # noqa: PLC0415  TLS judges certificates by the real clock

        authority = x509.make_authority("egress.example", now=int(time.time()))
        leaf = x509.issue_leaf(authority, [name], now=int(time.time()))
        self.ca_file, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
        self.ca_file.write_bytes(authority.certificate)
        chain.write_bytes(leaf.certificate)
        key.write_bytes(leaf.private_key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain, key)
        self._answer = answer
        self.asked: list[bytes] = []
        self.resolved: list[str] = []
        self.connected: list[IPAddress] = []
        self.addresses: list[IPAddress] = [PUBLIC]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(self._answer, bytes):
                writer.write(self._answer)
                await writer.drain()
            else:
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side had enough, which is what many of these tests are about
        finally:
            writer.close()

    async def get(self, url: str = f"https://{HOST}/a?b=c", *, trust: bool = True, networks: str = "") -> bytes:
        """Fetch from it, by the real way out."""
        return await self.send(lambda egress: egress.get(url), trust=trust, networks=networks)

    async def send(self, send: Callable[[Egress], Awaitable[T]], *, trust: bool = True, networks: str = "") -> T:
        """Send it something, by the real way out."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        port = server.sockets[0].getsockname()[1]

        async def resolve(host: str, _port: int) -> list[IPAddress]:
            self.resolved.append(host)
            return self.addresses

        async def connect(
            address: IPAddress, _port: int, context: ssl.SSLContext, host: str
        ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            self.connected.append(address)
            return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)

        egress = Egress(parse_networks(networks), str(self.ca_file) if trust else "", resolve=resolve, connect=connect)
        try:
            return await send(egress)
        finally:
            server.close()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
