"""
The process that holds the vendor's library: `python -m strongroom.crypto.keys.pkcs11.worker`.

It answers one question at a time over the socket that is its standard input, and ends when that closes, when the token
is lost, or when its parent does. It has no other descriptor of the service's, writes nothing anywhere, and leaves no
core dump.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from strongroom.crypto.keys.pkcs11 import refusals, wire
from strongroom.crypto.keys.pkcs11.operations import Operations
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal
from strongroom.crypto.process import end_with_parent, protect_process


def main() -> None:
    """Answer questions until there are no more."""
    protect_process()
    # What interrupts the service at a terminal is for the service to answer, which lets what is under way end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(os.getppid())
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as service:
        start = _ask(service)
        if not isinstance(start, wire.Start):
            return
        try:
            operations = Operations(start)
        except TokenRefusal as refusal:
            service.sendall(wire.frame(wire.Refused(refusal.kind, refusal.text, refusal.name)))
            return
        del start
        service.sendall(wire.frame(operations.describe()))
        while (asked := _ask(service)) is not None:
            answer = operations.answer(asked)
            service.sendall(wire.frame(answer))
            if isinstance(answer, wire.Refused) and answer.kind in {refusals.GONE, refusals.PIN}:
                return


def _ask(service: socket.socket) -> wire.Question | None:
    """Wait for the next question; None when there will be none."""
    head = _receive(service, wire.LENGTH.size)
    if head is None:
        return None
    (length,) = wire.LENGTH.unpack(head)
    body = _receive(service, length) if length <= wire.MESSAGE_BYTES_MAX else None
    return None if body is None else wire.decode_question(body)


def _receive(service: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        part = service.recv(size - len(received))
        if not part:
            return None
        received += part
    return bytes(received)


if __name__ == "__main__":
    main()
