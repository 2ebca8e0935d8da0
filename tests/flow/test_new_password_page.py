"""A new password on the pages of sign-in: because the old one has expired, or because its owner wants one."""

from __future__ import annotations

import secrets

import pytest

from tests.flow.browser import Browser, title, told
from tests.flow.test_sign_in_by_password import refused
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, allow_passwords, person, refresh, sign_in
from tests.plugins import canary
from tests.world import Answer, Simulation


@pytest.fixture
def expired(world: Simulation) -> Person:
    """Make a user whose password is good for choosing another alone."""
    return person(world, must_change=True)


@pytest.fixture
def new() -> str:
    """Think of a new password."""
    password = f"Pw9!{secrets.token_urlsafe(24)}"
    canary.remember(password)
    return password


def choose(browser: Browser, page: Answer, new: str, again: str | None = None) -> Answer:
    """Type the new password in, twice."""
    return browser.send(page, new_password=new, new_password_again=new if again is None else again)


def test_who_has_to_choose_another_does_so_and_goes_on(world: Simulation, expired: Person, new: str) -> None:
    """The client gets its code after it; then the new password is the password, and the old one none."""
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), expired)
    assert title(page) == "Choose a new password"
    assert "because the old one has expired" in page.body.decode()
    answer = choose(browser, page, new)
    assert redeem(world, told(answer)["code"]).status == 200
    allow_passwords(world)
    assert sign_in(world, Person(expired.user, new)).status == 200
    refused(sign_in(world, expired), 50126)


def test_it_is_recorded_with_the_step(world: Simulation, expired: Person, new: str) -> None:
    """SEC-AUDIT-1: who changed which credential, in the entry that the change is durable with."""
    browser = Browser(world)
    choose(browser, browser.sign_in(browser.authorize(), expired), new)
    said = world.entries()[-1]["properties"]
    assert (said["signInStep"], said["userId"]) == ("new_password", expired.user.id)
    assert said["credentialId"] in {one.id for one in world.view.credentials_of(expired.user.id)}


def test_an_expired_password_opens_nothing_else(world: Simulation, expired: Person) -> None:
    """Without the new one there is no code and no session: the step cannot be gone round."""
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), expired)
    for step in ("password", "account", "device", ""):
        assert title(browser.send(page, step=step)) == "Choose a new password"
    assert told(browser.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"again": "Another-one1"}, "The two passwords are not the same."),
        ({"new": "short1!", "again": "short1!"}, "does not comply with password complexity"),
        ({"new": "", "again": ""}, "does not comply with password complexity"),
    ],
)
def test_what_does_not_comply_is_told_on_the_page(
    world: Simulation, expired: Person, new: str, change: dict[str, str], sentence: str
) -> None:
    """And nothing has changed: the same page takes a better one."""
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), expired)
    before = world.view.credentials_of(expired.user.id)
    again = choose(browser, page, change.get("new", new), change["again"])
    assert again.status == 400
    assert sentence in again.body.decode()
    assert world.view.credentials_of(expired.user.id) == before
    assert "code" in told(choose(browser, again, new))


def test_the_old_one_is_no_new_one(world: Simulation, expired: Person) -> None:
    """Whoever has to change it really changes it."""
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), expired)
    again = choose(browser, page, expired.password)
    assert (again.status, "The new password is the old one" in again.body.decode()) == (400, True)


def test_a_page_is_good_for_one_change(world: Simulation, expired: Person, new: str) -> None:
    """What it says was shown is gone by then: whoever kept the page cannot change the password again."""
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), expired)
    assert "code" in told(choose(browser, page, new))
    answer = choose(browser, page, f"{new}-2")
    assert (answer.status, "AADSTS50173" in answer.body.decode()) == (400, True)


def test_a_person_changes_the_password_when_they_like(world: Simulation, new: str) -> None:
    """`/{tenant}/password`: a fresh sign-in, the new one, and everything given by the old one has ended."""
    allow_passwords(world)
    someone = person(world)
    held = sign_in(world, someone).json
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    page = browser.open(f"{world.first.tenant_id}/password")
    assert title(page) == "Sign in", "a session alone does not change a password"
    page = browser.sign_in(page, someone)
    assert title(page) == "Choose a new password"
    assert title(choose(browser, page, new)) == "Password changed"
    refused(refresh(world, held["refresh_token"]), 50173)
    assert sign_in(world, Person(someone.user, new)).status == 200
    assert "code" in told(browser.authorize()), "the browser where it was changed is signed in by the new one"
