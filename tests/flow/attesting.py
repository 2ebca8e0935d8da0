"""An attestation authority by script, in Microsoft Azure Attestation's shape, and what it attests."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.crypto.keys.software import SoftwareKeys
from tests.assertions import b64url, ec_key, key_set, rsa_key, sign
from tests.flow.client import Client
from tests.flow.test_federation import control
from tests.world import Simulation

HASHES: dict[str, HashAlgorithm] = {
    "CKM_RSA_AES_KEY_WRAP": SHA1(),  # noqa: S303  the mechanism's own
    "RSA_AES_KEY_WRAP_256": SHA256(),
    "RSA_AES_KEY_WRAP_384": SHA384(),
}


class StandIn(SoftwareKeys):
    """Holds the `-HSM` keys of a test in the place of a token."""

    @property
    def platform(self) -> str:
        """As a token's."""
        return "1"


def public_jwk(key: rsa.RSAPrivateKey, **members: Any) -> dict[str, Any]:
    """Write the public members of an RSA key."""
    numbers = key.public_key().public_numbers()
    n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": b64url(n), "e": b64url(e), **members}


@dataclass
class Authority:
    """An authority, and the environment that it attests: its key is `rsa_key(7)`."""

    world: Simulation
    url: str
    kid: str = "k1"
    claims: dict[str, Any] = field(default_factory=lambda: {"tee": {"type": "sevsnpvm"}, "debuggable": False})

    def configure(self, *, tenant: str | None = None, **keys: Any) -> dict[str, Any]:
        """Have it configured by the operator, with its keys unless *keys* says otherwise."""
        body = {**self.name(tenant), "keys": key_set(rsa_key(), self.kid)} | keys
        answer = control(self.world, "POST", "/release-authorities", body)
        assert answer.status == 200, answer.body
        entry: dict[str, Any] = answer.json
        return entry

    def name(self, tenant: str | None = None) -> dict[str, Any]:
        """Name it, in the first tenant unless *tenant* says otherwise."""
        return {"authority": self.url, "tenant": tenant or self.world.first.tenant_id}

    def policy(self, *conditions: Any, **members: Any) -> dict[str, Any]:
        """Write a release policy that asks this authority for its type, or for *conditions*."""
        rules = list(conditions) or [{"claim": "tee.type", "equals": "sevsnpvm"}]
        document = {"version": "1.0.0", "anyOf": [{"authority": self.url, "allOf": rules}]}
        return {"data": b64url(json.dumps(document).encode()), **members}

    def payload(self, **changes: Any) -> dict[str, Any]:
        """Write the claims of a token; None takes one away."""
        now = int(self.world.clock())
        keys = [public_jwk(rsa_key(7), kid="TpmEphemeralEncryptionKey", key_use="enc")]
        claims = {
            "iss": self.url, "iat": now, "nbf": now, "exp": now + 3600, "x-ms-runtime": {"keys": keys},
            **self.claims, **changes,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **changes: Any) -> str:
        """Attest."""
        said = {"alg": "RS256", "typ": "JWT", "kid": self.kid, "jku": f"{self.url}/certs", **(header or {})}
        return sign(key or rsa_key(), said, self.payload(**changes))


def part(statement: str, number: int) -> Any:
    """Decode a part of a signed statement."""
    text = statement.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def unwrap(wrapped: bytes, method: str) -> bytes:
    """Unwrap what was wrapped for the attested environment, by the primitives alone."""
    hashed = HASHES[method]
    oaep = padding.OAEP(padding.MGF1(hashed), hashed, None)
    return keywrap.aes_key_unwrap_with_padding(rsa_key(7).decrypt(wrapped[:256], oaep), wrapped[256:])


def opened(statement: str) -> Any:
    """Take the released key out of a statement, and load it."""
    text = part(statement, 1)["response"]["key"]["key"]["key_hsm"]
    blob = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert blob["header"]["kid"] == "TpmEphemeralEncryptionKey"
    assert blob["header"]["alg"] == "dir"
    ciphertext = blob["ciphertext"]
    material = unwrap(base64.urlsafe_b64decode(ciphertext + "=" * (-len(ciphertext) % 4)), blob["header"]["enc"])
    return load_der_private_key(material, None)


def create(vault: Client, name: str, authority: Authority, **members: Any) -> Any:
    """Create an exportable P-256 key, unless *members* say otherwise."""
    body = {"kty": "EC-HSM", "attributes": {"exportable": True}, "release_policy": authority.policy()} | members
    return vault.ask("POST", f"/keys/{name}/create", body=body)


__all__ = ["Authority", "StandIn", "create", "ec", "ec_key", "opened", "part", "public_jwk", "unwrap"]
