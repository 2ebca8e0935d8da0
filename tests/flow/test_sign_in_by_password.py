"""The password grant, and the tokens of a user that come of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.identity import User
from strongroom.core.installation import Installation
from strongroom.core.limits import SIGN_IN_FAILURES, SIGN_IN_LOCK_S, USER_NAME_CHARS
from strongroom.directory.user_passwords import set_password
from tests.flow.users import AZURE_CLI, Person, allow_passwords, ask_token, person, sign_in
from tests.world import Answer, Simulation

WRONG = "AADSTS50126: Error validating credentials due to invalid username or password."


@pytest.fixture(autouse=True)
def _allowed(world: Simulation) -> None:
    allow_passwords(world)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


def claims(token: str) -> dict[str, Any]:
    """Read a token's claims, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def refused(answer: Answer, number: int, error: str = "invalid_grant") -> dict[str, Any]:
    """Hold an answer to be a refusal with this number."""
    told: dict[str, Any] = answer.json
    assert (answer.status, told["error"], told["error_codes"]) == (400, error, [number])
    assert "access_token" not in told, "a token minted together with an error"
    return told


def reason(world: Simulation) -> str:
    """Give the reason that the journal has of the last refusal."""
    text: str = world.entries()[-1]["properties"]["reason"]
    return text


# ---- who gets in -----------------------------------------------------------------------------------------------------


def test_a_user_reads_a_secret(world: Simulation, someone: Person, name: str) -> None:
    """Signed in by password through a public client, a user has the rights that role assignments give it."""
    world.grant(someone.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    token = sign_in(world, someone).json["access_token"]
    url = f"{world.vault_url}/secrets/{name}?api-version=7.4"
    assert world.ask("PUT", url, token=token, body={"value": "v"}).status == 200
    assert world.ask("GET", url, token=token).json["value"] == "v"
    identity = world.entries()[-1]["identity"]["claim"]
    assert (identity["oid"], identity["upn"], identity["appid"]) == (someone.user.id, someone.name, AZURE_CLI)


def test_the_password_grant_is_off_by_default(world: Simulation, someone: Person) -> None:
    """SEC-TOKEN-5: and whoever asks while it is off learns nothing about the user."""
    allow_passwords(world, allowed=False)
    for who in (sign_in(world, someone), sign_in(world, someone, username="nobody@strongroom.localhost")):
        refused(who, 53003)
    assert reason(world) == "the password grant is off in the tenant"


@pytest.mark.parametrize("authority", ["common", "organizations"])
def test_the_tenant_follows_from_the_name(world: Simulation, someone: Person, authority: str) -> None:
    """`az login -u` asks at `organizations`: the domain of the user's name says which tenant is meant."""
    answer = sign_in(world, someone, authority)
    assert answer.status == 200
    assert claims(answer.json["access_token"])["tid"] == world.first.tenant_id
    refused(sign_in(world, someone, authority, username="someone@elsewhere.example"), 50059, "invalid_request")


def test_a_name_is_found_without_case_and_a_password_is_not(world: Simulation, someone: Person) -> None:
    """PIT: "Password compared without case"."""
    assert sign_in(world, someone, username=someone.name.upper()).status == 200
    refused(sign_in(world, someone, password=someone.password.swapcase()), 50126)


def test_until_the_password_is_right_everyone_is_told_the_same(world: Simulation) -> None:
    """SEC-TOKEN-4: unknown, disabled and expired users look alike; the journal has the real reason."""
    told = []
    for who, why in (
        (person(world), "wrong password"),
        (person(world, enabled=False), "wrong password"),
        (person(world, must_change=True), "wrong password"),
    ):
        told.append(refused(sign_in(world, who, password="Wrong-passw0rd"), 50126)["error_description"])
        assert reason(world) == why
    unknown = sign_in(world, person(world), username="nobody@strongroom.localhost")
    told.append(refused(unknown, 50126)["error_description"])
    assert reason(world) == "unknown user"
    assert {text.partition(" Trace ID")[0] for text in told} == {WRONG}


def test_whoever_knows_the_password_is_told_what_is_wrong(world: Simulation) -> None:
    """SEC-TOKEN-4: disabled is 50057 and expired 50055, to those who showed the password."""
    refused(sign_in(world, person(world, enabled=False)), 50057)
    refused(sign_in(world, person(world, must_change=True)), 50055)


def test_a_user_of_another_tenant_is_unknown(world: Simulation) -> None:
    """SEC-TENANT-1: a right password opens its own tenant alone."""
    other = world.tenant()
    stranger = person(world, tenant=other)
    refused(sign_in(world, stranger), 50126)
    allow_passwords(world, other)
    assert sign_in(world, stranger, other).status == 200


@pytest.mark.parametrize("missing", ["username", "password", "scope", "client_id"])
def test_what_is_missing_is_named(world: Simulation, someone: Person, missing: str) -> None:
    """AADSTS900144 names the parameter."""
    answer = sign_in(world, someone, **{missing: None})
    assert missing in refused(answer, 900144, "invalid_request")["error_description"]


def test_a_registered_application_acts_for_nobody_without_consent(world: Simulation, someone: Person) -> None:
    """AADSTS65001, however right its secret and the password are."""
    app = world.principal()
    refused(sign_in(world, someone, client_id=app.appid, client_secret=app.secret), 65001)
    unproved = sign_in(world, someone, client_id=app.appid)
    assert (unproved.status, unproved.json["error_codes"]) == (401, [7000218])


# ---- lock-out --------------------------------------------------------------------------------------------------------


def test_too_many_wrong_passwords_lock_a_user_to_their_source(world: Simulation, someone: Person) -> None:
    """SEC-TOKEN-11: at the limit the right one is refused as a wrong one is, elsewhere it is not, and the lock ends."""
    for _ in range(SIGN_IN_FAILURES - 1):
        refused(sign_in(world, someone, password="Wrong-passw0rd"), 50126)
    assert sign_in(world, someone).status == 200, "one below the limit"
    for _ in range(SIGN_IN_FAILURES):
        refused(sign_in(world, someone, username=someone.name.upper(), password="Wrong-passw0rd"), 50126)
    refused(sign_in(world, someone), 50126)
    assert reason(world) == f"user {someone.user.id} is locked to the source"
    assert sign_in(world, someone, peer="198.51.100.9").status == 200
    world.advance(SIGN_IN_LOCK_S)
    assert sign_in(world, someone).status == 200


def test_a_long_name_is_not_kept_whole(world: Simulation) -> None:
    """Strangers cannot fill the memory with names that nobody has."""
    allow_passwords(world)
    name = "\u0390" * 5_000 + "@strongroom.localhost"
    answer = ask_token(world, grant_type="password", username=name, password="A-wrong-password-1")
    assert answer.status == 400
    assert max(len(kept) for kept, _ in world.world.lockout._failures) <= 3 * USER_NAME_CHARS


def test_the_break_glass_account_is_never_locked(world: Simulation) -> None:
    """SEC-TOKEN-11: the first user signs in whatever others tried."""
    installation = world.view.all(Installation)[0]
    first = world.view.principal(world.first.tenant_id, installation.break_glass)
    assert isinstance(first, User)
    admin = Person(first, world.first.user_password)
    for _ in range(SIGN_IN_FAILURES + 1):
        refused(sign_in(world, admin, password="Wrong-passw0rd"), 50126)
    assert sign_in(world, admin).status == 200


# ---- what the tokens say ---------------------------------------------------------------------------------------------


def test_the_claims_of_an_access_token(world: Simulation, someone: Person) -> None:
    """Reference clients.md section 7: v1, the user's names, `scp`, `appidacr` 0, and another `sub` for each client."""
    said = claims(sign_in(world, someone).json["access_token"])
    assert (
        said.items()
        >= {
            "aud": "https://vault.azure.net",
            "ver": "1.0",
            "acr": "1",
            "amr": ["pwd"],
            "appid": AZURE_CLI,
            "appidacr": "0",
            "idtyp": "user",
            "scp": "user_impersonation",
            "oid": someone.user.id,
            "upn": someone.name,
            "unique_name": someone.name,
            "name": "A person",
            "given_name": "A",
            "family_name": "Person",
            "ipaddr": "203.0.113.7",
            "tid": world.first.tenant_id,
        }.items()
    )
    powershell = sign_in(world, someone, client_id="1950a258-227b-4e31-a9cf-717495945fc2")
    other = claims(powershell.json["access_token"])
    assert len({said["sub"], other["sub"], someone.user.id}) == 3
    again = claims(sign_in(world, someone).json["access_token"])
    assert again["sub"] == said["sub"]


def test_the_id_token_is_for_the_client(world: Simulation, someone: Person) -> None:
    """Another library verifies it against the published keys; it names the user as clients need it."""
    answer = sign_in(world, someone).json
    published = world.ask("GET", f"{world.login_url}/{world.first.tenant_id}/discovery/v2.0/keys").json["keys"]
    key = next(one for one in published if one["kid"] == jwt.get_unverified_header(answer["id_token"])["kid"])
    said = jwt.decode(
        answer["id_token"],
        jwt.PyJWK(key).key,
        algorithms=["RS256"],
        audience=AZURE_CLI,
        issuer=f"{world.login_url}/{world.first.tenant_id}/v2.0",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert said.items() >= {"oid": someone.user.id, "preferred_username": someone.name, "ver": "2.0"}.items()
    info = json.loads(base64.urlsafe_b64decode(answer["client_info"] + "=="))
    assert info == {"uid": someone.user.id, "utid": world.first.tenant_id}
    assert set(answer["scope"].split()) >= {
        "https://vault.azure.net/user_impersonation",
        "https://vault.azure.net/.default",
    }


def test_what_is_not_asked_for_is_not_given(world: Simulation, someone: Person) -> None:
    """Without `openid` there is no id token, without `offline_access` no refresh token, without `client_info` none."""
    answer = sign_in(world, someone, scope="https://vault.azure.net/user_impersonation", client_info=None).json
    assert set(answer) == {"token_type", "expires_in", "ext_expires_in", "access_token", "scope"}
    assert answer["scope"] == "https://vault.azure.net/user_impersonation"


@pytest.mark.parametrize(
    ("scope", "number", "error"),
    [
        ("https://vault.azure.net/.default https://management.azure.com/.default", 70011, "invalid_scope"),
        ("https://vault.azure.net/Everything.All", 70011, "invalid_scope"),
        ("https://storage.azure.com/.default", 500011, "invalid_resource"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(
    world: Simulation, someone: Person, scope: str, number: int, error: str
) -> None:
    """One resource, and what it has."""
    refused(sign_in(world, someone, scope=scope), number, error)


# ---- when they end ---------------------------------------------------------------------------------------------------


def test_a_new_password_ends_the_tokens_of_the_old_one(world: Simulation, someone: Person, name: str) -> None:
    """SEC-FLOW-17: at once, on the next request, and the refresh token with them."""
    world.grant(someone.user.id, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    answer, url = sign_in(world, someone).json, f"{world.vault_url}/secrets/{name}?api-version=7.4"
    assert world.ask("GET", url, token=answer["access_token"]).status == 404
    verifier = world.run(world.world.passwords.hash("Another-passw0rd"))
    world.commit(
        lambda tx: set_password(
            tx,
            world.first.tenant_id,
            someone.user.id,
            verifier=verifier,
            must_change=False,
            now=int(world.clock()),
            entropy=world.world.entropy,
        )
    )
    assert world.ask("GET", url, token=answer["access_token"]).status == 401
    refused(ask_token(world, grant_type="refresh_token", refresh_token=answer["refresh_token"]), 50173)
