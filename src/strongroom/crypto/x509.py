"""
The instance's certificates: a CA that can speak for its own domain alone, and what it issues.

The instance CA is made once and sealed by the caller; `make_run_authority` makes one for a single run and lets no one
have its key. Both carry critical name constraints (RFC 5280 section 4.2.1.10), so a stolen CA key is worth nothing for
any other name. OpenSSL, Node and Go hold a trusted root to its constraints; Java 17 does not, so for Java what protects
other names is the seal on the key, and that trust reaches one process alone. The CA for users' certificates is another.

All keys are P-256. Times are unix seconds, given by the caller. Importing this module costs a tenth of a second
(`cryptography.x509`): import it in the function that needs it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME_S = 10 * 365 * 86_400
LEAF_LIFETIME_S = 30 * 86_400
"""The longest a server certificate lives, and what it gets (security.md "Certificates and Azure's names")."""
RUN_LIFETIME_S = 86_400
"""The longest the certificates of one run live."""
_BACKDATED_S = 300
"""Certificates begin a little in the past: the clocks of two machines, or of a machine and its containers, differ."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_DNS_NAME_CHARS = 253

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_EVERY_NETWORK = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class NameNotPermitted(Exception):
    """A certificate was asked for a name or address that its authority is constrained not to vouch for."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority. Whoever keeps it seals `private_key`."""

    certificate: bytes
    """PEM."""
    private_key: bytes = field(repr=False)
    """PKCS#8 PEM, in the clear."""


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A server's certificate and key."""

    certificate: bytes
    """PEM, the leaf alone: clients have the root."""
    private_key: bytes = field(repr=False)
    """PKCS#8 PEM, in the clear: granian 2.8 cannot read the encrypted PKCS#8 it offers to, so its file is 0600."""
    names: tuple[str, ...]
    not_before: int
    not_after: int

    @property
    def renew_at(self) -> int:
        """When a successor is due: after two thirds of the life, so that a failed renewal can be tried again."""
        return self.not_before + (self.not_after - self.not_before) * 2 // 3


class RunAuthority(NamedTuple):
    """What one run needs: a CA certificate for the child to trust, and the one leaf that its key ever signed."""

    ca_certificate: bytes
    leaf_certificate: bytes
    leaf_private_key: bytes

    def __repr__(self) -> str:
        # A named tuple would show the key.
        return f"{type(self).__name__}(...)"


def make_authority(domain: str, *, now: int, addresses: Sequence[IPAddress] = ()) -> Authority:
    """
    Make the instance CA: ten years, no CA below it, and only names in *domain*.

    No IP address is permitted but *addresses*, which an operator configures for clients that use no names.

    Raises:
        ValueError: the domain is no DNS name.
    """
    certificate, key = _make_ca(f"Strongroom CA for {domain}", (domain,), addresses, now, AUTHORITY_LIFETIME_S)
    return Authority(certificate=_pem(certificate), private_key=_key_pem(key))


def issue_leaf(
    authority: Authority,
    names: Sequence[str],
    *,
    now: int,
    lifetime_s: int = LEAF_LIFETIME_S,
    addresses: Sequence[IPAddress] = (),
) -> ServerCertificate:
    """
    Issue a server certificate with a new key for exactly *names*, wildcards included.

    Raises:
        NameNotPermitted: the authority's constraints do not cover a name, so every client would refuse it.
        ValueError: no name, a malformed one, or a longer life than a leaf may have.
    """
    if not 0 < lifetime_s <= LEAF_LIFETIME_S:
        raise ValueError(f"a server certificate lives at most {LEAF_LIFETIME_S} seconds")
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = load_pem_private_key(authority.private_key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is an EC key")
    _require_permitted(issuer, names, addresses)
    certificate, key = _make_leaf(issuer, issuer_key, names, addresses, now, lifetime_s)
    return ServerCertificate(
        certificate=_pem(certificate),
        private_key=_key_pem(key),
        names=tuple(names),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
    )


def make_run_authority(names: Sequence[str], *, now: int, lifetime_s: int = RUN_LIFETIME_S) -> RunAuthority:
    """
    Make a CA for one run, issue one leaf for exactly *names*, and drop the CA's key.

    The key is a local of this function: it is written nowhere and returned to nobody, so when the child starts there
    is none that could issue a second certificate for Microsoft's names. Python cannot promise that its memory is
    zeroised, which is why the CA is also constrained to the names served and outlives no day.

    Raises:
        ValueError: no name, a malformed one, or a longer life than a run may have.
    """
    if not 0 < lifetime_s <= RUN_LIFETIME_S:
        raise ValueError(f"a run's certificates live at most {RUN_LIFETIME_S} seconds")
    ca, ca_key = _make_ca("Strongroom run", names, (), now, lifetime_s)
    leaf, leaf_key = _make_leaf(ca, ca_key, names, (), now, lifetime_s)
    del ca_key
    return RunAuthority(_pem(ca), _pem(leaf), _key_pem(leaf_key))


def java_truststore(ca_pems: Sequence[bytes], password: str) -> bytes:
    """
    Make a PKCS#12 trust store that Java reads: `-Djavax.net.ssl.trustStore`, `-Djavax.net.ssl.trustStorePassword`.

    Each PEM may hold several certificates, so the bundle a JVM would otherwise trust can be passed along.
    """
    certificates = [certificate for pem in ca_pems for certificate in x509.load_pem_x509_certificates(pem)]
    entries = [
        # Java addresses entries by alias; two of the same would replace each other.
        pkcs12.PKCS12Certificate(certificate, f"strongroom-{number}".encode("ascii"))
        for number, certificate in enumerate(certificates, start=1)
    ]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(password.encode("utf-8")))


def _make_ca(
    common_name: str, names: Sequence[str], addresses: Sequence[IPAddress], now: int, lifetime_s: int
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
    certificate = (
        _builder(subject, subject, key.public_key(), now, lifetime_s)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        # Nested by most clients: what this CA signs is for TLS servers, and neither code nor mail.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_name_constraints(names, addresses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _make_leaf(
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    addresses: Sequence[IPAddress],
    now: int,
    lifetime_s: int,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    # A label and no name: clients read the alternative names, and some hold a common name to the constraints.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Strongroom")])
    alternatives = [
        *(x509.DNSName(_checked(name)) for name in names),
        *(x509.IPAddress(address) for address in addresses),
    ]
    if not alternatives:
        raise ValueError("a server certificate names at least one host")
    authority_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), now, lifetime_s)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_key),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: int, lifetime_s: int
) -> x509.CertificateBuilder:
    begins = now - _BACKDATED_S
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime.fromtimestamp(begins, dt.UTC))
        # Counted from the backdated beginning: the whole life, as a client reads it, stays within the limit.
        .not_valid_after(dt.datetime.fromtimestamp(begins + lifetime_s, dt.UTC))
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    """Let a CA sign certificates and their revocations, and a server handshakes; neither does the other's."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name_constraints(names: Sequence[str], addresses: Sequence[IPAddress]) -> x509.NameConstraints:
    bases = {_checked(name).removeprefix("*.") for name in names}
    if not bases:
        raise ValueError("an authority is for at least one name")
    # A subtree inside another adds nothing.
    widest = sorted(base for base in bases if not any(_within(base, other) for other in bases - {base}))
    permitted: list[x509.GeneralName] = [x509.DNSName(base) for base in widest]
    permitted += [x509.IPAddress(ipaddress.ip_network(address)) for address in addresses]
    # A family with a permitted address is closed by that alone; one without must be closed in words, since a form of
    # name that no constraint mentions is unconstrained.
    versions = {address.version for address in addresses}
    excluded = [x509.IPAddress(network) for network in _EVERY_NETWORK if network.version not in versions]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def _require_permitted(issuer: x509.Certificate, names: Sequence[str], addresses: Sequence[IPAddress]) -> None:
    permitted = issuer.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    domains = [tree.value for tree in permitted if isinstance(tree, x509.DNSName)]
    networks = [tree.value for tree in permitted if isinstance(tree, x509.IPAddress)]
    for name in names:
        if not any(_within(_checked(name).removeprefix("*."), domain) for domain in domains):
            raise NameNotPermitted(f"{name} is outside what the authority vouches for: {', '.join(domains)}")
    for address in addresses:
        # The constraint's values are networks; RFC 5280 knows no single address there.
        if not any(address in ipaddress.ip_network(str(network)) for network in networks):
            raise NameNotPermitted(f"the authority vouches for no address {address}")


def _within(name: str, base: str) -> bool:
    return name == base or name.endswith(f".{base}")


def _checked(name: str) -> str:
    if len(name) > _DNS_NAME_CHARS or not _DNS_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no DNS name in lower-case ASCII")
    return name


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
