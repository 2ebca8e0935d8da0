"""What the tests of certificates share: certificates as clients make them."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509

from tests.flow.client import Client
from tests.world import Simulation

POLICY: dict[str, Any] = {
    "key_props": {"kty": "EC", "crv": "P-256"},
    "x509_props": {"subject": "CN=example.com", "sans": {"dns_names": ["example.com"]}},
    "issuer": {"name": "Self"},
}
"""A certificate that is quickly made."""


def create(vault: Client, name: str, **policy: Any) -> Any:
    """Begin to make a certificate that signs itself, on P-256, unless *policy* says otherwise; its operation."""
    answer = vault.ask("POST", f"/certificates/{name}/create", body={"policy": POLICY | policy})
    assert answer.status == 202, answer.body
    return answer.json


def made(vault: Client, world: Simulation, name: str, **policy: Any) -> Any:
    """Make a certificate, and wait until it is issued; its bundle."""
    create(vault, name, **policy)
    world.settle()
    return vault.done("GET", f"/certificates/{name}")


def loaded(bundle: dict[str, Any]) -> x509.Certificate:
    """Read the certificate in a bundle."""
    return x509.load_der_x509_certificate(base64.b64decode(bundle["cer"]))
