"""
Keys in software: private parts sealed in the store, and used in this process.

Key objects are kept ready, a bounded number of them: to load an RSA key with its checks takes longer than to sign with
it. What is long (RSA, and every curve but P-256) runs on a bounded pool of threads, the rest inline, where it costs
less than the way to a thread (architecture section 5, decision 3).
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.protocol import MadeKey, Place
from strongroom.crypto.pool import BoundedPool

CURVES: dict[Curve, ec.EllipticCurve] = {
    Curve.P256: ec.SECP256R1(),
    Curve.P384: ec.SECP384R1(),
    Curve.P521: ec.SECP521R1(),
    Curve.P256K: ec.SECP256K1(),
}
_WAITING = 1024


class SoftwareKeys:
    """Private parts in this process's memory: a `KeyProtection`."""

    __slots__ = ("_pool",)

    def __init__(self, *, threads: int | None = None) -> None:
        self._pool = BoundedPool("keys", threads=threads or max(1, (os.cpu_count() or 2) - 1), waiting=_WAITING)

    @property
    def platform(self) -> str:
        """Software."""
        return "0"

    async def make(self, spec: KeySpec, _place: Place) -> MadeKey:
        """Make a key."""
        if spec.kind is KeyKind.OCT:
            return MadeKey(spec, PublicParts(), os.urandom((spec.bits or 256) // 8))
        if spec.kind is KeyKind.EC:
            return _made(spec, ec.generate_private_key(CURVES[spec.curve or Curve.P256]))
        return _made(
            spec, await self._pool.run(lambda: rsa.generate_private_key(spec.public_exponent, spec.bits or 2048))
        )

    async def close(self) -> None:
        """Take no more work."""
        self._pool.close()


def _made(spec: KeySpec, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> MadeKey:
    encoded = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return MadeKey(spec, public_parts(private.public_key()), encoded)


def public_parts(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> PublicParts:
    """Give a public key's members of a JSON Web Key."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return PublicParts(n=_octets(numbers.n), e=_octets(numbers.e))
    point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
    return PublicParts(x=point.x.to_bytes(size, "big"), y=point.y.to_bytes(size, "big"))


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
