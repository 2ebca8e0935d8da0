"""
Silent connections: a listener with few descriptors stays able to answer, and ends what says nothing (SEC-FLOW-25).

The listener is in a process of its own, since the limit of open files is a process's.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.core import limits
from strongroom.crypto import x509
from strongroom.http.connections import DescriptorLimit, Requests, Watch, place_at, raise_descriptor_limit

HOST = "v1.vault.localhost"
PATIENCE_S = 30.0
"""What never comes fails a test; how long it takes is not asked."""
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

SERVICE = """
import asyncio, resource, sys
from pathlib import Path
files, idle_s, first_request_s, certificate, key = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))

from strongroom.core.network import Link
from strongroom.http.asgi import Listener
from strongroom.http.connections import Watch, raise_descriptor_limit
from strongroom.http.message import Response

async def answer(request, fault=None):
    return Response(200, b'"hello"')

async def main():
    listener = Listener(answer, answer, Link.PUBLIC, certificate=(Path(certificate), Path(key)))
    watch = Watch(
        [listener.requests], raise_descriptor_limit(), idle_s=float(idle_s), first_request_s=float(first_request_s)
    )
    await listener.open()
    watch.start()
    print(listener.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await listener.close(0.1)
    watch.stop()
    print("stopped", flush=True)

asyncio.run(main())
"""


class Service:
    """A listener in another process."""

    def __init__(self, folder: Path, files: int, idle_s: float, first_request_s: float) -> None:
        authority = x509.make_authority("localhost", now=int(time.time()))
        leaf = x509.issue_leaf(authority, ("*.vault.localhost",), now=int(time.time()))
        (folder / "server.pem").write_bytes(leaf.certificate)
        (folder / "server.key").write_bytes(leaf.private_key)
        self._context = ssl.create_default_context(cadata=authority.certificate.decode())
        limited = [str(files), str(idle_s), str(first_request_s)]
        paths = [str(folder / "server.pem"), str(folder / "server.key")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, *limited, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def connect(self) -> ssl.SSLSocket:
        """Open a TLS connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        return self._context.wrap_socket(plain, server_hostname=HOST)

    def answers(self) -> bool:
        """Ask on a new connection; one that was ended for another's sake does not count."""
        try:
            with self.connect() as connection:
                return ask(connection)
        except OSError:
            return False

    def stop(self) -> str:
        """Let it stop in order, and give what it says then."""
        said, _ = self.process.communicate("", timeout=PATIENCE_S)
        return said


def ask(connection: ssl.SSLSocket) -> bool:
    """Send a request, and tell whether it is answered."""
    connection.sendall(REQUEST)
    received = b""
    while not received.endswith(b'"hello"'):
        chunk = connection.recv(65536)
        if not chunk:
            return False
        received += chunk
    return received.startswith(b"HTTP/1.1 200")


Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give what starts listeners, and end them."""
    started: list[Service] = []

    def start(files: int = 4096, idle_s: float = PATIENCE_S * 10, first_request_s: float = PATIENCE_S * 10) -> Service:
        started.append(Service(tmp_path, files, idle_s, first_request_s))
        return started[-1]

    yield start
    for service in started:
        service.process.kill()
        service.process.communicate()


@contextlib.contextmanager
def crowd(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Begin many connections at once and say nothing on any of them."""
    silent: list[socket.socket] = []
    try:
        for _ in range(number):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            silent.append(connection)
        yield silent
    finally:
        for connection in silent:
            connection.close()


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait for something, within reason."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_more_silent_connections_than_descriptors_keep_nobody_out(start: Start) -> None:
    """SEC-FLOW-25: a request is answered while they are held and after, and the service still stops in order."""
    service = start(files=256)
    with crowd(service.port, 400):
        assert eventually(service.answers)
    with crowd(service.port, 400):
        assert eventually(service.answers)
    assert eventually(service.answers)
    assert service.stop() == "stopped\n"


def test_who_was_answered_is_ended_last(start: Start) -> None:
    """SEC-FLOW-25: room is made by ending connections that never had an answer; a client's own stays."""
    service = start(files=256)
    with service.connect() as connection:
        assert ask(connection)
        with crowd(service.port, 400):
            assert eventually(service.answers)
            assert ask(connection)


def test_a_connection_without_a_request_is_ended(start: Start) -> None:
    """SEC-FLOW-25: a client that says nothing after the handshake does not keep its connection (FIRST_REQUEST_S)."""
    with start(first_request_s=2.0).connect() as connection:
        assert connection.recv(1) == b""


def test_an_idle_connection_is_ended(start: Start) -> None:
    """SEC-FLOW-25: nor does one that asked and then is silent (CONNECTION_IDLE_S)."""
    with start(idle_s=2.0).connect() as connection:
        assert ask(connection)
        assert connection.recv(1) == b""


def test_a_busy_connection_stays(start: Start) -> None:
    """A connection that is used goes on, for longer than any of the limits; another that was silent is ended."""
    service = start(idle_s=8.0, first_request_s=2.0)
    with service.connect() as silent, service.connect() as busy:
        silent.setblocking(False)

        def used() -> bool:
            assert ask(busy)
            with contextlib.suppress(ssl.SSLWantReadError):
                return silent.recv(1) == b""
            return False

        assert eventually(used)
        assert ask(busy)


def test_only_connections_to_our_listeners_are_ended() -> None:
    """A connection to something else in the process, and what only waits to be accepted by it, is left alone."""
    requests = Requests()
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other:
        requests.place = place_at(*ours.getsockname())
        watch = Watch([requests], DescriptorLimit(1 << 20, 1 << 20), first_request_s=0.2)
        with (
            socket.create_connection(ours.getsockname(), PATIENCE_S) as client,
            socket.create_connection(other.getsockname(), PATIENCE_S) as bystander,
            ours.accept()[0],
            other.accept()[0] as accepted,
        ):
            watch.start()
            assert client.recv(1) == b""
            watch.stop()
            accepted.sendall(b"x")
            assert bystander.recv(1) == b"x"
            with socket.create_connection(ours.getsockname(), PATIENCE_S), ours.accept()[0]:
                """It still listens."""


@pytest.mark.parametrize("asked_at", [0, 1])
def test_listeners_at_one_port_are_told_apart(asked_at: int) -> None:
    """One on every address and one on an address of its own: what is asked of the other one does not count."""
    every, single = Requests(), Requests()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("0.0.0.0", 0), reuse_port=True))  # noqa: S104  see above
        port = first.getsockname()[1]
        second = stack.enter_context(socket.create_server(("127.0.0.2", port), reuse_port=True))
        every.place, single.place = place_at(*first.getsockname()), place_at(*second.getsockname())
        watch = Watch([every, single], DescriptorLimit(1 << 20, 1 << 20), first_request_s=0.4)
        clients = []
        for address, ours in (("127.0.0.1", first), ("127.0.0.2", second)):
            clients.append(stack.enter_context(socket.create_connection((address, port), PATIENCE_S)))
            stack.enter_context(ours.accept()[0])
        (every, single)[asked_at].asked(clients[asked_at].getsockname())
        (every, single)[asked_at].asked(clients[1 - asked_at].getsockname())
        watch.start()
        stack.callback(watch.stop)
        assert clients[1 - asked_at].recv(1) == b""
        clients[asked_at].setblocking(False)
        assert not is_ended(clients[asked_at])


def test_a_unix_sockets_connections_grow_old(tmp_path: Path) -> None:
    """Those to a socket that is looked at are ended, busy or not, since its clients have no names; others are not."""
    watch = Watch([], DescriptorLimit(1 << 20, 1 << 20), idle_s=0.2)
    held = []
    with contextlib.ExitStack() as stack:
        for name in ("watched", "other"):
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(tmp_path / name))
            listening.listen()
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(tmp_path / name))
            client.setblocking(False)
            held.append((client, stack.enter_context(listening.accept()[0])))
        requests = Requests()
        requests.place = str(tmp_path / "watched")
        watch.add(requests)
        watch.start()
        try:
            assert eventually(lambda: is_ended(held[0][0]))
            assert not is_ended(held[1][0])
            watch.remove(requests)
        finally:
            watch.stop()


def is_ended(client: socket.socket) -> bool:
    """Tell whether the other end of a connection is closed."""
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_connection_that_was_given_up_is_ended() -> None:
    """Once its answer has had time to leave, and no other with it; one that asked again is not given up any more."""
    requests = Requests()
    with socket.create_server(("127.0.0.1", 0)) as ours:
        requests.place = place_at(*ours.getsockname())
        watch = Watch([requests], DescriptorLimit(1 << 20, 1 << 20))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(ours.getsockname(), PATIENCE_S)) for _ in range(3)]
            accepted = [stack.enter_context(ours.accept()[0]) for _ in clients]
            given_up, back, other = (client.getsockname() for client in clients)
            for peer in (given_up, back, other):
                requests.asked(peer)
            requests.give_up(given_up)
            requests.give_up(back)
            requests.asked(back)
            watch.start()
            stack.callback(watch.stop)
            assert clients[0].recv(1) == b""
            for held, client in zip(accepted[1:], clients[1:], strict=True):
                held.sendall(b"x")
                assert client.recv(1) == b"x"


def test_a_connection_is_given_up_for_as_long_as_its_answer_takes_to_leave() -> None:
    """`ANSWER_LEAVES_S` pass before the watch looks for it, and not a moment more."""
    requests = Requests()
    assert not requests.has_due(time.monotonic() + 10)
    requests.give_up(("127.0.0.1", 1))
    at = requests.given_up(("127.0.0.1", 1))
    assert at is not None
    assert not requests.has_due(at + limits.ANSWER_LEAVES_S)
    assert requests.has_due(at + limits.ANSWER_LEAVES_S + 0.001)


def test_the_limit_of_open_files_is_raised_and_a_quarter_kept_back() -> None:
    """The process takes what it may have, at most OPEN_FILES, and works with three quarters of it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        limit = raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit.working, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert limit.ceiling <= limits.OPEN_FILES
    assert limit.working == limit.ceiling - limit.ceiling // 4


def test_the_limits_are_those_of_the_page() -> None:
    """A watch that is told nothing else keeps to FIRST_REQUEST_S and CONNECTION_IDLE_S."""
    defaults = Watch.__init__.__kwdefaults__
    assert defaults == {"idle_s": limits.CONNECTION_IDLE_S, "first_request_s": limits.FIRST_REQUEST_S}


def test_no_more_clients_are_remembered_than_can_be_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of clients is bounded by OPEN_FILES, and who is silent longest is forgotten first."""
    monkeypatch.setattr(limits, "OPEN_FILES", 2)
    requests = Requests()
    for port in (1, 2, 1, 3):
        requests.asked(("127.0.0.1", port))
    assert [port for port in (1, 2, 3) if requests.last(("127.0.0.1", port))] == [1, 3]
