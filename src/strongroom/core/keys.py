"""
Keys: their types, what a version of one consists of besides its private part, and what may be written into it.

Owns no private part: that is `crypto.keys`. Rules from reference azure-key-vault.md sections 4.1, 4.2, 4.4 and 5.2;
choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# ---- types ----------------------------------------------------------------------------------------------------------


class KeyKind(StrEnum):
    """What a key is mathematically, wherever it lives."""

    RSA = "RSA"
    EC = "EC"
    OCT = "oct"


class Curve(StrEnum):
    """The curves, by the names that JSON Web Keys have here."""

    P256 = "P-256"
    P384 = "P-384"
    P521 = "P-521"
    P256K = "P-256K"


class KeyType(StrEnum):
    """A key's `kty`: its kind, and whether it lives in a token (`-HSM`)."""

    RSA = "RSA"
    RSA_HSM = "RSA-HSM"
    EC = "EC"
    EC_HSM = "EC-HSM"
    OCT = "oct"
    OCT_HSM = "oct-HSM"

    @property
    def kind(self) -> KeyKind:
        """What it is mathematically."""
        return KeyKind(self.removesuffix("-HSM"))

    @property
    def in_token(self) -> bool:
        """Tell whether its private part lives in a token and nowhere else."""
        return self.endswith("-HSM")


class KeyOperation(StrEnum):
    """What a key may be used for: the members of `key_ops`."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    SIGN = "sign"
    VERIFY = "verify"
    WRAP_KEY = "wrapKey"
    UNWRAP_KEY = "unwrapKey"
    IMPORT = "import"
    EXPORT = "export"


RSA_BITS = (2048, 3072, 4096)
OCT_BITS = (128, 192, 256)
CURVE_BITS: Mapping[Curve, int] = {Curve.P256: 256, Curve.P384: 384, Curve.P521: 521, Curve.P256K: 256}

DEFAULT_OPERATIONS: Mapping[KeyKind, tuple[KeyOperation, ...]] = {
    KeyKind.RSA: (
        KeyOperation.ENCRYPT,
        KeyOperation.DECRYPT,
        KeyOperation.SIGN,
        KeyOperation.VERIFY,
        KeyOperation.WRAP_KEY,
        KeyOperation.UNWRAP_KEY,
    ),
    KeyKind.EC: (KeyOperation.SIGN, KeyOperation.VERIFY),
    KeyKind.OCT: (KeyOperation.UNWRAP_KEY, KeyOperation.WRAP_KEY, KeyOperation.DECRYPT, KeyOperation.ENCRYPT),
}
"""What a key may be used for if its maker does not say, in the order of the real service's answers (section 4.4)."""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a key is to be, or is: its kind, and what of size, curve and exponent belongs to that."""

    kind: KeyKind
    bits: int | None = None
    """Of RSA and oct keys."""
    curve: Curve | None = None
    public_exponent: int = 65537
    """Of RSA keys."""


@dataclass(frozen=True, slots=True)
class PublicParts:
    """The public members of a JSON Web Key, big-endian (RFC 7518 section 6); none of them for an oct key."""

    n: bytes | None = None
    e: bytes | None = None
    x: bytes | None = None
    y: bytes | None = None


# ---- a version ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """The attributes that are stored; `recoveryLevel` and `recoverableDays` follow from the vault's settings."""

    created: int
    updated: int
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None
    """None where nobody said, which means no."""


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """Under which conditions an exportable key may be released (`core.release_policies` reads *data*)."""

    data: bytes
    content_type: str = "application/json; charset=utf-8"
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class KeyVersionBody:
    """All of a version that may be listed: everything but its private part."""

    type: KeyType
    parts: PublicParts
    operations: tuple[KeyOperation, ...]
    attributes: KeyAttributes
    bits: int | None = None
    """Of RSA and oct keys."""
    curve: Curve | None = None
    platform: str = "0"
    """`hsmPlatform`: what holds the key (section 4.4)."""
    tags: dict[str, str] | None = None
    release_policy: ReleasePolicy | None = None
    managed: bool = False
    """True for the key of a certificate."""

    @property
    def spec(self) -> KeySpec:
        """What the key is."""
        exponent = int.from_bytes(self.parts.e or b"\x01\x00\x01", "big")
        return KeySpec(self.type.kind, self.bits, self.curve, exponent)


@dataclass(frozen=True, slots=True)
class GivenKeyProperties:
    """What the body of a create, an import or an update says besides the key; None for what it leaves out."""

    operations: tuple[str, ...] | None = None
    tags: dict[str, str] | None = None
    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None
    release_policy: ReleasePolicy | None = None
