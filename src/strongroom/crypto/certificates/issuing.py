"""Certificate requests, and certificates that sign themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.core.certificates import X509Properties
from strongroom.core.key_rotation import Duration, moved
from strongroom.crypto.certificates.properties import der, extensions_of, subject_of
from strongroom.crypto.certificates.signing import SigningKey, signed

BACKDATED_S = 600
"""By so much a certificate begins before it is made (reference azure-key-vault.md section 4.5)."""


async def make_request(key: SigningKey, properties: X509Properties) -> bytes:
    """
    Make a certificate request (RFC 2986), in DER, with all that the policy asks for.

    Raises:
        Invalid: the subject or a name is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject_of(properties.subject))
    for extension, is_critical in extensions_of(properties):
        builder = builder.add_extension(extension, is_critical)
    request = await signed(key, builder.sign)
    return request.public_bytes(Encoding.DER)


async def issue_to_itself(key: SigningKey, properties: X509Properties, now: int) -> bytes:
    """
    Make a certificate that is signed by the key that it certifies, in DER. It is no CA's, whatever its usages say.

    Raises:
        Invalid: the subject or a name is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    subject, public = subject_of(properties.subject), key.public_key
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_at(now - BACKDATED_S))
        .not_valid_after(_at(moved(now, Duration("", months=properties.validity_months))))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    for extension, is_critical in extensions_of(properties):
        builder = builder.add_extension(extension, is_critical)
    builder = builder.add_extension(identifier, critical=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    return der(await signed(key, builder.sign))


def _at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
