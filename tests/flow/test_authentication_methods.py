"""What users sign in with, through Graph: who sees it, who removes it, and what ends with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.directory_roles import DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR
from strongroom.core.limits import SECOND_FACTOR_FRESH_S
from strongroom.core.sessions import TokenFamily
from strongroom.graph.authentication_methods import PASSWORD_METHOD
from tests.flow.graph import MISSING, Graph, refused, user_token
from tests.flow.users import Person, add_app, add_key, allow_passwords, person, sign_in
from tests.world import GRAPH_AUDIENCE, Answer, Simulation

ROLES = {role.name: id_ for id_, role in DIRECTORY_ROLES.items()}
TYPES = {
    "passwordMethods": "#microsoft.graph.passwordAuthenticationMethod",
    "softwareOathMethods": "#microsoft.graph.softwareOathAuthenticationMethod",
    "fido2Methods": "#microsoft.graph.fido2AuthenticationMethod",
}


@pytest.fixture
def admin(world: Simulation) -> Graph:
    """See Graph as a Global Administrator."""
    return Graph(world)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


def denied(answer: Answer) -> None:
    """Check that somebody has not the right, in Graph's words, which say nothing."""
    message = refused(answer, 403, "Authorization_RequestDenied")
    assert message == "Insufficient privileges to complete the operation."


def as_user(world: Simulation, who: Person) -> Graph:
    """See Graph as a user does who showed a password alone."""
    allow_passwords(world)
    token = sign_in(world, who, scope=f"{GRAPH_AUDIENCE}/.default").json["access_token"]
    return Graph(world, token=token)


def shown(world: Simulation, who: Person, factor: str) -> None:
    """Let a user have shown a second factor when he signed in last."""
    families = [one for one in world.view.all(TokenFamily) if one.user == who.user.id]
    world.commit(lambda tx: tx.put(replace(families[-1], factor=factor, authenticated=int(world.clock()))))


def methods(who: Person, rest: str = "methods") -> str:
    """Name what a user signs in with."""
    return f"users/{who.user.id}/authentication/{rest}"


class TestReading:
    """What is told."""

    @pytest.mark.parametrize("version", ["v1.0", "beta"])
    def test_everything_a_user_signs_in_with(
        self, world: Simulation, admin: Graph, someone: Person, version: str
    ) -> None:
        """Each says what it is; no secret is told again, and the password has the id that it has in every directory."""
        app = add_app(world, someone.user)
        key, _ = add_key(world, someone.user, name="blue key")
        listed = admin.ask("GET", methods(someone), version=version).json
        assert listed["@odata.context"].endswith(
            f"/{version}/$metadata#users('{someone.user.id}')/authentication/methods"
        )
        found = {one["id"]: one for one in listed["value"]}
        assert {one["@odata.type"] for one in found.values()} == set(TYPES.values())
        assert set(found) == {PASSWORD_METHOD, app.id, key}
        assert found[PASSWORD_METHOD]["password"] is None
        assert found[app.id]["secretKey"] is None
        assert found[key]["displayName"] == "blue key"
        assert found[key]["aaGuid"] == "00010203-0405-0607-0809-0a0b0c0d0e0f"

    @pytest.mark.parametrize("segment", TYPES)
    def test_each_type_has_a_collection(self, world: Simulation, admin: Graph, someone: Person, segment: str) -> None:
        """With those of its type and no others, and each by its id; elsewhere the id means nothing."""
        ids = {
            "passwordMethods": PASSWORD_METHOD,
            "softwareOathMethods": add_app(world, someone.user).id,
            "fido2Methods": add_key(world, someone.user)[0],
        }
        assert admin.ids(methods(someone, segment)) == {ids[segment]}
        for one in (segment, "methods"):
            assert admin.get(methods(someone, f"{one}/{ids[segment]}"))["id"] == ids[segment]
        for other in set(TYPES) - {segment}:
            refused(admin.ask("GET", methods(someone, f"{other}/{ids[segment]}")), 404, "resourceNotFound")

    def test_a_user_sees_his_own_and_no_other_users(self, world: Simulation, someone: Person) -> None:
        """By `me`, by his id and by his name; of another user, and of nobody, he may not even ask."""
        other = person(world)
        add_app(world, other.user)
        graph = as_user(world, someone)
        for path in ("me/authentication", methods(someone, "")[:-1], f"users/{someone.name}/authentication"):
            assert graph.ids(f"{path}/methods") == {PASSWORD_METHOD}
        denied(graph.ask("GET", methods(other)))
        denied(graph.ask("GET", f"users/{other.name}/authentication/methods"))
        denied(graph.ask("GET", f"users/{MISSING}/authentication/methods"))

    @pytest.mark.parametrize(
        ("role", "reads"),
        [
            ("Global Reader", True),
            ("Authentication Administrator", True),
            ("Directory Readers", False),
            ("User Administrator", False),
        ],
    )
    def test_who_reads_other_users(
        self, world: Simulation, admin: Graph, someone: Person, role: str, *, reads: bool
    ) -> None:
        """It is no part of reading the directory."""
        reader = person(world)
        admin.give_role(reader.user.id, ROLES[role])
        answer = as_user(world, reader).ask("GET", methods(someone))
        if reads:
            assert answer.status == 200
        else:
            denied(answer)


class TestRemoving:
    """Who takes a second factor from a user."""

    @pytest.mark.parametrize("kind", ["softwareOathMethods", "fido2Methods"])
    def test_an_administrator_does(self, world: Simulation, admin: Graph, someone: Person, kind: str) -> None:
        """It is gone, the journal says whose it was and which, and a second time there is nothing."""
        factor = add_app(world, someone.user).id if kind.startswith("s") else add_key(world, someone.user)[0]
        admin.do("DELETE", methods(someone, f"{kind}/{factor}"))
        properties = world.entries()[-1]["properties"]
        assert (properties["userId"], properties["credentialId"]) == (someone.user.id, factor)
        assert admin.ids(methods(someone)) == {PASSWORD_METHOD}
        refused(admin.ask("DELETE", methods(someone, f"{kind}/{factor}")), 404, "resourceNotFound")

    @pytest.mark.parametrize("kind", ["methods", "passwordMethods"])
    def test_a_password_is_not_removed(self, admin: Graph, someone: Person, kind: str) -> None:
        """Graph has no such operation."""
        assert admin.ask("DELETE", methods(someone, f"{kind}/{PASSWORD_METHOD}")).status == 405

    @pytest.mark.parametrize("role", ["Authentication Administrator", "Privileged Authentication Administrator"])
    def test_nobody_does_above_himself(self, world: Simulation, admin: Graph, someone: Person, role: str) -> None:
        """SEC-TENANT-6: an authentication administrator does of users, not of those with more power than his own."""
        keeper, chief = person(world), person(world)
        admin.give_role(keeper.user.id, ROLES[role])
        admin.give_role(chief.user.id, GLOBAL_ADMINISTRATOR)
        graph = as_user(world, keeper)
        graph.do("DELETE", methods(someone, f"softwareOathMethods/{add_app(world, someone.user).id}"))
        denied(graph.ask("DELETE", methods(chief, f"softwareOathMethods/{add_app(world, chief.user).id}")))
        assert len(admin.ids(methods(chief))) == 2

    @pytest.mark.parametrize("path", ["me/authentication/", None])
    def test_a_user_does_who_showed_one_a_moment_ago(
        self, world: Simulation, someone: Person, path: str | None
    ) -> None:
        """SEC-TOKEN-23, SECOND_FACTOR_FRESH_S: his own; a token alone, or one of long ago, does not take it away."""
        graph = as_user(world, someone)
        app, other = add_app(world, someone.user), add_app(world, someone.user)
        one = f"{path or methods(someone, '')}softwareOathMethods/{other.id}"
        denied(graph.ask("DELETE", one))
        shown(world, someone, app.id)
        world.advance(SECOND_FACTOR_FRESH_S)
        denied(graph.ask("DELETE", one))
        shown(world, someone, app.id)
        world.advance(SECOND_FACTOR_FRESH_S - 1)
        graph.do("DELETE", one)

    def test_a_user_does_not_of_another(self, world: Simulation, someone: Person) -> None:
        """However fresh: another user's are denied by path, and not found by id."""
        other = person(world)
        theirs = add_app(world, other.user)
        graph = as_user(world, someone)
        shown(world, someone, add_app(world, someone.user).id)
        denied(graph.ask("DELETE", methods(other, f"softwareOathMethods/{theirs.id}")))
        refused(graph.ask("DELETE", f"me/authentication/softwareOathMethods/{theirs.id}"), 404, "resourceNotFound")
        assert world.view.second_factor(theirs.id) is not None

    def test_what_was_begun_with_it_ends(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """SEC-FLOW-17: the next request with a token of that sign-in is refused; other sign-ins go on."""
        first, second = as_user(world, someone), as_user(world, someone)
        app = add_app(world, someone.user)
        shown(world, someone, app.id)
        answers: list[Any] = [graph.ask("GET", "me") for graph in (first, second)]
        assert [answer.status for answer in answers] == [200, 200]
        admin.do("DELETE", methods(someone, f"softwareOathMethods/{app.id}"))
        answers = [graph.ask("GET", "me") for graph in (first, second)]
        assert sorted(answer.status for answer in answers) == [200, 401]
        assert world.entries()[-1]["properties"].get("reason") or world.entries()[-2]["properties"]["reason"]


class TestThePasswordGrant:
    """SEC-TOKEN-5: it has no place for a second factor."""

    def test_users_with_a_second_factor_do_not_use_it(self, world: Simulation, someone: Person) -> None:
        """50076 once the password was right, and not before; without the factor it goes again."""
        allow_passwords(world)
        app = add_app(world, someone.user)
        answer = sign_in(world, someone)
        assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (
            400,
            "interaction_required",
            [50076],
        )
        assert "https://vault.azure.net" in answer.json["error_description"]
        assert sign_in(world, someone, password="Wrong-password-1").json["error_codes"] == [50126]
        Graph(world).do("DELETE", methods(someone, f"softwareOathMethods/{app.id}"))
        assert sign_in(world, someone).status == 200

    def test_a_key_counts_as_well(self, world: Simulation, someone: Person) -> None:
        """Any second factor."""
        allow_passwords(world)
        add_key(world, someone.user)
        assert sign_in(world, someone).json["error_codes"] == [50076]


def test_a_user_that_graph_made(world: Simulation, admin: Graph) -> None:
    """A new user signs in with a password, and sees it."""
    made = admin.add_user()
    graph = Graph(world, token=user_token(world, made["id"]))
    assert graph.ids("me/authentication/methods") == {PASSWORD_METHOD}
