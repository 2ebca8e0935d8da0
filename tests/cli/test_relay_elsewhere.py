"""The relay of `run`: the names that it refuses, and all others, which it passes on untouched."""

import asyncio
import base64
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from strongroom.crypto.x509 import make_run_authority
from tests.cli.fake_service import FakeService
from tests.cli.relaying import PASSWORD, VAULT_HOST, close, read_answer, relaying

# ---- refused names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "another-vault.vault.azure.net:443",
        f"{VAULT_HOST}:8443",
        "vault.managedhsm.azure.net:443",
        "LOGIN.windows.net.:443",
        "account.blob.core.windows.net:443",
        "login.chinacloudapi.cn:443",
        "tenant.ciamlogin.com:443",
    ],
)
def test_azure_names_that_are_not_served_are_refused(service: FakeService, tmp_path: Path, place: str) -> None:
    """Neither a real vault nor a real authority can be reached: 403, in the reason phrase too: SEC-NAME-8."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.ask(f"CONNECT {place} HTTP/1.1")
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            assert head[0].startswith("HTTP/1.1 403 Not served by Strongroom: ")
            assert "Content-Type: text/plain; charset=utf-8" in head
            assert b"does not serve" in await reader.read()
            await close((reader, writer))
            again = await running.ask(f"CONNECT {place} HTTP/1.1")
            assert (await read_answer(again[0]))[0] == 403
            await close(again)
            # The user is told once, not at every retry.
            assert len(running.said) == 1

    asyncio.run(check())


@pytest.mark.parametrize("host", ["another.vault.azure.net", VAULT_HOST])
def test_azure_names_are_refused_without_tls(service: FakeService, tmp_path: Path, host: str) -> None:
    """No Azure name, served or not, is reached over plain HTTP: SEC-NAME-8."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.ask(f"GET http://{host}/secrets HTTP/1.1\r\nHost: {host}")
            assert (await read_answer(stream[0]))[0] == 403
            await close(stream)

    asyncio.run(check())
    assert service.asked == []


# ---- all others -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def tls_server(tmp_path: Path) -> AsyncIterator[tuple[int, bytes, ssl.SSLContext]]:
    """Run a TLS server of somebody else's, which echoes; its port, its certificate, and a client that trusts it."""
    theirs = make_run_authority(["localhost", "dev.localhost"], now=int(time.time()))
    file = tmp_path / "theirs.pem"
    file.write_bytes(theirs.leaf_certificate + theirs.leaf_private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    try:
        trusting = ssl.create_default_context(cadata=theirs.ca_certificate.decode())
        yield server.sockets[0].getsockname()[1], ssl.PEM_cert_to_DER_cert(theirs.leaf_certificate.decode()), trusting
    finally:
        server.close()


@pytest.mark.parametrize("host", ["localhost", "dev.localhost"])
def test_other_hosts_are_passed_through_untouched(service: FakeService, tmp_path: Path, host: str) -> None:
    """Another host shows its own certificate: the relay does not look into what is not ours: SEC-NAME-9."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running, tls_server(tmp_path) as (port, certificate, trusting):
            reader, writer = await running.tunnel(f"{host}:{port}")
            await writer.start_tls(trusting, server_hostname=host)
            assert writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == certificate
            writer.write(b"through")
            assert await reader.readexactly(7) == b"through"
            await close((reader, writer))

    asyncio.run(check())


def test_an_end_that_is_done_leaves_the_other_open(service: FakeService, tmp_path: Path) -> None:
    """A passed-through connection keeps its halves: who has sent everything can still read the answer."""

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d" % len(await reader.read()))
        writer.close()

    async def check() -> None:
        server = await asyncio.start_server(count, "127.0.0.1", 0)
        async with relaying(service, tmp_path) as running:
            stream = await running.tunnel(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            stream[1].write(bytes(3_000_000))
            stream[1].write_eof()
            assert await stream[0].read() == b"3000000"
            await close(stream)
        server.close()

    asyncio.run(check())


def test_a_client_that_has_reset_its_connection_is_nothing_to_tell(service: FakeService, tmp_path: Path) -> None:
    """When the far end is done then, there is no half left to close for the client: the user is told of no fault."""

    async def check() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            async with relaying(service, tmp_path) as running:
                _, writer = await running.tunnel(f"127.0.0.1:{server.getsockname()[1]}")
                far, _ = await loop.sock_accept(server)
                # Nobody reads, so the relay stops reading too, and cannot see the reset.
                writer.write(bytes(30_000_000))
                left = 0
                while left != (left := writer.transport.get_write_buffer_size()):  # noqa: ASYNC110  nothing says it
                    await asyncio.sleep(0.1)
                assert left
                near: socket.socket = writer.get_extra_info("socket")
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                await asyncio.sleep(0.1)
                with far, suppress(ConnectionError):
                    far.shutdown(socket.SHUT_WR)
                    while await loop.sock_recv(far, 1 << 20):
                        pass
        assert running.said == []

    asyncio.run(check())


def test_plain_requests_are_passed_on(service: FakeService, tmp_path: Path) -> None:
    """A plain HTTP request, as for the managed identity endpoint, arrives with its path and without the credential."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        body = await reader.readexactly(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n" + body)
        writer.close()

    async def check() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.ask(
                f"POST http://127.0.0.1:{port}/msi/token?resource=x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                "X-IDENTITY-HEADER: h\r\nContent-Length: 3"
            )
            writer.write(b"abc")
            assert await read_answer(reader) == (200, b"abc")
            assert await reader.read() == b""
            await close((reader, writer))
        server.close()

    asyncio.run(check())
    head = heads[0].decode()
    assert head.startswith("POST /msi/token?resource=x HTTP/1.1\r\n")
    assert "x-identity-header: h" in head
    assert "proxy-authorization" not in head.lower()


def test_a_host_that_does_not_answer_is_said(service: FakeService, tmp_path: Path) -> None:
    """A host that cannot be reached gets 502, not a closed connection."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.ask("CONNECT 127.0.0.1:1 HTTP/1.1")
            assert (await read_answer(stream[0]))[0] == 502
            await close(stream)

    asyncio.run(check())


# ---- the user's own proxy -------------------------------------------------------------------------------------------


@asynccontextmanager
async def user_proxy(answer: bytes, heads: list[bytes]) -> AsyncIterator[dict[str, str]]:
    """Run the user's own proxy, which records what it is asked and echoes after its answer; their environment."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        proxy = f"http://me:p%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield {"HTTPS_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "example.org"}
    finally:
        server.close()


def test_other_hosts_go_the_way_of_the_users_proxy(service: FakeService, tmp_path: Path) -> None:
    """Where the shell has a proxy, other hosts are reached through it, without our credential: SEC-NAME-9."""
    heads: list[bytes] = []

    async def check() -> None:
        answer = b"HTTP/1.1 200 OK\r\n\r\n"
        async with user_proxy(answer, heads) as user, relaying(service, tmp_path, environment=user) as running:
            stream = await running.tunnel("example.com:443")
            stream[1].write(b"hello")
            assert await stream[0].readexactly(5) == b"hello"
            await close(stream)

    asyncio.run(check())
    assert heads[0].startswith(b"CONNECT example.com:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss") in heads[0]
    assert PASSWORD.encode() not in base64.b64decode(heads[0].split(b"Basic ")[1].split(b"\r\n")[0])


def test_plain_requests_go_the_way_of_the_users_proxy_too(service: FakeService, tmp_path: Path) -> None:
    """A plain request keeps its whole URL on the way through the user's proxy."""
    heads: list[bytes] = []

    async def check() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        async with user_proxy(answer, heads) as user, relaying(service, tmp_path, environment=user) as running:
            stream = await running.ask("GET http://example.com/x HTTP/1.1\r\nHost: example.com")
            assert (await read_answer(stream[0]))[0] == 200
            await close(stream)

    asyncio.run(check())
    assert heads[0].startswith(b"GET http://example.com/x HTTP/1.1\r\n")


@pytest.mark.parametrize(("theirs", "ours"), [(b"403 Forbidden", 403), (b"407 Proxy Authentication Required", 502)])
def test_what_the_users_proxy_refuses_is_refused(
    service: FakeService, tmp_path: Path, theirs: bytes, ours: int
) -> None:
    """A refusal of the user's proxy is told, and its question for a password is not taken for ours."""

    async def check() -> None:
        answer = b"HTTP/1.1 " + theirs + b"\r\n\r\n"
        async with user_proxy(answer, []) as user, relaying(service, tmp_path, environment=user) as running:
            stream = await running.ask("CONNECT example.com:443 HTTP/1.1")
            assert (await read_answer(stream[0]))[0] == ours
            await close(stream)

    asyncio.run(check())


def test_azure_names_do_not_reach_the_users_proxy(service: FakeService, tmp_path: Path) -> None:
    """The user's proxy is never asked for a name of Azure's: SEC-NAME-8."""
    heads: list[bytes] = []

    async def check() -> None:
        answer = b"HTTP/1.1 200 OK\r\n\r\n"
        async with user_proxy(answer, heads) as user, relaying(service, tmp_path, environment=user) as running:
            stream = await running.ask("CONNECT other.vault.azure.net:443 HTTP/1.1")
            assert (await read_answer(stream[0]))[0] == 403
            await close(stream)

    asyncio.run(check())
    assert heads == []
