"""A browser before the pages of signing in: it keeps cookies, fills forms in and sends them, and runs no script."""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp

from tests.flow.users import AZURE_CLI, SCOPE, App, Person, ask_token
from tests.plugins import canary
from tests.security_keys import SoftKey
from tests.world import Answer, Simulation

REDIRECT = "http://localhost:50000"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_SECRET = re.compile(r'<p id="secret"><code>([A-Z2-7 ]+)</code>')
_OPTIONS = re.compile(r'data-options="([^"]*)"')


class Visitor:
    """One browser of one person."""

    def __init__(self, world: Simulation, who: Person, *, peer: str = "203.0.113.7") -> None:
        self.world, self.who, self.peer = world, who, peer
        self.cookies: dict[str, str] = {}
        self.page: Answer | None = None
        self.verifier = secrets.token_urlsafe(48)

    # ---- pages ----------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What the page says, as HTML."""
        assert self.page is not None
        return self.page.body.decode()

    @property
    def step(self) -> str:
        """The step that the page is for; empty for a page without one."""
        return self.hidden.get("step", "")

    @property
    def hidden(self) -> dict[str, str]:
        """What the page's form carries."""
        return {name: unescape(value) for name, value in _HIDDEN.findall(self.text)}

    @property
    def options(self) -> dict[str, Any]:
        """What the page's script asks a security key."""
        (found,) = _OPTIONS.findall(self.text)
        options: dict[str, Any] = json.loads(unescape(found))
        return options

    def go(self, path: str) -> Answer:
        """Go to a page."""
        return self._keep(
            self.world.ask("GET", f"{self.world.login_url}{path}", headers=self._headers(), peer=self.peer)
        )

    def send(self, **form: str) -> Answer:
        """Fill the form in and send it."""
        action = re.search(r'<form method="post" action="([^"]+)"', self.text)
        assert action is not None
        url = f"{self.world.login_url}{action[1]}"
        sent = {**self.hidden, **form}
        return self._keep(self.world.ask("POST", url, form=sent, headers=self._headers(), peer=self.peer))

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _keep(self, answer: Answer) -> Answer:
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.page = answer
        return answer

    # ---- what people do -------------------------------------------------------------------------------------------

    def authorize(self, **query: str) -> Answer:
        """Come from a client."""
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": AZURE_CLI,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": SCOPE,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **query,
        }
        return self.go(f"/{self.who.user.tenant}/oauth2/v2.0/authorize?{urlencode(asked)}")

    def security_info(self) -> Answer:
        """Open the page of what the person signs in with, up to the password."""
        self.go(f"/{self.who.user.tenant}/security-info")
        return self.password()

    def password(self) -> Answer:
        """Type in name and password."""
        assert self.step == "password", self.text
        return self.send(username=self.who.name, password=self.who.password)

    def code(self, app: App) -> Answer:
        """Type in a code of an app."""
        assert self.step == "second_factor", self.text
        return self.send(code=app.code())

    def key(self, key: SoftKey, **wrong: Any) -> Answer:
        """Show a security key."""
        assert self.step == "second_factor", self.text
        self.world.advance(1)
        return self.send(answer=key.get(self.options, **wrong))

    def scan(self) -> App:
        """Have an app read the secret off the page."""
        (found,) = _SECRET.findall(self.text)
        text = found.replace(" ", "")
        canary.remember(text)
        canary.remember(found)
        return App("", pyotp.TOTP(text), self.world)

    def told(self) -> dict[str, str]:
        """Give what the client was told."""
        assert self.page is not None
        assert self.page.status == 302, self.text
        place = urlsplit(self.page.headers["location"])
        return {name: value[0] for name, value in parse_qs(place.query).items()}

    def redeem(self) -> Answer:
        """Let the client redeem the code it was given."""
        return ask_token(
            self.world,
            self.who.user.tenant,
            grant_type="authorization_code",
            code=self.told()["code"],
            redirect_uri=REDIRECT,
            code_verifier=self.verifier,
        )
