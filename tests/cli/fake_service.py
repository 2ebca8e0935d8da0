"""A service that answers on a control socket and nothing else: what `run` and its relay are tested against."""

import hashlib
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

VAULT = "unit-vault"
AZURE_HOSTS = ("login.microsoftonline.com", "management.azure.com", "graph.microsoft.com", f"{VAULT}.vault.azure.net")
OWN_HOSTS = ("login.localhost", "management.localhost", "graph.localhost", f"{VAULT}.vault.localhost")
PORT = 8443
IDENTITY_HEADER = "an-invented-identity-header"
CLIENT_SECRET = "an-invented-client-secret"
CLOSE_EARLY = "/refused-before-its-body"
SLOW = "/slow"
RELEASE_S = 100
"""How long a slow request waits for the test at most: longer than all that the test does meanwhile can take."""


@dataclass
class Asked:
    """One request that arrived."""

    host: str
    method: str
    path: str
    size: int
    body: bytes


@dataclass
class FakeService:
    """The state of one fake service."""

    data: Path
    asked: list[Asked] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    assertions: int = 0
    """How many assertions were made."""
    assertion_s: float = 3600
    """How long each lasts."""
    run_s: float | None = None
    """How long each run's credential lasts, if that is said."""
    refusal: tuple[int, str] | None = None
    """What POST /run answers instead of a grant."""
    released: threading.Event = field(default_factory=threading.Event)
    """Set by the test when slow requests may be answered."""

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.data / "control.sock"

    def grant(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Answer POST /run."""
        principal = {"tenantId": "a-tenant", "clientId": "a-client", "clientSecret": CLIENT_SECRET}
        return {
            "runId": f"run-{len(self.runs)}",
            "identityEndpoint": "http://127.0.0.1:50342/msi/token",
            "identityHeader": IDENTITY_HEADER,
            "clientId": "an-identity",
            "objectId": "an-object",
            "tenantId": "a-tenant",
            "vaultName": VAULT,
            "vaultUri": f"https://{VAULT}.vault.localhost:{PORT}/",
            "authority": f"https://login.localhost:{PORT}",
            "azureHosts": list(AZURE_HOSTS),
            "ownHosts": [f"{host}:{PORT}" for host in OWN_HOSTS],
            "domain": "localhost",
            "port": PORT,
            "servicePrincipal": principal if wanted["servicePrincipal"] else None,
            "expiresOn": None if self.run_s is None else int(time.time() + self.run_s),
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: FakeService

    def address_string(self) -> str:
        return "local"

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _answer(self) -> None:
        host = self.headers["Host"]
        if self.path == CLOSE_EARLY:
            self.close_connection = True
            self._send(413, {"error": {"code": "RequestTooLarge"}})
            return
        if self.path.partition("?")[0] == SLOW:
            self.service.released.wait(RELEASE_S)
        body = self._body()
        self.service.asked.append(Asked(host, self.command, self.path, len(body), body))
        if host == "control":
            self._control(body)
        else:
            digest = hashlib.sha256(body).hexdigest()
            self._send(200, {"host": host, "path": self.path, "size": len(body), "sha256": digest})

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  the names that the standard library calls

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _control(self, body: bytes) -> None:
        service = self.service
        if self.command == "POST" and self.path == "/run":
            if service.refusal is not None:
                status, message = service.refusal
                self._send(status, {"error": {"code": "NotFound", "message": message}})
                return
            service.runs.append(json.loads(body))
            self._send(200, service.grant(service.runs[-1]))
        elif self.path.endswith("/assertion"):
            service.assertions += 1
            ends = int(time.time() + service.assertion_s)
            self._send(200, {"assertion": f"assertion-{service.assertions}", "expiresOn": ends})
        elif self.command == "DELETE":
            service.ended.append(self.path.rpartition("/")[2])
            self._send(204, None)
        else:
            self._send(200, {"ready": True, "ownHosts": [f"{host}:{PORT}" for host in OWN_HOSTS]})

    def _send(self, status: int, answer: dict[str, Any] | None) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away."""


@contextmanager
def fake_service(data: Path) -> Iterator[FakeService]:
    """Run a fake service in *data* for the length of the block."""
    service = FakeService(data)
    server = _Server(str(service.socket), type("Handler", (_Handler,), {"service": service}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    (data / "run.json").write_text(
        json.dumps({"pid": 1, "ready": True, "domain": "localhost", "port": PORT, "controlSocket": str(service.socket)})
    )
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
