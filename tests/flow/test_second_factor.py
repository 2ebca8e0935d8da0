"""SEC-TOKEN-21: signing in with a second factor: who is asked for it, what is taken, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from strongroom.core.limits import (
    SECOND_FACTOR_FAILURES,
    SECOND_FACTOR_LOCK_S,
    SIGN_IN_FAILURES,
    SIGN_IN_LOCK_S,
    SIGN_IN_PAGE_S,
)
from strongroom.core.second_factors import AuthenticatorApp, SecurityKey
from strongroom.core.sessions import BrowserSession, SignInSettings, TokenFamily
from strongroom.directory import second_factors
from strongroom.flow.call import Call
from strongroom.http.message import Request, Response
from tests.flow.graph import Graph, policy_body
from tests.flow.users import AZURE_CLI, SCOPE, App, Person, add_app, add_key, person, refresh, sign_in
from tests.flow.visitor import Visitor
from tests.security_keys import SoftKey
from tests.world import GRAPH_AUDIENCE, Answer, Simulation


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


@pytest.fixture
def app(world: Simulation, someone: Person) -> App:
    """Set an authenticator app up for the user."""
    return add_app(world, someone.user)


@pytest.fixture
def visitor(world: Simulation, someone: Person) -> Visitor:
    """Put the user before a browser."""
    return Visitor(world, someone)


def asked(visitor: Visitor) -> Visitor:
    """Take a browser as far as the page that asks for a second factor."""
    visitor.authorize()
    visitor.password()
    assert visitor.step == "second_factor", visitor.text
    return visitor


def refused(answer: Answer, number: int = 500121) -> None:
    """Check that the page is shown again, with the number."""
    assert answer.status == 400
    assert f"AADSTS{number}: " in answer.body.decode()


def reason(world: Simulation) -> str:
    """Give what the journal says of the last refusal."""
    text: str = world.entries()[-1]["properties"]["reason"]
    return text


def claims(answer: Answer) -> dict[str, Any]:
    """Read an access token."""
    assert answer.status == 200, answer.body
    return jwt.decode(answer.json["access_token"], options={"verify_signature": False})


class _NotSentError(Exception):
    """A request was held back."""


def _unsent(world: Simulation, visitor: Visitor, form: dict[str, str]) -> Request:
    """Fill a page's form in, and give what would have been sent."""
    held: list[Request] = []

    async def hold(request: Request) -> Response:
        held.append(request)
        raise _NotSentError

    handle = world.dispatcher.handle
    world.dispatcher.handle = hold  # type: ignore[method-assign]  # to send it later, with others
    try:
        with pytest.raises(_NotSentError):
            visitor.send(**form)
    finally:
        world.dispatcher.handle = handle  # type: ignore[method-assign]
    return held[0]


class TestCodes:
    """Authenticator apps."""

    def test_a_user_with_an_app_shows_a_code(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """After the password; the token says so, and so does the family that can be refreshed."""
        asked(visitor)
        visitor.code(app)
        answer = visitor.redeem()
        assert claims(answer)["amr"] == ["pwd", "otp", "mfa"]
        assert claims(answer)["acr"] == "1"
        assert claims(refresh(world, answer.json["refresh_token"]))["amr"] == ["pwd", "otp", "mfa"]
        (family,) = (one for one in world.view.all(TokenFamily) if one.user == visitor.who.user.id)
        assert family.factor == app.id

    def test_the_journal_says_which(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """The user, the step and the second factor; no code."""
        asked(visitor).code(app)
        properties = world.entries()[-1]["properties"]
        assert properties["signInStep"] == "second_factor"
        assert (properties["userId"], properties["credentialId"]) == (visitor.who.user.id, app.id)

    def test_a_user_without_one_is_not_asked(self, visitor: Visitor) -> None:
        """A password is enough for who has nothing else, and the token says so."""
        visitor.authorize()
        visitor.password()
        assert claims(visitor.redeem())["amr"] == ["pwd"]

    @pytest.mark.parametrize("text", ["", "000000", "12345", "a" * 300, '"><script>alert(1)</script>'])
    def test_a_wrong_code_is_told_on_the_page(self, visitor: Visitor, app: App, text: str) -> None:
        """With the number and a correlation id; nothing that was typed in is repeated. The right one is taken then."""
        refused(asked(visitor).send(code=text))
        assert visitor.step == "second_factor"
        assert "Correlation ID" in visitor.text
        assert 'aria-invalid="true"' in visitor.text
        assert "alert(1)" not in visitor.text
        visitor.code(app)
        assert "code" in visitor.told()

    def test_a_code_is_good_once(self, world: Simulation, someone: Person, app: App) -> None:
        """Whoever saw it cannot use it after, in the same step or with the clock one step behind."""
        first, second = asked(Visitor(world, someone)), asked(Visitor(world, someone))
        code = app.code()
        assert first.send(code=code).status == 302
        refused(second.send(code=code))
        assert reason(world) == "code was used before"

    @pytest.mark.parametrize("kind", ["code", "key"])
    def test_of_eight_at_once_one_gets_in(self, world: Simulation, someone: Person, app: App, kind: str) -> None:
        """One code in eight browsers, or one answer of a key eight times, at the same moment: one winner."""
        key = add_key(world, someone.user)[1]
        visitors = [asked(Visitor(world, someone)) for _ in range(8)] if kind == "code" else []
        visitors = visitors or [asked(Visitor(world, someone))] * 8
        code = app.code()
        form = {"code": code} if kind == "code" else {"answer": key.get(visitors[0].options)}
        requests = [_unsent(world, visitor, form) for visitor in visitors]

        async def all_at_once() -> list[int]:
            answers = await asyncio.gather(*(world.dispatcher.handle(request) for request in requests))
            return sorted(answer.status for answer in answers)

        assert world.run(all_at_once()) == [302] + [400] * 7
        sessions = [one for one in world.view.all(BrowserSession) if one.user == someone.user.id]
        assert len(sessions) == 1, "who lost is signed in nowhere"

    def test_who_loses_the_race_is_told_on_a_page(
        self, world: Simulation, visitor: Visitor, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The code was right when it was looked at, and somebody else's when it was to be taken."""
        asked(visitor)
        code, real = app.code(), Call.commit

        async def overtaken(call: Call, *how: Any, **more: Any) -> Any:
            used = second_factors.judge_app_code(world.keys, world.view, visitor.who.user, code, int(world.clock()))
            await world.store.commit(lambda tx: second_factors.use_code(tx, used))
            return await real(call, *how, **more)

        monkeypatch.setattr(Call, "commit", overtaken)
        refused(visitor.send(code=code))
        assert reason(world) == "code was used before"
        assert not [one for one in world.view.all(BrowserSession) if one.user == visitor.who.user.id]

    def test_a_code_is_its_own_users(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """Another user's code is a wrong one, however right it is."""
        other = add_app(world, person(world).user)
        refused(asked(visitor).send(code=other.code()))
        assert reason(world) == "wrong code"

    def test_spaces_are_no_part_of_a_code(self, visitor: Visitor, app: App) -> None:
        """Apps show them in the middle."""
        code = app.code()
        assert asked(visitor).send(code=f" {code[:3]} {code[3:]}").status == 302

    def test_a_device_is_let_in_by_it(self, world: Simulation, visitor: Visitor, app: App) -> None:
        """The password alone lets no device in: the sign-in is the same for every goal."""
        world.commit(lambda tx: tx.put(SignInSettings(world.first.tenant_id, world.first.tenant_id, device_code=True)))
        tenant = world.first.tenant_id
        form = {"client_id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "scope": f"{GRAPH_AUDIENCE}/.default"}
        begun = world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/devicecode", form=form).json
        visitor.open("oauth2/deviceauth")
        visitor.send(user_code=begun["user_code"])
        visitor.password()
        visitor.code(app)
        assert visitor.step == "device"
        visitor.send(answer="yes")
        world.advance(10)
        form |= {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": begun["device_code"],
        }
        assert claims(world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/token", form=form))["amr"][-1] == "mfa"

    def test_an_expired_password_is_not_replaced_without_it(self, world: Simulation) -> None:
        """Who knows an old password and nothing else chooses no new one."""
        who = person(world, must_change=True)
        app = add_app(world, who.user)
        visitor = asked(Visitor(world, who))
        visitor.code(app)
        assert visitor.step == "new_password"


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


class TestKeys:
    """Security keys."""

    @pytest.fixture
    def key(self, world: Simulation, someone: Person) -> SoftKey:
        """Register a security key for the user."""
        return add_key(world, someone.user)[1]

    def test_a_user_with_a_key_shows_it(self, world: Simulation, visitor: Visitor, key: SoftKey) -> None:
        """The token says so; who has no app is asked for no code."""
        asked(visitor)
        assert 'name="code"' not in visitor.text
        visitor.key(key)
        assert claims(visitor.redeem())["amr"] == ["pwd", "fido", "mfa"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"answers": b"x" * 32},
            {"origin": "https://login.localhost"},
            {"origin": "https://evil.example"},
            {"host": "localhost"},
            {"kind": "webauthn.create"},
            {"signature": b"x" * 70},
        ],
    )
    def test_an_answer_that_is_not_right(self, visitor: Visitor, key: SoftKey, wrong: dict[str, Any]) -> None:
        """Another challenge, origin, host, kind or signature is refused, and the page is shown again."""
        asked(visitor)
        refused(visitor.key(key, **wrong))
        visitor.key(key)
        assert "code" in visitor.told()

    @pytest.mark.parametrize("text", ["x", "{}", "[]", "null", '{"id": "a"}', "1" * 30000])
    def test_whatever_else_is_sent_is_refused(self, visitor: Visitor, key: SoftKey, text: str) -> None:
        """It is told on the page like any wrong answer."""
        refused(asked(visitor).send(answer=text))

    def test_an_answer_is_good_once(self, world: Simulation, someone: Person) -> None:
        """Of a key that does not count as well: the page of it, sent again, is refused."""
        key = add_key(world, someone.user)[1]
        key.counts = False
        key.count = 0
        world.commit(lambda tx: _uncounted(tx, world, someone))
        visitor = asked(Visitor(world, someone))
        world.advance(1)
        page, answer = visitor.page, key.get(visitor.options)
        visitor.page = page
        assert visitor.send(answer=answer).status == 302
        visitor.page = page
        refused(visitor.send(answer=answer))
        assert "this challenge or a later one" in reason(world)

    def test_a_key_that_counts_back_is_refused_and_recorded(
        self, world: Simulation, visitor: Visitor, key: SoftKey
    ) -> None:
        """Somebody may have a copy of it: the journal says so, and of which key."""
        key.count = 10
        asked(visitor).key(key)
        key.count = 5
        again = asked(Visitor(world, visitor.who))
        refused(again.key(key))
        assert "somebody may have a copy" in reason(world)

    def test_a_key_is_its_own_users(self, world: Simulation, visitor: Visitor, key: SoftKey) -> None:
        """Another user's key, which answers this page's challenge, is a wrong one."""
        _, theirs = add_key(world, person(world).user)
        asked(visitor)
        refused(visitor.key(theirs))
        assert "none of the user's" in reason(world)

    def test_an_app_will_do_as_well(self, visitor: Visitor, key: SoftKey, app: App) -> None:
        """Who has both chooses on the page."""
        asked(visitor)
        assert visitor.options["allowCredentials"]
        visitor.code(app)
        assert "code" in visitor.told()

    def test_a_key_of_another_name_is_not_asked_for(self, world: Simulation, visitor: Visitor, key: SoftKey) -> None:
        """Browsers would not show it. The page says what to do, and nobody gets in without a second factor."""
        (record,) = (one for one in world.view.all(SecurityKey) if one.user == visitor.who.user.id)
        moved = SecurityKey(**{**{f: getattr(record, f) for f in record.__slots__}, "host": "login.elsewhere.example"})
        world.commit(lambda tx: tx.put(moved))
        asked(visitor)
        assert "data-options" not in visitor.text
        assert "another name" in visitor.text
        refused(visitor.send(code="000000"))


async def _uncounted(tx: Any, world: Simulation, someone: Person) -> None:
    """Forget that a key has counted."""
    (record,) = (one for one in world.view.all(SecurityKey) if one.user == someone.user.id)
    fields = {field: getattr(record, field) for field in record.__slots__}
    await tx.put(SecurityKey(**{**fields, "sign_count": 0}))


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
