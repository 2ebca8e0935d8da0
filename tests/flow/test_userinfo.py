"""OpenID Connect's userinfo, at Graph's host."""

from __future__ import annotations

import jwt
import pytest

from tests.flow.graph import Graph, refused
from tests.flow.test_delegated_permissions import token_for
from tests.flow.users import Person, allow_passwords, person, sign_in
from tests.world import GRAPH_AUDIENCE, VAULT_AUDIENCE, Answer, Simulation

AZURE_POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
PATH = "/oidc/userinfo"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with an address."""
    allow_passwords(world)
    made = person(world)
    Graph(world).do("PATCH", f"users/{made.user.id}", {"mail": "a.person@elsewhere.example"})
    return made


def ask(world: Simulation, token: str, method: str = "GET") -> Answer:
    """Ask about the user of a token."""
    return world.ask(method, f"{world.graph_url}{PATH}", token=token)


def signed_in(world: Simulation, who: Person, client: str | None = None) -> tuple[str, str]:
    """Sign in, for an access token and the subject of the id token."""
    more = {} if client is None else {"client_id": client}
    answer = sign_in(world, who, scope=f"{GRAPH_AUDIENCE}/.default openid", **more).json
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    return answer["access_token"], claims["sub"]


def test_it_tells_what_the_id_token_does(world: Simulation, someone: Person) -> None:
    """The same subject for the same client, the names and the address; by GET and by POST."""
    token, subject = signed_in(world, someone)
    for method in ("GET", "POST"):
        answer = ask(world, token, method)
        assert answer.status == 200
        assert answer.json == {
            "sub": subject,
            "name": "A person",
            "given_name": "A",
            "family_name": "Person",
            "email": "a.person@elsewhere.example",
        }


def test_another_client_knows_another_subject(world: Simulation, someone: Person) -> None:
    """So that two cannot compare their users."""
    told = {ask(world, signed_in(world, someone, client)[0]).json["sub"] for client in (None, AZURE_POWERSHELL)}
    assert len(told) == 2


@pytest.mark.parametrize(
    ("scopes", "members"),
    [
        (("openid",), {"sub"}),
        (("openid", "profile"), {"sub", "name", "given_name", "family_name"}),
        (("openid", "email"), {"sub", "email"}),
    ],
)
def test_the_scope_says_how_much(
    world: Simulation, someone: Person, scopes: tuple[str, ...], members: set[str]
) -> None:
    """`profile` is the names, `email` the address, `openid` the subject alone."""
    assert set(ask(world, token_for(world, someone, *scopes)).json) == members


def test_a_user_without_an_address_has_none(world: Simulation) -> None:
    """The user principal name is not made one."""
    assert set(ask(world, token_for(world, person(world), "openid", "email")).json) == {"sub"}


def test_without_openid_it_is_refused(world: Simulation, someone: Person) -> None:
    """Whatever else the client may do, and for whomever."""
    token = token_for(world, someone, "Directory.AccessAsUser.All", "User.Read")
    refused(ask(world, token), 403, "Authorization_RequestDenied")


def test_other_tokens_are_refused(world: Simulation, someone: Person) -> None:
    """None, another resource's, a program's own, and a disabled user's."""
    refused(world.ask("GET", f"{world.graph_url}{PATH}"), 401, "InvalidAuthenticationToken")
    vault = sign_in(world, someone, scope=f"{VAULT_AUDIENCE}/.default").json["access_token"]
    refused(ask(world, vault), 401, "InvalidAuthenticationToken")
    refused(ask(world, world.token(world.administrator, GRAPH_AUDIENCE)), 400, "BadRequest")
    token, _ = signed_in(world, someone)
    Graph(world).do("PATCH", f"users/{someone.user.id}", {"accountEnabled": False})
    refused(ask(world, token), 401, "InvalidAuthenticationToken")
