"""
Which mechanisms a token has, and whether they are what their names say.

The names of AES key wrap with padding differ from vendor to vendor, and so does what is done under them: before PKCS#11
v3.0, CKM_AES_KEY_WRAP_PAD was RFC 5649 with some and RFC 3394 after PKCS#7 padding with others; SoftHSM 2.6 fills up
with zeros first and says that they belong to it. So each is tried on a known key and compared with the library's.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import PyKCS11
from cryptography.hazmat.primitives import keywrap
from PyKCS11 import LowLevel

from strongroom.crypto.keys.pkcs11.objects import mechanism, plain_secret_template
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal
from strongroom.crypto.keys.pkcs11.session import Session

CKM_AES_KEY_WRAP_KWP = 0x210B
"""PKCS#11 v3.0 section 2.13: RFC 5649, without a doubt."""

_NEEDED = (
    "CKM_RSA_PKCS_KEY_PAIR_GEN",
    "CKM_RSA_PKCS",
    "CKM_RSA_PKCS_PSS",
    "CKM_RSA_PKCS_OAEP",
    "CKM_RSA_X_509",
    "CKM_ECDSA",
    "CKM_ECDH1_DERIVE",
    "CKM_AES_KEY_GEN",
    "CKM_AES_GCM",
    "CKM_AES_CBC",
    "CKM_SHA256_HMAC",
    "CKM_SHA384_HMAC",
    "CKM_SHA512_HMAC",
)
_EC_GENERATION = ("CKM_EC_KEY_PAIR_GEN", "CKM_ECDSA_KEY_PAIR_GEN")
"""Two names of one mechanism."""
_WHOLE_BYTES = 16
_PADDED_BYTES = 13
"""No multiple of eight, so that the padding shows."""


class Mechanisms:
    """What a token is able to do."""

    def __init__(self, session: Session) -> None:
        names = session.mechanisms
        missing = [name for name in _NEEDED if name not in names]
        if not names & set(_EC_GENERATION):
            missing.append(_EC_GENERATION[0])
        padded = (CKM_AES_KEY_WRAP_KWP, LowLevel.CKM_AES_KEY_WRAP_PAD)
        self.key_wrap = _truthful(session, (LowLevel.CKM_AES_KEY_WRAP,), _WHOLE_BYTES, keywrap.aes_key_wrap)
        """RFC 3394."""
        self.key_wrap_padded = _truthful(session, padded, _WHOLE_BYTES, keywrap.aes_key_wrap_with_padding)
        """RFC 5649, at least of what needs no padding."""
        self.pads = (
            None
            is not self.key_wrap_padded
            == _truthful(session, padded, _PADDED_BYTES, keywrap.aes_key_wrap_with_padding)
        )
        """Whether it is RFC 5649 of every length."""
        if self.key_wrap is None:
            missing.append("CKM_AES_KEY_WRAP")
        if not self.pads:
            missing.append("CKM_AES_KEY_WRAP_KWP")
        self.missing = tuple(missing)
        self.oaep_refused: set[str] = set()
        """The hashes with which the token has been found not to do OAEP."""


def _truthful(
    session: Session, candidates: tuple[int, ...], size: int, library: Callable[[bytes, bytes], bytes]
) -> int | None:
    """Give the first of some mechanisms that wraps as the library does."""
    key, data = os.urandom(32), os.urandom(size)
    for number in candidates:
        name = str(PyKCS11.CKM.get(number, number))
        if name not in session.mechanisms and str(number) not in session.mechanisms:
            continue
        try:
            under = session.create(
                [
                    (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
                    (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_AES),
                    (LowLevel.CKA_TOKEN, False),
                    (LowLevel.CKA_PRIVATE, True),
                    (LowLevel.CKA_WRAP, True),
                    (LowLevel.CKA_VALUE, key),
                ]
            )
            with session.passing(under), session.passing(session.create(plain_secret_template(data))) as wrapped:
                if session.wrap(under, wrapped, mechanism(number)) == library(key, data):
                    return number
        except TokenRefusal as refusal:
            if refusal.kind == "gone":
                raise
    return None
