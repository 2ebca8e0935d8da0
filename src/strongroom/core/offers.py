"""
What a resource offers to those who ask for tokens for it: delegated permissions (`scp`) and app roles (`roles`).

Sources: reference clients.md section 7; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from strongroom.core.registration import AppRole, PermissionScope, PreAuthorized

USER, APPLICATION = "User", "Application"
"""Whom an app role is for: users and groups, or service principals."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one resource offers."""

    app_id: str
    display_name: str
    scopes: tuple[PermissionScope, ...] = ()
    app_roles: tuple[AppRole, ...] = ()
    pre_authorized: tuple[PreAuthorized, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every delegated permission that may be asked for, in the order they were registered."""
        return tuple(one.value for one in self.scopes if one.enabled and one.value)

    def scope(self, word: str) -> PermissionScope | None:
        """Find an enabled permission by its word, or None."""
        return next((one for one in self.scopes if one.enabled and one.value == word), None)

    def words_of(self, ids: Collection[str]) -> tuple[str, ...]:
        """Give the words of the enabled permissions with these ids."""
        return tuple(one.value for one in self.scopes if one.enabled and one.value and one.id in ids)

    def pre_authorized_for(self, app_id: str) -> tuple[str, ...]:
        """Give the words that a client needs no consent for, because the resource itself says so."""
        ids = {one for client in self.pre_authorized if client.app_id.lower() == app_id for one in client.scopes}
        return self.words_of(ids)

    def roles(self, held: AbstractSet[str], member: str) -> tuple[str, ...]:
        """
        Give the words of the app roles that a principal holds, in the order of the alphabet.

        *held* are the ids that it was assigned and *member* is what it is, `USER` or `APPLICATION`. A role that was
        disabled, or is no longer for such principals, is not said: what the registration says today counts.
        """
        return tuple(
            sorted(
                one.value
                for one in self.app_roles
                if one.enabled and one.value and member in one.member_types and one.id in held
            )
        )
