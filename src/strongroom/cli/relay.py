"""
The relay of one `run`: a proxy on loopback in which TLS for Azure's names ends.

    child --CONNECT--> relay --+-- served name:  TLS ends here, and the service's own socket answers (`serving`)
                               +-- Azure's name: 403, and a line to the user
                               +-- any other:    bytes both ways, untouched, as the user's environment goes (`upstream`)

It listens on 127.0.0.1 alone and is there for its own run: whoever connects shows the run's proxy credential or is, by
the kernel's word, the same user. Java sends no credential without code of its own; on Linux the kernel admits it.

It keeps nothing of what passes. All it writes is the names that it refused, and of a vault's 403 how to ask why
(`hints`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from strongroom.cli import framing, upstream
from strongroom.cli.answers import pump, refuse
from strongroom.cli.azure_names import ServedNames, Way
from strongroom.cli.framing import Malformed, RequestHead
from strongroom.cli.hints import Hints
from strongroom.cli.serving import Termination, Visit
from strongroom.cli.upstream import Stream, Surroundings, Unreachable
from strongroom.http.peer_owner import find_owner

LISTEN_ADDRESS = "127.0.0.1"
PROXY_USER = "run"
_BACKLOG = 1024
_HEAD_TIME_S = 15.0
_NAMES_LISTED = 12
# Between hops, RFC 9110 section 7.6.1, and what old clients send to proxies.
_HOP_FIELDS = frozenset({b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"upgrade"})


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What one run's relay is made of."""

    served: ServedNames
    control_socket: Path
    termination: Termination
    password: str = field(repr=False)
    expires_at: float
    """When the run's certificate or credential ends, as `clock` counts."""
    clock: Callable[[], float]
    surroundings: Surroundings
    say: Callable[[str], None]
    """Where a line for the user goes."""
    hints: Hints | None = None
    """What tells the user how to ask why a vault refused something; None tells nothing."""


class Relay:
    """
    A run's relay, listening from `start` to `close`.

        start --> listening --> close: no new connection, the open ones are cut
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._refused: set[str] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(
            self._accept, LISTEN_ADDRESS, 0, limit=framing.HEAD_BYTES, backlog=_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """The proxy's URL with this run's credential, for the child's environment."""
        return f"http://{PROXY_USER}:{self._settings.password}@{LISTEN_ADDRESS}:{self.port}"

    async def close(self) -> None:
        """Stop listening and cut what is open: the child is gone."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._answer(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, and report only what nobody expected."""
        try:
            await self._proxy(reader, writer)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            # The other end went away, or spoke no TLS, or nothing at all. It knows; there is nobody else to tell.
            pass
        except Exception as error:  # noqa: BLE001  one connection's fault must not end the run; the user is told its kind
            # Its kind alone: the text of an exception could quote what passed through.
            self._settings.say(f"the relay failed on a connection: {type(error).__name__}")
        finally:
            writer.close()

    # ---- the proxy --------------------------------------------------------------------------------------------------

    async def _proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(_HEAD_TIME_S):
                    head = await framing.read_head(reader)
            except Malformed as error:
                return await refuse(writer, error.status, str(error))
            if head is None:
                return None
            if self._admits(head, writer):
                break
            if head.length != 0:
                return await refuse(writer, 407, "this proxy belongs to one `strongroom run`")
            # .NET waits to be asked, and then comes again on the same connection.
            await refuse(writer, 407, "this proxy belongs to one `strongroom run`", again=True)
        if head.method == "CONNECT":
            return await self._tunnel(head, reader, writer)
        return await self._forward(head, reader, writer)

    def _admits(self, head: RequestHead, writer: asyncio.StreamWriter) -> bool:
        """Tell whether the one who connects belongs to this run: by its credential or, without one, by the kernel."""
        credentials = head.values(b"proxy-authorization")
        if credentials:
            return len(credentials) == 1 and hmac.compare_digest(
                _basic(credentials[0]), f"{PROXY_USER}:{self._settings.password}".encode()
            )
        peer, ours = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        return find_owner(peer[:2], ours[:2]).user == os.geteuid()

    async def _tunnel(self, head: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = _parse_authority(head.target)
        if place is None or head.length != 0:
            return await refuse(writer, 400, "CONNECT wants a host and a port, and no body")
        host, port = place
        way = self._settings.served.way_to(host, port)
        if way is Way.REFUSE:
            return await self._refuse_name(writer, host, port)
        if way is Way.SERVE:
            if self._settings.clock() >= self._settings.expires_at:
                return await refuse(writer, 503, "this run has lasted as long as its credential does: start it again")
            asked_name = await self._settings.termination.accept(writer)
            visit = Visit(host, port, asked_name, self._settings.hints)
            return await visit.serve(reader, writer, self._settings.control_socket)
        try:
            far_reader, far_writer = await upstream.open_tunnel(self._settings.surroundings, host, port)
        except Unreachable as error:
            return await refuse(writer, error.status, str(error))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _both_ways((reader, writer), (far_reader, far_writer))
        finally:
            far_writer.close()

    async def _refuse_name(self, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        name = f"{host}:{port}"
        served = sorted(self._settings.served.azure)
        message = (
            f"{name} is one of Azure's names that this run does not serve, and a run reaches no real one."
            f" It serves {', '.join(served[:_NAMES_LISTED])}{' and others' * (len(served) > _NAMES_LISTED)};"
            " a vault that was made after the run began is served by the next run"
        )
        if name not in self._refused:
            self._refused.add(name)
            self._settings.say(message)
        # Most clients show a proxy's reason phrase and hide its body.
        await refuse(writer, 403, message, reason=f"Not served by Strongroom: {host}")

    async def _forward(self, head: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a plain HTTP request on, and the connection with it: the answer ends when the far end closes."""
        try:
            url = urlsplit(head.target)
            host, port = (url.hostname or "").rstrip("."), url.port or 80
        except ValueError:
            return await refuse(writer, 400, "the URL cannot be read")
        if url.scheme.lower() != "http" or not host:
            return await refuse(writer, 400, "a proxy wants CONNECT, or the whole URL of a plain HTTP request")
        if self._settings.served.way_to(host, port) is not Way.THROUGH:
            # Nothing of ours or Azure's speaks without TLS.
            return await self._refuse_name(writer, host, port)
        proxy = self._settings.surroundings.proxy_for("http", host, port)
        target = head.target if proxy else (url.path or "/") + (f"?{url.query}" if url.query else "")
        lines = [f"{head.method} {target} HTTP/1.1".encode("latin-1")]
        lines += [b"%b: %b" % (name, value) for name, value in head.fields if name not in _HOP_FIELDS]
        if proxy and proxy.authorization:
            lines.append(f"proxy-authorization: {proxy.authorization}".encode("ascii"))
        lines.append(b"connection: close\r\n\r\n")
        try:
            far = await (
                upstream.connect(proxy.host, proxy.port, tls=proxy.tls) if proxy else upstream.connect(host, port)
            )
        except Unreachable as error:
            return await refuse(writer, error.status, str(error))
        try:
            far[1].write(b"\r\n".join(lines))
            await self._exchange(head, (reader, writer), far)
        finally:
            far[1].close()

    async def _exchange(self, head: RequestHead, near: Stream, far: Stream) -> None:
        """Send one request's body to the far end and its answer back, until the far end closes."""
        answer = asyncio.ensure_future(pump(far[0], near[1]))
        try:
            with suppress(Malformed, ConnectionError):
                # An answer may come before the body is whole; then the far end has the last word.
                async for piece in framing.read_body(near[0], head):
                    far[1].write(piece)
                    await far[1].drain()
            await answer
        finally:
            answer.cancel()


async def _both_ways(near: Stream, far: Stream) -> None:
    """Pump bytes both ways until both ends are done; an end that closes its half leaves the other open."""
    pumps = [asyncio.ensure_future(_pump_half(near[0], far[1])), asyncio.ensure_future(_pump_half(far[0], near[1]))]
    try:
        done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await pump(reader, writer)
    if writer.can_write_eof():
        # Whoever has reset the connection has no half of it that could be closed, and the kernel says so (ENOTCONN).
        with suppress(OSError):
            writer.write_eof()
    else:
        # A proxy spoken to in TLS, which knows no half of a connection.
        writer.close()


def _basic(value: bytes) -> bytes:
    """Give what a Basic credential decodes to; nothing if it is none."""
    scheme, _, text = value.partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return b""


def _parse_authority(target: str) -> tuple[str, int] | None:
    """Read CONNECT's target, `host:port`; the name in lower case, without a dot at its end or an address's brackets."""
    host, colon, port = target.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        return None
    name = host.lower().removeprefix("[").removesuffix("]").rstrip(".")
    return (name, int(port)) if name and name.isascii() else None
