"""SEC-TOKEN-21: second factors are set up, good once, and removed."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.core.errors import Conflict, Failure, Invalid, NotFound
from strongroom.core.identity import User
from strongroom.core.second_factors import AuthenticatorApp, SecurityKey, judge_code, judge_name
from strongroom.core.sessions import TokenFamily
from strongroom.crypto.protocol import Unsealable
from strongroom.crypto.security_keys import KeyRefused, Party, credential_of, verify_registration
from strongroom.directory import deletion, second_factors, sessions
from strongroom.directory.second_factors import Challenge
from tests.flow.users import AZURE_CLI
from tests.plugins import canary
from tests.security_keys import SoftKey, b64
from tests.unit.directory.conftest import NOW, Directory

PARTY = Party("login.one.example", "https://login.one.example")
STEP = limits.CODE_STEP_S


def codes(begun: second_factors.NewApp, now: int) -> str:
    """Make the code that an app shows."""
    return pyotp.TOTP(secret(begun)).at(now)


def secret(begun: second_factors.NewApp) -> str:
    """Give the secret as an app has it, and search for it from now on."""
    text = second_factors.totp.secret_text(begun.secret)
    canary.remember(text)
    return text


def add_app(
    directory: Directory, user: User, *, name: str = "phone", now: int = NOW
) -> tuple[AuthenticatorApp, pyotp.TOTP]:
    """Set an app up."""
    begun = second_factors.begin_app(user, now=now, entropy=directory.entropy)
    app = second_factors.confirm_app(directory.keys, user, begun, code=codes(begun, now), name=name, now=now)
    directory.commit(lambda tx: second_factors.add_factor(tx, user, app))
    return app, pyotp.TOTP(secret(begun))


def use_code(directory: Directory, user: User, code: str, now: int) -> AuthenticatorApp:
    """Show a code."""
    used = second_factors.judge_app_code(directory.keys, directory.view, user, code, now)
    directory.commit(lambda tx: second_factors.use_code(tx, used))
    return used


def refused(number: int, reason: str) -> Any:
    """Expect an AADSTS number, and a reason for the journal."""

    def check(failure: Failure) -> bool:
        return failure.number == number and reason in (failure.reason or "")

    return pytest.RaisesExc(Failure, check=check)


class TestNames:
    """What a user calls a second factor."""

    @pytest.mark.parametrize("text", ["", "  ", "x" * 65, "a\nb", "a\u202eb"])
    def test_what_is_no_name(self, text: str) -> None:
        """SECOND_FACTOR_NAME_CHARS: nothing empty, too long, or that changes the line it stands in."""
        with pytest.raises(Invalid):
            judge_name(text)

    def test_the_longest_name(self) -> None:
        """SECOND_FACTOR_NAME_CHARS: at the limit; spaces around it are no part of it."""
        assert judge_name(f" {'ä' * limits.SECOND_FACTOR_NAME_CHARS} ") == "ä" * limits.SECOND_FACTOR_NAME_CHARS

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("123456", "123456"),
            (" 123 456 ", "123456"),
            ("12345", ""),
            ("1234567", ""),
            ("\uff1123456", ""),
            ("12345a", ""),
        ],
    )
    def test_how_a_code_is_typed(self, text: str, code: str) -> None:
        """CODE_DIGITS: six digits, with spaces as apps show them."""
        assert judge_code(text) == code


class TestApps:
    """Authenticator apps."""

    def test_it_counts_since_its_first_right_code(self, directory: Directory) -> None:
        """And nothing is there before: no secret that nobody has confirmed stands in the store."""
        user = directory.add_user()
        begun = second_factors.begin_app(user, now=NOW, entropy=directory.entropy)
        assert second_factors.second_factors_of(directory.view, user) == ()
        with refused(500121, "wrong code"):
            second_factors.confirm_app(directory.keys, user, begun, code="", name="phone", now=NOW)
        app, _ = add_app(directory, user)
        assert second_factors.second_factors_of(directory.view, user) == (app,)

    def test_the_secret_is_sealed_for_its_place(self, directory: Directory) -> None:
        """A sealed secret opens for its own tenant, user and app alone."""
        ann, bob = directory.add_user("ann"), directory.add_user("bob")
        app, totp = add_app(directory, ann)
        assert totp.byte_secret() not in app.sealed_secret
        assert "sealed_secret" not in repr(app)
        moved = replace(app, user=bob.id)
        directory.commit(lambda tx: tx.put(moved))
        with pytest.raises(Unsealable):
            use_code(directory, bob, totp.at(NOW + STEP), NOW + STEP)

    def test_a_code_is_good_once(self, directory: Directory) -> None:
        """The first code too, and none of an earlier step after it (RFC 6238 section 5.2)."""
        user = directory.add_user()
        _, totp = add_app(directory, user)
        with refused(500121, "used before"):
            use_code(directory, user, totp.at(NOW), NOW)
        assert use_code(directory, user, totp.at(NOW + STEP), NOW).last_step == NOW // STEP + 1
        for now in (NOW, NOW + STEP):
            with refused(500121, "used before"):
                use_code(directory, user, totp.at(now), NOW + STEP)

    def test_of_many_at_once_one_wins(self, directory: Directory) -> None:
        """Eight users of one code at once: one is let in."""
        user = directory.add_user()
        _, totp = add_app(directory, user)
        used = second_factors.judge_app_code(directory.keys, directory.view, user, totp.at(NOW + STEP), NOW + STEP)

        async def all_at_once() -> list[object]:
            tries = (directory.store.commit(lambda tx: second_factors.use_code(tx, used)) for _ in range(8))
            return list(await asyncio.gather(*tries, return_exceptions=True))

        results = directory.run(all_at_once())
        assert sum(isinstance(one, Invalid) for one in results) == 7

    def test_an_app_that_was_removed_meanwhile_takes_none(self, directory: Directory) -> None:
        """Nor does a key, by an answer that was right a moment ago."""
        user = directory.add_user()
        app, totp = add_app(directory, user)
        browser = Browser(directory, user)
        key = browser.register()
        used = second_factors.judge_app_code(directory.keys, directory.view, user, totp.at(NOW + STEP), NOW + STEP)
        asked = browser.challenge(NOW + 1)
        answered = browser.judge(asked, NOW + 1, browser.answer(asked))
        for kind, factor in ((AuthenticatorApp, app.id), (SecurityKey, key.id)):
            directory.commit(lambda tx, kind=kind, factor=factor: second_factors.remove_factor(tx, user, kind, factor))
        with refused(500121, "removed meanwhile"):
            directory.commit(lambda tx: second_factors.use_code(tx, used))
        with refused(500121, "removed meanwhile"):
            directory.commit(lambda tx: second_factors.use_key(tx, answered))

    def test_a_code_is_its_own_users(self, directory: Directory) -> None:
        """A code of one user is nothing for another, though both have an app."""
        ann, bob = directory.add_user("ann"), directory.add_user("bob")
        _, totp = add_app(directory, ann)
        add_app(directory, bob)
        with refused(500121, "wrong code"):
            use_code(directory, bob, totp.at(NOW + STEP), NOW + STEP)

    def test_any_app_of_the_user_will_do(self, directory: Directory) -> None:
        """And the one that made the code is the one that was used."""
        user = directory.add_user()
        add_app(directory, user)
        second, totp = add_app(directory, user, name="tablet")
        assert use_code(directory, user, totp.at(NOW + STEP), NOW + STEP).id == second.id

    def test_a_beginning_is_for_one_user_and_a_while(self, directory: Directory) -> None:
        """SECOND_FACTOR_PAGE_S: another user cannot end it, and nobody later than that; up to then its user can."""
        ann, bob = directory.add_user("ann"), directory.add_user("bob")
        begun = second_factors.begin_app(ann, now=NOW, entropy=directory.entropy)
        with refused(9002313, "somebody else"):
            second_factors.confirm_app(directory.keys, bob, begun, code=codes(begun, NOW), name="x", now=NOW)
        late = NOW + limits.SECOND_FACTOR_PAGE_S
        with refused(9002313, "too long ago"):
            second_factors.confirm_app(directory.keys, ann, begun, code=codes(begun, late), name="x", now=late)
        in_time = codes(begun, late - 1)
        second_factors.confirm_app(directory.keys, ann, begun, code=in_time, name="x", now=late - 1)

    def test_there_are_so_many_and_no_more(self, directory: Directory) -> None:
        """AUTHENTICATOR_APPS_PER_USER: at the limit, and one past it; another user's do not count."""
        user = directory.add_user()
        add_app(directory, directory.add_user("other"))
        for _ in range(limits.AUTHENTICATOR_APPS_PER_USER):
            app, _ = add_app(directory, user)
        with pytest.raises(Invalid, match="at most 5 authenticator apps"):
            add_app(directory, user)
        directory.commit(lambda tx: second_factors.remove_factor(tx, user, AuthenticatorApp, app.id))
        add_app(directory, user)

    def test_it_is_added_once(self, directory: Directory) -> None:
        """The same page answered again sets nothing up."""
        user = directory.add_user()
        app, _ = add_app(directory, user)
        with pytest.raises(Conflict):
            directory.commit(lambda tx: second_factors.add_factor(tx, user, replace(app, last_step=0)))
        assert second_factors.second_factors_of(directory.view, user) == (app,)


class Browser:
    """A user before a page, with a key."""

    def __init__(self, directory: Directory, user: User, key: SoftKey | None = None, party: Party = PARTY) -> None:
        self.directory, self.user, self.party = directory, user, party
        self.key = key or SoftKey()

    def challenge(self, now: int = NOW) -> Challenge:
        """Open a page."""
        return second_factors.new_challenge(self.user, self.party, now=now, entropy=self.directory.entropy)

    def register(self, *, challenge: Challenge | None = None, now: int = NOW, **wrong: Any) -> SecurityKey:
        """Register the key."""
        asked = challenge or self.challenge()
        directory = self.directory
        options = second_factors.registration_options(directory.keys, directory.view, self.user, self.party, asked)
        made = second_factors.register_key(
            self.user,
            self.party,
            asked,
            answer=self.key.create(options, **wrong),
            name="key",
            now=now,
            entropy=directory.entropy,
        )
        directory.commit(lambda tx: second_factors.add_factor(tx, self.user, made))
        return made

    def judge(self, challenge: Challenge, now: int, answer: str) -> second_factors.Answered:
        """Send the answer."""
        directory = self.directory
        return second_factors.judge_answer(
            directory.keys, directory.view, self.user, self.party, challenge, answer=answer, now=now
        )

    def answer(self, challenge: Challenge, **wrong: Any) -> str:
        """Touch the key."""
        options = second_factors.authentication_options(self.directory.view, self.user, self.party, challenge)
        return self.key.get(options, **wrong)

    def show(self, now: int, *, challenge: Challenge | None = None, **wrong: Any) -> SecurityKey:
        """Show the key."""
        asked = challenge or self.challenge(now)
        answered = self.judge(asked, now, self.answer(asked, **wrong))
        self.directory.commit(lambda tx: second_factors.use_key(tx, answered))
        (found,) = second_factors.keys_for(self.directory.view, self.user, self.party)
        return found


@pytest.fixture
def browser(directory: Directory) -> Browser:
    """Make a user whose key is registered."""
    made = Browser(directory, directory.add_user())
    made.register()
    return made


class TestKeys:
    """Security keys."""

    def test_a_key_is_registered_and_shown(self, directory: Directory) -> None:
        """What the browser is asked names the host and wants the user verified; what it tells is kept."""
        browser = Browser(directory, directory.add_user())
        asked = browser.challenge()
        options = second_factors.registration_options(directory.keys, directory.view, browser.user, PARTY, asked)
        assert options["rp"]["id"] == "login.one.example"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["attestation"] == "none"
        assert options["challenge"] == b64(asked.value)
        assert browser.user.id.encode() not in browser.key.handle
        made = browser.register()
        assert made.aaguid == "00010203-0405-0607-0809-0a0b0c0d0e0f"
        assert made.transports == ("nfc", "usb")
        options = second_factors.authentication_options(directory.view, browser.user, PARTY, browser.challenge())
        assert options["userVerification"] == "required"
        assert [one["id"] for one in options["allowCredentials"]] == [b64(browser.key.credential_id)]
        assert browser.show(NOW + 1).sign_count == browser.key.count

    @pytest.mark.parametrize(
        "wrong",
        [
            {"answers": b"x" * 32},
            {"origin": "https://login.one.example:8443"},
            {"origin": "http://login.one.example"},
            {"origin": "https://evil.example"},
            {"host": "one.example"},
            {"kind": "webauthn.get"},
        ],
    )
    def test_a_registration_that_is_not_right(self, directory: Directory, wrong: dict[str, Any]) -> None:
        """Another challenge, origin, host or kind is refused, and nothing is kept."""
        browser = Browser(directory, directory.add_user())
        with refused(500121, "security key not registered"):
            browser.register(**wrong)
        assert second_factors.second_factors_of(directory.view, browser.user) == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"answers": b"x" * 32},
            {"origin": "https://login.one.example:8443"},
            {"origin": "https://evil.example"},
            {"host": "one.example"},
            {"kind": "webauthn.create"},
            {"signature": b"x" * 70},
            {"handle": b"somebody else"},
        ],
    )
    def test_an_answer_that_is_not_right(self, browser: Browser, wrong: dict[str, Any]) -> None:
        """Another challenge, origin, host, kind, signature or user handle is refused."""
        with refused(500121, "security key not taken"):
            browser.show(NOW + 1, **wrong)

    def test_the_right_handle_is_taken(self, browser: Browser) -> None:
        """Some authenticators say whose key it is."""
        browser.show(NOW + 1, handle=browser.key.handle)

    def test_the_user_is_verified_not_only_present(self, directory: Directory) -> None:
        """By a PIN or a fingerprint, at registration and whenever the key is shown."""
        browser = Browser(directory, directory.add_user(), SoftKey(verifies=False))
        with refused(500121, "security key not registered"):
            browser.register()
        browser.key.verifies = True
        browser.register()
        browser.key.verifies = False
        with refused(500121, "security key not taken"):
            browser.show(NOW + 1)

    def test_a_count_that_goes_back_is_refused(self, browser: Browser) -> None:
        """Somebody may have a copy of the key, and the journal says so; a count that stands still is the same."""
        browser.show(NOW + 1)
        for count in (browser.key.count - 1, browser.key.count - 2):
            browser.key.count = count
            with refused(500121, "somebody may have a copy"):
                browser.show(NOW + 2)
        browser.key.count = 0
        browser.key.counts = False
        with refused(500121, "somebody may have a copy"):
            browser.show(NOW + 3)

    def test_an_answer_is_good_once(self, directory: Directory) -> None:
        """Of an authenticator that does not count as well: a challenge is answered once, and none before it after."""
        browser = Browser(directory, directory.add_user(), SoftKey(counts=False))
        browser.register()
        first, second = browser.challenge(NOW + 1), browser.challenge(NOW + 2)
        answer = browser.answer(second)
        answered = browser.judge(second, NOW + 3, answer)
        directory.commit(lambda tx: second_factors.use_key(tx, answered))
        with refused(500121, "this challenge or a later one"):
            browser.judge(second, NOW + 3, answer)
        with refused(500121, "this challenge or a later one"):
            directory.commit(lambda tx: second_factors.use_key(tx, answered))
        with refused(500121, "this challenge or a later one"):
            browser.show(NOW + 3, challenge=first)

    def test_of_many_at_once_one_wins(self, directory: Directory, browser: Browser) -> None:
        """Eight users of one answer at once: one is let in."""
        asked = browser.challenge(NOW + 1)
        answered = browser.judge(asked, NOW + 1, browser.answer(asked))

        async def all_at_once() -> list[object]:
            tries = (directory.store.commit(lambda tx: second_factors.use_key(tx, answered)) for _ in range(8))
            return list(await asyncio.gather(*tries, return_exceptions=True))

        assert sum(isinstance(one, Invalid) for one in directory.run(all_at_once())) == 7

    def test_a_challenge_is_for_one_user_host_and_a_while(self, directory: Directory, browser: Browser) -> None:
        """SECOND_FACTOR_PAGE_S: of another user, another host, or at its end it is none; before its end it is."""
        other = Browser(directory, directory.add_user("other"))
        with refused(9002313, "somebody else"):
            browser.show(NOW + 1, challenge=other.challenge(NOW + 1))
        elsewhere = Browser(
            directory, browser.user, browser.key, Party("login.two.example", "https://login.two.example")
        )
        with refused(9002313, "somebody else"):
            browser.show(NOW + 1, challenge=elsewhere.challenge(NOW + 1))
        asked = browser.challenge(NOW + 1)
        end = NOW + 1 + limits.SECOND_FACTOR_PAGE_S
        with refused(9002313, "too long ago"):
            browser.show(end, challenge=asked)
        browser.show(end - 1, challenge=asked)

    def test_a_key_is_its_own_users(self, directory: Directory, browser: Browser) -> None:
        """A key of one user is nothing for another who answers with it."""
        other = Browser(directory, directory.add_user("other"))
        other.register()
        other.key = browser.key
        with refused(500121, "none of the user's"):
            other.show(NOW + 1)

    def test_a_key_is_offered_where_it_was_registered(self, directory: Directory, browser: Browser) -> None:
        """Browsers show a key to the host it was registered on and to no other."""
        elsewhere = Party("login.two.example", "https://login.two.example")
        assert second_factors.keys_for(directory.view, browser.user, elsewhere) == ()
        assert len(second_factors.keys_for(directory.view, browser.user, PARTY)) == 1

    def test_a_credential_is_one_users(self, directory: Directory, browser: Browser) -> None:
        """What is registered for one user of a tenant is registered for no other (WebAuthn section 7.1)."""
        other = Browser(directory, directory.add_user("other"), browser.key)
        with pytest.raises(Conflict, match="registered already"):
            other.register()

    def test_there_are_so_many_and_no_more(self, directory: Directory) -> None:
        """SECURITY_KEYS_PER_USER: at the limit, and one past it."""
        user = directory.add_user()
        for _ in range(limits.SECURITY_KEYS_PER_USER):
            Browser(directory, user).register()
        with pytest.raises(Invalid, match="at most 10 security keys"):
            Browser(directory, user).register()

    @pytest.mark.parametrize(("size", "good"), [(limits.CREDENTIAL_ID_BYTES, True), (1024, False)])
    def test_the_longest_credential_id(self, directory: Directory, size: int, *, good: bool) -> None:
        """CREDENTIAL_ID_BYTES: at the limit, and one past it."""
        browser = Browser(directory, directory.add_user(), SoftKey(credential_id=secrets.token_bytes(size)))
        if good:
            browser.register()
        else:
            with refused(500121, "too long"):
                browser.register()

    @given(st.recursive(st.text() | st.integers() | st.none(), lambda one: st.dictionaries(st.text(), one)))
    def test_whatever_else_is_sent_is_refused(self, sent: object) -> None:
        """No text makes the parsers do anything but refuse."""
        for text in (json.dumps(sent), str(sent)):
            with pytest.raises(KeyRefused):
                credential_of(text)
            with pytest.raises(KeyRefused):
                verify_registration(PARTY, b"c", text)

    @given(st.binary(max_size=300))
    def test_whatever_stands_in_an_answer_is_refused(self, raw: bytes) -> None:
        """Nor does any attestation object."""
        answer = json.loads(
            SoftKey().create({"user": {"id": b64(b"u")}, "rp": {"id": PARTY.host}, "challenge": b64(b"c")})
        )
        answer["response"]["attestationObject"] = b64(raw)
        with pytest.raises(KeyRefused):
            verify_registration(PARTY, b"c", json.dumps(answer))


class TestRemoval:
    """What a second factor takes with it."""

    @pytest.fixture
    def family(self, directory: Directory) -> tuple[User, AuthenticatorApp, TokenFamily]:
        """Sign a user in with an app."""
        user = directory.add_user()
        app, _ = add_app(directory, user)
        (password,) = directory.view.credentials_of(user.id)
        family = TokenFamily(
            "f", user.tenant, user.id, AZURE_CLI, password.id, NOW, ("pwd", *app.AMR), NOW + 60, factor=app.id
        )
        assert directory.commit(lambda tx: sessions.begin_family(tx, family))
        return user, app, family

    def test_a_family_ends_with_its_factor(
        self, directory: Directory, family: tuple[User, AuthenticatorApp, TokenFamily]
    ) -> None:
        """SEC-FLOW-17: and with no other: another app's removal leaves it."""
        user, app, begun = family
        other, _ = add_app(directory, user, name="other")
        directory.commit(lambda tx: second_factors.remove_factor(tx, user, AuthenticatorApp, other.id))
        assert sessions.family_of(directory.view, user.tenant, begun.id) == begun
        directory.commit(lambda tx: second_factors.remove_factor(tx, user, AuthenticatorApp, app.id))
        assert sessions.family_of(directory.view, user.tenant, begun.id) is None
        assert sessions.expired_families(directory.view, NOW) == [begun]

    def test_none_begins_without_its_factor(
        self, directory: Directory, family: tuple[User, AuthenticatorApp, TokenFamily]
    ) -> None:
        """The factor was removed, or is another user's."""
        _, _, begun = family
        other, _ = add_app(directory, directory.add_user("other"))
        for factor in ("gone", other.id):
            with refused(50173, "second factor"):
                directory.commit(
                    lambda tx, factor=factor: sessions.begin_family(tx, replace(begun, id="g", factor=factor))
                )

    def test_what_is_not_the_users_is_not_there(self, directory: Directory) -> None:
        """Another user's, another kind's and another tenant's are what a random id is."""
        user, other = directory.add_user(), directory.add_user("other")
        app, _ = add_app(directory, other)
        for kind, factor in ((AuthenticatorApp, app.id), (SecurityKey, app.id), (AuthenticatorApp, "random")):
            with pytest.raises(NotFound):
                directory.commit(
                    lambda tx, kind=kind, factor=factor: second_factors.remove_factor(tx, user, kind, factor)
                )
        foreign = replace(other, tenant=directory.other)
        with pytest.raises(NotFound):
            directory.commit(lambda tx: second_factors.remove_factor(tx, foreign, AuthenticatorApp, app.id))

    def test_they_go_with_their_user_and_come_back_with_it(self, directory: Directory) -> None:
        """A user that is deleted can be restored, and still has to show them; one that is gone for good has none."""
        user, other = directory.add_user(), directory.add_user("other")
        app, _ = add_app(directory, user)
        kept, _ = add_app(directory, other)
        Browser(directory, user).register()
        directory.commit(lambda tx: deletion.delete(tx, user, NOW))
        directory.commit(lambda tx: deletion.restore(tx, user.tenant, user.id, NOW))
        assert len(second_factors.second_factors_of(directory.view, user)) == 2
        directory.commit(lambda tx: deletion.delete(tx, user, NOW))
        directory.commit(lambda tx: deletion.delete_for_good(tx, user.tenant, user.id, NOW))
        assert directory.view.second_factor(app.id) is None
        assert directory.view.all(AuthenticatorApp) == (kept,)
        assert directory.view.all(SecurityKey) == ()

    def test_nobody_who_is_gone_sets_one_up(self, directory: Directory) -> None:
        """The user was deleted while the page was open."""
        user = directory.add_user()
        directory.commit(lambda tx: deletion.delete(tx, user, NOW))
        with pytest.raises(NotFound):
            add_app(directory, user)
