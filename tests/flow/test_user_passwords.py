"""Passwords of users and the sessions of them, through the directory API."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core.limits import SIGN_IN_FAILURES
from strongroom.core.sessions import SignInSettings
from tests.flow.graph import PASSWORD, Graph, refused, user_body
from tests.flow.users import Person, allow_passwords, ask_token, person, sign_in
from tests.plugins import canary
from tests.world import GRAPH_AUDIENCE, Answer, Simulation

GRAPH_SCOPE = f"{GRAPH_AUDIENCE}/.default offline_access"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
DAY_S = 86_400


@pytest.fixture
def admin(world: Simulation) -> Graph:
    """Ask as the first administrator."""
    return Graph(world)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user who may sign in by password."""
    allow_passwords(world)
    return person(world)


def new_password() -> str:
    """Make a password that no output may show."""
    made = f"Nw2?{chance.token_urlsafe(18)}"
    canary.remember(made)
    return made


def tokens(world: Simulation, who: Person) -> dict[str, Any]:
    """Sign in for Graph."""
    answer = sign_in(world, who, scope=GRAPH_SCOPE)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def change(world: Simulation, who: Person, token: str, current: str, new: str, **how: Any) -> Answer:
    """Change one's own password."""
    body = {"currentPassword": current, "newPassword": new}
    return Graph(world, token=token).ask("POST", "me/changePassword", body, **how)


def reset(graph: Graph, who: str, password: str, *, must_change: bool = False) -> Answer:
    """Set somebody's password."""
    profile = {"password": password, "forceChangePasswordNextSignIn": must_change}
    return graph.ask("PATCH", f"users/{who}", {"passwordProfile": profile})


class TestChange:
    """One's own password."""

    def test_the_new_one_is_good_and_the_old_one_is_not(self, world: Simulation, someone: Person) -> None:
        """SEC-FLOW-17: and what was signed in with the old one ends, the token that asked with it."""
        held, new = tokens(world, someone), new_password()
        assert change(world, someone, held["access_token"], someone.password, new).status == 204
        assert Graph(world, token=held["access_token"]).ask("GET", "me").status == 401
        assert ask_token(world, grant_type="refresh_token", refresh_token=held["refresh_token"]).status == 400
        assert sign_in(world, someone).status == 400
        assert sign_in(world, Person(someone.user, new)).status == 200

    def test_the_present_one_must_be_right(self, world: Simulation, someone: Person) -> None:
        """A stolen token is not enough."""
        token = tokens(world, someone)["access_token"]
        refused(change(world, someone, token, new_password(), new_password()), 400, "Request_BadRequest")
        assert sign_in(world, someone).status == 200

    def test_wrong_ones_lock_the_user_to_the_source(self, world: Simulation, someone: Person) -> None:
        """SEC-TOKEN-4: as at sign-in, so that a stolen token guesses no faster; locked and wrong look alike."""
        token, source = tokens(world, someone)["access_token"], "203.0.113.99"
        wrong = [
            change(world, someone, token, new_password(), new_password(), peer=source) for _ in range(SIGN_IN_FAILURES)
        ]
        locked = change(world, someone, token, someone.password, new_password(), peer=source)
        assert {refused(answer, 400, "Request_BadRequest") for answer in (*wrong, locked)} == {
            "The current password is incorrect."
        }
        assert sign_in(world, someone, peer=source).status == 400
        assert sign_in(world, someone).status == 200

    def test_the_rules(self, world: Simulation, someone: Person) -> None:
        """The refusal names the rule, and the password stays."""
        token = tokens(world, someone)["access_token"]
        for new, rule in (
            (someone.password, "another one"),
            ("Sh0rt-a", "8 to 256"),
            ("only-lower-case", "three of"),
            ("Password1!", "easy to guess"),
            (f"{someone.name.partition('@')[0]}-A1", "a name of the user"),
        ):
            message = refused(change(world, someone, token, someone.password, new), 400, "Request_BadRequest")
            assert rule in message
            assert new not in message
        assert sign_in(world, someone).status == 200


class TestReset:
    """What an administrator sets."""

    def test_tokens_of_the_old_one_end(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """SEC-FLOW-17."""
        token, new = tokens(world, someone)["access_token"], new_password()
        assert reset(admin, someone.user.id, new).status == 204
        assert Graph(world, token=token).ask("GET", "me").status == 401
        assert sign_in(world, Person(someone.user, new)).status == 200

    def test_one_to_be_changed_signs_nobody_in(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """`forceChangePasswordNextSignIn`: AADSTS50055, once the password is right."""
        new = new_password()
        assert reset(admin, someone.user.id, new, must_change=True).status == 204
        answer = sign_in(world, Person(someone.user, new))
        assert answer.json["error_codes"] == [50055]

    def test_the_present_one_may_have_to_be_changed(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """Without a password in the body: it signs nobody in until that is taken back; what is signed in goes on."""
        token = tokens(world, someone)["access_token"]
        for must_change, answers in ((True, [50055]), (False, None)):
            profile = {"passwordProfile": {"forceChangePasswordNextSignIn": must_change}}
            admin.do("PATCH", f"users/{someone.user.id}", profile)
            assert sign_in(world, someone).json.get("error_codes") == answers
            assert Graph(world, token=token).ask("GET", "me").status == 200
        body = user_body(f"u{chance.token_hex(4)}", passwordProfile={"forceChangePasswordNextSignIn": True})
        refused(admin.ask("POST", "users", body), 400, "Request_BadRequest")

    def test_nobody_resets_somebody_above(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """SEC-TENANT-6: a User Administrator sets users' passwords, not a Global Administrator's; a user nobody's."""
        above, below = person(world), person(world)
        admin.give_role(above.user.id, GLOBAL_ADMINISTRATOR)
        as_user = Graph(world, token=tokens(world, someone)["access_token"])
        refused(reset(as_user, below.user.id, new_password()), 403, "Authorization_RequestDenied")
        admin.give_role(someone.user.id, USER_ADMINISTRATOR)
        refused(reset(as_user, above.user.id, new_password()), 403, "Authorization_RequestDenied")
        assert reset(as_user, below.user.id, new_password()).status == 204
        assert sign_in(world, above).status == 200

    def test_the_rules(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """An administrator's choice is judged as a user's own, and a new user's as well."""
        name = f"josephine{chance.token_hex(4)}"
        for bad in ("Password1!", f"{name}-A1"):
            body = user_body(name, passwordProfile={"password": bad})
            refused(admin.ask("POST", "users", body), 400, "Request_BadRequest")
        refused(reset(admin, someone.user.id, "Welcome1!"), 400, "Request_BadRequest")
        refused(reset(admin, someone.user.id, f"{someone.name.partition('@')[0]}-A1"), 400, "Request_BadRequest")
        assert sign_in(world, someone).status == 200


class TestRevoke:
    """Signing somebody out."""

    def test_every_session_ends(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """Of whichever program; signing in again works."""
        held = [tokens(world, someone) for _ in range(2)]
        world.advance(1)
        answer = admin.ask("POST", f"users/{someone.user.id}/revokeSignInSessions")
        assert (answer.status, answer.json["value"]) == (200, True)
        for one in held:
            assert Graph(world, token=one["access_token"]).ask("GET", "me").status == 401
            refresh = ask_token(world, grant_type="refresh_token", refresh_token=one["refresh_token"])
            assert refresh.json["error_codes"] == [50173]
        world.advance(1)
        assert sign_in(world, someone).status == 200

    def test_ones_own(self, world: Simulation, someone: Person) -> None:
        """The token that asked ends as well."""
        graph = Graph(world, token=tokens(world, someone)["access_token"])
        assert graph.ask("POST", "me/revokeSignInSessions").json["value"] is True
        assert graph.ask("GET", "me").status == 401

    def test_disabling_ends_tokens(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """SEC-FLOW-16: `accountEnabled: false` counts on the next request."""
        graph = Graph(world, token=tokens(world, someone)["access_token"])
        admin.do("PATCH", f"users/{someone.user.id}", {"accountEnabled": False})
        assert graph.ask("GET", "me").status == 401
        assert sign_in(world, someone).json["error_codes"] == [50057]


class TestProperties:
    """What Graph tells of it, by name alone."""

    names = "lastPasswordChangeDateTime,passwordPolicies,signInSessionsValidFromDateTime"

    def test_they_are_selected(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """Of one user, of oneself and in a list; not without being asked for."""
        path, token = f"users/{someone.user.id}", tokens(world, someone)["access_token"]
        assert set(self.names.split(",")).isdisjoint(admin.get(path))
        before = admin.get(f"{path}?$select={self.names}")
        assert before["passwordPolicies"] == "None"
        assert before["lastPasswordChangeDateTime"] == before["signInSessionsValidFromDateTime"]
        listed = admin.get(f"users?$select=id,{self.names}&$top=999")["value"]
        assert before["lastPasswordChangeDateTime"] in {
            one["lastPasswordChangeDateTime"] for one in listed if one["id"] == someone.user.id
        }
        mine = Graph(world, token=token).get(f"me?$select={self.names}")
        assert mine["lastPasswordChangeDateTime"] == before["lastPasswordChangeDateTime"]
        world.advance(60)
        assert admin.ask("POST", f"{path}/revokeSignInSessions").status == 200
        after = admin.get(f"{path}?$select={self.names}")
        assert after["lastPasswordChangeDateTime"] == before["lastPasswordChangeDateTime"]
        assert after["signInSessionsValidFromDateTime"] > before["signInSessionsValidFromDateTime"]

    def test_password_policies(self, world: Simulation, admin: Graph, someone: Person) -> None:
        """`DisablePasswordExpiration` and nothing else can be said of them."""
        path = f"users/{someone.user.id}"
        for said in ("DisablePasswordExpiration", "None", None):
            admin.do("PATCH", path, {"passwordPolicies": said})
            assert admin.get(f"{path}?$select=passwordPolicies")["passwordPolicies"] == (said or "None")
        for said in ("DisableStrongPassword", "DisablePasswordExpiration, DisableStrongPassword", "other"):
            refused(admin.ask("PATCH", path, {"passwordPolicies": said}), 400, "Request_BadRequest")


def test_a_password_expires_as_the_tenant_says(world: Simulation, admin: Graph) -> None:
    """The setting counts for what is set from then on, and an exempt user's goes on."""
    tenant = world.first.tenant_id
    world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, password_grant=True, password_days=30)))
    users = []
    for policy in ("None", "DisablePasswordExpiration"):
        made = admin.make("users", user_body(f"u{chance.token_hex(4)}", passwordPolicies=policy))
        found = world.view.user_by_upn(made["userPrincipalName"])
        assert found is not None
        users.append(Person(found, PASSWORD))
    assert [sign_in(world, one).status for one in users] == [200, 200]
    world.advance(30 * DAY_S)
    assert [sign_in(world, one).status for one in users] == [400, 200]
