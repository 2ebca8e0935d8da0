"""
The contract with the web server: what the rest of the service relies on, on a real socket.

Whatever server stands behind `http.asgi.Listener`, this must hold: the peer's address, TLS 1.2 and 1.3, HTTP/1.1 and 2,
the raw path, limits answered by us, hang-ups that cut nothing in half, a certificate that changes without a gap, and a
stop that lets requests finish.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from strongroom.core import limits
from strongroom.core.errors import Failure
from strongroom.core.network import Link
from strongroom.http import asgi
from strongroom.http.asgi import Listener
from strongroom.http.connections import DescriptorLimit, Watch
from strongroom.http.message import Request, Response
from tests.wire.listening import GET, HOST, Loop, Server, read_response, until


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_speaks_tls(server: Server, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 are both spoken, with a certificate that the instance's CA vouches for."""
    with server.connect(server.context(minimum_version=version, maximum_version=version)) as connection:
        assert connection.version() == version.name.replace("_", ".")
        connection.sendall(GET)
        assert read_response(connection).startswith(b"HTTP/1.1 200")


def test_refuses_plain_http(server: Server) -> None:
    """Nothing is answered in the clear on the TLS port."""
    with socket.create_connection(("127.0.0.1", server.listener.port), timeout=20) as connection:
        connection.sendall(GET)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"HTTP/1.1 200" not in received
    assert not server.requests


@pytest.mark.parametrize("http2", [False, True])
def test_speaks_http(server: Server, *, http2: bool) -> None:
    """HTTP/1.1 and HTTP/2 lead to the same request: method, host with its port, raw path and query, headers."""
    url = f"https://{HOST}:{server.listener.port}//secrets/a%2Fb/?api%2Dversion=7.4"
    with httpx.Client(verify=server.context(), http2=http2, http1=not http2, timeout=20) as client:
        answer = client.request(
            "GET",
            url.replace(HOST, "127.0.0.1"),
            headers={"Host": f"{HOST}:{server.listener.port}", "X-One": "1"},
            extensions={"sni_hostname": HOST},
        )
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert answer.content == b'"hello"'
    request = server.requests[0]
    assert request.method == "GET"
    assert request.host == f"{HOST}:{server.listener.port}"
    assert request.path == b"//secrets/a%2Fb/"
    assert request.query == b"api%2Dversion=7.4"
    assert request.header(b"x-one") == "1"
    assert request.link is Link.PUBLIC


def test_tells_the_peers_address(server: Server) -> None:
    """The address is the socket's, whatever a forwarding header claims."""
    forwarded = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 10.9.8.7\r\nForwarded: for=10.9.8.7\r\n\r\n")
    server.exchange(forwarded)
    assert server.requests[0].peer == "127.0.0.1"


def test_keeps_the_connection(server: Server) -> None:
    """Requests follow each other on one connection."""
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert read_response(connection).endswith(b'"hello"')
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", ["Host", "Authorization", "Content-Length", "X-IDENTITY-HEADER"])
def test_refuses_a_header_that_comes_twice(server: Server, name: str) -> None:
    """What decides something must not come twice: two readers could take different ones."""
    twice = f"{name}: 0\r\n{name}: 1\r\n"
    host = "" if name == "Host" else f"Host: {HOST}\r\n"
    answer = server.exchange(f"GET /secrets/a HTTP/1.1\r\n{host}{twice}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"GET /a HTTP/9.9\r\nHost: a\r\n\r\n", b"400"),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", b"400"),
        (b"GET /a HTTP/1.1\r\nHost: a\r\n" + b"X-One: 1\r\n" * 100 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 65_534 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
    ],
)
def test_what_is_no_request_is_the_servers_own_matter(server: Server, sent: bytes, status: bytes) -> None:
    """ADR 2 lists what is answered without us: no body, nothing repeated, and the connection ends."""
    answer = server.exchange(sent)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert server.requests == []


def test_the_host_header_counts_and_not_the_target(server: Server) -> None:
    """SEC-FLOW-8: of a target in absolute form the server tells the host only where there is no Host header."""
    named = f"{HOST}:{server.listener.port}"
    for target, header in ((named, ""), ("other.example", f"Host: {named}\r\n")):
        server.exchange(f"GET https://{target}/secrets/a HTTP/1.1\r\n{header}\r\n".encode())
    assert [(request.host, request.path) for request in server.requests] == [(named, b"/secrets/a")] * 2


@pytest.mark.parametrize("http2", [False, True])
def test_headers_that_may_come_twice_are_one(server: Server, *, http2: bool) -> None:
    """By commas, and cookies by semicolons: browsers send each by itself over HTTP/2 (RFC 9113 section 8.2.3)."""
    headers = [("Host", f"{HOST}:{server.listener.port}"), *(("X-One", "1"), ("Cookie", "a=1"))]
    headers += [("X-One", "2"), ("Cookie", "b=2")]
    with httpx.Client(verify=server.context(), http2=http2, http1=not http2, timeout=20) as client:
        client.get(f"https://127.0.0.1:{server.listener.port}/", headers=headers, extensions={"sni_hostname": HOST})
    (request,) = server.requests
    assert request.header(b"x-one") == "1, 2"
    assert request.header(b"cookie") == "a=1; b=2"


def test_headers_at_the_limit_and_past_it(server: Server) -> None:
    """Headers are limited in all, and the answer past the limit is ours, in the surface's dialect."""
    used = len("host") + len(HOST) + len("x-big")
    at = limits.HEADER_BYTES - used
    for size, status in ((at, b"HTTP/1.1 200"), (at + 1, b"HTTP/1.1 431")):
        big = f"GET /secrets/a HTTP/1.1\r\nHost: {HOST}\r\nX-Big: {'a' * size}\r\n\r\n".encode()
        answer = server.exchange(big)
        assert answer.startswith(status)
    assert b'"code":"RequestHeaderFieldsTooLarge"' in answer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """Listen with little time for headers, and stop at the end."""
    monkeypatch.setattr(limits, "HEADER_TIME_S", 2.0)
    loop = Loop()
    made = Server(loop, tmp_path)
    yield made
    made.close()
    loop.close()


def test_slow_headers_are_cut_off(impatient: Server) -> None:
    """Over HTTP/1.1 a request whose headers do not end in time, the first or a later one, ends its connection."""
    with ExitStack() as stack:
        slow = []
        for before, sent in itertools.product((b"", GET), (b"G", GET[:-2])):
            slow.append(stack.enter_context(impatient.connect()))
            if before:
                slow[-1].sendall(before)
                assert read_response(slow[-1]).startswith(b"HTTP/1.1 200")
            slow[-1].sendall(sent)
        # They are waited for together, so that there is time for the requests that are whole.
        assert [connection.recv(1) for connection in slow] == [b""] * 4
    assert len(impatient.requests) == 2


def test_headers_may_come_in_pieces(server: Server) -> None:
    """Headers that end in time are one request, however they came; the time is the one that core names."""
    running = server.listener._server
    assert running is not None
    assert running.http1_settings.header_read_timeout == limits.HEADER_TIME_S * 1000
    with server.connect() as connection:
        for byte in GET:
            connection.sendall(bytes((byte,)))
        assert read_response(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_at_the_limit_and_past_it(server: Server, *, chunked: bool) -> None:
    """A body is limited whether or not its length was announced."""
    server.answer = server.read_body
    for size, status in ((1000, b"HTTP/1.1 200"), (1001, b"HTTP/1.1 413")):
        body = b"a" * size
        if chunked:
            framed = f"{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            head = f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        else:
            framed, head = body, f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode()
        answer = server.exchange(head + framed)
        assert answer.startswith(status)
    assert b'"code":"RequestEntityTooLarge"' in answer
    assert server.bodies == [b"a" * 1000]


@pytest.mark.parametrize(
    "framing", ["Content-Length: 10", "Content-Length: 0", "Transfer-Encoding: chunked", "X-None: 1"]
)
def test_what_follows_a_body_is_the_next_request(server: Server, framing: str) -> None:
    """A body ends where its framing says, and what the client sent right behind it is another request."""
    server.answer = server.read_body
    body = {"Content-Length: 10": b"a" * 10, "Transfer-Encoding: chunked": b"4\r\naaaa\r\n0\r\n\r\n"}.get(framing, b"")
    head = f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n".encode()
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(head + body + GET)
            for _ in range(2):
                assert read_response(connection).startswith(b"HTTP/1.1 200")
    assert [request.method for request in server.requests] == ["PUT", "GET"] * 3
    assert server.bodies == [b"a" * body.count(b"a"), b""] * 3


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("Content-Encoding: gzip", b"415"),
        ("Content-Encoding: identity, br", b"415"),
        ("Content-Encoding: Identity", b"200"),
        ("Transfer-Encoding: gzip, chunked", b"400"),
        ("Content-Encoding: gzip\r\nContent-Encoding: identity", b"400"),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", b"400"),
        ("Transfer-Encoding: chunked, chunked", b"400"),
        ("Transfer-Encoding: Chunked", b"200"),
    ],
)
def test_a_coded_body_is_refused(server: Server, coding: str, status: bytes) -> None:
    """Nothing here decodes a body, so one that says that it is coded is not taken for what it is coded as."""
    server.answer = server.read_body
    framing = "" if coding.startswith("Transfer") else "Transfer-Encoding: chunked\r\n"
    head = f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\n{coding}\r\n{framing}\r\n".encode()
    assert server.exchange(head + b"4\r\naaaa\r\n0\r\n\r\n").startswith(b"HTTP/1.1 " + status)
    assert server.bodies == ([b"aaaa"] if status == b"200" else [])


def test_a_body_in_pieces_is_whole_with_its_last_byte(server: Server) -> None:
    """However slowly its bytes come, an announced body is what was announced."""
    server.answer = server.read_body
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\n".encode())
            for byte in b"abcde":
                connection.sendall(bytes((byte,)))
            assert read_response(connection).startswith(b"HTTP/1.1 200")
    assert server.bodies == [b"abcde"] * 2


@pytest.mark.parametrize(
    ("version", "framing", "turns"),
    [
        ("1.1", (b"content-length", b"3"), 1),
        ("1.0", (b"content-length", b"3"), 1),
        ("1.1", (b"content-length", b"0"), 0),
        ("1.1", None, 0),
        ("1.1", (b"transfer-encoding", b"chunked"), 2),
        ("2", (b"content-length", b"3"), 2),
        ("2", None, 2),
    ],
)
def test_nothing_is_asked_of_the_server_that_the_framing_says(
    server: Server, version: str, framing: tuple[bytes, bytes] | None, turns: int
) -> None:
    """Where its length alone says that a body is whole, nothing more is waited for; elsewhere the server says it."""
    messages = [{"body": b"abc", "more_body": True}, {"body": b"", "more_body": False}]
    asked: list[None] = []
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        asked.append(None)
        return {"type": "http.request", **messages[len(asked) - 1]}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {
        "type": "http",
        "http_version": version,
        "method": "PUT",
        "raw_path": b"/a",
        "query_string": b"",
        "headers": [(b"host", HOST.encode()), *([framing] if framing is not None else [])],
        "client": ("127.0.0.1", "5"),
    }
    listener = Listener(server.read_body, server._refuse, Link.PUBLIC)
    server.loop.run(listener._serve(scope, receive, send))
    assert statuses == [200]
    assert server.bodies == [b"abc" if turns else b""]
    assert len(asked) == turns


def test_a_slow_body_is_refused_in_time(server: Server) -> None:
    """A body that does not arrive within its time is answered 408, the handler never sees it, and nobody waits on."""
    server.answer, server.body_time_s = server.read_body, 0.5
    watch = Watch([server.listener.requests], DescriptorLimit(1 << 20, 1 << 20))
    watch.start()
    try:
        with server.connect() as connection:
            connection.sendall(f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc".encode())
            answer = read_response(connection)
            assert connection.recv(1) == b"", "nobody waits for the rest"
    finally:
        watch.stop()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.partition(b"\r\n\r\n")[0]
    assert b'"code":"RequestTimeout"' in answer
    assert not server.bodies


def test_a_body_that_ends_early_is_no_body(server: Server) -> None:
    """A client that hangs up in the middle of a body has changed nothing."""
    server.answer = server.read_body
    with server.connect() as connection:
        connection.sendall(f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc".encode())
    until(lambda: bool(server.requests))
    assert not server.bodies


def test_a_hang_up_cuts_nothing_in_half(server: Server) -> None:
    """A client that hangs up does not stop the handler: the audit of what was begun is finished."""
    server.answer = server.wait
    connection = server.connect()
    connection.sendall(GET)
    assert server.entered.wait(20)
    connection.close()
    server.let_go()
    assert server.finished.wait(20)


def test_a_stop_lets_requests_finish(server: Server) -> None:
    """A graceful stop answers what is under way before it closes."""
    server.answer = server.wait
    with server.connect() as connection:
        connection.sendall(GET)
        assert server.entered.wait(20)
        stopping = asyncio.run_coroutine_threadsafe(server.listener.close(20), server.loop._loop)
        server.let_go()
        assert read_response(connection).endswith(b'"late"')
        stopping.result(20)


def test_a_stop_tells_whom_it_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not finish in the grace of a stop can still say so, and the server then ends by itself."""
    monkeypatch.setattr(asgi, "_FAREWELL_S", 20)
    serving = server.listener._serving

    async def hang(_: Request) -> Response:
        server.entered.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Response(503, b"ended")

    server.answer = hang
    with server.connect() as connection:
        connection.sendall(GET)
        assert server.entered.wait(20)
        server.loop.run(server.listener.close(0.1))
        assert read_response(connection).startswith(b"HTTP/1.1 503")
    assert serving is not None
    assert not serving.cancelled()


def test_a_stop_does_not_wait_for_what_is_slow_to_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes on when it is ended is ended again."""
    monkeypatch.setattr(asgi, "_FAREWELL_S", 0.1)

    async def hang(_: Request) -> Response:
        server.entered.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        return Response(200)

    server.answer = hang
    with server.connect() as connection:
        connection.sendall(GET)
        assert server.entered.wait(20)
        server.loop.run(server.listener.close(0.1))
    assert not server.listener._active


def test_a_stop_ends_a_body_that_is_waited_for(server: Server) -> None:
    """A stop ends a handler whose body does not come, and nobody takes that for a body that is late."""
    refused: list[Failure] = []

    async def read(request: Request) -> Response:
        try:
            server.entered.set()
            await request.receive_body(1000, 600)
        except Failure as failure:
            refused.append(failure)
        return Response(200)

    server.answer = read
    with server.connect() as connection:
        connection.sendall(f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc".encode())
        assert server.entered.wait(20)
        server.loop.run(server.listener.close(0.1))
    assert not server.listener._active
    assert not refused


def test_a_stop_does_not_wait_for_ever(server: Server) -> None:
    """What does not finish within its grace is ended: idle connections, half a body, a handler that hangs."""
    server.answer = server.wait
    with server.connect() as hanging, server.connect() as half, server.connect():
        hanging.sendall(GET)
        half.sendall(f"PUT /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc".encode())
        assert server.entered.wait(20)
        server.loop.run(server.listener.close(0.3))
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_a_certificate_changes_without_a_gap(server: Server) -> None:
    """After a renewal new connections see the new certificate, and open ones go on until they are idle."""
    with server.connect() as connection:
        first = connection.getpeercert(binary_form=True)
    server.loop.run(server.listener.renew(server.issue("second")))
    with server.connect() as connection:
        second = connection.getpeercert(binary_form=True)
        connection.sendall(GET)
        assert read_response(connection).startswith(b"HTTP/1.1 200")
    assert first != second


def test_a_certificate_that_cannot_be_served_changes_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal that fails, before its server starts or after it, leaves the old one alone; a later one is whole."""
    first, second, third = (server.issue(name) for name in ("first", "second", "third"))
    server.loop.run(server.listener.renew(first))
    with pytest.raises(OSError, match="mismatch"):
        server.loop.run(server.listener.renew((second[0], third[1])))
    with monkeypatch.context() as patch:
        # As if it were never seen: the two servers share the port, so what is shown cannot be steered from here.
        patch.setattr("strongroom.http.asgi._OPEN_S", 0.0)
        patch.setattr(ssl, "PEM_cert_to_DER_cert", lambda _: b"")
        with pytest.raises(OSError, match="does not take connections"):
            server.loop.run(server.listener.renew(second))
    assert _shown(server) == {_der(first[0])}
    server.loop.run(server.listener.renew(third))
    assert _shown(server) == {_der(third[0])}


def _shown(server: Server) -> set[bytes | None]:
    """See which certificates several connections are shown."""
    shown = set()
    for _ in range(16):
        with server.connect() as connection:
            shown.add(connection.getpeercert(binary_form=True))
    return shown


def _der(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))


def test_a_port_in_use_is_refused(server: Server) -> None:
    """A second service on the same port is an error, and never takes every other connection."""
    other = replace(server.listener, _server=None, _serving=None)
    with pytest.raises(OSError, match="in use"):
        server.loop.run(other.open())
