"""
The algorithms of keys: one table (reference azure-key-vault.md section 4.4, operations.md keys; RFC 7518).

What an algorithm demands of its key and of its input is a row here, and is asked before any key is touched. Lengths are
no secret: a refusal says them. Where the reference has no words for a refusal they are ours (ADR 0014).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.core.limits import KEY_VALUE_BYTES

GCM_IV_BYTES = 12
GCM_TAG_BYTES = 16
CBC_IV_BYTES = 16
_DIGEST_BYTES: Mapping[str, int] = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


class Family(StrEnum):
    """How an algorithm works."""

    RSA_PKCS1 = "RSASSA-PKCS1-v1_5"
    RSA_PSS = "RSASSA-PSS"
    RSA_NULL = "RSASSA-PKCS1-v1_5 without DigestInfo"
    ECDSA = "ECDSA"
    HMAC = "HMAC"
    RSA_OAEP = "RSAES-OAEP"
    RSA_PKCS1_ENCRYPTION = "RSAES-PKCS1-v1_5"
    AES_GCM = "AES-GCM"
    AES_CBC = "AES-CBC without padding"
    AES_CBC_PAD = "AES-CBC with PKCS#7 padding"
    AES_KW = "AES key wrap (RFC 3394)"
    AES_KWP = "AES key wrap with padding (RFC 5649)"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm, by the name that requests give it."""

    name: str
    kind: KeyKind
    family: Family
    hash: str | None = None
    """Of what is signed, or of OAEP and its mask: `sha256`."""
    curve: Curve | None = None
    key_bits: int | None = None
    """The one size of oct keys that it takes; None takes every size."""
    encrypts: bool = False
    wraps: bool = False
    signs: bool = False

    @property
    def digest_bytes(self) -> int | None:
        """How long what is signed must be."""
        return _DIGEST_BYTES[self.hash] if self.signs and self.hash is not None else None


def _table() -> Mapping[str, Algorithm]:
    rsa, ec, octet = KeyKind.RSA, KeyKind.EC, KeyKind.OCT
    rows = [
        *(Algorithm(f"RS{bits}", rsa, Family.RSA_PKCS1, f"sha{bits}", signs=True) for bits in (256, 384, 512)),
        *(Algorithm(f"PS{bits}", rsa, Family.RSA_PSS, f"sha{bits}", signs=True) for bits in (256, 384, 512)),
        Algorithm("RSNULL", rsa, Family.RSA_NULL, signs=True),
        Algorithm("ES256", ec, Family.ECDSA, "sha256", Curve.P256, signs=True),
        Algorithm("ES256K", ec, Family.ECDSA, "sha256", Curve.P256K, signs=True),
        Algorithm("ES384", ec, Family.ECDSA, "sha384", Curve.P384, signs=True),
        Algorithm("ES512", ec, Family.ECDSA, "sha512", Curve.P521, signs=True),
        *(Algorithm(f"HS{bits}", octet, Family.HMAC, f"sha{bits}", signs=True) for bits in (256, 384, 512)),
        Algorithm("RSA1_5", rsa, Family.RSA_PKCS1_ENCRYPTION, encrypts=True, wraps=True),
        Algorithm("RSA-OAEP", rsa, Family.RSA_OAEP, "sha1", encrypts=True, wraps=True),
        Algorithm("RSA-OAEP-256", rsa, Family.RSA_OAEP, "sha256", encrypts=True, wraps=True),
        Algorithm("CKM_AES_KEY_WRAP", octet, Family.AES_KW, wraps=True),
        Algorithm("CKM_AES_KEY_WRAP_PAD", octet, Family.AES_KWP, wraps=True),
    ]
    for bits in (128, 192, 256):
        rows += [
            Algorithm(f"A{bits}GCM", octet, Family.AES_GCM, key_bits=bits, encrypts=True, wraps=True),
            Algorithm(f"A{bits}CBC", octet, Family.AES_CBC, key_bits=bits, encrypts=True, wraps=True),
            Algorithm(f"A{bits}CBCPAD", octet, Family.AES_CBC_PAD, key_bits=bits, encrypts=True, wraps=True),
            Algorithm(f"A{bits}KW", octet, Family.AES_KW, key_bits=bits, wraps=True),
        ]
    return {row.name: row for row in rows}


ALGORITHMS: Mapping[str, Algorithm] = _table()


# ---- which one ------------------------------------------------------------------------------------------------------


class Use(StrEnum):
    """What an algorithm is asked for."""

    ENCRYPT = "encrypt"
    WRAP = "wrap"
    SIGN = "sign"


_OF_USE: Mapping[Use, Mapping[str, Algorithm]] = {
    Use.ENCRYPT: {name: row for name, row in ALGORITHMS.items() if row.encrypts},
    Use.WRAP: {name: row for name, row in ALGORITHMS.items() if row.wraps},
    Use.SIGN: {name: row for name, row in ALGORITHMS.items() if row.signs},
}


def find_algorithm(name: str | None, use: Use, spec: KeySpec) -> Algorithm:
    """
    Find the algorithm that a request names, for a key.

    Raises:
        Invalid: there is none of this name for such a use, or it is for other keys.
    """
    algorithm = _OF_USE[use].get(name or "")
    if algorithm is None:
        raise _invalid(f"Property alg must be one of: {', '.join(_OF_USE[use])}.", "algorithm")
    if algorithm.kind is not spec.kind:
        wanted, found = f"keys of type {algorithm.kind}", f"is of type {spec.kind}"
    elif algorithm.curve is not None and algorithm.curve is not spec.curve:
        wanted, found = f"keys on the curve {algorithm.curve}", f"is on {spec.curve}"
    elif algorithm.key_bits is not None and algorithm.key_bits != spec.bits:
        wanted, found = f"keys of {algorithm.key_bits} bits", f"has {spec.bits}"
    else:
        return algorithm
    raise _invalid(f"Key and algorithm are incompatible: {name} is for {wanted}, and this key {found}.", "algorithm")


# ---- what it takes --------------------------------------------------------------------------------------------------

_PKCS1_BYTES = 11
"""What PKCS#1 v1.5 adds at least, to encrypt and to sign (RFC 8017 sections 7.2.1 and 9.2)."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What a symmetric algorithm takes: at least so many bytes, a multiple of so many, and what goes with them."""

    plain: tuple[int, int]
    cipher: tuple[int, int]
    iv: int | None = None
    takes_iv: bool = False
    """Whether a caller may choose the `iv` when it encrypts."""
    tag: int | None = None
    aad: bool = False


_FORMS: Mapping[Family, _Form] = {
    # A caller's own `iv` is refused: one that is used twice under a key gives away both texts and the key of the tags.
    Family.AES_GCM: _Form((0, 1), (0, 1), GCM_IV_BYTES, tag=GCM_TAG_BYTES, aad=True),
    Family.AES_CBC: _Form((16, 16), (16, 16), CBC_IV_BYTES, takes_iv=True),
    Family.AES_CBC_PAD: _Form((0, 1), (16, 16), CBC_IV_BYTES, takes_iv=True),
    Family.AES_KW: _Form((16, 8), (24, 8)),
    Family.AES_KWP: _Form((1, 1), (16, 8)),
}
_NO_FORM = _Form((0, 1), (0, 1))
"""RSA has nothing but a value, whose length follows from the key."""
_ADDED_BYTES = 16
"""What a ciphertext may have more than its plaintext: padding of CBC and of key wrap."""


def check_digest(algorithm: Algorithm, spec: KeySpec, digest: bytes, member: str) -> None:
    """
    Check what is to be signed, or what was: *member* is its name in the request.

    Raises:
        Invalid: it has not the length of the algorithm's hash, or is too long for the key (RSNULL).
    """
    wanted, length = algorithm.digest_bytes, len(digest)
    if wanted is not None:
        if length != wanted:
            raise _length(member, length, f"{algorithm.name} requires {wanted} bytes")
        return
    most = _modulus_bytes(spec) - _PKCS1_BYTES
    if not 1 <= length <= most:
        raise _length(member, length, f"{algorithm.name} requires 1 to {most} bytes with this key")


def check_plaintext(algorithm: Algorithm, spec: KeySpec, value: bytes, iv: bytes | None, aad: bytes | None) -> None:
    """
    Check what is to be encrypted or wrapped, and what is given with it.

    Raises:
        Invalid: a length does not fit, or the algorithm has no such member.
    """
    form = _FORMS.get(algorithm.family, _NO_FORM)
    if algorithm.kind is KeyKind.RSA:
        most = _modulus_bytes(spec) - _overhead(algorithm)
        if len(value) > most:
            raise _length("value", len(value), f"{algorithm.name} takes at most {most} bytes with this key")
    else:
        _check_value(algorithm, value, *form.plain, KEY_VALUE_BYTES)
    if iv is not None:
        if not form.takes_iv:
            raise _foreign(algorithm, "iv", "" if form.iv is None else " to encrypt: the service makes one")
        _check_exactly(algorithm, "iv", iv, form.iv)
    _check_aad(algorithm, form, aad)


def check_ciphertext(
    algorithm: Algorithm, spec: KeySpec, value: bytes, iv: bytes | None, tag: bytes | None, aad: bytes | None
) -> None:
    """
    Check the form of what is to be decrypted or unwrapped, and of what is given with it.

    Raises:
        Invalid: a length does not fit, a member is missing, or the algorithm has no such member.
    """
    form = _FORMS.get(algorithm.family, _NO_FORM)
    if algorithm.kind is KeyKind.RSA:
        _check_exactly(algorithm, "value", value, _modulus_bytes(spec))
    else:
        _check_value(algorithm, value, *form.cipher, KEY_VALUE_BYTES + _ADDED_BYTES)
    for member, given, wanted in (("iv", iv, form.iv), ("tag", tag, form.tag)):
        if wanted is not None:
            _check_exactly(algorithm, member, given or b"", wanted)
        elif given is not None:
            raise _foreign(algorithm, member)
    _check_aad(algorithm, form, aad)


def _modulus_bytes(spec: KeySpec) -> int:
    return (spec.bits or 0) // 8


def _overhead(algorithm: Algorithm) -> int:
    """Say what RSA encryption adds at least: RFC 8017 sections 7.1.1 and 7.2.1."""
    return _PKCS1_BYTES if algorithm.hash is None else 2 * _DIGEST_BYTES[algorithm.hash] + 2


def _check_value(algorithm: Algorithm, value: bytes, least: int, unit: int, most: int) -> None:
    length = len(value)
    if least <= length <= most and length % unit == 0:
        return
    multiple = f", a multiple of {unit}" if unit > 1 else ""
    raise _length("value", length, f"{algorithm.name} takes {least} to {most} bytes{multiple}")


def _check_exactly(algorithm: Algorithm, member: str, given: bytes, wanted: int | None) -> None:
    if len(given) != wanted:
        raise _length(member, len(given), f"{algorithm.name} requires {wanted} bytes")


def _check_aad(algorithm: Algorithm, form: _Form, aad: bytes | None) -> None:
    if aad is None:
        return
    if not form.aad:
        raise _foreign(algorithm, "aad")
    if len(aad) > KEY_VALUE_BYTES:
        raise _length("aad", len(aad), f"{algorithm.name} takes at most {KEY_VALUE_BYTES} bytes")


def _length(member: str, length: int, rule: str) -> Invalid:
    """Refuse a length in the real service's words for a digest (ADR 0014)."""
    return _invalid(f"Invalid length of '{member}': {length} bytes. {rule}, encoded with base64url.", member)


def _foreign(algorithm: Algorithm, member: str, why: str = "") -> Invalid:
    return _invalid(f"{algorithm.name} takes no {member}{why}.", member)


def _invalid(message: str, what: str) -> Invalid:
    return Invalid(message, code="BadParameter", reason=f"invalid {what}")
