"""SEC-TOKEN-21: what is taken as a second factor, and what is not: codes of apps, and security keys."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from strongroom.core.second_factors import SecurityKey
from strongroom.core.sessions import BrowserSession, SignInSettings, TokenFamily
from strongroom.directory import second_factors
from strongroom.flow.call import Call
from strongroom.http.message import Request, Response
from tests.flow.second_factors import app, asked, claims, reason, refused, someone, visitor
from tests.flow.users import App, Person, add_app, add_key, person, refresh
from tests.flow.visitor import Visitor
from tests.security_keys import SoftKey
from tests.world import GRAPH_AUDIENCE, Simulation

__all__ = ["app", "someone", "visitor"]


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
