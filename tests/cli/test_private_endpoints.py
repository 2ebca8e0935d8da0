"""
Private endpoints in real networks: an address of a live service, reached from its own virtual network and elsewhere.

The office is a virtual network by the operator's word. The service has two addresses on the cable to it, of which one
is the private endpoint, and a third one on the cable to a café, whose packets reach the private endpoint as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.live import Service
from tests.namespaces import Answer, Namespace, Namespaces
from tests.plugins.canary import remember

pytestmark = pytest.mark.namespaces

ARM = "https://management.azure.com"
VAULT = "https://vault.azure.net"
OFFICE, CAFE = "10.1.0.20", "198.51.100.30"
PUBLIC, PRIVATE, AT_CAFE = "10.1.0.1", "10.1.0.4", "198.51.100.1"
"""The service's addresses: the main listener is on all of them, and the private endpoint's on the second alone."""
PATIENCE_S = 30.0
"""What never comes fails a test; how long it takes is not asked."""
NETWORK_API, VAULT_API = "2024-05-01", "2023-07-01"


@dataclass
class Site:
    """A service with a cable to an office and one to a café, a private endpoint, and a second vault."""

    service: Service
    office: Namespace
    cafe: Namespace
    other_vault: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> dict[str, str]:
        """What the instance was made with."""
        return self.service.first

    @property
    def group(self) -> str:
        """The first resource group's ARM id."""
        return f"/subscriptions/{self.first['subscriptionId']}/resourceGroups/{self.first['resourceGroup']}"

    @property
    def network(self) -> str:
        """The office's ARM id."""
        return f"{self.group}/providers/Microsoft.Network/virtualNetworks/office"

    @property
    def endpoint(self) -> str:
        """The private endpoint's ARM id."""
        return f"{self.group}/providers/Microsoft.Network/privateEndpoints/vault"

    def ask(self, source: str, address: str, method: str, url: str, resource: str = VAULT, **how: Any) -> Answer:
        """Ask from a place at an address, signed in unless the resource is empty."""
        place = self.office if source == OFFICE else self.cafe
        token = self.token(resource) if resource else None
        return place.ask(method, url, address=address, source=source, ca=self.first["caFile"], token=token, **how)

    def token(self, resource: str) -> str:
        """Sign in as the first application, once for each resource."""
        if resource not in self.tokens:
            form = (
                f"grant_type=client_credentials&client_id={self.first['clientId']}"
                f"&client_secret={self.first['clientSecret']}&scope={resource}/.default"
            )
            answer = self.ask(
                OFFICE, PUBLIC, "POST", f"{self.first['authority']}/{self.first['tenantId']}/oauth2/v2.0/token", "",
                body=form, headers={"Content-Type": "application/x-www-form-urlencoded"},
            )  # fmt: skip
            assert answer.status == 200, answer.text
            self.tokens[resource] = answer.json()["access_token"]
            remember(self.tokens[resource])
        return self.tokens[resource]

    def arm(self, method: str, path: str, version: str, body: object = None) -> Any:
        """Ask the management plane, which stands behind no firewall."""
        answer = self.ask(
            OFFICE, PUBLIC, method, f"{self.first['armUri']}{path}?api-version={version}", ARM,
            body=None if body is None else json.dumps(body), headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status in {200, 201, 202, 204}, answer.text
        return answer.json() if answer.text else None

    def command(self, *words: str) -> None:
        """Say something as the operator."""
        self.service.command(*words, "--data", str(self.service.data))

    def reads(self, source: str, address: str) -> int:
        """Read in the first vault, and give the status."""
        return self.ask(source, address, "GET", f"{self.first['vaultUri']}secrets?api-version=7.4").status

    def refusal(self, source: str, address: str) -> str:
        """Read in the first vault, which refuses, and give its inner code."""
        answer = self.ask(source, address, "GET", f"{self.first['vaultUri']}secrets?api-version=7.4")
        assert answer.status == 403, answer
        code: str = answer.json()["error"]["innererror"]["code"]
        return code


def furnish(site: Site) -> None:
    """Make the network, the private endpoint, a second vault, and what the operator says of them."""
    vault = f"{site.group}/providers/Microsoft.KeyVault/vaults/{site.first['vaultName']}"
    properties: dict[str, Any] = {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/24"]},
        "subnets": [{"name": "desks", "properties": {"addressPrefix": "10.1.0.0/24"}}],
    }
    site.arm("PUT", site.network, NETWORK_API, {"location": "local", "properties": properties})
    link = {"name": "link", "properties": {"privateLinkServiceId": vault, "groupIds": ["vault"]}}
    properties = {"subnet": {"id": f"{site.network}/subnets/desks"}, "privateLinkServiceConnections": [link]}
    site.arm("PUT", site.endpoint, NETWORK_API, {"location": "local", "properties": properties})
    other = f"{site.group}/providers/Microsoft.KeyVault/vaults/other-{site.first['vaultName'][-6:]}"
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": site.first["tenantId"], "sku": sku, "enableRbacAuthorization": True}
    made = site.arm("PUT", other, VAULT_API, {"location": "local", "properties": properties})
    site.other_vault = made["properties"]["vaultUri"]
    site.arm("PATCH", vault, VAULT_API, {"properties": {"publicNetworkAccess": "Disabled"}})
    site.command("network-maps", "set", site.network, "10.1.0.0/24")
    site.command("endpoint-listeners", "add", site.endpoint, "--address", PRIVATE)


@contextmanager
def cabled(folder: Path) -> Iterator[Site]:
    """Have a service with both cables while the block lasts. Its main listener is on every address."""
    with Namespaces() as networks:
        server, office, cafe = networks.add(), networks.add(), networks.add()
        networks.join(server, [f"{PUBLIC}/24", f"{PRIVATE}/24"], office, [f"{OFFICE}/24"])
        networks.join(server, [f"{AT_CAFE}/24"], cafe, [f"{CAFE}/24"])
        cafe.run("ip", "route", "add", f"{PRIVATE}/32", "via", AT_CAFE)
        service = Service(folder / "data", entry=server.command())
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        with (service.data / "config.toml").open("a") as settings:
            settings.write('address = "::"\n')
        with service:
            yield Site(service, office, cafe)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Have one site for all tests of this module; each leaves it as it was."""
    with cabled(tmp_path_factory.mktemp("private")) as made:
        furnish(made)
        yield made


def test_its_own_network_comes_in_through_it(site: Site) -> None:
    """SEC-FLOW-12: listener and source network together: neither is enough, with `publicNetworkAccess` Disabled."""
    assert site.reads(OFFICE, PRIVATE) == 200
    assert site.refusal(OFFICE, PUBLIC) == "ForbiddenByConnection"
    assert site.refusal(CAFE, PRIVATE) == "ForbiddenByConnection"
    assert site.refusal(CAFE, AT_CAFE) == "ForbiddenByConnection"


def test_it_opens_only_its_own_vault(site: Site) -> None:
    """SEC-FLOW-12: another vault, which everybody may reach otherwise, and the other surfaces are not there."""
    other = f"{site.other_vault}secrets?api-version=7.4"
    assert site.ask(OFFICE, PUBLIC, "GET", other).status == 200
    assert site.ask(OFFICE, PRIVATE, "GET", other).status == 421
    for name in ("authority", "armUri", "graphUri"):
        assert site.ask(OFFICE, PRIVATE, "GET", site.first[name], "").status == 421


def test_the_map_decides(site: Site) -> None:
    """SEC-FLOW-13: what a tenant draws admits nobody whom the operator did not put there, from the next request on."""
    site.command("network-maps", "set", site.network, "10.1.0.128/25")
    assert site.refusal(OFFICE, PRIVATE) == "ForbiddenByConnection"
    site.command("network-maps", "set", site.network, f"{OFFICE}/32")
    assert site.reads(OFFICE, PRIVATE) == 200
    site.command("network-maps", "remove", site.network)
    assert site.refusal(OFFICE, PRIVATE) == "ForbiddenByConnection"
    site.command("network-maps", "set", site.network, "10.1.0.0/24")
    assert site.reads(OFFICE, PRIVATE) == 200


def test_a_restart(site: Site) -> None:
    """It is an address again, beside a main listener on every one."""
    assert site.service.stop() == 0
    site.service.start()
    assert site.reads(OFFICE, PRIVATE) == 200
    assert site.refusal(OFFICE, PUBLIC) == "ForbiddenByConnection"


def test_removed(site: Site) -> None:
    """What comes to its address is the public's again, by the operator's word and by the end of the endpoint."""
    site.command("endpoint-listeners", "remove", site.endpoint)
    assert site.refusal(OFFICE, PRIVATE) == "ForbiddenByConnection"
    site.command("endpoint-listeners", "add", site.endpoint, "--address", PRIVATE)
    assert site.reads(OFFICE, PRIVATE) == 200
    site.arm("DELETE", site.endpoint, NETWORK_API)
    deadline = time.monotonic() + PATIENCE_S
    while json.loads((site.service.data / "run.json").read_text())["privateEndpoints"]:
        # It closes by itself, behind the answer to whoever removed the endpoint.
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert site.refusal(OFFICE, PRIVATE) == "ForbiddenByConnection"
