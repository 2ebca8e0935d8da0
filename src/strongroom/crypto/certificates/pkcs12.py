"""
PKCS#12 files (RFC 7292) and encrypted keys in PKCS#8 (RFC 5958), opened in a process of their own.

Such a file says how often its password is to be hashed, some of that only once its outer layer is decrypted, and the
library cannot be interrupted. So what opens it may use so much of a processor and of memory, and then ends; there its
key is checked too, with which no other thread runs.

    question:  whether there is a password (1 byte), its length (2), the password, the file
    answer:    what came of it (1), the key in PKCS#8 or nothing, then each certificate, the key's own first:
               length (4), DER
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from strongroom.core import certificate_limits as limits
from strongroom.crypto.forks import Forks, Work

_OPENED, _WRONG, _UNSUPPORTED = b"\0", b"\1", b"\2"


class NoFile(Exception):
    """The password is wrong, or it is no such file."""


class UnsupportedFile(Exception):
    """It has what the library does not support."""


def open_file(forks: Forks, octets: bytes, password: str | None) -> tuple[bytes, list[bytes]]:
    """
    Give the key in PKCS#8, or nothing, and the certificates in DER. It is for a thread.

    Raises:
        NoFile, UnsupportedFile: it cannot be opened.
        WorkEnded: it costs too much.
    """
    private, *certificates = _asked(forks, Work.OPEN_PKCS12, octets, password)
    return private, certificates


def open_key(forks: Forks, octets: bytes, password: str) -> bytes:
    """
    Give an encrypted key in PKCS#8, decrypted. It is for a thread.

    Raises:
        NoFile, UnsupportedFile: it cannot be opened.
        WorkEnded: it costs too much.
    """
    (private,) = _asked(forks, Work.OPEN_KEY, octets, password)
    return private


def _asked(forks: Forks, work: Work, octets: bytes, password: str | None) -> list[bytes]:
    secret = (password or "").encode("utf-8", "replace")
    question = bytes((password is not None, *len(secret).to_bytes(2, "big"))) + secret + octets
    answer = forks.ask(work, question, limits.IMPORT_CPU_S)
    if answer[:1] == _UNSUPPORTED:
        raise UnsupportedFile
    if answer[:1] != _OPENED:
        raise NoFile
    return _parts(answer[1:])


def answer(question: bytes) -> bytes:
    """Open a file: for `fork_server`."""
    return _answer(question, _parts_of_file)


def answer_of_key(question: bytes) -> bytes:
    """Open an encrypted key: for `fork_server`."""
    return _answer(question, _parts_of_key)


def _parts_of_file(octets: bytes, password: bytes | None) -> list[bytes]:
    opened = pkcs12.load_pkcs12(octets, password)
    key, first = opened.key, [opened.cert] if opened.cert is not None else []
    parts = [key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) if key is not None else b""]
    return parts + [one.certificate.public_bytes(Encoding.DER) for one in (*first, *opened.additional_certs)]


def _parts_of_key(octets: bytes, password: bytes | None) -> list[bytes]:
    key = load_der_private_key(octets, password)
    return [key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())]


def _answer(question: bytes, opened: Callable[[bytes, bytes | None], list[bytes]]) -> bytes:
    length = int.from_bytes(question[1:3], "big")
    password, octets = question[3 : 3 + length], question[3 + length :]
    try:
        parts = opened(octets, password if question[0] else None)
    except UnsupportedAlgorithm:
        return _UNSUPPORTED
    except BaseException:  # noqa: BLE001  whatever the library meets in such a file, even where it gives up altogether
        return _WRONG
    return _OPENED + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _parts(octets: bytes) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(octets):
        length = int.from_bytes(octets[at : at + 4], "big")
        parts.append(octets[at + 4 : at + 4 + length])
        at += 4 + length
    return parts
