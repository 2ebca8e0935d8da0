"""Single requests that set a measurement up: plain, one connection each."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.load import Site, connect, tls


class _Connection(http.client.HTTPSConnection):
    """A connection that asks nobody where a name is."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.name, site.port)
        self._site = site

    def connect(self) -> None:
        self.sock = connect(self._site, tls(self._site.ca_file))


class _Control(http.client.HTTPConnection):
    """A connection to the owner's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("control")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


def ask(
    site: Site, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    status, answer, _ = ask_page(site, method, target, body=body, headers=headers)
    return status, answer


def ask_page(
    site: Site, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Send one request and return status, body and headers."""
    connection = _Connection(site)
    try:
        connection.request(method, target, body=body or None, headers={"Host": site.host, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def ask_control(path: Path, method: str, target: str, content: object = None) -> Any:
    """
    Send one request to the owner's socket, which must succeed, and return what was answered.

    Raises:
        AssertionError: it was refused.
    """
    connection = _Control(path)
    body = None if content is None else json.dumps(content)
    try:
        connection.request(method, target, body=body, headers={"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return _succeeded(f"{method} {target}", answer.status, text)


def ask_json(site: Site, method: str, target: str, *, token: str, content: object = None) -> Any:
    """
    Send one JSON request that must succeed, and return what was answered.

    Raises:
        AssertionError: it was refused.
    """
    body = b"" if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, answer = ask(site, method, target, body=body, headers=headers)
    return _succeeded(f"{method} {target}", status, answer)


def _succeeded(asked: str, status: int, answer: bytes) -> Any:
    assert status in {200, 201, 204}, f"{asked} was answered with {status}: {answer.decode(errors='replace')}"
    return json.loads(answer) if answer else None
