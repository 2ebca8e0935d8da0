"""What a certificate says of itself, as far as the vault keeps it."""

from __future__ import annotations

from functools import lru_cache

from cryptography import x509


def validity_of(certificate: bytes) -> tuple[int, int]:
    """Give the first and the last second of a certificate's life."""
    loaded = x509.load_der_x509_certificate(certificate)
    return int(loaded.not_valid_before_utc.timestamp()), int(loaded.not_valid_after_utc.timestamp())


@lru_cache(maxsize=256)
def subject_text(certificate: bytes) -> str:
    """Give a certificate's subject as a policy spells it, the name that says most first."""
    return spelled(x509.load_der_x509_certificate(certificate).subject)


def spelled(name: x509.Name) -> str:
    """Spell a name in the order in which certificates have it, with the separator that the real service has."""
    # RFC 4514 begins with the last one.
    return ", ".join(relative.rfc4514_string() for relative in name.rdns)
