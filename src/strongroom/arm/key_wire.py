"""
What requests about a vault's keys carry on this plane (inventory of azure-mgmt-keyvault 14.1.0).

Absent and null are the same. What is read-only is not read.
"""

from __future__ import annotations

import base64
import binascii

from msgspec import Struct, field

from strongroom.core.errors import Invalid
from strongroom.core.key_rotation import GivenAction
from strongroom.core.keys import GivenKeyProperties, ReleasePolicy


class KeyAttributes(Struct):
    """Whether a version is enabled, from when to when it is good (Unix times), and whether it may be released."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None
    exportable: bool | None = None


class Trigger(Struct, rename="camel"):
    """When something is done with a key: one of both, in ISO 8601 durations."""

    time_after_create: str | None = None
    time_before_expiry: str | None = None


class Action(Struct):
    """What is done: `rotate` or `notify`."""

    type: str | None = None


class LifetimeAction(Struct):
    """What is done with a key by itself, and when."""

    trigger: Trigger | None = None
    action: Action | None = None


class RotationPolicyAttributes(Struct, rename="camel"):
    """How long the versions are good that rotation makes."""

    expiry_time: str | None = None


class RotationPolicy(Struct, rename="camel"):
    """A key's rotation policy."""

    attributes: RotationPolicyAttributes | None = None
    lifetime_actions: list[LifetimeAction] | None = None


class KeyReleasePolicy(Struct, rename="camel"):
    """Under which conditions an exportable key may be released; the conditions are in base64url."""

    content_type: str | None = None
    data: str | None = None


class KeyProperties(Struct, rename="camel"):
    """What a key is to be, and what is said of it."""

    attributes: KeyAttributes | None = None
    kty: str | None = None
    key_ops: list[str] | None = None
    key_size: int | None = None
    curve_name: str | None = None
    rotation_policy: RotationPolicy | None = None
    release_policy: KeyReleasePolicy | None = field(default=None, name="release_policy")


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
        _release_policy(properties.release_policy),
    )


def given_policy(properties: KeyProperties) -> tuple[list[GivenAction], str | None] | None:
    """Take a rotation policy's actions, and how long new versions are good, out of a request's body."""
    policy = properties.rotation_policy
    if policy is None:
        return None
    given: list[GivenAction] = []
    for one in policy.lifetime_actions or ():
        trigger, action = one.trigger or Trigger(), one.action or Action()
        given.append(GivenAction(action.type, trigger.time_after_create, trigger.time_before_expiry))
    return given, policy.attributes.expiry_time if policy.attributes is not None else None


def _release_policy(given: KeyReleasePolicy | None) -> ReleasePolicy | None:
    if given is None or given.data is None:
        return None
    try:
        data = base64.b64decode(given.data.encode("ascii") + b"=" * (-len(given.data) % 4), b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Invalid("The data of the key release policy is not base64url.", code="BadParameter") from None
    return ReleasePolicy(data) if given.content_type is None else ReleasePolicy(data, given.content_type)
