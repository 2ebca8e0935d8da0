"""
The PROXY protocol's own listener, which speaks nothing else and never guesses.

    trusted proxy --header--> accepted --bytes both ways--> the web server on loopback, which asks `peer_of` for whom
    anybody else -----------> closed at once

The web server does not know the protocol. So a connection's header is read here, and its bytes go on to a listener of
the web server that is on loopback and serves such connections alone. A relayed connection is known there by the port
that it comes from, which is bound and written down before it connects: nobody else on this machine can have that port.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Container

from strongroom.core import limits
from strongroom.core.firewall import normalise_address
from strongroom.http.message import End, Relayed
from strongroom.http.proxy_protocol import PREFIX_BYTES, ProxyFault, read_header

LOOPBACK = "127.0.0.1"
_HEAD_BYTES = PREFIX_BYTES + limits.PROXY_BLOCK_BYTES
_PIECE_BYTES = 64 * 1024
_BACKLOG = 1024
_CONNECT_S = 5.0
_LAST_S = 5.0
"""How long a client may take in the rest of the last answer once the web server has closed."""
_PORT_RESTS_S = 1.0
"""How long a port stays ours after the web server has closed: what it read last may not be described yet."""
_PAUSE_S = 0.1
"""Before the next try to accept where there is no descriptor left."""
_QUIET_S = 60.0

_logger = logging.getLogger("strongroom")


class ProxyListener:
    """
    The listener and its relays.

        made --open(port of the web server)--> accepts --close()--> closed, the relays ended

    It accepts again after `stop_accepting` never.
    """

    def __init__(
        self,
        address: str,
        port: int,
        trusted: Container[str],
        places: int,
        *,
        header_time_s: float = limits.HEADER_TIME_S,
        idle_s: float = limits.PROXIED_IDLE_S,
    ) -> None:
        """Make one for proxies whose normalised address is in *trusted*, with *places* connections at once."""
        self.address, self.port = address, port
        self._trusted, self._places = trusted, places
        self._header_time_s, self._idle_s = header_time_s, idle_s
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._destination = 0
        self.was_answered: Callable[[End], bool] = lambda _end: True
        """Tells whether the web server has answered anything to a connection from an end of ours."""
        self._open: set[asyncio.Task[None]] = set()
        self._relayed: dict[int, Relayed] = {}
        self._near: dict[int, socket.socket] = {}
        """The proxies' ends of those relays that nobody has ended, the longest open first."""
        self._refusals = _Refusals()

    def peer_of(self, end: End) -> Relayed | None:
        """Say for whom a connection from *end* to the web server is; None if it is no relayed one."""
        address, port = end
        return self._relayed.get(port) if address == LOOPBACK else None

    def open(self, destination: int) -> None:
        """
        Start to accept, and pass on to a port of loopback.

        Raises:
            OSError: the address is taken or not ours.
        """
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                # Connections in TIME_WAIT do not count; a listener does.
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setblocking(False)
            listening.bind((self.address, self.port))
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        self._socket, self._destination = listening, destination
        self._accepting = asyncio.get_running_loop().create_task(self._accept_all(listening))

    async def stop_accepting(self) -> None:
        """Accept nobody any more; the relays go on."""
        if self._accepting is not None and self._socket is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._socket.close()
            self._accepting = self._socket = None

    async def close(self, grace_s: float) -> None:
        """Accept nobody, let the relays end for *grace_s* seconds once the web server has, and end what is left."""
        await self.stop_accepting()
        if self._relayed:
            waiting = asyncio.get_running_loop().create_task(self._until_quiet())
            await asyncio.wait({waiting}, timeout=grace_s)
            waiting.cancel()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _until_quiet(self) -> None:
        while self._relayed:
            await asyncio.wait(self._open, return_when=asyncio.FIRST_COMPLETED)

    # ---- one connection ---------------------------------------------------------------------------------------------

    async def _accept_all(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                near, place = await loop.sock_accept(listening)
            except OSError as error:
                # No descriptor is left, or the client was gone before it was let in.
                self._refusals.note(f"could not be accepted ({error.strerror})")
                await asyncio.sleep(_PAUSE_S)
                continue
            peer = normalise_address(place[0])
            if peer not in self._trusted:
                self._refusals.note(f"came from {peer}, which is no trusted proxy")
                near.close()
            elif not self._has_place():
                self._refusals.note(f"came while {self._places} were open")
                near.close()
            else:
                task = loop.create_task(self._serve(near, peer))
                self._open.add(task)
                task.add_done_callback(self._open.discard)

    def _has_place(self) -> bool:
        """
        Tell whether there is a place, if need be by ending the relay that is open longest without any answer.

        Whoever opens connections and says nothing must not keep out those who ask. What was ended is no place any
        more, and its port still rests: of both together there are at most twice as many as places.
        """
        ended = len(self._relayed) - len(self._near)
        if len(self._open) - ended < self._places:
            return True
        silent = next((port for port in self._near if not self.was_answered((LOOPBACK, port))), None)
        if silent is None or len(self._open) >= 2 * self._places:
            return False
        with contextlib.suppress(OSError):
            # Both pumps end with it, as if the proxy had gone away.
            self._near.pop(silent).shutdown(socket.SHUT_RDWR)
        return True

    async def _serve(self, near: socket.socket, proxy: str) -> None:
        """Serve a proxy's connection to its end."""
        near.setblocking(False)
        try:
            async with asyncio.timeout(self._header_time_s):
                source, rest = await _read_header(near)
            client = normalise_address(source[0]) if source is not None else proxy
            await self._relay(near, rest, Relayed(client, proxy))
        except ProxyFault as fault:
            self._refusals.note(f"from {proxy} was closed: {fault}")
        except TimeoutError:
            self._refusals.note(f"from {proxy} took too long")
        except OSError as error:
            # It went away within its header, or no descriptor or port is left.
            self._refusals.note(f"from {proxy} could not be served ({error.strerror})")
        finally:
            near.close()

    async def _relay(self, near: socket.socket, rest: bytes, relayed: Relayed) -> None:
        """
        Pass bytes both ways between a proxy and the web server until both have ended.

        The port stays bound, and what is known of it written down, until the web server has closed its end and some
        time after: a request that it read last is still told for whom it is, and nobody takes the port meanwhile.
        """
        loop = asyncio.get_running_loop()
        far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        port = 0
        try:
            far.setblocking(False)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.bind((LOOPBACK, 0))
            port = far.getsockname()[1]
            self._relayed[port], self._near[port] = relayed, near
            async with asyncio.timeout(_CONNECT_S):
                await loop.sock_connect(far, (LOOPBACK, self._destination))
            # An end that goes away, or is silent too long, ends the connection like any other; only its port stays.
            with contextlib.suppress(OSError):
                await _both_ways(near, far, rest, self._idle_s)
            near.close()
            await self._outlive(far)
        finally:
            self._near.pop(port, None)
            self._relayed.pop(port, None)
            far.close()

    async def _outlive(self, far: socket.socket) -> None:
        """End our half, wait until the web server has closed its own, and until it has described what it read."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            async with asyncio.timeout(self._idle_s):
                while await loop.sock_recv(far, _PIECE_BYTES):
                    pass
        await asyncio.sleep(_PORT_RESTS_S)


async def _read_header(near: socket.socket) -> tuple[End | None, bytes]:
    """
    Read the header, and give its source and what came after it.

    Raises:
        ProxyFault: there is none, or the connection ended within it.
    """
    loop = asyncio.get_running_loop()
    received = b""
    while (header := read_header(received)) is None:
        piece = await loop.sock_recv(near, _HEAD_BYTES)
        if not piece:
            raise ProxyFault("the connection ended within the header")
        received += piece
    return header.source, received[header.size :]


async def _both_ways(near: socket.socket, far: socket.socket, rest: bytes, idle_s: float) -> None:
    """
    Pump bytes both ways until both ends are done; an end that closes its half leaves the other open.

    Raises:
        OSError: an end went away, or nothing passed for *idle_s* seconds.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(idle_s) as deadline:

        def moved() -> None:
            deadline.reschedule(loop.time() + idle_s)

        if rest:
            await loop.sock_sendall(far, rest)
        outward = loop.create_task(_pump(near, far, moved))
        inward = loop.create_task(_pump(far, near, moved))
        try:
            done, _ = await asyncio.wait({outward, inward}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if inward in done:
                # The web server reads no more either.
                deadline.reschedule(loop.time() + _LAST_S)
            await asyncio.gather(outward, inward)
        finally:
            for task in (outward, inward):
                task.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)


async def _pump(source: socket.socket, target: socket.socket, moved: Callable[[], None]) -> None:
    """Pass bytes on as fast as they are taken, and then the end."""
    loop = asyncio.get_running_loop()
    while piece := await loop.sock_recv(source, _PIECE_BYTES):
        moved()
        await loop.sock_sendall(target, piece)
        moved()
    target.shutdown(socket.SHUT_WR)


class _Refusals:
    """Tells the operator of connections that were closed, and of most of them only how many."""

    def __init__(self) -> None:
        self._count = 0
        self._told = -_QUIET_S

    def note(self, what: str) -> None:
        """Count a connection, and say so unless one was told of just before."""
        self._count += 1
        now = time.monotonic()
        if now - self._told >= _QUIET_S:
            _logger.warning(
                "the PROXY protocol's listener: a connection %s; %d refused since the last such line", what, self._count
            )
            self._count, self._told = 0, now
