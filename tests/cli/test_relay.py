"""The relay of `run`: the names that end in it, and who may connect to it."""

import asyncio
import base64
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.cli import relay as relay_module
from strongroom.http.peer_owner import Owner
from tests.cli.fake_service import AZURE_HOSTS, CLOSE_EARLY, PORT, SLOW, VAULT, FakeService
from tests.cli.relaying import PASSWORD, SERVED, VAULT_HOST, Running, close, read_answer, read_head, relaying

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
    """Two hundred connections at once are each answered with what is theirs, and the quick do not wait for the slow."""

    async def one(running: Running, path: str, number: int) -> None:
        stream = await running.visit(VAULT_HOST)
        stream[1].write(f"GET {path}?{number} HTTP/1.1\r\nHost: {VAULT_HOST}\r\n\r\n".encode())
        assert json.loads((await read_answer(stream[0]))[1])["path"].endswith(f"?{number}")
        await close(stream)

    async def check() -> None:
        async with relaying(service, tmp_path) as running:
            slow = [asyncio.ensure_future(one(running, SLOW, number)) for number in range(20)]
            await asyncio.gather(*(one(running, "/", number) for number in range(20, 200)))
            assert not any(task.done() for task in slow)
            service.released.set()
            await asyncio.gather(*slow)

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
    monkeypatch.setattr(relay_module, "find_owner", lambda *_: Owner(is_here=True, user=user))

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
