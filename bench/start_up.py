"""How long a start takes, and what the service holds in memory when nobody asks it anything."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from bench.instance import Instance
from bench.load import NotYet, connect, tls
from bench.measure import Measure, compare
from bench.processes import memory_bytes, running, tree

STARTS = 7
LIMIT_S = 0.6
LIMIT_MB = 90.0
_SETTLE_S = 1.0
PATIENCE_S = 30.0
_PAUSE_S = 0.004
"""Between two attempts to connect: often enough for the figure, seldom enough not to slow the start down."""


def measure_starts(instance: Instance, directory: Path) -> list[Measure]:
    """Start an instance whose directory exists, several times, and time each start to its first answer."""
    first_answers, held = [], []
    for number in range(STARTS + 1):
        started = time.monotonic()
        with running(instance.serve_command(), log=directory / f"start-{number}.log") as process:
            await_challenge(instance, started + PATIENCE_S)
            first_answers.append(time.monotonic() - started)
            time.sleep(_SETTLE_S)
            held.append(memory_bytes(tree(process.pid)) / 1e6)
    # The first one found cold files, and perhaps a write-ahead log to read.
    return [
        compare(
            "start to first answer, s",
            [(measured, LIMIT_S) for measured in first_answers[1:]],
            better="lower",
            target=1.0,
        ),
        compare("memory when idle, MB", [(measured, LIMIT_MB) for measured in held[1:]], better="lower", target=1.0),
    ]


def await_challenge(instance: Instance, until: float) -> None:
    """Ask for a secret without a token until somebody answers, which must be with a challenge."""
    context = tls(instance.vault.ca_file)
    request = f"GET /secrets/bench?api-version=7.4 HTTP/1.1\r\nHost: {instance.vault.host}\r\n\r\n".encode("ascii")
    while True:
        try:
            answer = _ask_once(instance, context, request)
        except NotYet:
            assert time.monotonic() < until, "the service does not listen"
            time.sleep(_PAUSE_S)
        else:
            assert answer.startswith(b"HTTP/1.1 401 "), f"not a challenge: {answer[:200]!r}"
            return


def _ask_once(instance: Instance, context: ssl.SSLContext | None, request: bytes) -> bytes:
    with connect(instance.vault, context) as connection:
        connection.sendall(request)
        return connection.recv(4096)
