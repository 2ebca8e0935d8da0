"""
Private parts that come from outside as JSON Web Keys, read and checked (RFC 7518 section 6).

What is wrong is refused by the name of a member, and no value is repeated. Sizes are looked at before anything is
computed; what OpenSSL checks (prime factors, exponents that belong together, points on the curve) is left to it, and
members that it would not look at are compared with what the others say.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from math import gcd

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import OCT_BITS, RSA_BITS, Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.forks import Forks, Work, WorkEnded
from strongroom.crypto.keys.protocol import PlainKey
from strongroom.crypto.keys.public import CURVES, public_parts
from strongroom.crypto.pool import BoundedPool

_TRIES = 64
"""Each finds the factors of a key with a chance of one half at least."""
_FACTOR_BITS = 100
"""By so many bits fewer than half of the modulus's may a factor have, and the difference of both: FIPS 186-5 A.1.1."""
_CRT = ("p", "q", "dp", "dq", "qi")
_MEMBERS: Mapping[KeyKind, tuple[frozenset[str], frozenset[str]]] = {
    KeyKind.RSA: (frozenset({"n", "e", "d"}), frozenset(_CRT)),
    KeyKind.EC: (frozenset({"x", "y", "d"}), frozenset()),
    KeyKind.OCT: (frozenset({"k"}), frozenset()),
}
"""The members of bytes that a kind must have, and those that it may have."""


class PrivateKeyReader:
    """Reads private keys off the loop: to check a large RSA key takes longer than to make use of it."""

    __slots__ = ("_forks", "_pool")

    def __init__(self, forks: Forks) -> None:
        self._forks = forks
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
        return await self._pool.run(lambda: read_apart(self._forks, kind, curve, members))

    def close(self) -> None:
        """Take no more work."""
        self._pool.close()


def read_apart(forks: Forks, kind: KeyKind, curve: Curve | None, members: Mapping[str, bytes]) -> PlainKey:
    """
    Read a private key as `read_private_key` does, an RSA key in a process of its own. It is for a thread.

    Its check holds the interpreter's lock for up to half a second; what a check of others takes, a process takes too.

    Raises:
        Invalid: as there.
    """
    if kind is not KeyKind.RSA:
        return read_private_key(kind, curve, members)
    try:
        octets = forks.ask(Work.READ_KEY, msgspec.msgpack.encode(members), limits.KEY_CHECK_CPU_S)
    except WorkEnded as ended:
        if not ended.is_costly:
            raise
        raise _inconsistent() from None
    given = _answers.decode(octets)
    if isinstance(given, _Refusal):
        raise Invalid(given.message, code=given.code, reason=given.reason)
    return PlainKey(given.spec, given.parts, given.private)


def answer(question: bytes) -> bytes:
    """Read an RSA key: for `fork_server`."""
    members = msgspec.msgpack.decode(question, type=dict[str, bytes])
    try:
        key = read_private_key(KeyKind.RSA, None, members)
    except Invalid as refused:
        return msgspec.msgpack.encode(_Refusal(refused.message, refused.code, refused.reason))
    return msgspec.msgpack.encode(_Read(key.spec, key.parts, key.private))


class _Read(msgspec.Struct, tag=True, array_like=True):
    spec: KeySpec
    parts: PublicParts
    private: bytes

    def __repr__(self) -> str:
        return "<_Read>"


class _Refusal(msgspec.Struct, tag=True, array_like=True):
    message: str
    code: str
    reason: str | None


_answers = msgspec.msgpack.Decoder(_Read | _Refusal)


def read_private_key(
    kind: KeyKind, curve: Curve | None, members: Mapping[str, bytes], *, is_checked: bool = False
) -> PlainKey:
    """
    Read a private key out of its members, and check that they belong together.

    Zeros in front of a number are tolerated, since some writers of keys put them there. That the factors of an RSA key
    are prime is what takes its time, in which no other thread runs; it is left out if another process has checked it.

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
    return _read_rsa({name: int.from_bytes(value, "big") for name, value in members.items()}, is_checked=is_checked)


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


def _read_rsa(numbers: Mapping[str, int], *, is_checked: bool) -> PlainKey:
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
    least = n.bit_length() // 2 - _FACTOR_BITS
    if min(p, q).bit_length() < least or abs(p - q).bit_length() < least:
        raise _refused("n", "has factors that are too easily found")
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
        ).private_key(unsafe_skip_rsa_key_validation=is_checked)
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
        return _recovered(n, e, d)
    for name in ("p", "q"):
        if name not in numbers:
            raise _refused(name, "is missing beside its other factor")
    p, q = numbers["p"], numbers["q"]
    if p == q or min(p, q) < 3 or p % 2 == 0 or q % 2 == 0 or p * q != n:
        raise _refused("p", "and q are not the factors of n")
    return p, q


def _recovered(n: int, e: int, d: int) -> tuple[int, int]:
    """
    Find the factors by a square root of 1 that is neither 1 nor -1: Handbook of Applied Cryptography, section 8.2.2.

    The library looks for one 500 times, a full power for each factor 2 of e*d - 1 each time, whether or not there is
    one to find; numbers made for it keep it busy for hours. Here the first base whose power is not 1 says that d is
    wrong, so one try in two at least is the last one, whatever n, e and d are. Only of a prime, or a power of one,
    would each be in vain; by Fermat's theorem it shares a factor with 2^n - 2, which keys do not.
    """
    power = e * d - 1
    twos = (power & -power).bit_length() - 1
    if gcd(pow(2, n, n) - 2, n) == 1:
        for _ in range(_TRIES):
            root = pow(2 + secrets.randbelow(n - 3), power >> twos, n)
            for _ in range(twos):
                square = root * root % n
                if square == 1:
                    break
                root = square
            else:
                break
            if root not in {1, n - 1}:
                p = gcd(root + 1, n)
                return p, n // p
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
