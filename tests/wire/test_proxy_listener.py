"""The PROXY protocol's listener as bytes on sockets: who gets in, what passes, and what is known of it meanwhile."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from strongroom.core import limits
from strongroom.core.proxies import TrustedProxies
from strongroom.http.message import Relayed, Request, Response
from strongroom.http.proxy_listener import LOOPBACK, ProxyListener
from strongroom.http.proxy_protocol import SIGNATURE
from tests.wire.listening import GET, HOST, Loop, Server, read_response, until

CLIENT = "203.0.113.7"
LINE = f"PROXY TCP4 {CLIENT} 198.51.100.1 40000 443\r\n".encode()
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
HERE = TrustedProxies(("127.0.0.0/8",))
CHUNK = bytes(1024 * 1024)
LARGE = 512 * len(CHUNK)
"""More than kernels keep of what was sent and not yet read, on all connections on the way together."""
"""More than the sockets on the way hold."""


class Behind:
    """A server on loopback that echoes, and notes who connected; it ends when its client has."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.ports: list[int] = []
        self.received = 0
        self.greeting = b""
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._server = loop.run(asyncio.start_server(self._serve, LOOPBACK, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ports.append(writer.get_extra_info("peername")[1])
        try:
            writer.write(self.greeting)
            while piece := await reader.read(65536):
                self.received += len(piece)
                writer.write(piece)
                await writer.drain()
            writer.write(b" and the end")
            await writer.drain()
            await self.may_end.wait()
        except ConnectionError:
            # The test has ended the connection.
            pass
        finally:
            writer.close()

    def hold(self) -> None:
        """Keep connections open whose client has ended."""
        self.may_end.clear()

    def let_go(self) -> None:
        """End them."""

        async def set_event() -> None:
            self.may_end.set()

        self._loop.run(set_event())

    def close(self) -> None:
        """Stop."""

        async def close() -> None:
            self.may_end.set()
            self._server.close()

        self._loop.run(close())


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Run a loop."""
    running = Loop()
    yield running
    running.close()


@pytest.fixture
def behind(loop: Loop) -> Iterator[Behind]:
    """Run what is behind the listener."""
    server = Behind(loop)
    yield server
    server.close()


@contextmanager
def opened(loop: Loop, port: int, listener: ProxyListener) -> Iterator[ProxyListener]:
    """Open a listener in front of a port."""

    async def open_it() -> None:
        listener.open(port)

    loop.run(open_it())
    try:
        yield listener
    finally:
        loop.run(listener.close(0.1))


@pytest.fixture
def proxied(loop: Loop, behind: Behind) -> Iterator[ProxyListener]:
    """Open a listener that trusts this machine."""
    with opened(loop, behind.port, ProxyListener("127.0.0.1", 0, HERE, 64)) as listener:
        yield listener


def connect(listener: ProxyListener, sent: bytes = b"") -> socket.socket:
    """Connect as a proxy does."""
    connection = socket.create_connection((listener.address, listener.port), timeout=30)
    connection.sendall(sent)
    return connection


def is_ended(connection: socket.socket) -> bool:
    """Wait for the connection's end, and say whether nothing came before it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def read_all(connection: socket.socket) -> bytes:
    """Read to the end."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


# ---- who gets in ----------------------------------------------------------------------------------------------------


def test_who_is_no_trusted_proxy_is_closed_at_once(loop: Loop, behind: Behind) -> None:
    """SEC-FLOW-11: with a perfect header too; nothing reaches what is behind."""
    elsewhere = ProxyListener("127.0.0.1", 0, TrustedProxies(("192.0.2.0/24",)), 64)
    with opened(loop, behind.port, elsewhere) as listener, connect(listener) as connection:
        assert is_ended(connection)
    assert behind.ports == []


@pytest.mark.parametrize(
    "opening",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/1.1\r\n\r\n",
        LINE.replace(b" ", b"  ", 1),
        LINE.replace(CLIENT.encode(), b"nobody"),
        b"PROXY ".ljust(limits.PROXY_LINE_BYTES, b"x"),
        SIGNATURE + b"\x31",
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header_ends_the_connection(proxied: ProxyListener, behind: Behind, opening: bytes) -> None:
    """SEC-FLOW-11: TLS without a header, HTTP, or a faulty header: closed, and never guessed at."""
    with connect(proxied, opening) as connection:
        assert is_ended(connection)
    assert behind.ports == []


@pytest.mark.parametrize("length", [0, 1, 5, len(LINE) - 1])
def test_a_header_that_ends_is_none(proxied: ProxyListener, behind: Behind, length: int) -> None:
    """A connection whose client ends within the header is closed."""
    with connect(proxied, LINE[:length]) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert is_ended(connection)
    assert behind.ports == []


@pytest.mark.parametrize("opening", [b"", b"P", LINE[:-1], SIGNATURE, SIGNATURE + b"\x21\x11\x00\x0c"])
def test_silence_within_a_header_ends_the_connection(loop: Loop, behind: Behind, opening: bytes) -> None:
    """SEC-FLOW-25: whoever does not finish the header in its time holds no place."""
    impatient = ProxyListener("127.0.0.1", 0, HERE, 64, header_time_s=0.2)
    with opened(loop, behind.port, impatient) as listener, connect(listener, opening) as connection:
        assert is_ended(connection)
    assert behind.ports == []


def test_a_header_may_come_in_pieces(proxied: ProxyListener) -> None:
    """Byte by byte it is the same header, and what comes with its last byte is the client's."""
    with connect(proxied) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(LINE) - 1):
            connection.sendall(LINE[place : place + 1])
        connection.sendall(LINE[-1:] + b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"


def test_places_are_limited(loop: Loop, behind: Behind) -> None:
    """Two have their places, the third is closed, and has one when another's is free."""
    small = ProxyListener("127.0.0.1", 0, HERE, 2)
    with opened(loop, behind.port, small) as listener, connect(listener, LINE) as first:
        with connect(listener, LINE) as second:
            for connection in (first, second):
                connection.sendall(b"x")
                assert connection.recv(1) == b"x"
            with connect(listener) as third:
                assert is_ended(third)

        def has_place() -> bool:
            with connect(listener) as again:
                try:
                    again.sendall(LINE + b"x")
                    return again.recv(1) == b"x"
                except ConnectionError:
                    return False

        until(has_place)


def test_who_says_nothing_keeps_nobody_out(loop: Loop, behind: Behind) -> None:
    """SEC-FLOW-25: the longest open that was never answered gives way; who was answered stays, and so much waits."""
    small = ProxyListener("127.0.0.1", 0, HERE, 2)
    answered: list[int] = []
    small.was_answered = lambda end: end[1] in answered
    with opened(loop, behind.port, small) as listener, ExitStack() as connections:
        first = connections.enter_context(connect(listener, LINE + b"x"))
        assert first.recv(1) == b"x"
        answered += behind.ports
        silent = []
        for count in (2, 3):
            silent.append(connections.enter_context(connect(listener, LINE)))
            until(lambda count=count: len(behind.ports) == count)  # type: ignore[misc]  # the loop's value
        last = connections.enter_context(connect(listener, LINE + b"y"))
        assert last.recv(1) == b"y"
        assert all(read_all(one) in {b"", b" and the end"} for one in silent)
        first.sendall(b"z")
        assert first.recv(1) == b"z"


def test_what_gave_way_is_limited_too(loop: Loop, behind: Behind) -> None:
    """SEC-FLOW-25: its port rests, so there is twice as much as there are places at most."""
    small = ProxyListener("127.0.0.1", 0, HERE, 2)
    small.was_answered = lambda _end: False
    behind.hold()
    with opened(loop, behind.port, small) as listener, ExitStack() as connections:
        for count in range(1, 5):
            connections.enter_context(connect(listener, LINE))
            until(lambda count=count: len(behind.ports) == count)  # type: ignore[misc]  # the loop's value
        assert is_ended(connections.enter_context(connect(listener, LINE)))
        assert len(small._relayed) == 4
        behind.let_go()


# ---- what passes ----------------------------------------------------------------------------------------------------


def test_an_end_that_is_done_leaves_the_other_open(proxied: ProxyListener) -> None:
    """A half that is closed is closed on the other side too, and the other half goes on to its own end."""
    with connect(proxied, LINE + b"all that there is") as connection:
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"all that there is and the end"


def test_who_does_not_read_is_not_read_for(proxied: ProxyListener) -> None:
    """What an end does not take waits at the other, not in this process; and all of it arrives."""
    with connect(proxied, LINE) as connection:
        failed: list[BaseException] = []
        sent, is_enough = [0], threading.Event()

        def send() -> None:
            try:
                while not is_enough.is_set() and sent[0] < LARGE:
                    connection.sendall(CHUNK)
                    sent[0] += len(CHUNK)
                connection.shutdown(socket.SHUT_WR)
            except OSError as error:
                failed.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        # Nobody reads the echo yet, so the sender is stopped on the way: as soon as what the kernel keeps is full.
        before = -1
        while sent[0] != before:
            before = sent[0]
            sender.join(0.3)
        assert sender.is_alive()
        is_enough.set()
        arrived = read_all(connection)
        sender.join()
        assert failed == []
        assert arrived == bytes(sent[0]) + b" and the end"


def test_silence_ends_a_connection(loop: Loop, behind: Behind) -> None:
    """SEC-FLOW-25: where nothing passes either way for long, both ends are closed."""
    impatient = ProxyListener("127.0.0.1", 0, HERE, 64, idle_s=1.0)
    with opened(loop, behind.port, impatient) as listener, connect(listener, LINE + b"x") as connection:
        assert connection.recv(1) == b"x"
        assert read_all(connection) == b""


def test_to_close_ends_what_is_open(loop: Loop, behind: Behind) -> None:
    """A listener that is closed accepts nobody, and its connections end."""
    listener = ProxyListener("127.0.0.1", 0, HERE, 64)
    with opened(loop, behind.port, listener), connect(listener, LINE + b"x") as connection:
        assert connection.recv(1) == b"x"
        loop.run(listener.close(0.1))
        assert is_ended(connection)
        with pytest.raises(ConnectionRefusedError):
            connect(listener)
    assert listener.peer_of((LOOPBACK, behind.ports[0])) is None


# ---- for whom it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (LINE, CLIENT),
        (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n", CLIENT),
        (b"PROXY TCP6 2001:DB8::7 ::1 1 2\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (LOCAL, "127.0.0.1"),
    ],
)
def test_a_connection_is_known_by_its_port(proxied: ProxyListener, behind: Behind, header: bytes, client: str) -> None:
    """SEC-FLOW-11: from before it is made until the server behind has closed it, and by nobody else's port."""
    behind.hold()
    with connect(proxied, header + b"x") as connection:
        assert connection.recv(1) == b"x"
        (port,) = behind.ports
        known = Relayed(client, "127.0.0.1")
        assert proxied.peer_of((LOOPBACK, port)) == known
        assert proxied.peer_of((LOOPBACK, port + 1)) is None
        assert proxied.peer_of(("192.0.2.1", port)) is None
    # The client is gone, and what it said last may not be read yet.
    assert proxied.peer_of((LOOPBACK, port)) == known
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, port))
    behind.let_go()
    until(lambda: proxied.peer_of((LOOPBACK, port)) is None)


def test_a_reset_is_an_end(proxied: ProxyListener, behind: Behind) -> None:
    """A client that resets its connection ends it on both sides, and its port is known until then."""
    connection = connect(proxied, LINE + b"x")
    assert connection.recv(1) == b"x"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
    until(lambda: proxied.peer_of((LOOPBACK, behind.ports[0])) is None)


@contextmanager
def in_front_of(server: Server) -> Iterator[ProxyListener]:
    """Open a listener in front of the web server, which asks it for whom each connection is."""
    with opened(server.loop, server.listener.port, ProxyListener("127.0.0.1", 0, HERE, 64)) as listener:
        server.listener.peer_of = listener.peer_of
        yield listener


def test_the_web_server_is_told_the_client(server: Server) -> None:
    """SEC-FLOW-11: every request of a connection comes from the client that the header named, by the proxy."""
    with (
        in_front_of(server) as listener,
        server.context().wrap_socket(connect(listener, LINE), server_hostname=HOST) as connection,
    ):
        for _ in range(2):
            connection.sendall(GET)
            assert read_response(connection).endswith(b'"hello"')
    assert [(request.peer, request.proxy) for request in server.requests] == [(CLIENT, "127.0.0.1")] * 2


def test_a_connection_past_the_listener_is_refused(server: Server) -> None:
    """SEC-FLOW-11: who connects to the web server itself is nobody's, and is refused before anything is served."""
    served: list[Request] = []

    async def answer(request: Request) -> Response:
        served.append(request)
        return Response(200)

    server.answer = answer
    header = b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
    with in_front_of(server), server.connect() as connection:
        connection.sendall(GET.replace(b"\r\n\r\n", header))
        answered = read_response(connection)
        assert answered.startswith(b"HTTP/1.1 400")
        assert b"connection: close" in answered.lower()
        assert is_ended(connection)
    assert served == []
    assert [(request.peer, request.proxy) for request in server.requests] == [("127.0.0.1", "127.0.0.1")]


def test_a_new_certificate_is_served_to_who_comes_through(server: Server) -> None:
    """SEC-NAME-12: after a renewal of the web server behind, new connections see the new one and are told as before."""
    shown = []
    with in_front_of(server) as listener:
        for name in ("second", "third"):
            server.loop.run(server.listener.renew(server.issue(name)))
            plain = connect(listener, LINE)
            with server.context().wrap_socket(plain, server_hostname=HOST) as connection:
                shown.append(connection.getpeercert(binary_form=True))
                connection.sendall(GET)
                assert read_response(connection).endswith(b'"hello"')
    expected = [(server.folder / f"{name}.pem").read_text() for name in ("second", "third")]
    assert shown == [ssl.PEM_cert_to_DER_cert(text) for text in expected]
    assert [request.peer for request in server.requests] == [CLIENT] * 2
