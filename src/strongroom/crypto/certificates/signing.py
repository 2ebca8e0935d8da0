"""
Signing X.509 structures with a key that may live elsewhere.

The library's builders want a private key in memory. Here they get one that is none: it notes what it is to sign, the
place where the key lives signs that, and the same builder runs once more with a key that gives this signature. So
certificates, requests, revocation lists and OCSP answers are the library's to the last byte, whatever holds the key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import new as new_hash
from typing import NoReturn, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.algorithms import ALGORITHMS, Algorithm
from strongroom.crypto.keys.protocol import HeldKey, KeyProtection
from strongroom.crypto.keys.public import HASHES, PublicKey, ec_public_key, rsa_public_key

T = TypeVar("T")

_EC_ALGORITHMS = {Curve.P256: "ES256", Curve.P256K: "ES256K", Curve.P384: "ES384", Curve.P521: "ES512"}
_RSA_ALGORITHM = "RS256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, wherever it lives: what it is, and how it signs a digest."""

    spec: KeySpec
    parts: PublicParts
    sign: Callable[[Algorithm, bytes], Awaitable[bytes]] = field(repr=False)

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm that it signs X.509 structures with: by its curve, or RSA with SHA-256."""
        return _algorithm_of(self.spec)

    @property
    def public_key(self) -> PublicKey:
        """Its public key, as the library has it."""
        return public_key_of(self.spec, self.parts)


def _algorithm_of(spec: KeySpec) -> Algorithm:
    return ALGORITHMS[_RSA_ALGORITHM if spec.kind is KeyKind.RSA else _EC_ALGORITHMS[spec.curve or Curve.P256]]


def public_key_of(spec: KeySpec, parts: PublicParts) -> PublicKey:
    """Give a public key as the library has it."""
    return rsa_public_key(parts) if spec.kind is KeyKind.RSA else ec_public_key(spec.curve or Curve.P256, parts)


def held_signing_key(place: KeyProtection, held: HeldKey) -> SigningKey:
    """Make a signing key of one that its place holds."""
    return SigningKey(held.spec, held.parts, lambda algorithm, digest: place.sign(held, algorithm, digest))


Builder = Callable[..., T]
"""What signs, given a key and a hash: `builder.sign`. It gives the key the same octets to sign within a second."""
_ATTEMPTS = 3


async def signed(key: SigningKey, build: Builder[T]) -> T:
    """
    Have a structure built and signed by a key.

    Raises:
        Unavailable, Throttled: see `KeyProtection`.
    """
    for _ in range(_ATTEMPTS):
        _, wanted = signed_by(key.spec, key.parts, b"\0", build)
        made, had = signed_by(key.spec, key.parts, await sign_octets(key, wanted), build)
        if had == wanted:
            return made
        # An OCSP answer says in which second it was made, and that one is over.
    msg = "a structure was another one each time that it was built"
    raise RuntimeError(msg)


def signed_by(spec: KeySpec, parts: PublicParts, signature: bytes, build: Builder[T]) -> tuple[T, bytes]:
    """Have a structure built with a signature of such a key, and say what that should be of."""
    key, algorithm = _stand_in(public_key_of(spec, parts), signature), _algorithm_of(spec)
    return build(key, HASHES[algorithm.hash or ""]), key.noted


async def sign_octets(key: SigningKey, octets: bytes) -> bytes:
    """
    Sign what a structure says, in the form that structures have.

    Raises:
        Unavailable, Throttled: see `KeyProtection`.
    """
    algorithm = key.algorithm
    signature = await key.sign(algorithm, new_hash(algorithm.hash or "", octets).digest())
    if key.spec.kind is KeyKind.EC:
        # r and s joined here; X.509 has them as a sequence (RFC 3279 section 2.2.3).
        half = len(signature) // 2
        signature = encode_dss_signature(
            int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        )
    return signature


def _stand_in(public: PublicKey, signature: bytes) -> _RsaStandIn | _EcStandIn:
    if isinstance(public, rsa.RSAPublicKey):
        return _RsaStandIn(public, signature)
    return _EcStandIn(public, signature)


def _refuse() -> NoReturn:
    msg = "a key that stands in for one elsewhere does nothing but sign"
    raise TypeError(msg)


class _RsaStandIn(rsa.RSAPrivateKey):
    """Gives a signature that it was made with, and notes what that was asked for."""

    def __init__(self, public: rsa.RSAPublicKey, signature: bytes) -> None:
        self.noted = b""
        self._public = public
        self._signature = signature

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def sign(self, data: bytes | bytearray | memoryview, padding: object, algorithm: object) -> bytes:  # noqa: ARG002  they are RS256's
        self.noted = bytes(data)
        return self._signature

    def decrypt(self, ciphertext: bytes, padding: object) -> bytes:  # noqa: ARG002
        _refuse()

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        _refuse()

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> bytes:  # noqa: A002, ARG002
        _refuse()

    def __copy__(self) -> _RsaStandIn:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> _RsaStandIn:
        return self


class _EcStandIn(ec.EllipticCurvePrivateKey):
    """As above, on a curve."""

    def __init__(self, public: ec.EllipticCurvePublicKey, signature: bytes) -> None:
        self.noted = b""
        self._public = public
        self._signature = signature

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: bytes | bytearray | memoryview, signature_algorithm: object) -> bytes:  # noqa: ARG002  it is the curve's
        self.noted = bytes(data)
        return self._signature

    def exchange(self, algorithm: object, peer_public_key: object) -> bytes:  # noqa: ARG002
        _refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        _refuse()

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> bytes:  # noqa: A002, ARG002
        _refuse()

    def __copy__(self) -> _EcStandIn:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> _EcStandIn:
        return self
