"""The audit of what users are refused at the token endpoint: whom it was about, and never with what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.first_party import KEY_VAULT
from strongroom.core.identity import User
from strongroom.core.limits import AUTHORIZATION_CODE_S
from strongroom.core.sessions import TokenFamily
from strongroom.directory.sessions import end_families
from tests.assertions import DAY
from tests.flow.apps import azure, claims, consent, offer, scope, sign_in_by
from tests.flow.apps_users import VERIFIER, code, on_behalf_of, redeem
from tests.flow.refusals import SCOPE, TYPED, Case, Make, hold, named, shown
from tests.flow.users import AZURE_CLI, Person, add_app, allow_passwords, person, refresh, sign_in
from tests.plugins import canary
from tests.world import VAULT_AUDIENCE, Principal, Simulation

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def wrong_password(world: Simulation) -> Case:
    """Name the account that there is, and no credential."""
    who, typed = person(world), f"Wrong-{canary.plant()}"
    names = {"appId": AZURE_CLI, "grantType": "password", "userId": who.user.id}
    return Case(sign_in(world, who, password=typed), 50126, names, (typed, who.password))


def unknown_user(world: Simulation) -> Case:
    """Repeat no name that is nobody's."""
    who = person(world)
    answer = sign_in(world, who, username=f"{TYPED}@strongroom.localhost")
    return Case(answer, 50126, {"appId": AZURE_CLI, "grantType": "password"}, (who.password,))


def disabled_user(world: Simulation) -> Case:
    """With the password that was right."""
    who = person(world, enabled=False)
    names = {"appId": AZURE_CLI, "grantType": "password", **shown(world, who)}
    return Case(sign_in(world, who), 50057, names, (who.password,))


def expired_password(world: Simulation) -> Case:
    """With the password that was right."""
    who = person(world, must_change=True)
    names = {"appId": AZURE_CLI, "grantType": "password", **shown(world, who)}
    return Case(sign_in(world, who), 50055, names, (who.password,))


def second_factor_missing(world: Simulation) -> Case:
    """With the password that was right."""
    who = person(world)
    add_app(world, who.user)
    names = {"appId": AZURE_CLI, "grantType": "password", **shown(world, who)}
    return Case(sign_in(world, who), 50076, names, (who.password,))


def no_refresh_token(world: Simulation) -> Case:
    """Name nobody: what was shown is none."""
    return Case(refresh(world, TYPED), 70000, {"appId": AZURE_CLI, "grantType": "refresh_token"})


def begun(world: Simulation) -> tuple[Person, str, dict[str, str]]:
    """Sign somebody in; what the family's entries have, too."""
    who = person(world)
    tokens = sign_in(world, who).json
    names = {"grantType": "refresh_token", "sessionId": claims(tokens["access_token"])["sid"], **shown(world, who)}
    return who, tokens["refresh_token"], names


def refresh_by_another(world: Simulation) -> Case:
    """Whose it is, and who asked with it."""
    _, token, names = begun(world)
    other = "1950a258-227b-4e31-a9cf-717495945fc2"
    return Case(refresh(world, token, client_id=other), 70000, {"appId": other, **names}, (token,))


def refresh_of_the_ended(world: Simulation) -> Case:
    """Whose it was."""
    who, token, names = begun(world)
    user = world.view.principal(who.user.tenant, who.user.id)
    assert isinstance(user, User)
    world.commit(lambda tx: tx.put(replace(user, enabled=False)))
    return Case(refresh(world, token), 50173, {"appId": AZURE_CLI, **names}, (token,))


def used_again(world: Simulation) -> Case:
    """Whose it was."""
    _, first, names = begun(world)
    second = refresh(world, first).json["refresh_token"]
    third = refresh(world, second).json["refresh_token"]
    return Case(refresh(world, first), 50173, {"appId": AZURE_CLI, **names}, (first, second, third))


def refresh_with_a_wrong_secret(world: Simulation) -> Case:
    """Look at no token before its client has proved itself."""
    _, token, _ = begun(world)
    app, secret = world.principal(), canary.plant()
    answer = refresh(world, token, client_id=app.appid, client_secret=secret)
    return Case(answer, 7000215, named(app, "refresh_token"), (token, secret))


def code_of(world: Simulation) -> tuple[Person, Principal, str, dict[str, str]]:
    """Make a code of a web application."""
    who, app = person(world), world.principal()
    sign_in_by(world, app, web=("https://app.example/signed-in",))
    return who, app, code(world, who, app.appid), shown(world, who)


def code_of_another_client(world: Simulation) -> Case:
    """Whose it is, and who asked with it."""
    _, _, made, names = code_of(world)
    other = world.principal()
    answer = redeem(world, made, other)
    session = world.entries()[-1]["properties"]["sessionId"]
    more = {"credentialId": other.key_id, "sessionId": session}
    return Case(answer, 70000, named(other, "authorization_code", **names, **more), (made, other.secret, VERIFIER))


def code_without_its_verifier(world: Simulation) -> Case:
    """Whose it is."""
    _, app, made, names = code_of(world)
    wrong = canary.plant().ljust(43, "x")
    answer = redeem(world, made, app, code_verifier=wrong)
    session = world.entries()[-1]["properties"]["sessionId"]
    more = {"credentialId": app.key_id, "sessionId": session}
    return Case(answer, 501481, named(app, "authorization_code", **names, **more), (made, wrong))


def late_code(world: Simulation) -> Case:
    """Whose it was."""
    _, app, made, names = code_of(world)
    world.advance(AUTHORIZATION_CODE_S)
    answer = redeem(world, made, app)
    session = world.entries()[-1]["properties"]["sessionId"]
    more = {"credentialId": app.key_id, "sessionId": session}
    return Case(answer, 70008, named(app, "authorization_code", **names, **more), (made, app.secret))


def code_without_a_proof(world: Simulation) -> Case:
    """Look at no code before its client has proved itself."""
    _, app, made, _ = code_of(world)
    return Case(redeem(world, made, app, secret=False), 7000218, named(app, "authorization_code"), (made,))


def no_code(world: Simulation) -> Case:
    """Name nobody: what was shown is none."""
    _, app, _, _ = code_of(world)
    answer = redeem(world, TYPED, app)
    return Case(answer, 70000, named(app, "authorization_code", credentialId=app.key_id), (app.secret,))


def api(world: Simulation) -> tuple[Principal, str, Person, dict[str, str]]:
    """Make an API that was called with somebody's token: the API, the token, whose it is, and what names it."""
    made, uri = offer(world, scope("access"), version=2)
    consent(world, made.oid, azure(world, KEY_VAULT), "user_impersonation")
    who, web = person(world), world.principal()
    sign_in_by(world, web, web=("https://app.example/signed-in",))
    consent(world, web.oid, made.oid, "access")
    token = redeem(world, code(world, who, web.appid), web, scope=f"{uri}/access").json["access_token"]
    return made, token, who, {"userId": who.user.id, "assertionTokenId": claims(token)["uti"]}


def assertion_by_another(world: Simulation) -> Case:
    """Whose token it is, and who showed it."""
    _, token, _, names = api(world)
    other, _ = offer(world, scope("access"), version=2)
    answer = on_behalf_of(world, other, token, SCOPE)
    return Case(answer, 500131, named(other, ON_BEHALF_OF, credentialId=other.key_id, **names), (token, other.secret))


def late_token(world: Simulation) -> Case:
    """Whose token it was."""
    made, token, _, names = api(world)
    world.advance(DAY / 4)
    answer = on_behalf_of(world, made, token, SCOPE)
    return Case(answer, 500133, named(made, ON_BEHALF_OF, credentialId=made.key_id, **names), (token,))


def ended_token(world: Simulation) -> Case:
    """Whose token it was."""
    made, token, who, names = api(world)
    families = [one for one in world.view.all(TokenFamily) if one.user == who.user.id]
    world.commit(lambda tx: end_families(tx, families))
    answer = on_behalf_of(world, made, token, SCOPE)
    return Case(answer, 50173, named(made, ON_BEHALF_OF, credentialId=made.key_id, **names), (token,))


def no_token(world: Simulation) -> Case:
    """Name nobody: what was shown is none."""
    made, _ = offer(world, scope("access"), version=2)
    answer = on_behalf_of(world, made, TYPED, SCOPE)
    return Case(answer, 50027, named(made, ON_BEHALF_OF, credentialId=made.key_id), (made.secret,))


def altered_token(world: Simulation) -> Case:
    """No claim of a token that nobody signed."""
    made, token, _, _ = api(world)
    altered = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    answer = on_behalf_of(world, made, altered, SCOPE)
    return Case(answer, 50013, named(made, ON_BEHALF_OF, credentialId=made.key_id), (altered,))


def api_with_a_wrong_secret(world: Simulation) -> Case:
    """Look at no token before the API has proved itself."""
    made, token, _, _ = api(world)
    secret = canary.plant()
    answer = on_behalf_of(world, made, token, SCOPE, client_secret=secret)
    return Case(answer, 7000215, named(made, ON_BEHALF_OF), (token, secret))


def redeemed_again(world: Simulation) -> Case:
    """Say whose it was, and in which session its first redemption ended."""
    _, app, made, names = code_of(world)
    sent = {"scope": f"{VAULT_AUDIENCE}/user_impersonation"}
    consent(world, app.oid, azure(world, KEY_VAULT), "user_impersonation")
    session = claims(redeem(world, made, app, **sent).json["access_token"])["sid"]
    answer = redeem(world, made, app, **sent)
    more = {"credentialId": app.key_id, "sessionId": session}
    return Case(answer, 54005, named(app, "authorization_code", **names, **more), (made, app.secret))


USERS: tuple[Make, ...] = (
    wrong_password, unknown_user, disabled_user, expired_password, second_factor_missing, no_refresh_token,
    refresh_by_another, refresh_of_the_ended, used_again, refresh_with_a_wrong_secret, code_of_another_client,
    code_without_its_verifier, late_code, code_without_a_proof, no_code, assertion_by_another, late_token, ended_token,
    redeemed_again, no_token, altered_token, api_with_a_wrong_secret,
)  # fmt: skip


@pytest.mark.parametrize("make", USERS, ids=lambda one: one.__name__)
def test_users(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: whose password, code or token it was is said as soon as it is known, whatever comes of it."""
    allow_passwords(world)
    hold(world, make(world))
    refused = [one["properties"] for one in world.entries() if one["properties"]["httpStatusCode"] >= 400]
    assert not [one for one in refused if "tokenId" in one], "a token that nobody got"
