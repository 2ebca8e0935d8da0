"""The audit of sign-ins: every token, issued or refused, with who, what, by which credential, from where, and why."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.sessions import TokenFamily
from tests.flow.apps import consent, graph, sign_in_by
from tests.flow.browser import Browser, told
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import AZURE_CLI, Person, allow_passwords, partition, person, refresh, sign_in
from tests.world import PUBLIC_ADDRESS, Answer, Principal, Simulation

ADDRESS = "203.0.113.7"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    allow_passwords(world)
    return person(world)


def last(world: Simulation) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the last entry, and its properties."""
    entry = world.entries()[-1]
    return entry, entry["properties"]


def ask(world: Simulation, app: Principal, **form: str) -> Answer:
    """Ask for a token as a registered application."""
    members = {"client_id": app.appid, "client_secret": app.secret, "scope": "https://graph.microsoft.com/.default"}
    return world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token", form=members | form)


def check_user(world: Simulation, who: Person, answer: Answer) -> None:
    """Hold the last entry to say everything about a token that speaks for a user."""
    assert answer.status == 200, answer.body
    entry, said = last(world)
    (password,) = world.view.credentials_of(who.user.id)
    assert entry["callerIpAddress"] == ADDRESS
    assert said["tenantId"] == world.first.tenant_id
    assert (said["userId"], said["userCredentialId"]) == (who.user.id, password.id)
    family = world.view.get(TokenFamily, partition(world), said["sessionId"])
    assert family is not None
    assert (family.user, family.app_id) == (who.user.id, said["appId"])
    assert len(said["tokenId"]) > 20
    assert answer.json["access_token"] not in str(entry)


def test_a_users_tokens(world: Simulation, someone: Person) -> None:
    """By password and by refresh: whose, for which client, by which password, in which session."""
    first = sign_in(world, someone)
    check_user(world, someone, first)
    assert last(world)[1]["grantType"] == "password"
    check_user(world, someone, refresh(world, first.json["refresh_token"]))
    assert last(world)[1]["grantType"] == "refresh_token"


def test_a_user_who_calls(world: Simulation, someone: Person) -> None:
    """A user's token names the address that the user signed in from, wherever the call is from."""
    token = sign_in(world, someone, scope="https://graph.microsoft.com/.default").json["access_token"]
    assert world.ask("GET", f"{world.graph_url}/v1.0/me", token=token, peer="203.0.113.8").status == 200
    entry, _ = last(world)
    claim = entry["identity"]["claim"]
    assert (claim["oid"], claim["upn"], claim["unique_name"]) == (someone.user.id, someone.name, someone.name)
    assert (claim["ipaddr"], entry["callerIpAddress"]) == (ADDRESS, "203.0.113.8")


def test_a_sign_in_in_the_browser(world: Simulation, someone: Person) -> None:
    """The page's own entry says who showed what, and the redemption's which token came of it."""
    browser = Browser(world)
    code = told(browser.sign_in(browser.authorize(), someone))["code"]
    _, said = last(world)
    (password,) = world.view.credentials_of(someone.user.id)
    assert (said["userId"], said["userCredentialId"], said["appId"]) == (someone.user.id, password.id, AZURE_CLI)
    check_user(world, someone, redeem(world, code))


def test_an_applications_own_tokens(world: Simulation) -> None:
    """The principal and the id of the secret."""
    app = world.principal("an app")
    assert ask(world, app, grant_type="client_credentials").status == 200
    entry, said = last(world)
    assert (said["appId"], said["objectId"], said["credentialId"]) == (app.appid, app.oid, app.key_id)
    assert entry["callerIpAddress"] == PUBLIC_ADDRESS


def test_a_confidential_clients_tokens_for_a_user(world: Simulation, someone: Person) -> None:
    """Both credentials are named: the client's, and the user's."""
    app = world.principal("a web app")
    sign_in_by(world, app, is_fallback_public_client=False)
    consent(world, app.oid, graph(world), "User.Read")
    answer = ask(
        world,
        app,
        grant_type="password",
        username=someone.name,
        password=someone.password,
        scope="https://graph.microsoft.com/User.Read",
    )
    check_user(world, someone, answer)
    assert last(world)[1]["credentialId"] == app.key_id


@pytest.mark.parametrize(
    ("change", "reason", "known"),
    [
        ({"password": "Wrong-passw0rd"}, "wrong password", True),
        ({"username": "nobody@strongroom.localhost"}, "unknown user", False),
        ({"scope": "https://storage.azure.com/.default"}, None, False),
    ],
)
def test_what_is_refused(
    world: Simulation,
    someone: Person,
    change: dict[str, str],
    reason: str | None,
    known: bool,  # noqa: FBT001
) -> None:
    """With the address, the client and the reason, and no word of what was typed."""
    answer = sign_in(world, someone, **change)
    assert answer.status == 400
    entry, said = last(world)
    assert (entry["callerIpAddress"], said["appId"], said["httpStatusCode"]) == (ADDRESS, AZURE_CLI, 400)
    if reason is not None:
        assert said["reason"] == reason
    assert ("userId" in said) is known
    assert "tokenId" not in said
    assert "Wrong-passw0rd" not in str(entry)


def test_what_is_refused_to_somebody_known(world: Simulation) -> None:
    """A disabled user with the right password is named: to the operator, and to nobody else before."""
    allow_passwords(world)
    gone = person(world, enabled=False)
    assert sign_in(world, gone).json["error_codes"] == [50057]
    _, said = last(world)
    assert (said["userId"], said["reason"]) == (gone.user.id, "user is disabled")
