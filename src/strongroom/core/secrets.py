"""
Secrets: what a version of one consists of besides its value, and what may be written into it.

Owns no value: that is sealed by the domain as soon as `check_value` let it pass. Rules from reference
azure-key-vault.md sections 4.1, 4.3 and 9; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from strongroom.core.attributes import check_tags, check_window, invalid_property
from strongroom.core.certificates import FORM_NAMES, PEM, PKCS12
from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.limits import CONTENT_TYPE_CHARS, SECRET_VALUE_BYTES


@dataclass(frozen=True, slots=True)
class SecretAttributes:
    """The attributes that are stored; `recoveryLevel` and `recoverableDays` follow from the vault's settings."""

    created: int
    updated: int
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None


@dataclass(frozen=True, slots=True)
class SecretVersionBody:
    """All of a version that may be listed. What the caller never gave is None and stays out of the answer."""

    attributes: SecretAttributes
    content_type: str | None = None
    tags: dict[str, str] | None = None
    managed: bool = False
    """True for the secret of a certificate. Its key has the same name and version, so `kid` is not stored."""
    previous_version: str | None = None
    """The version before this one, for the secret of a certificate."""


@dataclass(frozen=True, slots=True)
class GivenProperties:
    """What the body of a set or an update says besides the value; None for what it leaves out."""

    content_type: str | None = None
    tags: dict[str, str] | None = None
    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


def check_value(value: str | None) -> None:
    """
    Check a secret's value; the empty text is one.

    Raises:
        Invalid: there is none, it is no Unicode text, or it is over 25 600 bytes of UTF-8.
    """
    if value is None:
        raise invalid_property("value")
    try:
        fits = len(value.encode()) <= SECRET_VALUE_BYTES
    except UnicodeEncodeError:
        # A lone surrogate: JSON can spell it, UTF-8 cannot. This exception holds the value, so it must not become the
        # context of the refusal.
        fits = False
    if not fits:
        raise invalid_property("value")


def new_version(given: GivenProperties, now: int) -> SecretVersionBody:
    """
    Make the body of a new version. It takes nothing over from the version before it.

    Raises:
        Invalid: a property breaks its rule.
    """
    attributes = SecretAttributes(
        created=now,
        updated=now,
        enabled=True if given.enabled is None else given.enabled,
        nbf=given.nbf,
        exp=given.exp,
    )
    body = SecretVersionBody(attributes, given.content_type, given.tags)
    _check(body)
    return body


def updated_version(body: SecretVersionBody, given: GivenProperties, now: int) -> SecretVersionBody:
    """
    Change a version as an update asks: what it leaves out stays, tags that it gives replace all tags.

    Raises:
        Invalid: a property breaks its rule, alone or together with one that stays.
        Forbidden: the secret is a certificate's.
    """
    require_not_managed(body, "update")
    old = body.attributes
    attributes = replace(
        old,
        updated=now,
        enabled=old.enabled if given.enabled is None else given.enabled,
        nbf=old.nbf if given.nbf is None else given.nbf,
        exp=old.exp if given.exp is None else given.exp,
    )
    changed = replace(
        body,
        attributes=attributes,
        content_type=body.content_type if given.content_type is None else given.content_type,
        tags=body.tags if given.tags is None else given.tags,
    )
    _check(changed)
    return changed


def require_not_managed(body: SecretVersionBody, operation: str) -> None:
    """
    Refuse what only its certificate may do to a managed secret (section 4.3).

    Raises:
        Forbidden: `SecretManagedByKeyVault`.
    """
    if body.managed:
        raise managed(operation)


def managed(operation: str) -> Forbidden:
    """Say that a secret is a certificate's, which alone may do this to it."""
    return Forbidden(
        f'Operation "{operation}" is not allowed as this object\'s lifetime is managed by Key Vault.',
        code="Forbidden",
        inner="SecretManagedByKeyVault",
    )


def _check(body: SecretVersionBody) -> None:
    if body.content_type is not None and len(body.content_type) > CONTENT_TYPE_CHARS:
        raise invalid_property("contentType")
    check_tags(body.tags)
    check_window(body.attributes.nbf, body.attributes.exp)


def is_to_be_converted(body: SecretVersionBody, wanted: str) -> bool:
    """
    Tell whether a secret has to be converted for who asks for it as *wanted*, one of the two forms of certificates.

    What is no certificate's has no form, whatever its content type says. The words are as recorded.

    Raises:
        Invalid: there is no way from the form that it has to the one that is wanted.
    """
    held = body.content_type if body.managed else None
    if held == wanted:
        return False
    if (held, wanted) != (PKCS12, PEM):
        raise Invalid(
            f"The '{FORM_NAMES.get(held or '', 'Unsupported')}' to '{FORM_NAMES[wanted]}' transformation is not"
            " supported. Only PFX to PEM transformation is supported.",
            code="BadParameter",
        )
    return True
