"""A person before the pages of signing in, with what that person shows: a password, an app, a security key."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pyotp

from tests.flow.browser import REDIRECT, VERIFIER, Browser, told
from tests.flow.users import App, Person, ask_token
from tests.plugins import canary
from tests.security_keys import SoftKey
from tests.world import PUBLIC_ADDRESS, Answer, Simulation

_STEP = re.compile(r'<input type="hidden" name="step" value="([^"]*)"')
_SECRET = re.compile(r'<p id="secret"><code>([A-Z2-7 ]+)</code>')
_OPTIONS = re.compile(r'data-options="([^"]*)"')


class Visitor:
    """One person at one browser, which shows one page."""

    def __init__(self, world: Simulation, who: Person, *, peer: str = PUBLIC_ADDRESS) -> None:
        self.world, self.who = world, who
        self.browser = Browser(world, peer)
        self.page = Answer(0, {}, b"")

    @property
    def text(self) -> str:
        """What the page says, as HTML."""
        return self.page.body.decode()

    @property
    def step(self) -> str:
        """The step that the page is for; empty for a page without one."""
        found = _STEP.search(self.text)
        return found[1] if found is not None else ""

    @property
    def options(self) -> dict[str, Any]:
        """What the page's script asks a security key."""
        (found,) = _OPTIONS.findall(self.text)
        options: dict[str, Any] = json.loads(unescape(found))
        return options

    def authorize(self, **query: str) -> Answer:
        """Come from a client."""
        self.page = self.browser.authorize(**query)
        return self.page

    def open(self, path: str) -> Answer:
        """Go to a page of the tenant."""
        self.page = self.browser.open(f"{self.who.user.tenant}/{path}")
        return self.page

    def send(self, **form: str) -> Answer:
        """Fill the form in and send it."""
        self.page = self.browser.send(self.page, **form)
        return self.page

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
        return told(self.page)

    def redeem(self) -> Answer:
        """Let the client redeem the code it was given."""
        return ask_token(
            self.world,
            self.who.user.tenant,
            grant_type="authorization_code",
            code=self.told()["code"],
            redirect_uri=REDIRECT,
            code_verifier=VERIFIER,
        )
