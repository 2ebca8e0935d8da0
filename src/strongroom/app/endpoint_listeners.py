"""
Private endpoints that are addresses of this machine: what comes through one came through that endpoint.

    add --open()--> listens --the record is removed, by whatever--> answers nothing, closes
    start --open_all()--> listens again, or the fault is kept and told, and it is tried again from time to time

A listener proves which private endpoint a request came through and nothing more: whether the endpoint may reach the
vault, and whether the request came from the endpoint's own network, is judged for each request by the vault's firewall.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from strongroom.app.dispatch import Dispatcher
from strongroom.core.changes import Change, RecordRemoved
from strongroom.core.errors import Conflict, Misdirected
from strongroom.core.network import Link
from strongroom.core.networks import EndpointListener
from strongroom.core.records import INSTANCE
from strongroom.http.asgi import Listener
from strongroom.http.connections import Watch
from strongroom.http.message import Request, Response
from strongroom.view import View

_logger = logging.getLogger("strongroom")
_REMOVED_GRACE_S = 1.0
"""How long requests under way have when a listener's record is removed; those that come are refused at once."""


@dataclass(slots=True)
class _Open:
    """A listener that is open."""

    record: EndpointListener
    listener: Listener
    served_tag: bytes
    """Which certificate it serves."""


class EndpointListeners:
    """The listeners of every private endpoint that has an address here. They serve the main listener's certificate."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        view: View,
        watch: Watch,
        main: Listener,
        certificate_tag: bytes,
    ) -> None:
        self._dispatcher = dispatcher
        self._view = view
        self._watch = watch
        self._main = main
        self._tag = certificate_tag
        self.changed: Callable[[], None] = lambda: None
        """Called when a listener was opened or closed."""
        self._open: dict[str, _Open] = {}
        self._served: frozenset[str] = frozenset()
        """The ids of the records whose requests are served: of those that are open, the ones that were not removed."""
        self._faults: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()
        # An address must be free again before another listener takes it, and a listener is not renewed as it closes.
        self._lock = asyncio.Lock()

    # ---- opening and closing ----------------------------------------------------------------------------------------

    async def open(self, one: EndpointListener) -> None:
        """
        Listen at a private endpoint's address.

        Raises:
            Conflict: not there; the sentence says why.
        """
        async with self._lock:
            await self._open_held(one)
        self.changed()

    async def _open_held(self, one: EndpointListener) -> None:
        self._require_own_place(one)
        listener = Listener(
            partial(self._handle, one.id),
            self._dispatcher.refuse,
            Link.PRIVATE_ENDPOINT,
            one.address,
            one.port,
            certificate=self._certificate,
            name=one.endpoint,
            beside_every=one.port == self._main.port and ip_address(self._main.address).is_unspecified,
        )
        tag = self._tag
        try:
            await listener.open()
        except OSError as error:
            await listener.close(0)
            told = str(error.strerror or error)
            raise Conflict(f"{one.address} port {one.port} cannot be listened on: {told}") from None
        self._open[one.id] = _Open(one, listener, tag)
        self._faults.pop(one.id, None)
        self._served |= {one.id}
        self._watch.add(listener.requests)

    def _require_own_place(self, one: EndpointListener) -> None:
        """
        Make sure that no listener of ours has the place: they could share it, and each take some of the connections.

        Raises:
            Conflict: one has.
        """
        place = (one.address, one.port)
        if place == (str(ip_address(self._main.address)), self._main.port):
            raise Conflict("The address and port are those of the main listener. A private endpoint has its own.")
        if any(place == (other.record.address, other.record.port) for other in self._open.values()):
            raise Conflict("The address and port are those of another private endpoint.")

    @property
    def _certificate(self) -> tuple[Path, Path]:
        if self._main.certificate is None:
            msg = "the main listener has no certificate"
            raise ValueError(msg)
        return self._main.certificate

    async def open_all(self) -> list[str]:
        """Listen for every record there is, and give a sentence for each that cannot be listened for."""
        await self.settle()
        return list(self._faults.values())

    async def settle(self) -> None:
        """Listen wherever there is a record and no listener, as when an address was not this machine's before."""
        for one in self._view.all(EndpointListener, INSTANCE):
            async with self._lock:
                if one.id in self._open or self._view.get(EndpointListener, INSTANCE, one.id) is not one:
                    continue
                try:
                    await self._open_held(one)
                except Conflict as fault:
                    self._faults[one.id] = fault.message
                    continue
                if self._view.get(EndpointListener, INSTANCE, one.id) is None:
                    # It was removed meanwhile, when there was nothing to close yet. Another private endpoint of the
                    # same name would have had its address.
                    await self._close_held(one.id, 0)
            self.changed()

    async def close(self, listener_id: str, grace_s: float = _REMOVED_GRACE_S) -> None:
        """Listen no longer for a record, if that is so."""
        async with self._lock:
            await self._close_held(listener_id, grace_s)
        self.changed()

    async def _close_held(self, listener_id: str, grace_s: float) -> None:
        self._faults.pop(listener_id, None)
        closing = self._open.pop(listener_id, None)
        if closing is not None:
            self._served -= {listener_id}
            await closing.listener.close(grace_s)
            self._watch.remove(closing.listener.requests)

    async def close_all(self, grace_s: float) -> None:
        """Listen for none."""
        async with self._lock:
            closing = list(self._open.values())
            self._open.clear()
            await asyncio.gather(*(one.listener.close(grace_s) for one in closing))
        await asyncio.gather(*self._closing)

    # ---- serving ----------------------------------------------------------------------------------------------------

    def _handle(self, listener_id: str, request: Request) -> Coroutine[Any, Any, Response]:
        if listener_id not in self._served:
            # A connection may outlast the record that it came by: admission is per request.
            return self._dispatcher.refuse(request, Misdirected("This private endpoint is not served here any more."))
        return self._dispatcher.handle(request)

    async def renew(self, certificate_tag: bytes) -> None:
        """
        Serve the main listener's new certificate, which *certificate_tag* stands for, wherever another is served.

        One that cannot goes on with the old certificate, is told in the log, and is tried again at the next call.
        """
        self._tag = certificate_tag
        for listener_id in list(self._open):
            async with self._lock:
                one = self._open.get(listener_id)
                if one is None or one.served_tag == certificate_tag:
                    continue
                try:
                    await one.listener.renew(self._certificate)
                except OSError:
                    _logger.exception(
                        "the certificate of %s port %d is not renewed", one.record.address, one.record.port
                    )
                else:
                    one.served_tag = certificate_tag

    def fault_of(self, listener_id: str) -> str | None:
        """Say why a private endpoint's address does not listen; None if it does."""
        return self._faults.get(listener_id)

    def describe(self) -> list[dict[str, object]]:
        """Give what run.json says of those that are open."""
        opened = (one.record for one in self._open.values())
        return [{"privateEndpoint": one.endpoint, "address": one.address, "port": one.port} for one in opened]

    def follow(self, changes: Sequence[Change]) -> None:
        """Serve nothing, and close, where a record is removed, also where a private endpoint's end took it along."""
        for change in changes:
            if not isinstance(change, RecordRemoved) or change.kind != EndpointListener.KIND:
                continue
            self._faults.pop(change.id, None)
            self._served -= {change.id}
            if change.id in self._open:
                task = asyncio.get_running_loop().create_task(self.close(change.id))
                self._closing.add(task)
                task.add_done_callback(partial(self._closed, change.id))

    def _closed(self, listener_id: str, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _logger.error("the listener %s could not be closed", listener_id, exc_info=task.exception())
