"""
Work in processes of its own, from the service's side: what would hold the interpreter, and what nobody can interrupt.

    Forks.ask ──> fork server (started when it is first needed, ended when it rests)
                    └── fork: waits for ──> fork: the work, with so much of a processor, of time and of memory

That the factors of an RSA key are prime is looked at for 50 ms (2048 bits) to 400 ms (4096), all that time with the
interpreter's lock held, so that no request is answered; and a PKCS#12 file says itself how often its password is
hashed. The server has the libraries loaded and reads nothing of what is asked: each question goes, over a socket that
is handed on, to a fork of its own, which ends with the answer. So no private part is in an argument, an environment or
a file, or stays in a process that lives on; and a file that breaks a library breaks nothing else.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from enum import IntEnum

from strongroom.core.errors import Unavailable
from strongroom.crypto.process import start_child

COMMAND = (sys.executable, "-P", "-m", "strongroom.crypto.fork_server")
"""`-P`: nothing is imported from wherever the service was started."""
WALL_FACTOR = 4
"""How many times its seconds of a processor work may take on a machine that has much else to do."""
HEAD_BYTES = 2
"""In front of a question: which work it is, and its seconds."""
STATUS_BYTES = 2
"""After an answer: whether a signal ended the work, and which one, or its status."""
_BY_MACHINE = frozenset({signal.SIGKILL, signal.SIGALRM})
"""Signals that say nothing of the work: whoever needed its memory sent them, or it had no processor in its time."""
_RETRY_AFTER_S = 2
_PIECE = 65_536
_RESTS_AFTER_S = 60.0


class Work(IntEnum):
    """What is done in a fork: `fork_server` says by what."""

    READ_KEY = 1
    OPEN_PKCS12 = 2
    CONVERT = 3
    BUILD_LIST = 4
    OPEN_KEY = 5


class WorkEnded(Exception):
    """
    The work has ended without an answer.

    Attributes:
        is_costly: it used up its time of a processor; otherwise it failed, or broke the library.
    """

    def __init__(self, *, is_costly: bool) -> None:
        super().__init__("too costly" if is_costly else "failed")
        self.is_costly = is_costly


class Forks:
    """Processes for work that is not done in this one. How many there are at once, the pools decide that ask."""

    __slots__ = ("__weakref__", "_lock", "_server", "_used_at")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._used_at = 0.0

    def ask(self, work: Work, question: bytes, seconds: int) -> bytes:
        """
        Have *work* done, with so many *seconds* of a processor, and give its answer. It is for a thread.

        Raises:
            WorkEnded: there is none.
            Unavailable: the machine did not let it be done now.
        """
        question = bytes((work, seconds)) + question
        # One that has ended meanwhile, by itself or with what it was asked, is replaced; of two in a row the fault is
        # no accident.
        for _ in range(2):
            server = self._begin()
            try:
                answer = server.ask(question, (seconds + 1) * WALL_FACTOR)
            except TimeoutError:
                # The fork ends itself by then, so the machine is at fault, or the server hangs. Nobody waits for it.
                self._replace(server)
                raise _unfinished() from None
            if answer is not None:
                by_signal, status = answer[-STATUS_BYTES:]
                if by_signal and status in _BY_MACHINE:
                    raise _unfinished()
                if status:
                    raise WorkEnded(is_costly=by_signal == 1 and status == signal.SIGXCPU)
                return answer[:-STATUS_BYTES]
            self._replace(server)
        msg = "the process that checks keys and opens files does not run"
        raise RuntimeError(msg)

    def rest(self, after_s: float = _RESTS_AFTER_S) -> bool:
        """End the server, whose libraries take some memory, if nobody has needed it for so long; say whether it did."""
        if self._server is None or time.monotonic() - self._used_at < after_s:
            return False
        self.end()
        return True

    def end(self) -> None:
        """End the server. Who asks afterwards starts another one."""
        if (server := self._server) is not None:
            self._replace(server)

    def _begin(self) -> _Server:
        with self._lock:
            self._used_at = time.monotonic()
            if self._server is None:
                self._server = _Server()
            return self._server

    def _replace(self, server: _Server) -> None:
        with self._lock:
            if self._server is server:
                self._server = None
        server.end()


class _Server:
    """A fork server's process. It ends when its socket closes, so with this process too, however that ends."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = start_child(COMMAND, theirs)
        self.pid = process.pid
        self._ours = ours
        self.end = weakref.finalize(self, _end, ours, process)
        """End it."""

    def ask(self, question: bytes, wall_s: float) -> bytes | None:
        """
        Give an answer with its status; None if nothing has come of the question.

        Raises:
            TimeoutError: nor has the fork ended.
        """
        here, there = socket.socketpair()
        with here, there:
            here.settimeout(wall_s)
            try:
                socket.send_fds(self._ours, [b"\0"], [there.fileno()])
                there.close()
                here.sendall(question)
                here.shutdown(socket.SHUT_WR)
                answer = bytearray()
                while piece := here.recv(_PIECE):
                    answer += piece
            except TimeoutError:  # It is an OSError.
                raise
            except OSError:
                return None
        return bytes(answer) if len(answer) >= STATUS_BYTES else None


def _unfinished() -> Unavailable:
    return Unavailable(
        "The service could not finish this in time. Try again later.",
        reason="unfinished fork",
        headers=(("Retry-After", str(_RETRY_AFTER_S)),),
    )


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    # It would end by itself, unless it hangs; whoever ends it is not to wait for that.
    process.kill()
    process.wait()
