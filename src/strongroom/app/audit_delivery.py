"""
Delivering the audit to the sinks of diagnostic settings: copies, at least once, behind the journal.

    the journal --read from the sink's position--> entries of vaults whose settings name the sink
                                                        |
                    folder or URL <--written------------+--then--> the position is kept, and the next piece is read
                         |
                         +-- refused, full, silent: the position stays, and it is tried again, later and later

Each sink has a task of its own and, for what may block, a thread of its own, so one that hangs holds up no other, no
request and not the journal. A sink that was written to and whose position was not kept is written to again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from strongroom.core import audit_limits
from strongroom.core.diagnostics import AUDIT_EVENT, AuditSink, SinkPosition, SinkProof, SinkState
from strongroom.core.records import INSTANCE, vault_partition
from strongroom.core.vaults import Vault
from strongroom.egress import Egress, Unreachable
from strongroom.flow.world import World
from strongroom.journal.blobs import FolderFault, append_records
from strongroom.journal.event import timestamp
from strongroom.journal.failures import JournalUnavailable
from strongroom.journal.following import Piece, Place, place_before, read_piece, resume
from strongroom.resources.audit_sinks import forget_positions, keep_position, settings_for
from strongroom.store import StoreFault

T = TypeVar("T")
_logger = logging.getLogger("strongroom.audit")
_TURN_S = 2.0
_PAUSE_S = 1.0
_UNKEPT_LINES = 5000
"""How far a sink may come without being given anything before its position is kept all the same."""
_VAULT_SEGMENTS = 9


class SinkFault(Exception):
    """A sink could not be given something; the text says why, for the operator, and repeats nothing of an answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """What of the journal is for a sink: entries about a vault, from a time on, by callers of its tenant."""

    tenant: str
    since: str


class _Claim(msgspec.Struct):
    tid: str = ""


class _Identity(msgspec.Struct):
    claim: _Claim | None = None


class _About(msgspec.Struct, rename="camel"):
    """What decides for whom a record is."""

    time: str = ""
    resource_id: str = ""
    category: str = ""
    identity: _Identity = field(default_factory=_Identity)


@dataclass(slots=True)
class _Following:
    """A sink that is delivered to."""

    task: asyncio.Task[None] | None = None
    place: Place | None = None
    kept: Place | None = None
    state: SinkState = field(default_factory=SinkState)


class AuditDelivery:
    """What delivers, for one node. `settle` makes it follow what the records say; `close` ends it."""

    def __init__(self, world: World, node: str, egress: Egress) -> None:
        self._world = world
        self._node = node
        self._egress = egress
        self._following: dict[str, _Following] = {}
        self._busy: set[str] = set()
        """The sinks for which a thread is at work, whether or not anybody waits for it still."""

    async def settle(self) -> None:
        """Begin with sinks that a setting names and end with those that none does, forgetting how far they came."""
        wanted = {sink.id: sink for sink in self._world.view.all(AuditSink, INSTANCE) if routes_of(self._world, sink)}
        for sink_id in self._following.keys() - wanted.keys():
            _stop(self._following.pop(sink_id))
        idle = {one.sink for one in self._world.view.all(SinkPosition, INSTANCE) if one.sink not in wanted}
        if idle:
            await self._world.store.commit(lambda tx: forget_positions(tx, idle))
        for sink_id in wanted:
            followed = self._following.setdefault(sink_id, _Following())
            if followed.task is None or followed.task.done():
                followed.task = asyncio.create_task(self._follow(sink_id, followed), name=f"audit sink {sink_id}")

    def state_of(self, sink_id: str) -> SinkState:
        """Say how a sink is doing."""
        followed = self._following.get(sink_id)
        if followed is None:
            return SinkState()
        come = followed.place.seq if followed.place is not None else 0
        behind = max(0, self._world.journal.durable_seq - come)
        return replace(followed.state, is_following=True, lines_behind=behind)

    async def close(self) -> None:
        """End every task. What a thread still writes is written again after the next start."""
        tasks = [_stop(followed) for followed in self._following.values()]
        self._following.clear()
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)

    async def _follow(self, sink_id: str, followed: _Following) -> None:
        """Deliver to one sink until it is stopped."""
        while True:
            try:
                has_more = await self.turn(sink_id, followed)
            except (SinkFault, JournalUnavailable, StoreFault, OSError) as fault:
                self._note_fault(followed, str(fault) if isinstance(fault, SinkFault) else type(fault).__name__)
                failures = min(followed.state.failures, 16)
                await asyncio.sleep(min(audit_limits.AUDIT_SINK_PAUSE_S, _PAUSE_S * 2**failures))
            except Exception as error:  # noqa: BLE001  one sink's surprise must not end its deliveries for good
                self._note_fault(followed, type(error).__name__)
                await asyncio.sleep(audit_limits.AUDIT_SINK_PAUSE_S)
            else:
                await asyncio.sleep(0 if has_more else _TURN_S)

    def _note_fault(self, followed: _Following, fault: str) -> None:
        failures = followed.state.failures + 1
        followed.state = replace(followed.state, fault=fault, failures=failures, waiting_since=None)
        if failures == 1:
            _logger.warning("an audit sink takes nothing: %s; `strongroom audit-sinks status` shows which", fault)

    async def turn(self, sink_id: str, followed: _Following | None = None) -> bool:
        """
        Read one piece of the journal, deliver what is for a sink, and keep how far it came; whether there is more.

        Raises:
            SinkFault: it was not taken; nothing is kept.
        """
        followed = followed or self._following.setdefault(sink_id, _Following())
        world = self._world
        sink = world.view.get(AuditSink, INSTANCE, sink_id)
        if sink is None:
            return False
        # Asked before the routes: whatever is on disk by now was recorded before any setting that they do not know of.
        through = world.journal.durable_seq
        routes = routes_of(world, sink)
        if not routes:
            return False
        kept = followed.place or self._kept_place(sink_id)
        begin = min(route.since for route in routes.values())
        directory, node = world.journal.directory, self._node

        def read() -> tuple[Piece, list[tuple[str, str, bytes]]]:
            place = resume(directory, node, kept) if kept is not None else None
            place = place or place_before(directory, node, begin)
            piece = read_piece(directory, node, place, through=through, limit=audit_limits.AUDIT_SINK_READ_BYTES)
            return piece, select(piece.entries, routes)

        piece, records = await self._in_thread(sink_id, read)
        if records:
            followed.state = replace(followed.state, waiting_since=world.now())
            for batch in batches(records):
                await self._give(sink, batch)
        followed.place = piece.end
        await self._keep(sink_id, followed, delivered=bool(records))
        now = world.now() if records else followed.state.delivered
        followed.state = replace(
            followed.state,
            delivered=now,
            records=followed.state.records + len(records),
            fault=None,
            failures=0,
            waiting_since=None,
        )
        return not piece.is_last

    def _kept_place(self, sink_id: str) -> Place | None:
        kept = self._world.view.get(SinkPosition, INSTANCE, f"{sink_id}/{self._node}")
        return Place(kept.number, kept.offset, kept.seq) if kept is not None else None

    async def _keep(self, sink_id: str, followed: _Following, *, delivered: bool) -> None:
        place = followed.place
        if place is None or place == followed.kept:
            return
        before = followed.kept.seq if followed.kept is not None else 0
        if not delivered and followed.kept is not None and place.seq - before < _UNKEPT_LINES:
            return
        position = SinkPosition(
            f"{sink_id}/{self._node}", sink_id, self._node, place.number, place.offset, place.seq, self._world.now()
        )
        await self._world.store.commit(lambda tx: keep_position(tx, position))
        followed.kept = place

    async def _give(self, sink: AuditSink, records: list[tuple[str, str, bytes]]) -> None:
        if sink.folder:
            try:
                await self._in_thread(sink.id, lambda: append_records(Path(sink.folder), records))
            except FolderFault as fault:
                raise SinkFault(str(fault)) from None
            return
        body = b'{"records":[%b]}' % b",".join(record for _, _, record in records)
        headers = await self._in_thread(sink.id, lambda: prove(sink, body, self._world.now()))
        try:
            await self._egress.deliver(sink.url, body, headers)
        except Unreachable as fault:
            raise SinkFault(str(fault)) from None

    async def _in_thread(self, sink_id: str, work: Callable[[], T]) -> T:
        """
        Do something for a sink in a thread: one at a time, since who makes its setting anew could have more hang.

        Raises:
            SinkFault: one is at work still, which nobody waits for any more.
        """
        if sink_id in self._busy:
            raise SinkFault("what was begun for it before has not come to its end")
        self._busy.add(sink_id)

        def whole() -> T:
            try:
                return work()
            finally:
                self._busy.discard(sink_id)

        return await in_thread(whole)


def routes_of(world: World, sink: AuditSink) -> dict[str, Route]:
    """Say what is for a sink, by the upper-case ARM ids of the vaults."""
    routes: dict[str, Route] = {}
    for setting, since in settings_for(world.view, sink):
        vault = world.view.get(Vault, vault_partition(setting.vault), setting.vault)
        if vault is not None and vault.tenant == sink.tenant and AUDIT_EVENT in setting.categories:
            # A sink that was removed and mapped again is another: it does not begin where the first one did.
            route = Route(vault.tenant, timestamp(max(since, sink.created)))
            routes |= {scope.upper(): route for scope in (vault.scope, *setting.former_scopes)}
    return routes


def select(entries: tuple[bytes, ...], routes: Mapping[str, Route]) -> list[tuple[str, str, bytes]]:
    """
    Pick what is for a sink, each with the ARM id that it is about and its time.

    Who tried something at a vault from another tenant is not that vault's to know, so such a record is not copied.
    """
    picked = []
    for entry in entries:
        try:
            about = msgspec.json.decode(entry, type=_About)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        vault = "/".join(about.resource_id.split("/")[:_VAULT_SEGMENTS])
        route = routes.get(vault)
        if route is None or about.category != AUDIT_EVENT or about.time < route.since:
            continue
        claim = about.identity.claim
        if claim is None or claim.tid == route.tenant:
            picked.append((vault, about.time, entry))
    return picked


def batches(records: list[tuple[str, str, bytes]]) -> list[list[tuple[str, str, bytes]]]:
    """Cut records into batches of a size that a sink is given at a time."""
    cut: list[list[tuple[str, str, bytes]]] = []
    size = audit_limits.AUDIT_SINK_BATCH_BYTES
    for record in records:
        if size >= audit_limits.AUDIT_SINK_BATCH_BYTES:
            cut.append([])
            size = 0
        cut[-1].append(record)
        size += len(record[2])
    return cut


def prove(sink: AuditSink, body: bytes, now: int) -> list[tuple[str, str]]:
    """
    Make the header by which a URL knows that it is us, out of the operator's file as it is now.

    Raises:
        SinkFault: the file cannot be used.
    """
    if sink.proof is SinkProof.NONE:
        return []
    secret = _read_credential(sink.credential_file)
    if sink.proof is SinkProof.BEARER:
        return [("Authorization", f"Bearer {secret.decode('ascii')}")]
    signature = hmac.new(secret, b"%d.%b" % (now, body), hashlib.sha256).hexdigest()
    return [("X-Strongroom-Signature", f"t={now},v1={signature}")]


def _read_credential(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SinkFault(f"its credential file cannot be opened: {error.strerror}") from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
            raise SinkFault("its credential file must be the service's user's alone to read: mode 0600")
        secret = os.read(descriptor, audit_limits.AUDIT_SINK_CREDENTIAL_BYTES + 1)
    finally:
        os.close(descriptor)
    found = secret.strip()
    if (
        not found
        or len(secret) > audit_limits.AUDIT_SINK_CREDENTIAL_BYTES
        or not all(33 <= byte < 127 for byte in found)
    ):
        raise SinkFault(
            f"its credential file must hold one word of at most {audit_limits.AUDIT_SINK_CREDENTIAL_BYTES} visible"
            " characters"
        )
    return found


async def in_thread(work: Callable[[], T]) -> T:
    """
    Do something that may block for ever in a thread that nobody waits for at the end of the process.

    Whoever waits may stop waiting; the thread then ends when the system lets it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(ending: Callable[[], None]) -> None:
        if not future.done():
            ending()

    def run() -> None:
        try:
            ending = partial(future.set_result, work())
        except BaseException as failed:  # noqa: BLE001  it is raised where it is waited for
            ending = partial(future.set_exception, failed)
        # Once the loop has closed nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, ending)

    threading.Thread(target=run, name="audit sink", daemon=True).start()
    return await future


def _stop(followed: _Following) -> asyncio.Task[None] | None:
    if followed.task is not None:
        followed.task.cancel()
    return followed.task
