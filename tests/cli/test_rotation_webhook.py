"""
The example of a rotation webhook, on another machine: a service at one end of a cable, the program at the other.

The service's own way out reaches it, asks whether it wants events, and sends it what it signs; the program stores a new
version by the official client. Nothing of it is simulated.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.operators import Operator
from tests.live import STRONGROOM, Service, free_port
from tests.namespaces import Namespace, Namespaces
from tests.plugins import canary
from tests.plugins.canary import plant

pytestmark = [pytest.mark.namespaces, pytest.mark.toolchain("openssl")]

HERE, THERE = "10.56.0.1", "10.56.0.2"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhooks" / "rotate_a_secret.py"
_PATIENCE_S = 60.0
# Names of the service lead to its address, as its operator's name server would have them.
_RESOLVER = """
import socket
_ask = socket.getaddrinfo
def _resolve(host, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    return _ask("{address}" if name and name.endswith(".localhost") else host, *arguments, **options)
socket.getaddrinfo = _resolve
"""


@dataclass
class Site:
    """A service, and a program at the other end of a cable."""

    service: Service
    here: Namespace
    there: Namespace
    operator: Operator
    folder: Path
    port: int

    @property
    def vault(self) -> str:
        """The first vault's name."""
        return self.service.first["vaultName"]

    def run(self, *words: str, code: int = 0, stdin: str = "") -> str:
        """Run a command of the operator's in the service's network, and give all that it says."""
        environment = self.operator.variables()
        done = subprocess.run(
            self.here.command(STRONGROOM, *words),
            check=False, capture_output=True, text=True, env=environment, input=stdin, timeout=_PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def json(self, *words: str, stdin: str = "") -> Any:
        """Run one that succeeds, and read its JSON."""
        return json.loads(self.run(*words, "--json", stdin=stdin))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Have both; the program is not started yet."""
    with Namespaces() as networks:
        server, there = networks.add(), networks.add()
        networks.join(server, [f"{HERE}/24"], there, [f"{THERE}/24"])
        files = [tmp_path / name for name in ("server.crt", "server.key")]
        certify(*files)
        (tmp_path / "server.pem").write_bytes(files[0].read_bytes() + files[1].read_bytes())
        service = Service(tmp_path / "data", entry=server.command())
        for name in ("clientSecret", "userPassword"):
            canary.remember(service.first[name])
        with (service.data / "config.toml").open("a") as settings:
            settings.write(f'address = "0.0.0.0"\negress_networks = "{THERE}/32"\negress_ca_file = "{files[0]}"\n')
        with service:
            operator = Operator.of_environment(service, tmp_path / "config")
            yield Site(service, server, there, operator, tmp_path, free_port())


def certify(certificate: Path, key: Path) -> None:
    """Make a certificate for an address, since a network of its own has no names."""
    words = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=webhook", "-days", "2")
    files = ("-addext", f"subjectAltName=IP:{THERE}", "-keyout", str(key), "-out", str(certificate))
    subprocess.run(
        ["openssl", "req", "-x509", *words, *files],
        check=True, capture_output=True,
    )  # fmt: skip
    canary.remember(key.read_text())


@contextmanager
def running(site: Site) -> Iterator[subprocess.Popen[str]]:
    """Run the program while the block lasts, with the first application's credentials."""
    (site.folder / "sitecustomize.py").write_text(_RESOLVER.format(address=HERE))
    first = site.service.first
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site.folder),
        "VAULT_URL": first["vaultUri"],
        "AZURE_AUTHORITY_HOST": first["authority"],
        "AZURE_TENANT_ID": first["tenantId"],
        "AZURE_CLIENT_ID": first["clientId"],
        "AZURE_CLIENT_SECRET": first["clientSecret"],
        "REQUESTS_CA_BUNDLE": first["caFile"],
    }
    words = [sys.executable, str(EXAMPLE), "--address", THERE, "--port", str(site.port)]
    files = ["--certificate", str(site.folder / "server.pem"), "--signing-secret", str(site.folder / "signing-secret")]
    with subprocess.Popen(
        site.there.command(*words, *files), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def test_the_example_rotates_a_secret(site: Site) -> None:
    """What is near its expiry has a new version a moment later; an endpoint that nobody answers at is not validated."""
    command, words = (
        "event-subscription",
        ("--endpoint", f"https://{THERE}:{site.port}/", "--event", "SecretNearExpiry"),
    )
    # The program wants the key that it is to know us by, so the subscription comes first; then it is put again.
    site.run(command, "create", site.vault, "rotate", *words, code=1)
    secret = site.run(command, "signing-secret", site.vault, "rotate")
    canary.remember(secret.strip())
    (site.folder / "signing-secret").write_text(secret)
    with running(site) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "listening\n"
        made = site.json(command, "create", site.vault, "rotate", *words)
        assert made["properties"]["provisioningState"] == "Succeeded"
        soon = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
        old = site.json("secret", "set", site.vault, "database", "--expires", soon, stdin=plant())["id"]
        site.run("jobs", "run", "upkeep", "--data", str(site.service.data))
        assert program.stdout.readline() == "database has a new version\n"
        assert site.json("secret", "show", site.vault, "database")["id"] != old
