"""What the control surface reads and answers of trusted services."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import limits

_Name = Annotated[str, msgspec.Meta(max_length=limits.DISPLAY_NAME_CHARS)]


class TrustedServiceBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which service principal is which trusted service, and for what."""

    principal: Annotated[str, msgspec.Meta(max_length=limits.PATH_BYTES)]
    """Its object id, its app id, or the ARM id of a managed identity."""
    service: _Name
    """A name of the list."""
    operations: Annotated[list[_Name], msgspec.Meta(max_length=limits.TRUSTED_OPERATIONS)]
    """The names of operations on a vault's contents, such as `SecretGet`."""
    tenant: _Name | None = None
    """The principal's tenant, by id or domain; none means the only one there is."""


class TrustedServiceEntry(msgspec.Struct, rename="camel"):
    """A trusted service."""

    id: str
    tenant_id: str
    object_id: str
    display_name: str | None
    """The principal's; none once it is gone."""
    service: str
    operations: list[str]
    flag: str | None
    """The vault's setting that its scenario needs besides."""
    created: int


class TrustedServiceList(msgspec.Struct):
    """Every trusted service."""

    value: list[TrustedServiceEntry]
