"""
A tenant's signing keys: made here, published as the members of a key set.

Each key has a self-signed certificate whose SHA-1 thumbprint names it, as Entra's do (reference clients.md section 7:
`x5t` equals `kid`). SHA-1 names the key and proves nothing: what is trusted is the key found under that name.

`cryptography.x509` takes a tenth of a second to import, so each function imports it for itself: a start-up that finds
its keys needs none of this.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass, field

KEY_BITS = 2048
_CERTIFICATE_LIFETIME_S = 5 * 365 * 86_400
"""As Entra's. The certificate carries the key and nothing expires with it: when a key signs and when it is trusted is
said by its record."""


@dataclass(frozen=True, slots=True)
class NewSigningKey:
    """A key just made; the caller seals the private half."""

    kid: str
    certificate: bytes
    """DER."""
    private_key: bytes = field(repr=False)
    """PKCS#8 DER, in the clear."""


def new_signing_key(tenant: str, now: int, purpose: str = "Strongroom token signing") -> NewSigningKey:
    """Make an RSA-2048 key for a tenant's tokens, or another purpose. Takes 30 ms and more: not for the event loop."""
    from cryptography import x509  # noqa: PLC0415  see the module's docstring, here and below
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    private_key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, tenant),
            x509.NameAttribute(NameOID.COMMON_NAME, purpose),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(now, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(now + _CERTIFICATE_LIFETIME_S, dt.UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private_key, SHA256())
        .public_bytes(Encoding.DER)
    )
    return NewSigningKey(
        kid=_thumbprint(certificate),
        certificate=certificate,
        private_key=private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def public_jwk(certificate: bytes, issuer: str) -> dict[str, object]:
    """
    Describe a signing key as a key set publishes it: public members only, because only a certificate comes in.

    *issuer* is what the key signs for; `common` and `organizations` publish it with the literal `{tenantid}`.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    key = load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("a signing key's certificate holds an RSA key")
    numbers = key.public_numbers()
    kid = _thumbprint(certificate)
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "x5t": kid,
        "n": _base64url_number(numbers.n),
        "e": _base64url_number(numbers.e),
        "x5c": [base64.b64encode(certificate).decode("ascii")],
        "issuer": issuer,
    }


def _thumbprint(certificate: bytes) -> str:
    # A name (RFC 7515 section 4.1.7), no proof.
    return _base64url(hashlib.sha1(certificate, usedforsecurity=False).digest())


def _base64url_number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
