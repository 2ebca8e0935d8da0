"""
What keys are in a token: the attributes they are made with (PKCS#11 v3.1 sections 4.7 to 4.10, 6.1, 6.3, 6.8).

A key of a vault is sensitive: no call gives its private part. It can be wrapped, because a backup and a release are
that. Whoever has the PIN could wrap it too; CKA_WRAP_WITH_TRUSTED would keep that to keys that the token's security
officer trusts, whose PIN the service is not to have (ADR 0018).
"""

from __future__ import annotations

from collections.abc import Mapping

import PyKCS11
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from PyKCS11 import LowLevel as p11

from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.pkcs11.session import Template

EC_PARAMETERS: Mapping[Curve, bytes] = {
    # DER of the curves' object identifiers: SEC 2 version 2, sections 2.4.1 to 2.6.1.
    Curve.P256: bytes.fromhex("06082a8648ce3d030107"),
    Curve.P384: bytes.fromhex("06052b81040022"),
    Curve.P521: bytes.fromhex("06052b81040023"),
    Curve.P256K: bytes.fromhex("06052b8104000a"),
}
KEY_TYPES = {KeyKind.RSA: p11.CKK_RSA, KeyKind.EC: p11.CKK_EC, KeyKind.OCT: p11.CKK_AES}
WRAP_KEY_BYTES = 32
POINT_PREFIX = 4
"""An uncompressed point begins with it (SEC 1 section 2.3.3)."""


def object_class(kind: KeyKind) -> int:
    """Give the class of a private part."""
    return int(p11.CKO_SECRET_KEY if kind is KeyKind.OCT else p11.CKO_PRIVATE_KEY)


def private_template(spec: KeySpec, key_id: bytes, label: str, *, lasting: bool = True) -> Template:
    """Give what every private part of a vault has, however it comes into the token."""
    template: Template = [
        (p11.CKA_CLASS, object_class(spec.kind)),
        (p11.CKA_KEY_TYPE, KEY_TYPES[spec.kind]),
        (p11.CKA_TOKEN, lasting),
        (p11.CKA_PRIVATE, True),
        (p11.CKA_SENSITIVE, True),
        (p11.CKA_EXTRACTABLE, True),
        (p11.CKA_ID, key_id),
        (p11.CKA_LABEL, label),
    ]
    if spec.kind is KeyKind.EC:
        return [*template, (p11.CKA_SIGN, True)]
    template += [(p11.CKA_DECRYPT, True), (p11.CKA_UNWRAP, True)]
    if spec.kind is KeyKind.RSA:
        return [*template, (p11.CKA_SIGN, True)]
    return [*template, (p11.CKA_ENCRYPT, True), (p11.CKA_WRAP, True)]


def public_template(spec: KeySpec, key_id: bytes, label: str, *, lasting: bool = True) -> Template:
    """Give what a public part is made with, beside the private one."""
    template: Template = [
        (p11.CKA_CLASS, p11.CKO_PUBLIC_KEY),
        (p11.CKA_TOKEN, lasting),
        (p11.CKA_VERIFY, True),
        (p11.CKA_ID, key_id),
        (p11.CKA_LABEL, label),
    ]
    if spec.kind is KeyKind.EC:
        return [*template, (p11.CKA_EC_PARAMS, EC_PARAMETERS[spec.curve or Curve.P256])]
    exponent = spec.public_exponent
    return [
        *template,
        (p11.CKA_ENCRYPT, True),
        (p11.CKA_WRAP, True),
        (p11.CKA_MODULUS_BITS, spec.bits or 2048),
        (p11.CKA_PUBLIC_EXPONENT, exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")),
    ]


def value_template(kind: KeyKind, private: bytes) -> Template:
    """
    Give the private part itself, for a key that comes in the clear.

    Raises:
        ValueError: it is not PKCS#8 of that kind.
    """
    if kind is KeyKind.OCT:
        return [(p11.CKA_VALUE, private)]
    # It was checked where it came in (`crypto.keys.material`).
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    if kind is KeyKind.EC and isinstance(key, ec.EllipticCurvePrivateKey):
        curve = next(name for name, known in _CURVE_NAMES.items() if known == key.curve.name)
        value = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
        return [(p11.CKA_EC_PARAMS, EC_PARAMETERS[curve]), (p11.CKA_VALUE, value)]
    if kind is KeyKind.RSA and isinstance(key, rsa.RSAPrivateKey):
        own = key.private_numbers()
        numbers = {
            p11.CKA_MODULUS: own.public_numbers.n,
            p11.CKA_PUBLIC_EXPONENT: own.public_numbers.e,
            p11.CKA_PRIVATE_EXPONENT: own.d,
            p11.CKA_PRIME_1: own.p,
            p11.CKA_PRIME_2: own.q,
            p11.CKA_EXPONENT_1: own.dmp1,
            p11.CKA_EXPONENT_2: own.dmq1,
            p11.CKA_COEFFICIENT: own.iqmp,
        }
        return [(name, number.to_bytes((number.bit_length() + 7) // 8, "big")) for name, number in numbers.items()]
    msg = f"not a private key of kind {kind}"
    raise ValueError(msg)


_CURVE_NAMES: Mapping[Curve, str] = {
    Curve.P256: ec.SECP256R1.name,
    Curve.P384: ec.SECP384R1.name,
    Curve.P521: ec.SECP521R1.name,
    Curve.P256K: ec.SECP256K1.name,
}


def wrap_key_template(label: str | None = None) -> Template:
    """Give an AES key that wraps others and does nothing else; one without a label is temporary."""
    template: Template = [
        (p11.CKA_CLASS, p11.CKO_SECRET_KEY),
        (p11.CKA_KEY_TYPE, p11.CKK_AES),
        (p11.CKA_VALUE_LEN, WRAP_KEY_BYTES),
        (p11.CKA_TOKEN, label is not None),
        (p11.CKA_PRIVATE, True),
        (p11.CKA_SENSITIVE, True),
        (p11.CKA_EXTRACTABLE, False),
        (p11.CKA_WRAP, True),
        (p11.CKA_UNWRAP, True),
    ]
    return template if label is None else [*template, (p11.CKA_LABEL, label)]


def plain_secret_template(value: bytes | None = None) -> Template:
    """Give a temporary object whose bytes are no secret from us: something to be wrapped, or what was unwrapped."""
    template: Template = [
        (p11.CKA_CLASS, p11.CKO_SECRET_KEY),
        (p11.CKA_KEY_TYPE, p11.CKK_GENERIC_SECRET),
        (p11.CKA_TOKEN, False),
        (p11.CKA_PRIVATE, True),
        (p11.CKA_SENSITIVE, False),
        (p11.CKA_EXTRACTABLE, True),
    ]
    return template if value is None else [*template, (p11.CKA_VALUE, value)]


def mechanism(number: int, parameter: bytes | None = None) -> PyKCS11.Mechanism:
    """Give a mechanism whose parameter is bytes or nothing."""
    return PyKCS11.Mechanism(number, parameter)
