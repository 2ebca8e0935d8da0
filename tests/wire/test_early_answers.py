"""
An answer that comes before the body is read: the client that is still sending sees it.

The server ends a request when its handler is done, and a client whose connection or stream ends under it often looks
for no answer. So the rest is taken within limits, of size and of time; what is beyond them ends the request.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import httpx
import pytest

from strongroom.core import limits
from strongroom.core.network import Link
from strongroom.http.asgi import Listener
from strongroom.http.message import Request, Response
from tests.wire.listening import GET, HOST, Server, read_response, until

SIZES = [100_000, 2_000_000]
LARGE = 20_000_000
EARLY = [401, 404, 413]
"""The challenge, what is not there, and what is too large by its announced length: 1000 bytes are read."""


def answering(server: Server, status: int) -> None:
    """Have PUTs answered before their body is read, with a status, and everything else with 200."""

    async def answer(request: Request) -> Response:
        if request.method != "PUT":
            return Response(200, b'"hello"')
        return await server.read_body(request) if status == 413 else Response(status, b'"early"')

    server.answer = answer


def put(*fields: str) -> bytes:
    """Make the head of a PUT."""
    return "\r\n".join([f"PUT /a HTTP/1.1\r\nHost: {HOST}", *fields, "", ""]).encode()


def chunked(body: bytes) -> bytes:
    """Frame a body in chunks."""
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def is_ended(connection: ssl.SSLSocket, rest: bytes) -> bool:
    """Send what is left of a body and tell whether the server ends the connection, at once or when it has enough."""
    try:
        connection.sendall(rest)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


# ---- HTTP/1.1 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("status", EARLY)
@pytest.mark.parametrize("announced", [True, False])
def test_who_sends_all_first_has_its_answer(server: Server, status: int, size: int, *, announced: bool) -> None:
    """Over HTTP/1.1 a client that sends its whole body before it reads finds the answer, and asks on."""
    answering(server, status)
    body = b"a" * size
    head, framed = (
        (put(f"Content-Length: {size}"), body) if announced else (put("Transfer-Encoding: chunked"), chunked(body))
    )
    with server.connect() as connection:
        connection.sendall(head + framed)
        assert read_response(connection).startswith(f"HTTP/1.1 {status}".encode())
        connection.sendall(GET)
        assert read_response(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("status", EARLY)
def test_a_large_body_is_answered_and_ended(server: Server, status: int) -> None:
    """The answer to 20 MB is there before they are, says that the connection will close, and it does."""
    answering(server, status)
    with server.connect() as connection:
        connection.sendall(put(f"Content-Length: {LARGE}"))
        answer = read_response(connection)
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
        assert b"\r\nconnection: close" in answer.lower()
        assert is_ended(connection, b"a" * LARGE)


def test_a_large_body_of_unknown_length_is_answered_and_ended(server: Server) -> None:
    """So is one that comes in chunks."""
    answering(server, 401)
    with server.connect() as connection:
        connection.sendall(put("Transfer-Encoding: chunked"))
        assert read_response(connection).startswith(b"HTTP/1.1 401")
        assert is_ended(connection, chunked(b"a" * LARGE))


@pytest.mark.parametrize("past", [0, 1])
def test_the_limit_of_what_is_taken(server: Server, past: int) -> None:
    """A body of `UNREAD_BODY_BYTES` leaves the connection for the next request; one byte more ends it."""
    answering(server, 401)
    size = limits.UNREAD_BODY_BYTES + past
    with server.connect() as connection:
        connection.sendall(put(f"Content-Length: {size}"))
        answer = read_response(connection)
        assert (b"\r\nconnection: close" in answer.lower()) is bool(past)
        if past:
            assert is_ended(connection, b"a" * size)
        else:
            connection.sendall(b"a" * size + GET)
            assert read_response(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [0, 500])
def test_a_body_that_does_not_come_is_not_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    """What has not come `UNREAD_BODY_TIME_S` after the answer is given up; should it come later, it is no request."""
    monkeypatch.setattr(limits, "UNREAD_BODY_TIME_S", 0.2)
    answering(server, 401)
    late = GET.replace(b"/secrets/a", b"/smuggled")
    with server.connect() as connection:
        connection.sendall(put(f"Content-Length: {sent + len(late)}") + b"a" * sent)
        assert read_response(connection).startswith(b"HTTP/1.1 401")
        until(lambda: not server.listener._active)
        # The server takes the rest for what it is, or ends the connection.
        if not is_ended(connection, late + GET):
            assert [request.path for request in server.requests] == [b"/a", b"/secrets/a"]
    assert b"/smuggled" not in [request.path for request in server.requests]


@pytest.mark.parametrize("status", EARLY)
def test_a_body_that_waits_to_be_asked_for_is_not(server: Server, status: int) -> None:
    """Expect: 100-continue is answered by the refusal alone, and nothing is left to be waited for (RFC 9110 10.1.1)."""
    answering(server, status)
    with server.connect() as connection:
        connection.sendall(put("Content-Length: 2000000", "Expect: 100-continue"))
        answer = read_response(connection)
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
        assert b"\r\nconnection: close" in answer.lower()
        assert connection.recv(1) == b""


def test_a_body_that_is_asked_for_is_read(server: Server) -> None:
    """Where the body is wanted, 100 Continue asks for it."""
    server.answer = server.read_body
    with server.connect() as connection:
        connection.sendall(put("Content-Length: 1000", "Expect: 100-continue"))
        assert read_response(connection).startswith(b"HTTP/1.1 100")
        connection.sendall(b"a" * 1000)
        assert read_response(connection).startswith(b"HTTP/1.1 200")
    assert server.bodies == [b"a" * 1000]


def test_a_stop_waits_for_no_body_that_nobody_reads(server: Server) -> None:
    """A stop ends what is still being taken in, when its grace is over."""
    answering(server, 401)
    with server.connect() as connection:
        connection.sendall(put("Content-Length: 1000"))
        assert read_response(connection).startswith(b"HTTP/1.1 401")
        server.loop.run(server.listener.close(0.1))
        assert not server.listener._active


# ---- HTTP/2 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("status", EARLY)
@pytest.mark.parametrize("http2", [False, True])
def test_an_early_answer_reaches_httpx(server: Server, status: int, size: int, *, http2: bool) -> None:
    """A client as it is published sees the answer over either version, and asks on over the same connection."""
    answering(server, status)
    url = f"https://127.0.0.1:{server.listener.port}/a"
    with httpx.Client(verify=server.context(), http2=http2, http1=not http2, timeout=20) as client:
        headers, extensions = {"Host": HOST}, {"sni_hostname": HOST}
        answer = client.put(url, content=b"a" * size, headers=headers, extensions=extensions)
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert answer.status_code == status
        assert answer.content
        assert client.get(url, headers=headers, extensions=extensions).status_code == 200


@dataclass
class Http2:
    """One HTTP/2 connection, over which streams are written by hand."""

    socket: ssl.SSLSocket
    state: h2.connection.H2Connection = field(
        default_factory=lambda: h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    )
    events: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state.initiate_connection()

    def ask(self, method: str, *fields: tuple[str, str], end: bool = False) -> int:
        """Begin a request, and give its stream."""
        stream = self.state.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", "/a"), *fields]
        self.state.send_headers(stream, head, end_stream=end)
        self.flush()
        return stream

    def send(self, stream: int, size: int) -> bool:
        """Send a body of that size, and tell whether the stream was still there for all of it."""
        left = size
        while left and not self.is_reset(stream):
            room = min(left, self.state.local_flow_control_window(stream), self.state.max_outbound_frame_size)
            if room:
                left -= room
                self.state.send_data(stream, b"a" * room, end_stream=not left)
                self.flush()
            else:
                self.receive()
        return not left

    def receive(self) -> None:
        """Take in what comes next."""
        data = self.socket.recv(65_536)
        assert data, "the server closed the connection"
        self.events += self.state.receive_data(data)
        self.flush()

    def flush(self) -> None:
        """Send what the protocol has to say."""
        self.socket.sendall(self.state.data_to_send())

    def status(self, stream: int) -> int:
        """Wait for a stream's whole answer, and give its status."""
        while not self.seen(h2.events.StreamEnded, stream):
            self.receive()
        (answer,) = self.seen(h2.events.ResponseReceived, stream)
        return int(dict(answer.headers)[b":status"])

    def seen(self, kind: type[Any], stream: int) -> list[Any]:
        """Give what was received of a kind for a stream."""
        return [event for event in self.events if isinstance(event, kind) and event.stream_id == stream]

    def is_reset(self, stream: int) -> bool:
        """Tell whether the server has ended the stream."""
        return bool(self.seen(h2.events.StreamReset, stream))


@pytest.fixture
def http2(server: Server) -> Iterator[Http2]:
    """Open an HTTP/2 connection."""
    context = server.context()
    context.set_alpn_protocols(["h2"])
    with server.connect(context) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made = Http2(connection)
        made.flush()
        yield made


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("announced", [True, False])
def test_a_stream_is_not_reset_under_its_body(server: Server, http2: Http2, size: int, *, announced: bool) -> None:
    """The answer comes first, and the body may be sent to its end all the same."""
    answering(server, 401)
    stream = http2.ask("PUT", *([("content-length", str(size))] if announced else []))
    assert http2.status(stream) == 401
    assert http2.send(stream, size)
    assert http2.status(http2.ask("GET", end=True)) == 200
    assert not http2.is_reset(stream)


@pytest.mark.parametrize("status", EARLY)
def test_a_large_body_ends_its_stream_alone(server: Server, http2: Http2, status: int) -> None:
    """20 MB are answered, then their stream is reset without an error; the connection and its window stay whole."""
    answering(server, status)
    for _ in range(3):
        stream = http2.ask("PUT", ("content-length", str(LARGE)))
        assert http2.status(stream) == status
        assert not http2.send(stream, LARGE)
        (reset,) = http2.seen(h2.events.StreamReset, stream)
        assert reset.error_code == h2.errors.ErrorCodes.NO_ERROR
    server.answer = server.read_body
    stream = http2.ask("PUT")
    assert http2.send(stream, 1000)
    assert http2.status(stream) == 200


def test_a_stream_that_waits_to_be_asked_for_its_body_is_ended(server: Server, http2: Http2) -> None:
    """Expect: 100-continue over HTTP/2: the refusal ends the stream, and nobody waits for what was not sent."""
    answering(server, 401)
    stream = http2.ask("PUT", ("content-length", "2000000"), ("expect", "100-continue"))
    assert http2.status(stream) == 401
    while not http2.is_reset(stream):
        http2.receive()


# ---- what has no body, or was read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_nothing_is_waited_for_without_a_body(server: Server, version: str, method: str) -> None:
    """Where no body comes, or all of it was read, nothing more is asked of the server."""
    has_body = method == "PUT"
    sent: list[dict[str, Any]] = []
    asked: list[None] = []

    async def receive() -> dict[str, Any]:
        asked.append(None)
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": version,
        "method": method,
        "raw_path": b"/a",
        "query_string": b"",
        "headers": [(b"host", HOST.encode()), *([(b"content-length", b"3")] if has_body else [])],
        "client": ("127.0.0.1", "5"),
    }
    listener = Listener(server.read_body if has_body else server._plain, server._refuse, Link.PUBLIC)
    server.loop.run(listener._serve(scope, receive, send))
    assert len(asked) == has_body
    assert sent[0]["status"] == 200
    assert b"connection" not in dict(sent[0]["headers"])
