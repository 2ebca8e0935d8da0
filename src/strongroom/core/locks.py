"""
Management locks: what keeps people from deleting or changing a resource, whatever rights they have.

A lock holds requests to the management plane at its scope and below it, and nothing that is asked of a vault itself
(Azure's "Lock your resources to protect your infrastructure"). What is deleted must not be locked anywhere below it
either: a group goes with all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from strongroom.core.rbac import scope_key
from strongroom.core.records import Record, record, tenant_partition


class LockLevel(StrEnum):
    """What a lock keeps people from, in ARM's words."""

    CAN_NOT_DELETE = "CanNotDelete"
    READ_ONLY = "ReadOnly"
    """Neither deleting nor changing."""


class Effect(StrEnum):
    """What a request does, as locks tell requests apart."""

    NOTHING = "nothing"
    """It reads, or is not what locks are about."""
    WRITE = "write"
    DELETE = "delete"


_BY_METHOD = {"PUT": Effect.WRITE, "PATCH": Effect.WRITE, "POST": Effect.WRITE, "DELETE": Effect.DELETE}
_HELD = {
    LockLevel.CAN_NOT_DELETE: frozenset({Effect.DELETE}),
    LockLevel.READ_ONLY: frozenset({Effect.WRITE, Effect.DELETE}),
}


@record
@dataclass(frozen=True, slots=True)
class ManagementLock(Record):
    """A lock over a subscription, a resource group or a resource, and everything below it."""

    KIND: ClassVar[str] = "management_lock"
    id: str
    """`{scope}|{name}`, both in lower case."""
    tenant: str
    scope: str
    name: str
    level: LockLevel
    created: int
    notes: str = ""
    owners: tuple[str, ...] = ()
    """The application ids of its owners, which are told and decide nothing, as in Azure."""
    created_by: str = ""
    updated: int = 0
    """0 if it was never changed."""
    updated_by: str = ""

    @property
    def partition(self) -> str:
        """The tenant's."""
        return tenant_partition(self.tenant)

    @property
    def arm_id(self) -> str:
        """The lock's ARM id."""
        return f"{self.scope}/providers/Microsoft.Authorization/locks/{self.name}"


def lock_id(scope: str, name: str) -> str:
    """Make the id of the record of a lock."""
    return f"{scope_key(scope)}|{name.lower()}"


def effect_of(method: str) -> Effect:
    """Say what a request of this method does where nothing else is said: every POST counts as a change."""
    return _BY_METHOD.get(method, Effect.NOTHING)


def holding(locks: Iterable[ManagementLock], scope: str, effect: Effect, *, whole: bool) -> list[ManagementLock]:
    """
    Pick the locks that keep a request from what it does at a scope.

    *whole* says that the request is about what is at the scope itself, and not only about something that belongs to
    it, such as a role given there: to delete that deletes what is below as well.
    """
    here = f"{scope_key(scope)}/"
    return [
        lock
        for lock in locks
        if effect in _HELD[lock.level]
        and (
            here.startswith(f"{scope_key(lock.scope)}/")
            or (whole and effect is Effect.DELETE and scope_key(lock.scope).startswith(here))
        )
    ]
