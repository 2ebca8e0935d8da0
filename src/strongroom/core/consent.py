"""
Consent: what a client was allowed to ask for in a user's name, and what it was not.

Judges what it is given; `directory.consent` finds it. Choices where the references are silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.core.offers import Offer
from strongroom.core.relations import PermissionGrant

ADMIN = "Admin"
"""`PermissionScope.type` of what an administrator alone consents to."""


@dataclass(frozen=True, slots=True)
class MissingPermission:
    """A delegated permission that was asked for and not granted, and what people are told of it."""

    word: str
    display_name: str
    description: str
    admin_only: bool


@dataclass(frozen=True, slots=True)
class MissingOfResource:
    """What is missing of one resource."""

    app_id: str
    principal: str | None
    """The object id of its service principal, which a grant names; None in a tenant that was made before it had one."""
    display_name: str
    permissions: tuple[MissingPermission, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What a grant has to say for nothing to be missing."""
        return tuple(one.word for one in self.permissions)


@dataclass(frozen=True, slots=True)
class Missing:
    """Everything that a request needs consent for, by resource."""

    resources: tuple[MissingOfResource, ...]

    @property
    def admin_only(self) -> bool:
        """Whether an administrator has to consent, because of at least one of the permissions."""
        return any(permission.admin_only for one in self.resources for permission in one.permissions)


def granted_words(grants: Iterable[PermissionGrant], resource: str | None, user: str) -> frozenset[str]:
    """Give the words that a client was granted of a resource's service principal, for this user or for all."""
    return frozenset(
        word for one in grants if one.resource == resource and one.principal in {None, user} for word in one.scopes
    )


def missing_of(offered: Offer, principal: str | None, words: Iterable[str]) -> MissingOfResource:
    """Say of each word that is missing what people are told of it."""
    return MissingOfResource(
        offered.app_id, principal, offered.display_name, tuple(_missing(offered, word) for word in words)
    )


def _missing(offered: Offer, word: str) -> MissingPermission:
    found = offered.scope(word)
    if found is None:
        return MissingPermission(word, word, "", admin_only=True)
    admin_only = found.type == ADMIN
    names = (found.user_consent_display_name, found.admin_consent_display_name)
    texts = (found.user_consent_description, found.admin_consent_description)
    if admin_only:
        names, texts = names[::-1], texts[::-1]
    return MissingPermission(
        word,
        next((name for name in names if name), word),
        next((text for text in texts if text), ""),
        admin_only,
    )
