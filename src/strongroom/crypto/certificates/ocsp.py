"""Questions whether certificates are good, and the answers to them (RFC 6960)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from strongroom.crypto.certificates.authority import Issuer, Revoked, Span
from strongroom.crypto.certificates.signing import signed

NONCE_BYTES = 128
"""Of a nonce: RFC 9654 section 2.1."""
_HASHES = {one.name: one for one in (hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())}  # noqa: S303  names
"""What a question may name its certificate's issuer by. Nothing depends on their strength."""


class Malformed(Exception):
    """It is no question that is answered here: no OCSP request, one for several certificates, or one too strange."""


@dataclass(frozen=True, slots=True)
class Question:
    """The certificate that is asked about."""

    hash: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    nonce: bytes | None = None


def parse_question(request: bytes) -> Question:
    """
    Read an OCSP request, in DER. A signature on it says nothing: everybody is answered.

    Raises:
        Malformed: it is none.
    """
    try:
        loaded = ocsp.load_der_ocsp_request(request)
        name = loaded.hash_algorithm.name
        nonces = [one.value.nonce for one in loaded.extensions if isinstance(one.value, x509.OCSPNonce)]
        found = Question(name, loaded.issuer_name_hash, loaded.issuer_key_hash, loaded.serial_number)
    except (ValueError, NotImplementedError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise Malformed from None
    if name not in _HASHES or found.serial < 0:
        # The library reads a negative number and cannot write it, so no answer could repeat it; no certificate has one.
        raise Malformed
    if not nonces:
        return found
    if not 0 < len(nonces[0]) <= NONCE_BYTES:
        raise Malformed
    return Question(found.hash, found.issuer_name_hash, found.issuer_key_hash, found.serial, nonces[0])


def is_about(question: Question, issuer: bytes) -> bool:
    """Tell whether a question is about what the CA of a certificate issued."""
    return (question.issuer_name_hash, question.issuer_key_hash) == _hashes_of(issuer, question.hash)


async def answer(issuer: Issuer, question: Question, found: Revoked | None, span: Span, *, is_known: bool) -> bytes:
    """
    Answer, in DER, signed by the CA itself: good, revoked as *found* has it, or unknown.

    Raises:
        Unavailable, Throttled: see `KeyProtection`.
    """
    status = ocsp.OCSPCertStatus.GOOD if is_known else ocsp.OCSPCertStatus.UNKNOWN
    above = x509.load_der_x509_certificate(issuer.certificate)
    reason = x509.ReasonFlags(found.reason) if found is not None else None
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            question.issuer_name_hash,
            question.issuer_key_hash,
            question.serial,
            _HASHES[question.hash],
            status if found is None else ocsp.OCSPCertStatus.REVOKED,
            _at(span.begins),
            _at(span.ends),
            _at(found.revoked_at) if found is not None else None,
            None if reason is x509.ReasonFlags.unspecified else reason,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, above)
    )
    if question.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
    return (await signed(issuer.key, builder.sign)).public_bytes(Encoding.DER)


def malformed_answer() -> bytes:
    """Say that a question is none."""
    return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)


def later_answer() -> bytes:
    """Say that the question can be answered another time."""
    return _unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)


def unauthorized_answer() -> bytes:
    """Say that nothing is known here of what that issuer issued (RFC 5019 section 2.2.3)."""
    return _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


@lru_cache(maxsize=256)
def _hashes_of(certificate: bytes, name: str) -> tuple[bytes, bytes]:
    """Hash the name and the key of a CA, as a question names it (RFC 6960 section 4.1.1)."""
    loaded = x509.load_der_x509_certificate(certificate)
    public = loaded.public_key()
    # The contents of the bit string in which a certificate has its key.
    key = (
        public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        if isinstance(public, rsa.RSAPublicKey)
        else public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    return _digest(name, loaded.subject.public_bytes()), _digest(name, key)


def _digest(name: str, octets: bytes) -> bytes:
    digest = hashes.Hash(_HASHES[name])
    digest.update(octets)
    return digest.finalize()


def _at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
