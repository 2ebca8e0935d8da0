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

from strongroom.core import certificate_limits as limits
from strongroom.core.certificates import PEM
from strongroom.crypto.forks import Forks, Work


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


def in_pem(forks: Forks, value: str) -> str:
    """
    Give a certificate's secret, which is PKCS#12, as PEM. It is for a thread.

    The key and the certificates are the same, the leaf first; those above it stay in their order. The library checks
    the key in a PKCS#12 file whoever wrote it, which holds the interpreter: so a process of its own does.
    """
    return forks.ask(Work.CONVERT, value.encode("ascii"), limits.IMPORT_CPU_S).decode("ascii")


def answer(question: bytes) -> bytes:
    """Convert: for `fork_server`."""
    opened = pkcs12.load_pkcs12(base64.b64decode(question), None)
    own = [opened.cert] if opened.cert is not None else []
    chain = [one.certificate for one in (*own, *opened.additional_certs)]
    key = opened.key
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) if key is not None else None
    return secret_value(PEM, private, tuple(one.public_bytes(Encoding.DER) for one in chain)).encode("ascii")


def _load(private: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        msg = "a certificate's key is an RSA or an EC key"
        raise TypeError(msg)
    return key
