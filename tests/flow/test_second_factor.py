"""SEC-TOKEN-21: signing in with a second factor: how it is asked for, what locks it, and what ends with it."""

from __future__ import annotations

from strongroom.core.limits import (
    SECOND_FACTOR_FAILURES,
    SECOND_FACTOR_LOCK_S,
    SIGN_IN_FAILURES,
    SIGN_IN_LOCK_S,
    SIGN_IN_PAGE_S,
)
from strongroom.core.second_factors import AuthenticatorApp
from strongroom.core.sessions import SignInSettings
from strongroom.directory import second_factors
from tests.flow.graph import Graph
from tests.flow.second_factors import app, asked, claims, reason, refused, someone, visitor
from tests.flow.users import App, Person, add_app, add_key, person, refresh
from tests.flow.visitor import Visitor
from tests.world import Simulation

__all__ = ["app", "someone", "visitor"]


class TestThePage:
    """How it asks."""

    def test_it_says_who_and_for_what(self, visitor: Visitor, app: App) -> None:
        """A field for the code that a telephone's keyboard and a password manager understand; labelled; no script."""
        asked(visitor)
        assert visitor.who.name in visitor.text
        assert "Microsoft Azure CLI" in visitor.text
        assert 'inputmode="numeric"' in visitor.text
        assert 'autocomplete="one-time-code"' in visitor.text
        assert '<label for="code">' in visitor.text
        assert "<script" not in visitor.text
        assert app.totp.secret not in visitor.text

    def test_a_key_is_asked_by_a_script_that_has_the_nonce(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """The one script is the page's own; without scripts it says so, and the code's field is still there."""
        add_key(world, visitor.who.user)
        page = asked(visitor)
        policy = page.page.headers["content-security-policy"]
        nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
        assert visitor.text.count("<script") == visitor.text.count(f'<script nonce="{nonce}">') == 1
        assert "<noscript>" in visitor.text
        assert '<label for="code">' in visitor.text
        assert visitor.options["rpId"] == "login.localhost"

    def test_each_page_has_a_challenge_of_its_own(self, world: Simulation, visitor: Visitor) -> None:
        """A page that is shown again asks anew."""
        add_key(world, visitor.who.user)
        first = asked(visitor).options["challenge"]
        refused(visitor.send(code="000000"))
        assert visitor.options["challenge"] != first

    def test_it_is_one_browsers(self, world: Simulation, someone: Person, app: App) -> None:
        """What one browser was shown is nothing in another, whatever is typed into it."""
        mine, theirs = asked(Visitor(world, someone)), Visitor(world, someone)
        theirs.authorize()
        theirs.page = mine.page
        refused(theirs.send(code=app.code()), 9002313)
        assert reason(world) == "sign-in page of another browser"

    def test_it_is_answered_in_time(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """As every page of signing in."""
        asked(visitor)
        world.advance(SIGN_IN_PAGE_S)
        refused(visitor.send(code=app.code()), 9002313)

    def test_it_cannot_be_left_out(self, visitor: Visitor, app: App) -> None:
        """A form for another step gets this step's page again: the walk is sealed, and the step is due."""
        asked(visitor)
        for step in ("password", "device", "security_info", "set_up_app", ""):
            answer = visitor.send(step=step, username=visitor.who.name, password=visitor.who.password, add="app")
            assert answer.status == 200
            assert visitor.step == "second_factor"

    def test_a_factor_of_meanwhile_is_asked_for(self, world: Simulation, visitor: Visitor) -> None:
        """A page from before the user set one up leads to no way round it."""
        who = visitor.who
        world.commit(lambda tx: tx.put(SignInSettings(who.user.tenant, who.user.tenant)))
        visitor.authorize()
        early = visitor.page
        app = add_app(world, who.user)
        visitor.page = early
        visitor.password()
        visitor.code(app)
        assert "code" in visitor.told()

    def test_a_client_that_wants_nothing_asked_is_told(self, world: Simulation, visitor: Visitor) -> None:
        """`prompt=none` with a session from before the second factor: interaction_required, as OpenID Connect says."""
        visitor.authorize()
        visitor.password()
        assert visitor.authorize(prompt="none").status == 302
        assert "code" in visitor.told()
        app = add_app(world, visitor.who.user)
        visitor.authorize(prompt="none")
        assert visitor.told()["error"] == "interaction_required"
        assert visitor.told()["error_description"].startswith("AADSTS50076: ")
        visitor.authorize()
        visitor.code(app)
        visitor.authorize(prompt="none")
        assert claims(visitor.redeem())["amr"] == ["pwd", "otp", "mfa"]


class TestLockOut:
    """SEC-TOKEN-11, SEC-TOKEN-22: wrong codes."""

    def wrong(self, visitor: Visitor, times: int) -> None:
        """Type in wrong codes."""
        for _ in range(times):
            refused(visitor.send(code="000000"))

    def test_too_many_lock_the_user_to_the_source(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """SIGN_IN_FAILURES: the right one is then refused like a wrong one, from there alone, for SIGN_IN_LOCK_S."""
        asked(visitor)
        self.wrong(visitor, SIGN_IN_FAILURES - 1)
        visitor.code(app)
        assert visitor.step == "", "one below the limit locks nobody"
        visitor = asked(Visitor(world, visitor.who))
        self.wrong(visitor, SIGN_IN_FAILURES)
        refused(visitor.code(app))
        assert "are locked" in reason(world)
        elsewhere = asked(Visitor(world, visitor.who, peer="198.51.100.9"))
        elsewhere.code(app)
        assert "code" in elsewhere.told()

    def test_it_ends(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """SIGN_IN_LOCK_S after the last one."""
        asked(visitor)
        self.wrong(visitor, SIGN_IN_FAILURES)
        world.advance(SIGN_IN_LOCK_S)
        visitor.code(app)
        assert "code" in visitor.told()

    def test_a_right_password_forgives_no_wrong_codes(self, visitor: Visitor, app: App) -> None:
        """Who knows the password would guess for ever otherwise."""
        for _ in range(2):
            asked(visitor)
            self.wrong(visitor, SIGN_IN_FAILURES // 2)
        refused(asked(visitor).code(app))

    def test_nobody_guesses_from_many_places(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """SECOND_FACTOR_FAILURES, SECOND_FACTOR_LOCK_S: at so many from everywhere no code is taken anywhere."""
        lockout, user = world.world.factor_lockout, visitor.who.user.id
        for number in range(SECOND_FACTOR_FAILURES - 1):
            lockout.fail(user, f"source {number // 5}", world.clock())
        asked(visitor)
        assert not lockout.is_locked(user, "elsewhere", world.clock())
        self.wrong(visitor, 1)
        refused(visitor.code(app))
        world.advance(SECOND_FACTOR_LOCK_S)
        asked(visitor).code(app)
        assert "code" in visitor.told()

    def test_a_key_is_not_locked(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """Nobody guesses one, so who is kept from codes gets in by it."""
        key = add_key(world, visitor.who.user)[1]
        asked(visitor)
        self.wrong(visitor, SIGN_IN_FAILURES)
        visitor.key(key)
        assert "code" in visitor.told()

    def test_the_break_glass_account_is_never_locked(self, world: Simulation) -> None:
        """Whatever anybody typed in before."""
        user = world.view.user_by_upn(world.first.user_name)
        assert user is not None
        app = add_app(world, user)
        visitor = asked(Visitor(world, Person(user, world.first.user_password)))
        self.wrong(visitor, SIGN_IN_FAILURES + 1)
        visitor.code(app)
        assert "code" in visitor.told()
        world.commit(lambda tx: second_factors.remove_factor(tx, user, AuthenticatorApp, app.id))


class TestWhatEnds:
    """SEC-FLOW-17, SEC-TOKEN-23: a second factor takes with it what it was shown for."""

    def test_sessions_and_tokens_end_with_it(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """The browser's session, the refresh token and the access token, at once; the password alone is no way back."""
        add_app(world, visitor.who.user, "another")
        asked(visitor).code(app)
        tokens = visitor.redeem().json
        path = f"users/{visitor.who.user.id}/authentication/softwareOathMethods/{app.id}"
        Graph(world).do("DELETE", path)
        assert refresh(world, tokens["refresh_token"]).json["error_codes"] == [50173]
        answer = world.ask("GET", f"{world.vault_url}/secrets/a?api-version=7.4", token=tokens["access_token"])
        assert answer.status == 401
        visitor.authorize()
        assert visitor.step == "password"

    def test_a_code_for_a_client_ends_with_it(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """An authorization code that was given and not yet redeemed."""
        asked(visitor).code(app)
        Graph(world).do("DELETE", f"users/{visitor.who.user.id}/authentication/softwareOathMethods/{app.id}")
        assert visitor.redeem().json["error_codes"] == [50173]

    def test_a_walk_ends_with_it(self, world: Simulation) -> None:
        """A page that comes after the second factor, which was removed while it was open."""
        who = person(world, must_change=True)
        app = add_app(world, who.user)
        visitor = asked(Visitor(world, who))
        visitor.code(app)
        Graph(world).do("DELETE", f"users/{who.user.id}/authentication/softwareOathMethods/{app.id}")
        refused(visitor.send(new_password="Another-password-1", new_password_again="Another-password-1"), 50173)
