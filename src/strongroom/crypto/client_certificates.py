"""
Certificates that applications register: read from what a client of Graph sends, and known by their thumbprints.

The certificate is a carrier of a key and of dates. Nobody's signature on it counts, and no chain is followed: what is
trusted is that the directory has it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha1, sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.core import limits
from strongroom.crypto.assertions import require_usable
from strongroom.crypto.x500 import subject_text

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{40}", re.ASCII)
_PEM = b"-----BEGIN "


class BadCertificate(Exception):
    """What was sent is no certificate that can be registered; the message says why and repeats nothing."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What matters of a certificate."""

    certificate: bytes
    """DER."""
    not_before: int
    not_after: int
    """The last second it is good for, and the one before which it is not, in Unix seconds."""
    subject: str


def read_certificate(data: bytes) -> CertificateFacts:
    """
    Read one certificate, DER or PEM.

    Raises:
        BadCertificate: it is none, too large, has a key that is not taken, or comes with a private key.
    """
    if len(data) > limits.CLIENT_CERTIFICATE_BYTES:
        raise BadCertificate(f"A certificate has at most {limits.CLIENT_CERTIFICATE_BYTES} bytes.")
    if b"PRIVATE KEY-----" in data:
        raise BadCertificate("A private key was sent along with the certificate. Send the certificate alone.")
    try:
        certificate = _load(data)
        key = certificate.public_key()
        # As Azure's client tests of 2022 record it: `O=Contoso, S=Washington, C=US`.
        subject = subject_text(certificate.subject)
        not_before = int(certificate.not_valid_before_utc.timestamp())
        not_after = int(certificate.not_valid_after_utc.timestamp())
    except (ValueError, x509.InvalidVersion):
        raise BadCertificate("The key is not a valid X.509 certificate.") from None
    except UnsupportedAlgorithm:
        raise BadCertificate("The certificate's key is of an unknown kind.") from None
    try:
        require_usable(key)
    except ValueError as error:
        raise BadCertificate(str(error)) from None
    return CertificateFacts(
        certificate=certificate.public_bytes(Encoding.DER),
        not_before=not_before,
        not_after=not_after,
        subject=subject[: limits.DISPLAY_NAME_CHARS],
    )


def thumbprint(certificate: bytes) -> bytes:
    """Give the SHA-1 of a certificate (DER): a name for it, as Azure uses it, on which no trust rests."""
    return sha1(certificate, usedforsecurity=False).digest()


def names_certificate(certificate: bytes, *, kid: str | None, x5t: str | None, x5t_s256: str | None) -> bool:
    """
    Tell whether a header's names, all that there are, mean this certificate.

    `x5t` and `kid` are its SHA-1 and `x5t#S256` its SHA-256, in base64url with or without padding; a `kid` may also be
    the SHA-1 in hexadecimal, as the older libraries write it.
    """
    first, second = thumbprint(certificate), sha256(certificate).digest()
    if kid is None and x5t is None and x5t_s256 is None:
        return False
    return (
        (x5t is None or _means(x5t, first))
        and (x5t_s256 is None or _means(x5t_s256, second))
        and (kid is None or _means(kid, first) or (bool(_HEXADECIMAL.fullmatch(kid)) and bytes.fromhex(kid) == first))
    )


def _means(name: str, digest: bytes) -> bool:
    return name.rstrip("=") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _load(data: bytes) -> x509.Certificate:
    if data.lstrip().startswith(_PEM):
        found = x509.load_pem_x509_certificates(data)
        if len(found) != 1:
            raise BadCertificate("Exactly one certificate is registered at a time.")
        return found[0]
    return x509.load_der_x509_certificate(data)
