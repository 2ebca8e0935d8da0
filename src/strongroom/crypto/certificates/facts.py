"""What a certificate says of itself, as far as the vault keeps it or its journal tells it."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1, sha256

from cryptography import x509


def validity_of(certificate: bytes) -> tuple[int, int]:
    """Give the first and the last second of a certificate's life."""
    loaded = x509.load_der_x509_certificate(certificate)
    return int(loaded.not_valid_before_utc.timestamp()), int(loaded.not_valid_after_utc.timestamp())


@lru_cache(maxsize=256)
def told_properties(certificate: bytes) -> dict[str, object]:
    """Say in the audit entry what a certificate is (reference azure-key-vault.md section 7)."""
    loaded = x509.load_der_x509_certificate(certificate)
    nbf, exp = validity_of(certificate)
    return {
        "subject": loaded.subject.rfc4514_string(),
        # SHA-1 names it and protects nothing.
        "sha1": sha1(certificate, usedforsecurity=False).hexdigest(),
        "sha256": sha256(certificate).hexdigest(),
        "nbf": nbf,
        "exp": exp,
    }
