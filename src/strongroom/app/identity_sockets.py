"""
Unix sockets that are one managed identity each: whoever can open the file is that identity.

    add --open()--> listens --the map is removed, by whatever--> closed, its file gone
    start --open_all()--> listens again, or the fault is kept and told

A socket listens for a map that does not count yet, or no longer, and then answers as to somebody who was lent nothing:
who may be what is decided by the directory, for each request, and never by what listens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from strongroom.app.dispatch import Dispatcher
from strongroom.core.changes import Change, RecordRemoved
from strongroom.core.errors import Conflict
from strongroom.core.identity_maps import IdentityMap
from strongroom.core.network import Link
from strongroom.core.records import INSTANCE
from strongroom.http.asgi import Listener
from strongroom.http.connections import Watch
from strongroom.http.socket_files import require_safe_folder
from strongroom.view import View

_logger = logging.getLogger("strongroom")
_REMOVED_GRACE_S = 1.0
"""How long requests under way have when a map is removed: their tokens would be worth nothing."""


class SocketListeners:
    """The listeners of every map of a socket."""

    def __init__(self, dispatcher: Dispatcher, view: View, watch: Watch) -> None:
        self._dispatcher = dispatcher
        self._watch = watch
        self._view = view
        self._listeners: dict[str, Listener] = {}
        self._faults: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()
        # The web server removes its file when it has stopped: by then nobody must have made another one there.
        self._lock = asyncio.Lock()

    async def open(self, one: IdentityMap) -> None:
        """
        Listen for a map.

        Raises:
            Conflict: not there; the sentence says why.
        """
        path = Path(one.socket or "")
        listener = Listener(
            self._dispatcher.handle,
            self._dispatcher.refuse,
            Link.IDENTITY_SOCKET,
            unix_socket=path,
            name=one.id,
            owner=one.owner,
        )
        async with self._lock:
            try:
                require_safe_folder(path.parent)
                await listener.open()
            except OSError as error:
                await listener.close(0)
                raise Conflict(f"The socket cannot be made: {error.strerror or error}.") from None
            self._listeners[one.id] = listener
            self._watch.add(listener.requests)

    async def open_all(self) -> list[str]:
        """Listen for every map there is, and give a sentence for each that cannot be listened for."""
        for one in self._view.all(IdentityMap, INSTANCE):
            if one.socket is None:
                continue
            try:
                await self.open(one)
            except Conflict as fault:
                self._faults[one.id] = fault.message
        return list(self._faults.values())

    async def close(self, map_id: str, grace_s: float = _REMOVED_GRACE_S) -> None:
        """Listen no longer for a map, if that is so."""
        async with self._lock:
            self._faults.pop(map_id, None)
            listener = self._listeners.pop(map_id, None)
            if listener is not None:
                await listener.close(grace_s)
                self._watch.remove(listener.requests)

    async def close_all(self, grace_s: float) -> None:
        """Listen for none."""
        async with self._lock:
            listeners = list(self._listeners.values())
            self._listeners.clear()
            await asyncio.gather(*(listener.close(grace_s) for listener in listeners))
        await asyncio.gather(*self._closing)

    def fault_of(self, map_id: str) -> str | None:
        """Say why a map's socket does not listen; None if it does."""
        return self._faults.get(map_id)

    def follow(self, changes: Sequence[Change]) -> None:
        """Close the sockets of maps that are removed, also where an identity's end took them along."""
        for change in changes:
            if isinstance(change, RecordRemoved) and change.kind == IdentityMap.KIND and change.id in self._listeners:
                task = asyncio.get_running_loop().create_task(self.close(change.id))
                self._closing.add(task)
                task.add_done_callback(partial(self._closed, change.id))

    def _closed(self, map_id: str, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _logger.error("the socket of the identity map %s could not be closed", map_id, exc_info=task.exception())
