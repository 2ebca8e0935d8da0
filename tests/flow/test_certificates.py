"""Certificates that sign themselves, from their request to their key and their secret (reference section 4.5)."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.flow.client import Client
from tests.flow.vault_certificates import create, loaded, made
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")


def test_a_certificate_is_pending_until_it_is_issued(vault: Client, world: Simulation, name: str) -> None:
    """Creation answers 202 with an operation; its target is there when it is completed."""
    operation = create(vault, name)
    assert operation["status"] == "inProgress"
    assert x509.load_der_x509_csr(base64.b64decode(operation["csr"])).is_signature_valid
    world.settle()
    done = vault.done("GET", f"/certificates/{name}/pending")
    assert (done["status"], done["target"]) == ("completed", done["id"].removesuffix("/pending"))


def test_a_certificate_hands_out_its_key(vault: Client, world: Simulation, name: str) -> None:
    """Its secret is PKCS#12 without a password, and holds the certificate and the key that it certifies."""
    bundle = made(vault, world, name)
    secret = vault.done("GET", f"/secrets/{name}")
    assert (secret["managed"], secret["contentType"], secret["kid"]) == (True, "application/x-pkcs12", bundle["kid"])
    private, leaf, above = pkcs12.load_key_and_certificates(base64.b64decode(secret["value"]), None)
    assert private is not None
    assert leaf == loaded(bundle)
    assert private.public_key() == loaded(bundle).public_key()
    assert above == []
    key = vault.done("GET", f"/keys/{name}")
    assert (key["managed"], key["key"]["key_ops"]) == (True, ["sign", "verify"])


def test_a_key_does_not_say_whether_it_can_be_had(vault: Client, world: Simulation, name: str) -> None:
    """Its certificate's policy does, as recorded by Azure's own client tests of 2023; in bundles and lists."""
    made(vault, world, name)
    assert "exportable" not in vault.done("GET", f"/keys/{name}")["attributes"]
    (version,) = vault.done("GET", f"/keys/{name}/versions")["value"]
    assert "exportable" not in version["attributes"]
