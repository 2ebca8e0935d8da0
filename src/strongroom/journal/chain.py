"""
The chain: how an entry becomes a line that fits in one place only, and how a line is read back.

A line's tag covers its bytes as they stand, so nothing has to be put in a canonical form before it is judged. The first
line of every file says which file it is (`"file":{...}` in the place of `"entry"`), so that a whole file cannot be
taken from the middle or moved between nodes either.
"""

from __future__ import annotations

import hmac
import re
from binascii import hexlify
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

Tagger = Callable[[str, bytes], bytes]
"""`(purpose, message) -> 32 bytes`: a keyed tag nobody without the root key can make."""

LINE = "journal line"
GENESIS = "journal genesis"
CHECKPOINT = "journal checkpoint"

FORMAT = 1
LINE_BYTES = 256 * 1024
"""One line, tag and line end included. `event.encode` makes no entry that would not fit."""

_MAC_AT = b',"mac":"'
_END = b'"}\n'
_SUFFIX_BYTES = len(_MAC_AT) + 64 + len(_END)
FRAME_BYTES = 160 + _SUFFIX_BYTES
"""No less than what framing adds to an entry."""

_PATTERN = re.compile(
    rb'\{"seq":(?P<seq>[1-9][0-9]{0,18}),"prev":"(?P<prev>[0-9a-f]{64})",'
    rb'(?:"outbox":(?P<outbox>[0-9]{1,19}),)?"(?P<kind>entry|file)":(?P<body>\{.*\}),"mac":"(?P<mac>[0-9a-f]{64})"\}\n'
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read; its form is right, its tag is not yet judged."""

    seq: int
    prev: bytes
    outbox: int | None
    is_entry: bool
    body: bytes
    mac: bytes
    signed: bytes
    """What the tag covers."""


class FileHead(msgspec.Struct, frozen=True):
    """What the first line of a file says of it."""

    format: int
    node: str
    number: int


def genesis(tagger: Tagger, node: str) -> bytes:
    """Make what the first line of *node*'s first file continues from: a chain belongs to its node from the start."""
    return hexlify(tagger(GENESIS, node.encode()))


def entry_line(tagger: Tagger, seq: int, prev: bytes, entry: bytes, outbox: int | None) -> tuple[bytes, bytes]:
    """Frame one audit entry; returns the line and its mac."""
    if outbox is None:
        signed = b'{"seq":%d,"prev":"%b","entry":%b' % (seq, prev, entry)
    else:
        signed = b'{"seq":%d,"prev":"%b","outbox":%d,"entry":%b' % (seq, prev, outbox, entry)
    mac = hexlify(tagger(LINE, signed))
    return b"".join((signed, _MAC_AT, mac, _END)), mac


def head_line(tagger: Tagger, seq: int, prev: bytes, head: FileHead) -> tuple[bytes, bytes]:
    """Frame the first line of a file; returns the line and its mac."""
    signed = b'{"seq":%d,"prev":"%b","file":%b' % (seq, prev, msgspec.json.encode(head))
    mac = hexlify(tagger(LINE, signed))
    return b"".join((signed, _MAC_AT, mac, _END)), mac


def parse(raw: bytes) -> Line | None:
    """Read a line, its line end included; None if it does not have the form of one."""
    found = _PATTERN.fullmatch(raw)
    if found is None:
        return None
    outbox = found["outbox"]
    return Line(
        seq=int(found["seq"]),
        prev=found["prev"],
        outbox=None if outbox is None else int(outbox),
        is_entry=found["kind"] == b"entry",
        body=found["body"],
        mac=found["mac"],
        signed=raw[:-_SUFFIX_BYTES],
    )


def fits(tagger: Tagger, line: Line) -> bool:
    """Say whether a line carries the tag that this instance would give it."""
    return hmac.compare_digest(hexlify(tagger(LINE, line.signed)), line.mac)


def head_of(line: Line) -> FileHead | None:
    """Read what a file's first line says of it; None if it says nothing legible."""
    if line.is_entry:
        return None
    try:
        return msgspec.json.decode(line.body, type=FileHead)
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the chain: the line with number *seq* has the mac *mac*."""

    seq: int
    mac: bytes


class Checkpoint(msgspec.Struct, frozen=True):
    """A mark of one node's chain as it was on disk at a time. Whoever keeps it elsewhere finds a shortened chain."""

    node: str
    seq: int
    mac: str
    time: int

    def contradicts(self, mark: Mark) -> bool:
        """Say whether *mark* is the same place of the chain with another line in it."""
        return self.seq == mark.seq and self.mac.encode() != mark.mac

    def sign(self, tagger: Tagger) -> bytes:
        """Encode with a tag, as one line of JSON without an end of line."""
        body = msgspec.json.encode(self)
        return b'{"checkpoint":%b,"tag":"%b"}' % (body, hexlify(tagger(CHECKPOINT, body)))


class _Signed(msgspec.Struct, frozen=True):
    checkpoint: msgspec.Raw
    tag: str


def read_checkpoint(tagger: Tagger, signed: bytes) -> Checkpoint | None:
    """Read what `Checkpoint.sign` made; None if it does not carry this instance's tag."""
    try:
        outer = msgspec.json.decode(signed, type=_Signed)
        tag = hexlify(tagger(CHECKPOINT, bytes(outer.checkpoint)))
        if not hmac.compare_digest(tag, outer.tag.encode()):
            return None
        return msgspec.json.decode(outer.checkpoint, type=Checkpoint)
    except msgspec.DecodeError:
        return None
