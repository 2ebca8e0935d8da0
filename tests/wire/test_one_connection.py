"""A live service on the wire: what one connection may ask, and where the listeners are."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.live import Client, Service

VERSION = "api-version=7.4"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve for the module."""
    with Service(tmp_path_factory.mktemp("wire") / "data") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """Make a client for what is not sent by hand."""
    made = service.client()
    yield made
    made.close()


class Connection:
    """One TLS connection, over which requests are written by hand."""

    def __init__(self, service: Service) -> None:
        context = ssl.create_default_context(cafile=service.first["caFile"])
        plain = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        self._socket = context.wrap_socket(plain, server_hostname=f"{service.first['vaultName']}.vault.localhost")
        self._file = self._socket.makefile("rb")

    def get(self, host: str, path: str, token: str | None = None) -> tuple[int, dict[str, str]]:
        """Ask, and give the status and the headers; the connection stays open."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *([f"Authorization: Bearer {token}"] if token else [])]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        self._file.read(int(headers["content-length"]))
        return status, headers

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._socket.close()


@pytest.fixture
def connection(service: Service) -> Iterator[Connection]:
    """Open one connection, which every request of a test uses."""
    made = Connection(service)
    yield made
    made.close()


def test_a_connection_proves_nothing_for_the_next_request(
    service: Service, client: Client, connection: Connection
) -> None:
    """SEC-FLOW-7: on one connection each request is judged by its own token and host and by the rules as they are."""
    first = service.first
    vault, arm = f"{first['vaultName']}.vault.localhost:{service.port}", f"management.localhost:{service.port}"
    token, path = client.token(), f"/secrets?{VERSION}"
    group = f"{first['armUri']}/subscriptions/{first['subscriptionId']}/resourceGroups/{first['resourceGroup']}"
    here = f"{group}/providers/Microsoft.KeyVault/vaults/{first['vaultName']}?api-version=2024-11-01"
    manager = client.token("https://management.azure.com")

    def firewall(action: str) -> None:
        change = {"properties": {"networkAcls": {"defaultAction": action, "bypass": "None"}}}
        assert client.ask("PATCH", here, token=manager, json=change).status_code == 200

    assert connection.get(vault, path, token)[0] == 200
    assert connection.get(vault, path)[0] == 401
    assert connection.get(arm, "/subscriptions?api-version=2022-12-01", token)[0] == 401
    assert connection.get(vault, path, token)[0] == 200
    firewall("Deny")
    assert connection.get(vault, path, token)[0] == 403
    firewall("Allow")
    assert connection.get(vault, path, token)[0] == 200


def test_two_vaults_over_one_connection_of_http2(service: Service, client: Client) -> None:
    """SEC-FLOW-7: of streams that are under way together each is judged by its own vault's firewall and token."""
    first = service.first
    group = f"{first['armUri']}/subscriptions/{first['subscriptionId']}/resourceGroups/{first['resourceGroup']}"
    other = f"{first['vaultName'][:20]}-2"
    closed = {"defaultAction": "Deny", "bypass": "None"}
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": first["tenantId"], "sku": sku, "enableRbacAuthorization": True, "networkAcls": closed}
    made = client.ask(
        "PUT",
        f"{group}/providers/Microsoft.KeyVault/vaults/{other}?api-version=2024-11-01",
        token=client.token("https://management.azure.com"),
        json={"location": "local", "properties": properties},
    )
    assert made.status_code in {200, 201}, made.text
    token = client.token()
    wanted = [
        (vault, shown, status)
        for vault, shown, status in (
            (first["vaultName"], token, 200),
            (other, token, 403),
            (first["vaultName"], None, 401),
            (f"{other}x", token, 404),
        )
        for _ in range(8)
    ]

    ports = set()

    async def ask_all() -> list[httpx.Response]:
        context = ssl.create_default_context(cafile=first["caFile"])
        name = f"{first['vaultName']}.vault.localhost"
        transport = httpx.AsyncHTTPTransport(
            verify=context, http1=False, http2=True, limits=httpx.Limits(max_connections=1)
        )
        async with httpx.AsyncClient(transport=transport, timeout=20) as asking:

            async def ask(vault: str, shown: str | None) -> httpx.Response:
                headers = {"Host": f"{vault}.vault.localhost:{service.port}"}
                if shown is not None:
                    headers["Authorization"] = f"Bearer {shown}"
                answer = await asking.get(
                    f"https://127.0.0.1:{service.port}/secrets?{VERSION}",
                    headers=headers,
                    extensions={"sni_hostname": name},
                )
                ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
                return answer

            return await asyncio.gather(*(ask(vault, shown) for vault, shown, _ in wanted))

    answers = asyncio.run(ask_all())
    assert [answer.status_code for answer in answers] == [status for _, _, status in wanted]
    assert {answer.http_version for answer in answers} == {"HTTP/2"}
    assert len(ports) == 1, "it was one connection"


def test_a_place_that_is_not_there_reveals_nothing(service: Service, client: Client, connection: Connection) -> None:
    """SEC-FLOW-20: an unknown vault is 404 and an unknown host 421, whatever the token; neither names a tenant."""
    token = client.token()
    for host, status in ((f"nobody.vault.localhost:{service.port}", 404), ("vault.example", 421)):
        for shown in (token, None):
            answered, headers = connection.get(host, f"/secrets?{VERSION}", shown)
            assert answered == status
            assert "www-authenticate" not in headers


def test_the_managed_identity_endpoint_is_on_loopback(service: Service) -> None:
    """SEC-TOKEN-17: it listens on 127.0.0.1 and on nothing else, not even on another loopback address."""
    facts = json.loads((service.data / "run.json").read_text())
    address, _, port = facts["managedIdentity"].removeprefix("http://").rpartition(":")

    assert address == "127.0.0.1"
    assert {place: takes_connections(place, int(port)) for place in ("127.0.0.1", "127.0.0.2", "::1")} == {
        "127.0.0.1": True,
        "127.0.0.2": False,
        "::1": False,
    }


def takes_connections(address: str, port: int) -> bool:
    """Tell whether anything listens there."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True
