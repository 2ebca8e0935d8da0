"""
OpenID providers that are not ours: one from PyPI, asked by the real way out over TLS.

What is simulated is where its name leads: egress reaches no address of this machine, and the provider is on it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from strongroom.config import Settings
from strongroom.crypto import x509
from strongroom.egress import Documents, Egress
from tests.flow.browser import Browser, told
from tests.flow.elsewhere import come_back
from tests.flow.identity_providers import refused
from tests.flow.test_federation import control
from tests.flow.test_sign_in_by_password import claims
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, person
from tests.plugins import canary
from tests.world import GENEROUS, Simulation

# The provider is written for an older Authlib, and says so as it answers.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
HOST = "idp.elsewhere.example"


class Elsewhere:
    """`oidc-provider-mock`, behind TLS on a port of this machine; its own pages are asked over the same connection."""

    def __init__(self, folder: Path) -> None:
        now = int(time.time())
        authority = x509.make_authority("elsewhere.example", now=now)
        leaf = x509.issue_leaf(authority, [HOST], now=now)
        self.ca_file, chain, key = (folder / name for name in ("ca.pem", "chain.pem", "key.pem"))
        for file, content in (
            (self.ca_file, authority.certificate),
            (chain, leaf.certificate),
            (key, leaf.private_key),
        ):
            file.write_bytes(content)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        with warnings.catch_warnings(record=True):
            # Authlib announces what its next major version leaves out: by a filter of its own where it is read here
            # first, and by the suite's where something else has read it before.
            warnings.simplefilter("ignore")
            import oidc_provider_mock  # noqa: PLC0415  see above
            import werkzeug.serving  # noqa: PLC0415  with it

            app = oidc_provider_mock.app()
        self._server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self._client = httpx.Client(verify=ssl.create_default_context(cafile=self.ca_file), trust_env=False, timeout=60)

    def close(self) -> None:
        """Stop."""
        self._client.close()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    async def resolve(self, _host: str, _port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        """Say that every name leads to a public address."""
        return [ipaddress.ip_address("93.184.216.34")]

    async def connect(
        self, _address: Any, _port: int, context: ssl.SSLContext, host: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Lead that address here."""
        return await asyncio.open_connection("127.0.0.1", self._server.port, ssl=context, server_hostname=host)

    def ask(self, method: str, url: str, **how: Any) -> httpx.Response:
        """Ask it as a person's browser does."""
        parts = urlsplit(url)
        assert parts.hostname == HOST
        target = parts._replace(netloc=f"127.0.0.1:{self._server.port}").geturl()
        return self._client.request(method, target, headers={"Host": HOST}, extensions={"sni_hostname": HOST}, **how)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """Run the provider."""
    made = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Simulation]:
    """Make a world of the present, since the provider's clock is the machine's, whose way out leads to it."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.world.START", time.time())
        simulation = Simulation(folder, Settings(data=folder, flow=GENEROUS))
    egress = Egress(ca_file=str(elsewhere.ca_file), resolve=elsewhere.resolve, connect=elsewhere.connect)
    simulation.world.documents = Documents(egress, simulation.clock)
    yield simulation
    simulation.close()


@pytest.fixture(scope="module")
def provider(world: Simulation) -> dict[str, Any]:
    """Add it, trusted for the e-mail addresses of the tenant's domain."""
    body = {
        "issuer": f"https://{HOST}",
        "clientId": "strongroom",
        "clientSecret": canary.plant() + "%+:&",
        "displayName": "Elsewhere",
        "domains": ["strongroom.localhost"],
        "trustedClaim": "email",
    }
    made = control(world, "POST", "/identity-providers", body)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.json
    return found


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user."""
    return person(world)


def sign_in(elsewhere: Elsewhere, place: str, subject: str) -> dict[str, str]:
    """Sign in at the provider's own page, and say what the browser is sent back with."""
    page = elsewhere.ask("GET", place)
    assert page.status_code == 200, page.text
    answer = elsewhere.ask("POST", place, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def know(elsewhere: Elsewhere, subject: str, **claims: Any) -> None:
    """Have the provider know somebody."""
    assert elsewhere.ask("PUT", f"https://{HOST}/users/{subject}", json=claims).status_code == 204


def leave(browser: Browser, someone: Person) -> str:
    """Go to the provider by the name's domain."""
    answer = browser.authorize(login_hint=someone.name)
    assert answer.status == 302, unescape(re.sub("<[^>]*>", "", answer.body.decode()))
    return answer.headers["location"]


def test_a_person_signs_in(world: Simulation, elsewhere: Elsewhere, provider: dict[str, Any], someone: Person) -> None:
    """SEC-TOKEN-14: discovery, Basic with characters that want encoding, PKCE, keys, id token; then our own tokens."""
    know(elsewhere, "subject-1", email=someone.name, email_verified=True)
    for browser in (Browser(world), Browser(world)):
        place = leave(browser, someone)
        asked = dict(parse_qsl(urlsplit(place).query))
        given = redeem(world, told(come_back(browser, asked, sign_in(elsewhere, place, "subject-1")))["code"])
        access = claims(given.json["access_token"])
        assert (access["upn"], access["amr"], access["idp"]) == (someone.name, ["fed"], f"https://{HOST}")
    (link,) = control(world, "GET", f"/identity-providers/{provider['id']}/links").json["value"]
    assert (link["subject"], link["user"]) == ("subject-1", someone.name)


@pytest.mark.usefixtures("provider")
def test_an_address_that_is_not_verified(world: Simulation, elsewhere: Elsewhere, someone: Person) -> None:
    """Whoever types somebody's address in at the provider is nobody here."""
    know(elsewhere, "subject-2", email=someone.name)
    browser = Browser(world)
    place = leave(browser, someone)
    asked = dict(parse_qsl(urlsplit(place).query))
    refused(come_back(browser, asked, sign_in(elsewhere, place, "subject-2")), 50020)


@pytest.mark.usefixtures("provider")
def test_a_code_of_nobody(world: Simulation, someone: Person) -> None:
    """The provider refuses it, and the page says so."""
    browser = Browser(world)
    asked = dict(parse_qsl(urlsplit(leave(browser, someone)).query))
    refused(come_back(browser, asked, {"code": "none", "state": asked["state"]}), 40015)


@pytest.mark.usefixtures("provider")
def test_a_person_who_says_no(world: Simulation, elsewhere: Elsewhere, someone: Person) -> None:
    """The provider sends them back with `access_denied`."""
    browser = Browser(world)
    place = leave(browser, someone)
    asked = dict(parse_qsl(urlsplit(place).query))
    answer = elsewhere.ask("POST", place, data={"action": "deny"})
    said = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert said["error"] == "access_denied"
    refused(come_back(browser, asked, {"state": asked["state"], **said}), 65004)
