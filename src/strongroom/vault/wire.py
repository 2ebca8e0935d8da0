"""
The wire structs of the data plane (reference operations.md section 7, secrets).

Absent and null are the same in a request. In an answer, what has no value is left out.
"""

from __future__ import annotations

import msgspec

from strongroom.core.secrets import GivenProperties
from strongroom.http import json


class GivenAttributes(msgspec.Struct):
    """`SecretAttributes` as a request gives them; what is read-only is not read."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class SecretSetParameters(json.Secretive):
    """The body of SecretSet."""

    value: str | None = None
    contentType: str | None = None  # noqa: N815  the wire's name
    tags: dict[str, str] | None = None
    attributes: GivenAttributes | None = None


class SecretUpdateParameters(msgspec.Struct):
    """The body of SecretUpdate."""

    contentType: str | None = None  # noqa: N815  the wire's name
    tags: dict[str, str] | None = None
    attributes: GivenAttributes | None = None


class SecretRestoreParameters(msgspec.Struct):
    """The body of SecretRestore."""

    value: str | None = None


def given_properties(body: SecretSetParameters | SecretUpdateParameters) -> GivenProperties:
    """Take what the domain knows out of a request's body."""
    attributes = body.attributes or GivenAttributes()
    return GivenProperties(body.contentType, body.tags, attributes.enabled, attributes.nbf, attributes.exp)


class SecretAttributes(msgspec.Struct, omit_defaults=True):
    """`SecretAttributes` as an answer has them."""

    enabled: bool
    created: int
    updated: int
    nbf: int | None = None
    exp: int | None = None
    recoveryLevel: str | None = None  # noqa: N815  the wire's name
    recoverableDays: int | None = None  # noqa: N815  the wire's name


class SecretBundle(json.Secretive, omit_defaults=True):
    """`SecretBundle`, `SecretItem` and their deleted forms: each leaves out what it does not have."""

    id: str
    attributes: SecretAttributes
    value: str | None = None
    contentType: str | None = None  # noqa: N815  the wire's name
    tags: dict[str, str] | None = None
    kid: str | None = None
    managed: bool | None = None
    previousVersion: str | None = None  # noqa: N815  the wire's name
    recoveryId: str | None = None  # noqa: N815  the wire's name
    deletedDate: int | None = None  # noqa: N815  the wire's name
    scheduledPurgeDate: int | None = None  # noqa: N815  the wire's name


class SecretListResult(msgspec.Struct):
    """One page."""

    value: list[SecretBundle]
    nextLink: str | None  # noqa: N815  the wire's name


class BackupSecretResult(msgspec.Struct):
    """The answer of SecretBackup; `value` is base64url without padding."""

    value: str
