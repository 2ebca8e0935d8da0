"""The relay of `run`, in this process, against a fake service on a real socket."""

import asyncio
import base64
import hashlib
import json
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from strongroom.cli import relay as relay_module
from strongroom.cli.azure_names import ServedNames
from strongroom.cli.relay import Relay, RelaySettings
from strongroom.cli.serving import Termination
from strongroom.cli.upstream import Surroundings
from strongroom.crypto.x509 import RunAuthority, make_run_authority
from tests.cli.fake_service import AZURE_HOSTS, CLOSE_EARLY, OWN_HOSTS, PORT, SLOW, VAULT, FakeService

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
        # Give the transports a turn to end.
        await asyncio.sleep(0.01)


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


# ---- served names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [*AZURE_HOSTS, VAULT_HOST.upper()])
def test_azures_names_end_here_and_reach_the_service_with_their_host(
    service: FakeService, tmp_path: Path, host: str
) -> None:
    """TLS for a served Azure name ends in the relay, and the service gets the request: SEC-NAME-2, SEC-NAME-5."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(host)
            stream[1].write(f"GET /secrets?api-version=7.4 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            status, body = await read_answer(stream[0])
            assert status == 200
            assert json.loads(body)["host"] == host
            await close(stream)

    asyncio.run(check())
    assert [(asked.host, asked.path) for asked in service.asked] == [(host, "/secrets?api-version=7.4")]


@pytest.mark.parametrize("port", [PORT, 443])
def test_own_names_are_served_without_any_resolver(service: FakeService, tmp_path: Path, port: int) -> None:
    """A name under `localhost` of ours is relayed too, on the instance's port and on 443: SEC-NAME-7."""
    host = f"{VAULT}.vault.localhost"

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(host, port)
            named = host if port == 443 else f"{host}:{port}"
            stream[1].write(f"GET / HTTP/1.1\r\nHost: {named}\r\n\r\n".encode())
            assert (await read_answer(stream[0]))[0] == 200
            await close(stream)

    asyncio.run(check())


def test_the_leaf_names_what_is_served_and_nothing_else(service: FakeService, tmp_path: Path) -> None:
    """The certificate of a run holds the exact names served, and no wildcard: SEC-NAME-3."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            certificate = stream[1].get_extra_info("peercert")
            assert sorted(name for kind, name in certificate["subjectAltName"]) == sorted(SERVED.all)
            await close(stream)

    asyncio.run(check())


def test_one_connection_carries_many_requests(service: FakeService, tmp_path: Path) -> None:
    """A kept-alive connection hands on each request, with bodies by length and in chunks."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            for number in range(3):
                stream[1].write(
                    f"PUT /secrets/{number} HTTP/1.1\r\nHost: {VAULT_HOST}\r\nContent-Length: 5\r\n\r\nhello".encode()
                )
                assert json.loads((await read_answer(stream[0]))[1])["size"] == 5
                stream[1].write(
                    f"PUT /chunks/{number} HTTP/1.1\r\nHost: {VAULT_HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "4\r\nwiki\r\nA\r\npedia in 8\r\n0\r\n\r\n".encode()
                )
                assert json.loads((await read_answer(stream[0]))[1])["size"] == 14
            await close(stream)

    asyncio.run(check())
    assert len(service.asked) == 6


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_arrives_whole(service: FakeService, tmp_path: Path, *, chunked: bool) -> None:
    """Sixteen megabytes arrive as they were sent."""
    body = os.urandom(1 << 20) * 16

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
            stream[1].write(f"POST /restore HTTP/1.1\r\nHost: {VAULT_HOST}\r\n{framing}\r\n\r\n".encode())
            if chunked:
                for start in range(0, len(body), 1 << 20):
                    piece = body[start : start + (1 << 20)]
                    stream[1].write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await stream[1].drain()
                stream[1].write(b"0\r\n\r\n")
            else:
                stream[1].write(body)
            await stream[1].drain()
            answer = json.loads((await read_answer(stream[0]))[1])
            assert answer["sha256"] == hashlib.sha256(body).hexdigest()
            await close(stream)

    asyncio.run(check())


def test_an_answer_before_the_body_is_whole_reaches_the_client(service: FakeService, tmp_path: Path) -> None:
    """A service that refuses and closes while the client still sends is heard, not drowned by a reset."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.visit(VAULT_HOST)
            writer.write(
                f"PUT {CLOSE_EARLY} HTTP/1.1\r\nHost: {VAULT_HOST}\r\nContent-Length: 99000000\r\n\r\n".encode()
            )
            for _ in range(64):
                writer.write(bytes(65536))
            assert (await read_answer(reader))[0] == 413
            await close((reader, writer))

    asyncio.run(check())


def test_many_connections_at_once(service: FakeService, tmp_path: Path) -> None:
    """Two hundred connections at once are each answered, with what is theirs."""

    async def one(running: Running, number: int) -> None:
        stream = await running.visit(VAULT_HOST)
        stream[1].write(
            f"GET {SLOW if number % 10 == 0 else '/'}?{number} HTTP/1.1\r\nHost: {VAULT_HOST}\r\n\r\n".encode()
        )
        assert json.loads((await read_answer(stream[0]))[1])["path"].endswith(f"?{number}")
        await close(stream)

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            await asyncio.gather(*(one(running, number) for number in range(200)))

    asyncio.run(check())
    assert len(service.asked) == 200


def test_http_1_1_is_agreed_on(service: FakeService, tmp_path: Path) -> None:
    """A client that offers HTTP/2 and HTTP/1.1 gets HTTP/1.1, over TLS 1.2 or newer."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST, alpn=["h2", "http/1.1"])
            assert stream[1].get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            assert stream[1].get_extra_info("ssl_object").version() in {"TLSv1.2", "TLSv1.3"}
            await close(stream)

    asyncio.run(check())


def test_a_client_that_insists_on_http_2_is_told(service: FakeService, tmp_path: Path) -> None:
    """A client that offers HTTP/2 alone agrees on nothing, and its preface is refused here, not handed on."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST, alpn=["h2"])
            assert stream[1].get_extra_info("ssl_object").selected_alpn_protocol() is None
            stream[1].write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert (await read_answer(stream[0]))[0] == 505
            await close(stream)

    asyncio.run(check())
    assert service.asked == []


def test_old_tls_is_refused(service: FakeService, tmp_path: Path) -> None:
    """TLS 1.1 gets no handshake."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.tunnel(f"{VAULT_HOST}:443")
            # A ClientHello of TLS 1.1, by hand: today's libraries no longer make one.
            hello = bytes.fromhex("0302") + bytes(32) + bytes.fromhex("00 0002 002f 01 00")
            writer.write(b"\x16\x03\x01" + (len(hello) + 4).to_bytes(2) + b"\x01" + len(hello).to_bytes(3) + hello)
            # Record type 21, an alert, of which the second byte says fatal; or nothing but the end.
            answer = await reader.read()
            assert answer == b"" or (answer[0], answer[5]) == (21, 2)
            await close((reader, writer))

    asyncio.run(check())
    assert service.asked == []


@pytest.mark.parametrize(
    "host",
    ["control", "login.microsoftonline.com", f"{VAULT_HOST}:8443", f"x{VAULT_HOST}", f"{VAULT_HOST}.", "localhost", ""],
)
def test_a_request_for_another_host_is_misdirected(service: FakeService, tmp_path: Path, host: str) -> None:
    """SEC-FLOW-8: what was decrypted for one name is not answered as another, least of all as the operator."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            stream[1].write(f"POST /run HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
            status, body = await read_answer(stream[0])
            assert status == 421
            assert json.loads(body)["error"]["code"] == "MisdirectedRequest"
            assert await stream[0].read() == b""
            await close(stream)

    asyncio.run(check())
    assert service.asked == []


def test_a_later_request_for_another_host_is_misdirected_too(service: FakeService, tmp_path: Path) -> None:
    """The host is checked on every request of a connection, and what came before is answered first."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            stream[1].write(
                f"GET /first HTTP/1.1\r\nHost: {VAULT_HOST}\r\n\r\n"
                "POST /run HTTP/1.1\r\nHost: control\r\nContent-Length: 0\r\n\r\n".encode()
            )
            assert [(await read_answer(stream[0]))[0], (await read_answer(stream[0]))[0]] == [200, 421]
            await close(stream)

    asyncio.run(check())
    assert [asked.path for asked in service.asked] == ["/first"]


def test_the_name_inside_tls_counts_too(service: FakeService, tmp_path: Path) -> None:
    """SEC-FLOW-8: a tunnel to one served name with another inside TLS gets 421, whatever its requests say."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST, name="login.microsoftonline.com")
            stream[1].write(f"GET / HTTP/1.1\r\nHost: {VAULT_HOST}\r\n\r\n".encode())
            assert (await read_answer(stream[0]))[0] == 421
            await close(stream)

    asyncio.run(check())
    assert service.asked == []


@pytest.mark.parametrize(
    "request_text",
    [
        "GET https://control/run HTTP/1.1\r\nHost: {host}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: {host}\r\nHost: control\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: {host}\nX: y\r\n\r\n",
    ],
)
def test_ambiguous_requests_go_no_further(service: FakeService, tmp_path: Path, request_text: str) -> None:
    """A request that two parsers could read differently is refused, so none can be smuggled to the operator's host."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            stream[1].write(request_text.format(host=VAULT_HOST).encode())
            assert (await read_answer(stream[0]))[0] == 400
            await close(stream)

    asyncio.run(check())
    assert service.asked == []


def test_a_service_that_is_gone_is_said(service: FakeService, tmp_path: Path) -> None:
    """Without its service the relay answers 502 inside TLS, so that the client says something useful."""
    gone = replace(service, data=tmp_path)

    async def check() -> None:
        async with relaying(gone, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
            stream[1].write(f"GET / HTTP/1.1\r\nHost: {VAULT_HOST}\r\n\r\n".encode())
            assert (await read_answer(stream[0]))[0] == 502
            await close(stream)

    asyncio.run(check())


def test_a_run_that_outlived_its_certificate_is_told(service: FakeService, tmp_path: Path) -> None:
    """After a day a served name gets 503 and the remedy, not a certificate error: SEC-NAME-3."""

    async def check() -> None:
        async with relaying(service, tmp_path, expires_in_s=-1) as running:
            stream = await running.ask(f"CONNECT {VAULT_HOST}:443 HTTP/1.1")
            status, body = await read_answer(stream[0])
            assert (status, b"start it again" in body) == (503, True)
            await close(stream)

    asyncio.run(check())


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


# ---- who may connect ------------------------------------------------------------------------------------------------


def test_a_wrong_credential_is_refused(service: FakeService, tmp_path: Path) -> None:
    """Another run's credential opens nothing, even for the same user."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.ask(f"CONNECT {VAULT_HOST}:443 HTTP/1.1", authorization="another")
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert head.startswith("HTTP/1.1 407 ")
            assert 'Proxy-Authenticate: Basic realm="strongroom run"' in head
            await close((reader, writer))

    asyncio.run(check())


def test_the_same_user_needs_no_credential(service: FakeService, tmp_path: Path) -> None:
    """Who the kernel says is the same user is admitted without a credential, as Java's clients need."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.ask(f"CONNECT {VAULT_HOST}:443 HTTP/1.1", authorization=None)
            assert await read_head(stream[0]) == "HTTP/1.1 200 Connection established"
            await close(stream)

    asyncio.run(check())


@pytest.mark.parametrize("user", [None, os.geteuid() + 1])
def test_another_user_is_asked_and_may_answer_on_the_same_connection(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int | None
) -> None:
    """A peer of another or unknown user gets 407, and can come again with the credential, as .NET does."""
    monkeypatch.setattr(relay_module, "peer_user", lambda *_: user)

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            reader, writer = await running.ask(f"CONNECT {VAULT_HOST}:443 HTTP/1.1", authorization=None)
            assert (await read_answer(reader))[0] == 407
            credential = base64.b64encode(f"run:{PASSWORD}".encode()).decode()
            writer.write(
                f"CONNECT {VAULT_HOST}:443 HTTP/1.1\r\nProxy-Authorization: basic {credential}\r\n\r\n".encode()
            )
            assert await read_head(reader) == "HTTP/1.1 200 Connection established"
            await close((reader, writer))

    asyncio.run(check())


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT nowhere HTTP/1.1", 400),
        ("CONNECT host:99999 HTTP/1.1", 400),
        ("GET /relative HTTP/1.1", 400),
        ("GET ftp://example.com/ HTTP/1.1", 400),
        ("GET http://[half/ HTTP/1.1", 400),
        ("BREW / HTCPCP/1.0", 400),
        (f"GET /{'x' * 70_000} HTTP/1.1", 431),
    ],
)
def test_what_is_no_request_to_a_proxy_is_refused(
    service: FakeService, tmp_path: Path, request_line: str, status: int
) -> None:
    """The relay says what is wrong with a request it cannot read, and lives on."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.ask(request_line)
            assert (await read_answer(stream[0]))[0] == status
            await close(stream)
            assert running.said == []

    asyncio.run(check())


def test_closing_cuts_what_is_open(service: FakeService, tmp_path: Path) -> None:
    """When the program is gone nothing stays open behind it."""

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            stream = await running.visit(VAULT_HOST)
        assert await stream[0].read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.port)
        await close(stream)

    asyncio.run(check())
