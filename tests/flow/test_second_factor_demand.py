"""Who is asked for a second factor: everybody where the operator says so, and whom a policy names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core.sessions import SignInSettings
from tests.flow.graph import Graph, policy_body
from tests.flow.second_factors import app, asked, claims, refused, someone, visitor
from tests.flow.users import AZURE_CLI, SCOPE, App, Person, person, sign_in
from tests.flow.visitor import Visitor
from tests.security_keys import SoftKey
from tests.world import GRAPH_AUDIENCE, Simulation

__all__ = ["app", "someone", "visitor"]


class TestTheDemand:
    """Everybody must have one, where the operator says so."""

    @pytest.fixture(autouse=True)
    def demanded(self, world: Simulation) -> Any:
        """Demand it, and then no longer."""
        tenant = world.first.tenant_id
        world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, second_factor=True, password_grant=True)))
        yield
        world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant)))

    def test_who_has_none_sets_one_up(self, world: Simulation, visitor: Visitor) -> None:
        """In the walk, with no way past it; then it counts as shown, and the client gets its code."""
        visitor.authorize()
        visitor.password()
        assert visitor.step == "registration"
        assert "AADSTS50079" in visitor.text
        refused(visitor.send(done="yes"), 9002313)
        visitor.send(step="password")
        assert visitor.step == "registration"
        visitor.send(add="app")
        app = visitor.scan()
        visitor.send(code=app.code(), name="phone", do="confirm")
        assert claims(visitor.redeem())["amr"] == ["pwd", "otp", "mfa"]

    def test_a_key_will_do(self, world: Simulation, visitor: Visitor) -> None:
        """Registered in the walk."""
        visitor.authorize()
        visitor.password()
        visitor.send(add="key")
        assert visitor.step == "set_up_key"
        key = SoftKey(world.login_url)
        visitor.send(answer=key.create(visitor.options), name="key")
        assert claims(visitor.redeem())["amr"] == ["pwd", "fido", "mfa"]

    def test_who_gives_up_has_set_nothing_up(self, visitor: Visitor) -> None:
        """And is asked again."""
        visitor.authorize()
        visitor.password()
        visitor.send(add="app")
        visitor.send(do="cancel")
        assert visitor.step == "registration"

    def test_who_has_one_is_not_asked_to(self, visitor: Visitor, app: App) -> None:
        """It is shown as ever."""
        asked(visitor).code(app)
        assert "code" in visitor.told()

    def test_programs_are_told(self, world: Simulation, visitor: Visitor) -> None:
        """The password grant, and a client that wants nothing asked: 50079."""
        assert sign_in(world, visitor.who).json["error_codes"] == [50079]
        world.commit(lambda tx: tx.put(SignInSettings(visitor.who.user.tenant, visitor.who.user.tenant)))
        visitor.authorize()
        visitor.password()
        world.commit(
            lambda tx: tx.put(SignInSettings(visitor.who.user.tenant, visitor.who.user.tenant, second_factor=True))
        )
        visitor.authorize(prompt="none")
        assert visitor.told()["error_description"].startswith("AADSTS50079: ")

    def test_the_break_glass_account_need_not(self, world: Simulation) -> None:
        """It is what is left when nothing else works."""
        user = world.view.user_by_upn(world.first.user_name)
        assert user is not None
        visitor = Visitor(world, Person(user, world.first.user_password))
        visitor.authorize()
        visitor.password()
        assert "code" in visitor.told()


class TestAPolicy:
    """SEC-ACCESS-4: conditional access demands one for what is asked, and the walk sees to it."""

    @pytest.fixture(autouse=True)
    def demanded(self, world: Simulation, someone: Person) -> Iterator[None]:
        """Demand it of the user, for the vault alone."""
        graph = Graph(world)
        conditions: dict[str, object] = {
            "users": {"includeUsers": [someone.user.id]},
            "applications": {"includeApplications": ["cfa8b339-82a2-471a-a3c9-0fc0be7a4093"]},
        }
        made = graph.make(
            "identity/conditionalAccess/policies",
            policy_body(conditions=conditions, controls=("mfa",), state="enabled"),
        )
        yield
        graph.do("DELETE", f"identity/conditionalAccess/policies/{made['id']}")

    def test_who_has_none_sets_one_up(self, visitor: Visitor) -> None:
        """In the same walk, so that the code that the client gets is good."""
        visitor.authorize()
        visitor.password()
        assert visitor.step == "registration"
        visitor.send(add="app")
        app = visitor.scan()
        visitor.send(code=app.code(), name="phone")
        assert claims(visitor.redeem())["amr"] == ["pwd", "otp", "mfa"]

    def test_who_has_one_shows_it(self, visitor: Visitor, app: App) -> None:
        """And that is enough."""
        asked(visitor).code(app)
        assert claims(visitor.redeem())["amr"] == ["pwd", "otp", "mfa"]

    def test_nobody_is_asked_for_what_it_is_not_about(self, visitor: Visitor) -> None:
        """Another resource, or another user."""
        visitor.authorize(scope=f"{GRAPH_AUDIENCE}/.default")
        visitor.password()
        assert "code" in visitor.told()
        other = Visitor(visitor.world, person(visitor.world))
        other.authorize()
        other.password()
        assert "code" in other.told()

    def test_a_device_is_let_in_by_who_has_set_one_up(self, world: Simulation, visitor: Visitor) -> None:
        """The policy is asked for the device's request as well."""
        tenant = world.first.tenant_id
        world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, device_code=True)))
        form = {"client_id": AZURE_CLI, "scope": SCOPE}
        begun = world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/devicecode", form=form).json
        visitor.open("oauth2/deviceauth")
        visitor.send(user_code=begun["user_code"])
        visitor.password()
        assert visitor.step == "registration"
