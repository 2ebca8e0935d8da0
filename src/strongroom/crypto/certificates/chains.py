"""
Certificates that others made: read, judged, and put in order before a vault takes them.

    what was sent ──read──> certificates ──> the leaf: its key is the one that is held ──> each issued by the next one

How far a chain reaches is not asked: its root is known to whoever trusts it, and is mostly left out. Nor is whether
who issued is an authority: Azure's client for .NET merges what another certificate has signed that is none.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7

from strongroom.core import certificate_limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeySpec, PublicParts
from strongroom.crypto.certificates.signing import public_key_of

_CLOCK_LEEWAY_S = 300
"""By how much the clock of whoever issued a certificate may be ahead of ours."""
_WEAKEST_RSA_BITS, _LARGEST_RSA_BITS = 2048, 8192
_EXPONENT_BITS = 64
"""
Of an RSA key: what OpenSSL takes of large keys. With these two a signature is verified in a millisecond, and not in
fifteen, whoever made the key; and a chain has one for every two of its certificates.
"""
_BROKEN = (hashes.MD5, hashes.SHA1)
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    Warning,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises at a certificate that it cannot read, or would rather not, where warnings are raised."""


@dataclass(frozen=True, slots=True)
class Held:
    """The key that a certificate is to certify."""

    spec: KeySpec
    parts: PublicParts


def read_certificates(items: Sequence[bytes]) -> list[x509.Certificate]:
    """
    Read certificates, each item one in DER or in its base64, some in PEM, or those of a PKCS#7 file in any of these.

    Raises:
        Invalid: there are none, too many, or one is none.
    """
    found: list[x509.Certificate] = []
    for item in items:
        if len(item) > certificate_limits.CERTIFICATE_BYTES:
            raise invalid(f"A certificate has more than {certificate_limits.CERTIFICATE_BYTES} bytes.")
        found += _read(item)
        if len(found) > certificate_limits.CHAIN_CERTIFICATES:
            raise invalid(f"A chain can have at most {certificate_limits.CHAIN_CERTIFICATES} certificates.")
    if not found:
        raise invalid("There is no certificate in x5c.")
    return found


def _read(item: bytes) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN PKCS7-----" in item:
            return pkcs7.load_pem_pkcs7_certificates(item)
        if b"-----BEGIN" in item:
            return x509.load_pem_x509_certificates(item)
    except UNREADABLE:
        raise invalid("A certificate in PEM cannot be read.") from None
    for form in (item, _inner(item)):
        if form is not None:
            with suppress(*UNREADABLE):
                return [x509.load_der_x509_certificate(form)]
            with suppress(*UNREADABLE):
                return pkcs7.load_der_pkcs7_certificates(form)
    raise invalid("A certificate is no X.509 certificate in DER.")


def _inner(item: bytes) -> bytes | None:
    """Decode what is in base64 once more: PEM without its lines, as the samples of Azure's own clients send it."""
    try:
        return base64.b64decode(b"".join(item.split()), validate=True)
    except binascii.Error:
        return None


def ordered_chain(
    certificates: Sequence[x509.Certificate], held: Held, now: int, *, keep_order: bool = False
) -> tuple[bytes, ...]:
    """
    Judge certificates that came for a key that is held; they are given in DER, the leaf first, each before its issuer.

    In whatever order they came, unless that is to be kept; then the leaf must be the first.

    Raises:
        Invalid: none is the key's, one is expired or weak, or one has issued none of the others.
    """
    try:
        return _ordered(certificates, held, now, keep_order=keep_order)
    except UNREADABLE:
        # Parts of a certificate are read only when they are asked for.
        raise invalid("A certificate is malformed.") from None


def _ordered(certificates: Sequence[x509.Certificate], held: Held, now: int, *, keep_order: bool) -> tuple[bytes, ...]:
    distinct = list(dict.fromkeys(certificates))
    leaf = _leaf(distinct, held)
    for one in distinct:
        _judge(one, now)
    issued = cache(_issued)
    chain, rest = [leaf], [one for one in distinct if one is not leaf]
    while rest:
        # An issuer can have more than one certificate, which then stand after each other.
        above = next((one for below in reversed(chain) for one in rest if issued(one, below)), None)
        if above is None:
            raise invalid("The chain has a certificate that has issued none of the others.")
        chain.append(above)
        rest.remove(above)
    if keep_order:
        if distinct[0] is not leaf:
            raise invalid("The order of the certificates is to be kept, and the first is not the end-entity's.")
        chain = distinct
    return tuple(one.public_bytes(Encoding.DER) for one in chain)


def _leaf(certificates: Sequence[x509.Certificate], held: Held) -> x509.Certificate:
    own = _spelled(public_key_of(held.spec, held.parts))
    found = [one for one in certificates if _spelled(one.public_key()) == own]
    if not found:
        raise invalid(
            "The public key of the end-entity certificate in the specified X.509 certificate content does not match the"
            " public part of the specified private key. Please check if certificate is valid."
        )
    if len(found) > 1:
        raise invalid("The chain has more than one certificate of the same key.")
    return found[0]


def _spelled(key: object) -> bytes:
    """Spell a public key in the one form that each has."""
    encode = getattr(key, "public_bytes")  # noqa: B009  every public key of the library has it, and no common type
    spelled: bytes = encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spelled


def _judge(one: x509.Certificate, now: int) -> None:
    if one.serial_number <= 0:
        raise invalid("A certificate of the chain has a serial number that is not positive.")
    if one.not_valid_after_utc.timestamp() <= now:
        raise invalid("A certificate of the chain has expired.")
    if one.not_valid_before_utc.timestamp() > now + _CLOCK_LEEWAY_S:
        raise invalid("A certificate of the chain is not valid yet.")
    if one.subject != one.issuer and isinstance(one.signature_hash_algorithm, _BROKEN):
        # Nobody heeds the signature of a root on itself.
        raise invalid("A certificate of the chain is signed with a hash that is broken.")
    key = one.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _WEAKEST_RSA_BITS:
            raise invalid(f"A certificate of the chain has an RSA key of fewer than {_WEAKEST_RSA_BITS} bits.")
        if key.key_size > _LARGEST_RSA_BITS or key.public_numbers().e.bit_length() > _EXPONENT_BITS:
            raise invalid(
                f"A certificate of the chain has an RSA key of more than {_LARGEST_RSA_BITS} bits, or with an exponent"
                f" of more than {_EXPONENT_BITS}."
            )
    elif not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        raise invalid("A certificate of the chain has a key of a kind that is not taken.")


def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Tell whether a certificate is signed by another one's key, and says that it is."""
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def invalid(sentence: str) -> Invalid:
    """Refuse what was sent."""
    return Invalid(sentence, code="BadParameter", reason="invalid chain")
