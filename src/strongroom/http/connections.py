"""
Keeps room for connections: whoever opens them and says nothing must not keep out those who ask.

The web server has no limit on connections and none on silence after the handshake, and once the process has no
descriptor left its accept loop turns without end and finishes no handshake, so that the service stays dead when the
client is long gone. So a thread beside it looks at the process's descriptors: it ends what is silent too long, and
when there are too many, what is of least use.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import resource
import socket
import stat
import struct
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from strongroom.core import limits

Peer = tuple[str, int]
"""A client's address and port; of a client at a Unix socket, which has neither, the connection's own number."""
Place = tuple[str, int] | str
"""A listener's address and port, with no address where it has every one; or the path of its Unix socket."""

_log = logging.getLogger(__name__)

_FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
_LOOK_S = 0.5
_LOOK_CROWDED_S = 0.05
_CENSUS_S = 5.0
"""How often every connection is looked at while there is room; only their number is taken more often."""
_CENSUS_REST = 9
"""For how many times as long as the last census took there is none because of connections that were given up."""
_CROWDED, _ROOMY = 0.8, 0.6
"""Above the first share of the limit connections are ended until there are less than the second."""
_OPEN_MAX = 10_240
"""<sys/syslimits.h> of macOS: the most that may be set there, although the hard limit says unlimited."""
_CROWD_S = 2.0
"""How long nobody is let in at most, at a time."""
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
"""<asm-generic/socket.h>"""
_BPF_RETURN = 0x06
"""<linux/bpf_common.h>: BPF_RET with a constant; none of the packet is let through."""


@dataclass(frozen=True, slots=True)
class DescriptorLimit:
    """How many descriptors the process works with, and how many it can have for a moment to get out of a crowd."""

    working: int
    ceiling: int

    @property
    def backlog(self) -> int:
        """
        Connections that may wait to be accepted at each listener.

        All of them must find room between *working* and *ceiling*, also while a renewed listener is there twice.
        """
        return max(8, min(1024, (self.ceiling - self.working) // 4))


def raise_descriptor_limit() -> DescriptorLimit:
    """
    Raise the soft limit of open files towards the hard one, and keep a quarter of it back.

    The web server cannot leave its accept loop without a free descriptor: the quarter is what it is then given.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, limits.OPEN_FILES)
    for ceiling in (wanted, min(wanted, _OPEN_MAX)):
        try:
            _set_soft_limit(ceiling)
        except (OSError, ValueError):
            # The kernel may have a limit below the hard one, as macOS does.
            continue
        limit = DescriptorLimit(ceiling - ceiling // 4, ceiling)
        _set_soft_limit(limit.working)
        return limit
    return DescriptorLimit(soft - soft // 4, soft)


def _set_soft_limit(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def place_at(address: str, port: int) -> Place:
    """Say where a listener is that is to have *address*, as its connections say it."""
    parsed = ip_address(address)
    return ("" if parsed.is_unspecified else str(parsed).partition("%")[0], port)


class Requests:
    """
    When each client of one listener last asked, and whether it was ever answered. Written by the event loop.

    Of a Unix socket's clients it knows nothing, since they have no names: their connections only grow old.
    """

    __slots__ = ("_given_up", "_last", "place")

    def __init__(self) -> None:
        self.place: Place | None = None
        """Where it listens, once it does."""
        self._last: OrderedDict[Peer, tuple[float, bool]] = OrderedDict()
        self._given_up: dict[Peer, float] = {}

    def asked(self, peer: Peer) -> None:
        """Note that a request began."""
        if self._given_up:
            # The server had ended that connection by itself, and the client has made another from the same port.
            self._given_up.pop(peer, None)
        _, answered = self._last.get(peer, (0.0, False))
        # Never taken out to be put at the end: the watch would see a client that never asked.
        self._last[peer] = time.monotonic(), answered
        self._last.move_to_end(peer)
        if len(self._last) > limits.OPEN_FILES:
            # There are never as many connections: who said nothing for longest is gone.
            self._last.popitem(last=False)

    def answered(self, peer: Peer) -> None:
        """Note that it was answered."""
        self._last[peer] = time.monotonic(), True

    def give_up(self, peer: Peer) -> None:
        """
        Note that nothing more is expected of a connection: it ends, by itself or by the watch.

        The web server may leave one open, said to be closed or not, whose request's body never came to its end.
        """
        self._given_up[peer] = time.monotonic()

    def given_up(self, peer: Peer) -> float | None:
        """Tell when a connection was given up, or None."""
        return self._given_up.get(peer)

    def has_due(self, now: float) -> bool:
        """Whether a connection was given up long enough ago."""
        # The first that was given up is the first to be due.
        oldest = next(iter(self._given_up.values()), None)
        return oldest is not None and now - oldest > limits.ANSWER_LEAVES_S

    def last(self, peer: Peer) -> tuple[float, bool] | None:
        """Tell when a client last began or ended a request, and whether one was answered."""
        return self._last.get(peer)

    def keep(self, peers: set[Peer], before: float) -> None:
        """Forget those who are not connected any more and said nothing since *before*."""
        for peer, (last, _) in list(self._last.items()):
            if peer not in peers and last < before:
                self._last.pop(peer, None)
        for peer in list(self._given_up):
            if peer not in peers:
                self._given_up.pop(peer, None)


@dataclass(frozen=True, slots=True)
class _Connection:
    number: int
    """Its descriptor. It may have become another's since: nothing is done to it without asking who it is."""
    place: Place
    """Our end of it."""
    listener: Requests
    peer: Peer
    seen: float
    last: float | None
    """Its last request's time, if there was one."""
    answered: bool
    given_up: float | None

    def is_silent(self, now: float, idle_s: float, first_request_s: float) -> bool:
        if self.given_up is not None:
            return now - self.given_up > limits.ANSWER_LEAVES_S
        if self.last is None:
            return now - self.seen > first_request_s
        return now - self.last > idle_s

    def usefulness(self) -> tuple[bool, float, int]:
        """Order connections by who goes first: those never answered, then the longest open."""
        return self.answered, self.seen, self.number


class Watch:
    """
    Ends connections that are silent, and the least useful ones when there are too many.

        made --start()--> watching --stop()--> stopped

    It is a thread because the event loop may be what has to be freed, and it opens nothing, because there may be no
    descriptor left.
    """

    def __init__(
        self,
        listeners: Sequence[Requests],
        limit: DescriptorLimit,
        *,
        idle_s: float = limits.CONNECTION_IDLE_S,
        first_request_s: float = limits.FIRST_REQUEST_S,
    ) -> None:
        self._listeners = tuple(listeners)
        self._limit = limit
        self._idle_s, self._first_request_s = idle_s, first_request_s
        self._census_s = min(_CENSUS_S, idle_s / 4, first_request_s / 4)
        self._next_census = 0.0
        self._census_rests_until = 0.0
        self._seen: dict[tuple[int, Peer], float] = {}
        self._crowded_since: float | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._null = self._slot = -1

    def add(self, listener: Requests) -> None:
        """Look at one more listener's connections."""
        # Made anew, since the thread may be going through it.
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Requests) -> None:
        """Look at a listener's connections no longer."""
        self._listeners = tuple(one for one in self._listeners if one is not listener)

    def start(self) -> None:
        """
        Begin to watch.

        Raises:
            OSError: there is no descriptor left already.
        """
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._slot = os.dup(self._null)
        self._limit_waiting(_open_descriptors())
        self._thread = threading.Thread(target=self._run, name="connections", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        if self._thread is None:
            return
        self._stopped.set()
        self._thread.join()
        self._thread = None
        for number in (self._slot, self._null):
            if number >= 0:
                os.close(number)

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_S if self._crowded_since is None else _LOOK_CROWDED_S):
            try:
                self._look(time.monotonic())
            except OSError:
                # One look that fails must not be the last one.
                _log.exception("the connections could not be looked at")

    def _look(self, now: float) -> None:
        numbers = list(_open_descriptors())
        working = self._limit.working
        since = self._crowded_since
        if since is None and len(numbers) > working * _CROWDED:
            self._crowded_since = now
            _log.warning("too many connections: %d descriptors are open, connections are ended", len(numbers))
            self._shut_doors(numbers)
            self._make_room(numbers, now)
        elif since is not None and (len(numbers) < working * _ROOMY or now - since > _CROWD_S):
            self._crowded_since = None
            _set_soft_limit(working)
            self._open_doors(numbers)
        elif since is not None:
            self._make_room(numbers, now)
        elif now >= self._next_census or (
            now >= self._census_rests_until and any(listener.has_due(now) for listener in self._listeners)
        ):
            self._limit_waiting(numbers)
            for connection in self._census(numbers, now):
                if connection.is_silent(now, self._idle_s, self._first_request_s):
                    self._end(connection)

    def _make_room(self, numbers: Sequence[int], now: float) -> None:
        connections = sorted(self._census(numbers, now), key=_Connection.usefulness)
        surplus = len(numbers) - int(self._limit.working * _ROOMY) + 1
        for connection in connections[:surplus]:
            self._end(connection)
        # With the doors shut the server now accepts all that wait, finds nobody else, and turns to those that ended.
        _set_soft_limit(self._limit.ceiling)

    def _census(self, numbers: Iterable[int], now: float) -> list[_Connection]:
        """Find the connections to our listeners, and forget what is known of those that are gone."""
        self._next_census = now + self._census_s
        begun = time.monotonic()
        by_place = {listener.place: listener for listener in self._listeners if listener.place}
        found = []
        for number in numbers:
            with self._socket(number) as held:
                named = _ends(held) if held is not None else None
            if named is None:
                continue
            place, peer = named
            # The system gives a connection to the listener of its very address before that of every address.
            listener = by_place.get(place) or by_place.get(place if isinstance(place, str) else ("", place[1]))
            if listener is None:
                continue
            seen = self._seen.get((number, peer), now)
            last, answered = listener.last(peer) or (seen if isinstance(place, str) else None, False)
            found.append(_Connection(number, place, listener, peer, seen, last, answered, listener.given_up(peer)))
        self._seen = {(connection.number, connection.peer): connection.seen for connection in found}
        for listener in by_place.values():
            listener.keep({connection.peer for connection in found if connection.listener is listener}, now)
        # Where there are many connections a census holds up everyone else: it takes a tenth of the time at most.
        done = time.monotonic()
        self._census_rests_until = done + (done - begun) * _CENSUS_REST
        return found

    def _end(self, connection: _Connection) -> None:
        with self._socket(connection.number) as held:
            if held is not None and _ends(held) == (connection.place, connection.peer):
                # The server sees the end of the connection and frees what is its own: to close it here would be to
                # give away a number that it still uses.
                with contextlib.suppress(OSError):  # The client was faster.
                    held.shutdown(socket.SHUT_RDWR)

    def _shut_doors(self, numbers: Iterable[int]) -> None:
        """
        Let nobody in for a moment: whoever connects tries again (RFC 9293, 3.8.1), and who waits already stays.

        A Unix socket's door stays open, since no filter shuts it; its connections are the first to be ended.
        """
        for held in self._listening(numbers):
            if sys.platform == "linux":
                # A filter that drops every packet to the listening socket: no connection can be made (socket(7)).
                drop = ctypes.create_string_buffer(struct.pack("=HBBI", _BPF_RETURN, 0, 0, 0))
                held.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(drop)))
            else:
                held.listen(1)

    def _open_doors(self, numbers: Iterable[int]) -> None:
        for held in self._listening(numbers):
            if sys.platform == "linux":
                # One that was opened since has none.
                with contextlib.suppress(FileNotFoundError):
                    held.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            else:
                held.listen(self._limit.backlog)

    def _limit_waiting(self, numbers: Iterable[int]) -> None:
        """Limit how many connections wait, also at a listener that is new: the server itself takes no less than 128."""
        for held in self._listening(numbers):
            held.listen(self._limit.backlog)

    def _listening(self, numbers: Iterable[int]) -> Iterator[socket.socket]:
        places = {listener.place for listener in self._listeners if isinstance(listener.place, tuple)}
        for number in numbers:
            with self._socket(number) as held:
                if held is not None and held.family != socket.AF_UNIX and _listens(held) in places:
                    yield held

    @contextlib.contextmanager
    def _socket(self, number: int) -> Iterator[socket.socket | None]:
        """
        Hold the socket behind a descriptor, so that it stays that socket while it is asked and told.

        The duplicate takes the place of one that is held for it, which works when there is no descriptor left.
        """
        if self._slot < 0 or number in {self._slot, self._null} or not _is_socket(number):
            yield None
            return
        try:
            os.dup2(number, self._slot, inheritable=False)
        except OSError:
            yield None
            return
        if not _is_socket(self._slot):
            # The number was given to a file since it was looked at. To close a duplicate of SQLite's would end its
            # locks (fcntl(2)), so this one stays open for ever.
            self._slot = -1
            self._slot = os.dup(self._null)
            yield None
            return
        held = socket.socket(fileno=self._slot)
        try:
            yield held if held.family in {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX} else None
        finally:
            held.detach()
            os.dup2(self._null, self._slot, inheritable=False)


def _open_descriptors() -> Iterable[int]:
    """List the open descriptors, also where there is none left to read the list with."""
    try:
        return [int(name) for name in os.listdir(_FOLDER)]  # noqa: PTH208  names are all that is wanted
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
    return [number for number in range(resource.getrlimit(resource.RLIMIT_NOFILE)[0]) if _is_open(number)]


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def _ends(held: socket.socket) -> tuple[Place, Peer] | None:
    """Name our address and port, or path, and the peer of an accepted connection; None for anything else."""
    try:
        if held.family == socket.AF_UNIX:
            held.getpeername()
            return os.fsdecode(held.getsockname()), ("", os.fstat(held.fileno()).st_ino)
        address, port = held.getpeername()[:2]
        ours, our_port = held.getsockname()[:2]
        return (ours.partition("%")[0], our_port), (address.partition("%")[0], port)
    except OSError:
        # It listens, or it is no connection any more.
        return None


def _listens(held: socket.socket) -> Place | None:
    """Give the place of a socket that listens; None for anything else."""
    try:
        listens = held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        address, port = held.getsockname()[:2]
    except OSError:
        return None
    return place_at(address, port) if listens else None
