"""Keys as files have them, PEM and DER, from and to JSON Web Keys (RFC 7517, RFC 7518 section 6): for commands."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

_CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
_NAMES = {curve.name: name for name, curve in _CURVES.items()}


class BadKeyFile(Exception):
    """What is in a file is no key that a vault can have; the message says why and repeats nothing."""


def private_web_key(content: bytes) -> dict[str, str]:
    """
    Give the members of a JSON Web Key for a private key in PEM or DER: PKCS#8, PKCS#1 or SEC1.

    Raises:
        BadKeyFile: it is none, is encrypted, or is of a kind or curve that vaults do not have.
    """
    load = load_pem_private_key if content.lstrip().startswith(b"-----") else load_der_private_key
    try:
        key = load(content, None)
    except TypeError:
        raise BadKeyFile("the private key is encrypted: decrypt it first, as with openssl pkey") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadKeyFile("it has no private key in PEM or DER that can be read") from None
    if isinstance(key, rsa.RSAPrivateKey):
        own = key.private_numbers()
        numbers = {"d": own.d, "p": own.p, "q": own.q, "dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp}
        return {"kty": "RSA", **_rsa_members(own.public_numbers), **{name: _text(one) for name, one in numbers.items()}}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        return {**_ec_members(key.public_key()), "d": _text(key.private_numbers().private_value, size)}
    raise BadKeyFile("vaults have RSA and EC keys, and keys of bytes (oct): this one is of another kind")


def public_pem(web_key: Mapping[str, object]) -> bytes:
    """
    Give the public key of a JSON Web Key in PEM: SubjectPublicKeyInfo.

    Raises:
        BadKeyFile: it has none, as one of bytes (oct) has not.
    """
    kind = str(web_key.get("kty", "")).removesuffix("-HSM")
    if kind not in {"RSA", "EC"}:
        raise BadKeyFile("a key of bytes (oct) has no public part")
    try:
        if kind == "RSA":
            key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = rsa.RSAPublicNumbers(
                _number(web_key["e"]), _number(web_key["n"])
            ).public_key()
        else:
            curve = _CURVES[str(web_key["crv"])]
            key = ec.EllipticCurvePublicNumbers(_number(web_key["x"]), _number(web_key["y"]), curve).public_key()
    except (KeyError, ValueError):
        raise BadKeyFile("it is no public key") from None
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def octets_of(text: str) -> bytes:
    """
    Read base64url, with padding or without.

    Raises:
        ValueError: it is none.
    """
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


def text_of(octets: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _rsa_members(numbers: rsa.RSAPublicNumbers) -> dict[str, str]:
    return {"n": _text(numbers.n), "e": _text(numbers.e)}


def _ec_members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    name = _NAMES.get(key.curve.name)
    if name is None:
        raise BadKeyFile(f"its curve is none of those that vaults have: {', '.join(_CURVES)}")
    numbers, size = key.public_numbers(), (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": name, "x": _text(numbers.x, size), "y": _text(numbers.y, size)}


def _text(number: int, size: int = 0) -> str:
    return text_of(number.to_bytes(max(size, (number.bit_length() + 7) // 8), "big"))


def _number(text: object) -> int:
    return int.from_bytes(octets_of(str(text)), "big")
