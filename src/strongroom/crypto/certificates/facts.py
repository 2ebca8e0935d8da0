"""What a certificate says of itself, as far as the vault keeps it."""

from __future__ import annotations

from cryptography import x509


def validity_of(certificate: bytes) -> tuple[int, int]:
    """Give the first and the last second of a certificate's life."""
    loaded = x509.load_der_x509_certificate(certificate)
    return int(loaded.not_valid_before_utc.timestamp()), int(loaded.not_valid_after_utc.timestamp())
