"""What a certificate says of itself, for whoever looks after one."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate's names and its life, in Unix seconds."""

    names: tuple[str, ...]
    not_before: int
    not_after: int


def read_certificate(pem: bytes) -> CertificateFacts:
    """
    Read a PEM certificate.

    Raises:
        ValueError: it is none.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        stated = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(stated.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    return CertificateFacts(
        names=names,
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
    )
