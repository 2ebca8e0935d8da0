"""What a hostile look at signing in found, each held to be mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.limits import BROWSER_SESSIONS
from strongroom.core.registration import ResourceAccess, SignIn
from strongroom.directory.roles import assign_role
from strongroom.directory.user_passwords import revoke_sessions
from tests.flow import test_device_code as devices
from tests.flow.apps import change, claims, sign_in_by
from tests.flow.apps_users import from_page
from tests.flow.browser import VERIFIER, Browser, title, told
from tests.flow.graph import Graph
from tests.flow.test_consent_page import INSTALLED, SPA, VAULT, WEB, asked, grants
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, add_app, person, refresh
from tests.world import GRAPH_AUDIENCE, Principal, Simulation

GRAPH = "00000003-0000-0000-c000-000000000000"
USER_READ = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
READ_BASIC = "b340eb25-3456-403f-be2f-af7a0d370277"
AS_USER = "0e263e50-5827-48a4-b97c-d940288653c7"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
AUTHENTICATION_ADMINISTRATOR = "c4e39bd9-1100-46d3-8c65-fb160da0071f"
HOUR_S = 3600


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


def give(world: Simulation, who: Person, role: str) -> Person:
    """Give a person a directory role."""
    world.commit(lambda tx: assign_role(tx, who.user.tenant, role=role, principal=who.user.id))
    return who


def wants(world: Simulation, client: Principal, *scopes: str) -> None:
    """Let an application's registration say what it needs of Graph."""
    change(world, client, lambda one: replace(one, required_resource_access=(ResourceAccess(GRAPH, scopes),)))


# ---- consent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "more"), [(None, READ_BASIC), (GLOBAL_ADMINISTRATOR, AS_USER)])
def test_consent_is_to_what_the_page_has_shown(
    world: Simulation, client: Principal, someone: Person, role: str | None, more: str
) -> None:
    """Whoever owns the application asks for more between page and answer: nothing is granted, and it is shown anew."""
    if role is not None:
        give(world, someone, role)
    wants(world, client, USER_READ)
    browser = Browser(world)
    page = asked(browser, client, someone, f"{GRAPH_AUDIENCE}/.default")
    wants(world, client, USER_READ, more)
    again = browser.send(page, answer="accept")
    assert again.status == 400
    assert "asks for something else by now" in again.body.decode()
    assert not grants(world, client)
    assert "code" in told(browser.send(again, answer="accept"))
    assert len(grants(world, client)[0].scopes) == 2


def test_nobody_consents_to_more_than_he_has(world: Simulation, client: Principal) -> None:
    """SEC-TENANT-12: neither on the page nor through Graph does an Application Administrator give what he has not."""
    administrator = give(world, person(world), APPLICATION_ADMINISTRATOR)
    browser = Browser(world)
    page = asked(browser, client, administrator, f"{GRAPH_AUDIENCE}/Directory.AccessAsUser.All")
    assert (page.status, "AADSTS90094" in page.body.decode()) == (400, True)
    own = redeem(
        world,
        told(browser.sign_in(browser.authorize(prompt="login"), administrator))["code"],
        scope=f"{GRAPH_AUDIENCE}/.default",
    )
    graph = Graph(world, token=own.json["access_token"])
    resource = world.view.service_principal_by_app_id(world.first.tenant_id, GRAPH)
    assert resource is not None
    body = {"clientId": client.oid, "consentType": "AllPrincipals", "resourceId": resource.id}
    assert graph.ask("POST", "oauth2PermissionGrants", {**body, "scope": "Directory.AccessAsUser.All"}).status == 403
    made = graph.ask("POST", "oauth2PermissionGrants", {**body, "scope": "Application.Read.All"})
    assert made.status == 201
    path = f"oauth2PermissionGrants/{made.json['id']}"
    assert graph.ask("PATCH", path, {"scope": "RoleManagement.ReadWrite.Directory"}).status == 403
    assert graph.ask("PATCH", path, {"scope": "Application.ReadWrite.All"}).status == 204


# ---- browser sessions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["in the walk", "before"])
def test_signing_out_ends_what_is_under_way(world: Simulation, client: Principal, someone: Person, shown: str) -> None:
    """Whoever comes to the browser next and presses Back is not signed in."""
    browser = Browser(world)
    if shown == "before":
        assert "code" in told(browser.sign_in(browser.authorize(), someone))
        page = browser.authorize(client_id=client.appid, redirect_uri=WEB, scope=VAULT)
    else:
        page = asked(browser, client, someone)
    assert title(page) == "Permissions requested"
    browser.open("common/oauth2/v2.0/logout")
    answer = browser.send(page, answer="accept")
    assert (answer.status, "location" in answer.headers) == (400, False)
    assert "__Host-sessions" not in browser.cookies
    assert title(browser.authorize()) == "Sign in"


def test_a_walk_ends_with_its_session(world: Simulation, client: Principal, someone: Person) -> None:
    """Also where the cookie was kept: the session is asked for, not only what was shown in it."""
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    page = browser.authorize(client_id=client.appid, redirect_uri=WEB, scope=VAULT)
    kept = dict(browser.cookies)
    browser.open("common/oauth2/v2.0/logout")
    browser.cookies = kept
    assert "AADSTS50173" in browser.send(page, answer="accept").body.decode()


def test_what_a_browser_forgets_is_over(world: Simulation, someone: Person) -> None:
    """`BROWSER_SESSIONS`: a session that it could not end by signing out any more does not outlive that."""
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    old = dict(browser.cookies)
    for _ in range(BROWSER_SESSIONS):
        assert "code" in told(browser.sign_in(browser.authorize(prompt="login"), person(world)))
    browser.cookies = old
    assert title(browser.authorize(login_hint=someone.name)) == "Sign in"


def test_max_age_holds_for_account_choice(world: Simulation, someone: Person) -> None:
    """A session that is too old for the client is not to be chosen."""
    browser = Browser(world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    world.advance(HOUR_S)
    other = person(world)
    assert "code" in told(browser.sign_in(browser.authorize(prompt="login"), other))
    page = browser.authorize(prompt="select_account", max_age="60")
    assert (someone.name in page.body.decode(), other.name in page.body.decode()) == (False, True)
    assert title(browser.authorize(prompt="select_account")) == "Choose an account"


def test_revocation_counts_to_the_second(world: Simulation, someone: Person) -> None:
    """A sign-in of the same second may have been before it."""
    browser = Browser(world)
    code = told(browser.sign_in(browser.authorize(), someone))["code"]
    now = int(world.clock())
    world.commit(lambda tx: revoke_sessions(tx, someone.user.tenant, someone.user.id, now=now))
    assert redeem(world, code).json["error_codes"] == [50173]
    world.advance(1)
    assert redeem(world, told(browser.sign_in(browser.authorize(), someone))["code"]).status == 200


def test_disabling_is_for_good(world: Simulation, someone: Person) -> None:
    """What a user had before does not come back with being enabled again."""
    browser, graph = Browser(world), Graph(world)
    tokens = redeem(world, told(browser.sign_in(browser.authorize(), someone))["code"]).json
    code = told(browser.authorize())["code"]
    for enabled in (False, True):
        assert graph.ask("PATCH", f"users/{someone.user.id}", {"accountEnabled": enabled}).status == 204
    assert refresh(world, tokens["refresh_token"]).json["error_codes"] == [50173]
    assert redeem(world, code).json["error_codes"] == [50173]
    assert title(browser.authorize()) == "Sign in"


# ---- second factors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, GLOBAL_ADMINISTRATOR, AUTHENTICATION_ADMINISTRATOR])
def test_a_token_alone_removes_nobodys_own_factor(world: Simulation, someone: Person, role: str | None) -> None:
    """SEC-TOKEN-23: of whoever has any right over others neither."""
    if role is not None:
        give(world, someone, role)
    app, browser = add_app(world, someone.user), Browser(world)
    scope = f"{GRAPH_AUDIENCE}/.default"
    page = browser.sign_in(browser.authorize(scope=scope), someone)
    tokens = redeem(world, told(browser.send(page, code=app.code()))["code"], scope=scope).json
    world.advance(HOUR_S - 600)
    graph = Graph(world, token=tokens["access_token"])
    for whose in ("me", f"users/{someone.user.id}"):
        assert graph.ask("DELETE", f"{whose}/authentication/softwareOathMethods/{app.id}").status == 403


# ---- devices ---------------------------------------------------------------------------------------------------------


def test_another_sites_form_leads_to_our_page(world: Simulation) -> None:
    """SEC-TOKEN-6: nobody is taken past the warning; without the page's cookie the page is what comes."""
    devices.allow(world)
    waiting = devices.Device(world, devices.ask(world).json)
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/deviceauth"
    answer = world.ask("POST", url, form={"user_code": waiting.user_code})
    assert title(answer) == "Sign in at a device"


def test_switched_off_what_was_let_in_gets_nothing(world: Simulation, someone: Person) -> None:
    """SEC-TOKEN-6: between the yes and the program's question."""
    devices.allow(world)
    waiting = devices.Device(world, devices.ask(world).json)
    browser, page = devices.confirm_page(waiting, someone)
    browser.send(page, answer="yes")
    devices.allow(world, allowed=False)
    assert waiting.poll().json["error_codes"] == [53003]
    devices.allow(world)
    assert waiting.poll().status == 200


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_a_page_that_is_no_longer_registered_gets_nothing(
    world: Simulation, client: Principal, someone: Person
) -> None:
    """Neither by a code nor by a refresh token, and no answer that its browser shows it."""
    browser = Browser(world)
    page = asked(browser, client, someone, f"{VAULT} offline_access", redirect_uri=SPA)
    codes = [told(browser.send(page, answer="accept"))["code"]]
    codes.append(told(browser.authorize(client_id=client.appid, redirect_uri=SPA, scope=VAULT))["code"])
    asked_for = {
        "grant_type": "authorization_code",
        "client_id": client.appid,
        "redirect_uri": SPA,
        "code_verifier": VERIFIER,
    }
    given = from_page(world, "https://page.example", **asked_for, code=codes[0])
    assert claims(given.json["access_token"])["appid"] == client.appid
    change(world, client, lambda one: replace(one, sign_in=SignIn(public_client=(INSTALLED,))))
    again = {"grant_type": "refresh_token", "refresh_token": given.json["refresh_token"], "scope": VAULT}
    for form in ({**asked_for, "code": codes[1]}, {**again, "client_id": client.appid}):
        answer = from_page(world, "https://page.example", **form)
        assert answer.json["error_codes"] == [9002326]
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://a.example/b", "https://a.example;"),
        ("myapp:/back", "myapp:;"),
        ("urn:ietf:wg:oauth:2.0:oob", "urn:;"),
        ("msal123://auth", "msal123://auth;"),
    ],
)
def test_a_form_may_lead_to_an_installed_program(world: Simulation, uri: str, source: str) -> None:
    """CSP 3 section 2.3.1: a scheme without a host is a scheme alone."""
    client = world.principal("an app")
    sign_in_by(world, client, public_client=(uri,))
    answer = Browser(world).authorize(client_id=client.appid, redirect_uri=uri, scope=VAULT)
    assert f"form-action 'self' {source}" in answer.headers["content-security-policy"]
