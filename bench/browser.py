"""A browser, as far as the pages of signing in need one: it keeps cookies and fills forms in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.client import ask_page
from bench.load import Site

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_ACTION = re.compile(r'<form method="post" action="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser was shown, or where it was sent."""

    status: int
    text: str
    location: str

    @property
    def code(self) -> str:
        """The authorization code that the client is given."""
        assert self.status == 302, f"a page where a code was expected: {self.text}"
        return parse_qs(urlsplit(self.location).query)["code"][0]


class Browser:
    """One browser of one person."""

    def __init__(self, login: Site) -> None:
        self._login = login
        self._cookies: dict[str, str] = {}

    def open(self, path: str, **query: str) -> Page:
        """Go to a page."""
        return self._ask("GET", f"/{path}?{urlencode(query)}" if query else f"/{path}")

    def send(self, page: Page, **fields: str) -> Page:
        """Fill a page's form in and send it."""
        action = _ACTION.search(page.text)
        assert action is not None, f"a page without a form: {page.text}"
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
        return self._ask("POST", unescape(action[1]), urlencode(hidden | fields).encode("ascii"))

    def _ask(self, method: str, target: str, body: bytes = b"") -> Page:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        status, answer, told = ask_page(self._login, method, target, body=body, headers=headers)
        for cookie in told.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = value
        return Page(status, answer.decode("utf-8"), told.get("Location", ""))
