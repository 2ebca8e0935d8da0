"""
Read HTTP/1.1 requests strictly and hand them on unchanged.

The relay has to see each request's host, since what it decrypted for one name must not be answered as another. Two
parsers stand in a row then, ours and the service's, and whatever they could read differently would be a way past ours.
So only one form is let through: no folded lines, no bare line feed, one Host, one length, no chunk extensions, no
trailers (RFC 9112 sections 2.2, 5.1, 6.3 and 7.1, and 11.2 for what goes wrong otherwise).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

HEAD_BYTES = 64 * 1024
"""More than the service's own limit, so that it is the service that answers 431."""
_CHUNK_LINE_BYTES = 18
_PIECE_BYTES = 64 * 1024

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class Malformed(Exception):
    """What came is no request that only one reading is possible of. `status` is what to answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestHead:
    """One request's head: the bytes as they came, and what they say."""

    raw: bytes
    method: str
    target: str
    fields: tuple[tuple[bytes, bytes], ...]
    """Names in lower case, values without the space around them."""
    length: int | None
    """The body's length, or None if it comes in chunks."""

    def values(self, name: bytes) -> list[bytes]:
        """Give the values of every field of that name, in lower case."""
        return [value for field, value in self.fields if field == name]


async def read_head(reader: asyncio.StreamReader) -> RequestHead | None:
    """
    Read a request's head, or None if the client is done.

    Raises:
        Malformed: see the module.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Malformed("the connection ended within a request") from None
        return None
    except asyncio.LimitOverrunError:
        raise Malformed("the request's head is too large", 431) from None
    return parse_head(raw)


def parse_head(raw: bytes) -> RequestHead:
    """
    Parse a request's head, the empty line included.

    Raises:
        Malformed: see the module.
    """
    if len(raw) > HEAD_BYTES:
        raise Malformed("the request's head is too large", 431)
    line, *lines = raw[:-4].split(b"\r\n")
    start = _REQUEST_LINE.fullmatch(line)
    if start is None:
        # The preface of HTTP/2 is a well-formed line of a version that was not agreed on.
        raise Malformed("HTTP/1.1 only", 505) if line == b"PRI * HTTP/2.0" else Malformed("no request line")
    fields = tuple(map(_parse_field, lines))
    chunked = start[3] == b"1" and _is_chunked(fields)
    head = RequestHead(
        raw=raw,
        method=start[1].decode("ascii"),
        target=start[2].decode("latin-1"),
        fields=fields,
        length=None if chunked else _content_length(fields),
    )
    if chunked and head.values(b"content-length"):
        raise Malformed("a length and chunks at once")
    if head.values(b"transfer-encoding") and not chunked:
        raise Malformed("a transfer encoding other than chunked", 501)
    return head


async def read_body(reader: asyncio.StreamReader, head: RequestHead) -> AsyncIterator[bytes]:
    """
    Give a request's body in pieces exactly as they came, framing included.

    Raises:
        Malformed: the framing is not strict, or the connection ended before the body did.
    """
    try:
        if head.length is not None:
            async for piece in _exactly(reader, head.length):
                yield piece
            return
        while True:
            line = await _chunk_line(reader)
            size = int(line, 16)
            yield line + b"\r\n"
            async for piece in _exactly(reader, size):
                yield piece
            if await reader.readexactly(2) != b"\r\n":
                raise Malformed("a chunk that does not end, or trailers")
            yield b"\r\n"
            if size == 0:
                return
    except asyncio.IncompleteReadError:
        raise Malformed("the connection ended within a body") from None


def _parse_field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    # A line that starts with a space, a folded one, has no token for a name; nor has one with a space before its colon.
    if not colon or _TOKEN.fullmatch(name) is None or _FIELD_VALUE.fullmatch(value) is None:
        raise Malformed("a malformed header line")
    return name.lower(), value.strip(b" \t")


def _is_chunked(fields: tuple[tuple[bytes, bytes], ...]) -> bool:
    return [value.lower() for name, value in fields if name == b"transfer-encoding"] == [b"chunked"]


def _content_length(fields: tuple[tuple[bytes, bytes], ...]) -> int:
    values = [value for name, value in fields if name == b"content-length"]
    if not values:
        return 0
    if len(values) > 1 or _LENGTH.fullmatch(values[0]) is None:
        raise Malformed("more than one content length, or one that is no number")
    return int(values[0])


async def _chunk_line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError:
        raise Malformed("a chunk's size is too long") from None
    if len(line) > _CHUNK_LINE_BYTES or _CHUNK_SIZE.fullmatch(line[:-2]) is None:
        raise Malformed("a chunk's size is no hexadecimal number alone")
    return line[:-2]


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    left = size
    while left:
        piece = await reader.read(min(left, _PIECE_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece
