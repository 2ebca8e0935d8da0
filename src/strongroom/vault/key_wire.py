"""
The wire structs of keys (reference operations.md section 7, keys).

Absent and null are the same in a request. In an answer, what has no value is left out. Byte members are base64url
without padding.
"""

from __future__ import annotations

import binascii

import msgspec

from strongroom.core.api_versions import EXPORTABLE_SINCE, at_least
from strongroom.core.errors import Invalid
from strongroom.core.key_release import refusal
from strongroom.core.keys import GivenKeyProperties, ReleasePolicy
from strongroom.core.release_policies import CONTENT_TYPE
from strongroom.http import json


class GivenKeyAttributes(msgspec.Struct):
    """`KeyAttributes` as a request gives them; what is read-only is not read."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None


class KeyReleasePolicy(msgspec.Struct, omit_defaults=True):
    """`KeyReleasePolicy`, of a request or an answer."""

    contentType: str | None = None  # noqa: N815  the wire's name
    data: str | None = None
    immutable: bool | None = None


class KeyCreateParameters(msgspec.Struct):
    """The body of KeyCreate."""

    kty: str | None = None
    key_size: int | None = None
    public_exponent: int | None = None
    key_ops: list[str] | None = None
    attributes: GivenKeyAttributes | None = None
    tags: dict[str, str] | None = None
    crv: str | None = None
    release_policy: KeyReleasePolicy | None = None


class GivenJsonWebKey(json.Secretive):
    """A key as KeyImport gives it, with its private members."""

    kty: str | None = None
    key_ops: list[str] | None = None
    n: str | None = None
    e: str | None = None
    d: str | None = None
    p: str | None = None
    q: str | None = None
    dp: str | None = None
    dq: str | None = None
    qi: str | None = None
    k: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    key_hsm: str | None = None
    """A transfer blob, in the place of the private members."""

    def members(self) -> dict[str, bytes]:
        """
        Read the members of bytes that are given.

        Raises:
            Invalid: one is not base64url.
        """
        given = {name: getattr(self, name) for name in _BYTES}
        return {name: read_octets(text, name) for name, text in given.items() if text is not None}


_BYTES = ("n", "e", "d", "p", "q", "dp", "dq", "qi", "k", "x", "y")


class KeyImportParameters(json.Secretive):
    """The body of KeyImport. The official clients spell `Hsm` with a capital, the documentation without."""

    key: GivenJsonWebKey | None = None
    Hsm: bool | None = None
    hsm: bool | None = None
    attributes: GivenKeyAttributes | None = None
    tags: dict[str, str] | None = None
    release_policy: KeyReleasePolicy | None = None

    @property
    def key_ops(self) -> list[str] | None:
        """The operations, which stand in the key."""
        return self.key.key_ops if self.key is not None else None


class KeyUpdateParameters(msgspec.Struct):
    """The body of KeyUpdate."""

    key_ops: list[str] | None = None
    attributes: GivenKeyAttributes | None = None
    tags: dict[str, str] | None = None
    release_policy: KeyReleasePolicy | None = None


class KeyReleaseParameters(msgspec.Struct):
    """The body of KeyRelease."""

    target: str | None = None
    nonce: str | None = None
    enc: str | None = None


class KeyRestoreParameters(msgspec.Struct):
    """The body of KeyRestore."""

    value: str | None = None


def given_properties(
    body: KeyCreateParameters | KeyImportParameters | KeyUpdateParameters, version: str
) -> GivenKeyProperties:
    """
    Take what the domain knows out of a request's body.

    What its api-version does not know is not there, as with any member that nothing is known of. Whoever would have a
    key leave the vault is told so all the same.

    Raises:
        Invalid: AKV.SKR.1001.
    """
    attributes = body.attributes or GivenKeyAttributes()
    knows_release = at_least(version, EXPORTABLE_SINCE)
    if attributes.exportable and not knows_release:
        raise refusal(1001)
    return GivenKeyProperties(
        tuple(body.key_ops) if body.key_ops is not None else None,
        body.tags,
        attributes.enabled,
        attributes.nbf,
        attributes.exp,
        attributes.exportable if knows_release else None,
        _given_policy(body.release_policy) if knows_release else None,
    )


def _given_policy(policy: KeyReleasePolicy | None) -> ReleasePolicy | None:
    """Take a release policy out of a request's body; `core.key_release` judges what it says."""
    if policy is None:
        return None
    data = read_octets(policy.data or "", "release_policy.data")
    return ReleasePolicy(data, policy.contentType or CONTENT_TYPE, bool(policy.immutable))


def policy_of(policy: ReleasePolicy | None) -> KeyReleasePolicy | None:
    """Spell a release policy for an answer."""
    return None if policy is None else KeyReleasePolicy(policy.content_type, octets(policy.data), policy.immutable)


class KeyAttributes(msgspec.Struct, omit_defaults=True):
    """`KeyAttributes` as an answer has them."""

    enabled: bool
    created: int
    updated: int
    key_size: int | None = None
    nbf: int | None = None
    exp: int | None = None
    recoveryLevel: str | None = None  # noqa: N815  the wire's name
    recoverableDays: int | None = None  # noqa: N815  the wire's name
    exportable: bool | None = None
    hsmPlatform: str | None = None  # noqa: N815  the wire's name


class JsonWebKey(msgspec.Struct, omit_defaults=True):
    """A key as an answer has it: its public members alone."""

    kid: str
    kty: str
    key_ops: list[str]
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class KeyBundle(msgspec.Struct, omit_defaults=True):
    """`KeyBundle` and its deleted form."""

    key: JsonWebKey
    attributes: KeyAttributes
    tags: dict[str, str] | None = None
    managed: bool | None = None
    release_policy: KeyReleasePolicy | None = None
    recoveryId: str | None = None  # noqa: N815  the wire's name
    deletedDate: int | None = None  # noqa: N815  the wire's name
    scheduledPurgeDate: int | None = None  # noqa: N815  the wire's name


class RotationTrigger(msgspec.Struct, omit_defaults=True):
    """`LifetimeActionsTrigger`: ISO 8601 durations."""

    timeAfterCreate: str | None = None  # noqa: N815  the wire's name
    timeBeforeExpiry: str | None = None  # noqa: N815  the wire's name


class RotationAction(msgspec.Struct, omit_defaults=True):
    """`LifetimeActionsType`."""

    type: str | None = None


class LifetimeAction(msgspec.Struct, omit_defaults=True):
    """`LifetimeActions`: one of them."""

    trigger: RotationTrigger | None = None
    action: RotationAction | None = None


class RotationPolicyAttributes(msgspec.Struct, omit_defaults=True):
    """`KeyRotationPolicyAttributes`; of a request's, the times are not used."""

    expiryTime: str | None = None  # noqa: N815  the wire's name
    created: int | None = None
    updated: int | None = None


class KeyRotationPolicy(msgspec.Struct):
    """`KeyRotationPolicy`, as requests and answers have it. Where nobody set one, it has no id and null attributes."""

    id: str | msgspec.UnsetType | None = msgspec.UNSET
    lifetimeActions: list[LifetimeAction] | None = None  # noqa: N815  the wire's name
    attributes: RotationPolicyAttributes | None = None


class KeyItem(msgspec.Struct, omit_defaults=True):
    """`KeyItem` and its deleted form."""

    kid: str
    attributes: KeyAttributes
    tags: dict[str, str] | None = None
    managed: bool | None = None
    recoveryId: str | None = None  # noqa: N815  the wire's name
    deletedDate: int | None = None  # noqa: N815  the wire's name
    scheduledPurgeDate: int | None = None  # noqa: N815  the wire's name


class KeyListResult(msgspec.Struct):
    """One page."""

    value: list[KeyItem]
    nextLink: str | None  # noqa: N815  the wire's name


class KeyReleaseResult(msgspec.Struct):
    """The answer of KeyRelease: the released key, wrapped, in a signed statement."""

    value: str


class BackupKeyResult(msgspec.Struct):
    """The answer of KeyBackup."""

    value: str


def read_octets(text: str, member: str) -> bytes:
    """
    Read bytes of a request: base64url, with all of its padding or with none.

    Raises:
        Invalid: they are not base64url.
    """
    try:
        return _decoded(text)
    except ValueError:
        raise Invalid(f"Property {member} is not base64url.", code="BadParameter", reason=f"invalid {member}") from None


def read_value(text: str) -> bytes:
    """
    Read the bytes of the member `value`.

    Raises:
        Invalid: they are not base64url.
    """
    return read_octets(text, "value")


def _decoded(text: str) -> bytes:
    """
    Decode base64url.

    Raises:
        ValueError: it is none.
    """
    if text.endswith("=") and (len(text) % 4 or text.endswith("===")):
        # The decoder would not mind it.
        raise ValueError("padding where none belongs")
    return binascii.a2b_base64(text.encode("ascii").translate(_ALPHABET) + b"=" * (-len(text) % 4), strict_mode=True)


_ALPHABET = bytes.maketrans(b"-_+/", b"+/!!")
"""To the alphabet that the decoder reads; its own two characters become one that it refuses."""
_WIRE_ALPHABET = bytes.maketrans(b"+/", b"-_")


def octets(value: bytes | None) -> str | None:
    """Spell bytes for the wire."""
    if value is None:
        return None
    # `base64` does the same in two calls more.
    return binascii.b2a_base64(value, newline=False).translate(_WIRE_ALPHABET).rstrip(b"=").decode("ascii")
