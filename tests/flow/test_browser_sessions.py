"""Whoever has signed in at a browser: single sign-on, account choice, what a client may want, and signing out."""

from __future__ import annotations

import secrets

import pytest

from strongroom.core.limits import BROWSER_SESSION_S, BROWSER_SESSIONS
from strongroom.core.sessions import BrowserSession
from strongroom.directory import users
from strongroom.directory.browser_sessions import expired_sessions
from strongroom.directory.user_passwords import revoke_sessions, set_password
from tests.flow.apps import change_principal, sign_in_by
from tests.flow.browser import REDIRECT, Browser, title, told
from tests.flow.test_sign_in_by_password import claims, refused
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, partition, person, refresh
from tests.plugins import canary
from tests.world import Answer, Simulation


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


def user_of(world: Simulation, answer: Answer) -> str:
    """Redeem the code of an answer, and say whose tokens come of it."""
    given = redeem(world, told(answer)["code"])
    assert given.status == 200, given.body
    return str(claims(given.json["access_token"])["upn"])


def sessions(world: Simulation, who: Person) -> list[BrowserSession]:
    """List a user's sessions."""
    return [one for one in world.view.all(BrowserSession, partition(world)) if one.user == who.user.id]


# ---- single sign-on --------------------------------------------------------------------------------------------------


def test_who_has_signed_in_is_not_asked_again(world: Simulation, browser: Browser, someone: Person) -> None:
    """Another client gets its code at once, and the tokens say when the password was really shown."""
    world.advance(1000)
    answer = browser.authorize(client_id="1950a258-227b-4e31-a9cf-717495945fc2")
    code = told(answer)["code"]
    given = redeem(world, code, client_id="1950a258-227b-4e31-a9cf-717495945fc2")
    said = claims(given.json["access_token"])
    assert said["upn"] == someone.name
    assert said["auth_time"] == int(world.clock()) - 1000


@pytest.mark.parametrize("authority", ["common", "organizations"])
def test_the_session_counts_on_every_path(world: Simulation, browser: Browser, someone: Person, authority: str) -> None:
    """The tenant is the session's where the path names none."""
    given = redeem(world, told(browser.authorize(authority))["code"], authority)
    assert claims(given.json["access_token"])["upn"] == someone.name


def test_it_does_not_count_in_another_tenant(world: Simulation, browser: Browser) -> None:
    """SEC-TENANT-2: there, somebody else has to sign in."""
    assert title(browser.authorize(world.tenant())) == "Sign in"


def test_it_counts_at_its_own_browser_alone(world: Simulation, browser: Browser) -> None:
    """Without the cookie, or with one that was made up, there is no session."""
    other = Browser(world)
    assert title(other.authorize()) == "Sign in"
    other.cookies["__Host-sessions"] = "AAAA"
    assert title(other.authorize()) == "Sign in"


def test_a_sign_in_begins_a_new_session(world: Simulation, browser: Browser, someone: Person) -> None:
    """SEC-TOKEN-10: what the browser had of the same person before is over, and so is a cookie from before."""
    before = dict(browser.cookies)
    assert "code" in told(browser.sign_in(browser.authorize(prompt="login"), someone))
    assert browser.cookies["__Host-sessions"] != before["__Host-sessions"]
    assert len(sessions(world, someone)) == 1
    old = Browser(world)
    old.cookies = before
    assert title(old.authorize()) == "Sign in"


def test_a_session_ends_with_its_time(world: Simulation, browser: Browser) -> None:
    """`BROWSER_SESSION_S`, to the second; it does not grow by use."""
    world.advance(BROWSER_SESSION_S - 1)
    assert "code" in told(browser.authorize())
    world.advance(1)
    assert title(browser.authorize()) == "Sign in"
    assert expired_sessions(world.view, int(world.clock()))


@pytest.mark.parametrize("change", ["password", "disabled", "deleted", "revoked"])
def test_a_session_ends_with_what_it_began_with(
    world: Simulation, browser: Browser, someone: Person, change: str
) -> None:
    """A new password, a disabled and a deleted user, and sessions that are revoked end it at once."""
    tenant, now = world.first.tenant_id, int(world.clock())
    if change == "password":
        new = f"Pw2!{secrets.token_urlsafe(16)}"
        canary.remember(new)
        verifier = world.run(world.world.passwords.hash(new))
        world.commit(
            lambda tx: set_password(
                tx,
                tenant,
                someone.user.id,
                verifier=verifier,
                must_change=False,
                now=now,
                entropy=secrets.token_bytes,
            )
        )
    elif change == "revoked":
        world.commit(lambda tx: revoke_sessions(tx, tenant, someone.user.id, now=now))
        assert set(sessions(world, someone)) <= set(expired_sessions(world.view, now))
    elif change == "disabled":
        world.commit(
            lambda tx: users.update_user(
                tx, tenant, someone.user.id, users.UserChange(enabled=False), now=int(world.clock())
            )
        )
    else:
        world.commit(lambda tx: users.delete_user(tx, tenant, someone.user.id, now=now))
        assert not sessions(world, someone)
    assert title(browser.authorize()) == "Sign in"


# ---- what a client may want ------------------------------------------------------------------------------------------


def test_a_client_may_want_the_password_again(browser: Browser) -> None:
    """`prompt=login`, and `max_age` where the password was shown too long ago (OpenID Connect Core section 3.1.2.1)."""
    assert title(browser.authorize(prompt="login")) == "Sign in"
    assert "code" in told(browser.authorize(max_age="10"))
    browser.world.advance(11)
    assert title(browser.authorize(max_age="10")) == "Sign in"
    assert "code" in told(browser.authorize(max_age="12"))


def test_a_client_may_want_nothing_to_be_asked(world: Simulation, browser: Browser) -> None:
    """`prompt=none`: a code for whoever is signed in, or an error; never a page."""
    assert "code" in told(browser.authorize(prompt="none"))
    answer = told(Browser(world).authorize(prompt="none"))
    assert (answer["error"], answer["state"]) == ("login_required", "a state")


@pytest.mark.parametrize(("name", "value"), [("prompt", "sometimes"), ("max_age", "-1"), ("max_age", "1" * 10)])
def test_what_a_client_may_not_want(browser: Browser, name: str, value: str) -> None:
    """A word that means nothing is told to the client."""
    assert told(browser.authorize(**{name: value}))["error"] == "invalid_request"


def test_a_hint_chooses_whom_it_names(world: Simulation, browser: Browser, someone: Person) -> None:
    """`login_hint`: the session of that user, in any case; of another one, the page with the name filled in."""
    assert user_of(world, browser.authorize(login_hint=someone.name.upper())) == someone.name
    page = browser.authorize(login_hint="somebody.else@example.org")
    assert title(page) == "Sign in"
    assert "somebody.else@example.org" in page.body.decode()


# ---- account choice --------------------------------------------------------------------------------------------------


def test_a_person_chooses_among_accounts(world: Simulation, browser: Browser, someone: Person) -> None:
    """Two people are signed in, so the page asks which one goes on."""
    second = person(world)
    assert "code" in told(browser.sign_in(browser.authorize(prompt="login"), second))
    page = browser.authorize()
    assert title(page) == "Choose an account"
    text = page.body.decode()
    assert someone.name in text
    assert second.name in text
    chosen = {one.user: one.id for who in (someone, second) for one in sessions(world, who)}
    for who in (someone, second):
        answer = browser.send(browser.authorize(), account=chosen[who.user.id])
        assert user_of(world, answer) == who.name


def test_a_person_may_use_another_account(world: Simulation, browser: Browser) -> None:
    """`prompt=select_account` asks also where one is signed in; "another" leads to the password."""
    page = browser.authorize(prompt="select_account")
    assert title(page) == "Choose an account"
    page = browser.send(page, account="another")
    assert title(page) == "Sign in"
    third = person(world)
    assert user_of(world, browser.sign_in(page, third)) == third.name


@pytest.mark.parametrize("account", ["", "00000000-0000-0000-0000-000000000000"])
def test_nobody_else_can_be_chosen(world: Simulation, browser: Browser, someone: Person, account: str) -> None:
    """A session that this browser has not, another person's included, is none."""
    other = Browser(world)
    victim = person(world)
    assert "code" in told(other.sign_in(other.authorize(), victim))
    page = browser.authorize(prompt="select_account")
    for chosen in (account, sessions(world, victim)[0].id):
        answer = browser.send(page, account=chosen)
        assert (answer.status, "AADSTS50058" in answer.body.decode()) == (400, True)
    assert user_of(world, browser.send(page, account=sessions(world, someone)[0].id)) == someone.name


def test_a_browser_remembers_so_many(world: Simulation, browser: Browser, someone: Person) -> None:
    """`BROWSER_SESSIONS`: one more, and who signed in longest ago is forgotten."""
    people = [someone]
    while len(people) <= BROWSER_SESSIONS:
        text = browser.authorize(prompt="select_account").body.decode()
        assert all(who.name in text for who in people)
        people.append(person(world))
        assert "code" in told(browser.sign_in(browser.authorize(prompt="login"), people[-1]))
    text = browser.authorize().body.decode()
    assert [who.name in text for who in people] == [False] + [True] * BROWSER_SESSIONS


# ---- a form is for its step ------------------------------------------------------------------------------------------


def test_a_form_cannot_leave_a_step_out(world: Simulation, someone: Person) -> None:
    """Which step is due follows from what is sealed; a form that names another one gets the page of that one."""
    browser = Browser(world)
    for step in ("account", "new_password", "device", "nothing", ""):
        assert title(browser.sign_in(browser.authorize(), someone, step=step)) == "Sign in"


def test_two_windows_of_one_browser_do_not_hinder_each_other(world: Simulation, someone: Person) -> None:
    """The browser's secret is one for all its windows."""
    browser = Browser(world)
    first, second = browser.authorize(), browser.authorize()
    assert "code" in told(browser.sign_in(first, someone))
    assert "code" in told(browser.sign_in(second, someone))


# ---- signing out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["{tenant}/oauth2/v2.0/logout", "common/oauth2/logout"])
def test_signing_out_ends_the_session(world: Simulation, browser: Browser, someone: Person, path: str) -> None:
    """At the server: a cookie that was kept is worth nothing. Tokens that clients have stay theirs, as in Entra."""
    code = told(browser.authorize())["code"]
    tokens = redeem(world, code).json
    kept = dict(browser.cookies)
    assert title(browser.open(path.format(tenant=world.first.tenant_id))) == "Signed out"
    assert world.entries()[-1]["properties"]["userId"] == someone.user.id
    assert "__Host-sessions" not in browser.cookies
    browser.cookies = kept
    assert title(browser.authorize()) == "Sign in"
    assert refresh(world, tokens["refresh_token"]).status == 200


def test_signing_out_of_one_tenant_leaves_the_others(world: Simulation, browser: Browser) -> None:
    """A path that names a tenant is about that one."""
    assert title(browser.open(f"{world.tenant()}/oauth2/v2.0/logout")) == "Signed out"
    assert "code" in told(browser.authorize())


@pytest.mark.parametrize("query", [{}, {"client_id": "nobody"}])
def test_signing_out_redirects_nowhere_unasked(world: Simulation, browser: Browser, query: dict[str, str]) -> None:
    """SEC-TOKEN-9: no open redirect: without an application that is registered to listen there it is a page."""
    answer = browser.open("common/oauth2/v2.0/logout", post_logout_redirect_uri="https://attacker.example", **query)
    assert title(answer) == "Signed out"


@pytest.mark.parametrize("how", ["another tenant", "disabled"])
def test_signing_out_redirects_to_clients_of_the_tenant(world: Simulation, browser: Browser, how: str) -> None:
    """SEC-TOKEN-9, SEC-TENANT-2: not to one that another tenant has, nor to one that is disabled in this one."""
    place = "https://app.example/bye"
    client = world.principal("an app", world.tenant() if how == "another tenant" else None)
    sign_in_by(world, client, web=(place,))
    if how == "disabled":
        change_principal(world, client, enabled=False)
    path = f"{world.first.tenant_id}/oauth2/v2.0/logout"
    answer = browser.open(path, client_id=client.appid, post_logout_redirect_uri=place)
    assert title(answer) == "Signed out"


def test_an_unknown_tenant_is_told_on_a_page(world: Simulation) -> None:
    """On every page there is."""
    for path in ("oauth2/v2.0/logout", "password", "oauth2/deviceauth"):
        answer = Browser(world).open(f"no-such-tenant.example/{path}")
        assert answer.status == 400
        assert "AADSTS90002" in answer.body.decode()


# ---- the v1 endpoint -------------------------------------------------------------------------------------------------


def test_the_v1_endpoint_names_a_resource(world: Simulation, someone: Person) -> None:
    """`/oauth2/authorize` with `resource`, as `az` asks of an authority that it takes for AD FS."""
    browser = Browser(world)
    page = browser.open(
        "adfs/oauth2/authorize",
        client_id="04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        response_type="code",
        redirect_uri=REDIRECT,
        resource="https://vault.azure.net",
        code_challenge="c" * 43,
        code_challenge_method="S256",
    )
    assert "code" in told(browser.sign_in(page, someone))
    refused(redeem(world, "AAAA"), 70000)
