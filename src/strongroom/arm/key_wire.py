"""
What requests about a vault's keys carry on this plane (inventory of azure-mgmt-keyvault 14.1.0).

Absent and null are the same. What is read-only is not read.
"""

from __future__ import annotations

from msgspec import Struct

from strongroom.core.keys import GivenKeyProperties


class KeyAttributes(Struct):
    """Whether a version is enabled, from when to when it is good (Unix times), and whether it may be released."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None


class KeyProperties(Struct, rename="camel"):
    """What a key is to be, and what is said of it."""

    attributes: KeyAttributes | None = None
    kty: str | None = None
    key_ops: list[str] | None = None
    key_size: int | None = None
    curve_name: str | None = None


class KeyCreateParameters(Struct):
    """The body that makes a key where there is none."""

    properties: KeyProperties
    tags: dict[str, str] | None = None


class ProposedKey(Struct):
    """A key as a policy check is asked about it."""

    properties: KeyProperties | None = None


def given_properties(body: KeyCreateParameters) -> GivenKeyProperties:
    """Take what the domain knows out of a request's body."""
    properties = body.properties
    attributes = properties.attributes or KeyAttributes()
    return GivenKeyProperties(
        tuple(properties.key_ops) if properties.key_ops is not None else None,
        body.tags,
        attributes.enabled,
        attributes.nbf,
        attributes.exp,
        attributes.exportable,
    )
