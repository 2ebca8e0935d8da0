"""What a policy's `x509_props` are in X.509: the subject and the extensions of a request or a certificate."""

from __future__ import annotations

import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.core.certificate_policies import not_a_subject
from strongroom.core.certificates import AlternativeNames, KeyUsage, X509Properties
from strongroom.core.errors import Invalid
from strongroom.core.x500 import NotAName, parse_name

UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def subject_of(text: str) -> x509.Name:
    """
    Read a subject, as `CN=example.com, O="Example, Inc."` has it.

    Raises:
        Invalid: it is no X.500 name.
    """
    try:
        parts = parse_name(text)
    except NotAName as fault:
        raise not_a_subject(fault.fault) from None
    try:
        # The first part of the text is the last one of the name (RFC 4514 section 2.1).
        return x509.Name(
            x509.RelativeDistinguishedName(
                x509.NameAttribute(x509.ObjectIdentifier(one.oid), one.value) for one in part
            )
            for part in reversed(parts)
        )
    except ValueError:
        raise not_a_subject("the library does not take it") from None


def extensions_of(properties: X509Properties) -> list[tuple[x509.ExtensionType, bool]]:
    """
    Give the extensions that a policy asks for, each with whether it is critical.

    Raises:
        Invalid: a name is none. A policy can be that of a certificate that was made elsewhere.
    """
    try:
        return _extensions(properties)
    except (ValueError, TypeError):
        raise Invalid(
            "A name or a purpose in the policy can stand in no certificate.",
            code="BadParameter",
            reason="invalid x509_props",
        ) from None


def _extensions(properties: X509Properties) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    names = general_names(properties.sans)
    usages = _usable(properties.key_usage)
    if usages:
        found.append((_key_usage(usages), True))
    if properties.ekus:
        found.append((x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in properties.ekus]), False))
    if names:
        # With an empty subject the names are all there is, and must be heeded (RFC 5280 section 4.2.1.6).
        found.append((x509.SubjectAlternativeName(names), not properties.subject))
    return found


def general_names(sans: AlternativeNames) -> list[x509.GeneralName]:
    """Write alternative names as X.509 has them."""
    return [
        *(x509.DNSName(name) for name in sans.dns_names),
        *(x509.RFC822Name(name) for name in sans.emails),
        *(x509.OtherName(UPN, _utf8(name)) for name in sans.upns),
        *(x509.UniformResourceIdentifier(name) for name in sans.uris),
        *(x509.IPAddress(ipaddress.ip_address(name)) for name in sans.ip_addresses),
    ]


def _utf8(text: str) -> bytes:
    """Write a UTF8String in DER, by way of a name's attribute, since the library writes none alone."""
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, text)
    whole = x509.Name([attribute]).public_bytes()
    value = text.encode()
    return whole[whole.rindex(value) - _header_bytes(len(value)) :]


def _header_bytes(length: int) -> int:
    return 2 if length < 0x80 else 3 if length < 0x100 else 4


def _usable(usages: tuple[KeyUsage, ...]) -> frozenset[KeyUsage]:
    """Leave out what means something beside keyAgreement alone where that is not there (RFC 5280 section 4.2.1.3)."""
    found = frozenset(usages)
    return found if KeyUsage.KEY_AGREEMENT in found else found - {KeyUsage.ENCIPHER_ONLY, KeyUsage.DECIPHER_ONLY}


def _key_usage(usages: frozenset[KeyUsage]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usages,
        content_commitment=KeyUsage.NON_REPUDIATION in usages,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usages,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usages,
        key_agreement=KeyUsage.KEY_AGREEMENT in usages,
        key_cert_sign=KeyUsage.KEY_CERT_SIGN in usages,
        crl_sign=KeyUsage.CRL_SIGN in usages,
        encipher_only=KeyUsage.ENCIPHER_ONLY in usages,
        decipher_only=KeyUsage.DECIPHER_ONLY in usages,
    )


def der(certificate: x509.Certificate) -> bytes:
    """Write a certificate."""
    return certificate.public_bytes(Encoding.DER)
