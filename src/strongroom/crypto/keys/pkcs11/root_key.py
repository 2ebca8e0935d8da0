"""
The instance's root key, wrapped by a key that a token keeps.

A worker is asked once, at the start, and ends. The root key is in this process's memory from then on, as one from a
file is; what lies on disk opens nothing without the token and its PIN. The file, after its header, in MessagePack:

    the token's serial number, its label, the label of the key that wraps, the wrapped root key (RFC 3394)
"""

from __future__ import annotations

import os
import socket

import msgspec

from strongroom.crypto.keys.pkcs11 import refusals, wire
from strongroom.crypto.keys.pkcs11.process import COMMAND
from strongroom.crypto.keys.pkcs11.workers import TokenSettings, TokenUnusable
from strongroom.crypto.process import start_child
from strongroom.crypto.protocol import RootKeyUnusable

HEADER = b"strongroom root key in a token 1\n"


class PinRefused(RootKeyUnusable):
    """The token refused the PIN. Each further try with the same one brings the token nearer to locking itself."""


class _File(msgspec.Struct, array_like=True, frozen=True):
    serial: str
    token: str
    label: str
    wrapped: bytes


def token_of(content: bytes) -> str:
    """
    Name the token that a root key's file needs.

    Raises:
        RootKeyUnusable: it is no such file.
    """
    return _read(content).token


def wrap_root_key(settings: TokenSettings, root_key: bytes) -> bytes:
    """
    Give the content of a file for a new root key, wrapped by a new key of the token.

    Raises:
        PinRefused: the token refused the PIN.
        RootKeyUnusable: the token cannot be used.
    """
    label = f"strongroom root key {os.urandom(8).hex()}"
    token, _, wrapped = _ask(settings, wire.EnsureWrapKey(label), wire.WrapBytes(label, root_key))
    if not isinstance(token, wire.Started) or not isinstance(wrapped, wire.Octets):
        raise RootKeyUnusable("the root key cannot be wrapped by the token")
    return HEADER + msgspec.msgpack.encode(_File(token.serial, token.label, label, wrapped.value))


def unwrap_root_key(settings: TokenSettings, content: bytes) -> bytes:
    """
    Have the token open a root key's file.

    Raises:
        PinRefused: the token refused the PIN.
        RootKeyUnusable: the token cannot be used, or is another.
    """
    file = _read(content)
    token, key = _ask(settings, wire.UnwrapBytes(file.label, file.wrapped))
    if not isinstance(token, wire.Started) or token.serial != file.serial:
        raise RootKeyUnusable(
            f"the root key is wrapped by a key in the token {file.token} ({file.serial}), not in this one"
        )
    if not isinstance(key, wire.Octets):
        raise RootKeyUnusable(f"the token {file.token} does not open the root key")
    return key.value


def _read(content: bytes) -> _File:
    if not content.startswith(HEADER):
        raise RootKeyUnusable("this is no root key that a token has wrapped")
    try:
        return msgspec.msgpack.decode(content[len(HEADER) :], type=_File)
    except msgspec.MsgspecError:
        raise RootKeyUnusable("the root key's file is damaged: restore it from its backup") from None


def _ask(settings: TokenSettings, *questions: wire.Question) -> list[wire.Answer]:
    """
    Have a worker of its own answer, the start included.

    Raises:
        RootKeyUnusable: it does not.
    """
    try:
        start = wire.Start(str(settings.module), settings.token, settings.read_pin())
    except TokenUnusable as fault:
        raise RootKeyUnusable(str(fault)) from None
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = start_child(COMMAND, theirs)
        try:
            ours.settimeout(settings.timeout_s)
            return [_exchange(ours, question, settings) for question in (start, *questions)]
        except (OSError, EOFError, msgspec.MsgspecError):
            raise RootKeyUnusable(
                "the token (HSM) that wraps the root key cannot be reached, and nothing opens without it"
            ) from None
        finally:
            process.kill()
            process.wait()


def _exchange(worker: socket.socket, question: wire.Question, settings: TokenSettings) -> wire.Answer:
    worker.sendall(wire.frame(question))
    (length,) = wire.LENGTH.unpack(_receive(worker, wire.LENGTH.size))
    answer: wire.Answer = wire.decode_answer(_receive(worker, min(length, wire.MESSAGE_BYTES_MAX)))
    if isinstance(answer, wire.Refused) and answer.kind == refusals.PIN:
        raise PinRefused(
            f"the token (HSM) that wraps the root key refused the PIN in {settings.pin_file} ({answer.name}), and"
            " nothing opens without it"
        )
    if isinstance(answer, wire.Refused):
        raise RootKeyUnusable(
            f"the token (HSM) that wraps the root key refuses: {answer.text} ({answer.name}). Nothing opens without it"
        )
    return answer


def _receive(worker: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        part = worker.recv(size - len(received))
        if not part:
            raise EOFError
        received += part
    return bytes(received)
