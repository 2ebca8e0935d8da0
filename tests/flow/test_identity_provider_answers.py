"""What is checked of the answer of a tenant's own OpenID provider: its id token, and whose answer it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.core import limits
from tests.assertions import b64url, ec_key, rsa_key
from tests.flow.browser import Browser, told
from tests.flow.elsewhere import Provider, come_back
from tests.flow.identity_providers import browser, choose, provider, refused, someone
from tests.flow.test_sign_in_by_password import claims, reason
from tests.flow.users import Person
from tests.world import Simulation

__all__ = ["browser", "provider", "someone"]


# ---- what is checked of the id token, one by one ---------------------------------------------------------------------


BAD_CLAIMS = {
    "another issuer": ({"iss": "https://another.example/tenant"}, "id token of another issuer"),
    "issuer with a slash": ({"iss": "slash"}, "id token of another issuer"),
    "no audience": ({"aud": None}, "id token for another audience"),
    "another audience": ({"aud": "another"}, "id token for another audience"),
    "several audiences": ({"aud": ["strongroom", "another"]}, "id token for another audience"),
    "another party": ({"azp": "another"}, "id token for another authorized party"),
    "no nonce": ({"nonce": None}, "id token of another sign-in"),
    "another nonce": ({"nonce": "n" * 43}, "id token of another sign-in"),
    "odd nonce": ({"nonce": "\ud800"}, "id token of another sign-in"),
    "nonce that is no text": ({"nonce": 1}, "id token of another sign-in"),
    "no exp": ({"exp": None}, "id token without exp or iat"),
    "no iat": ({"iat": None}, "id token without exp or iat"),
    "exp that is no number": ({"exp": "soon"}, "exp is no number"),
    "exp that is true": ({"exp": True}, "exp is no number"),
    "no subject": ({"sub": None}, "id token without a subject"),
    "empty subject": ({"sub": ""}, "id token without a subject"),
    "odd subject": ({"sub": "a\nb"}, "id token without a subject"),
    "long subject": ({"sub": "s" * (limits.SUBJECT_CHARS + 1)}, "id token without a subject"),
}


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_a_claim_that_does_not_hold(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, case: str
) -> None:
    """AADSTS50027 for each, the reason in the journal alone, and nobody is signed in."""
    provider.link(someone)
    changes, why = BAD_CLAIMS[case]
    provider.claims = {name: f"{provider.issuer}/" if value == "slash" else value for name, value in changes.items()}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    assert reason(world) == why
    assert "__Host-sessions" not in browser.cookies


@pytest.mark.parametrize(
    ("claim", "limit", "beyond", "why"),
    [
        ("exp", -limits.ID_TOKEN_LEEWAY_S + 1, -limits.ID_TOKEN_LEEWAY_S, "id token has expired"),
        ("iat", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "id token of the future"),
        ("nbf", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "id token of the future"),
        ("auth_time", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "sign-in of the future"),
    ],
)
def test_the_times_of_an_id_token(
    world: Simulation,
    provider: Provider,
    browser: Browser,
    someone: Person,
    claim: str,
    limit: int,
    beyond: int,
    why: str,
) -> None:
    """`ID_TOKEN_LEEWAY_S`, to the second."""
    provider.link(someone)
    now = int(world.clock())
    provider.claims = {claim: now + beyond}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    assert reason(world) == why
    provider.claims = {claim: now + limit}
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_the_algorithms(provider: Provider, browser: Browser, someone: Person, alg: str) -> None:
    """The three that a provider may sign with."""
    provider.link(someone)
    provider.key, kid = (ec_key(), "e1") if alg == "ES256" else (rsa_key(), "k1")
    provider.header = {"alg": alg, "kid": kid}
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_an_id_token_without_a_kid(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """It is the only key's, or nobody's."""
    provider.link(someone)
    provider.header = {"alg": "RS256"}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    provider.keys["keys"] = provider.keys["keys"][:1]
    world.advance(limits.DOCUMENT_FRESH_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


class TestForged:
    """Id tokens that the provider's key did not sign, by an algorithm that is its own."""

    def refuse(self, provider: Provider, browser: Browser, why: str, id_token: Any = None) -> None:
        """Send one and hold it to be refused."""
        page = choose(browser, provider)
        asked = provider.arrive(page)
        if id_token is not None:
            provider.answer = json.dumps({"id_token": id_token(asked)}).encode()
        refused(come_back(browser, asked, provider.agree(asked)), 50027)
        assert why in reason(provider.world)
        assert "__Host-sessions" not in browser.cookies

    @pytest.fixture(autouse=True)
    def _linked(self, provider: Provider, someone: Person) -> None:
        provider.link(someone)

    def test_none(self, provider: Provider, browser: Browser) -> None:
        """`alg` none, with and without a signature."""

        def unsigned(asked: dict[str, str], signature: str = "") -> str:
            _, payload, _ = provider.id_token(asked).split(".")
            return f"{b64url(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{payload}.{signature}"

        self.refuse(provider, browser, "malformed", unsigned)
        self.refuse(provider, browser, "algorithm", lambda asked: unsigned(asked, "AAAA"))

    def test_hmac_with_the_clients_secret(self, provider: Provider, browser: Browser) -> None:
        """HS256, which OpenID Connect knows: a key that both sides have proves nothing here."""
        import jwt  # noqa: PLC0415  another library than ours makes it

        def make(asked: dict[str, str]) -> str:
            said = claims(provider.id_token(asked))
            return jwt.encode(said, provider.client_secret.ljust(32, "x"), "HS256", headers={"kid": "k1"})

        self.refuse(provider, browser, "algorithm", make)

    def test_another_key(self, provider: Provider, browser: Browser) -> None:
        """A key of somebody else under the provider's name for its own."""
        provider.key = rsa_key(1)
        self.refuse(provider, browser, "bad_signature")

    def test_a_key_that_is_not_published(self, provider: Provider, browser: Browser) -> None:
        """And one that the token brings along."""
        provider.header = {"alg": "RS256", "kid": "k2"}
        self.refuse(provider, browser, "names no key")
        provider.header = {"alg": "RS256", "kid": "k2", "jwk": provider.keys["keys"][0]}
        self.refuse(provider, browser, "names no key")

    def test_a_key_of_another_kind(self, provider: Provider, browser: Browser) -> None:
        """The algorithm is one of the key's own."""
        provider.header = {"alg": "ES256", "kid": "k1"}
        self.refuse(provider, browser, "algorithm")

    def test_an_altered_payload(self, provider: Provider, browser: Browser) -> None:
        """The signature is of what is said."""

        def alter(asked: dict[str, str]) -> str:
            header, _, signature = provider.id_token(asked).split(".")
            said = claims(provider.id_token(asked)) | {"sub": "another"}
            return f"{header}.{b64url(json.dumps(said).encode())}.{signature}"

        self.refuse(provider, browser, "bad_signature", alter)


def test_keys_that_roll_over(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """A `kid` that is not known makes the key set be asked for again, once a minute at most."""
    provider.link(someone)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))
    provider.keys["keys"][0]["kid"] = "k2"
    provider.header["kid"] = "k2"
    world.advance(limits.FETCH_PAUSE_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider, browser.authorize(prompt="login"))))


# ---- whose answer it is ----------------------------------------------------------------------------------------------


def test_a_state_is_its_browsers(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """Nobody signs somebody else in by sending them where a provider would have (CSRF)."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    other = Browser(world)
    refused(come_back(other, asked, provider.agree(asked)), 9002313)
    assert reason(world) == "state of another browser"
    other.authorize()
    refused(come_back(other, asked, provider.agree(asked)), 9002313)
    assert provider.posted == []
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))


def test_a_state_ends(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """`SIGN_IN_ELSEWHERE_S`, to the second."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    world.advance(limits.SIGN_IN_ELSEWHERE_S - 1)
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))
    asked = provider.arrive(choose(browser, provider, browser.authorize(prompt="login")))
    world.advance(limits.SIGN_IN_ELSEWHERE_S)
    refused(come_back(browser, asked, provider.agree(asked)), 9002313)
    assert reason(world) == "came back too late"


@pytest.mark.parametrize("state", ["", "x", "A" * 200, "\u00e9"])
def test_a_state_that_is_none(world: Simulation, provider: Provider, browser: Browser, state: str) -> None:
    """What nobody here made is nothing, and asks nobody anything; what a page carries is no state either."""
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {"code": "c", "state": state}), 9002313)
    page = browser.authorize().body.decode()
    carried = page.partition('name="request" value="')[2].partition('"')[0]
    refused(come_back(browser, asked, {"code": "c", "state": carried}), 9002313)
    assert reason(world) == "not a state of this instance"
    assert provider.posted == []


def test_a_state_is_its_tenants(world: Simulation, provider: Provider, browser: Browser) -> None:
    """SEC-TENANT-2: at another tenant's callback it is refused as any that is not good there."""
    asked = provider.arrive(choose(browser, provider))
    elsewhere = {**asked, "redirect_uri": asked["redirect_uri"].replace(world.first.tenant_id, world.tenant())}
    refused(come_back(browser, elsewhere, provider.agree(asked)), 9002313)
    assert provider.posted == []


def test_a_code_and_an_id_token_are_their_departures(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """Another's code does not fit our verifier, and another's id token not our nonce: neither can be slipped in."""
    provider.link(someone)
    thief = Browser(world)
    stolen = provider.arrive(choose(thief, provider))
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {**provider.agree(stolen), "state": asked["state"]}), 40015)
    provider.answer = json.dumps({"id_token": provider.id_token(stolen)}).encode()
    refused(come_back(browser, asked, provider.agree(asked)), 50027)
    assert reason(world) == "id token of another sign-in"


def test_a_code_that_comes_again(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """The provider gives it once, so that a page of the browser's history is worth nothing."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    sent = provider.agree(asked)
    assert "code" in told(come_back(browser, asked, sent))
    refused(come_back(browser, asked, sent), 40015)
    assert reason(world) == "token endpoint of the identity provider: the answer's status is 400"


@pytest.mark.parametrize("names_itself", [False, True])
def test_an_answer_of_another_provider(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, *, names_itself: bool
) -> None:
    """RFC 9207: `iss`, if it is there, is the provider's; and it is there if the provider says that it always is."""
    provider.link(someone)
    provider.metadata["authorization_response_iss_parameter_supported"] = names_itself
    for changes in ({"iss": "https://another.example"}, {"iss": ""}, *([{}] if names_itself else [])):
        refused(provider.sign_in(browser, choose(browser, provider), **changes), 50027)
        assert reason(world) == "answer of another issuer"
    assert provider.posted == []
    assert "code" in told(provider.sign_in(browser, choose(browser, provider), iss=provider.issuer))


@pytest.mark.parametrize("wanted", ["prompt", "max_age"])
def test_a_sign_in_that_has_to_be_fresh(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, wanted: str
) -> None:
    """`prompt=login` goes on to the provider, which has to say when the person signed in; `max_age` likewise."""
    provider.link(someone)
    query = {"prompt": "login"} if wanted == "prompt" else {"max_age": "100"}
    begun, age = int(world.clock()), 0 if wanted == "prompt" else 100
    asked = provider.arrive(choose(browser, provider, browser.authorize(**query)))
    assert asked["max_age"] == str(age)
    assert asked.get("prompt") == ("login" if wanted == "prompt" else None)
    world.advance(200)
    for said in (None, begun - age - limits.ID_TOKEN_LEEWAY_S - 1):
        provider.claims = {"auth_time": said}
        refused(come_back(browser, asked, provider.agree(asked)), 50027)
    provider.claims = {"auth_time": begun - age - limits.ID_TOKEN_LEEWAY_S}
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))


def test_a_new_password_is_nobodys_elsewhere(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """Whoever is let in by a provider cannot give the user a password: the page wants the old one."""
    page = browser.open(f"{world.first.tenant_id}/password")
    assert "Example" not in page.body.decode()
    refused(browser.send(page, username=someone.name, password="", provider=provider.id), 50107)
    refused(browser.send(page, username=someone.name, password=""), 50126)
