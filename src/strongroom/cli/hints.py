"""
How to ask why a vault refused something: a line for whoever runs the program, beside the program's own output.

A `Watch` looks at the answers of one connection after they were handed on. It holds up nothing and changes nothing, and
what it does not understand ends its watch and not the connection's. Of an answer it keeps the head, and of a refusal
the word for programs.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from shlex import quote

_FORBIDDEN = 403
_HINTS = 20
"""Different refusals that one run is told of."""
_PATH_CHARS = 160
_HEAD_BYTES = 64 * 1024
_BODY_BYTES = 16 * 1024
_EXPECTED = 64
_LINE_BYTES = 64


class Hints:
    """What one run has told of refusals: each once, and no more than `_HINTS`."""

    def __init__(self, data: Path, say: Callable[[str], None]) -> None:
        self._data = data
        self._say = say
        self._told: set[tuple[str, str, str]] = set()

    def watch(self, host: str) -> Watch | None:
        """Begin to watch a connection to a host; None if it is no vault's."""
        name, _, domain = host.partition(".")
        return Watch(name, self) if domain.startswith("vault.") else None

    def refused(self, vault: str, method: str, target: str, code: str, request_id: str) -> None:
        """Tell of a refusal."""
        # What the program asked for, on one line of printable characters; a query is not repeated.
        path = target.partition("?")[0].encode("ascii", "backslashreplace").decode("ascii")[:_PATH_CHARS]
        refusal = (vault, method, path)
        if refusal in self._told or len(self._told) > _HINTS:
            return
        self._told.add(refusal)
        if len(self._told) > _HINTS:
            self._say("more requests are refused; why, the journal says: strongroom audit tail")
            return
        word = f" ({code})" if code else ""
        self._say(
            f"403 for {method} {path} on {vault}{word}."
            f" Why: strongroom explain --data {quote(str(self._data))} --request {quote(request_id)}"
        )


class Watch:
    """
    The answers of one connection, as far as a refusal can be told among them.

        head --no body--------------> head
             --length or chunks-----> body --its end--> head
             --not understood-------> blind, for good
    """

    def __init__(self, vault: str, hints: Hints) -> None:
        self._vault = vault
        self._hints = hints
        self._expected: deque[tuple[str, str]] = deque()
        self._buffer = b""
        self._step: Callable[[], bool] | None = self._read_head
        self._left = 0
        self._body = b""
        self._refusal: tuple[str, str, str] | None = None

    def expect(self, method: str, target: str) -> None:
        """Take note of a request: answers come in the order of their requests."""
        self._expected.append((method, target))
        if len(self._expected) > _EXPECTED:
            self._step = None

    def see(self, piece: bytes) -> None:
        """Look at bytes of the answers."""
        if self._step is None:
            return
        self._buffer += piece
        try:
            while self._take_step():
                pass
        except (ValueError, IndexError):
            # Whatever it was, it was handed on, and its reader understands it or not.
            self._step = None
        if self._step is None:
            self._buffer = self._body = b""

    def _take_step(self) -> bool:
        return self._step is not None and self._step()

    # ---- the steps: each takes what it can from the buffer, and tells whether the next one has something to do

    def _read_head(self) -> bool:
        raw, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            if len(raw) > _HEAD_BYTES:
                raise ValueError("a head without an end")
            return False
        self._buffer = rest
        lines = raw.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if status < 200:
            return True
        method, target = self._expected.popleft()
        self._body, self._refusal = b"", None
        if status == _FORBIDDEN and "x-ms-request-id" in fields:
            self._refusal = (method, target, fields["x-ms-request-id"])
        if method == "HEAD" or status in {204, 304}:
            return self._end_answer()
        if fields.get("transfer-encoding", "").lower() == "chunked":
            self._step = self._read_chunk_size
        else:
            self._left = int(fields["content-length"]) if "content-length" in fields else -1
            if self._left < 0:
                raise ValueError("an answer that ends with its connection")
            self._step = self._read_body
        return True

    def _read_body(self) -> bool:
        self._take()
        return self._end_answer() if self._left == 0 else False

    def _read_chunk_size(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            if len(line) > _LINE_BYTES:
                raise ValueError("a chunk's size without an end")
            return False
        self._buffer, self._left = rest, int(line, 16)
        self._step = self._read_chunk if self._left else self._read_last_line
        return True

    def _read_chunk(self) -> bool:
        self._take()
        if self._left or len(self._buffer) < 2:
            return False
        self._buffer = self._buffer[2:]
        self._step = self._read_chunk_size
        return True

    def _read_last_line(self) -> bool:
        if len(self._buffer) < 2:
            return False
        self._buffer = self._buffer[2:]
        return self._end_answer()

    def _take(self) -> None:
        piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(piece)
        if self._refusal is not None and len(self._body) < _BODY_BYTES:
            # Of what was granted nothing is kept.
            self._body += piece

    def _end_answer(self) -> bool:
        if self._refusal is not None:
            method, target, request_id = self._refusal
            self._hints.refused(self._vault, method, target, _word(self._body), request_id)
        self._body, self._refusal, self._step = b"", None, self._read_head
        return bool(self._buffer)


def _word(body: bytes) -> str:
    """Give the word for programs of a refusal's body: the inner one, or else the outer; empty if it has none."""
    try:
        error = json.loads(body)["error"]
        word = (error.get("innererror") or error)["code"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return word if isinstance(word, str) and word.isascii() and word.isalnum() else ""
