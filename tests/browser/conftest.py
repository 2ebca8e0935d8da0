"""A real browser, without a window, at the pages of a live service."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.applications import Administrator
from tests.sdk.conftest import Live

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
PICTURES = os.environ.get("STRONGROOM_PICTURES")
"""A folder that pictures of the pages are put into, for the documentation."""
_PATIENCE_MS = 20_000
"""What never comes fails a test; how long a page takes on a busy machine is not asked."""
expect.set_options(timeout=_PATIENCE_MS)
_FLAGS = (
    # As root there is no sandbox; the pages are our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Person:
    """A user, and the password."""

    id: str
    name: str
    password: str


class _Back(BaseHTTPRequestHandler):
    """A client's redirect URI."""

    def do_GET(self) -> None:
        """Take an answer that comes in the URL."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"back at the client")

    def do_POST(self) -> None:
        """Take an answer that comes as a form."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Pages:
    """The pages of a live service, and whoever goes to them; *back* is where a client listens."""

    def __init__(self, service: Service, browser: Browser, back: str) -> None:
        self.service, self.live, self.back = service, Live(service), back
        self.first = service.first
        self.client = service.client()
        self.administrator = Administrator(service, self.client)
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def person(self, name: str, *, must_change: bool = False) -> Person:
        """Make a user."""
        password = f"Pw4!{secrets.token_urlsafe(18)}"
        remember(password)
        domain = self.first["userName"].partition("@")[2]
        full = f"{name.lower()}.{secrets.token_hex(3)}@{domain}"
        made = self.administrator.graph(
            "POST",
            "users",
            {
                "accountEnabled": True,
                "displayName": name,
                "mailNickname": name.lower(),
                "userPrincipalName": full,
                "passwordProfile": {"password": password, "forceChangePasswordNextSignIn": must_change},
            },
        )
        return Person(made["id"], full, password)

    def open(self, **options: Any) -> Page:
        """Open a window of a browser of its own."""
        context = self._browser.new_context(
            # The service's authority is in no store of this machine, and shall be in none (security.md).
            ignore_https_errors=True,
            viewport={"width": 640, "height": 720},
            **options,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        return page

    def url(self, path: str, **query: str) -> str:
        """Name a page of the first tenant."""
        place = f"{self.first['authority']}/{self.first['tenantId']}/{path}"
        return f"{place}?{urlencode(query)}" if query else place

    def authorize(self, **changes: str) -> str:
        """Name the page that a client sends a person to."""
        query = {
            "client_id": AZURE_CLI,
            "response_type": "code",
            "redirect_uri": self.back,
            "scope": "https://vault.azure.net/.default",
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
        return self.url("oauth2/v2.0/authorize", **(query | changes))

    def close(self) -> None:
        """Close what the test opened."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()


def chromium() -> str:
    """Find the browser."""
    found = shutil.which("chromium")
    assert found is not None
    return found


# Not for the whole session: while its driver runs, the thread counts as having a running event loop, and no other test
# in it could begin one.
@pytest.fixture(scope="module")
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("pages") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield service


@pytest.fixture(scope="module")
def _back() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Back) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def _pages(_service: Service, _browser: Browser, _back: str) -> Iterator[Pages]:
    made = Pages(_service, _browser, _back)
    yield made
    made.client.close()


@pytest.fixture
def pages(_pages: Pages) -> Iterator[Pages]:
    """Give the pages of a live service."""
    yield _pages
    _pages.close()


def picture(page: Page, name: str, *, hidden: Sequence[str] = ()) -> None:
    """Take a picture for the documentation, if somebody wants it, with what stands at *hidden* painted over."""
    if PICTURES is not None:
        page.screenshot(
            path=str(Path(PICTURES) / f"{name}.png"),
            full_page=True,
            mask=[page.locator(place) for place in hidden],
            mask_color="#a19f9d",
        )
