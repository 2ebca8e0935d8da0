"""A tenant's own OpenID provider and the people who sign in there, as tests share them."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from tests.flow.browser import Browser, told
from tests.flow.elsewhere import Provider
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, person
from tests.world import Answer, Simulation

DOMAIN = "strongroom.localhost"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user; the password is used where a test says so alone."""
    return person(world)


@pytest.fixture
def provider(world: Simulation) -> Iterator[Provider]:
    """Add a provider for the tenant's domain, trusted for no claim."""
    made = Provider(world, domains=[DOMAIN])
    yield made
    made.remove()


@pytest.fixture
def trusted(world: Simulation) -> Iterator[Provider]:
    """Add a provider whose `preferred_username` names users of the tenant's domain."""
    made = Provider(world, domains=[DOMAIN], trustedClaim="preferred_username")
    yield made
    made.remove()


@pytest.fixture
def browser(world: Simulation) -> Browser:
    """Make a browser that nobody is signed in at."""
    return Browser(world)


def refused(answer: Answer, number: int, status: int = 400) -> None:
    """Hold a page to tell a refusal by its number."""
    assert answer.status == status, answer.body
    assert f"AADSTS{number}:" in unescape(answer.body.decode())


def choose(browser: Browser, provider: Provider, page: Answer | None = None, **fields: str) -> Answer:
    """Press the provider's button on the sign-in page."""
    return browser.send(page or browser.authorize(), provider=provider.id, **fields)


def tokens(browser: Browser, answer: Answer) -> dict[str, Any]:
    """Redeem the code that the client was given at the end."""
    given = redeem(browser.world, told(answer)["code"])
    assert given.status == 200, given.body
    found: dict[str, Any] = given.json
    return found
