"""A browser, as far as the pages of sign-in need one: it keeps cookies, fills forms in, and follows nobody."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.flow.users import AZURE_CLI, SCOPE, Person
from tests.world import PUBLIC_ADDRESS, Answer, Simulation

VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:8400"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_ACTION = re.compile(r'<form method="post" action="([^"]+)"')


class Browser:
    """One browser of one person."""

    def __init__(self, world: Simulation, peer: str = PUBLIC_ADDRESS) -> None:
        self.world = world
        self.peer = peer
        self.cookies: dict[str, str] = {}

    def open(self, path: str, **query: str | None) -> Answer:
        """Go to a page of the login host."""
        sent = urlencode({name: value for name, value in query.items() if value is not None})
        return self._ask("GET", f"/{path}?{sent}" if sent else f"/{path}")

    def authorize(self, authority: str | None = None, **changes: str | None) -> Answer:
        """Be sent here by a client; members that are None are left out."""
        query: dict[str, str | None] = {
            "client_id": AZURE_CLI,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        path = f"{authority or self.world.first.tenant_id}/oauth2/v2.0/authorize"
        return self.open(path, **(query | changes))

    def send(self, page: Answer, **fields: str) -> Answer:
        """Fill a page's form in and send it."""
        text = page.body.decode()
        action = _ACTION.search(text)
        assert action is not None, text
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(text)}
        return self._ask("POST", unescape(action[1]), form=hidden | fields)

    def sign_in(self, page: Answer, who: Person, **fields: str) -> Answer:
        """Type name and password in."""
        return self.send(page, **({"username": who.name, "password": who.password} | fields))

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.world.ask(
            method,
            f"{self.world.login_url}{path}",
            form=form,
            headers=headers if self.cookies else None,
            peer=self.peer,
        )
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


def title(page: Answer) -> str:
    """Give a page's heading."""
    found = re.search(r"<h1>(.*?)</h1>", page.body.decode())
    assert found is not None, page.body
    return unescape(found[1])


def told(answer: Answer) -> dict[str, str]:
    """Give what a client is told at its redirect URI."""
    assert answer.status == 302, answer.body
    place = urlsplit(answer.headers["location"])
    return {name: value[0] for name, value in parse_qs(place.query or place.fragment).items()}
