"""What the control surface reads and answers of private CAs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import certificate_limits, limits

_Text = Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)]
_TARGET_CHARS = 512


class PrivateAuthorityBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A CA that is to be made."""

    name: _Text
    tenant: _Text | None = None
    key_type: _Text | None = None
    in_token: bool = False
    subject: _Text | None = None
    years: int | None = None
    permitted: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=certificate_limits.AUTHORITY_CONSTRAINTS + 1)] = ()
    """DNS domains and IP networks that it may certify names in; none means any name."""
    profiles: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=16)] = ()


class NamedAuthorityBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which CA is meant."""

    name: _Text
    tenant: _Text | None = None


class RenewAuthorityBody(NamedAuthorityBody, rename="camel", forbid_unknown_fields=True):
    """A CA that is to have another issuing CA."""

    revoke: bool = False
    """Whether what the others issued does not count any more."""


class RemoveAuthorityBody(NamedAuthorityBody, rename="camel", forbid_unknown_fields=True):
    """A CA that is to be removed."""

    force: bool = False
    """Even if something that it issued is still good."""


class RevokeBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A certificate that is to be revoked."""

    target: Annotated[str, msgspec.Meta(max_length=_TARGET_CHARS)]
    """Its serial number in hexadecimal, or `VAULT/CERTIFICATE` with a version after another slash."""
    tenant: _Text | None = None
    reason: _Text | None = None


class AuthorityKeyEntry(msgspec.Struct, rename="camel"):
    """A key of a CA with its certificate."""

    id: str
    subject: str
    not_before: int
    not_after: int
    certificate: str
    """PEM."""
    revoked: int | None
    list_number: int | None
    """Of the last list of what it revoked."""
    list_until: int | None
    """Until when that list is good."""


class PrivateAuthorityEntry(msgspec.Struct, rename="camel"):
    """A CA."""

    name: str
    tenant_id: str
    created: int
    key_type: str
    in_token: bool
    permitted: list[str]
    profiles: list[str]
    root: AuthorityKeyEntry
    issuing: list[AuthorityKeyEntry]
    """The one that issues, first."""
    issued: int
    """How many certificates it issued that are not forgotten."""
    revoked: int
    published: str | None
    """The URL that its certificates name; none where nothing is published."""


class PrivateAuthorityList(msgspec.Struct):
    """Every CA."""

    value: list[PrivateAuthorityEntry]


class IssuedCertificateEntry(msgspec.Struct, rename="camel"):
    """A certificate that a CA issued."""

    serial: str
    authority: str
    vault: str | None
    """The name of the vault that it was issued for; none if that is gone."""
    name: str
    subject: str
    created: int
    expires: int
    revoked: int | None
    reason: str | None


class IssuedCertificateList(msgspec.Struct):
    """The certificates that a CA issued, the newest first."""

    value: list[IssuedCertificateEntry]
    more: bool
    """Whether there are older ones."""
