"""
What requests about a vault's secrets carry on this plane (inventory of azure-mgmt-keyvault 14.1.0).

Absent and null are the same. What is read-only is not read.
"""

from __future__ import annotations

from msgspec import Struct

from strongroom.core.secrets import GivenProperties
from strongroom.http import json


class SecretAttributes(Struct):
    """Whether a version is enabled, and from when to when it is good: Unix times."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class SecretProperties(json.Secretive, rename="camel"):
    """What there is of a version."""

    value: str | None = None
    content_type: str | None = None
    attributes: SecretAttributes | None = None


class SecretCreateOrUpdateParameters(json.Secretive):
    """The body that sets a secret."""

    properties: SecretProperties
    tags: dict[str, str] | None = None


class SecretPatchParameters(json.Secretive):
    """The body that changes the newest version, or makes another out of it."""

    properties: SecretProperties | None = None
    tags: dict[str, str] | None = None


def given_properties(properties: SecretProperties, tags: dict[str, str] | None) -> GivenProperties:
    """Take what the domain knows out of a request's body."""
    attributes = properties.attributes or SecretAttributes()
    return GivenProperties(properties.content_type, tags, attributes.enabled, attributes.nbf, attributes.exp)
