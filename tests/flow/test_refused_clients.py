"""The audit of refused clients and managed identities: whom it was about, as far as that is known, never with what."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.network import Link
from tests.assertions import ASSERTION_TYPE, DAY, make_signer
from tests.flow import test_identity_maps as maps
from tests.flow import test_managed_identity as managed
from tests.flow import test_workload_identity as workloads
from tests.flow.apps import application, change_principal, sign_in_by
from tests.flow.certificates import Client
from tests.flow.graph import Graph
from tests.flow.refusals import ITSELF, SCOPE, TYPED, WHO, Case, Make, hold, named
from tests.flow.test_federation import EXCHANGE, Workload
from tests.flow.users import AZURE_CLI, person
from tests.plugins import canary
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation


def ask(world: Simulation, app: Principal | None = None, **form: str | None) -> Answer:
    """Ask the token endpoint, as an application that proves itself by its secret unless the test wants otherwise."""
    members: dict[str, str | None] = {"grant_type": ITSELF, "scope": SCOPE}
    if app is not None:
        members |= {"client_id": app.appid, "client_secret": app.secret}
    sent = {name: value for name, value in (members | form).items() if value is not None}
    return world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token", form=sent)


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
