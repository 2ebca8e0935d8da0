"""A live service on the wire: request targets in forms that no client of a vault sends (RFC 9112 section 3.2)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.live import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve for the module."""
    with Service(tmp_path_factory.mktemp("forms") / "data") as running:
        yield running


def exchange(service: Service, *lines: str) -> bytes:
    """Send a request as it is written, and read until the service closes."""
    context = ssl.create_default_context(cafile=service.first["caFile"])
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=f"{service.first['vaultName']}.vault.localhost") as connection,
    ):
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def status(answer: bytes) -> int:
    """Give the status of an answer."""
    return int(answer.split()[1])


@pytest.mark.parametrize("target", ["https://nobody.example/secrets", "https://other.vault.localhost:{port}/secrets"])
def test_an_absolute_target_names_no_other_vault(service: Service, target: str) -> None:
    """Whatever host a target names, the request is for its Host header's vault, in every step alike (ADR 2)."""
    host = f"{service.first['vaultName']}.vault.localhost:{service.port}"
    answer = exchange(service, f"GET {target.format(port=service.port)}?api-version=7.4 HTTP/1.1", f"Host: {host}")
    assert status(answer) == 401
    assert f'{service.first["tenantId"]}", resource='.encode() in answer


def test_an_absolute_target_is_no_host(service: Service) -> None:
    """A target that names a vault does not make up for a Host that is not served: 421, and nothing revealed."""
    host = f"{service.first['vaultName']}.vault.localhost:{service.port}"
    answer = exchange(service, f"GET https://{host}/secrets?api-version=7.4 HTTP/1.1", "Host: nobody.example")
    assert status(answer) == 421
    assert service.first["tenantId"].encode() not in answer


def test_without_a_host_nothing_is_served(service: Service) -> None:
    """HTTP/1.1 without Host is 400, and so is HTTP/1.0, where it may be missing: without it there is no vault."""
    for version in ("1.1", "1.0"):
        answer = exchange(service, f"GET /secrets?api-version=7.4 HTTP/{version}")
        assert status(answer) == 400
        assert service.first["tenantId"].encode() not in answer


@pytest.mark.parametrize("line", ["OPTIONS * HTTP/1.1", "CONNECT {host} HTTP/1.1", "TRACE /secrets HTTP/1.1"])
def test_other_forms_lead_nowhere(service: Service, line: str) -> None:
    """The service is no proxy and echoes nothing: such a request is refused, and the next one is answered."""
    host = f"{service.first['vaultName']}.vault.localhost:{service.port}"
    answer = exchange(service, line.format(host=host), f"Host: {host}", "X-Echo: abcdefgh")
    assert not answer or status(answer) in {400, 404, 405}
    assert b"abcdefgh" not in answer
    assert status(exchange(service, "GET /healthstatus HTTP/1.1", f"Host: {host}")) == 200
