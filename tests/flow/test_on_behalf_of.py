"""On-behalf-of: an API that was called by a user asks another one in that user's name."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.first_party import KEY_VAULT
from strongroom.core.identity import SigningKey, User
from strongroom.core.limits import ACCESS_TOKEN_MAX_S, ON_BEHALF_OF_CHAIN
from strongroom.core.sessions import TokenFamily
from strongroom.core.vaults import AccessPolicy
from strongroom.directory import signing_keys
from strongroom.directory.sessions import end_families, expired_families
from strongroom.directory.user_passwords import set_password
from tests.flow.apps import (
    application,
    ask_for_itself,
    azure,
    change,
    change_principal,
    claims,
    consent,
    offer,
    refused,
    said,
    scope,
    sign_in_by,
)
from tests.flow.apps_users import ALL, code, on_behalf_of, redeem
from tests.flow.users import Person, ask_token, partition, person
from tests.plugins import canary
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

VAULT_SCOPE = f"{VAULT_AUDIENCE}/.default"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user who may do everything in the vault."""
    who = person(world)
    world.grant(who.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return who


@pytest.fixture(params=[1, 2])
def api(world: Simulation, request: pytest.FixtureRequest) -> tuple[Principal, str]:
    """Register a web API, of either version of tokens, that everybody lets use vaults for them."""
    made, uri = offer(world, scope("access"), version=request.param)
    consent(world, made.oid, azure(world, KEY_VAULT), "user_impersonation")
    return made, uri


@pytest.fixture
def web(world: Simulation, api: tuple[Principal, str]) -> Principal:
    """Register the web application that calls the API."""
    made = world.principal()
    consent(world, made.oid, api[0].oid, "access")
    return made


def called(world: Simulation, who: Person, web: Principal, uri: str) -> Answer:
    """Sign a user in to the web application, which gets a token for the API."""
    return redeem(world, code(world, who, web.appid), web, scope=f"{uri}/access {ALL}")


def assertion(world: Simulation, who: Person, web: Principal, uri: str) -> str:
    """Give the token that the API is called with."""
    token: str = called(world, who, web, uri).json["access_token"]
    return token


def works(world: Simulation, answer: Answer) -> bool:
    """Tell whether an access token opens the vault."""
    status = world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=answer.json["access_token"]).status
    assert status in {200, 401}
    return status == 200


# ---- what comes of it -----------------------------------------------------------------------------------------------


def test_an_api_opens_the_vault_for_its_caller(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """The token is the API's, for the user; the journal says both."""
    given = called(world, someone, web, api[1])
    answer = on_behalf_of(world, api[0], given.json["access_token"], VAULT_SCOPE)
    recorded = world.entries()[-1]["properties"]
    token, before = said(answer), claims(given.json["access_token"])
    assert (recorded["assertionTokenId"], recorded["tokenId"]) == (before["uti"], token["uti"])
    expected = {
        "aud": VAULT_AUDIENCE,
        "oid": someone.user.id,
        "upn": someone.name,
        "appid": api[0].appid,
        "appidacr": "1",
        "scp": "user_impersonation",
        "idtyp": "user",
        "ver": "1.0",
    }
    assert token.items() >= expected.items()
    assert token["sid"] != before["sid"], "a family of its own"
    assert token["sub"] != before["sub"]
    assert works(world, answer)
    identity = world.entries()[-1]["identity"]["claim"]
    assert (identity["oid"], identity["appid"]) == (someone.user.id, api[0].appid)
    assert "refresh_token" not in answer.json
    assert "id_token" not in answer.json


def test_a_refresh_token_comes_if_it_is_asked_for(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """As azure-identity asks: with the words of OpenID Connect."""
    given = assertion(world, someone, web, api[1])
    answer = on_behalf_of(world, api[0], given, f"{VAULT_SCOPE} {ALL}")
    assert claims(answer.json["id_token"])["aud"] == api[0].appid
    asked = {
        "grant_type": "refresh_token",
        "refresh_token": answer.json["refresh_token"],
        "client_id": api[0].appid,
        "client_secret": api[0].secret,
    }
    again = ask_token(world, **asked, scope=f"{VAULT_SCOPE} offline_access")
    assert works(world, again)


def test_the_v1_endpoint_does_it_too(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """With `resource` in the place of `scope`."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "requested_token_use": "on_behalf_of",
        "client_id": api[0].appid,
        "client_secret": api[0].secret,
        "assertion": assertion(world, someone, web, api[1]),
        "resource": VAULT_AUDIENCE,
    }
    answer = world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/token", form=form)
    assert said(answer)["oid"] == someone.user.id
    assert answer.json["resource"] == VAULT_AUDIENCE
    assert works(world, answer)


@pytest.mark.usefixtures("restored")
def test_a_compound_policy_is_for_the_user_through_the_api(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal, name: str
) -> None:
    """SEC-TOKEN-16: neither the user through another client nor the API by itself nor another user through it."""
    policy = AccessPolicy(world.first.tenant_id, someone.user.id, api[0].appid, secrets=("get", "set", "list"))
    world.set_vault(rbac=False, access_policies=(policy,))
    url = f"{world.vault_url}/secrets/{name}?api-version=7.4"
    token = on_behalf_of(world, api[0], assertion(world, someone, web, api[1]), VAULT_SCOPE).json["access_token"]
    assert world.ask("PUT", url, token=token, body={"value": "v"}).status == 200
    assert world.ask("GET", url, token=token).json["value"] == "v"
    other_api, uri = offer(world, scope("access"))
    for one, other in ((other_api, azure(world, KEY_VAULT)), (web, other_api.oid)):
        consent(world, one.oid, other, "user_impersonation" if one is other_api else "access")
    through_another = on_behalf_of(world, other_api, assertion(world, someone, web, uri), VAULT_SCOPE)
    other_user = on_behalf_of(world, api[0], assertion(world, person(world), web, api[1]), VAULT_SCOPE)
    for answer in (through_another, other_user, ask_for_itself(world, api[0], VAULT_AUDIENCE)):
        assert world.ask("GET", url, token=answer.json["access_token"]).status == 403


def test_an_api_asks_another_api(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """Its token is for that one, which asks on in turn; as far as the chain may go."""
    given, caller = assertion(world, someone, web, api[1]), api[0]
    for _ in range(ON_BEHALF_OF_CHAIN - 1):
        following, uri = offer(world, scope("access"), version=2)
        consent(world, caller.oid, following.oid, "access")
        answer = on_behalf_of(world, caller, given, f"{uri}/access")
        assert said(answer).items() >= {"aud": following.appid, "azp": caller.appid, "scp": "access"}.items()
        given, caller = answer.json["access_token"], following
    consent(world, caller.oid, azure(world, KEY_VAULT), "user_impersonation")
    consent(world, caller.oid, caller.oid, "access")
    last = on_behalf_of(world, caller, given, VAULT_SCOPE)
    assert works(world, last), "at the limit"
    uri = application(world, caller).identifier_uris[0]
    longest = on_behalf_of(world, caller, given, f"{uri}/access").json["access_token"]
    told = refused(on_behalf_of(world, caller, longest, VAULT_SCOPE), 50013)
    assert "Too many applications" in told["error_description"], "one past it"


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_an_api_needs_consent(world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal) -> None:
    """AADSTS65001 with its suberror, so that the caller can be asked."""
    given = assertion(world, someone, web, api[1])
    told = refused(on_behalf_of(world, api[0], given, "https://management.azure.com/.default"), 65001)
    assert told["suberror"] == "consent_required"


def test_an_api_has_to_prove_itself(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """AADSTS7000216, public client or not."""
    sign_in_by(world, api[0], is_fallback_public_client=True, spa=("https://page.example/",))
    given = assertion(world, someone, web, api[1])
    answer = on_behalf_of(world, api[0], given, VAULT_SCOPE, client_secret=None)
    refused(answer, 7000216, "invalid_client", 401)


@pytest.mark.parametrize("missing", ["assertion", "requested_token_use", "scope"])
def test_what_is_missing_is_named(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal, missing: str
) -> None:
    """AADSTS900144; and another use of the grant is none of ours."""
    given = assertion(world, someone, web, api[1])
    answer = on_behalf_of(world, api[0], given, VAULT_SCOPE, **{missing: None})
    assert missing in refused(answer, 900144, "invalid_request")["error_description"]
    other = on_behalf_of(world, api[0], given, VAULT_SCOPE, requested_token_use="something_else")
    refused(other, 9002313, "invalid_request")


def test_the_assertion_is_for_the_api_that_shows_it(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """AADSTS500131 for another application's token, and for one of the service's own, whatever was registered."""
    given = assertion(world, someone, web, api[1])
    other, uri = offer(world, scope("access"))
    refused(on_behalf_of(world, other, given, VAULT_SCOPE), 500131)
    refused(on_behalf_of(world, web, given, VAULT_SCOPE), 500131)
    change(world, other, lambda one: replace(one, identifier_uris=(uri, VAULT_AUDIENCE)))
    for_vault = on_behalf_of(world, api[0], given, VAULT_SCOPE).json["access_token"]
    refused(on_behalf_of(world, other, for_vault, VAULT_SCOPE), 500131)
    change(world, other, lambda one: replace(one, identifier_uris=(uri,)))


def test_the_assertion_is_in_its_time(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """AADSTS500133 once it has expired."""
    given = assertion(world, someone, web, api[1])
    world.advance(claims(given)["exp"] - world.clock() - 1)
    assert on_behalf_of(world, api[0], given, VAULT_SCOPE).status == 200
    world.advance(1)
    refused(on_behalf_of(world, api[0], given, VAULT_SCOPE), 500133)


def test_only_a_users_access_token_is_an_assertion(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """Neither an application's own token, nor an id token for the API, which its own sign-in gives it."""
    by_itself = ask_for_itself(world, web, api[1]).json["access_token"]
    refused(on_behalf_of(world, api[0], by_itself, VAULT_SCOPE), 50013)
    signed_in = redeem(world, code(world, someone, api[0].appid), api[0], scope=f"{VAULT_SCOPE} openid")
    refused(on_behalf_of(world, api[0], signed_in.json["id_token"], VAULT_SCOPE), 50013)


def private_key(world: Simulation, tenant: str) -> tuple[SigningKey, rsa.RSAPrivateKey]:
    """Take a tenant's signing key, as nobody should be able to."""
    key = signing_keys.signs_now(world.view.signing_keys(tenant), int(world.clock()))
    # The service made the key. To check it once more takes longer than the test.
    opened = load_der_private_key(
        signing_keys.open_private_key(world.keys, key), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(opened, rsa.RSAPrivateKey)
    return key, opened


def forged(world: Simulation, given: str, *, tenant: str | None = None, **changes: Any) -> str:
    """Sign a token's claims again, changed, with a tenant's real key."""
    key, private = private_key(world, tenant or world.first.tenant_id)
    said_before = {name: value for name, value in {**claims(given), **changes}.items() if value is not None}
    made = jwt.encode(said_before, private, "RS256", headers={"kid": key.id, "x5t": key.id})
    canary.remember(made)
    return made


def test_forged_assertions(world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal) -> None:
    """SEC-TENANT-2: 50027 what is no token; 50013 another's key or issuer; 50173 what leads back to nothing."""
    given = assertion(world, someone, web, api[1])
    other = world.tenant()

    def ask(text: str) -> Answer:
        return on_behalf_of(world, api[0], text, VAULT_SCOPE)

    assert ask(forged(world, given)).status == 200, "the key is the real one: only what is changed is refused"
    head, payload, signature = given.split(".")
    for text in ("none", "a.b.c", f"{head}.{payload}", f"{head}.{payload}.{signature}="):
        refused(ask(text), 50027, "invalid_request")
    unsigned = jwt.encode(claims(given), "", "none")
    refused(ask(unsigned), 50027, "invalid_request")
    another = assertion(world, someone, web, api[1]).rpartition(".")[2]
    refused(ask(f"{head}.{payload}.{another}"), 50013)
    refused(ask(forged(world, given, tenant=other)), 50013)
    refused(ask(forged(world, given, tenant=other, tid=other)), 50013)
    for changes in ({"iss": f"https://sts.windows.net/{other}/"}, {"iss": "https://login.microsoftonline.com/x/v2.0"}):
        refused(ask(forged(world, given, **changes)), 50013)
    for gone in ("sid", "uti", "oid", "scp", "idtyp"):
        refused(ask(forged(world, given, **{gone: None})), 50013)
    refused(ask(forged(world, given, cnf={"x5t#S256": "x"})), 50013)
    refused(ask(forged(world, given, exp=None)), 500133)
    client = "azp" if claims(given)["ver"] == "2.0" else "appid"
    for changes in ({"sid": secrets.token_hex(16)}, {"uti": "x" * 27}, {"oid": world.first.object_id}, {client: "x"}):
        refused(ask(forged(world, given, **changes)), 50173)


def test_an_assertion_of_another_tenant(world: Simulation, api: tuple[Principal, str]) -> None:
    """SEC-TENANT-2: a user of that tenant, a token of that tenant, and an API that is in both."""
    other = world.tenant()
    change(world, api[0], lambda one: replace(one, sign_in_audience="AzureADMultipleOrgs"))
    token = ask_for_itself(world, world.principal(tenant=other), VAULT_AUDIENCE, other).json["access_token"]
    refused(on_behalf_of(world, api[0], token, VAULT_SCOPE), 50013)


# ---- when it ends ---------------------------------------------------------------------------------------------------


def test_what_ends_the_caller_ends_the_api(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """SEC-FLOW-17: the family of the assertion, the secret that its client showed, and that client itself."""
    tenant = world.first.tenant_id

    def begin() -> tuple[Answer, TokenFamily]:
        given = assertion(world, someone, web, api[1])
        family = world.view.get(TokenFamily, partition(world), claims(given)["sid"])
        answer = on_behalf_of(world, api[0], given, f"{VAULT_SCOPE} offline_access")
        assert family is not None
        assert works(world, answer)
        return answer, family

    def is_over(answer: Answer) -> None:
        assert not works(world, answer)
        again = ask_token(
            world,
            grant_type="refresh_token",
            refresh_token=answer.json["refresh_token"],
            client_id=api[0].appid,
            client_secret=api[0].secret,
            scope=VAULT_SCOPE,
        )
        refused(again, 50173)

    answer, family = begin()
    world.commit(lambda tx: end_families(tx, [family]))
    is_over(answer)

    answer, family = begin()
    world.commit(lambda tx: tx.put(replace(family, ended=True)))
    is_over(answer)

    answer, _ = begin()
    change_principal(world, web, enabled=False)
    is_over(answer)
    change_principal(world, web, enabled=True)

    answer, _ = begin()
    verifier = world.run(world.world.passwords.hash("Another-passw0rd"))
    world.commit(
        lambda tx: set_password(
            tx,
            tenant,
            someone.user.id,
            verifier=verifier,
            must_change=False,
            now=int(world.clock()),
            entropy=secrets.token_bytes,
        )
    )
    is_over(answer)

    answer, _ = begin()
    held = world.view.credential(web.key_id)
    assert held is not None
    world.commit(lambda tx: tx.remove(held))
    is_over(answer)


def test_what_has_ended_is_no_assertion(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """AADSTS50173: its family, its user, or the secret that its client showed."""
    given = assertion(world, someone, web, api[1])
    user = world.view.principal(world.first.tenant_id, someone.user.id)
    assert isinstance(user, User)
    world.commit(lambda tx: tx.put(replace(user, enabled=False)))
    refused(on_behalf_of(world, api[0], given, VAULT_SCOPE), 50173)
    world.commit(lambda tx: tx.put(user))
    assert on_behalf_of(world, api[0], given, VAULT_SCOPE).status == 200
    held = world.view.credential(web.key_id)
    assert held is not None
    world.commit(lambda tx: tx.remove(held))
    refused(on_behalf_of(world, api[0], given, VAULT_SCOPE), 50173)


def test_the_apis_own_secret_ends_what_it_got(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """And leaves its caller's tokens alone."""
    given = called(world, someone, web, api[1])
    answer = on_behalf_of(world, api[0], given.json["access_token"], VAULT_SCOPE)
    held = world.view.credential(api[0].key_id)
    assert held is not None
    world.commit(lambda tx: tx.remove(held))
    assert not works(world, answer)
    refreshed = ask_token(
        world,
        grant_type="refresh_token",
        refresh_token=given.json["refresh_token"],
        client_id=web.appid,
        client_secret=web.secret,
        scope=f"{api[1]}/access",
    )
    assert refreshed.status == 200


def test_a_callers_family_is_kept_while_the_apis_goes_on(
    world: Simulation, someone: Person, api: tuple[Principal, str], web: Principal
) -> None:
    """A caller without a refresh token is over in an hour or two; the API's family, that has one, goes on."""
    given = redeem(world, code(world, someone, web.appid), web, scope=f"{api[1]}/access").json["access_token"]
    answer = on_behalf_of(world, api[0], given, f"{VAULT_SCOPE} offline_access")
    other = redeem(world, code(world, someone, web.appid), web, scope=f"{api[1]}/access").json["access_token"]
    world.advance(ACCESS_TOKEN_MAX_S)
    over = {one.id for one in expired_families(world.view, int(world.clock()))}
    assert claims(other)["sid"] in over
    assert claims(given)["sid"] not in over
    again = ask_token(
        world,
        grant_type="refresh_token",
        refresh_token=answer.json["refresh_token"],
        client_id=api[0].appid,
        client_secret=api[0].secret,
        scope=VAULT_SCOPE,
    )
    assert works(world, again)
