"""What a certificate's secret hands out: the private key and the certificates, as PKCS#12 or as PEM."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from strongroom.core.certificates import PEM


def secret_value(content_type: str, private: bytes | None, chain: tuple[bytes, ...]) -> str:
    """
    Write a certificate's secret: base64 of PKCS#12 without a password, or PEM with the key in PKCS#8 first.

    *private* is PKCS#8 in DER, or None where the key may not leave, and then only certificates are in it.
    """
    certificates = [x509.load_der_x509_certificate(one) for one in chain]
    key = _load(private) if private is not None else None
    if content_type == PEM:
        parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())] if key is not None else []
        return b"".join([*parts, *(one.public_bytes(Encoding.PEM) for one in certificates)]).decode("ascii")
    leaf, above = certificates[0], certificates[1:]
    # The real service gives no password; what protects the value is who may read it.
    whole = pkcs12.serialize_key_and_certificates(None, key, leaf, above, NoEncryption())
    return base64.b64encode(whole).decode("ascii")


def _load(private: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        msg = "a certificate's key is an RSA or an EC key"
        raise TypeError(msg)
    return key
