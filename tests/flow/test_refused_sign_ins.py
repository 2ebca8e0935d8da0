"""The audit of what the token service refuses: whom it was about, as far as that is known, and never with what."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from strongroom.core.first_party import KEY_VAULT
from strongroom.core.identity import User
from strongroom.core.limits import AUTHORIZATION_CODE_S, DEVICE_CODE_S
from strongroom.core.network import Link
from strongroom.core.sessions import TokenFamily
from strongroom.directory.sessions import end_families
from tests.assertions import ASSERTION_TYPE, DAY, make_signer
from tests.flow import test_device_code as devices
from tests.flow import test_identity_maps as maps
from tests.flow import test_managed_identity as managed
from tests.flow import test_workload_identity as workloads
from tests.flow.apps import application, azure, change_principal, claims, consent, offer, scope, sign_in_by
from tests.flow.apps_users import VERIFIER, code, on_behalf_of, redeem
from tests.flow.browser import Browser
from tests.flow.certificates import Client
from tests.flow.graph import Graph
from tests.flow.test_federation import EXCHANGE, Workload
from tests.flow.users import AZURE_CLI, Person, add_app, allow_passwords, person, refresh, sign_in
from tests.plugins import canary
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

SCOPE = f"{VAULT_AUDIENCE}/.default"
ITSELF = "client_credentials"
ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPED = "typed-in-by-somebody"
"""What names nothing: it might be a secret that was put in the wrong place."""
WHO = (
    "tenantId", "grantType", "appId", "objectId", "credentialId", "userId", "userCredentialId", "secondFactorId",
    "sessionId", "assertionTokenId", "tokenId",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A refusal: its answer, its number, who the entry is to name, and what must not stand in it."""

    answer: Answer
    number: int | None
    names: Mapping[str, str | None]
    hidden: tuple[str, ...] = ()


Make = Callable[[Simulation], Case]


def hold(world: Simulation, case: Case) -> dict[str, Any]:
    """Hold the last entry to name these and nobody else, the address and the reason, and nothing that was sent."""
    entry = world.entries()[-1]
    said: dict[str, Any] = entry["properties"]
    if case.number is not None:
        told = f"AADSTS{case.number}:" in case.answer.body.decode() or said.get("refusal") == f"AADSTS{case.number}"
        assert told, case.answer.body
        assert case.answer.status >= 400 or "refusalReason" in said
    assert {name: said[name] for name in WHO if name in said} == {"tenantId": world.first.tenant_id, **case.names}
    assert entry["callerIpAddress"]
    assert entry["resultDescription"] or said["refusalReason"]
    assert "omitted" not in said
    text = json.dumps(entry)
    assert TYPED not in text
    for secret in case.hidden:
        assert secret
        assert secret not in text
    return said


def ask(world: Simulation, app: Principal | None = None, **form: str | None) -> Answer:
    """Ask the token endpoint, as an application that proves itself by its secret unless the test wants otherwise."""
    members: dict[str, str | None] = {"grant_type": ITSELF, "scope": SCOPE}
    if app is not None:
        members |= {"client_id": app.appid, "client_secret": app.secret}
    sent = {name: value for name, value in (members | form).items() if value is not None}
    return world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token", form=sent)


def named(app: Principal, grant: str = ITSELF, **more: str) -> dict[str, str | None]:
    """Say what an entry has of an application that was named."""
    return {"appId": app.appid, "objectId": app.oid, "grantType": grant, **more}


# ---- clients at the token endpoint ----------------------------------------------------------------------------------


def unknown_client(world: Simulation) -> Case:
    """Nothing but tenant and grant: an id that names nothing is not repeated."""
    secret = canary.plant()
    return Case(ask(world, client_id=TYPED, client_secret=secret), 700016, {"grantType": ITSELF}, (secret,))


def client_of_another_tenant(world: Simulation) -> Case:
    """Keep to the tenant: what is not in it is unknown there."""
    app = world.principal(tenant=world.tenant())
    return Case(ask(world, app), 700016, {"grantType": ITSELF}, (app.secret,))


def wrong_secret(world: Simulation) -> Case:
    """Who was named, and no credential."""
    app, secret = world.principal(), canary.plant()
    return Case(ask(world, app, client_secret=secret), 7000215, named(app), (secret, app.secret))


def wrong_secret_in_the_header(world: Simulation) -> Case:
    """By client_secret_basic as well."""
    app, secret = world.principal(), canary.plant()
    basic = b64encode(f"{app.appid}:{secret}".encode()).decode()
    answer = world.ask(
        "POST",
        f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token",
        form={"grant_type": ITSELF, "scope": SCOPE},
        headers={"Authorization": f"Basic {basic}"},
    )
    return Case(answer, 7000215, named(app), (secret, basic))


def expired_secret(world: Simulation) -> Case:
    """Which secret it was."""
    app = world.principal(lifetime_s=60)
    world.advance(61)
    return Case(ask(world, app), 7000222, named(app, credentialId=app.key_id), (app.secret,))


def disabled_principal(world: Simulation) -> Case:
    """Which secret was right."""
    app = world.principal()
    change_principal(world, app, enabled=False)
    return Case(ask(world, app), 7000112, named(app, credentialId=app.key_id), (app.secret,))


def two_proofs(world: Simulation) -> Case:
    """Refused before either is judged."""
    app = world.principal()
    answer = ask(world, app, client_assertion=TYPED, client_assertion_type=ASSERTION_TYPE)
    return Case(answer, 9002313, named(app), (app.secret,))


def certificate(world: Simulation, **when: int) -> Client:
    """Make an application with a certificate."""
    return Client(world, make_signer(now=int(world.clock()), **when), Graph(world, world.administrator))


def unregistered_certificate(world: Simulation) -> Case:
    """Who was named, and no credential."""
    client, other = certificate(world), make_signer(now=int(world.clock()), name="another")
    shown = other.assertion(client.claims())
    return Case(client.ask(shown), 700027, named(client.app), (shown,))


def expired_certificate(world: Simulation) -> Case:
    """Which certificate it was: its key has signed."""
    client = certificate(world, ends=DAY)
    world.advance(DAY + 1)
    shown = client.signer.assertion(client.claims())
    return Case(client.ask(shown), 700027, named(client.app, credentialId=client.key_id), (shown,))


def disabled_with_a_certificate(world: Simulation) -> Case:
    """Which certificate it was."""
    client = certificate(world)
    change_principal(world, client.app, enabled=False)
    return Case(client.ask(), 7000112, named(client.app, credentialId=client.key_id))


def bad_signature(world: Simulation) -> Case:
    """Name no certificate that did not sign: it was not shown."""
    client = certificate(world)
    shown = client.signer.assertion(client.claims())
    shown = shown[:-6] + ("AAAAAA" if shown[-6:] != "AAAAAA" else "BBBBBB")
    return Case(client.ask(shown), 700027, named(client.app), (shown,))


def late_assertion(world: Simulation) -> Case:
    """Whoever has the key is known by it."""
    client = certificate(world)
    shown = client.signer.assertion(client.claims(exp=int(world.clock()) - 3600, nbf=int(world.clock()) - 7200))
    return Case(client.ask(shown), 700024, named(client.app, credentialId=client.key_id), (shown,))


def no_assertion(world: Simulation) -> Case:
    """Show what is no token at all."""
    client = certificate(world)
    return Case(client.ask(TYPED), 50027, named(client.app))


def workload(world: Simulation) -> Workload:
    """Make an application with a federated credential."""
    return Workload(world, Graph(world, world.administrator))


def unknown_issuer(world: Simulation) -> Case:
    """Of an issuer that nobody named."""
    one = workload(world)
    shown = one.assertion(iss="https://elsewhere.example/")
    return Case(one.ask(shown), 700211, named(one.app), (shown,))


def unknown_subject(world: Simulation) -> Case:
    """Of a subject that nobody named."""
    one = workload(world)
    shown = one.assertion(sub=TYPED)
    return Case(one.ask(shown), 700213, named(one.app), (shown,))


def late_token_of_an_issuer(world: Simulation) -> Case:
    """Say which federated credential is for its subject."""
    one = workload(world)
    shown = one.assertion(exp=int(world.clock()) - 3600)
    return Case(one.ask(shown), 700024, named(one.app, credentialId=one.made["id"]), (shown,))


def wrong_audience(world: Simulation) -> Case:
    """Which federated credential is for its subject."""
    one = workload(world)
    shown = one.assertion(aud=["api://elsewhere"])
    return Case(one.ask(shown), 700212, named(one.app, credentialId=one.made["id"]), (shown,))


def disabled_workload(world: Simulation) -> Case:
    """Which federated credential it was."""
    one = workload(world)
    change_principal(world, one.app, enabled=False)
    shown = one.assertion(aud=[EXCHANGE])
    return Case(one.ask(shown), 7000112, named(one.app, credentialId=one.made["id"]), (shown,))


def disabled_identity(world: Simulation) -> Case:
    """Say which run it was whose assertion a managed identity showed."""
    run = workloads.control(world, "POST", "/run", {}).json
    shown = workloads.assertion_of(world, run)
    found = world.view.service_principal_by_app_id(world.first.tenant_id, run["clientId"])
    assert found is not None
    world.commit(lambda tx: tx.put(replace(found, enabled=False)))
    answer = workloads.sign_in(world, run, shown)
    world.commit(lambda tx: tx.put(found))
    names = {"appId": found.app_id, "objectId": found.id, "grantType": ITSELF, "credentialId": run["runId"]}
    return Case(answer, 7000112, names, (shown,))


def late_assertion_of_a_run(world: Simulation) -> Case:
    """Say which run it was."""
    run = workloads.control(world, "POST", "/run", {}).json
    shown = workloads.assertion_of(world, run, lifetimeSeconds=600)
    world.advance(601)
    found = world.view.service_principal_by_app_id(world.first.tenant_id, run["clientId"])
    assert found is not None
    names = {"appId": found.app_id, "objectId": found.id, "grantType": ITSELF, "credentialId": run["runId"]}
    return Case(workloads.sign_in(world, run, shown), 700024, names, (shown,))


def identity_with_a_secret(world: Simulation) -> Case:
    """Name the managed identity, which has none."""
    run, secret = workloads.control(world, "POST", "/run", {}).json, canary.plant()
    found = world.view.service_principal_by_app_id(world.first.tenant_id, run["clientId"])
    assert found is not None
    answer = ask(world, client_id=run["clientId"], client_secret=secret)
    return Case(answer, 700016, {"appId": found.app_id, "objectId": found.id, "grantType": ITSELF}, (secret,))


def no_proof(world: Simulation) -> Case:
    """Name a client that asks for itself and does not prove itself."""
    app = world.principal()
    return Case(ask(world, app, client_secret=None), 7000216, named(app))


def public_client_for_itself(world: Simulation) -> Case:
    """Name a well-known client, which has nothing to prove itself by."""
    return Case(ask(world, client_id=AZURE_CLI), 700016, {"appId": AZURE_CLI, "grantType": ITSELF})


def password_without_a_proof(world: Simulation) -> Case:
    """Repeat neither the name nor the password that was typed in."""
    app, who = world.principal(), person(world)
    sign_in_by(world, app, is_fallback_public_client=False)
    form = {"grant_type": "password", "username": who.name, "password": who.password}
    return Case(ask(world, app, client_secret=None, **form), 7000218, named(app, "password"), (who.password, who.name))


def unknown_grant(world: Simulation) -> Case:
    """Name the client, and repeat no grant that there is not."""
    app = world.principal()
    return Case(ask(world, app, grant_type=TYPED), 70003, {"appId": app.appid, "objectId": app.oid}, (app.secret,))


def no_grant(world: Simulation) -> Case:
    """Name the client."""
    app = world.principal()
    return Case(ask(world, app, grant_type=None), 900144, {"appId": app.appid, "objectId": app.oid}, (app.secret,))


def bound_token(world: Simulation) -> Case:
    """Before anybody is judged."""
    app = world.principal()
    return Case(ask(world, app, token_type="pop"), 392196, named(app), (app.secret,))


def unknown_resource(world: Simulation) -> Case:
    """After the proof, what proved it."""
    app = world.principal()
    answer = ask(world, app, scope="https://elsewhere.example/.default")
    return Case(answer, 500011, named(app, credentialId=app.key_id), (app.secret,))


CLIENTS: tuple[Make, ...] = (
    unknown_client, client_of_another_tenant, wrong_secret, wrong_secret_in_the_header, expired_secret,
    disabled_principal, two_proofs, unregistered_certificate, expired_certificate, disabled_with_a_certificate,
    bad_signature, late_assertion, no_assertion, unknown_issuer, unknown_subject, wrong_audience, disabled_workload,
    late_token_of_an_issuer, disabled_identity, late_assertion_of_a_run, identity_with_a_secret, no_proof,
    public_client_for_itself, password_without_a_proof,
    unknown_grant, no_grant, bound_token, unknown_resource,
)  # fmt: skip


@pytest.mark.parametrize("make", CLIENTS, ids=lambda one: one.__name__)
def test_clients(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: each way a client is refused leaves who was named, by which credential if one was right, and why."""
    hold(world, make(world))


def test_a_client_at_no_tenant(world: Simulation) -> None:
    """At `common` a registered client is named though nothing says whose user it is about."""
    app = world.principal()
    form = {"grant_type": ITSELF, "client_id": app.appid, "client_secret": app.secret, "scope": SCOPE}
    assert world.ask("POST", f"{world.login_url}/common/oauth2/v2.0/token", form=form).json["error_codes"] == [50059]
    said = world.entries()[-1]["properties"]
    assert {name: said[name] for name in WHO if name in said} == {"appId": app.appid, "grantType": ITSELF}


# ---- users at the token endpoint ------------------------------------------------------------------------------------


def shown(world: Simulation, who: Person) -> dict[str, str]:
    """Say what an entry has of a user whose password was right."""
    (password,) = world.view.credentials_of(who.user.id)
    return {"userId": who.user.id, "userCredentialId": password.id}


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


# ---- where people are sent to sign in -------------------------------------------------------------------------------

LISTENS = "https://app.example/signed-in"
CODE = {"grantType": "authorization_code"}


def web_app(world: Simulation) -> Principal:
    """Make a web application."""
    app = world.principal()
    sign_in_by(world, app, web=(LISTENS,))
    return app


def authorize(world: Simulation, **query: str | None) -> Answer:
    """Be sent to sign in."""
    return Browser(world).authorize(**query)


def unregistered_redirect(world: Simulation) -> Case:
    """Which client was named, and not where the answer was to go."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=f"https://{TYPED}.example")
    return Case(answer, 50011, named(app, "authorization_code"))


def unregistered_redirect_of_a_known_client(world: Simulation) -> Case:
    """Of a well-known client."""
    answer = authorize(world, redirect_uri=f"https://{TYPED}.example")
    return Case(answer, 50011, {"appId": AZURE_CLI, **CODE})


def unknown_client_at_the_page(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(authorize(world, client_id=TYPED), 700016, CODE)


def no_client_at_the_page(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(authorize(world, client_id=None), 900144, CODE)


def disabled_client_at_the_page(world: Simulation) -> Case:
    """Which client was named."""
    app = web_app(world)
    change_principal(world, app, enabled=False)
    return Case(authorize(world, client_id=app.appid, redirect_uri=LISTENS), 7000112, named(app, "authorization_code"))


def unreadable_request(world: Simulation) -> Case:
    """Told to the client, at its redirect URI."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=LISTENS, scope="https://elsewhere.example/.default")
    return Case(answer, 500011, named(app, "authorization_code"))


def nobody_signed_in(world: Simulation) -> Case:
    """`prompt=none`."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=LISTENS, prompt="none")
    return Case(answer, 50058, named(app, "authorization_code"))


def wrong_password_at_the_page(world: Simulation) -> Case:
    """Whose account, for which client."""
    app, who, typed = web_app(world), person(world), f"Wrong-{canary.plant()}"
    browser = Browser(world)
    page = browser.authorize(client_id=app.appid, redirect_uri=LISTENS)
    answer = browser.sign_in(page, who, password=typed)
    return Case(answer, 50126, named(app, "authorization_code", userId=who.user.id), (typed,))


def disabled_at_the_page(world: Simulation) -> Case:
    """With the password that was right."""
    app, who = web_app(world), person(world, enabled=False)
    browser = Browser(world)
    page = browser.authorize(client_id=app.appid, redirect_uri=LISTENS)
    answer = browser.sign_in(page, who)
    return Case(answer, 50057, named(app, "authorization_code", **shown(world, who)), (who.password,))


def ended_at_the_page(world: Simulation) -> Case:
    """Whoever went away between two steps is named still."""
    who = person(world)
    add_app(world, who.user)
    names = shown(world, who)
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), who)
    user = world.view.principal(who.user.tenant, who.user.id)
    assert isinstance(user, User)
    world.commit(lambda tx: tx.put(replace(user, enabled=False)))
    return Case(browser.send(page, code="000000"), 50173, {"appId": AZURE_CLI, **CODE, **names}, (who.password,))


def wrong_second_factor(world: Simulation) -> Case:
    """Whose, after which password."""
    who = person(world)
    add_app(world, who.user)
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), who)
    answer = browser.send(page, code="00000000")
    return Case(answer, 500121, {"appId": AZURE_CLI, **CODE, **shown(world, who)}, ("00000000",))


PAGES: tuple[Make, ...] = (
    unregistered_redirect, unregistered_redirect_of_a_known_client, unknown_client_at_the_page, no_client_at_the_page,
    disabled_client_at_the_page, unreadable_request, nobody_signed_in, wrong_password_at_the_page, disabled_at_the_page,
    ended_at_the_page, wrong_second_factor,
)  # fmt: skip


@pytest.mark.parametrize("make", PAGES, ids=lambda one: one.__name__)
def test_pages(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: what is told on a page, or to the client by a redirect."""
    hold(world, make(world))


def test_signing_out(world: Simulation) -> None:
    """The client that sent the browser to sign out."""
    app = web_app(world)
    Browser(world).open(f"{world.first.tenant_id}/oauth2/v2.0/logout", client_id=app.appid)
    said = world.entries()[-1]["properties"]
    assert (said["tenantId"], said["appId"], said["objectId"]) == (world.first.tenant_id, app.appid, app.oid)


# ---- devices --------------------------------------------------------------------------------------------------------

DEVICE = {"grantType": "device_code"}


def devices_off(world: Simulation) -> Case:
    """Which client asked."""
    devices.allow(world, allowed=False)
    return Case(devices.ask(world), 53003, {"appId": AZURE_CLI, **DEVICE})


def unknown_client_of_a_device(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(devices.ask(world, client_id=TYPED), 700016, DEVICE)


def confidential_client_of_a_device(world: Simulation) -> Case:
    """Which client was named."""
    app = world.principal()
    return Case(devices.ask(world, client_id=app.appid), 7000218, named(app, "device_code"))


def unknown_resource_of_a_device(world: Simulation) -> Case:
    """Which client asked."""
    return Case(devices.ask(world, scope="https://elsewhere.example/.default"), 500011, {"appId": AZURE_CLI, **DEVICE})


def nobody_has_answered(world: Simulation) -> Case:
    """Which client asked."""
    device = devices.Device(world, devices.ask(world).json)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT}
    return Case(device.poll(), 70016, names, (device.codes["device_code"], device.user_code))


def switched_off_after_the_yes(world: Simulation) -> Case:
    """Who said yes."""
    device, who = devices.Device(world, devices.ask(world).json), person(world)
    browser, page = devices.confirm_page(device, who)
    browser.send(page, answer="yes")
    devices.allow(world, allowed=False)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT, **shown(world, who)}
    return Case(device.poll(), 53003, names, (device.codes["device_code"], device.user_code))


def late_device(world: Simulation) -> Case:
    """Which client asked."""
    device = devices.Device(world, devices.ask(world).json)
    world.advance(DEVICE_CODE_S)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT}
    return Case(device.poll(), 70020, names, (device.codes["device_code"],))


def wrong_user_code(world: Simulation) -> Case:
    """Name the tenant alone: what was typed in leads nowhere."""
    return Case(devices.type_in(Browser(world), TYPED), 70018, {})


DEVICES: tuple[Make, ...] = (
    devices_off, unknown_client_of_a_device, confidential_client_of_a_device, unknown_resource_of_a_device,
    nobody_has_answered, switched_off_after_the_yes, late_device, wrong_user_code,
)  # fmt: skip


@pytest.mark.parametrize("make", DEVICES, ids=lambda one: one.__name__)
def test_devices(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: whoever asks for a device code, polls, or types one in."""
    devices.allow(world)
    hold(world, make(world))


# ---- managed identities ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(world: Simulation) -> dict[str, Any]:
    """Begin a run of the default identity."""
    made = managed.begin(world)
    canary.remember(made["identityHeader"])
    return made


def told_of(world: Simulation, run: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Give the properties of the last entry, and the object id of a run's identity."""
    entry = world.entries()[-1]
    assert entry["properties"]["httpStatusCode"] == 400
    assert TYPED not in json.dumps(entry["properties"] | {"requestUri": ""})
    assert run["identityHeader"] not in json.dumps(entry)
    found = world.view.service_principal_by_app_id(world.first.tenant_id, run["clientId"])
    assert found is not None
    return entry["properties"], found.id


@pytest.mark.parametrize(
    "query",
    ["api-version=2019-08-01", f"resource={VAULT_AUDIENCE}", "api-version=2019-08-01&resource=https://x.example"],
)
def test_what_a_run_asks_wrongly(world: Simulation, run: dict[str, Any], query: str) -> None:
    """Which run it was; and which identity, as soon as the form says how one is named."""
    managed.ask(world, run, query)
    said, identity = told_of(world, run)
    assert (said["credentialId"], said["tenantId"]) == (run["runId"], world.first.tenant_id)
    assert said["proof"] == "header"
    assert said.get("objectId") == (identity if "api-version" in query else None)


def test_an_identity_that_nobody_lent(world: Simulation, run: dict[str, Any]) -> None:
    """Which one was asked for, as the directory knows it, and by which run; what names none is not repeated."""
    other = world.principal()
    for name, known in ((other.appid, other.oid), (TYPED, None)):
        managed.ask(world, run, f"api-version=2019-08-01&resource={VAULT_AUDIENCE}&client_id={name}")
        said, _ = told_of(world, run)
        assert (said["credentialId"], said.get("objectId")) == (run["runId"], known)
        assert "tokenId" not in said


def test_an_identity_that_is_disabled(world: Simulation, run: dict[str, Any]) -> None:
    """It is named, and the run."""
    found = world.view.service_principal_by_app_id(world.first.tenant_id, run["clientId"])
    assert found is not None
    world.commit(lambda tx: tx.put(replace(found, enabled=False)))
    managed.ask(world, run)
    world.commit(lambda tx: tx.put(found))
    said, identity = told_of(world, run)
    assert (said["credentialId"], said["objectId"], said["appId"]) == (run["runId"], identity, found.app_id)
    assert said["reason"] == "identity is gone or disabled"


def test_who_is_mapped_asks_for_another(world: Simulation) -> None:
    """Which map let the caller ask, and for which identity."""
    made = maps.add(world, user=1000)
    other = world.principal()
    owner = maps.Owner(is_here=True, user=1000)
    maps.refused(maps.ask(world, owner, more=f"&client_id={other.appid}"))
    said = world.entries()[-1]["properties"]
    assert (said["proof"], said["credentialId"], said["objectId"]) == ("user 1000", made["id"], other.oid)
    answer = world.ask("DELETE", f"http://control/identity-maps/{made['id']}", link=Link.CONTROL, host="control")
    assert answer.status == 204


def test_an_application_still_is_what_it_was(world: Simulation) -> None:
    """To be named in a refusal changes nothing: the same application signs in afterwards."""
    app = world.principal(secrets.token_hex(4))
    assert ask(world, app, client_secret="wrong").status == 401
    assert application(world, app).app_id == app.appid
    assert ask(world, app).status == 200
