"""
Backups as requests bring them: up to 64 MiB of JSON and base64url, which would hold the loop for half a second.

A body that is longer than any other has one form, so that it is read in pieces, between which others are served: an
object with the one member `value`, as every client writes it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol, TypeVar

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.flow.call import Call
from strongroom.http import json

T = TypeVar("T")

_PIECE = 256 * 1024
"""Characters that are decoded before others are served, which takes a millisecond; four of them are three bytes."""
_EDGE = 64
_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"value"[ \t\r\n]*:[ \t\r\n]*"')
_TAIL = re.compile(rb'"[ \t\r\n]*\}[ \t\r\n]*')


class RestoreParameters(Protocol):
    """The body of a restore."""

    value: str | None


async def read_blob(call: Call, kind: type[RestoreParameters], decode: Callable[[str], bytes]) -> bytes:
    """
    Read the sealed backup out of a request's body; *decode* reads base64url.

    Raises:
        Invalid: the body is not of the form of *kind*, or its value is not base64url.
        TooLarge, TimedOut: see `Request.receive_body`.
        Failure: what the steps say once it is read.
    """
    body = await call.raw_body()
    if len(body) <= limits.BODY_BYTES:
        return decode(json.decode(body, kind).value or "")
    begin, end = _edges_of_value(body)
    blob = bytearray()
    for at in range(begin, end, _PIECE):
        piece = body[at : min(at + _PIECE, end)]
        if b"=" in piece and (at + _PIECE < end or b"=" in piece[:-2]):
            raise _not_plain()
        try:
            text = piece.decode("ascii")
        except UnicodeDecodeError:
            raise _not_plain() from None
        blob += decode(text)
        # Whoever waits is served between two pieces.
        await asyncio.sleep(0)
    call.judge_again()
    return bytes(blob)


async def opened(read: Callable[[bytes], T], blob: bytes) -> T:
    """Have a backup opened, a large one on a thread, since its decryption lets go of the interpreter."""
    return read(blob) if len(blob) <= limits.BODY_BYTES else await asyncio.to_thread(read, blob)


def _edges_of_value(body: bytes) -> tuple[int, int]:
    """Say where the text of the one member begins and ends; what is between them is for the decoder to judge."""
    head = _HEAD.match(body, 0, _EDGE)
    quote = body.rfind(b'"', len(body) - _EDGE)
    if head is None or quote < head.end() or _TAIL.fullmatch(body, quote) is None:
        raise _not_plain()
    return head.end(), quote


def _not_plain() -> Invalid:
    return Invalid(
        f"A request body of more than {limits.BODY_BYTES} bytes must be a JSON object with nothing but the member"
        " 'value', which is base64url.",
        code="BadParameter",
    )
