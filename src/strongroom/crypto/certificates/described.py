"""What a certificate says, as a policy has it: for certificates that were made without one."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from strongroom.core import certificate_limits
from strongroom.core.certificates import AlternativeNames, KeyUsage, X509Properties
from strongroom.core.errors import Invalid
from strongroom.crypto.certificates.chains import UNREADABLE
from strongroom.crypto.certificates.properties import UPN
from strongroom.crypto.x500 import subject_text

_TEXT_TAGS = (0x0C, 0x13, 0x16)
"""UTF8String, PrintableString and IA5String (X.690)."""


def properties_of(certificate: bytes) -> X509Properties:
    """
    Say what a policy would have to say for another certificate like this one.

    Names of other kinds than a policy has are left out.

    Raises:
        Invalid: it cannot be read, or says more than a policy can.
    """
    try:
        return _properties_of(x509.load_der_x509_certificate(certificate))
    except UNREADABLE:
        raise Invalid("A certificate is malformed.", code="BadParameter", reason="invalid certificate") from None


def _properties_of(certificate: x509.Certificate) -> X509Properties:
    subject = subject_text(certificate.subject)
    if len(subject) > certificate_limits.SUBJECT_NAME_CHARS:
        raise Invalid(
            f"The certificate's subject has more than {certificate_limits.SUBJECT_NAME_CHARS} characters.",
            code="BadParameter",
        )
    months = _months(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return X509Properties(
        subject,
        _names(certificate.extensions),
        _purposes(certificate.extensions),
        _usages(certificate.extensions),
        min(months, certificate_limits.VALIDITY_MONTHS),
    )


def _months(begin: datetime, end: datetime) -> int:
    """
    Count the months of a life by the calendar; one that has begun is one, as recorded by Azure's own clients.

    Less than a day begins none: authorities date back, or end with the last second of a day, and what was asked for as
    twelve months would be thirteen, which a guardrail may forbid.
    """
    begin += timedelta(days=1)
    whole = (end.year - begin.year) * 12 + end.month - begin.month
    # Days and times of day compare as they stand: no month has a day twice.
    return max(1, whole + ((end.day, end.time()) >= (begin.day, begin.time())))


def _names(extensions: x509.Extensions) -> AlternativeNames:
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return AlternativeNames()
    upns = [_text(one.value) for one in names.get_values_for_type(x509.OtherName) if one.type_id == UPN]
    return AlternativeNames(
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(names.get_values_for_type(x509.RFC822Name)),
        tuple(one for one in upns if one is not None),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        tuple(str(one) for one in names.get_values_for_type(x509.IPAddress)),
    )


def _text(value: bytes) -> str | None:
    """Read a short text in DER; None if it is none."""
    if len(value) < 2 or value[0] not in _TEXT_TAGS or value[1] != len(value) - 2 or value[1] >= 0x80:
        return None
    try:
        return value[2:].decode()
    except UnicodeDecodeError:
        return None


def _purposes(extensions: x509.Extensions) -> tuple[str, ...]:
    try:
        purposes: list[ObjectIdentifier] = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return ()
    return tuple(one.dotted_string for one in purposes)


def _usages(extensions: x509.Extensions) -> tuple[KeyUsage, ...]:
    try:
        said = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    agrees = said.key_agreement
    found = {
        KeyUsage.DIGITAL_SIGNATURE: said.digital_signature,
        KeyUsage.NON_REPUDIATION: said.content_commitment,
        KeyUsage.KEY_ENCIPHERMENT: said.key_encipherment,
        KeyUsage.DATA_ENCIPHERMENT: said.data_encipherment,
        KeyUsage.KEY_AGREEMENT: agrees,
        KeyUsage.KEY_CERT_SIGN: said.key_cert_sign,
        KeyUsage.CRL_SIGN: said.crl_sign,
        KeyUsage.ENCIPHER_ONLY: agrees and said.encipher_only,
        KeyUsage.DECIPHER_ONLY: agrees and said.decipher_only,
    }
    return tuple(usage for usage, is_said in found.items() if is_said)
