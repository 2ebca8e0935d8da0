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
from PyKCS11 import LowLevel

from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.pkcs11.session import Template

EC_PARAMETERS: Mapping[Curve, bytes] = {
    # DER of the curves' object identifiers: SEC 2 version 2, sections 2.4.1 to 2.6.1.
    Curve.P256: bytes.fromhex("06082a8648ce3d030107"),
    Curve.P384: bytes.fromhex("06052b81040022"),
    Curve.P521: bytes.fromhex("06052b81040023"),
    Curve.P256K: bytes.fromhex("06052b8104000a"),
}
KEY_TYPES = {KeyKind.RSA: LowLevel.CKK_RSA, KeyKind.EC: LowLevel.CKK_EC, KeyKind.OCT: LowLevel.CKK_AES}
WRAP_KEY_BYTES = 32


def object_class(kind: KeyKind) -> int:
    """Give the class of a private part."""
    return int(LowLevel.CKO_SECRET_KEY if kind is KeyKind.OCT else LowLevel.CKO_PRIVATE_KEY)


def private_template(spec: KeySpec, key_id: bytes, label: str, *, lasting: bool = True) -> Template:
    """Give what every private part of a vault has, however it comes into the token."""
    template: Template = [
        (LowLevel.CKA_CLASS, object_class(spec.kind)),
        (LowLevel.CKA_KEY_TYPE, KEY_TYPES[spec.kind]),
        (LowLevel.CKA_TOKEN, lasting),
        (LowLevel.CKA_PRIVATE, True),
        (LowLevel.CKA_SENSITIVE, True),
        (LowLevel.CKA_EXTRACTABLE, True),
        (LowLevel.CKA_ID, key_id),
        (LowLevel.CKA_LABEL, label),
    ]
    if spec.kind is KeyKind.EC:
        return [*template, (LowLevel.CKA_SIGN, True)]
    template += [(LowLevel.CKA_DECRYPT, True), (LowLevel.CKA_UNWRAP, True)]
    if spec.kind is KeyKind.RSA:
        return [*template, (LowLevel.CKA_SIGN, True)]
    return [*template, (LowLevel.CKA_ENCRYPT, True), (LowLevel.CKA_WRAP, True)]


def public_template(spec: KeySpec, key_id: bytes, label: str, *, lasting: bool = True) -> Template:
    """Give what a public part is made with, beside the private one."""
    template: Template = [
        (LowLevel.CKA_CLASS, LowLevel.CKO_PUBLIC_KEY),
        (LowLevel.CKA_TOKEN, lasting),
        (LowLevel.CKA_VERIFY, True),
        (LowLevel.CKA_ID, key_id),
        (LowLevel.CKA_LABEL, label),
    ]
    if spec.kind is KeyKind.EC:
        return [*template, (LowLevel.CKA_EC_PARAMS, EC_PARAMETERS[spec.curve or Curve.P256])]
    exponent = spec.public_exponent
    return [
        *template,
        (LowLevel.CKA_ENCRYPT, True),
        (LowLevel.CKA_WRAP, True),
        (LowLevel.CKA_MODULUS_BITS, spec.bits or 2048),
        (LowLevel.CKA_PUBLIC_EXPONENT, exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")),
    ]


def value_template(kind: KeyKind, private: bytes) -> Template:
    """
    Give the private part itself, for a key that comes in the clear.

    Raises:
        ValueError: it is not PKCS#8 of that kind.
    """
    if kind is KeyKind.OCT:
        return [(LowLevel.CKA_VALUE, private)]
    # It was checked where it came in (`crypto.keys.material`).
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    if kind is KeyKind.EC and isinstance(key, ec.EllipticCurvePrivateKey):
        curve = next(name for name, known in _CURVE_NAMES.items() if known == key.curve.name)
        value = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
        return [(LowLevel.CKA_EC_PARAMS, EC_PARAMETERS[curve]), (LowLevel.CKA_VALUE, value)]
    if kind is KeyKind.RSA and isinstance(key, rsa.RSAPrivateKey):
        own = key.private_numbers()
        numbers = {
            LowLevel.CKA_MODULUS: own.public_numbers.n,
            LowLevel.CKA_PUBLIC_EXPONENT: own.public_numbers.e,
            LowLevel.CKA_PRIVATE_EXPONENT: own.d,
            LowLevel.CKA_PRIME_1: own.p,
            LowLevel.CKA_PRIME_2: own.q,
            LowLevel.CKA_EXPONENT_1: own.dmp1,
            LowLevel.CKA_EXPONENT_2: own.dmq1,
            LowLevel.CKA_COEFFICIENT: own.iqmp,
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
    """
    Give an AES key that wraps others and does nothing else; one without a label is temporary.

    What it does not do is said: with some tokens what is left out is allowed, and a key that decrypts shows in the
    clear what it has wrapped.
    """
    template: Template = [
        (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
        (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_AES),
        (LowLevel.CKA_VALUE_LEN, WRAP_KEY_BYTES),
        (LowLevel.CKA_TOKEN, label is not None),
        (LowLevel.CKA_PRIVATE, True),
        (LowLevel.CKA_SENSITIVE, True),
        (LowLevel.CKA_EXTRACTABLE, False),
        (LowLevel.CKA_WRAP, True),
        (LowLevel.CKA_UNWRAP, True),
        (LowLevel.CKA_ENCRYPT, False),
        (LowLevel.CKA_DECRYPT, False),
        (LowLevel.CKA_SIGN, False),
        (LowLevel.CKA_VERIFY, False),
    ]
    return template if label is None else [*template, (LowLevel.CKA_LABEL, label)]


def plain_secret_template(value: bytes | None = None) -> Template:
    """Give a temporary object whose bytes are no secret from us: something to be wrapped, or what was unwrapped."""
    template: Template = [
        (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
        (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_GENERIC_SECRET),
        (LowLevel.CKA_TOKEN, False),
        (LowLevel.CKA_PRIVATE, True),
        (LowLevel.CKA_SENSITIVE, False),
        (LowLevel.CKA_EXTRACTABLE, True),
    ]
    return template if value is None else [*template, (LowLevel.CKA_VALUE, value)]


def mechanism(number: int, parameter: bytes | None = None) -> PyKCS11.Mechanism:
    """Give a mechanism whose parameter is bytes or nothing."""
    return PyKCS11.Mechanism(number, parameter)
