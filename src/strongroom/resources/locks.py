"""
Management locks: made, changed, taken away, and asked for.

    made at a scope --> held, at it and below --> removed
    the resource at the scope cannot go while it is locked, so no lock outlives it
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.guids import parse_guid
from strongroom.core.locks import Effect, LockLevel, ManagementLock, holding, lock_id
from strongroom.core.rbac import scope_key
from strongroom.core.records import tenant_partition
from strongroom.resources.scopes import Scope
from strongroom.store import Transaction

_NOT_IN_NAMES = re.compile(r"[<>%&:\\?/]")
_SUBSCRIPTION_SEGMENTS = 3
_NAMED = 5
"""How many locked scopes one refusal names."""


@dataclass(frozen=True, slots=True)
class LockWish:
    """A lock as a request describes it."""

    level: LockLevel
    notes: str = ""
    owners: tuple[str, ...] = ()


def check_lock_name(text: str) -> str:
    """
    Check the name of a lock.

    Raises:
        Invalid: `InvalidLockName`.
    """
    if not 1 <= len(text) <= limits.LOCK_NAME_CHARS or _NOT_IN_NAMES.search(text) or not text.isprintable():
        raise Invalid(
            f"The lock name is invalid: it has 1 to {limits.LOCK_NAME_CHARS} characters, none of them"
            " '<', '>', '%', '&', ':', '\\', '?', '/' or a control character.",
            code="InvalidLockName",
        )
    return text


def check_lock(wish: LockWish) -> LockWish:
    """
    Check what is said of a lock.

    Raises:
        Invalid: the notes are too long, an owner is no application id, or there are too many.
    """
    if len(wish.notes) > limits.LOCK_NOTES_CHARS:
        raise Invalid(
            f"The notes of a lock have at most {limits.LOCK_NOTES_CHARS} characters.", code="InvalidLockNotes"
        )
    if len(wish.owners) > limits.LOCK_OWNERS:
        raise Invalid(f"A lock has at most {limits.LOCK_OWNERS} owners.", code="InvalidLockOwners")
    owners = tuple(parse_guid(owner) for owner in wish.owners)
    if not all(owners):
        raise Invalid("The owner of a lock is the application id of an application.", code="InvalidLockOwners")
    return replace(wish, owners=tuple(owner for owner in owners if owner is not None))


def require_lockable(scope: Scope) -> Scope:
    """
    Refuse scopes above subscriptions, which nobody can lock in Azure either.

    Raises:
        Invalid: `InvalidScope`.
    """
    if scope.subscription is None:
        raise Invalid(
            "A lock is put on a subscription, a resource group or a resource, and on nothing above them.",
            code="InvalidScope",
        )
    return scope


async def put_lock(
    tx: Transaction, *, tenant: str, scope: Scope, name: str, wish: LockWish, now: int, by: str
) -> tuple[ManagementLock, bool]:
    """
    Lock a scope, or change a lock; the second value says whether it was made.

    *scope* has been located and is confirmed by the caller in *tx*.

    Raises:
        Conflict: there are as many at this scope, or in its subscription, as there may be.
        Invalid: the name, or what is said of it.
    """
    partition, wish = tenant_partition(tenant), check_lock(wish)
    existing = await tx.record(ManagementLock, partition, lock_id(scope.path, name))
    if existing is None:
        _require_room([scope_key(one.scope) for one in await tx.records(ManagementLock, partition)], scope)
        made = ManagementLock(
            id=lock_id(scope.path, name),
            tenant=tenant,
            scope=scope.path,
            name=check_lock_name(name),
            level=wish.level,
            created=now,
            notes=wish.notes,
            owners=wish.owners,
            created_by=by,
        )
    else:
        made = replace(existing, level=wish.level, notes=wish.notes, owners=wish.owners, updated=now, updated_by=by)
    await tx.put(made)
    return made, existing is None


def _require_room(locked: Sequence[str], scope: Scope) -> None:
    here = scope_key(scope.path)
    subscription = "/".join(here.split("/")[:_SUBSCRIPTION_SEGMENTS])
    if locked.count(here) >= limits.LOCKS_PER_SCOPE:
        raise Conflict(
            f"The scope has {limits.LOCKS_PER_SCOPE} locks, which is the most that it can have.",
            code="LockCountExceeded",
        )
    # Objects of a vault need not exist to be locked, so that scopes are no limit.
    if sum(one == subscription or one.startswith(f"{subscription}/") for one in locked) >= (
        limits.LOCKS_PER_SUBSCRIPTION
    ):
        raise Conflict(
            f"The subscription has {limits.LOCKS_PER_SUBSCRIPTION} locks, which is the most that it can have.",
            code="LockCountExceeded",
        )


async def remove_lock(tx: Transaction, *, tenant: str, scope: str, name: str) -> ManagementLock | None:
    """Take a lock away; None if none of this name is at this very scope, which need not exist any more."""
    existing = await tx.record(ManagementLock, tenant_partition(tenant), lock_id(scope, name))
    if existing is not None:
        await tx.remove(existing)
    return existing


async def require_unlocked(tx: Transaction, tenant: str, scope: str, effect: Effect, *, whole: bool) -> None:
    """
    Refuse what a lock keeps people from, as the locks are in a transaction.

    Raises:
        Conflict: `ScopeLocked`.
    """
    if effect is not Effect.NOTHING:
        judge_locks(await tx.records(ManagementLock, tenant_partition(tenant)), scope, effect, whole=whole)


def judge_locks(locks: Sequence[ManagementLock], scope: str, effect: Effect, *, whole: bool) -> None:
    """
    Refuse what one of these locks keeps people from.

    Raises:
        Conflict: `ScopeLocked`, in Azure's words.
    """
    held = holding(locks, scope, effect, whole=whole)
    if held:
        raise Conflict(
            f"The scope '{shown(scope, RESOURCE_ID)}' cannot perform {effect.value} operation because following"
            f" scope(s) are locked: '{_scopes(held)}'. Please remove the lock and try again.",
            code="ScopeLocked",
            reason=f"lock {held[0].id}",
        )


def lock_not_found(name: str) -> NotFound:
    """Say that a scope has no lock of this name."""
    return NotFound(f"The lock '{name}' could not be found.", code="LockNotFound")


def _scopes(held: Iterable[ManagementLock]) -> str:
    return ",".join(list(dict.fromkeys(lock.scope for lock in held))[:_NAMED])
