"""A tenant's own OpenID provider that does not do its part."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.sessions import BrowserSession
from strongroom.egress import Unreachable, Unsuccessful
from tests.flow.browser import Browser, told
from tests.flow.elsewhere import Provider, come_back
from tests.flow.identity_providers import DOMAIN, browser, choose, provider, refused, someone
from tests.flow.test_federation import control
from tests.flow.test_sign_in_by_password import reason
from tests.flow.users import Person, partition
from tests.world import Simulation

__all__ = ["browser", "provider", "someone"]


@pytest.mark.parametrize(("error", "number"), [("access_denied", 65004), ("server_error", 40015), ("x" * 50, 40015)])
def test_an_error_of_the_provider(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, error: str, number: int
) -> None:
    """It is told on the page, where a password may do; what the provider wrote is neither told nor recorded."""
    asked = provider.arrive(choose(browser, provider))
    words = "Ring 0800 and <b>ask</b> for Eve"
    answer = come_back(browser, asked, {"error": error, "error_description": words, "state": asked["state"]})
    refused(answer, number)
    assert "Ring 0800" not in unescape(answer.body.decode())
    shown = error if len(error) < 50 else "REDACTED"
    assert reason(world) == f"identity provider says {shown}"
    assert "Ring" not in json.dumps(world.entries()[-1])
    assert "code" in told(browser.sign_in(answer, someone))


def test_an_answer_without_anything(world: Simulation, provider: Provider, browser: Browser) -> None:
    """Neither code nor error."""
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {"state": asked["state"]}), 40015)
    assert reason(world) == "identity provider gave no code"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"<html>",
        b"\xff",
        b"{}",
        b'{"id_token": 1}',
        b'{"id_token": "%s"}' % (b"x" * (limits.TOKEN_CHARS + 1)),
    ],
)
def test_garbage_of_the_token_endpoint(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, answer: bytes
) -> None:
    """AADSTS40008: it is the provider that is at fault."""
    provider.link(someone)
    provider.answer = answer
    refused(provider.sign_in(browser, choose(browser, provider)), 40008)
    assert reason(world).startswith("token endpoint's answer ")


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "e30.e30.e30", "\u00e9.x.y"])
def test_an_id_token_that_is_none(provider: Provider, browser: Browser, someone: Person, token: str) -> None:
    """Of whatever form it is."""
    provider.link(someone)
    provider.answer = json.dumps({"id_token": token}).encode()
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)


def test_a_token_endpoint_that_hangs(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """AADSTS40010 with 503; it is left alone for `POST_PAUSE_S`, to the second, so that it takes nobody's place."""
    provider.link(someone)
    provider.answer = Unreachable("no whole answer in time")
    refused(provider.sign_in(browser, choose(browser, provider)), 40010, 503)
    assert reason(world) == "token endpoint of the identity provider: no whole answer in time"
    provider.answer = None
    world.advance(limits.POST_PAUSE_S - 1)
    refused(provider.sign_in(browser, choose(browser, provider)), 40010, 503)
    assert len(provider.posted) == 1
    world.advance(1)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_token_endpoint_that_refuses(provider: Provider, browser: Browser, someone: Person) -> None:
    """It has answered, so it is asked again at once."""
    provider.link(someone)
    provider.answer = Unsuccessful("the answer's status is 401")
    refused(provider.sign_in(browser, choose(browser, provider)), 40015)
    provider.answer = None
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_provider_that_is_away(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """By a form or by a hint: 503 on the page, whose form still takes a password; asked again after a minute."""
    url = f"{provider.issuer}/.well-known/openid-configuration"
    issuer, provider.issuer = provider.issuer, "https://gone.example"
    for answer in (choose(browser, provider), Browser(world).authorize(login_hint=someone.name)):
        refused(answer, 40010, 503)
    assert provider.asked == [url]
    fresh = Browser(world)
    assert "code" in told(fresh.sign_in(fresh.authorize(login_hint=someone.name), someone))
    provider.issuer = issuer
    world.advance(limits.FETCH_PAUSE_S)
    assert provider.arrive(choose(browser, provider))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://another.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://idp.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@idp.example/"},
        {"token_endpoint": "https://idp.example/#x"},
        {"token_endpoint": 1},
        {"jwks_uri": None},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": "client_secret_basic"},
    ],
)
def test_metadata_that_are_wrong(
    world: Simulation, provider: Provider, browser: Browser, changes: dict[str, Any]
) -> None:
    """AADSTS40008; nobody is sent anywhere."""
    provider.metadata |= changes
    refused(choose(browser, provider), 40008)
    assert reason(world).startswith("metadata of the identity provider: ")


@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys":[]}', b"\xff"])
def test_a_key_set_that_is_none(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, document: bytes
) -> None:
    """AADSTS40008; it may be mended."""
    provider.link(someone)
    place = provider.metadata["jwks_uri"]
    provider.documents[place] = document
    refused(provider.sign_in(browser, choose(browser, provider)), 40008)
    assert reason(world).startswith("keys of the identity provider: ")
    del provider.documents[place]
    world.advance(limits.FETCH_PAUSE_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_request_that_is_too_long_to_carry(world: Simulation, provider: Provider, browser: Browser) -> None:
    """`SIGN_IN_ELSEWHERE_CHARS`, to the character, so that the way back fits into a URL."""
    lengths = range(3000, 5000)
    low, high = lengths.start, lengths.stop
    while high - low > 1:
        middle = (low + high) // 2
        answer = browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * middle)
        low, high = (middle, high) if answer.status == 302 else (low, middle)
    asked = provider.arrive(browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * low))
    # Three bytes are four characters.
    assert limits.SIGN_IN_ELSEWHERE_CHARS - 4 < len(asked["state"]) <= limits.SIGN_IN_ELSEWHERE_CHARS
    refused(come_back(browser, asked, provider.agree(asked)), 50020)
    refused(browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * high), 9002313)


def test_the_secret_is_told_to_nobody(world: Simulation, provider: Provider) -> None:
    """It is sealed in the store, and in no answer of the control socket."""
    for answer in (
        control(world, "GET", "/identity-providers"),
        control(world, "PATCH", f"/identity-providers/{provider.id}", {"enabled": True}),
    ):
        assert provider.client_secret not in answer.body.decode()
    assert provider.client_secret not in json.dumps(provider.made)


def test_sessions_name_the_link(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """What a session began with is the link's credential, which is no password and no secret."""
    link = provider.link(someone)
    provider.sign_in(browser, choose(browser, provider))
    (session,) = [one for one in world.view.all(BrowserSession, partition(world)) if one.user == someone.user.id]
    assert session.credential == link
    credential = world.view.credential(link)
    assert credential is not None
    assert (credential.kind.value, credential.verifier, credential.owner) == ("link", b"", someone.user.id)
