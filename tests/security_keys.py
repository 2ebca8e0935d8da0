"""
A security key in software, and the browser before it: what WebAuthn makes of them, by another implementation (fido2).

The key does what it is told, wrong things too: each is an argument.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

AAGUID = bytes(range(16))
UP, UV, AT = AuthenticatorData.FLAG.UP, AuthenticatorData.FLAG.UV, AuthenticatorData.FLAG.AT


def b64(raw: bytes) -> str:
    """Write bytes as WebAuthn's JSON has them."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Read them."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftKey:
    """One credential of an authenticator, which counts unless told otherwise."""

    origin: str = "https://login.one.example"
    counts: bool = True
    verifies: bool = True
    """Whether it verifies its user, by a PIN or the like."""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    handle: bytes = b""

    def __post_init__(self) -> None:
        """Make the key pair."""
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], **wrong: Any) -> str:
        """Answer `navigator.credentials.create`."""
        self.handle = unb64(options["user"]["id"])
        credential = AttestedCredentialData.create(
            AAGUID, self.credential_id, ES256.from_cryptography_key(self._private.public_key())
        )
        data = self._data(wrong.get("host", options["rp"]["id"]), UP | AT | self._uv(), credential)
        attestation = AttestationObject.create("none", data, {})
        client = self._client("webauthn.create", options, wrong)
        response = {
            "clientDataJSON": b64(client),
            "attestationObject": b64(bytes(attestation)),
            "transports": ["usb", "nfc"],
        }
        return self._json(response)

    def get(self, options: dict[str, Any], **wrong: Any) -> str:
        """Answer `navigator.credentials.get`."""
        data = self._data(wrong.get("host", options["rpId"]), UP | self._uv())
        client = self._client("webauthn.get", options, wrong)
        signature = self._private.sign(bytes(data) + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(bytes(data)),
            "signature": b64(wrong.get("signature", signature)),
            "userHandle": b64(wrong["handle"]) if "handle" in wrong else None,
        }
        return self._json(response)

    def _uv(self) -> AuthenticatorData.FLAG:
        return UV if self.verifies else AuthenticatorData.FLAG(0)

    def _data(self, host: str, flags: AuthenticatorData.FLAG, credential: bytes = b"") -> AuthenticatorData:
        self.count += self.counts
        return AuthenticatorData.create(sha256(host.encode()).digest(), flags, self.count, credential)

    def _client(self, kind: str, options: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        challenge = unb64(options["challenge"])
        return bytes(
            CollectedClientData.create(
                wrong.get("kind", kind), wrong.get("answers", challenge), wrong.get("origin", self.origin)
            )
        )

    def _json(self, response: dict[str, Any]) -> str:
        named = b64(self.credential_id)
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": response})
