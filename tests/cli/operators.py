"""An operator at a terminal: commands with a configuration folder of their own, and a person at the sign-in pages."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tests.cli.in_process import run_in_process
from tests.live import STRONGROOM, Service, clean_environment
from tests.plugins.canary import remember

_FORM = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_PATIENCE_S = 60


@dataclass
class Operator:
    """Somebody who has a folder for what commands remember, and an environment."""

    service: Service
    config: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_environment(cls, service: Service, config: Path) -> Operator:
        """Make one who is the first application, as programs are that nobody signs in for."""
        first = service.first
        return cls(service, config, {
            "STRONGROOM_CLIENT_ID": first["clientId"],
            "STRONGROOM_CLIENT_SECRET": first["clientSecret"],
            "STRONGROOM_TENANT_ID": first["tenantId"],
            "STRONGROOM_DATA": str(service.data),
        })  # fmt: skip

    def variables(self) -> dict[str, str]:
        """Give the environment of their commands."""
        return {**clean_environment(), "STRONGROOM_CONFIG": str(self.config), **self.environment}

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with no terminal."""
        return run_in_process(*words, environment=self.variables(), stdin=stdin or "")

    def process(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as a process of its own, with no terminal."""
        return subprocess.run(
            [STRONGROOM, *words], check=False, capture_output=True, text=True, env=self.variables(),
            input=stdin or "", timeout=_PATIENCE_S,
        )  # fmt: skip

    def done(self, *words: str, stdin: str | None = None) -> str:
        """Run a command that succeeds, and give what it prints."""
        result = self.run(*words, stdin=stdin)
        assert result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"
        return result.stdout

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """Run a command that succeeds, and read its JSON."""
        return json.loads(self.done(*words, "--json", stdin=stdin))

    def fails(self, code: int, *words: str, stdin: str | None = None) -> str:
        """Run a command that ends with an exit code, and give what it says about that."""
        result = self.run(*words, stdin=stdin)
        assert result.returncode == code, f"{words}: {result.returncode} {result.stdout}{result.stderr}"
        return result.stderr

    def at_terminal(self, *words: str, types: Mapping[str, str | Callable[[], str]]) -> tuple[int, str]:
        """Run a command at a terminal and answer what it asks; give its exit code and all that the terminal showed."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [STRONGROOM, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=self.variables(),
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        shown = ""
        left = dict(types)
        try:
            while piece := _read(ours):
                shown += piece
                for question in [one for one in left if one in shown]:
                    answer = left.pop(question)
                    os.write(ours, f"{answer if isinstance(answer, str) else answer()}\n".encode())
            return process.wait(_PATIENCE_S), shown
        finally:
            os.close(ours)


def _read(descriptor: int) -> str:
    """Read what a terminal shows; nothing once the program has let go of it, which Linux tells by an error."""
    try:
        return os.read(descriptor, 4096).decode("utf-8", "replace")
    except OSError:
        return ""


class Person:
    """The first user at the sign-in pages: follows redirects, types in what is asked for."""

    def __init__(self, service: Service, name: str, password: str) -> None:
        self._service = service
        self._name = name
        self._password = password
        self._client = service.client()
        self._cookies: dict[str, str] = {}

    def signs_in(self, place: str) -> None:
        """Go where a client sends its user, sign in, and bring the answer to the client."""
        page = self._send(self._ask("GET", place), place)
        answer = _FORM.search(page.text)
        assert answer is not None, page.text
        back = unescape(answer[1])
        fields = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
        httpx.post(back, data=fields, timeout=30, trust_env=False)

    def lets_in(self, place: str, code: str) -> None:
        """Type a device's code in, sign in, and let the device in."""
        page = self._submit(self._ask("GET", place), place, user_code=code)
        page = self._send(page, place)
        page = self._submit(page, place, answer="yes")
        assert "You are signed in at the device" in page.text, page.text

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, page: httpx.Response, place: str) -> httpx.Response:
        return self._submit(page, place, username=self._name, password=self._password)

    def _submit(self, page: httpx.Response, place: str, **fields: str) -> httpx.Response:
        action = _FORM.search(page.text)
        assert action is not None, page.text
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
        return self._ask("POST", urljoin(place, unescape(action[1])), data={**hidden, **fields})

    def _ask(self, method: str, url: str, **how: Any) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Origin": f"https://{urlsplit(url).netloc}"} if method == "POST" else {}
        answer = self._client.ask(method, url, headers={**headers, **({"Cookie": cookies} if cookies else {})}, **how)
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        if answer.is_redirect:
            return self._ask("GET", urljoin(url, answer.headers["location"]))
        assert answer.status_code == 200, answer.text
        return answer


def appears(find: Any) -> Any:
    """Wait until something is there, and give it."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not appear in time")


@contextmanager
def first_application(folder: Path) -> Iterator[Operator]:
    """Run a service in a folder while the block lasts, and be its first application, as a CI job is."""
    with Service(folder / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield Operator.of_environment(service, folder / "config")
