"""
The wire structs of keys (reference operations.md section 7, keys).

Absent and null are the same in a request. In an answer, what has no value is left out. Byte members are base64url
without padding.
"""

from __future__ import annotations

import base64

import msgspec

from strongroom.core.errors import Invalid
from strongroom.core.keys import GivenKeyProperties, ReleasePolicy
from strongroom.core.release_policies import CONTENT_TYPE


class GivenKeyAttributes(msgspec.Struct):
    """`KeyAttributes` as a request gives them; what is read-only is not read."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None


class KeyReleasePolicy(msgspec.Struct, omit_defaults=True):
    """`KeyReleasePolicy`; its data are base64url, padded or not."""

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


class KeyReleaseParameters(msgspec.Struct):
    """The body of KeyRelease."""

    target: str | None = None
    nonce: str | None = None
    enc: str | None = None


class KeyReleaseResult(msgspec.Struct):
    """What KeyRelease answers: the released key, wrapped, in a signed statement."""

    value: str


def given_policy(policy: KeyReleasePolicy | None) -> ReleasePolicy | None:
    """
    Take a release policy out of a request's body; `core.key_release` judges what it says.

    Raises:
        Invalid: it has no data, or none that is base64url.
    """
    if policy is None:
        return None
    if not policy.data:
        raise Invalid("Property release_policy has no data.", code="BadParameter")
    data = octets_of(policy.data)
    if data is None:
        raise Invalid("Property release_policy has data that is not base64url.", code="BadParameter")
    return ReleasePolicy(data, policy.contentType or CONTENT_TYPE, bool(policy.immutable))


def policy_of(policy: ReleasePolicy | None) -> KeyReleasePolicy | None:
    """Spell a release policy for an answer."""
    return None if policy is None else KeyReleasePolicy(policy.content_type, octets(policy.data), policy.immutable)


def given_properties(body: KeyCreateParameters) -> GivenKeyProperties:
    """Take what the domain knows out of a request's body."""
    attributes = body.attributes or GivenKeyAttributes()
    return GivenKeyProperties(
        tuple(body.key_ops) if body.key_ops is not None else None,
        body.tags,
        attributes.enabled,
        attributes.nbf,
        attributes.exp,
        attributes.exportable,
        given_policy(body.release_policy),
    )


class KeyAttributes(msgspec.Struct, omit_defaults=True):
    """`KeyAttributes` as an answer has them."""

    enabled: bool
    created: int
    updated: int
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


def octets_of(text: str) -> bytes | None:
    """Read bytes off the wire: base64url or base64, padded or not; None if it is neither."""
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def octets(value: bytes | None) -> str | None:
    """Spell bytes for the wire."""
    return None if value is None else base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
