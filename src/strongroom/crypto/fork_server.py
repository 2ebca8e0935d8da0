"""
The process that forks for work: `python -m strongroom.crypto.fork_server`. `forks` says what it is for.

    stdin:      a socket, over which the service hands on one socket for each question; at its end, this ends
    question:   which work (1 byte), its seconds (1), and what the work takes, until its end
    answer:     what the work gives, if it ends well, then its status (2): 0 and the status, or 1 and the signal
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping

from strongroom.crypto.certificates import bundles, pkcs12, revocation_lists
from strongroom.crypto.forks import HEAD_BYTES, WALL_FACTOR, Work
from strongroom.crypto.keys import material
from strongroom.crypto.process import end_with_parent, protect_process

MEMORY_BYTES = 1 << 30
_PIECE = 65_536

WORKS: Mapping[int, Callable[[bytes], bytes]] = {
    Work.READ_KEY: material.answer,
    Work.OPEN_PKCS12: pkcs12.answer,
    Work.CONVERT: bundles.answer,
    Work.BUILD_LIST: revocation_lists.answer,
    Work.OPEN_KEY: pkcs12.answer_of_key,
}


def main() -> None:
    """Fork for each question until there are no more."""
    protect_process()
    # What interrupts the service at a terminal is for the service to answer, which may still need this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody waits for those that wait for the work.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    here = os.getpid()
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as service:
        # No fork has it: one that a file has broken would be handed the next one's question. Nor does one that lives on
        # after this process keep the service from noticing that it has ended.
        _close_input()
        while True:
            _, handed, _, _ = socket.recv_fds(service, 1, 1)
            if not handed:
                return
            with socket.socket(fileno=handed[0]) as asker:
                if os.fork() == 0:
                    service.close()
                    _alone(lambda: _see_to(asker, here))


def _see_to(asker: socket.socket, server: int) -> None:
    """Have the work done in a fork, and say how that ended."""
    end_with_parent(server)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    here = os.getpid()
    worker = os.fork()
    if worker == 0:
        _alone(lambda: _work(asker, here))
    _, status = os.waitpid(worker, 0)
    by_signal = os.WIFSIGNALED(status)
    asker.sendall(bytes((by_signal, os.WTERMSIG(status) if by_signal else os.WEXITSTATUS(status))))


def _work(asker: socket.socket, parent: int) -> None:
    end_with_parent(parent)
    question = bytearray()
    while piece := asker.recv(_PIECE):
        question += piece
    work, seconds = question[:HEAD_BYTES]
    _limit(seconds)
    # Nothing handles it, so the system ends the process, whatever a library is at.
    signal.alarm(seconds * WALL_FACTOR)
    asker.sendall(WORKS[work](bytes(question[HEAD_BYTES:])))


def _limit(seconds: int) -> None:
    """Take so many seconds of a processor, and so much memory where the system lets it be limited."""
    # The first limit ends it by SIGXCPU; at the second it would be SIGKILL, which others send too.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if sys.platform != "darwin":
        # macOS refuses a limit below what it has mapped for itself into every process, which is hundreds of gigabytes.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _close_input() -> None:
    """Let standard input be nothing. It stays open: whatever is opened next would get its number."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)


def _alone(work: Callable[[], None]) -> None:
    """Do *work* and end this fork, which must not go on with what its parent was at."""
    try:
        work()
    except BaseException:  # noqa: BLE001  whatever it is, also what a library panics with; nobody may read it
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
