"""
Private parts that come from outside as JSON Web Keys, read and checked (RFC 7518 section 6).

What is wrong is refused by the name of a member, and no value is repeated. Sizes are looked at before anything is
computed; what OpenSSL checks (prime factors, exponents that belong together, points on the curve) is left to it, and
members that it would not look at are compared with what the others say.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import OCT_BITS, RSA_BITS, Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.protocol import PlainKey
from strongroom.crypto.keys.public import CURVES, public_parts
from strongroom.crypto.pool import BoundedPool

_TWOS = 64
"""Factors 2 of e*d - 1: more than a key has by chance."""
_CRT = ("p", "q", "dp", "dq", "qi")
_MEMBERS: Mapping[KeyKind, tuple[frozenset[str], frozenset[str]]] = {
    KeyKind.RSA: (frozenset({"n", "e", "d"}), frozenset(_CRT)),
    KeyKind.EC: (frozenset({"x", "y", "d"}), frozenset()),
    KeyKind.OCT: (frozenset({"k"}), frozenset()),
}
"""The members of bytes that a kind must have, and those that it may have."""


class PrivateKeyReader:
    """Reads private keys on a thread of its own: to check a large RSA key takes longer than to make use of it."""

    __slots__ = ("_pool",)

    def __init__(self) -> None:
        self._pool = BoundedPool("key-reading", threads=1, waiting=limits.KEYS_MADE_WAITING)

    async def read(self, kind: KeyKind, curve: Curve | None, members: Mapping[str, bytes]) -> PlainKey:
        """
        Read a private key; see `read_private_key`.

        Raises:
            Invalid: it is none, or none that keys here can be.
            Throttled: too many are being read.
        """
        if kind is KeyKind.OCT:
            return read_private_key(kind, curve, members)
        return await self._pool.run(lambda: read_private_key(kind, curve, members))

    def close(self) -> None:
        """Take no more work."""
        self._pool.close()


def read_private_key(kind: KeyKind, curve: Curve | None, members: Mapping[str, bytes]) -> PlainKey:
    """
    Read a private key out of its members, and check that they belong together.

    Zeros in front of a number are tolerated, since some writers of keys put them there.

    Raises:
        Invalid: a member is missing, does not belong to the kind, is too long, or does not fit the others.
    """
    required, optional = _MEMBERS[kind]
    for name in sorted(required - members.keys()):
        raise _refused(name, "is missing")
    for name in sorted(members.keys() - required - optional):
        raise _refused(name, f"does not belong to a key of kind {kind}")
    for name, value in members.items():
        if not 0 < len(value) <= limits.KEY_MEMBER_BYTES:
            raise _refused(name, "has a wrong length")
    if kind is KeyKind.OCT:
        return _read_oct(members["k"])
    if kind is KeyKind.EC:
        return _read_ec(curve, members)
    return _read_rsa({name: int.from_bytes(value, "big") for name, value in members.items()})


def _read_oct(value: bytes) -> PlainKey:
    if len(value) * 8 not in OCT_BITS:
        raise _refused("k", "must have 16, 24 or 32 bytes")
    return PlainKey(KeySpec(KeyKind.OCT, len(value) * 8), PublicParts(), value)


def _read_ec(curve: Curve | None, members: Mapping[str, bytes]) -> PlainKey:
    if curve is None:
        raise _refused("crv", "is missing")
    x, y, d = (int.from_bytes(members[name], "big") for name in ("x", "y", "d"))
    named = CURVES[curve]
    bits = named.key_size
    for name, number in (("x", x), ("y", y), ("d", d)):
        if number.bit_length() > bits:
            raise _refused(name, f"is too large for the curve {curve}")
    if d == 0:
        raise _refused("d", "is not a private key of the curve")
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, named).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("x", "and y are not a point of the curve") from None
    try:
        # Derived, not taken: so that it belongs to the point is a comparison, and its range is the library's matter.
        private = ec.derive_private_key(d, named)
    except (ValueError, UnsupportedAlgorithm):
        raise _refused("d", "is not a private key of the curve") from None
    if private.public_key() != public:
        raise _refused("d", "does not belong to x and y")
    return PlainKey(KeySpec(KeyKind.EC, curve=curve), public_parts(public), _encoded(private))


def _read_rsa(numbers: Mapping[str, int]) -> PlainKey:
    n, e, d = numbers["n"], numbers["e"], numbers["d"]
    if n.bit_length() not in RSA_BITS:
        raise _refused("n", "must have 2048, 3072 or 4096 bits")
    if n % 2 == 0:
        raise _refused("n", "is even, so it is no modulus")
    if e < 3 or e % 2 == 0 or e.bit_length() > limits.RSA_EXPONENT_BITS:
        raise _refused("e", f"must be odd, at least 3, and of at most {limits.RSA_EXPONENT_BITS} bits")
    if not 1 < d < n:
        raise _refused("d", "must be greater than 1 and less than the modulus")
    p, q = _factors(numbers)
    given = {
        "d": d,
        "dp": numbers.get("dp", rsa.rsa_crt_dmp1(d, p)),
        "dq": numbers.get("dq", rsa.rsa_crt_dmq1(d, q)),
        "qi": numbers.get("qi", rsa.rsa_crt_iqmp(p, q)),
    }
    if given["dp"] != d % (p - 1) or given["dq"] != d % (q - 1) or given["qi"] != rsa.rsa_crt_iqmp(p, q):
        raise _inconsistent()
    # The library takes a private exponent of either definition, but not one that is neither.
    if (e * d) % (p - 1) != 1 or (e * d) % (q - 1) != 1:
        raise _refused("d", "does not belong to e and n")
    try:
        private = rsa.RSAPrivateNumbers(
            p, q, d, given["dp"], given["dq"], given["qi"], rsa.RSAPublicNumbers(e, n)
        ).private_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _inconsistent() from None
    spec = KeySpec(KeyKind.RSA, n.bit_length(), public_exponent=e)
    return PlainKey(spec, public_parts(private.public_key()), _encoded(private))


def _factors(numbers: Mapping[str, int]) -> tuple[int, int]:
    """Take the prime factors, or find them by both exponents; the library checks that they are prime."""
    n, e, d = numbers["n"], numbers["e"], numbers["d"]
    if "p" not in numbers and "q" not in numbers:
        for name in ("dp", "dq", "qi"):
            if name in numbers:
                raise _refused(name, "needs p and q beside it")
        _require_recoverable(n, e, d)
        try:
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
        except ValueError:
            raise _refused("d", "does not belong to e and n") from None
        return p, q
    for name in ("p", "q"):
        if name not in numbers:
            raise _refused(name, "is missing beside its other factor")
    p, q = numbers["p"], numbers["q"]
    if p == q or min(p, q) < 3 or p % 2 == 0 or q % 2 == 0 or p * q != n:
        raise _refused("p", "and q are not the factors of n")
    return p, q


def _require_recoverable(n: int, e: int, d: int) -> None:
    """
    Refuse what the library would look for factors of for minutes: it tries 500 times, and once for each factor 2 each.

    A prime or a power of one has no two factors to find; by Fermat's theorem it shares a factor with 2^n - 2, which
    keys do not. Of e*d - 1, which follows from two primes, a few factors are 2, and many in numbers made to last.
    """
    product = e * d - 1
    twos = (product & -product).bit_length() - 1
    if twos > _TWOS or gcd(pow(2, n, n) - 2, n) != 1:
        raise _refused("d", "does not belong to e and n")


def _encoded(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _inconsistent() -> Invalid:
    return Invalid(
        "The members of the private key do not belong together.", code="BadParameter", reason="inconsistent key"
    )


def _refused(member: str, fault: str) -> Invalid:
    """Refuse a member by its name, without its value."""
    return Invalid(f"Property {member} {fault}.", code="BadParameter", reason=f"invalid {member}")
