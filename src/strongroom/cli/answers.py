"""What the relay itself answers: refusals in plain words, and bytes pumped from one end to the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus

PIECE_BYTES = 64 * 1024
PROXY_CHALLENGE = 'Proxy-Authenticate: Basic realm="strongroom run"'


async def refuse(
    writer: asyncio.StreamWriter, status: int, message: str, *, reason: str = "", again: bool = False
) -> None:
    """Answer a proxy's client with a refusal, the last word on its connection unless it may try *again*."""
    await _answer(writer, status, reason or HTTPStatus(status).phrase, "text/plain", f"{message}\n", again=again)


async def refuse_request(writer: asyncio.StreamWriter, status: int, message: str) -> None:
    """Answer a request to a served name with a refusal, in the form that Azure's clients read."""
    phrase = HTTPStatus(status).phrase
    error = {"error": {"code": "".join(phrase.title().split()), "message": message}}
    await _answer(writer, status, phrase, "application/json", json.dumps(error), again=False)


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None] | None = None
) -> None:
    """Hand bytes on until there are no more, and let *see* have a look at what was handed on."""
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
        if see is not None:
            see(piece)


async def _answer(
    writer: asyncio.StreamWriter, status: int, reason: str, content_type: str, text: str, *, again: bool
) -> None:
    body = text.encode("utf-8")
    lines = [
        f"HTTP/1.1 {status} {reason}",
        f"Content-Type: {content_type}; charset=utf-8",
        f"Content-Length: {len(body)}",
        *([PROXY_CHALLENGE] if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED else []),
        *([] if again else ["Connection: close"]),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
    await writer.drain()
