"""A service behind proxies: the PROXY protocol's listener of `strongroom serve`, and nginx in front of the main one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest

from strongroom.http.proxy_protocol import SIGNATURE
from strongroom.journal.chain import parse
from tests.live import Service, free_port
from tests.plugins.canary import remember

ADMITTED, OTHER = "203.0.113.7", "203.0.113.8"
_ARM = "https://management.azure.com"
_API = "api-version=7.4"


def v1(client: str) -> bytes:
    """Make a header of version 1."""
    return f"PROXY TCP4 {client} 192.0.2.1 40000 443\r\n".encode()


def v2(client: str) -> bytes:
    """Make a header of version 2."""
    addresses = socket.inet_aton(client) + socket.inet_aton("192.0.2.1") + b"\x9c\x40\x01\xbb"
    return SIGNATURE + b"\x21\x11\x00\x0c" + addresses


class Through(httpcore.SyncBackend):
    """Connects to one port, whatever the URL says, and sends a header first."""

    def __init__(self, port: int, header: bytes, own_address: str | None = None) -> None:
        super().__init__()
        self._port, self._header, self._own_address = port, header, own_address

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, and say for whom."""
        stream = super().connect_tcp("127.0.0.1", self._port, timeout, self._own_address, socket_options)
        if self._header:
            stream.write(self._header)
        return stream


class Behind:
    """An instance, and clients that reach it through a proxy."""

    def __init__(self, service: Service) -> None:
        self.service, self.first = service, service.first
        told = json.loads((service.data / "run.json").read_text())
        self.port = int(told["proxyProtocol"].rpartition(":")[2])
        self.context = ssl.create_default_context(cafile=self.first["caFile"])

    def pool(self, header: bytes, *, http2: bool = False, port: int | None = None) -> httpcore.ConnectionPool:
        """Make a client whose connections begin with a header."""
        context = ssl.create_default_context(cafile=self.first["caFile"])
        backend = Through(port or self.port, header)
        return httpcore.ConnectionPool(context, http1=not http2, http2=http2, network_backend=backend)

    def get(self, pool: httpcore.ConnectionPool, token: str, **headers: str) -> tuple[int, Any]:
        """List the vault's secrets."""
        url = f"{self.first['vaultUri']}secrets?{_API}"
        answer = pool.request("GET", url, headers={"Authorization": f"Bearer {token}", **headers})
        return answer.status, json.loads(answer.content)


def callers(data: Path) -> list[tuple[str, str | None]]:
    """Tell from where the journal says that each list of secrets was asked for, and by which proxy."""
    raw = b"".join(path.read_bytes() for path in sorted((data / "audit").glob("*.jsonl")))
    lines = [line for line in map(parse, raw.splitlines(keepends=True)) if line is not None and line.is_entry]
    asked = [entry for entry in (json.loads(line.body) for line in lines) if entry["operationName"] == "SecretList"]
    return [(entry["callerIpAddress"], entry["properties"].get("proxyIpAddress")) for entry in asked]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve with a PROXY protocol listener, a vault that admits one address, and proxies on this machine."""
    made = Service(tmp_path_factory.mktemp("proxied") / "data")
    remember(made.first["clientSecret"])
    remember(made.first["userPassword"])
    with (made.data / "config.toml").open("a") as config:
        config.write('trusted_proxies = "127.0.0.1"\nproxy_protocol_address = "127.0.0.1"\nproxy_protocol_port = 0\n')
    with made:
        client = made.client()
        first = made.first
        vault = (
            f"{first['armUri']}/subscriptions/{first['subscriptionId']}/resourceGroups/{first['resourceGroup']}"
            f"/providers/Microsoft.KeyVault/vaults/{first['vaultName']}?api-version=2026-02-01"
        )
        acls = {"defaultAction": "Deny", "bypass": "None", "ipRules": [{"value": ADMITTED}]}
        answer = client.ask("PATCH", vault, token=client.token(_ARM), json={"properties": {"networkAcls": acls}})
        assert answer.status_code == 200, answer.text
        client.close()
        yield made


@pytest.fixture(scope="module")
def behind(service: Service) -> Behind:
    """Reach it through a proxy."""
    return Behind(service)


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    """Sign in."""
    client = service.client()
    text = client.token()
    remember(text)
    client.close()
    return text


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("make", [v1, v2])
def test_the_address_in_the_header_decides(behind: Behind, token: str, make: Any, http2: bool) -> None:  # noqa: FBT001  a parameter
    """SEC-FLOW-11: the firewall judges the client that the proxy named, over HTTP/1.1 and HTTP/2, again and again."""
    with behind.pool(make(ADMITTED), http2=http2) as admitted, behind.pool(make(OTHER), http2=http2) as other:
        for _ in range(3):
            assert behind.get(admitted, token)[0] == 200
            status, body = behind.get(other, token)
            assert (status, body["error"]["innererror"]["code"]) == (403, "ForbiddenByFirewall")
            assert OTHER in body["error"]["message"]
    assert callers(behind.service.data)[-2:] == [(ADMITTED, "127.0.0.1"), (OTHER, "127.0.0.1")]


@pytest.mark.toolchain("curl")
def test_curl_speaks_it(behind: Behind) -> None:
    """A client that has the protocol of its own accord is understood: curl, which names itself as the one it is for."""
    name = urlsplit(behind.first["vaultUri"]).hostname
    url = f"https://{name}:{behind.service.port}/secrets?{_API}"
    options = ["--haproxy-protocol", "--cacert", behind.first["caFile"], "--noproxy", "*"]
    way = ["--connect-to", f"{name}:{behind.service.port}:127.0.0.1:{behind.port}"]
    for version in ("--http1.1", "--http2"):
        command = ["curl", "-sS", version, *options, *way, "-o", "/dev/null", "-w", "%{http_code}", url]
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (asked.stdout, asked.stderr) == ("401", "")


def test_a_header_within_does_not_count(behind: Behind, token: str) -> None:
    """SEC-FLOW-11: whoever is behind the proxy, its X-Forwarded-For is its own, on this listener."""
    for header in (v1(OTHER), b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"):
        with behind.pool(header) as pool:
            assert behind.get(pool, token, **{"X-Forwarded-For": ADMITTED})[0] == 403


def test_a_large_answer_and_a_large_request_pass(behind: Behind, token: str) -> None:
    """A value of the largest size goes in and comes back, through the relay."""
    value = os.urandom(9000).hex()
    url = f"{behind.first['vaultUri']}secrets/large?{_API}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    remember(value)
    with behind.pool(v2(ADMITTED)) as pool:
        set_it = pool.request("PUT", url, headers=headers, content=json.dumps({"value": value}).encode())
        assert set_it.status == 200
        assert json.loads(pool.request("GET", url, headers=headers).content)["value"] == value


def test_without_a_header_nothing_is_served(behind: Behind) -> None:
    """SEC-FLOW-11: TLS that begins at once is not guessed to be a client's: the connection is closed."""
    plain = socket.create_connection(("127.0.0.1", behind.port), timeout=30)
    host = urlsplit(behind.first["vaultUri"]).hostname
    with pytest.raises((ssl.SSLError, ConnectionError)):
        behind.context.wrap_socket(plain, server_hostname=host)


def test_the_main_listener_speaks_no_proxy_protocol(behind: Behind, token: str) -> None:
    """SEC-FLOW-11: there a header of it is no TLS, so it ends the connection."""
    with (
        behind.pool(v1(ADMITTED), port=behind.service.port) as pool,
        pytest.raises((httpcore.ConnectError, httpcore.ReadError)),
    ):
        behind.get(pool, token)


def test_the_listener_behind_serves_nobody_else(behind: Behind, token: str) -> None:
    """SEC-FLOW-11: whoever on this machine finds its port gets a 400, whatever it claims, and the end."""
    known = {behind.service.port, behind.port, *_ports(behind.service)}
    tried = 0
    for port in _listening(behind.service.process.pid) - known:
        with behind.pool(b"", port=port) as pool:
            status, body = behind.get(pool, token, **{"X-Forwarded-For": ADMITTED})
        assert status == 400
        assert "did not come through the listener" in body["error"]["message"]
        tried += 1
    assert tried == 1


def test_a_forwarding_header_on_the_main_listener(behind: Behind, token: str) -> None:
    """SEC-FLOW-10: from a trusted proxy it decides; what is no address is refused."""
    with behind.pool(b"", port=behind.service.port) as pool:
        assert behind.get(pool, token, **{"X-Forwarded-For": f"{OTHER}, {ADMITTED}"})[0] == 200
        assert behind.get(pool, token, **{"X-Forwarded-For": f"{ADMITTED}, {OTHER}"})[0] == 403
        assert behind.get(pool, token, **{"X-Forwarded-For": "unknown"})[0] == 400
        assert behind.get(pool, token)[0] == 403


_NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {data}/server.pem;
        ssl_certificate_key {data}/server.key;
        location / {{
            proxy_pass https://127.0.0.1:{service};
            proxy_http_version 1.1;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate {data}/ca.pem;
            proxy_ssl_server_name on;
            proxy_ssl_name $host;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, data: Path, service: int) -> Iterator[int]:
    """Run nginx in front of a service's main listener."""
    program, port = shutil.which("nginx"), free_port()
    assert program is not None
    user = "user root;" if os.geteuid() == 0 else ""
    text = _NGINX.format(folder=folder, data=data, service=service, port=port, user=user)
    (folder / "nginx.conf").write_text(text)
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 30
            while True:
                assert process.poll() is None
                assert time.monotonic() < deadline
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.01)
            yield port
        finally:
            # Whatever went wrong: the end of the block waits for it.
            process.terminate()


@pytest.mark.toolchain("nginx")
def test_behind_nginx(tmp_path: Path) -> None:
    """SEC-FLOW-10: nginx in front, on another port, as the page for operators has it: the client is who asked nginx."""
    service = Service(tmp_path / "data")
    remember(service.first["clientSecret"])
    remember(service.first["userPassword"])
    with nginx(tmp_path, service.data, service.port) as port:
        with (service.data / "config.toml").open("a") as config:
            config.write(f'trusted_proxies = "127.0.0.1"\npublic_port = {port}\n')
        with service:
            told = json.loads((service.data / "run.json").read_text())
            assert told["vaultUri"].endswith(f":{port}/")
            service.first |= {"vaultUri": told["vaultUri"], "authority": told["authority"]}
            client = service.client()
            headers = {"Authorization": f"Bearer {client.token()}"}
            remember(headers["Authorization"].removeprefix("Bearer "))
            client.close()
            context = ssl.create_default_context(cafile=service.first["caFile"])
            elsewhere = Through(port, b"", "127.0.0.2")
            with httpcore.ConnectionPool(context, network_backend=elsewhere) as pool:
                for forged in ({}, {"X-Forwarded-For": ADMITTED}):
                    answer = pool.request("GET", f"{told['vaultUri']}secrets?{_API}", headers=headers | forged)
                    assert answer.status == 200
                unreadable = headers | {"X-Forwarded-For": "unknown"}
                assert pool.request("GET", f"{told['vaultUri']}secrets?{_API}", headers=unreadable).status == 400
            assert callers(service.data) == [("127.0.0.2", "127.0.0.1")] * 2


def _ports(service: Service) -> set[int]:
    """List the ports that run.json tells."""
    told = json.loads((service.data / "run.json").read_text())
    return {urlsplit(told["managedIdentity"]).port or 0}


def _listening(pid: int) -> set[int]:
    """List the TCP ports that a process listens on."""
    inodes = set()
    for number in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(number.readlink()))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def test_stopping_ends_connections(tmp_path: Path) -> None:
    """A service that is told to stop ends the connections through the listener, and stops in order."""
    service = Service(tmp_path / "data")
    remember(service.first["clientSecret"])
    remember(service.first["userPassword"])
    with (service.data / "config.toml").open("a") as config:
        config.write('trusted_proxies = "127.0.0.1"\nproxy_protocol_address = "127.0.0.1"\nproxy_protocol_port = 0\n')
    with service:
        behind = Behind(service)
        host = urlsplit(service.first["vaultUri"]).hostname
        plain = socket.create_connection(("127.0.0.1", behind.port), timeout=30)
        plain.sendall(v1(ADMITTED))
        with behind.context.wrap_socket(plain, server_hostname=host) as connection:
            request = f"GET /healthstatus HTTP/1.1\r\nHost: {host}:{service.port}\r\n\r\n"
            connection.sendall(request.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            assert service.stop() == 0
            assert connection.recv(65536) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", behind.port), timeout=30)
    assert "Traceback" not in service.output.read_text()
