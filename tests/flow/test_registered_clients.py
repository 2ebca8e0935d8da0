"""Registered applications at the token endpoint: how they prove themselves, from where, and what ends their tokens."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.first_party import KEY_VAULT
from strongroom.core.identity import User
from strongroom.core.limits import PAGE_REFRESH_TOKEN_S
from strongroom.core.sessions import TokenFamily
from strongroom.directory import applications, client_secrets, deletion
from tests.flow.apps import (
    application,
    azure,
    change,
    change_principal,
    claims,
    consent,
    refused,
    said,
    sign_in_by,
)
from tests.flow.apps_users import ALL, ORIGIN, REDIRECT, VERIFIER, code, from_page, redeem
from tests.flow.users import AZURE_CLI, Person, allow_passwords, ask_token, partition, person, sign_in
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

VAULT_SCOPE = f"{VAULT_AUDIENCE}/.default {ALL}"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user who may do everything in the vault."""
    who = person(world)
    world.grant(who.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return who


@pytest.fixture
def client(world: Simulation) -> Principal:
    """Register a client that everybody lets use vaults for them."""
    made = world.principal()
    consent(world, made.oid, azure(world, KEY_VAULT), "user_impersonation")
    return made


def works(world: Simulation, answer: Answer | str) -> bool:
    """Tell whether an access token opens the vault."""
    token = answer if isinstance(answer, str) else answer.json["access_token"]
    status = world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status
    assert status in {200, 401}
    return status == 200


def again(world: Simulation, answer: Answer, client: Principal, secret: str | None) -> Answer:
    """Refresh."""
    return ask_token(
        world,
        grant_type="refresh_token",
        refresh_token=answer.json["refresh_token"],
        client_id=client.appid,
        client_secret=secret,
    )


def add_secret(world: Simulation, app: Principal) -> Principal:
    """Give an application another secret."""
    made = client_secrets.make_client_secret(
        world.keys,
        application(world, app),
        expires=int(world.clock()) + 86_400,
        now=int(world.clock()),
        entropy=secrets.token_bytes,
    )
    world.commit(lambda tx: client_secrets.add_password(tx, made.credential))
    return replace(app, secret=made.text, key_id=made.credential.id)


def remove_secret(world: Simulation, app: Principal) -> None:
    """Take an application's secret away."""
    found = world.view.credential(app.key_id)
    assert found is not None
    world.commit(lambda tx: tx.remove(found))


# ---- confidential clients -------------------------------------------------------------------------------------------


def test_a_web_application_acts_for_its_user(world: Simulation, someone: Person, client: Principal) -> None:
    """It redeems a code with its secret; the vault is opened with the user's rights, and the journal says both."""
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    token = said(answer)
    assert token.items() >= {"appid": client.appid, "appidacr": "1", "oid": someone.user.id}.items()
    assert claims(answer.json["id_token"])["aud"] == client.appid
    assert works(world, answer)
    identity = world.entries()[-1]["identity"]["claim"]
    assert (identity["oid"], identity["appid"]) == (someone.user.id, client.appid)
    assert works(world, again(world, answer, client, client.secret))


def test_the_scope_of_the_code_is_the_one_that_is_meant(world: Simulation, someone: Person, client: Principal) -> None:
    """RFC 6749 section 4.1.3 has no `scope` at redemption."""
    made = code(world, someone, client.appid, scope=f"{VAULT_AUDIENCE}/user_impersonation openid")
    answer = redeem(world, made, client, scope=None)
    assert (said(answer)["aud"], "id_token" in answer.json) == (VAULT_AUDIENCE, True)


def test_a_web_applications_code_wants_its_proof(world: Simulation, someone: Person, client: Principal) -> None:
    """AADSTS7000218 without one, also for a client that has pages as well; a wrong secret is a wrong secret."""
    made = code(world, someone, client.appid)
    refused(redeem(world, made, client, secret=False), 7000218, "invalid_client", 401)
    sign_in_by(world, client, web=(REDIRECT,), spa=("https://page.example/",), is_fallback_public_client=True)
    refused(redeem(world, made, client, secret=False, scope=VAULT_SCOPE), 7000218, "invalid_client", 401)
    refused(redeem(world, made, client, client_secret="wrong"), 7000215, "invalid_client", 401)
    assert redeem(world, made, client, scope=VAULT_SCOPE).status == 200


def test_a_web_application_may_do_without_a_challenge(world: Simulation, someone: Person, client: Principal) -> None:
    """It proves itself; but a challenge that was sent is held to, and a verifier without one is a mistake."""
    plain = code(world, someone, client.appid, challenge=None)
    refused(redeem(world, plain, client, scope=VAULT_SCOPE), 501481)
    assert redeem(world, plain, client, scope=VAULT_SCOPE, code_verifier=None).status == 200
    bound = code(world, someone, client.appid)
    refused(redeem(world, bound, client, scope=VAULT_SCOPE, code_verifier=None), 900144, "invalid_request")
    refused(redeem(world, bound, client, scope=VAULT_SCOPE, code_verifier="x" * 43), 501481)


def test_a_code_is_its_clients(world: Simulation, someone: Person, client: Principal) -> None:
    """AADSTS70000 for another client, another redirect URI and a public client."""
    made = code(world, someone, client.appid)
    other = world.principal()
    refused(redeem(world, made, other, scope=VAULT_SCOPE), 70000)
    refused(redeem(world, made, client, scope=VAULT_SCOPE, redirect_uri=f"{REDIRECT}/x"), 70000)
    refused(redeem(world, made, client, secret=False, client_id=AZURE_CLI, scope=VAULT_SCOPE), 70000)


def test_a_confidential_client_refreshes_with_its_proof(world: Simulation, someone: Person, client: Principal) -> None:
    """AADSTS7000218 without; another client's refresh token is none."""
    sign_in_by(world, client, is_fallback_public_client=True)
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    refused(again(world, answer, client, None), 7000218, "invalid_client", 401)
    other = world.principal()
    refused(again(world, answer, other, other.secret), 70000)
    assert again(world, answer, client, client.secret).status == 200


def test_consent_taken_back_ends_what_comes_next(world: Simulation, someone: Person, client: Principal) -> None:
    """AADSTS65001 at the next refresh."""
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    (grant,) = world.view.permission_grants_of(world.first.tenant_id, client.oid)
    world.commit(lambda tx: tx.remove(grant))
    refused(again(world, answer, client, client.secret), 65001)


# ---- what ends with the client's credential -------------------------------------------------------------------------


def test_removing_a_secret_ends_the_tokens_obtained_with_it(
    world: Simulation, someone: Person, client: Principal
) -> None:
    """SEC-FLOW-17: exactly those, access token and refresh token; what another secret got goes on."""
    other = add_secret(world, client)
    first = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    second = redeem(world, code(world, someone, client.appid), other, scope=VAULT_SCOPE)
    assert works(world, first)
    assert works(world, second)
    remove_secret(world, client)
    assert not works(world, first)
    assert works(world, second)
    refused(again(world, first, other, other.secret), 50173)
    assert again(world, second, other, other.secret).status == 200


def test_a_family_goes_over_to_the_secret_that_refreshed_it(
    world: Simulation, someone: Person, client: Principal
) -> None:
    """So a secret can be rotated: what was obtained with the old one ends with it, and what came later does not."""
    first = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    other = add_secret(world, client)
    second = again(world, first, other, other.secret)
    assert works(world, first)
    remove_secret(world, client)
    assert not works(world, first)
    assert works(world, second)
    third = again(world, second, other, other.secret)
    remove_secret(world, other)
    assert not works(world, third)


def test_a_disabled_client_acts_for_nobody(world: Simulation, someone: Person, client: Principal) -> None:
    """SEC-FLOW-17: neither by an access token that it has nor by a refresh token, until it is enabled again."""
    sign_in_by(world, client, public_client=("http://localhost",))
    made = code(world, someone, client.appid, "public_client", redirect_uri="http://localhost:1")
    public = redeem(world, made, client, secret=False, redirect_uri="http://localhost:1", scope=VAULT_SCOPE)
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    change_principal(world, client, enabled=False)
    assert not works(world, answer)
    assert not works(world, public)
    refused(again(world, answer, client, client.secret), 7000112, "unauthorized_client")
    refused(again(world, public, client, None), 7000112, "unauthorized_client")
    change_principal(world, client, enabled=True)
    assert works(world, answer)
    assert works(world, public)


@pytest.mark.parametrize("what", ["principal", "application"])
def test_a_deleted_clients_families_do_not_come_back(
    world: Simulation, someone: Person, client: Principal, what: str
) -> None:
    """Restoring it gives no token back that was given before."""
    tenant, now = world.first.tenant_id, int(world.clock())
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    deleted = [client.oid]
    if what == "principal":
        world.commit(lambda tx: applications.delete_service_principal(tx, tenant, client.oid, now=now))
    else:
        world.commit(lambda tx: applications.delete_application(tx, tenant, client.application, now=now))
        deleted.append(client.application)
    assert not works(world, answer)
    for one in deleted:
        world.commit(lambda tx, one=one: deletion.restore(tx, tenant, one, now))
    assert not works(world, answer)
    refused(again(world, answer, client, client.secret), 50173)


# ---- public clients -------------------------------------------------------------------------------------------------


def test_an_installed_program_needs_no_secret_and_may_not_send_one(
    world: Simulation, someone: Person, client: Principal
) -> None:
    """AADSTS700025 with one; and PKCE is not for it to leave out."""
    sign_in_by(world, client, public_client=(REDIRECT,))
    made = code(world, someone, client.appid, "public_client")
    refused(redeem(world, made, client, scope=VAULT_SCOPE), 700025, "invalid_request")
    without = code(world, someone, client.appid, "public_client", challenge=None)
    refused(redeem(world, without, client, secret=False, scope=VAULT_SCOPE), 9002325, "invalid_request")
    answer = redeem(world, made, client, secret=False, scope=VAULT_SCOPE)
    assert said(answer)["appidacr"] == "0"
    assert works(world, answer)
    refused(again(world, answer, client, client.secret), 700025, "invalid_request")
    refreshed = again(world, answer, client, None)
    remove_secret(world, client)
    assert works(world, refreshed), "the program never showed the secret"


def test_who_is_not_registered_as_public_has_to_prove_itself(
    world: Simulation, someone: Person, client: Principal
) -> None:
    """AADSTS7000218 for every grant; the password grant wants `isFallbackPublicClient`, not a redirect URI."""
    allow_passwords(world)
    asked = {"client_id": client.appid, "scope": VAULT_SCOPE}
    refused(sign_in(world, someone, **asked), 7000218, "invalid_client", 401)
    sign_in_by(world, client, public_client=(REDIRECT,), spa=(REDIRECT,), is_fallback_public_client=False)
    refused(sign_in(world, someone, **asked), 7000218, "invalid_client", 401)
    sign_in_by(world, client, is_fallback_public_client=True)
    answer = sign_in(world, someone, **asked)
    assert works(world, answer)
    assert works(world, again(world, answer, client, None))
    assert works(world, sign_in(world, someone, client_secret=client.secret, **asked))


def test_a_public_client_gets_nothing_for_itself(world: Simulation, client: Principal) -> None:
    """AADSTS7000216: nobody has proved anything."""
    sign_in_by(world, client, public_client=(REDIRECT,), is_fallback_public_client=True)
    answer = ask_token(
        world, grant_type="client_credentials", client_id=client.appid, scope=f"{VAULT_AUDIENCE}/.default"
    )
    refused(answer, 7000216, "invalid_client", 401)


# ---- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(world: Simulation, client: Principal) -> Principal:
    """Register the client as a page."""
    sign_in_by(world, client, spa=(REDIRECT,))
    return client


def from_origin(world: Simulation, origin: str | None, made: str, page: Principal, **form: str | None) -> Answer:
    """Redeem a page's code."""
    members = {
        "grant_type": "authorization_code",
        "client_id": page.appid,
        "code": made,
        "code_verifier": VERIFIER,
        "redirect_uri": REDIRECT,
        "scope": VAULT_SCOPE,
        **form,
    }
    return from_page(world, origin, **members)


def refresh_from(world: Simulation, origin: str | None, token: str, page: Principal) -> Answer:
    """Refresh as a page."""
    return from_page(
        world,
        origin,
        grant_type="refresh_token",
        client_id=page.appid,
        refresh_token=token,
        scope=VAULT_SCOPE,
    )


def test_a_page_redeems_its_code_from_its_own_origin(world: Simulation, someone: Person, page: Principal) -> None:
    """The answer may be read by that origin and no other one."""
    made = code(world, someone, page.appid, "spa")
    answer = from_origin(world, ORIGIN, made, page)
    assert works(world, answer)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_nobody_else_redeems_a_pages_code(world: Simulation, someone: Person, page: Principal) -> None:
    """AADSTS9002327 where no browser asks, 9002326 from another page; and a secret is 700025."""
    made = code(world, someone, page.appid, "spa")
    refused(from_origin(world, None, made, page), 9002327, "invalid_request")
    for origin in ("https://evil.example", "null", f"{ORIGIN}:8443", "http://app.example"):
        answer = from_origin(world, origin, made, page)
        refused(answer, 9002326, "invalid_request")
        assert "access-control-allow-origin" not in answer.headers
    refused(from_origin(world, ORIGIN, made, page, client_secret=page.secret), 700025, "invalid_request")
    without = code(world, someone, page.appid, "spa", challenge=None)
    refused(from_origin(world, ORIGIN, without, page), 9002325, "invalid_request")


def test_a_page_redeems_nobody_elses_code(world: Simulation, someone: Person, page: Principal) -> None:
    """AADSTS9002326 for codes and refresh tokens of web applications and installed programs."""
    sign_in_by(world, page, spa=(REDIRECT,), public_client=(REDIRECT,))
    for made, secret in (
        (code(world, someone, page.appid, "web"), page.secret),
        (code(world, someone, page.appid, "public_client"), None),
    ):
        refused(from_origin(world, ORIGIN, made, page, client_secret=secret), 9002326, "invalid_request")
    made = code(world, someone, page.appid, "public_client")
    answer = redeem(world, made, page, secret=False, scope=VAULT_SCOPE)
    refused(refresh_from(world, ORIGIN, answer.json["refresh_token"], page), 9002326, "invalid_request")


def test_a_page_can_read_why_it_was_refused(world: Simulation, page: Principal) -> None:
    """From an origin of the client that it names, and from no other."""
    answer = from_origin(world, ORIGIN, "no-code", page)
    refused(answer, 70000)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in from_origin(world, "https://evil.example", "no-code", page).headers
    other = world.principal()
    assert "access-control-allow-origin" not in from_origin(world, ORIGIN, "no-code", other).headers


def test_a_pages_refresh_tokens_end_a_day_after_the_sign_in(
    world: Simulation, someone: Person, page: Principal
) -> None:
    """AADSTS700084 then, however often they were used; and they too are for the page's origin alone."""
    answer = from_origin(world, ORIGIN, code(world, someone, page.appid, "spa"), page)
    refused(refresh_from(world, None, answer.json["refresh_token"], page), 9002327, "invalid_request")
    refused(refresh_from(world, "https://evil.example", answer.json["refresh_token"], page), 9002326, "invalid_request")
    world.advance(PAGE_REFRESH_TOKEN_S - 1)
    answer = refresh_from(world, ORIGIN, answer.json["refresh_token"], page)
    assert works(world, answer)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    world.advance(1)
    refused(refresh_from(world, ORIGIN, answer.json["refresh_token"], page), 700084)
    assert works(world, answer), "the access token ends by itself"


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("version", ["v2.0/", ""])
def test_a_browser_asks_before_it_lets_a_page_post(world: Simulation, version: str) -> None:
    """The preflight names the origin if an application of the tenant has a page there."""

    def preflight(origin: str | None, tenant: str) -> Answer:
        headers = {"Access-Control-Request-Method": "POST", **({"Origin": origin} if origin else {})}
        return world.ask("OPTIONS", f"{world.login_url}/{tenant}/oauth2/{version}token", headers=headers)

    for tenant in (world.first.tenant_id, "common"):
        answer = preflight(ORIGIN, tenant)
        assert (answer.status, answer.body, answer.headers["access-control-allow-origin"]) == (204, b"", ORIGIN)
        assert answer.headers["access-control-allow-methods"] == "POST"
        assert "content-type" in answer.headers["access-control-allow-headers"]
    for origin, tenant in ((None, "common"), ("https://evil.example", "common"), (ORIGIN, world.tenant())):
        answer = preflight(origin, tenant)
        assert answer.status == 204
        assert "access-control-allow-origin" not in answer.headers
    assert preflight(ORIGIN, "nobody.example").status == 400


# ---- what is kept ---------------------------------------------------------------------------------------------------


def test_a_family_says_what_it_was_begun_with(world: Simulation, someone: Person, client: Principal) -> None:
    """The client's credential, or none for a public one; nothing secret is in it."""
    answer = redeem(world, code(world, someone, client.appid), client, scope=VAULT_SCOPE)
    family = world.view.get(TokenFamily, partition(world), claims(answer.json["access_token"])["sid"])
    assert family is not None
    assert (family.client_credential, family.origin, family.until) == (client.key_id, None, None)
    assert client.secret not in repr(family)
    assert isinstance(world.view.principal(family.tenant, family.user), User)


def test_another_tenants_client_is_unknown(world: Simulation, someone: Person) -> None:
    """SEC-TENANT-2: its codes, secrets and refresh tokens are worth nothing here, and ours nothing there."""
    other = world.tenant()
    stranger = world.principal(tenant=other)
    made = code(world, someone, stranger.appid)
    refused(redeem(world, made, stranger, scope=VAULT_SCOPE), 700016, "unauthorized_client")
    change(world, stranger, lambda one: replace(one, sign_in_audience="AzureADMultipleOrgs"))
    refused(redeem(world, made, stranger, scope=VAULT_SCOPE), 700016, "unauthorized_client")
    answer = ask_token(
        world,
        other,
        grant_type="authorization_code",
        client_id=stranger.appid,
        client_secret=stranger.secret,
        code=made,
        code_verifier=VERIFIER,
        redirect_uri=REDIRECT,
        scope=VAULT_SCOPE,
    )
    refused(answer, 70000)
