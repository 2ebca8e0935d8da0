"""
Egress: every request that this service sends.

One way out, for whatever is fetched: the name is resolved once, its addresses are judged, and the connection goes to an
address that passed, under TLS for the name. No redirect is followed and no proxy of the environment is asked; size and
time are limited, whatever the other side does. h11 reads the answers, and asyncio connects (ADR 15).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from strongroom.core import limits
from strongroom.core.outgoing import Destination, IPAddress, IPNetwork, may_reach, parse_destination

Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]
Connect = Callable[[IPAddress, int, ssl.SSLContext, str], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
Dial = Callable[[IPAddress, int], Awaitable[socket.socket]]
_PIECE_BYTES = 64 * 1024
_FETCHED, _TAKEN = range(200, 201), range(200, 300)
_ANSWERED = (*range(200, 300), *range(400, 600))
_ANY = range(100, 1000)
_KEPT_HEADERS = frozenset(
    {
        "content-type",
        "link",
        "location",
        "replay-nonce",
        "retry-after",
        "webhook-allowed-origin",
        "webhook-allowed-rate",
    }
)
"""What is kept of an answer's headers, of those who ask in a protocol."""


class Unreachable(Exception):
    """Nothing was fetched; the text says why, for the journal, and repeats nothing of an answer."""


class Unsuccessful(Unreachable):
    """There was an answer, and its status was not the one that counts."""


async def resolve_name(host: str, port: int) -> list[IPAddress]:
    """Ask the system's resolver for a host's addresses; an address is its own."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(place[4][0]).partition("%")[0]) for place in found]


async def connect_to(
    address: IPAddress, port: int, context: ssl.SSLContext, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to an address, and demand a certificate for a host."""
    return await asyncio.open_connection(str(address), port, ssl=context, server_hostname=host, limit=_PIECE_BYTES)


async def dial_address(address: IPAddress, port: int) -> socket.socket:
    """Connect to an address, and say nothing yet."""
    connection = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


def is_own_address(address: IPAddress) -> bool:
    """Tell whether an address is this machine's, where our own listeners are: it would then be its own neighbour."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: the kernel only chooses the address it would send from.
            probe.connect((str(address), 9))
        except OSError:
            return False
        return ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]) == address


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a protocol in which every status means something. It is not shown: what it holds is another's."""

    status: int
    headers: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Those that the protocols here read, by their names in lower case."""
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Give the header of a name, if there is one and no second one that may say otherwise."""
        found = self.headers.get(name, ())
        return found[0] if len(found) == 1 else None


class Exchange(Protocol):
    """Who can be asked in a protocol of its own: `Egress`, of which nothing more is needed for that."""

    async def exchange(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        accept: str = "application/json",
    ) -> Reply:
        """
        Ask, and give the whole answer.

        Raises:
            Unreachable: there is none.
        """
        ...


class Egress:
    """The way out."""

    def __init__(
        self,
        networks: Sequence[IPNetwork] = (),
        ca_file: str = "",
        *,
        resolve: Resolve = resolve_name,
        connect: Connect = connect_to,
        dial: Dial = dial_address,
        is_own: Callable[[IPAddress], bool] = is_own_address,
        at_once: int = 0,
    ) -> None:
        """
        Make one that reaches public addresses and *networks*, and trusts certifi's authorities and *ca_file*'s.

        It sends so many requests at once; `EGRESS_AT_ONCE`, if nothing is said.
        """
        self._networks = tuple(networks)
        self._ca_file = ca_file
        self._resolve = resolve
        self._connect = connect
        self._dial = dial
        self._is_own = is_own
        self._context: ssl.SSLContext | None = None
        self._places = asyncio.Semaphore(at_once or limits.EGRESS_AT_ONCE)

    async def get(self, url: str) -> bytes:
        """
        Fetch a document.

        Raises:
            Unreachable: the URL or its address is not one that is reached, there was no whole answer in time, or it
                was not 200 with a body of at most `EGRESS_BYTES`.
        """
        return await self._send(url, _Outgoing())

    async def post(self, url: str, form: Mapping[str, str], headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """
        Send a form.

        Raises:
            Unreachable: as `get`; `Unsuccessful` if there was an answer that was not 200.
        """
        body = urlencode(form).encode("ascii")
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        return await self._send(url, _Outgoing("POST", (kind, ("Content-Length", str(len(body))), *headers), body))

    async def deliver(self, url: str, document: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """
        Send a JSON document to somebody who takes it, and read nothing of the answer but that it was taken.

        Raises:
            Unreachable: as `get`; `Unsuccessful` if there was an answer that was not 2xx.
        """
        sent = (("Content-Type", "application/json"), ("Content-Length", str(len(document))), *headers)
        await self._send(url, _Outgoing("POST", sent, document, successes=_TAKEN))

    async def dial(self, host: str, port: int) -> socket.socket:
        """
        Connect to a host that the operator named, for a protocol that is not HTTP and sees to its own TLS (`trust`).

        Raises:
            Unreachable: its address is not one that is reached, or nobody answers there.
        """
        try:
            async with asyncio.timeout(limits.EGRESS_TIME_S), self._places:
                return await self._dial(self._choose(await self._resolve(host, port)), port)
        except TimeoutError:
            raise Unreachable("no connection in time") from None
        except UnicodeError:
            raise Unreachable("not a host name") from None
        except OSError as error:
            raise Unreachable(f"{type(error).__name__}: {error.strerror or 'connection failed'}") from None

    async def exchange(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        content_type: str = "",
        accept: str = "application/json",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """
        Ask in a protocol where refusals have a body and headers mean something: the whole answer, whatever its status.

        A redirect is no answer, as everywhere here.

        Raises:
            Unreachable: as `get`, but for the status.
        """
        kind = ((("Content-Type", content_type),) if content_type else ()) + (
            (("Content-Length", str(len(body))),) if method == "POST" else ()
        )
        return await self._reply(url, _Outgoing(method, (*kind, *headers), body, successes=_ANSWERED, accept=accept))

    async def notify(
        self, url: str, document: bytes, content_type: str, headers: Sequence[tuple[str, str]], *, time_s: float
    ) -> int:
        """
        Send somebody a document, and give the status of the answer, whichever it is; nothing more of it is read.

        Raises:
            Unreachable: as `get`, but for the status.
        """
        sent = (("Content-Type", content_type), ("Content-Length", str(len(document))), *headers)
        outgoing = _Outgoing("POST", sent, document, successes=_ANY, reads_body=False, time_s=time_s)
        return (await self._reply(url, outgoing)).status

    async def _send(self, url: str, outgoing: _Outgoing) -> bytes:
        return (await self._reply(url, outgoing)).body

    async def _reply(self, url: str, outgoing: _Outgoing) -> Reply:
        try:
            destination = parse_destination(url)
        except ValueError as error:
            raise Unreachable(str(error)) from None
        try:
            async with asyncio.timeout(outgoing.time_s or limits.EGRESS_TIME_S), self._places:
                return await self._connected(destination, outgoing)
        except TimeoutError:
            raise Unreachable("no whole answer in time") from None
        except ssl.SSLError as error:
            raise Unreachable(f"TLS: {error.reason or 'failed'}") from None
        except UnicodeError:
            # What the resolver says of a name with an empty label, or one of more than 63 characters.
            raise Unreachable("not a host name") from None
        except OSError as error:
            raise Unreachable(f"{type(error).__name__}: {error.strerror or 'connection failed'}") from None

    async def _connected(self, destination: Destination, outgoing: _Outgoing) -> Reply:
        address = self._choose(await self._resolve(destination.host, destination.port))
        reader, writer = await self._connect(address, destination.port, self.trust(), destination.host)
        try:
            return await _exchange(reader, writer, destination, outgoing)
        finally:
            # Nothing more is said on this connection, so nobody waits for the other side's goodbye.
            writer.transport.abort()

    def _choose(self, addresses: Sequence[IPAddress]) -> IPAddress:
        for address in addresses:
            if may_reach(address, self._networks) and not self._is_own(address):
                return address
        raise Unreachable(
            "no address of its host is one that is reached: public ones, and those in the setting egress_networks"
        )

    def trust(self) -> ssl.SSLContext:
        """Give the context that certificates are judged in: the public authorities, and the operator's."""
        if self._context is None:
            import certifi  # noqa: PLC0415  reading the bundle takes as long as a start's other steps

            context = ssl.create_default_context(cafile=certifi.where())
            if self._ca_file:
                context.load_verify_locations(cafile=self._ca_file)
            self._context = context
        return self._context


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """What is sent: a GET, if nothing is said. It is not shown, since it may carry a secret."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    successes: Container[int] = _FETCHED
    """The statuses of an answer that counts."""
    accept: str = "application/json"
    reads_body: bool = True
    """Whether anything of the answer counts besides its status."""
    time_s: float = 0.0
    """How long it may take; `EGRESS_TIME_S`, if nothing is said."""


@dataclass(slots=True)
class _Entry:
    """What is known of one URL. `tried` is when it was last asked."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    document: bytes | None = None
    fetched: float = 0.0
    tried: float = float("-inf")


class Documents:
    """
    Documents that are fetched again and again, kept for a while; the least recently used go first.

    No URL is asked more often than once in `FETCH_PAUSE_S`, whether it answered or not: what strangers send cannot make
    this service ask others. A document that cannot be had anew counts for `DOCUMENT_STALE_S` altogether, and no longer.
    """

    def __init__(self, egress: Egress, clock: Callable[[], float]) -> None:
        self._egress = egress
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._silent: OrderedDict[str, float] = OrderedDict()
        """When a URL that something was sent to gave no answer."""

    async def fetch(self, url: str, *, again: bool = False) -> bytes:
        """
        Give a document; with *again*, anew if it may be asked for.

        Raises:
            Unreachable: it cannot be had, and none is known that is young enough.
        """
        entry = self._entries.setdefault(url, _Entry())
        self._entries.move_to_end(url)
        while len(self._entries) > limits.DOCUMENTS_KEPT:
            self._entries.popitem(last=False)
        if not again and entry.document is not None and self._clock() < entry.fetched + limits.DOCUMENT_FRESH_S:
            # Whoever is content with it does not wait for one who wants it anew: strangers' tokens make such.
            return entry.document
        async with entry.lock:
            now = self._clock()
            is_fresh = entry.document is not None and now < entry.fetched + limits.DOCUMENT_FRESH_S
            fault = Unreachable("asked a moment ago, without success")
            if (again or not is_fresh) and now >= entry.tried + limits.FETCH_PAUSE_S:
                entry.tried = now
                try:
                    entry.document, entry.fetched = await self._egress.get(url), now
                except Unreachable as failed:
                    fault = failed
            if entry.document is None or now >= entry.fetched + limits.DOCUMENT_STALE_S:
                raise fault
            return entry.document

    async def post(self, url: str, form: Mapping[str, str], headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """
        Send a form, and give the answer, of which nothing is kept.

        Whoever gave no answer is left alone for `POST_PAUSE_S`: one that hangs takes no place from the others.

        Raises:
            Unreachable: there is no answer; `Unsuccessful` if it is not 200.
        """
        if self._clock() < self._silent.get(url, float("-inf")) + limits.POST_PAUSE_S:
            raise Unreachable("asked a moment ago, without an answer")
        try:
            return await self._egress.post(url, form, headers)
        except Unsuccessful:
            raise
        except Unreachable:
            self._silent[url] = self._clock()
            self._silent.move_to_end(url)
            while len(self._silent) > limits.DOCUMENTS_KEPT:
                self._silent.popitem(last=False)
            raise


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, destination: Destination, outgoing: _Outgoing
) -> Reply:
    """Ask, and read the answer to its end or its limit."""
    import h11  # noqa: PLC0415  few services fetch anything

    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.HEADER_BYTES)
    try:
        for said in _request(destination, outgoing):
            writer.write(connection.send(said) or b"")
        await writer.drain()
        return await _read_reply(connection, reader, outgoing)
    except h11.ProtocolError:
        raise Unreachable("the answer is not HTTP") from None


async def _read_reply(connection: Any, reader: asyncio.StreamReader, outgoing: _Outgoing) -> Reply:
    import h11  # noqa: PLC0415  as above

    body, status, kept = bytearray(), 0, _kept(())
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_PIECE_BYTES))
        elif isinstance(event, h11.Response):
            if not outgoing.reads_body:
                return Reply(event.status_code, {}, b"")
            _judge(event.status_code, dict(event.headers), outgoing.successes)
            status, kept = event.status_code, _kept(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > limits.EGRESS_BYTES:
                raise Unreachable("the answer is too large")
        elif isinstance(event, h11.EndOfMessage):
            return Reply(status, kept, bytes(body))
        elif not isinstance(event, h11.InformationalResponse):
            raise Unreachable("the connection ended early")


def _request(destination: Destination, outgoing: _Outgoing) -> list[Any]:
    """Make what is sent, as h11 has it."""
    import h11  # noqa: PLC0415  as above

    headers = [
        ("Host", destination.authority),
        ("Accept", outgoing.accept),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("User-Agent", "strongroom"),
        *outgoing.headers,
    ]
    request = h11.Request(method=outgoing.method, target=destination.target, headers=headers)
    content = [h11.Data(data=outgoing.body)] if outgoing.body else []
    return [request, *content, h11.EndOfMessage()]


def _judge(status: int, headers: dict[bytes, bytes], successes: Container[int]) -> None:
    if status not in successes:
        raise Unsuccessful(f"the answer's status is {status}")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Unreachable("the answer is encoded, unasked")


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, tuple[str, ...]]:
    """Keep the headers that are read, each with all that it was given."""
    kept: dict[str, tuple[str, ...]] = {}
    for raw_name, value in headers:
        name = raw_name.decode("ascii", "replace").lower()
        if name in _KEPT_HEADERS:
            kept[name] = (*kept.get(name, ()), value.decode("latin-1"))
    return kept
