"""
The limit for a request: the same web server, answering a constant.

    python -m bench.bare_server CERTIFICATE KEY BODY

It prints its port and answers every request with the content of the file BODY, through the listener that Strongroom
serves with: what it costs is what the server, TLS and HTTP cost before anything of Strongroom's own is done.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from bench.loop import run
from strongroom.core.network import Link
from strongroom.http.asgi import Listener
from strongroom.http.message import Request, Response


async def _serve(certificate: Path, key: Path, body: bytes) -> None:
    async def handle(_request: Request) -> Response:
        return Response(200, body)

    async def refuse(_request: Request, fault: Exception) -> Response:
        # The load sends nothing that a listener refuses.
        raise fault

    listener = Listener(handle, refuse, Link.PUBLIC, certificate=(certificate, key))
    await listener.open()
    print(listener.port, flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await listener.close(1.0)


def main() -> None:
    """Serve until told to end."""
    certificate, key, body = map(Path, sys.argv[1:])
    run(_serve(certificate, key, body.read_bytes()))


if __name__ == "__main__":
    main()
