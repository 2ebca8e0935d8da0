"""What a private CA signs: its own certificates, and those that it issues (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from strongroom.core.certificates import KeyUsage, X509Properties
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyKind, KeySpec, PublicParts
from strongroom.core.private_authorities import SubjectNames
from strongroom.crypto.certificates.properties import der, extensions_of, general_names, subject_of
from strongroom.crypto.certificates.signing import SigningKey, public_key_of, signed
from strongroom.crypto.keys.public import CURVES, public_parts

SERIAL_BYTES = 16
"""Of a serial number: RFC 5280 section 4.1.2.2 allows 20, and others demand 8 that nobody can foretell."""
_EVERY_NETWORK = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_NOWHERE = "invalid"
"""A domain that has no names (RFC 6761): what a CA for addresses alone is constrained to."""
_CA_USAGES = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when something is good, in Unix seconds."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA's key with its certificate, and the URLs that what it signs says of it."""

    key: SigningKey
    certificate: bytes
    crl_url: str | None = None
    certificate_url: str | None = None
    ocsp_url: str | None = None


@dataclass(frozen=True, slots=True)
class Constraints:
    """What an issuing CA may certify: EKUs, and names in domains and networks if it is constrained to any."""

    ekus: tuple[str, ...]
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a CA takes out of a certificate request: the key, and how it is to be called."""

    spec: KeySpec
    parts: PublicParts
    subject: x509.Name = field(repr=False)
    named: SubjectNames
    names: tuple[x509.GeneralName, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry of a list."""

    serial: int
    revoked_at: int
    reason: str


def key_id(spec: KeySpec, parts: PublicParts) -> str:
    """Give the subject key identifier of a key, in hexadecimal."""
    return x509.SubjectKeyIdentifier.from_public_key(public_key_of(spec, parts)).digest.hex()


async def make_root(key: SigningKey, subject: str, serial: bytes, span: Span) -> bytes:
    """
    Make the certificate of a root CA, in DER: it signs issuing CAs, and those sign no further ones.

    Raises:
        Invalid: the subject is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    name, public = subject_of(subject), key.public_key
    builder = (
        _builder(name, name, serial, span)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(_CA_USAGES), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return der(await signed(key, builder.sign))


async def make_issuing(
    root: Issuer, spec: KeySpec, parts: PublicParts, subject: str, serial: bytes, span: Span, constraints: Constraints
) -> bytes:
    """
    Make the certificate of an issuing CA, in DER.

    Raises:
        Invalid: the subject is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    above, public = x509.load_der_x509_certificate(root.certificate), public_key_of(spec, parts)
    builder = (
        _builder(subject_of(subject), above.subject, serial, span)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(_CA_USAGES), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in constraints.ekus]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if constraints.domains or constraints.networks:
        builder = builder.add_extension(_name_constraints(constraints), critical=True)
    return der(await signed(root.key, _pointing(builder, above, root).sign))


async def issue(issuer: Issuer, request: Request, properties: X509Properties, serial: bytes, span: Span) -> bytes:
    """
    Make a certificate, in DER, that says what *properties* say, of the key in a request. It is no CA's.

    Raises:
        Invalid: the subject or a name is none.
        Unavailable, Throttled: see `KeyProtection`.
    """
    above, public = x509.load_der_x509_certificate(issuer.certificate), public_key_of(request.spec, request.parts)
    builder = (
        _builder(subject_of(properties.subject), above.subject, serial, span)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    for extension, is_critical in extensions_of(properties):
        builder = builder.add_extension(extension, is_critical)
    return der(await signed(issuer.key, _pointing(builder, above, issuer).sign))


def read_request(csr: bytes) -> Request:
    """
    Read a request, in DER, whose signature proves that the key is its maker's.

    Raises:
        Invalid: it is none, or is not signed by the key in it.
    """
    try:
        loaded = x509.load_der_x509_csr(csr)
        public = loaded.public_key()
        if not loaded.is_signature_valid:
            raise _bad_request()
        names = [one.value for one in loaded.extensions if isinstance(one.value, x509.SubjectAlternativeName)]
        subject = loaded.subject
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, x509.DuplicateExtension):
        raise _bad_request() from None
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise _bad_request()
    if isinstance(public, rsa.RSAPublicKey):
        spec = KeySpec(KeyKind.RSA, public.key_size)
    else:
        named = public.curve.name
        spec = KeySpec(KeyKind.EC, curve=next((one for one, known in CURVES.items() if known.name == named), None))
    common, emails = (
        tuple(str(one.value) for one in subject.get_attributes_for_oid(oid))
        for oid in (NameOID.COMMON_NAME, NameOID.EMAIL_ADDRESS)
    )
    called = SubjectNames(common, emails)
    return Request(spec, public_parts(public), subject, called, tuple(names[0]) if names else ())


def require_same_names(request: Request, properties: X509Properties) -> None:
    """
    Refuse a request that is called otherwise than the policy says: whoever wrote one of them wanted something else.

    Raises:
        Invalid: subject or alternative names differ.
    """
    if request.subject != subject_of(properties.subject) or set(request.names) != set(general_names(properties.sans)):
        raise Invalid("The request does not have the names that the policy says.", code="Request rejected")


def serial_of(certificate: bytes) -> int:
    """Give the serial number of a certificate."""
    return x509.load_der_x509_certificate(certificate).serial_number


def pem_of(certificate: bytes) -> str:
    """Write a certificate as PEM."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode("ascii")


def subject_text(certificate: bytes) -> str:
    """Give a certificate's subject as text (RFC 4514)."""
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()


def organisation_of(certificate: bytes) -> str | None:
    """Give what a CA's subject says besides its common name, as `authority_subject` takes it."""
    subject = x509.load_der_x509_certificate(certificate).subject
    rest = x509.Name([one for one in subject if one.oid != NameOID.COMMON_NAME])
    return rest.rfc4514_string() or None


def authority_subject(base: str | None, common_name: str) -> str:
    """
    Give the subject of a CA: what its operator says of the organisation, and a common name.

    Raises:
        Invalid: what is said is no name, or has a common name already.
    """
    attributes = list(subject_of(base)) if base else []
    if any(one.oid == NameOID.COMMON_NAME for one in attributes):
        raise Invalid("The subject of a CA is given without a common name: that follows from the CA's name.")
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)]).rfc4514_string()


# ---- pieces ---------------------------------------------------------------------------------------------------------


def _builder(subject: x509.Name, issuer: x509.Name, serial: bytes, span: Span) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(int.from_bytes(serial, "big"))
        .not_valid_before(_at(span.begins))
        .not_valid_after(_at(span.ends))
    )


def _pointing(builder: x509.CertificateBuilder, above: x509.Certificate, issuer: Issuer) -> x509.CertificateBuilder:
    """Say who signed, and where more of that is to be had."""
    builder = builder.add_extension(authority_key(above), critical=False)
    if issuer.crl_url is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(issuer.crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    access = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, url in (
            (AuthorityInformationAccessOID.OCSP, issuer.ocsp_url),
            (AuthorityInformationAccessOID.CA_ISSUERS, issuer.certificate_url),
        )
        if url is not None
    ]
    return builder.add_extension(x509.AuthorityInformationAccess(access), critical=False) if access else builder


def authority_key(above: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Say by which key of a CA something is signed."""
    identifier = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(usages: frozenset[KeyUsage]) -> x509.KeyUsage:
    (extension, _), *_ = extensions_of(X509Properties(key_usage=tuple(sorted(usages))))
    if not isinstance(extension, x509.KeyUsage):
        msg = "the first extension of usages alone is the usages"
        raise TypeError(msg)
    return extension


def _name_constraints(constraints: Constraints) -> x509.NameConstraints:
    """Constrain every form of names: one that is not mentioned would be free."""
    networks = [ip_network(one) for one in constraints.networks]
    permitted: list[x509.GeneralName] = []
    for domain in constraints.domains or (_NOWHERE,):
        permitted.append(x509.DNSName(domain))
        # Of these two a domain is one host; with a dot it is those below it (RFC 5280 section 4.2.1.10).
        permitted += [x509.RFC822Name(domain), x509.RFC822Name(f".{domain}")]
        permitted += [x509.UniformResourceIdentifier(domain), x509.UniformResourceIdentifier(f".{domain}")]
    permitted += [x509.IPAddress(network) for network in networks]
    versions = {network.version for network in networks}
    excluded = [x509.IPAddress(network) for network in _EVERY_NETWORK if network.version not in versions]
    return x509.NameConstraints(permitted, excluded or None)


def _bad_request() -> Invalid:
    return Invalid("The certificate request is none, or is not signed by the key in it.", code="Request rejected")


def _at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
