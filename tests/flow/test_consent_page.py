"""Registered applications at the authorization endpoint: where answers go, and the person who consents."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.relations import PermissionGrant
from strongroom.directory.roles import assign_role
from tests.flow.apps import application, azure, change, change_principal, claims, consent, offer, scope, sign_in_by
from tests.flow.browser import VERIFIER, Browser, title, told
from tests.flow.users import Person, partition, person
from tests.world import Answer, Principal, Simulation

WEB = "https://app.example/callback"
SPA = "https://page.example/"
INSTALLED = "http://localhost/back"
KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
VAULT = "https://vault.azure.net/user_impersonation"


@pytest.fixture
def client(world: Simulation) -> Principal:
    """Make an application that people sign in to, in each of the three ways."""
    made = world.principal("A client")
    sign_in_by(world, made, web=(WEB,), spa=(SPA,), public_client=(INSTALLED,))
    return made


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


@pytest.fixture
def administrator(world: Simulation) -> Person:
    """Make a user who administers the tenant."""
    made = person(world)
    world.commit(lambda tx: assign_role(tx, made.user.tenant, role=GLOBAL_ADMINISTRATOR, principal=made.user.id))
    return made


def ask(browser: Browser, client: Principal, wanted: str = VAULT, uri: str = WEB, **more: str | None) -> Answer:
    """Be sent to sign in by a client."""
    return browser.authorize(**{"client_id": client.appid, "redirect_uri": uri, "scope": wanted, **more})


def asked(browser: Browser, client: Principal, who: Person, wanted: str = VAULT, **more: str | None) -> Answer:
    """Sign in, and give what comes then."""
    return browser.sign_in(ask(browser, client, wanted, **more), who)


def grants(world: Simulation, client: Principal) -> list[PermissionGrant]:
    """List what a client was granted."""
    return [one for one in world.view.all(PermissionGrant, partition(world)) if one.client == client.oid]


def redeem(world: Simulation, client: Principal, code: str, **form: str | None) -> Answer:
    """Redeem a code as the web application does."""
    members: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "client_id": client.appid,
        "client_secret": client.secret,
        "code": code,
        "redirect_uri": WEB,
        "code_verifier": VERIFIER,
        **form,
    }
    sent = {name: value for name, value in members.items() if value is not None}
    return world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token", form=sent)


# ---- consent ---------------------------------------------------------------------------------------------------------


def test_a_person_consents_once(world: Simulation, client: Principal, someone: Person) -> None:
    """The page names what is asked of which resource; then the client has it, and is not asked about again."""
    browser = Browser(world)
    page = asked(browser, client, someone)
    assert title(page) == "Permissions requested"
    text = unescape(page.body.decode())
    for shown in ("A client", someone.name, "Azure Key Vault", "Access Azure Key Vault", "user_impersonation"):
        assert shown in text
    assert "organization" not in text.partition("</form>")[0].partition("<form")[2], "that is for administrators"
    given = redeem(world, client, told(browser.send(page, answer="accept"))["code"])
    said = claims(given.json["access_token"])
    assert (said["appid"], said["appidacr"], said["scp"]) == (client.appid, "1", "user_impersonation")
    (grant,) = grants(world, client)
    assert (grant.principal, grant.resource, grant.scopes) == (
        someone.user.id,
        azure(world, KEY_VAULT),
        ("user_impersonation",),
    )
    assert "code" in told(ask(browser, client))


def test_what_was_agreed_to_is_recorded(world: Simulation, client: Principal, someone: Person) -> None:
    """SEC-AUDIT-1: who let which client have what, in the entry that the grant is durable with."""
    browser = Browser(world)
    browser.send(asked(browser, client, someone), answer="accept")
    said = world.entries()[-1]["properties"]
    assert (said["signInStep"], said["userId"], said["servicePrincipalId"], said["scope"]) == (
        "consent",
        someone.user.id,
        client.oid,
        "user_impersonation",
    )


@pytest.mark.parametrize("answer", ["cancel", "", "Accept"])
def test_a_no_is_told_to_the_client(world: Simulation, client: Principal, someone: Person, answer: str) -> None:
    """`access_denied`, and nothing is granted."""
    browser = Browser(world)
    said = told(browser.send(asked(browser, client, someone), answer=answer))
    assert (said["error"], said["state"]) == ("access_denied", "a state")
    assert said["error_description"].startswith("AADSTS65004")
    assert not grants(world, client)


def test_another_person_is_asked_too(world: Simulation, client: Principal, someone: Person) -> None:
    """One person's consent is for that person."""
    browser = Browser(world)
    assert "code" in told(browser.send(asked(browser, client, someone), answer="accept"))
    other = Browser(world)
    assert title(asked(other, client, person(world))) == "Permissions requested"


def test_an_administrator_may_consent_for_all(
    world: Simulation, client: Principal, someone: Person, administrator: Person
) -> None:
    """And then nobody is asked."""
    browser = Browser(world)
    page = asked(browser, client, administrator)
    assert "on behalf of everybody" in page.body.decode()
    assert "code" in told(browser.send(page, answer="accept", for_all="yes"))
    assert [one.principal for one in grants(world, client)] == [None]
    assert "code" in told(asked(Browser(world), client, someone))


def test_nobody_else_may(world: Simulation, client: Principal, someone: Person) -> None:
    """A form that says so for somebody who may not grants it to that person alone."""
    browser = Browser(world)
    browser.send(asked(browser, client, someone), answer="accept", for_all="yes")
    assert [one.principal for one in grants(world, client)] == [someone.user.id]


def test_what_only_an_administrator_gives(
    world: Simulation, client: Principal, someone: Person, administrator: Person
) -> None:
    """AADSTS90094 for everybody else; an administrator gives it for all."""
    api, uri = offer(world, scope("Everything", "Admin"))
    browser = Browser(world)
    page = asked(browser, client, someone, f"{uri}/Everything")
    assert (page.status, "AADSTS90094" in page.body.decode()) == (400, True)
    browser = Browser(world)
    page = asked(browser, client, administrator, f"{uri}/Everything")
    assert "code" in told(browser.send(page, answer="accept"))
    assert [(one.principal, one.resource) for one in grants(world, client)] == [(None, api.oid)]


def test_consent_adds_to_what_there_is(world: Simulation, client: Principal, someone: Person) -> None:
    """Asked for more later, the person sees what is new, and the grant has both."""
    api, uri = offer(world, scope("Read"), scope("Write"))
    consent(world, client.oid, api.oid, "Read", user=someone.user.id)
    browser = Browser(world)
    page = asked(browser, client, someone, f"{uri}/Read {uri}/Write")
    assert ("May Write" in page.body.decode(), "May Read" in page.body.decode()) == (True, False)
    given = redeem(world, client, told(browser.send(page, answer="accept"))["code"])
    assert set(claims(given.json["access_token"])["scp"].split()) == {"Read", "Write"}
    assert [set(one.scopes) for one in grants(world, client)] == [{"Read", "Write"}]


def test_a_client_that_wants_no_page_is_told(world: Simulation, client: Principal, someone: Person) -> None:
    """`prompt=none` without consent: AADSTS65001."""
    browser = Browser(world)
    asked(browser, client, someone)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    answer = told(ask(browser, client, prompt="none"))
    assert answer["error_description"].startswith("AADSTS65001")


def test_what_was_taken_back_is_asked_for_again(world: Simulation, client: Principal, someone: Person) -> None:
    """The grant decides, whenever it is asked."""
    browser = Browser(world)
    assert "code" in told(browser.send(asked(browser, client, someone), answer="accept"))
    (grant,) = grants(world, client)
    world.commit(lambda tx: tx.remove(grant))
    assert title(ask(browser, client)) == "Permissions requested"


# ---- who is no client ------------------------------------------------------------------------------------------------


def test_a_disabled_client_signs_nobody_in(world: Simulation, client: Principal) -> None:
    """It is told on a page: nobody listens there any more."""
    change_principal(world, client, enabled=False)
    page = ask(Browser(world), client)
    assert (page.status, "AADSTS7000112" in page.body.decode()) == (400, True)


@pytest.mark.parametrize("how", ["disabled", "redirect"])
def test_a_client_that_loses_its_place_meanwhile(
    world: Simulation, client: Principal, someone: Person, how: str
) -> None:
    """Between the page and its form: no code goes where nobody is registered any more."""
    browser = Browser(world)
    page = ask(browser, client)
    if how == "disabled":
        change_principal(world, client, enabled=False)
    else:
        change(world, client, lambda one: replace(one, sign_in=replace(one.sign_in, web=())))
    answer = browser.sign_in(page, someone)
    assert (answer.status, "location" in answer.headers) == (400, False)


def test_a_user_without_an_assignment(world: Simulation, client: Principal, someone: Person) -> None:
    """AADSTS50105 where the application wants one."""
    change_principal(world, client, app_role_assignment_required=True)
    page = asked(Browser(world), client, someone)
    assert (page.status, "AADSTS50105" in page.body.decode()) == (400, True)


def test_a_client_of_another_tenant_is_none(world: Simulation, client: Principal) -> None:
    """SEC-TENANT-2: on another tenant's path it is not known; on `common` it fails for that tenant's user."""
    other = world.tenant()
    page = Browser(world).authorize(other, client_id=client.appid, redirect_uri=WEB, scope=VAULT)
    assert (page.status, "AADSTS700016" in page.body.decode()) == (400, True)
    stranger, browser = person(world, tenant=other), Browser(world)
    page = browser.sign_in(ask(browser, client, authority="common"), stranger)
    assert (page.status, "AADSTS700016" in page.body.decode()) == (400, True)


# ---- where an answer may go ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback/",
        "https://app.example/Callback",
        "https://app.example/callback?x=y",
        "https://app.example:444/callback",
        "https://app.example.attacker.example/callback",
        "https://app.example@attacker.example/callback",
        "http://app.example/callback",
        "https://app.example/callback#x",
        "https://app.example/x/../callback",
        "http://localhost:5000/other",
        "https://localhost/back",
        "http://localhost.attacker.example/back",
    ],
)
def test_a_redirect_uri_is_exactly_one_that_is_registered(world: Simulation, client: Principal, uri: str) -> None:
    """SEC-TOKEN-9: to the letter."""
    page = ask(Browser(world), client, uri=uri)
    assert (page.status, "location" in page.headers, "AADSTS50011" in page.body.decode()) == (400, False, True)


@pytest.mark.parametrize("uri", [WEB, SPA, INSTALLED, "http://localhost:5000/back"])
def test_registered_ones_are_good(world: Simulation, client: Principal, uri: str) -> None:
    """SEC-TOKEN-9: with any port on loopback alone."""
    assert title(ask(Browser(world), client, uri=uri)) == "Sign in"


@pytest.mark.parametrize(("uri", "good"), [(WEB, True), (SPA, False), (INSTALLED, False)])
def test_only_a_server_goes_without_pkce(world: Simulation, client: Principal, uri: str, good: bool) -> None:  # noqa: FBT001
    """RFC 9700: whoever proves nothing else has to prove that."""
    answer = ask(Browser(world), client, uri=uri, code_challenge=None, code_challenge_method=None)
    if good:
        assert title(answer) == "Sign in"
    else:
        assert told(answer)["error_description"].startswith("AADSTS9002325")


REDEEMED: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (WEB, {}, {}),
    (SPA, {"client_secret": None}, {"Origin": "https://page.example"}),
    ("http://localhost:5000/back", {"client_secret": None}, {}),
]


@pytest.mark.parametrize(("uri", "form", "headers"), REDEEMED)
def test_each_kind_of_client_redeems_as_what_it_is(
    world: Simulation, client: Principal, someone: Person, uri: str, form: dict[str, Any], headers: dict[str, str]
) -> None:
    """A server by its secret, a page from its own origin, an installed program by PKCE alone."""
    browser = Browser(world)
    page = asked(browser, client, someone, uri=uri)
    code = told(browser.send(page, answer="accept"))["code"]
    members = {
        "grant_type": "authorization_code",
        "client_id": client.appid,
        "client_secret": client.secret,
        "code": code,
        "redirect_uri": uri,
        "code_verifier": VERIFIER,
        **form,
    }
    sent = {name: value for name, value in members.items() if value is not None}
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    answer = world.ask("POST", url, form=sent, headers=headers)
    assert answer.status == 200, answer.body
    assert answer.headers.get("access-control-allow-origin") == headers.get("Origin")


def test_signing_out_goes_back_to_a_registered_place(world: Simulation, client: Principal, someone: Person) -> None:
    """SEC-TOKEN-9: `post_logout_redirect_uri` is held to the same letter."""
    assert application(world, client).sign_in.web == (WEB,)
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    path = f"{world.first.tenant_id}/oauth2/v2.0/logout"
    answer = browser.open(path, client_id=client.appid, post_logout_redirect_uri=WEB, state="s")
    assert answer.headers["location"] == f"{WEB}?state=s"
    assert title(browser.open(path, client_id=client.appid, post_logout_redirect_uri=f"{WEB}/x")) == "Signed out"
