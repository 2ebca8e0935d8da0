"""
Assertions that clients send instead of a secret (RFC 7523): their form and their signature. PyJWT checks it (ADR 4).

Clients are not to the letter, and are taken as they are: padded base64 segments (azure-identity), `x5t` and `kid`
padded or not, and ES256 signatures in ASN.1 DER (Terraform's provider). What is strict is what decides: the key is
chosen by whoever calls, never brought by the header; the algorithm must be one of that key's own kind; JSON is read one
way.

Judges form and signature only. Importing this module costs a tenth of a second: import it where it is needed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt import InvalidTokenError, PyJWS

from strongroom.core import limits
from strongroom.core.strict_json import parse_object

AssertionKey = RSAPublicKey | EllipticCurvePublicKey

_SEGMENT = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_FORBIDDEN = frozenset({"crit", "b64", "zip", "enc"})
"""Header members that change what is signed, or how it is read. Those that bring a key along are not looked at."""
_P256_BYTES = 32
_RSA_ALGORITHMS = ("RS256", "PS256")
_EC_ALGORITHMS = ("ES256",)
_VERIFIER = PyJWS(algorithms=[*_RSA_ALGORITHMS, *_EC_ALGORITHMS])
_KEYS_KEPT = 1024


class AssertionFault(StrEnum):
    """Why an assertion was refused, as far as the reference tells refusals apart."""

    MALFORMED = "malformed"
    """It is no JWT: AADSTS50027."""
    HEADER = "header"
    """Its header is none: AADSTS5002710."""
    ALGORITHM = "algorithm"
    """It says an algorithm that is not its key's: AADSTS5002730."""
    BAD_SIGNATURE = "bad_signature"
    """The key did not sign it."""


class AssertionRefused(Exception):
    """An assertion whose form or signature is wrong. `reason` is ours, with nothing of the assertion in it."""

    def __init__(self, fault: AssertionFault, reason: str) -> None:
        super().__init__(f"{fault}: {reason}")
        self.fault = fault
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UnverifiedAssertion:
    """
    An assertion nobody has checked the signature of: good for finding the key, and for nothing else.

    Its claims come from `verify_assertion` alone; here is only whom it says it is from.
    """

    text: str = field(repr=False)
    algorithm: str
    issuer: str
    kid: str | None = None
    x5t: str | None = None
    x5t_s256: str | None = None


def parse_assertion(text: str) -> UnverifiedAssertion:
    """
    Read an assertion's form; space around it, as a file's last line has it, is not part of it.

    Raises:
        AssertionRefused: it is malformed.
    """
    text = text.strip()
    header = _object(_decoded(_segments(text)[0], AssertionFault.HEADER), AssertionFault.HEADER)
    payload = _object(_decoded(_segments(text)[1], AssertionFault.MALFORMED), AssertionFault.MALFORMED)
    _decoded(_segments(text)[2], AssertionFault.MALFORMED)
    algorithm, issuer = header.get("alg"), payload.get("iss")
    if not isinstance(algorithm, str) or _FORBIDDEN & header.keys():
        raise AssertionRefused(AssertionFault.HEADER, "header member")
    if not isinstance(issuer, str) or not issuer:
        raise AssertionRefused(AssertionFault.MALFORMED, "iss missing")
    return UnverifiedAssertion(
        text, algorithm, issuer, _name(header, "kid"), _name(header, "x5t"), _name(header, "x5t#S256")
    )


def verify_assertion(
    assertion: UnverifiedAssertion, key: AssertionKey, *, algorithms: tuple[str, ...] | None = None
) -> dict[str, object]:
    """
    Check an assertion's signature by a key, and return its claims, which nobody has judged yet.

    The algorithm must be one that this kind of key has here, and one of *algorithms* if the caller pins some.

    Raises:
        AssertionRefused: with the fault that the answer depends on.
    """
    allowed = algorithms_of(key)
    if algorithms is not None:
        allowed = tuple(name for name in allowed if name in algorithms)
    if assertion.algorithm not in allowed:
        raise AssertionRefused(AssertionFault.ALGORITHM, "algorithm is not the key's")
    text = _with_raw_signature(assertion.text) if isinstance(key, EllipticCurvePublicKey) else assertion.text
    try:
        verified = _VERIFIER.decode_complete(text, key, algorithms=list(allowed))
    except InvalidTokenError:
        raise AssertionRefused(AssertionFault.BAD_SIGNATURE, "signature") from None
    return _object(verified["payload"], AssertionFault.MALFORMED)


def algorithms_of(key: AssertionKey) -> tuple[str, ...]:
    """List the algorithms that a key may verify with: by its kind alone."""
    return _RSA_ALGORITHMS if isinstance(key, RSAPublicKey) else _EC_ALGORITHMS


def require_usable(key: object) -> AssertionKey:
    """
    Demand a key that assertions are checked with: RSA of a sound size, or P-256.

    An EC key's point is on the curve, since the library loads no other.

    Raises:
        ValueError: it is another; the sentence says what is wrong.
    """
    if isinstance(key, RSAPublicKey):
        if not limits.ASSERTION_RSA_MIN_BITS <= key.key_size <= limits.ASSERTION_RSA_MAX_BITS:
            raise ValueError(
                f"An RSA key must have {limits.ASSERTION_RSA_MIN_BITS} to {limits.ASSERTION_RSA_MAX_BITS} bits."
            )
        if key.public_numbers().e.bit_length() > 32:
            # It makes each check slow. The library loads no key with an even one, or with 1, which makes it none.
            raise ValueError("The public exponent of an RSA key must be odd, and between 3 and 2 to the power of 32.")
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("The key must be an RSA key or an EC key on the curve P-256.")


@lru_cache(maxsize=_KEYS_KEPT)
def certificate_key(certificate: bytes) -> AssertionKey:
    """Read the public key of a registered certificate (DER); the most recently used are kept."""
    return require_usable(x509.load_der_x509_certificate(certificate).public_key())


def _segments(text: str) -> tuple[bytes, bytes, bytes]:
    segments = text.encode("ascii").split(b".") if text.isascii() else []
    if len(segments) != 3:
        raise AssertionRefused(AssertionFault.MALFORMED, "segments")
    header, payload, signature = segments
    return header, payload, signature


def _decoded(segment: bytes, fault: AssertionFault) -> bytes:
    """Decode a segment of base64url, padded or not, in no other spelling."""
    bare = segment.rstrip(b"=")
    padded = bare + b"=" * (-len(bare) % 4)
    if not _SEGMENT.fullmatch(segment) or segment not in {bare, padded}:
        raise AssertionRefused(fault, "base64url")
    try:
        decoded = base64.urlsafe_b64decode(padded)
    except binascii.Error:
        raise AssertionRefused(fault, "base64url") from None
    if base64.urlsafe_b64encode(decoded) != padded:
        raise AssertionRefused(fault, "base64url")
    return decoded


def _object(text: bytes, fault: AssertionFault) -> dict[str, object]:
    try:
        return parse_object(text)
    except (TypeError, ValueError):
        raise AssertionRefused(fault, "not a JSON object") from None


def _name(header: Mapping[str, object], member: str) -> str | None:
    value = header.get(member)
    if value is not None and not isinstance(value, str):
        raise AssertionRefused(AssertionFault.HEADER, f"{member} is no text")
    return value


def _with_raw_signature(text: str) -> str:
    """Rewrite a P-256 signature that came as ASN.1 DER into the form of RFC 7518 section 3.4; leave any other as is."""
    signature = _decoded(_segments(text)[2], AssertionFault.MALFORMED)
    if len(signature) == 2 * _P256_BYTES:
        return text
    try:
        numbers = decode_dss_signature(signature)
        raw = b"".join(number.to_bytes(_P256_BYTES, "big") for number in numbers)
    except (ValueError, OverflowError):
        raise AssertionRefused(AssertionFault.BAD_SIGNATURE, "form of the signature") from None
    return f"{text.rpartition('.')[0]}.{base64.urlsafe_b64encode(raw).decode('ascii')}"
