"""
A KV version 2 engine, as OpenBao's documentation describes it, in memory: what transfers are tried against.

It answers requests as a function, so that a test may put it behind a client's transport or behind a real socket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class KvEngine:
    """One mount: paths with versions of data, behind one token."""

    token: str
    mount: str = "secret"
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    states: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    custom: dict[str, dict[str, str]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)

    def put(self, path: str, **data: Any) -> None:
        """Write a version."""
        self.versions.setdefault(path, []).append(data)

    def answer(self, method: str, target: str, token: str | None, body: bytes = b"") -> tuple[int, Any]:
        """Answer a request: status and document."""
        parts = urlsplit(target)
        root, _, rest = unquote(parts.path).removeprefix("/v1/").partition("/")
        kind, _, path = rest.partition("/")
        if token != self.token or path in self.forbidden:
            return 403, {"errors": ["permission denied"]}
        if root != self.mount:
            return 404, {"errors": [f"no handler for route {root!r}"]}
        if (method, kind) == ("LIST", "metadata"):
            return self._list(path)
        if (method, kind) == ("POST", "data"):
            self.put(path, **json.loads(body)["data"])
            return 200, {"data": {"version": len(self.versions[path])}}
        if path not in self.versions:
            return 404, {"errors": []}
        if kind == "metadata":
            return 200, {"data": {"custom_metadata": self.custom.get(path), "versions": self._states(path)}}
        number = int(parse_qs(parts.query).get("version", [str(len(self.versions[path]))])[0])
        return 200, {"data": {"data": self.versions[path][number - 1], "metadata": {"version": number}}}

    def _list(self, folder: str) -> tuple[int, Any]:
        prefix = f"{folder}/" if folder else ""
        keys = {
            head + ("/" if slash else "")
            for path in self.versions
            if path.startswith(prefix)
            for head, slash, _ in [path.removeprefix(prefix).partition("/")]
        }
        return (200, {"data": {"keys": sorted(keys)}}) if keys else (404, {"errors": []})

    def _states(self, path: str) -> dict[str, Any]:
        fresh = {"created_time": "2026-01-02T03:04:05.678901234Z", "deletion_time": "", "destroyed": False}
        return {str(n): fresh | self.states.get((path, n), {}) for n in range(1, len(self.versions[path]) + 1)}


@contextmanager
def serving(engine: KvEngine) -> Iterator[str]:
    """Serve an engine on loopback, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = engine.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
            payload = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_LIST = _serve  # noqa: N815  the names that the base class looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
