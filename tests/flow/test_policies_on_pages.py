"""Conditional access on the pages of signing in: what a page can ask for is asked there, and not refused later."""

from __future__ import annotations

import pytest

from tests.flow.browser import Browser, title, told
from tests.flow.policies import ARM, Policies, policies
from tests.flow.test_sign_in_by_password import claims
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, person
from tests.world import Simulation

__all__ = ["policies"]
HOUR = {"value": 1, "type": "hours"}


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


@pytest.fixture
def browser(world: Simulation, someone: Person) -> Browser:
    """Make a browser that somebody has signed in at."""
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    return browser


def test_who_is_blocked_is_told_on_the_page(world: Simulation, policies: Policies, someone: Person) -> None:
    """SEC-ACCESS-2: AADSTS53003 and a correlation id; the journal names the policy; nobody is signed in."""
    policy = policies.about(someone, "block")
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), someone)
    assert (page.status, "AADSTS53003" in page.body.decode()) == (400, True)
    assert world.entries()[-1]["properties"]["conditionalAccessPolicy"] == policy
    policies.clear()
    assert title(browser.authorize()) == "Sign in"


def test_a_session_is_held_to_the_policies_of_today(policies: Policies, browser: Browser, someone: Person) -> None:
    """SEC-ACCESS-2: who signed in before is blocked as well; a client that wants no page is told."""
    policies.about(someone, "block")
    assert "AADSTS53003" in browser.authorize().body.decode()
    assert told(browser.authorize(prompt="none"))["error_description"].startswith("AADSTS53003")


def test_a_policy_is_for_its_resource(world: Simulation, policies: Policies, browser: Browser, someone: Person) -> None:
    """What is asked for decides, not who asks."""
    policies.about(someone, "block", applications={"includeApplications": [ARM]})
    assert "code" in told(browser.authorize())
    assert "AADSTS53003" in browser.authorize(scope="https://management.azure.com/.default").body.decode()


def test_a_sign_in_that_is_too_old_is_done_again(
    world: Simulation, policies: Policies, browser: Browser, someone: Person
) -> None:
    """The person is asked for the password, with the name filled in, and then the client has what it wants."""
    policies.about(someone, age=HOUR)
    world.advance(3600)
    assert "code" in told(browser.authorize())
    world.advance(1)
    page = browser.authorize()
    assert title(page) == "Sign in"
    assert someone.name in page.body.decode()
    assert told(browser.authorize(prompt="none"))["error"] == "login_required"
    given = redeem(world, told(browser.sign_in(page, someone))["code"])
    assert given.status == 200, given.body
    assert claims(given.json["access_token"])["auth_time"] == int(world.clock())


def test_every_time_is_every_time_and_no_loop(
    world: Simulation, policies: Policies, browser: Browser, someone: Person
) -> None:
    """A sign-in of just now is good for what it was made for, and for nothing later."""
    policies.about(someone, age={"frequencyInterval": "everyTime"})
    world.advance(3600)
    answer = browser.sign_in(browser.authorize(), someone)
    assert redeem(world, told(answer)["code"]).status == 200
    world.advance(3600)
    assert title(browser.authorize()) == "Sign in"
