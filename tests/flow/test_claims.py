"""
What the tokens of each kind say, no more and no less, held against reference clients.md section 7.

Through the real endpoints, and read by another library with nothing but the published keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.first_party import KEY_VAULT
from strongroom.core.limits import RUN_S
from strongroom.core.network import Link
from strongroom.directory.roles import assign_role
from strongroom.http.peer_owner import Owner
from tests.flow.apps import ask_for_itself, assign, azure, consent, graph, offer, role, scope
from tests.flow.apps_users import code, on_behalf_of, redeem
from tests.flow.graph import Graph
from tests.flow.test_identity_maps import ask as ask_imds
from tests.flow.test_managed_identity import ask as ask_identity
from tests.flow.test_managed_identity import begin
from tests.flow.users import AZURE_CLI, Person, allow_passwords, ask_token, person, sign_in
from tests.world import GRAPH_AUDIENCE, PUBLIC_ADDRESS, START, VAULT_AUDIENCE, Principal, Simulation

NOW = int(START)
MAIL = "a.person@elsewhere.example"
WORDS = "openid profile email offline_access"


@dataclass(frozen=True)
class Like:
    """Equal to every text of a form: for what only its issuer can read, or has just made."""

    form: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.form, other) is not None

    def __hash__(self) -> int:
        return hash(self.form)


OPAQUE = Like(r"[A-Za-z0-9_-]{22,}")
GUID = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUBJECT = Like(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Between:
    """Equal to every whole number from one to another."""

    least: int
    most: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and self.least <= other <= self.most

    def __hash__(self) -> int:
        return hash((self.least, self.most))


class Expected:
    """The claims of each kind in a world, as the reference lists them."""

    def __init__(self, world: Simulation) -> None:
        self.tenant = world.first.tenant_id
        self.v1 = f"https://sts.windows.net/{self.tenant}/"
        self.v2 = f"{world.login_url}/{self.tenant}/v2.0"

    def times(self, least_s: int = 3600, most_s: int = 5400) -> dict[str, object]:
        """Sixty to ninety minutes from now, dated five minutes back."""
        return {"iat": NOW - 300, "nbf": NOW - 300, "exp": Between(NOW + least_s, NOW + most_s)}

    def opaque(self) -> dict[str, object]:
        """Give what every access token has and nobody reads."""
        return {"aio": OPAQUE, "rh": OPAQUE, "uti": OPAQUE, "tid": self.tenant}

    def version_1(self, client: str, proof: str, audience: str = VAULT_AUDIENCE) -> dict[str, object]:
        """Every access token of version 1."""
        return {
            **self.times(),
            **self.opaque(),
            "aud": audience,
            "iss": self.v1,
            "idp": self.v1,
            "appid": client,
            "appidacr": proof,
            "ver": "1.0",
        }

    def version_2(self, api: Principal, client: str, proof: str) -> dict[str, object]:
        """Every access token of version 2."""
        return {
            **self.times(),
            **self.opaque(),
            "aud": api.appid,
            "iss": self.v2,
            "azp": client,
            "azpacr": proof,
            "ver": "2.0",
        }

    def user(self, who: Someone, permissions: str) -> dict[str, object]:
        """Give what both versions say of a user; `sid` is ours (ADR 0014)."""
        return {
            "groups": [who.group],
            "idtyp": "user",
            "name": "A person",
            "oid": who.person.user.id,
            "scp": permissions,
            "sid": GUID,
            "sub": SUBJECT,
        }

    def user_1(self, who: Someone, permissions: str = "user_impersonation") -> dict[str, object]:
        """Give what version 1 says of a user; `auth_time` is ours (ADR 0014)."""
        return {
            **self.user(who, permissions),
            "acr": "1",
            "amr": ["pwd"],
            "auth_time": NOW,
            "family_name": "Person",
            "given_name": "A",
            "ipaddr": PUBLIC_ADDRESS,
            "puid": Like(r"1003[0-9A-F]{12}"),
            "unique_name": who.person.name,
            "upn": who.person.name,
            "wids": [GLOBAL_ADMINISTRATOR],
        }


@dataclass(frozen=True)
class Someone:
    """A user of whom there is something to say."""

    person: Person
    group: str


@pytest.fixture(scope="module")
def expected(world: Simulation) -> Expected:
    """Give what the reference says of this world's tokens."""
    return Expected(world)


@pytest.fixture
def someone(world: Simulation) -> Someone:
    """Make a user with an address, a group and a directory role."""
    allow_passwords(world)
    who, directory = person(world), Graph(world)
    directory.do("PATCH", f"users/{who.user.id}", {"mail": MAIL})
    group: str = directory.add_group()["id"]
    directory.join(group, who.user.id)
    world.commit(lambda tx: assign_role(tx, world.first.tenant_id, role=GLOBAL_ADMINISTRATOR, principal=who.user.id))
    return Someone(who, group)


def read(world: Simulation, token: str, audience: str, issuer: str) -> dict[str, Any]:
    """Verify a token by the published keys, as PyJWT does it; the simulated time is judged by who asks."""
    published = world.ask("GET", f"{world.login_url}/{world.first.tenant_id}/discovery/v2.0/keys").json["keys"]
    key = next(one for one in published if one["kid"] == jwt.get_unverified_header(token)["kid"])
    return jwt.decode(
        token,
        jwt.PyJWK(key).key,
        algorithms=["RS256"],
        audience=audience,
        issuer=issuer,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )


def header(token: str) -> set[str]:
    """Give the members of a token's header; two names of its key are the same name."""
    found = jwt.get_unverified_header(token)
    assert (found["typ"], found["alg"]) == ("JWT", "RS256")
    assert found.get("x5t", found["kid"]) == found["kid"]
    return set(found)


VERSION_1 = {"typ", "alg", "x5t", "kid"}
OTHERS = {"typ", "alg", "kid"}


# ---- applications ---------------------------------------------------------------------------------------------------


def test_an_application_in_version_1(world: Simulation, expected: Expected) -> None:
    """Its object id is its subject; the header names the key twice, for Graph's tokens as well."""
    app = world.principal()
    for audience in (VAULT_AUDIENCE, GRAPH_AUDIENCE):
        token = world.token(app, audience)
        claims = {**expected.version_1(app.appid, "1", audience), "idtyp": "app", "oid": app.oid, "sub": app.oid}
        assert read(world, token, audience, expected.v1) == claims
        assert header(token) == VERSION_1


def test_an_application_with_roles_that_understands_challenges(world: Simulation, expected: Expected) -> None:
    """`roles` of the resource; `xms_cc` and `xms_ssm` for who declares `cp1`, with a life of 20 to 28 hours at most."""
    app = world.principal()
    reading = role("Read")
    api, uri = offer(world, roles=(reading,))
    assign(world, api, app.oid, reading.id)
    token = ask_for_itself(world, app, uri).json["access_token"]
    own = {"idtyp": "app", "oid": app.oid, "sub": app.oid}
    assert read(world, token, uri, expected.v1) == {
        **expected.version_1(app.appid, "1", uri), **own, "roles": ["Read"],
    }  # fmt: skip
    declared = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
    token = ask_for_itself(world, app, VAULT_AUDIENCE, claims=declared).json["access_token"]
    assert read(world, token, VAULT_AUDIENCE, expected.v1) == {
        **expected.version_1(app.appid, "1"),
        **expected.times(20 * 3600, 28 * 3600),
        **own,
        "xms_cc": ["cp1"],
        "xms_ssm": "1",
    }


def test_an_application_in_version_2(world: Simulation, expected: Expected) -> None:
    """The audience is the resource's id, the client `azp`; the header names the key once."""
    app = world.principal()
    api, uri = offer(world, version=2)
    token = ask_for_itself(world, app, uri).json["access_token"]
    claims = {**expected.version_2(api, app.appid, "1"), "idtyp": "app", "oid": app.oid, "sub": app.oid}
    assert read(world, token, api.appid, expected.v2) == claims
    assert header(token) == OTHERS


def test_a_managed_identity(world: Simulation, expected: Expected) -> None:
    """An application's claims with the resource that it stands for, for a day, or as long as the run."""
    run = begin(world)
    mapped = world.ask(
        "POST",
        "http://control/identity-maps",
        body={"identity": "default", "user": 1000},
        link=Link.CONTROL,
        host="control",
    )
    assert mapped.status == 201, mapped.body
    token = ask_imds(world, Owner(is_here=True, user=1000)).json["access_token"]
    own: dict[str, object] = {"idtyp": "app", "oid": run["objectId"], "sub": run["objectId"]}
    group = f"/subscriptions/{run['subscriptionId']}/resource[gG]roups/[^/]+"
    own["xms_mirid"] = Like(f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/default")
    a_day = {**expected.version_1(run["clientId"], "2"), **expected.times(86_400, 86_400), **own}
    assert read(world, token, VAULT_AUDIENCE, expected.v1) == a_day
    assert header(token) == VERSION_1
    of_the_run = ask_identity(world, run).json["access_token"]
    assert read(world, of_the_run, VAULT_AUDIENCE, expected.v1) == {**a_day, "exp": NOW + RUN_S}


# ---- users ----------------------------------------------------------------------------------------------------------


def test_a_user_through_a_public_client(world: Simulation, expected: Expected, someone: Someone) -> None:
    """`appidacr` 0; the same `puid` and another `sub` for every client."""
    token = sign_in(world, someone.person).json["access_token"]
    said = read(world, token, VAULT_AUDIENCE, expected.v1)
    assert said == {**expected.version_1(AZURE_CLI, "0"), **expected.user_1(someone)}
    assert header(token) == VERSION_1
    powershell = sign_in(world, someone.person, client_id="1950a258-227b-4e31-a9cf-717495945fc2")
    other = read(world, powershell.json["access_token"], VAULT_AUDIENCE, expected.v1)
    assert (other["puid"], other["sub"] == said["sub"]) == (said["puid"], False)
    somebody = read(world, sign_in(world, person(world)).json["access_token"], VAULT_AUDIENCE, expected.v1)
    assert somebody["puid"] != said["puid"]
    assert not somebody.keys() & {"groups", "wids"}, "of whom there is nothing to say"


def test_a_user_through_a_confidential_client(world: Simulation, expected: Expected, someone: Someone) -> None:
    """`appidacr` 1, and otherwise the same."""
    client = world.principal()
    consent(world, client.oid, azure(world, KEY_VAULT), "user_impersonation")
    made = code(world, someone.person, client.appid)
    token = redeem(world, made, client, scope=f"{VAULT_AUDIENCE}/.default").json["access_token"]
    claims = {**expected.version_1(client.appid, "1"), **expected.user_1(someone)}
    assert read(world, token, VAULT_AUDIENCE, expected.v1) == claims


def test_a_user_in_version_2(world: Simulation, expected: Expected, someone: Someone) -> None:
    """`preferred_username` in the place of the names; neither addresses, roles of the directory nor `puid`."""
    api, uri = offer(world, scope("read"), version=2)
    client = world.principal()
    consent(world, client.oid, api.oid, "read")
    made = code(world, someone.person, client.appid)
    token = redeem(world, made, client, scope=f"{uri}/read").json["access_token"]
    assert read(world, token, api.appid, expected.v2) == {
        **expected.version_2(api, client.appid, "1"),
        **expected.user(someone, "read"),
        "preferred_username": someone.person.name,
    }
    assert header(token) == OTHERS


@pytest.mark.parametrize("version", [1, 2])
def test_on_behalf_of_a_user(world: Simulation, expected: Expected, someone: Someone, version: int) -> None:
    """A user's token through the API that was called, whichever version it was called with."""
    api, uri = offer(world, scope("access"), version=version)
    consent(world, api.oid, azure(world, KEY_VAULT), "user_impersonation")
    client = world.principal()
    consent(world, client.oid, api.oid, "access")
    made = code(world, someone.person, client.appid)
    shown = redeem(world, made, client, scope=f"{uri}/access").json["access_token"]
    token = on_behalf_of(world, api, shown, f"{VAULT_AUDIENCE}/.default").json["access_token"]
    claims = {**expected.version_1(api.appid, "1"), **expected.user_1(someone)}
    assert read(world, token, VAULT_AUDIENCE, expected.v1) == claims
    assert header(token) == VERSION_1


# ---- id tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("openid", set()),
        ("openid profile", {"name", "preferred_username"}),
        ("openid email", {"email"}),
        (WORDS, {"name", "preferred_username", "email"}),
    ],
)
def test_an_id_token(world: Simulation, expected: Expected, someone: Someone, words: str, more: set[str]) -> None:
    """For the client, about its user, as much as the scope has; the header names the key once."""
    answer = sign_in(world, someone.person, scope=f"{VAULT_AUDIENCE}/.default {words}").json
    said = read(world, answer["id_token"], AZURE_CLI, expected.v2)
    named = {"name": "A person", "preferred_username": someone.person.name, "email": MAIL}
    assert said == {
        **expected.times(),
        "aud": AZURE_CLI,
        "auth_time": NOW,
        "iss": expected.v2,
        "oid": someone.person.user.id,
        "rh": OPAQUE,
        "sid": GUID,
        "sub": SUBJECT,
        "tid": expected.tenant,
        "uti": OPAQUE,
        "ver": "2.0",
        **{name: value for name, value in named.items() if name in more},
    }
    assert header(answer["id_token"]) == OTHERS
    access = read(world, answer["access_token"], VAULT_AUDIENCE, expected.v1)
    assert (access["sub"], access["sid"]) == (said["sub"], said["sid"])


def test_an_id_token_of_a_registered_client(world: Simulation, expected: Expected, someone: Someone) -> None:
    """The same for who redeems a code with a secret, and again at a refresh; no `nonce` where none was sent."""
    client = world.principal()
    consent(world, client.oid, graph(world), "openid", "profile", "email")
    asked = f"{GRAPH_AUDIENCE}/.default {WORDS}"
    first = redeem(world, code(world, someone.person, client.appid), client, scope=asked).json
    secret = {"client_id": client.appid, "client_secret": client.secret}
    again = ask_token(
        world, grant_type="refresh_token", refresh_token=first["refresh_token"], scope=asked, **secret
    ).json
    for answer in (first, again):
        said = read(world, answer["id_token"], client.appid, expected.v2)
        assert (said["preferred_username"], said["email"]) == (someone.person.name, MAIL)
        assert "nonce" not in said


def test_a_user_without_an_address_has_no_email(world: Simulation, expected: Expected) -> None:
    """The user principal name is not made one."""
    allow_passwords(world)
    answer = sign_in(world, person(world), scope=f"{VAULT_AUDIENCE}/.default {WORDS}").json
    assert "email" not in read(world, answer["id_token"], AZURE_CLI, expected.v2)
    again = ask_token(world, grant_type="refresh_token", refresh_token=answer["refresh_token"], scope=f"openid {WORDS}")
    assert "email" not in read(world, again.json["id_token"], AZURE_CLI, expected.v2)
