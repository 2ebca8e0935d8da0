"""A certificate authority for tests: a root, an issuing certificate under it, and what goes wrong with either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

_RSA_SHA256 = bytes.fromhex("06092a864886f70d01010b")
_RSA_SHA1 = bytes.fromhex("06092a864886f70d010105")
_CA = x509.BasicConstraints(ca=True, path_length=None)


_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any


class Authority:
    """Issues for requests, as a CA that a vault does not know does."""

    def __init__(self, now: float) -> None:
        self.now = datetime.fromtimestamp(int(now), UTC)
        self.root = self.signer("CN=Root", None)
        self.issuing = self.signer("CN=Issuing", self.root)

    def issue(self, request: x509.CertificateSigningRequest, days: int = 90) -> tuple[bytes, ...]:
        """Issue, and give the leaf and those above it."""
        leaf = self._leaf(request, self.issuing, timedelta(days=days))
        return tuple(one.public_bytes(Encoding.DER) for one in (leaf, self.issuing.certificate, self.root.certificate))

    def spoilt(self, request: x509.CertificateSigningRequest, how: str) -> tuple[bytes, ...]:
        """Issue a chain with something wrong."""
        leaf, issuing, root = self.issue(request)
        if how in {"expired", "early"}:
            life, begins = (timedelta(0), timedelta(-1)) if how == "expired" else (_LIFE, timedelta(1))
            return (_der(self._leaf(request, self.issuing, life, begins)), issuing, root)
        if how in {"powerless", "weak", "sha1"}:
            return self._under_another(request, how)
        return {
            "foreign": (leaf, _der(self.signer("CN=Issuing", self.root).certificate), root),
            "twice": (leaf, self.issue(request)[0], issuing),
            "garbage": (b"\x30\x03no",),
            "cut": (leaf[:-1], issuing),
            "broken PEM": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",),
            "nothing": (),
        }[how]

    def _under_another(self, request: x509.CertificateSigningRequest, how: str) -> tuple[bytes, ...]:
        """Issue a chain with another signer between the leaf and the root, who is not as he should be."""
        if how == "powerless":
            signer = self.signer("CN=Powerless", self.root, constraints=None)
        else:
            bits = 1024 if how == "weak" else 2048
            signer = self.signer("CN=Other", self.root, key=rsa.generate_private_key(65537, bits))
        leaf = _der(self._leaf(request, signer, _LIFE))
        if how == "sha1":
            # The library makes no such signatures any more, so it is one that only says so.
            assert _RSA_SHA256 in leaf
            leaf = leaf.replace(_RSA_SHA256, _RSA_SHA1)
        return (leaf, _der(signer.certificate))

    def _leaf(
        self,
        request: x509.CertificateSigningRequest,
        by: Signer,
        life: timedelta,
        begins: timedelta = timedelta(days=-1),
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(by.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + begins)
            .not_valid_after(self.now + max(begins, timedelta()) + life)
        )
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(by.key, hashes.SHA256())

    def signer(self, name: str, by: Signer | None, key: Any = None, constraints: Any = _CA) -> Signer:
        """Make one who signs, under another one or by himself."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name.from_rfc4514_string(name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by is not None else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=365))
            .not_valid_after(self.now + timedelta(days=3650))
        )
        if constraints is not None:
            builder = builder.add_extension(constraints, critical=True)
        return Signer(builder.sign(by.key if by is not None else key, hashes.SHA256()), key)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


__all__ = ["Authority", "Signer"]
