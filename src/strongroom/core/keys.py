"""
Keys: their types, what a version of one consists of besides its private part, and what may be written into it.

Owns no private part: that is `crypto.keys`. Rules from reference azure-key-vault.md sections 4.1, 4.2, 4.4 and 5.2;
choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from strongroom.core.attributes import check_tags, check_window
from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.lifecycle import require_usable
from strongroom.core.objects import Collection

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
USUAL_EXPONENT = 65537
MADE_EXPONENTS = (3, USUAL_EXPONENT)
"""The public exponents that a new RSA key may have: those that the libraries make keys with."""
_OTHER_CURVE_NAMES = {"SECP256K1": Curve.P256K}
"""What 2016-10-01 called the curve, and what Azure CLI still calls it when it imports a key."""
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

POSSIBLE_OPERATIONS: Mapping[KeyKind, frozenset[KeyOperation]] = {
    KeyKind.RSA: frozenset(KeyOperation),
    KeyKind.EC: frozenset({KeyOperation.SIGN, KeyOperation.VERIFY, KeyOperation.EXPORT}),
    KeyKind.OCT: frozenset(KeyOperation) - {KeyOperation.IMPORT},
}
"""What a key can be used for at all: the algorithms of its kind, being exported, and for RSA to bring in others."""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a key is to be, or is: its kind, and what of size, curve and exponent belongs to that."""

    kind: KeyKind
    bits: int | None = None
    """Of RSA and oct keys."""
    curve: Curve | None = None
    public_exponent: int = USUAL_EXPONENT
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


# ---- what is asked for ----------------------------------------------------------------------------------------------


def parse_key_type(text: str | None) -> KeyType:
    """
    Read a `kty`.

    Raises:
        Invalid: there is none, or none of this name; case counts.
    """
    try:
        return KeyType(text or "")
    except ValueError:
        raise _refused("kty", f"must be one of: {_list(KeyType)}") from None


def parse_curve(text: str | None) -> Curve:
    """
    Read a `crv`.

    Raises:
        Invalid: there is none, or none of this name; case counts.
    """
    try:
        return Curve(_OTHER_CURVE_NAMES.get(text or "", text or ""))
    except ValueError:
        raise _refused("crv", f"must be one of: {_list(Curve)}") from None


def spec_of_new(kind: KeyKind, *, bits: int | None, curve: str | None, public_exponent: int | None) -> KeySpec:
    """
    Say what a key that is to be made shall be: what is left out has its default, what does not belong is refused.

    An exponent of 0 is none: Java's clients send it where the program says nothing.

    Raises:
        Invalid: a size, a curve or an exponent that such keys cannot have.
    """
    public_exponent = public_exponent or None
    if kind is not KeyKind.EC and curve is not None:
        raise _refused("crv", "belongs to EC keys alone")
    if kind is not KeyKind.RSA and public_exponent is not None:
        raise _refused("public_exponent", "belongs to RSA keys alone")
    if kind is KeyKind.EC:
        named = Curve.P256 if curve is None else parse_curve(curve)
        if bits not in {None, CURVE_BITS[named]}:
            raise _refused("key_size", f"is {CURVE_BITS[named]} for the curve {named}")
        return KeySpec(kind, curve=named)
    if kind is KeyKind.OCT:
        return KeySpec(kind, _size(bits, OCT_BITS, 256, "oct"))
    exponent = USUAL_EXPONENT if public_exponent is None else public_exponent
    if exponent not in MADE_EXPONENTS:
        raise _refused("public_exponent", f"must be one of: {_list(MADE_EXPONENTS)}")
    return KeySpec(kind, _size(bits, RSA_BITS, 2048, "RSA"), public_exponent=exponent)


def spec_of_next(spec: KeySpec) -> KeySpec:
    """Say what a key shall be that follows another: the same, with the usual exponent if none is made with that one."""
    return spec if spec.public_exponent in MADE_EXPONENTS else replace(spec, public_exponent=USUAL_EXPONENT)


def _size(given: int | None, sizes: tuple[int, ...], default: int, noun: str) -> int:
    if given is None:
        return default
    if given not in sizes:
        raise _refused("key_size", f"of {noun} keys must be one of: {_list(sizes)}")
    return given


def parse_operations(texts: Iterable[str] | None, kind: KeyKind) -> tuple[KeyOperation, ...] | None:
    """
    Read `key_ops`, in the order given; None if nothing is said of them.

    Raises:
        Invalid: an unknown word, one twice, one that such keys cannot do, or `import` together with others: a key that
            brings in others must not decrypt what they are wrapped in (section 4.4).
    """
    if texts is None:
        return None
    given = tuple(texts)
    words = set(KeyOperation)
    if any(text not in words for text in given):
        raise _refused("key_ops", f"must be of: {_list(KeyOperation)}")
    if len(set(given)) < len(given):
        raise _refused("key_ops", "has an operation twice")
    operations = tuple(KeyOperation(text) for text in given)
    if not POSSIBLE_OPERATIONS[kind].issuperset(operations):
        possible = [word for word in KeyOperation if word in POSSIBLE_OPERATIONS[kind]]
        raise _refused("key_ops", f"of {kind} keys must be of: {_list(possible)}")
    if KeyOperation.IMPORT in operations and len(operations) > 1:
        raise _refused("key_ops", "with import can have no other operation")
    return operations


# ---- versions -------------------------------------------------------------------------------------------------------


def new_key_version(
    key_type: KeyType, spec: KeySpec, given: GivenKeyProperties, *, platform: str, now: int
) -> KeyVersionBody:
    """
    Make the body of a new version, which takes nothing over from the one before; `parts` come when the key is made.

    Raises:
        Invalid: a property breaks its rule.
    """
    attributes = KeyAttributes(
        now, now, True if given.enabled is None else given.enabled, given.nbf, given.exp, given.exportable
    )
    # No new key is without operations, for some clients fail at one (pitfalls "Wire"); an update can take them away.
    operations = parse_operations(given.operations, key_type.kind) or DEFAULT_OPERATIONS[key_type.kind]
    body = KeyVersionBody(
        key_type,
        PublicParts(),
        operations,
        attributes,
        spec.bits,
        spec.curve,
        platform,
        given.tags,
        given.release_policy,
    )
    _check(body)
    return body


def updated_key_version(body: KeyVersionBody, given: GivenKeyProperties, now: int) -> KeyVersionBody:
    """
    Change a version as an update asks: what it leaves out stays, tags and operations that it gives replace all.

    A key that brings in others stays one and no other becomes one: else whoever may update it could have it decrypt
    what was wrapped for it.

    Raises:
        Invalid: a property breaks its rule, alone or together with one that stays.
        Forbidden: the key is a certificate's.
    """
    require_not_managed(body, "update")
    old = body.attributes
    attributes = replace(
        old,
        updated=now,
        enabled=old.enabled if given.enabled is None else given.enabled,
        nbf=old.nbf if given.nbf is None else given.nbf,
        exp=old.exp if given.exp is None else given.exp,
        exportable=old.exportable if given.exportable is None else given.exportable,
    )
    operations = parse_operations(given.operations, body.type.kind)
    if operations is None:
        operations = body.operations
    if (KeyOperation.IMPORT in operations) is not (KeyOperation.IMPORT in body.operations):
        raise _refused("key_ops", "cannot gain or lose import when the key exists")
    changed = replace(
        body,
        operations=operations,
        attributes=attributes,
        tags=body.tags if given.tags is None else given.tags,
        release_policy=body.release_policy if given.release_policy is None else given.release_policy,
    )
    _check(changed)
    return changed


def _check(body: KeyVersionBody) -> None:
    check_tags(body.tags)
    check_window(body.attributes.nbf, body.attributes.exp)
    if KeyOperation.EXPORT in body.operations and body.attributes.exportable is not True:
        raise _refused("key_ops", "can have export only if the key is exportable")


def require_key_usable(body: KeyVersionBody, operation: KeyOperation, now: int) -> None:
    """
    Refuse a use that a key's attributes forbid at this time, or that is not one of its operations.

    Raises:
        Forbidden: `KeyDisabled`, `KeyNotYetValid`, `KeyExpired` or `KeyOperationForbidden`.
    """
    own = body.attributes
    require_usable(Collection.KEYS, operation, enabled=own.enabled, nbf=own.nbf, exp=own.exp, now=now)
    if operation not in body.operations:
        raise Forbidden(
            f"Operation {operation} is not permitted on this key.", code="Forbidden", inner="KeyOperationForbidden"
        )


def require_not_managed(body: KeyVersionBody, operation: str) -> None:
    """
    Refuse what only its certificate may do to a managed key.

    Raises:
        Forbidden: `KeyManagedByKeyVault`.
    """
    if body.managed:
        raise Forbidden(
            f'Operation "{operation}" is not allowed as this object\'s lifetime is managed by Key Vault.',
            code="Forbidden",
            inner="KeyManagedByKeyVault",
        )


def _refused(member: str, fault: str) -> Invalid:
    """Refuse a member of a request by its name, without its value."""
    return Invalid(f"Property {member} {fault}.", code="BadParameter", reason=f"invalid {member}")


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)
