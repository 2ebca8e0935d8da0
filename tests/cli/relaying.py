"""A relay of `run`, in this process, in front of a fake service on a real socket, and clients of it."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.cli.azure_names import ServedNames
from strongroom.cli.relay import Relay, RelaySettings
from strongroom.cli.serving import Termination
from strongroom.cli.upstream import Surroundings
from strongroom.crypto.x509 import RunAuthority, make_run_authority
from tests.cli.fake_service import AZURE_HOSTS, OWN_HOSTS, PORT, VAULT, FakeService

VAULT_HOST = f"{VAULT}.vault.azure.net"
PASSWORD = "an-invented-proxy-password"
SERVED = ServedNames(frozenset(AZURE_HOSTS), frozenset(OWN_HOSTS), PORT)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Running:
    """A relay that runs, and how to reach it."""

    port: int
    authority: RunAuthority
    said: list[str] = field(default_factory=list)

    async def ask(self, request: str, *, authorization: str | None = PASSWORD) -> Stream:
        """Send a request's head to the proxy."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        credential = base64.b64encode(f"run:{authorization}".encode()).decode()
        extra = f"Proxy-Authorization: Basic {credential}\r\n" if authorization is not None else ""
        writer.write(f"{request}\r\n{extra}\r\n".encode())
        return reader, writer

    async def tunnel(self, authority: str) -> Stream:
        """Open a tunnel, which must be granted."""
        reader, writer = await self.ask(f"CONNECT {authority} HTTP/1.1")
        assert await read_head(reader) == "HTTP/1.1 200 Connection established"
        return reader, writer

    def trusting(self, alpn: list[str] | None = None) -> ssl.SSLContext:
        """Make a client's TLS that trusts this run's authority alone."""
        context = ssl.create_default_context(cadata=self.authority.ca_certificate.decode())
        if alpn is not None:
            context.set_alpn_protocols(alpn)
        return context

    async def visit(
        self, host: str, port: int = 443, *, name: str | None = None, alpn: list[str] | None = None
    ) -> Stream:
        """Open a tunnel to a served name and begin TLS in it."""
        reader, writer = await self.tunnel(f"{host}:{port}")
        await writer.start_tls(self.trusting(alpn), server_hostname=name or host)
        return reader, writer


@asynccontextmanager
async def relaying(
    service: FakeService,
    tmp_path: Path,
    *,
    expires_in_s: float = 3600,
    environment: dict[str, str] | None = None,
    served: ServedNames = SERVED,
) -> AsyncIterator[Running]:
    """Run a relay in front of the fake service."""
    authority = make_run_authority(served.all, now=int(time.time()))
    running = Running(0, authority)
    relay = Relay(
        RelaySettings(
            served=served,
            control_socket=service.socket,
            termination=Termination(authority.leaf_certificate, authority.leaf_private_key, tmp_path),
            password=PASSWORD,
            expires_at=time.time() + expires_in_s,
            clock=time.time,
            surroundings=Surroundings.of(environment or {}),
            say=running.said.append,
        )
    )
    await relay.start()
    running.port = relay.port
    try:
        yield running
    finally:
        await relay.close()


async def read_head(reader: asyncio.StreamReader) -> str:
    """Read a head and give its first line."""
    return (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer with a content length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return int(head[0].split()[1]), await reader.readexactly(int(fields["content-length"]))


async def close(*streams: Stream) -> None:
    """Close connections, whatever their other end thinks of it."""
    for _, writer in streams:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in streams), return_exceptions=True)
