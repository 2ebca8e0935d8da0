"""
What a public part alone can do: RSA encryption, RSA and ECDSA verification. It needs no place where private parts live.

So these work for every key, a token's too, while the token is away. A signature is right or it is not: whatever is
wrong with one, its length, a number out of range, is the answer False (reference azure-key-vault.md section 4.4).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed, encode_dss_signature

from strongroom.core import limits
from strongroom.core.keys import Curve, KeySpec, PublicParts
from strongroom.crypto.keys.algorithms import ALGORITHMS, Algorithm, Family
from strongroom.crypto.pool import BoundedPool

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

CURVES: Mapping[Curve, ec.EllipticCurve] = {
    Curve.P256: ec.SECP256R1(),
    Curve.P384: ec.SECP384R1(),
    Curve.P521: ec.SECP521R1(),
    Curve.P256K: ec.SECP256K1(),
}
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  the hash of RSA-OAEP by its definition, which needs no collision resistance
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

# ---- how the library names an algorithm -----------------------------------------------------------------------------


def oaep(hash_name: str) -> padding.OAEP:
    """Give OAEP with one hash for its label and its mask, as Azure's `RSA-OAEP*` have it."""
    return padding.OAEP(padding.MGF1(HASHES[hash_name]), HASHES[hash_name], None)


def _signature_padding(algorithm: Algorithm) -> padding.AsymmetricPadding:
    if algorithm.family is Family.RSA_PSS:
        hash_algorithm = HASHES[algorithm.hash or ""]
        # A salt as long as the digest: RFC 7518 section 3.5.
        return padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
    return padding.PKCS1v15()


RSA_SIGNATURES: Mapping[str, tuple[padding.AsymmetricPadding, Prehashed | NoDigestInfo]] = {
    name: (
        _signature_padding(algorithm),
        NoDigestInfo() if algorithm.hash is None else Prehashed(HASHES[algorithm.hash]),
    )
    for name, algorithm in ALGORITHMS.items()
    if algorithm.family in {Family.RSA_PKCS1, Family.RSA_PSS, Family.RSA_NULL}
}
ECDSA_SIGNATURES: Mapping[str, ec.ECDSA] = {
    name: ec.ECDSA(Prehashed(HASHES[algorithm.hash or ""]))
    for name, algorithm in ALGORITHMS.items()
    if algorithm.family is Family.ECDSA
}
RSA_ENCRYPTIONS: Mapping[str, padding.AsymmetricPadding] = {
    name: padding.PKCS1v15() if algorithm.hash is None else oaep(algorithm.hash)
    for name, algorithm in ALGORITHMS.items()
    if algorithm.family in {Family.RSA_OAEP, Family.RSA_PKCS1_ENCRYPTION}
}

# ---- public keys ----------------------------------------------------------------------------------------------------


def public_parts(key: PublicKey) -> PublicParts:
    """Give a public key's members of a JSON Web Key."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return PublicParts(n=octets_of(numbers.n), e=octets_of(numbers.e))
    point, size = key.public_numbers(), _coordinate_bytes(key.curve)
    return PublicParts(x=point.x.to_bytes(size, "big"), y=point.y.to_bytes(size, "big"))


@lru_cache(maxsize=limits.PUBLIC_KEYS_KEPT)
def rsa_public_key(parts: PublicParts) -> rsa.RSAPublicKey:
    """
    Make an RSA public key of its members.

    Raises:
        ValueError: they are none.
    """
    modulus, exponent = int.from_bytes(parts.n or b"", "big"), int.from_bytes(parts.e or b"", "big")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


@lru_cache(maxsize=limits.PUBLIC_KEYS_KEPT)
def ec_public_key(curve: Curve, parts: PublicParts) -> ec.EllipticCurvePublicKey:
    """
    Make a point of a curve of its members.

    Raises:
        ValueError: they are none, or are off the curve.
    """
    x, y = int.from_bytes(parts.x or b"", "big"), int.from_bytes(parts.y or b"", "big")
    return ec.EllipticCurvePublicNumbers(x, y, CURVES[curve]).public_key()


def raw_signature(curve: ec.EllipticCurve, r: int, s: int) -> bytes:
    """Join r and s, each as long as a coordinate (RFC 7518 section 3.4)."""
    size = _coordinate_bytes(curve)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _coordinate_bytes(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def octets_of(number: int) -> bytes:
    """Write a number as the members of a JSON Web Key have it: big-endian, and no longer than it is."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


# ---- what they do ---------------------------------------------------------------------------------------------------


class PublicOperations:
    """Encryption and verification by a public part, on threads of their own where that takes long."""

    __slots__ = ("_pool",)

    def __init__(self, *, threads: int | None = None) -> None:
        threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._pool = BoundedPool("public-keys", threads=threads, waiting=limits.KEY_OPERATIONS_WAITING)

    def encrypt(self, parts: PublicParts, algorithm: Algorithm, plaintext: bytes) -> bytes:
        """Encrypt under an RSA key; that the plaintext fits has been checked."""
        return rsa_public_key(parts).encrypt(plaintext, RSA_ENCRYPTIONS[algorithm.name])

    async def verify(
        self, spec: KeySpec, parts: PublicParts, algorithm: Algorithm, digest: bytes, signature: bytes
    ) -> bool:
        """
        Tell whether a signature of a digest is this key's.

        Raises:
            Throttled: too much waits for the threads.
        """
        if algorithm.family is not Family.ECDSA:
            # An RSA verification takes less than the way to a thread.
            return _verify_rsa(parts, algorithm, digest, signature)
        curve = spec.curve or Curve.P256
        if curve is Curve.P256:
            return _verify_ecdsa(curve, parts, algorithm, digest, signature)
        return await self._pool.run(lambda: _verify_ecdsa(curve, parts, algorithm, digest, signature))

    def close(self) -> None:
        """Take no more work."""
        self._pool.close()


def _verify_rsa(parts: PublicParts, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
    scheme, hashed = RSA_SIGNATURES[algorithm.name]
    try:
        # The library takes NoDigestInfo here as in `sign`, its types have it there alone.
        rsa_public_key(parts).verify(signature, digest, scheme, hashed)  # type: ignore[arg-type]
    except InvalidSignature:
        return False
    return True


def _verify_ecdsa(curve: Curve, parts: PublicParts, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
    size = _coordinate_bytes(CURVES[curve])
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        # Numbers that are zero, or not below the order, are refused in there.
        ec_public_key(curve, parts).verify(encode_dss_signature(r, s), digest, ECDSA_SIGNATURES[algorithm.name])
    except InvalidSignature:
        return False
    return True
