"""What the control surface reads and answers of ACME accounts."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import acme_limits, limits
from strongroom.core.acme_accounts import ChallengeType
from strongroom.core.outgoing import URL_CHARS
from strongroom.http import json

_Name = Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)]


class AcmeAccountBody(json.Secretive, rename="camel", forbid_unknown_fields=True):
    """An account that is to be made."""

    name: Annotated[str, msgspec.Meta(max_length=acme_limits.ACME_ACCOUNT_NAME_CHARS)]
    directory: Annotated[str, msgspec.Meta(max_length=URL_CHARS)]
    """The URL of the authority's directory."""
    agree_to_terms: bool = False
    """Whether the operator agrees to the authority's terms of service, if it has any."""
    contacts: Annotated[list[_Name], msgspec.Meta(max_length=acme_limits.ACME_ACCOUNT_CONTACTS)] = []
    external_key_id: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=acme_limits.ACME_EXTERNAL_ID_CHARS)] | None
    ) = None
    external_key: Annotated[str, msgspec.Meta(max_length=acme_limits.ACME_EXTERNAL_KEY_CHARS)] | None = None
    """In base64url, as authorities hand it out; it is used once and not kept."""
    challenge: ChallengeType = ChallengeType.HTTP
    hook: Annotated[str, msgspec.Meta(max_length=acme_limits.HOOK_PATH_CHARS)] = ""
    """The program that makes DNS records, for `dns-01`."""
    dns_wait_seconds: Annotated[int, msgspec.Meta(ge=0, le=acme_limits.DNS_WAIT_MAX_S)] = acme_limits.DNS_WAIT_S
    tenants: Annotated[list[_Name], msgspec.Meta(max_length=acme_limits.ACME_ACCOUNT_TENANTS)] = []
    """Whose vaults may use it, by id or domain; none means the only one there is."""
    domains: Annotated[list[_Name], msgspec.Meta(max_length=acme_limits.ACME_ACCOUNT_DOMAINS)] = []
    """What it is confined to; none means any name."""


class AcmeAccountEntry(msgspec.Struct, rename="camel"):
    """An account."""

    name: str
    directory: str
    url: str
    contacts: list[str]
    terms: str | None
    """The terms of service that were agreed to."""
    external_key_id: str | None
    challenge: str
    hook: str | None
    dns_wait_seconds: int
    tenant_ids: list[str]
    domains: list[str]
    created: int


class AcmeAccountList(msgspec.Struct):
    """Every account."""

    value: list[AcmeAccountEntry]


class AcmeAccountCheck(msgspec.Struct, rename="camel"):
    """What an authority says of an account now."""

    name: str
    status: str
    terms: str | None
    """The terms as they are now."""


class AcmeAccountRemoved(msgspec.Struct, rename="camel"):
    """An account that is forgotten here."""

    name: str
    deactivated: bool
    """Whether the authority has taken it out of use as well."""
