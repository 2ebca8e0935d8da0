"""Single requests that set a measurement up: plain, one connection each."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from bench.load import Site, connect, tls


class _Connection(http.client.HTTPSConnection):
    """A connection that asks nobody where a name is."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.name, site.port)
        self._site = site

    def connect(self) -> None:
        self.sock = connect(self._site, tls(self._site.ca_file))


def ask(
    site: Site, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    connection = _Connection(site)
    try:
        connection.request(method, target, body=body or None, headers={"Host": site.host, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask_json(site: Site, method: str, target: str, *, token: str, content: object = None) -> Any:
    """
    Send one JSON request that must succeed, and return what was answered.

    Raises:
        AssertionError: it was refused.
    """
    body = b"" if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, answer = ask(site, method, target, body=body, headers=headers)
    assert status in {200, 201, 204}, f"{method} {target} was answered with {status}: {answer.decode(errors='replace')}"
    return json.loads(answer) if answer else None
