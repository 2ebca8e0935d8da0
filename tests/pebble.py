"""Pebble, the ACME authority that is made for tests, with the name server that it asks; in a network of its own."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.namespaces import Namespace
from tests.plugins import canary

PROGRAMS = ("pebble", "pebble-challtestsrv")
DIRECTORY_PORT, MANAGEMENT_PORT, DNS_PORT, RECORDS_PORT = 14_000, 15_000, 8053, 8055
NONCES_REJECTED = 5
"""In a hundred: `badNonce` is nothing out of the ordinary, and as many in a row as end a request do not come."""
_START_S = 30.0
_LOOK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()"


@dataclass(frozen=True, slots=True)
class Pebble:
    """A running authority."""

    address: str
    ca_file: Path
    """Who issued the certificate of its own listener."""
    key_id: str
    key_file: Path
    """The external account that it wants accounts to be bound to."""

    @property
    def directory(self) -> str:
        """The URL of its directory."""
        return f"https://{self.address}:{DIRECTORY_PORT}/dir"

    @property
    def records(self) -> str:
        """Where the name server is told of TXT records."""
        return f"http://{self.address}:{RECORDS_PORT}"


@contextmanager
def running(folder: Path, place: Namespace, address: str, *, looks_at: str, http_port: int) -> Iterator[Pebble]:
    """Run it at an *address* of a network while the block lasts; every name leads to *looks_at* for it."""
    chain, key, ca_file, settings = (folder / one for one in ("chain.pem", "key.pem", "ca.pem", "pebble.json"))
    _certify(address, chain, key, ca_file)
    key_id, mac = f"kid-{secrets.token_hex(4)}", secrets.token_urlsafe(48)
    canary.remember(mac)
    key_file = folder / "external.key"
    key_file.write_text(f"{mac}\n")
    settings.write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"{address}:{DIRECTORY_PORT}",
                    "managementListenAddress": f"{address}:{MANAGEMENT_PORT}",
                    "certificate": str(chain),
                    "privateKey": str(key),
                    "httpPort": http_port,
                    "tlsPort": http_port + 1,
                    "externalAccountBindingRequired": True,
                    "externalAccountMACKeys": {key_id: mac},
                }
            }
        )
    )
    names = (
        "pebble-challtestsrv", "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", looks_at,
        "-defaultIPv6", "", "-dns01", f"127.0.0.1:{DNS_PORT}", "-management", f"{address}:{RECORDS_PORT}",
    )  # fmt: skip
    authority = ("pebble", "-strict", "-config", str(settings), "-dnsserver", f"127.0.0.1:{DNS_PORT}")
    environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(NONCES_REJECTED)}
    programs: list[subprocess.Popen[bytes]] = []
    output = folder / "pebble.log"
    try:
        with output.open("wb") as log:
            programs += [
                subprocess.Popen(place.command(*words), stdout=log, stderr=log, env=environment, cwd=folder)
                for words in (names, authority)
            ]
        for port in (RECORDS_PORT, DIRECTORY_PORT):
            _wait_for(place, address, port, output)
        yield Pebble(address, ca_file, key_id, key_file)
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(20)


def _wait_for(place: Namespace, address: str, port: int, output: Path) -> None:
    deadline = time.monotonic() + _START_S
    while subprocess.run(
        place.command("python3", "-c", _LOOK, address, str(port)), capture_output=True, check=False
    ).returncode:
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)


def _certify(address: str, chain: Path, key: Path, ca_file: Path) -> None:
    """Make a certificate for an address, since a network of its own has no names."""
    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pebble of a test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    for file in (chain, ca_file):
        file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key.touch(0o600)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
