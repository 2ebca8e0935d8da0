"""
Attestation tokens in the shape of Microsoft Azure Attestation's: whose they are, and what they attest.

    parse --> its authority and key, as it says --> verify by that authority's key --> claims --> the key to release to

RS256, PS256 and ES256 by the kind of the key alone; a token that names no key is refused, and one that brings a key
along (`jku`, `x5c`) is not listened to. Authorities publish keys as certificates (`x5c`) without the members of RFC
7518, so that is read here too. A certificate carries its key and proves nothing: what is trusted is where it came from.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from strongroom.core import limits, release_limits
from strongroom.core.federation import IssuerKey
from strongroom.core.keys import RSA_BITS, PublicParts
from strongroom.core.strict_json import parse_object
from strongroom.crypto.assertions import (
    AssertionRefused,
    UnverifiedAssertion,
    parse_assertion,
    require_usable,
    verify_assertion,
)
from strongroom.crypto.jwk import BadKeySet, issuer_key

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SETS_KEPT = 64


class AttestationRefused(Exception):
    """An attestation that proves nothing. The text is for the journal, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class UnverifiedAttestation:
    """A token nobody has checked: good for finding its authority and key, and for nothing else."""

    assertion: UnverifiedAssertion
    authority: str
    kid: str


def parse_attestation(text: str) -> UnverifiedAttestation:
    """
    Read a token's form.

    Raises:
        AttestationRefused: it is no JWT, too long, or names no key.
    """
    if len(text) > release_limits.ATTESTATION_CHARS:
        raise AttestationRefused("too long")
    try:
        assertion = parse_assertion(text)
    except AssertionRefused as refused:
        raise AttestationRefused(refused.reason) from None
    if not assertion.kid:
        raise AttestationRefused("names no key")
    return UnverifiedAttestation(assertion, assertion.issuer, assertion.kid)


def verify_attestation(attestation: UnverifiedAttestation, key: IssuerKey, now: int) -> dict[str, object]:
    """
    Check a token's signature and times, and give its claims.

    Raises:
        AttestationRefused: another key signed it, or it is not in its time.
    """
    try:
        claims = verify_assertion(attestation.assertion, issuer_key(key.public_key))
    except AssertionRefused as refused:
        raise AttestationRefused(refused.reason) from None
    begins = max(_time(claims, "nbf", 0.0), _time(claims, "iat", 0.0))
    if now + limits.ATTESTATION_LEEWAY_S < begins or now - limits.ATTESTATION_LEEWAY_S >= _time(claims, "exp", None):
        raise AttestationRefused("not in its time")
    return claims


@dataclass(frozen=True, slots=True)
class Recipient:
    """The RSA key of what is attested, and what that calls it."""

    kid: str
    parts: PublicParts


def recipient_of(claims: Mapping[str, object]) -> Recipient:
    """
    Find the key that what is attested holds: the first RSA key for encryption in `x-ms-runtime`, with a `kid`.

    Raises:
        AttestationRefused: there is none of a sound size.
    """
    runtime = claims.get("x-ms-runtime")
    keys = runtime.get("keys") if isinstance(runtime, dict) else None
    for members in keys[: limits.ATTESTATION_RUNTIME_KEYS] if isinstance(keys, list) else ():
        found = _encryption_key(members) if isinstance(members, dict) else None
        if found is not None:
            return found
    raise AttestationRefused("no key to release to")


def read_authority_keys(members: Mapping[str, object]) -> tuple[IssuerKey, ...]:
    """
    Read the keys of an authority's key set: by `n` and `e`, by a curve's point, or by the first certificate of `x5c`.

    Raises:
        BadKeySet: it is none, too large, has a private key in it, two keys of one `kid`, or none that can be used.
    """
    keys = members.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadKeySet("A key set is an object with a list of keys.")
    if len(keys) > limits.ISSUER_KEYS:
        raise BadKeySet(f"A key set has at most {limits.ISSUER_KEYS} keys.")
    if any(_PRIVATE & key.keys() for key in keys):
        raise BadKeySet("There is a private or symmetric key in the key set. Give the public keys alone.")
    # One key may be listed several times, with one chain of certificates each.
    found = dict.fromkeys(key for key in map(_signing_key, keys) if key is not None)
    if not found:
        raise BadKeySet("There is no RSA or P-256 key for signatures in the key set, with a kid and of a sound size.")
    if len({key.kid for key in found}) != len(found):
        raise BadKeySet("Two keys of the key set have the same kid.")
    return tuple(found)


@lru_cache(maxsize=_SETS_KEPT)
def parse_authority_keys(document: bytes) -> tuple[IssuerKey, ...]:
    """
    Read a key set as it was fetched; the most recently used are kept.

    Raises:
        BadKeySet: see `read_authority_keys`, or it is not JSON.
    """
    try:
        return read_authority_keys(parse_object(document))
    except (TypeError, ValueError):
        raise BadKeySet("The key set is no JSON object.") from None


def _time(claims: Mapping[str, object], name: str, absent: float | None) -> float:
    value = claims.get(name, absent)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AttestationRefused(f"{name} is no number")
    return value


def _signing_key(members: dict[str, object]) -> IssuerKey | None:
    kid = members.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= limits.DISPLAY_NAME_CHARS:
        return None
    if members.get("use", "sig") != "sig":
        return None
    try:
        key = require_usable(_load(members))
    except (InvalidKeyError, UnsupportedAlgorithm, x509.InvalidVersion, TypeError, ValueError, AttributeError):
        return None
    return IssuerKey(kid, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _load(members: dict[str, object]) -> object:
    if members.get("kty") == "EC" and "x" in members:
        return ECAlgorithm.from_jwk({name: members.get(name) for name in ("kty", "crv", "x", "y")})
    if members.get("kty") == "RSA" and "n" in members:
        return RSAAlgorithm.from_jwk({name: members.get(name) for name in ("kty", "n", "e")})
    chain = members.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        raise ValueError("neither a key nor a certificate")
    return x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True)).public_key()


def _encryption_key(members: dict[str, object]) -> Recipient | None:
    operations = members.get("key_ops")
    is_for_it = (
        members.get("key_use") == "enc"
        or members.get("use") == "enc"
        or (isinstance(operations, list) and "encrypt" in operations)
    )
    kid = members.get("kid")
    if members.get("kty") != "RSA" or not is_for_it:
        return None
    if not isinstance(kid, str) or not 0 < len(kid) <= limits.DISPLAY_NAME_CHARS:
        return None
    n, e = _number(members.get("n")), _number(members.get("e"))
    bits = n.bit_length()
    if bits not in RSA_BITS or n % 2 == 0:
        return None
    if e < 3 or e % 2 == 0 or e.bit_length() > 32:
        return None
    RSAPublicNumbers(e, n).public_key()
    parts = PublicParts(n=n.to_bytes((bits + 7) // 8, "big"), e=e.to_bytes((e.bit_length() + 7) // 8, "big"))
    return Recipient(kid, parts)


def _number(text: object) -> int:
    """Read a Base64urlUInt, padded or not; 0 where it is none."""
    if not isinstance(text, str) or not text.isascii():
        return 0
    bare = text.rstrip("=")
    try:
        return int.from_bytes(base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True), "big")
    except binascii.Error:
        return 0
