"""`strongroom endpoint-listeners` and `network-maps`, on a service that runs, stops and is killed."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service

MAPPED = "10.1.0.0/24"


@dataclass(frozen=True, slots=True)
class Private:
    """A virtual network, and two private endpoints in it to the first vault, by their ARM ids."""

    network: str
    endpoints: tuple[str, str]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of the module's own: it is stopped and killed."""
    with Service(tmp_path_factory.mktemp("listeners") / "data") as service:
        yield service


@pytest.fixture(autouse=True)
def _nothing_left(live: Service) -> Iterator[None]:
    """Leave no listener and no map to the next test."""
    yield
    for one in json.loads(done(live, "endpoint-listeners", "list", "--json")):
        done(live, "endpoint-listeners", "remove", one["privateEndpoint"])
    for one in json.loads(done(live, "network-maps", "list", "--json")):
        done(live, "network-maps", "remove", one["virtualNetwork"])


@pytest.fixture(scope="module")
def private(live: Service) -> Private:
    """Have the management plane make what the operator then speaks of."""
    first, client = live.first, live.client()
    token = client.token("https://management.azure.com")
    group = f"/subscriptions/{first['subscriptionId']}/resourceGroups/{first['resourceGroup']}/providers"
    vault = f"{group}/Microsoft.KeyVault/vaults/{first['vaultName']}"
    network = f"{group}/Microsoft.Network/virtualNetworks/Office"
    made = Private(
        network,
        (f"{group}/Microsoft.Network/privateEndpoints/First", f"{group}/Microsoft.Network/privateEndpoints/Second"),
    )

    def put(scope: str, properties: dict[str, Any]) -> None:
        url = f"{first['armUri']}{scope}?api-version=2024-05-01"
        answer = client.ask("PUT", url, token=token, json={"location": "local", "properties": properties})
        assert answer.status_code == 201, answer.text

    desks = {"name": "desks", "properties": {"addressPrefix": MAPPED}}
    put(network, {"addressSpace": {"addressPrefixes": [MAPPED]}, "subnets": [desks]})
    link = {"name": "link", "properties": {"privateLinkServiceId": vault, "groupIds": ["vault"]}}
    for endpoint in made.endpoints:
        put(endpoint, {"subnet": {"id": f"{network}/subnets/desks"}, "privateLinkServiceConnections": [link]})
    client.close()
    return made


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process(*words, "--data", str(service.data))


def done(service: Service, *words: str) -> str:
    """Run a command that is to succeed, and give what it printed."""
    result = command(service, *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def ask(service: Service, address: str, host: str = "", path: str = "secrets?api-version=7.4") -> httpx.Response:
    """Ask without a token, at an address, for the vault unless another host is named."""
    netloc = host or urlsplit(service.first["vaultUri"]).netloc
    context = ssl.create_default_context(cafile=service.first["caFile"])
    with httpx.Client(verify=context, timeout=20, trust_env=False) as client:
        return client.get(
            f"https://{address}:{service.port}/{path}",
            headers={"Host": netloc},
            extensions={"sni_hostname": netloc.partition(":")[0]},
        )


def listens(service: Service, address: str) -> bool:
    """Tell whether anybody listens at an address."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, service.port)) == 0


def described(service: Service) -> list[tuple[str, str, int]]:
    """Say what run.json tells of private endpoints."""
    facts = json.loads((service.data / "run.json").read_text())["privateEndpoints"]
    return [(one["privateEndpoint"], one["address"], one["port"]) for one in facts]


def require_both(live: Service, first: str, second: str) -> None:
    """Make sure that both private endpoints are listened for, and that they serve the vault and nothing else."""
    assert sorted(described(live)) == [
        (first.lower(), "127.0.0.2", live.port),
        (second.lower(), "127.0.0.3", live.port),
    ]
    login = urlsplit(live.first["authority"]).netloc
    for address in ("127.0.0.2", "127.0.0.3"):
        assert ask(live, address).status_code == 401
        assert ask(live, address, login, "common/v2.0/.well-known/openid-configuration").status_code == 421
    assert not listens(live, "127.0.0.4")


def test_a_life(live: Service, private: Private) -> None:
    """SEC-FLOW-12: made, there again after a stop and after a kill, in run.json, removed; it serves vaults alone."""
    first, second = private.endpoints
    assert described(live) == []
    assert done(live, "endpoint-listeners", "add", first, "--address", "127.0.0.2").split() == [
        f"127.0.0.2:{live.port}",
        first.lower(),
    ]
    done(live, "endpoint-listeners", "add", second, "--address", "127.0.0.3")
    require_both(live, first, second)
    assert live.stop() == 0
    assert not listens(live, "127.0.0.2")
    live.start()
    require_both(live, first, second)
    live.kill()
    live.start()
    require_both(live, first, second)
    assert done(live, "endpoint-listeners", "remove", first.upper())
    assert not listens(live, "127.0.0.2")
    assert described(live) == [(second.lower(), "127.0.0.3", live.port)]
    assert ask(live, "127.0.0.3").status_code == 401


def test_what_came_in_its_place(live: Service, private: Private) -> None:
    """A start goes on without a listener that it cannot open, says so, and lists it."""
    first, second = private.endpoints
    done(live, "endpoint-listeners", "add", first, "--address", "127.0.0.2")
    done(live, "endpoint-listeners", "add", second, "--address", "127.0.0.3")
    live.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.2", live.port))
        taken.listen()
        live.start()
        listed = command(live, "endpoint-listeners", "list")
        assert f"{first.lower()}  (does not listen)" in listed.stdout
        assert "in use" in listed.stderr
        assert f"ENDPOINT 127.0.0.2 port {live.port} cannot be listened on" in live.output.read_text()
    assert ask(live, "127.0.0.3").status_code == 401
    assert described(live) == [(second.lower(), "127.0.0.3", live.port)]


def test_network_maps(live: Service, private: Private) -> None:
    """Set, printed, set again, removed."""
    network = private.network
    assert done(live, "network-maps", "list") == ""
    printed = done(live, "network-maps", "set", network, MAPPED, "fd00::/8")
    assert printed.splitlines() == [network.lower(), f"  {MAPPED}", "  fd00::/8"]
    assert done(live, "network-maps", "list") == printed
    done(live, "network-maps", "set", network, "203.0.113.0/24")
    (one,) = json.loads(done(live, "network-maps", "list", "--json"))
    assert one["ranges"] == ["203.0.113.0/24"]
    done(live, "network-maps", "remove", network)
    assert json.loads(done(live, "network-maps", "list", "--json")) == []


def test_what_cannot_be_is_said(live: Service, private: Private) -> None:
    """With the reason and the exit code, and nothing is kept."""
    endpoint, network = private.endpoints[0], private.network
    for words, code, said in (
        (("network-maps", "set", network), 2, "RANGE"),
        (("network-maps", "set", network, "0.0.0.0/0"), 1, "everybody"),
        (("network-maps", "set", network, "10.0.0.1/8"), 1, "bits after its mask"),
        (("network-maps", "set", f"{network}x", "10.0.0.0/8"), 1, "no such virtual network"),
        (("network-maps", "remove", network), 1, "not mapped"),
        (("endpoint-listeners", "add", endpoint), 2, "--address"),
        (("endpoint-listeners", "add", endpoint, "--address", "::"), 1, "not one address"),
        (("endpoint-listeners", "add", endpoint, "--address", "127.0.0.1"), 1, "main listener"),
        (("endpoint-listeners", "add", endpoint, "--address", "192.0.2.1"), 1, "cannot be listened on"),
        (("endpoint-listeners", "add", f"{endpoint}x", "--address", "127.0.0.2"), 1, "no such private endpoint"),
        (("endpoint-listeners", "add", "First", "--address", "127.0.0.2"), 1, "not an id"),
        (("endpoint-listeners", "remove", endpoint), 1, "no listener"),
    ):
        result = command(live, *words)
        assert (result.returncode, said in result.stdout + result.stderr) == (code, True), (words, result)
    assert json.loads(done(live, "network-maps", "list", "--json")) == []
    assert json.loads(done(live, "endpoint-listeners", "list", "--json")) == []
