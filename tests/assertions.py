"""
Client assertions, made by hand with the cryptographic primitives: no library of tokens judges its own work here.

Everything that clients do differently is an argument: padding, the form of an EC signature, which member names the key.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = 86_400
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Give an RSA key: the same for the same number, since making one takes a tenth of a second."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """Give a P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Signer:
    """A private key with a certificate for it."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def base64(self) -> str:
        """The certificate, as Graph's clients send it."""
        return base64.b64encode(self.der).decode()

    @property
    def pem(self) -> bytes:
        """Certificate and key in one file, as the identity libraries read it."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)

    @property
    def sha1(self) -> bytes:
        """The thumbprint."""
        return self.certificate.fingerprint(hashes.SHA1())  # noqa: S303  Azure's name for a certificate

    @property
    def sha256(self) -> bytes:
        """The newer thumbprint."""
        return self.certificate.fingerprint(hashes.SHA256())

    def assertion(
        self,
        claims: dict[str, Any],
        *,
        alg: str | None = None,
        padded: bool = False,
        der: bool = False,
        header: dict[str, Any] | None = None,
    ) -> str:
        """Sign claims; *header* replaces `x5t` as what names the key."""
        alg = alg or ("ES256" if isinstance(self.key, ec.EllipticCurvePrivateKey) else "RS256")
        named = {"x5t": b64url(self.sha1, padded=padded)} if header is None else header
        return sign(self.key, {"typ": "JWT", "alg": alg, **named}, claims, padded=padded, der=der)


def sign(
    key: PrivateKey, header: dict[str, Any], claims: dict[str, Any] | bytes, *, padded: bool = False, der: bool = False
) -> str:
    """Make a JWT of a header and claims as they are, signed by the algorithm that the header names."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    message = ".".join(b64url(part, padded=padded) for part in (json.dumps(header).encode(), payload))
    signature = _signature(key, str(header.get("alg")), message.encode(), der=der)
    return f"{message}.{b64url(signature, padded=padded)}"


def _signature(key: PrivateKey, alg: str, message: bytes, *, der: bool) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        scheme: Any = padding.PKCS1v15()
        if alg == "PS256":
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return key.sign(message, scheme, hashes.SHA256())
    signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    if der:
        return signature
    return b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))


def b64url(data: bytes, *, padded: bool = False) -> str:
    """Write base64url."""
    text = base64.urlsafe_b64encode(data).decode()
    return text if padded else text.rstrip("=")


def make_signer(
    key: PrivateKey | None = None,
    *,
    now: int,
    begins: int = -DAY,
    ends: int = 365 * DAY,
    name: str = "client",
    subject: x509.Name | None = None,
) -> Signer:
    """Make a self-signed certificate for a key; *begins* and *ends* count from *now*."""
    key = key or rsa_key()
    subject = subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(now + begins, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(now + ends, dt.UTC))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate)


def key_set(key: rsa.RSAPrivateKey, *kids: str) -> dict[str, Any]:
    """Publish a key under some names, as an issuer does."""
    numbers = key.public_key().public_numbers()
    n, e = (b64url(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
    return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e} for kid in kids]}


def own_claims(client_id: str, audience: str, now: int, **changes: Any) -> dict[str, Any]:
    """Make the claims that msal's Python library makes, floats and all, with some changed or left out where None."""
    claims = {
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "exp": now + 600.25,
        "iat": now + 0.25,
        "jti": "5f8d7c1e",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}
