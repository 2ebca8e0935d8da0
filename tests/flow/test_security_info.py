"""Security info: a person sees, adds and removes what he signs in with, after a fresh sign-in."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from strongroom.core.limits import AUTHENTICATOR_APPS_PER_USER, SECURITY_KEYS_PER_USER, SIGN_IN_PAGE_S
from strongroom.core.network import Link
from strongroom.core.second_factors import AuthenticatorApp, SecondFactor
from strongroom.core.sessions import BrowserSession, SignInSettings
from strongroom.directory import second_factors
from tests.flow.second_factors import claims, reason, refused
from tests.flow.users import Person, add_app, add_key, person, refresh
from tests.flow.visitor import Visitor
from tests.security_keys import SoftKey
from tests.world import Simulation


@pytest.fixture
def visitor(world: Simulation) -> Visitor:
    """Put a user before a browser."""
    return Visitor(world, person(world))


def opened(visitor: Visitor) -> Visitor:
    """Open the page and sign in, as far as the password takes one."""
    visitor.open("security-info")
    visitor.password()
    return visitor


def held(visitor: Visitor) -> tuple[SecondFactor, ...]:
    """List what the user has."""
    return second_factors.second_factors_of(visitor.world.view, visitor.who.user)


class TestThePage:
    """What it shows, and to whom."""

    def test_it_wants_a_fresh_sign_in(self, world: Simulation, visitor: Visitor) -> None:
        """A session that the browser has does not open it: the password is asked for, and the second factor."""
        visitor.authorize()
        visitor.password()
        app = add_app(world, visitor.who.user)
        opened(visitor)
        assert visitor.step == "second_factor"
        visitor.code(app)
        assert visitor.step == "security_info"

    def test_it_shows_what_there_is_and_nothing_secret(self, world: Simulation, visitor: Visitor) -> None:
        """Name, kind and day of each, and of nobody else's."""
        app = add_app(world, visitor.who.user, "<b>my phone</b>")
        add_key(world, visitor.who.user, "blue key")
        add_app(world, person(world).user, "somebody else's")
        opened(visitor).code(app)
        assert "&lt;b&gt;my phone&lt;/b&gt;" in visitor.text
        assert "blue key" in visitor.text
        assert "Security key, since 2026-" in visitor.text
        assert "somebody else" not in visitor.text
        assert app.totp.secret not in visitor.text

    def test_it_says_that_nothing_is_there(self, visitor: Visitor) -> None:
        """In words."""
        assert "the password alone lets you in" in opened(visitor).text

    def test_done_ends_it_and_the_browser_is_signed_in(self, world: Simulation, visitor: Visitor) -> None:
        """By what was shown last."""
        opened(visitor).send(add="app")
        app = visitor.scan()
        visitor.send(code=app.code(), name="phone")
        visitor.send(done="yes")
        assert "You can close this window" in visitor.text
        (session,) = (one for one in world.view.all(BrowserSession) if one.user == visitor.who.user.id)
        assert session.factor == held(visitor)[0].id
        visitor.authorize()
        assert claims(visitor.redeem())["amr"] == ["pwd", "otp", "mfa"]

    @pytest.mark.parametrize(
        "form", [{}, {"add": "x"}, {"add": "app2"}, {"remove": "x"}, {"remove": "11111111-1111-1111-1111-111111111111"}]
    )
    def test_anything_else_is_refused(self, visitor: Visitor, form: dict[str, str]) -> None:
        """And changes nothing."""
        refused(opened(visitor).send(**form), 9002313)
        assert visitor.step == "security_info"
        assert held(visitor) == ()

    def test_it_is_answered_in_time(self, world: Simulation, visitor: Visitor) -> None:
        """As every page of signing in."""
        opened(visitor)
        world.advance(SIGN_IN_PAGE_S)
        refused(visitor.send(add="app"), 9002313)

    def test_it_is_one_browsers(self, world: Simulation, visitor: Visitor) -> None:
        """Its form sent by another browser sets nothing up."""
        opened(visitor).send(add="app")
        app = visitor.scan()
        other = Visitor(world, visitor.who)
        other.open("security-info")
        other.page = visitor.page
        refused(other.send(code=app.code(), name="phone"), 9002313)
        assert held(visitor) == ()


class TestApps:
    """Setting an authenticator app up."""

    def test_the_first_right_code_sets_it_up(self, world: Simulation, visitor: Visitor) -> None:
        """The list has it then, by the name it was given, and the journal which; nothing is there before."""
        opened(visitor).send(add="app")
        assert visitor.step == "set_up_app"
        app = visitor.scan()
        assert held(visitor) == ()
        visitor.send(code=app.code(), name=" my phone ")
        (made,) = held(visitor)
        assert isinstance(made, AuthenticatorApp)
        assert made.display_name == "my phone"
        assert visitor.step == "security_info"
        assert "my phone" in visitor.text
        properties = world.entries()[-1]["properties"]
        assert (properties["userId"], properties["credentialId"]) == (visitor.who.user.id, made.id)
        assert properties["signInStep"] == "set_up_app"

    def test_the_picture_is_part_of_the_page(self, visitor: Visitor) -> None:
        """Inline, so nothing is loaded; with words for who does not see it, and the secret as text beside."""
        opened(visitor).send(add="app")
        assert re.search(r'<div class="qr" role="img" aria-label="[^"]+"><svg [^>]*>', visitor.text)
        assert "<img" not in visitor.text
        assert ' style="' not in visitor.text
        assert len(visitor.scan().totp.secret) == 32

    def test_the_picture_says_what_the_text_says(self, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same secret, for this user, of this instance."""
        import segno  # noqa: PLC0415  only this test draws

        drawn: list[str] = []
        real = segno.make
        monkeypatch.setattr(segno, "make", lambda uri, **how: drawn.append(uri) or real(uri, **how))
        opened(visitor).send(add="app")
        (uri,) = drawn
        query = parse_qs(urlsplit(uri).query)
        assert query["secret"] == [visitor.scan().totp.secret]
        assert query["issuer"] == ["login.localhost:8443"]
        assert visitor.who.name in uri.replace("%40", "@")

    def test_a_wrong_code_sets_nothing_up_and_shows_no_secret(self, visitor: Visitor) -> None:
        """The secret is shown once; the app's next code is taken, or another secret is begun with."""
        opened(visitor).send(add="app")
        app = visitor.scan()
        refused(visitor.send(code="000000", name="phone"))
        assert held(visitor) == ()
        assert app.totp.secret not in visitor.text.replace(" ", "")
        assert "<svg" not in visitor.text
        visitor.send(do="again")
        other = visitor.scan()
        assert other.totp.secret != app.totp.secret
        refused(visitor.send(code=app.code(), name="phone"))
        visitor.send(code=other.code(), name="phone")
        assert len(held(visitor)) == 1

    @pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
    def test_a_name_is_a_name(self, visitor: Visitor, name: str) -> None:
        """SECOND_FACTOR_NAME_CHARS: anything else is told, and sets nothing up."""
        opened(visitor).send(add="app")
        app = visitor.scan()
        answer = visitor.send(code=app.code(), name=name)
        assert answer.status == 400
        assert "A name has 1 to 64 characters" in visitor.text
        assert held(visitor) == ()

    def test_who_cancels_has_set_nothing_up(self, visitor: Visitor) -> None:
        """And is back at the list."""
        opened(visitor).send(add="app")
        visitor.scan()
        visitor.send(do="cancel")
        assert visitor.step == "security_info"
        assert held(visitor) == ()

    def test_it_is_set_up_once(self, visitor: Visitor) -> None:
        """The same page sent again, with another right code, is refused on a page."""
        opened(visitor).send(add="app")
        page, app = visitor.page, visitor.scan()
        visitor.send(code=app.code(), name="phone")
        visitor.page = page
        visitor.send(code=app.code(), name="phone")
        assert visitor.step == "second_factor", "the user has one now, and the page is from before"
        assert len(held(visitor)) == 1

    def test_the_code_that_set_it_up_is_used(self, world: Simulation, visitor: Visitor) -> None:
        """It is good once, like every other."""
        opened(visitor).send(add="app")
        app = visitor.scan()
        code = app.code()
        visitor.send(code=code, name="phone")
        other = Visitor(world, visitor.who)
        other.authorize()
        other.password()
        refused(other.send(code=code))
        assert reason(world) == "code was used before"

    def test_there_are_so_many_and_no_more(self, world: Simulation, visitor: Visitor) -> None:
        """AUTHENTICATOR_APPS_PER_USER, SECURITY_KEYS_PER_USER: one past it is told on the page."""
        app = add_app(world, visitor.who.user)
        for _ in range(AUTHENTICATOR_APPS_PER_USER - 1):
            add_app(world, visitor.who.user)
        for _ in range(SECURITY_KEYS_PER_USER):
            add_key(world, visitor.who.user)
        opened(visitor).code(app)
        for kind in ("app", "key"):
            assert visitor.send(add=kind).status == 400
            assert visitor.step == "security_info"
            assert "Remove one first" in visitor.text


class TestKeys:
    """Registering a security key."""

    def test_its_answer_registers_it(self, world: Simulation, visitor: Visitor) -> None:
        """And it is shown at the next sign-in."""
        key = SoftKey(world.login_url)
        opened(visitor).send(add="key")
        assert visitor.step == "set_up_key"
        visitor.send(answer=key.create(visitor.options), name="blue key")
        assert visitor.step == "security_info"
        assert "blue key" in visitor.text
        other = Visitor(world, visitor.who)
        other.authorize()
        other.password()
        other.key(key)
        assert claims(other.redeem())["amr"] == ["pwd", "fido", "mfa"]

    @pytest.mark.parametrize(
        "wrong",
        [{"answers": b"x" * 32}, {"origin": "https://evil.example"}, {"host": "localhost"}, {"kind": "webauthn.get"}],
    )
    def test_an_answer_that_is_not_right(self, world: Simulation, visitor: Visitor, wrong: dict[str, Any]) -> None:
        """Registers nothing, and the page asks anew."""
        key = SoftKey(world.login_url)
        opened(visitor).send(add="key")
        refused(visitor.send(answer=key.create(visitor.options, **wrong), name="key"))
        assert held(visitor) == ()
        visitor.send(answer=key.create(visitor.options), name="key")
        assert len(held(visitor)) == 1

    def test_what_is_registered_already_is_told_to_the_browser(self, world: Simulation, visitor: Visitor) -> None:
        """So that the authenticator refuses to register twice; who does so all the same is told on a page."""
        _, key = add_key(world, visitor.who.user)
        app = add_app(world, visitor.who.user)
        opened(visitor).code(app)
        visitor.send(add="key")
        assert len(visitor.options["excludeCredentials"]) == 1
        answer = visitor.send(answer=key.create(visitor.options), name="key")
        assert answer.status == 400
        assert "registered already" in visitor.text

    def test_at_azures_names_there_are_none(self, world: Simulation, visitor: Visitor) -> None:
        """A key that answered there would answer to Microsoft's name: nothing asks for one, and none is taken."""
        add_key(world, visitor.who.user)
        tenant = visitor.who.user.tenant
        url = f"https://login.microsoftonline.com/{tenant}"
        page = world.ask("GET", f"{url}/security-info", link=Link.CONTROL)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.body.decode()))
        form = {**fields, "username": visitor.who.name, "password": visitor.who.password}
        cookie = page.cookies[0].partition(";")[0]
        answer = world.ask("POST", f"{url}/sign-in", form=form, headers={"Cookie": cookie}, link=Link.CONTROL)
        text = answer.body.decode()
        assert 'name="step" value="second_factor"' in text
        assert "data-options" not in text


class TestRemoval:
    """Taking one away."""

    def test_it_is_asked_once_more(self, world: Simulation, visitor: Visitor) -> None:
        """Yes removes it, and the journal says which; no leaves it."""
        app, other = add_app(world, visitor.who.user, "old phone"), add_app(world, visitor.who.user, "new phone")
        opened(visitor).code(other)
        visitor.send(remove=app.id)
        assert visitor.step == "removal"
        assert "Remove old phone?" in visitor.text
        visitor.send(answer="no")
        assert len(held(visitor)) == 2
        visitor.send(remove=app.id)
        visitor.send(answer="yes")
        assert visitor.step == "security_info"
        assert [one.id for one in held(visitor)] == [other.id]
        assert world.entries()[-1]["properties"]["credentialId"] == app.id

    def test_what_was_signed_in_with_it_ends(self, world: Simulation, visitor: Visitor) -> None:
        """SEC-FLOW-17: programs that were signed in to with it, and not those that were with another."""
        app, other = add_app(world, visitor.who.user), add_app(world, visitor.who.user)
        tokens = []
        for one in (app, other):
            program = Visitor(world, visitor.who)
            program.authorize()
            program.password()
            program.code(one)
            tokens.append(program.redeem().json["refresh_token"])
        opened(visitor).code(other)
        visitor.send(remove=app.id)
        visitor.send(answer="yes")
        assert refresh(world, tokens[0]).json["error_codes"] == [50173]
        assert refresh(world, tokens[1]).status == 200

    def test_who_removes_what_he_showed_shows_another(self, world: Simulation, visitor: Visitor) -> None:
        """The walk goes on by what is left."""
        app, other = add_app(world, visitor.who.user), add_app(world, visitor.who.user)
        opened(visitor).code(app)
        visitor.send(remove=app.id)
        visitor.send(answer="yes")
        assert visitor.step == "second_factor"
        visitor.code(other)
        assert visitor.step == "security_info"

    def test_the_last_one_leaves_the_password_alone(self, world: Simulation, visitor: Visitor) -> None:
        """The page says so before; after it nothing but the password is asked for, and tokens say so."""
        app = add_app(world, visitor.who.user)
        opened(visitor).code(app)
        visitor.send(remove=app.id)
        assert "It is the last one" in visitor.text
        visitor.send(answer="yes")
        assert visitor.step == "security_info"
        visitor.send(done="yes")
        visitor.authorize()
        assert claims(visitor.redeem())["amr"] == ["pwd"]

    def test_who_must_have_one_sets_another_up(self, world: Simulation, visitor: Visitor) -> None:
        """Where everybody must have one, the last is removed and another is due at once."""
        tenant = visitor.who.user.tenant
        app = add_app(world, visitor.who.user)
        world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, second_factor=True)))
        opened(visitor).code(app)
        visitor.send(remove=app.id)
        visitor.send(answer="yes")
        world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant)))
        assert visitor.step == "registration"

    def test_nobody_elses_is_removed(self, world: Simulation, visitor: Visitor) -> None:
        """Another user's id is one of nothing."""
        theirs = add_app(world, person(world).user)
        app = add_app(world, visitor.who.user)
        opened(visitor).code(app)
        refused(visitor.send(remove=theirs.id), 9002313)
        assert world.view.second_factor(theirs.id) is not None

    def test_what_is_gone_meanwhile_is_gone(self, world: Simulation, visitor: Visitor) -> None:
        """Removed by somebody else while the question stood: the list is shown again."""
        app, other = add_app(world, visitor.who.user), add_app(world, visitor.who.user)
        opened(visitor).code(app)
        visitor.send(remove=other.id)
        user = visitor.who.user
        world.commit(lambda tx: second_factors.remove_factor(tx, user, AuthenticatorApp, other.id))
        visitor.send(answer="yes")
        assert visitor.step == "security_info"
        assert other.id not in visitor.text


def test_another_tenants_user_has_another_page(world: Simulation) -> None:
    """SEC-TENANT-2: a walk of one tenant is none in another."""
    tenant = world.tenant()
    ours, theirs = Visitor(world, person(world)), Visitor(world, Person(person(world, tenant=tenant).user, "x"))
    opened(ours)
    page = ours.page.body.replace(ours.who.user.tenant.encode(), tenant.encode())
    ours.page = type(ours.page)(200, {}, page)
    refused(ours.send(add="app"), 9002313)
    assert held(theirs) == ()
