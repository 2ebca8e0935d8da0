"""
The algorithms of keys: one table (reference azure-key-vault.md section 4.4, operations.md keys; RFC 7518).

What an algorithm demands of its key and of its input is a row here, and is asked before any key is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from strongroom.core.keys import Curve, KeyKind

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
