"""The authorization endpoint, the sign-in page and the authorization code."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from strongroom.core.limits import AUTHORIZATION_CODE_S, SIGN_IN_PAGE_S
from strongroom.http.message import Request
from tests.flow.test_sign_in_by_password import claims, reason, refused
from tests.flow.users import AZURE_CLI, SCOPE, Person, ask_token, person
from tests.world import Answer, Simulation

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:8400"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


def open_page(world: Simulation, authority: str | None = None, **changes: str | None) -> Answer:
    """Ask for a sign-in page; members that are None are left out."""
    query = {
        "client_id": AZURE_CLI,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    sent = urlencode({name: value for name, value in query.items() if value is not None})
    path = f"{authority or world.first.tenant_id}/oauth2/v2.0/authorize"
    return world.ask("GET", f"{world.login_url}/{path}?{sent}")


def send_form(
    world: Simulation, page: Answer, who: Person, authority: str | None = None, cookie: str | None = None, **form: str
) -> Answer:
    """Fill the page's form in and send it, as the browser it was made for."""
    text = page.body.decode()
    action = re.search(r'<form method="post" action="([^"]+)"', text)
    assert action is not None
    fields = {name: unescape(value) for name, value in HIDDEN.findall(text)}
    sent = {**fields, "username": who.name, "password": who.password, **form}
    headers = {"Cookie": cookie if cookie is not None else page.headers.get("set-cookie", "").partition(";")[0]}
    path = action[1] if authority is None else f"/{authority}/sign-in"
    return world.ask("POST", f"{world.login_url}{path}", form=sent, headers=headers)


def signed_in(world: Simulation, who: Person, authority: str | None = None, **changes: str | None) -> dict[str, str]:
    """Sign in, and give what the client is told."""
    answer = send_form(world, open_page(world, authority, **changes), who)
    assert answer.status == 302, answer.body
    place = urlsplit(answer.headers["location"])
    assert f"{place.scheme}://{place.netloc}" == REDIRECT
    return {name: value[0] for name, value in parse_qs(place.query or place.fragment).items()}


def redeem(world: Simulation, given: str, authority: str | None = None, **form: str | None) -> Answer:
    """Redeem the code that was given."""
    asked = {"grant_type": "authorization_code", "code": given, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return ask_token(world, authority, **{**asked, **form})


# ---- the page --------------------------------------------------------------------------------------------------------


def test_the_page_says_whose_it_is_and_is_framed_by_nobody(world: Simulation) -> None:
    """SEC-TOKEN-7, SEC-TOKEN-8: the instance, not Microsoft; no frame, no cache, a `__Host-` cookie for ours alone."""
    page = open_page(world)
    assert page.status == 200
    text = page.body.decode()
    assert "login.localhost:8443" in text
    assert "It is not Microsoft" in unescape(text)
    assert "Microsoft Azure CLI" in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {REDIRECT};" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-sign-in=")
    assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")


def test_a_user_signs_in_and_the_client_redeems_the_code(world: Simulation, someone: Person) -> None:
    """The whole way: page, form, code, tokens; `state` and `nonce` come back as they were sent."""
    told = signed_in(world, someone)
    assert told["state"] == "a state"
    answer = redeem(world, told["code"])
    assert answer.status == 200
    assert claims(answer.json["access_token"])["upn"] == someone.name
    assert claims(answer.json["id_token"])["nonce"] == "a nonce"
    assert "refresh_token" in answer.json


def test_a_hint_fills_the_name_in_and_nothing_else(world: Simulation) -> None:
    """What comes with the request is text, whatever it holds."""
    text = open_page(world, login_hint='"><script>alert(1)</script>').body.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("authority", ["common", "organizations"])
def test_the_tenant_follows_from_the_users_name(world: Simulation, someone: Person, authority: str) -> None:
    """And the code finds it again."""
    told = signed_in(world, someone, authority)
    answer = redeem(world, told["code"], authority)
    assert claims(answer.json["access_token"])["tid"] == world.first.tenant_id


def test_the_answer_can_come_in_the_fragment(world: Simulation, someone: Person) -> None:
    """After a `#`, which no server sees."""
    answer = send_form(world, open_page(world, response_mode="fragment"), someone)
    assert answer.headers["location"].startswith(f"{REDIRECT}#code=")


def test_the_answer_can_come_as_a_form(world: Simulation, someone: Person) -> None:
    """The official Python client asks for that: a page that sends itself, and has a button where scripts are off."""
    answer = send_form(world, open_page(world, response_mode="form_post"), someone)
    text = answer.body.decode()
    assert f'<form method="post" action="{REDIRECT}"' in text
    assert '<button type="submit">' in text
    told = {name: unescape(value) for name, value in HIDDEN.findall(text)}
    assert told["state"] == "a state"
    assert redeem(world, told["code"]).status == 200


# ---- who does not get in ---------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_on_the_page(world: Simulation, someone: Person) -> None:
    """With the AADSTS number and a correlation id that the operator finds in the audit, and the password nowhere."""
    page = open_page(world)
    again = send_form(world, page, someone, password="Wrong-passw0rd")
    assert again.status == 400
    text = again.body.decode()
    assert "AADSTS50126" in text
    assert "Wrong-passw0rd" not in text
    entry = world.entries()[-1]
    assert entry["operationName"] == "SignIn"
    assert f"<code>{entry['correlationId']}</code>" in text
    assert reason(world) == "wrong password"
    assert send_form(world, again, someone, cookie=page.headers["set-cookie"].partition(";")[0]).status == 302


@pytest.mark.parametrize("cookie", ["", "__Host-sign-in=", "__Host-sign-in=another", "sign-in=x"])
def test_the_form_of_another_browser_is_refused(world: Simulation, someone: Person, cookie: str) -> None:
    """CSRF: without the cookie that came with the page nobody is signed in, whatever they know."""
    answer = send_form(world, open_page(world), someone, cookie=cookie)
    assert (answer.status, "location" in answer.headers) == (400, False)
    assert reason(world) == "sign-in page of another browser"


def test_a_page_is_answered_in_time_and_in_its_tenant(world: Simulation, someone: Person) -> None:
    """`SIGN_IN_PAGE_S`, to the second; and what was made for one tenant's path is nothing on another's."""
    page = open_page(world)
    assert send_form(world, page, someone, authority="common").status == 400
    assert reason(world) == "not a sign-in page of this instance"
    world.advance(SIGN_IN_PAGE_S - 1)
    assert send_form(world, page, someone).status == 302
    world.advance(1)
    assert send_form(world, page, someone).status == 400
    assert reason(world) == "sign-in page answered too late"


def test_a_page_that_was_made_up_is_refused(world: Simulation, someone: Person) -> None:
    """What a page carries is sealed."""
    assert send_form(world, open_page(world), someone, request="AAAA").status == 400
    assert reason(world) == "not a sign-in page of this instance"


# ---- where an answer may go ------------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://attacker.example",
    "http://attacker.example",
    "http://localhost.attacker.example",
    "http://localhost@attacker.example",
    "http://user@localhost",
    "http://localhost:8400/path",
    "http://localhost:8400?x=y",
    "http://localhost:8400#x",
    "https://localhost:8400",
    "http://127.0.0.2",
    "//localhost",
    "javascript:alert(1)",
    "http://localhost:99999",
    "http://localhost\\@attacker.example",
    "http://localhost:8400/\n",
    "http://LOCALHOST.",
]


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_no_answer_goes_elsewhere(world: Simulation, uri: str) -> None:
    """SEC-TOKEN-9: a place that the client is not known to listen at gets no page, no code and no redirect."""
    answer = open_page(world, redirect_uri=uri)
    assert (answer.status, "location" in answer.headers, "set-cookie" in answer.headers) == (400, False, False)
    assert "AADSTS50011" in answer.body.decode()


@pytest.mark.parametrize(
    "uri", ["http://localhost", "http://localhost/", "http://127.0.0.1:1", "http://localhost:65535/"]
)
def test_any_port_of_loopback_is_the_users_own_machine(world: Simulation, uri: str) -> None:
    """SEC-TOKEN-9, RFC 8252: a program there takes whatever port is free."""
    assert open_page(world, redirect_uri=uri).status == 200


@pytest.mark.parametrize(
    ("changes", "number"),
    [({"client_id": None}, 900144), ({"redirect_uri": None}, 900144), ({"client_id": "x"}, 700016)],
)
def test_without_a_client_nothing_is_sent_back(world: Simulation, changes: dict[str, str | None], number: int) -> None:
    """It is told on a page."""
    answer = open_page(world, **changes)
    assert (answer.status, "location" in answer.headers) == (400, False)
    assert f"AADSTS{number}" in answer.body.decode()


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700054),
        ({"response_type": "id_token"}, "unsupported_response_type", 700054),
        ({"code_challenge": None}, "invalid_request", 9002325),
        ({"code_challenge_method": "plain"}, "invalid_request", 9002325),
        ({"code_challenge_method": None}, "invalid_request", 9002325),
        ({"prompt": "none"}, "login_required", 50058),
        ({"scope": None}, "invalid_request", 900144),
        ({"scope": "https://storage.azure.com/.default"}, "invalid_resource", 500011),
        ({"response_mode": "web_message"}, "invalid_request", 9002313),
    ],
)
def test_a_known_client_is_told_what_is_wrong(
    world: Simulation, changes: dict[str, str | None], error: str, number: int
) -> None:
    """RFC 6749 section 4.1.2.1: at its redirect URI, with its state."""
    answer = open_page(world, **changes)
    assert answer.status == 302
    place = urlsplit(answer.headers["location"])
    told = parse_qs(place.query)
    assert f"{place.scheme}://{place.netloc}" == REDIRECT
    assert (told["error"], told["state"]) == ([error], ["a state"])
    assert told["error_description"][0].startswith(f"AADSTS{number}: ")


# ---- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "number", "error"),
    [
        ({"code": "AAAA"}, 70000, "invalid_grant"),
        ({"code": None}, 900144, "invalid_request"),
        ({"code_verifier": "w" * 43}, 501481, "invalid_grant"),
        ({"code_verifier": "v" * 42}, 501481, "invalid_grant"),
        ({"code_verifier": None}, 900144, "invalid_request"),
        ({"redirect_uri": "http://localhost:8401"}, 70000, "invalid_grant"),
        ({"redirect_uri": None}, 70000, "invalid_grant"),
        ({"client_id": "1950a258-227b-4e31-a9cf-717495945fc2"}, 70000, "invalid_grant"),
    ],
)
def test_a_code_is_for_whoever_asked_for_it(
    world: Simulation, someone: Person, change: dict[str, str | None], number: int, error: str
) -> None:
    """PIT: an unknown code yields nobody's token; and a failed try leaves the code to whom it is for."""
    code = signed_in(world, someone)["code"]
    refused(redeem(world, code, **change), number, error)
    assert redeem(world, code).status == 200


def test_a_code_is_its_tenants_alone(world: Simulation, someone: Person) -> None:
    """SEC-TENANT-2: in another tenant it is none."""
    code = signed_in(world, someone)["code"]
    refused(redeem(world, code, world.tenant()), 70000)
    assert redeem(world, code).status == 200


def test_a_code_expires(world: Simulation, someone: Person) -> None:
    """After `AUTHORIZATION_CODE_S`, to the second."""
    code, late = signed_in(world, someone)["code"], signed_in(world, someone)["code"]
    world.advance(AUTHORIZATION_CODE_S - 1)
    assert redeem(world, code).status == 200
    world.advance(1)
    refused(redeem(world, late), 70008)


def test_a_code_is_good_once_and_used_again_ends_what_came_of_it(world: Simulation, someone: Person) -> None:
    """PIT: reuse revokes the family, for good: a third try does not begin it again."""
    code = signed_in(world, someone, scope="https://management.azure.com/.default offline_access")["code"]
    scope = "https://management.azure.com/.default offline_access"
    first = redeem(world, code, scope=scope).json
    url = f"{world.arm_url}/subscriptions?api-version=2022-12-01"
    assert world.ask("GET", url, token=first["access_token"]).status == 200
    for _ in range(2):
        refused(redeem(world, code, scope=scope), 54005)
        assert world.ask("GET", url, token=first["access_token"]).status == 401
    refused(ask_token(world, grant_type="refresh_token", refresh_token=first["refresh_token"]), 50173)


def test_of_eight_at_once_one_succeeds(world: Simulation, someone: Person) -> None:
    """PIT: "a code redeemed by 8 clients at once succeeds exactly once"."""
    code = signed_in(world, someone)["code"]
    requests: list[Request] = []
    handle = world.dispatcher.handle

    def held(request: Request) -> Any:
        requests.append(request)
        return handle(request)

    world.dispatcher.handle = held  # type: ignore[method-assign]  # to send one request several times
    try:
        redeem(world, "AAAA")
    finally:
        world.dispatcher.handle = handle  # type: ignore[method-assign]
    asked = requests[0]
    form = urlencode(
        {
            "client_id": AZURE_CLI,
            "scope": SCOPE,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
    ).encode()

    async def body(_limit: int, _time_s: float) -> bytes:
        return form

    asked.receive_body = body

    async def at_once() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(handle(asked) for _ in range(8)))]

    assert sorted(world.run(at_once())) == [200] + [400] * 7
