"""
A tenant whose users sign in at another tenant of Strongroom: both sides are real, and so is all that passes between.

What is simulated is the network: egress does not reach this machine's own addresses, and both tenants are here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from strongroom.core.network import Link
from strongroom.egress import Documents, Unsuccessful
from strongroom.http.message import Request
from tests.flow.apps import sign_in_by
from tests.flow.browser import Browser, title, told
from tests.flow.elsewhere import come_back
from tests.flow.identity_providers import refused
from tests.flow.test_federation import control
from tests.flow.test_sign_in_by_password import claims
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, person
from tests.world import Answer, Principal, Simulation

DOMAIN = "branch.example"


class Network:
    """The way out, as far as it leads back to this instance."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self.asked: list[str] = []

    async def get(self, url: str) -> bytes:
        """Fetch."""
        return await self._ask("GET", url, b"", {})

    async def post(self, url: str, form: Mapping[str, str], headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """Send a form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, urlencode(form).encode(), {**kind, **dict(headers)})

    async def _ask(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        self.asked.append(f"{method} {parts.path}")

        async def receive(_limit: int, _time_s: float) -> bytes:
            return content

        sent = {name.lower().encode(): value.encode() for name, value in headers.items()}
        request = Request(
            method=method,
            host=parts.netloc,
            path=parts.path.encode(),
            query=parts.query.encode(),
            headers={**sent, b"host": parts.netloc.encode(), b"content-length": str(len(content)).encode()},
            peer="198.51.100.9",
            link=Link.PUBLIC,
            http_version="1.1",
            receive_body=receive,
        )
        answer = await self.world.dispatcher.handle(request)
        if answer.status != 200:
            raise Unsuccessful(f"the answer's status is {answer.status}")
        return answer.body


@pytest.fixture(scope="module")
def network(world: Simulation) -> Network:
    """Put it in the place of the world's."""
    network = Network(world)
    world.world.documents = Documents(network, world.clock)  # type: ignore[arg-type]  # what it needs of the way out
    return network


@pytest.fixture(scope="module")
def branch(world: Simulation) -> str:
    """Make the tenant whose users are sent to the first one."""
    return world.tenant(DOMAIN)


@pytest.fixture
def client(world: Simulation, branch: str) -> Principal:
    """Register the branch at the first tenant, as any web application is."""
    made = world.principal("Branch")
    sign_in_by(world, made, web=(f"{world.login_url}/{branch}/oauth2/callback",))
    return made


@pytest.fixture
def provider(world: Simulation, network: Network, branch: str, client: Principal) -> Iterator[dict[str, Any]]:
    """Have the operator add the first tenant as the branch's provider."""
    body = {
        "issuer": f"{world.login_url}/{world.first.tenant_id}/v2.0",
        "clientId": client.appid,
        "clientSecret": client.secret,
        "displayName": "Headquarters",
        "tenant": branch,
        "domains": [DOMAIN],
    }
    made = control(world, "POST", "/identity-providers", body)
    assert made.status == 201, made.body
    yield made.json
    assert control(world, "DELETE", f"/identity-providers/{made.json['id']}").status == 204


def at_headquarters(browser: Browser, page: Answer, who: Person) -> Answer:
    """Follow the branch's page to the first tenant, sign in there, consent if asked, and come back."""
    place = page.headers["location"]
    asked = dict(parse_qsl(urlsplit(place).query))
    there = browser.open(urlsplit(place).path.removeprefix("/"), **asked)
    if there.status == 200 and title(there) == "Sign in":
        there = browser.sign_in(there, who)
    if there.status == 200 and title(there) == "Permissions requested":
        there = browser.send(there, answer="accept")
    sent = told(there)
    assert there.headers["location"].startswith(f"{asked['redirect_uri']}?")
    return come_back(browser, asked, sent)


def test_a_user_of_one_tenant_is_one_of_another(
    world: Simulation, network: Network, branch: str, provider: dict[str, Any]
) -> None:
    """SEC-TOKEN-14: nobody at first; the operator links the journal's subject; then it is the branch's own user."""
    ours, theirs = person(world), person(world, tenant=branch)
    browser = Browser(world)
    page = browser.authorize(branch, login_hint=theirs.name)
    refused(at_headquarters(browser, page, ours), 50020)
    subject = world.entries()[-1]["properties"]["externalSubject"]
    links = f"/identity-providers/{provider['id']}/links"
    assert control(world, "POST", links, {"user": theirs.name, "subject": subject}).status == 201
    for used in (browser, Browser(world)):
        answer = at_headquarters(used, used.authorize(branch, login_hint=theirs.name), ours)
        given = redeem(world, told(answer)["code"], branch)
        assert given.status == 200, given.body
        said = claims(given.json["access_token"])
        assert (said["tid"], said["upn"], said["oid"]) == (branch, theirs.name, theirs.user.id)
        assert (said["amr"], said["idp"]) == (["fed"], provider["issuer"])
    assert f"POST /{world.first.tenant_id}/oauth2/v2.0/token" in network.asked


def test_a_fresh_sign_in_is_fresh_at_both(world: Simulation, branch: str, provider: dict[str, Any]) -> None:
    """`prompt=login` at the branch asks for the password at headquarters again, whoever is signed in there."""
    ours, theirs = person(world), person(world, tenant=branch)
    browser = Browser(world)
    refused(at_headquarters(browser, browser.authorize(branch, login_hint=theirs.name), ours), 50020)
    subject = world.entries()[-1]["properties"]["externalSubject"]
    links = f"/identity-providers/{provider['id']}/links"
    assert control(world, "POST", links, {"user": theirs.name, "subject": subject}).status == 201
    world.advance(1000)
    page = browser.authorize(branch, login_hint=theirs.name, prompt="login")
    place = page.headers["location"]
    there = browser.open(urlsplit(place).path.removeprefix("/"), **dict(parse_qsl(urlsplit(place).query)))
    assert title(there) == "Sign in"
    given = redeem(world, told(at_headquarters(browser, page, ours))["code"], branch)
    assert claims(given.json["access_token"])["auth_time"] == int(world.clock())
