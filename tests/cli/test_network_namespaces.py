"""
The firewall in real networks: a live service, and clients in subnets of their own that reach it by real packets.

Reference azure-key-vault.md section 2. Every answer here is to a connection whose address the kernel says.
"""

from __future__ import annotations

import json
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
OFFICE, CAFE = "203.0.113.20", "198.51.100.30"
OFFICE_6, CAFE_6 = "2001:db8:1::20", "2001:db8:2::30"
SERVER = {OFFICE: "203.0.113.1", CAFE: "198.51.100.1", OFFICE_6: "2001:db8:1::1", CAFE_6: "2001:db8:2::1"}
"""The service's address on the cable of each client's."""


NOT_APPROVED = (
    "Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices' and"
    " PublicNetworkAccess is set to 'Disabled'."
)


@dataclass
class Site:
    """A service with a cable to an office and one to a café, and its administrator at the office."""

    service: Service
    server: Namespace
    office: Namespace
    cafe: Namespace
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> dict[str, str]:
        """What the instance was made with."""
        return self.service.first

    def place(self, source: str) -> Namespace:
        """Say where an address is."""
        return self.office if source in {OFFICE, OFFICE_6} else self.cafe

    def ask(self, source: str, method: str, url: str, resource: str | None = VAULT, **how: Any) -> Answer:
        """Ask from an address, signed in unless *resource* is None."""
        token = None if resource is None else self.token(resource)
        return self.place(source).ask(
            method, url, address=SERVER[source], source=source, ca=self.first["caFile"], token=token, **how
        )

    def token(self, resource: str) -> str:
        """Sign in as the first application, once for each resource."""
        if resource not in self.tokens:
            form = (
                f"grant_type=client_credentials&client_id={self.first['clientId']}"
                f"&client_secret={self.first['clientSecret']}&scope={resource}/.default"
            )
            answer = self.ask(
                OFFICE, "POST", f"{self.first['authority']}/{self.first['tenantId']}/oauth2/v2.0/token", None,
                body=form, headers={"Content-Type": "application/x-www-form-urlencoded"},
            )  # fmt: skip
            assert answer.status == 200, answer.text
            self.tokens[resource] = answer.json()["access_token"]
            remember(self.tokens[resource])
        return self.tokens[resource]

    def set_vault(self, **properties: Any) -> None:
        """Change the vault's settings, which no firewall of a vault stands before."""
        answer = self.ask(
            CAFE, "PATCH",
            f"{self.first['armUri']}/subscriptions/{self.first['subscriptionId']}/resourceGroups/"
            f"{self.first['resourceGroup']}/providers/Microsoft.KeyVault/vaults/{self.first['vaultName']}"
            "?api-version=2023-07-01",
            ARM, body=json.dumps({"properties": properties}), headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status == 200, answer.text

    def list_secrets(self, source: str) -> Answer:
        """Ask the vault for something from an address."""
        return self.ask(source, "GET", f"{self.first['vaultUri']}secrets?api-version=7.4")


def refusal(answer: Answer) -> tuple[int, str, list[str]]:
    """Read a firewall's refusal: its status, its inner code, and the lines that tell nothing about the caller."""
    assert answer.status == 403, answer
    error = answer.json()["error"]
    lines = error["message"].split("\r\n")
    return answer.status, error["innererror"]["code"], [line for line in lines if not line.startswith("Caller: ")]


def deny_all_but(*ranges: str) -> dict[str, Any]:
    """Give the settings of a vault that admits some ranges and no trusted service."""
    rules = [{"value": one} for one in ranges]
    return {"networkAcls": {"defaultAction": "Deny", "bypass": "None", "ipRules": rules}}


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Have a service with both cables while the block lasts. It listens on every address, for both kinds at once."""
    with Namespaces() as networks:
        server, office, cafe = networks.add(), networks.add(), networks.add()
        networks.join(
            server, [f"{SERVER[OFFICE]}/24", f"{SERVER[OFFICE_6]}/64"], office, [f"{OFFICE}/24", f"{OFFICE_6}/64"]
        )
        networks.join(server, [f"{SERVER[CAFE]}/24", f"{SERVER[CAFE_6]}/64"], cafe, [f"{CAFE}/24", f"{CAFE_6}/64"])
        service = Service(folder / "data", entry=server.command())
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        with (service.data / "config.toml").open("a") as settings:
            settings.write('address = "::"\n')
        with service:
            yield Site(service, server, office, cafe)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Have one site for all tests of this module; each sets the vault as it wants it."""
    with site(tmp_path_factory.mktemp("site")) as made:
        yield made


def vault_line(running: Site) -> str:
    """Name the vault as refusals do."""
    return f"Vault: {running.first['vaultName']};location=local"


@pytest.mark.parametrize(
    ("rule", "admitted", "refused"),
    [
        ("203.0.113.0/24", OFFICE, CAFE),
        ("198.51.100.30", CAFE, OFFICE),
        ("198.51.100.0/27", CAFE, OFFICE),
        ("2001:db8:1::/64", OFFICE_6, CAFE_6),
        ("2001:db8:1::/64", OFFICE_6, OFFICE),
        ("2001:db8:2::30", CAFE_6, OFFICE_6),
        ("203.0.113.0/24", OFFICE, OFFICE_6),
    ],
)
def test_a_rule_admits_its_subnet_and_no_other(running: Site, rule: str, admitted: str, refused: str) -> None:
    """The address that the kernel says decides, is told to who is refused, and IPv4 is IPv4 on a listener for both."""
    running.set_vault(**deny_all_but(rule))

    assert running.list_secrets(admitted).status == 200
    assert refusal(running.list_secrets(refused)) == (
        403,
        "ForbiddenByFirewall",
        [
            "Client address is not authorized and caller was ignored because bypass is set to None",
            f"Client address: {refused}",
            vault_line(running),
        ],
    )


def test_an_address_beside_the_rule_is_refused(running: Site) -> None:
    """A range that begins like the client's, and one that ends just before it, admit nobody here."""
    running.set_vault(**deny_all_but("203.0.113.0/28", "203.0.113.21/32", "198.51.0.0/18"))

    assert {running.list_secrets(source).status for source in (OFFICE, CAFE, OFFICE_6, CAFE_6)} == {403}


@pytest.mark.parametrize("source", [OFFICE, CAFE, OFFICE_6, CAFE_6])
def test_health_says_the_address_that_the_firewall_sees(running: Site, source: str) -> None:
    """`/healthstatus` answers anyone, whatever the rules, with the address in the form that rules are matched with."""
    running.set_vault(**deny_all_but())
    url = f"{running.first['vaultUri']}healthstatus"

    answer = running.ask(source, "GET", url, None)

    assert answer.status == 200
    assert f"addr={source}" in answer.headers["x-ms-keyvault-network-info"].split(";")


def test_a_vault_without_public_access_answers_from_nowhere(running: Site) -> None:
    """`publicNetworkAccess` Disabled refuses the connection whatever its address, an admitted one too."""
    running.set_vault(**deny_all_but("203.0.113.0/24"), publicNetworkAccess="Disabled")
    try:
        for source in (OFFICE, CAFE, OFFICE_6):
            assert refusal(running.list_secrets(source)) == (
                403,
                "ForbiddenByConnection",
                [
                    NOT_APPROVED,
                    vault_line(running),
                ],
            )
    finally:
        running.set_vault(publicNetworkAccess="Enabled")
    assert running.list_secrets(OFFICE).status == 200


def test_a_forwarding_header_from_a_client_changes_nothing(running: Site) -> None:
    """SEC-FLOW-10: who is no trusted proxy is where the kernel says, whatever it says of itself."""
    running.set_vault(**deny_all_but("203.0.113.0/24"))
    forged = {"X-Forwarded-For": OFFICE, "Forwarded": f"for={OFFICE}", "X-Real-IP": OFFICE}

    answer = running.ask(CAFE, "GET", f"{running.first['vaultUri']}secrets?api-version=7.4", headers=forged)

    assert f"Client address: {CAFE}" in refusal(answer)[2]
