"""
The life of an object: which states there are, what moves between them, and how each refuses.

    absent --set, import, restore--> active --DELETE--> deleted --DELETE (purge), purge_at passes--> absent
                                       ^------recover------'

All versions of an object live and die together. Changes take effect at once, so the states "being deleted" and "being
recovered", which the real service passes through, are never seen here. Rules and texts from reference
azure-key-vault.md sections 4.2, 4.6, 4.7 and 9; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from strongroom.core.api_versions import RECOVERABLE_DAYS_SINCE, SOFT_DELETE_SINCE, at_least
from strongroom.core.errors import Conflict, Forbidden, Invalid, NotFound
from strongroom.core.limits import RETENTION_MAX_DAYS, VERSIONS_IN_BACKUP
from strongroom.core.objects import Collection, StoredObject

DAY_S = 86_400

# ---- retention ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the attributes of an object say of its recovery; None is left out of the answer."""

    level: str | None
    days: int | None


@lru_cache(maxsize=256)
def recovery(*, retention_days: int, purge_protection: bool, version: str) -> Recovery:
    """
    Say `recoveryLevel` and `recoverableDays` for a vault's settings, as *version* of the data plane knows them.

    Ninety days have the plain words, fewer the customised ones (section 4.2). Soft delete is always on, so `Purgeable`
    never occurs, and there are no protected subscriptions here.
    """
    if not at_least(version, SOFT_DELETE_SINCE):
        return Recovery(None, None)
    level = "Recoverable" if purge_protection else "Recoverable+Purgeable"
    if retention_days != RETENTION_MAX_DAYS:
        level = f"Customized{level}"
    return Recovery(level, retention_days if at_least(version, RECOVERABLE_DAYS_SINCE) else None)


def purge_time(now: int, retention_days: int) -> int:
    """Give the time from which an object that is deleted *now* is purged without anyone asking."""
    return now + retention_days * DAY_S


def is_over(purge_at: int | None, now: int) -> bool:
    """
    Tell whether the retention of something deleted is over, from the second that was promised on.

    It is then absent, whether or not a clean-up has been there: the date decides, not the pace of a sweep.
    """
    return purge_at is not None and purge_at <= now


# ---- states ---------------------------------------------------------------------------------------------------------


class State(StrEnum):
    """Where an object is in its life."""

    ABSENT = "absent"
    ACTIVE = "active"
    DELETED = "deleted"


def state_of(stored: StoredObject | None, now: int) -> State:
    """
    Tell an object's state.

    A deleted object whose retention is over is absent. Whoever makes the name anew removes the old row first.
    """
    if stored is None:
        return State.ABSENT
    if stored.deleted is None:
        return State.ACTIVE
    return State.ABSENT if is_over(stored.purge_at, now) else State.DELETED


def require_active(stored: StoredObject | None, collection: Collection, name: str, now: int) -> StoredObject:
    """
    Give the object if it can be read or changed.

    Raises:
        NotFound: it does not exist or is deleted; the words are the same, as in the real service.
    """
    if stored is None or state_of(stored, now) is not State.ACTIVE:
        raise not_found(collection, name)
    return stored


def require_deleted(stored: StoredObject | None, collection: Collection, name: str, now: int) -> StoredObject:
    """
    Give the object if it can be read as deleted, or purged.

    Raises:
        NotFound: no deleted object has this name.
    """
    if stored is None or state_of(stored, now) is not State.DELETED:
        raise deleted_not_found(collection, name)
    return stored


def require_recoverable(stored: StoredObject | None, collection: Collection, name: str, now: int) -> StoredObject:
    """
    Give the object if it can be recovered.

    Raises:
        NotFound: no deleted object has this name; in the words for an active one, as recorded of all three collections.
    """
    if stored is None or state_of(stored, now) is not State.DELETED:
        raise not_found(collection, name)
    return stored


def require_name_free(stored: StoredObject | None, collection: Collection, name: str, now: int) -> None:
    """
    Refuse to write under a name whose object is deleted and can still be recovered.

    Raises:
        Conflict: `ObjectIsDeletedButRecoverable`.
    """
    if state_of(stored, now) is State.DELETED:
        raise deleted_but_recoverable(collection, name)


def require_no_certificate(stored: StoredObject | None, collection: Collection, name: str, now: int) -> None:
    """
    Refuse to make a key or a secret under the name of a certificate, whose own that would be.

    What is not issued yet has none that would refuse it.

    Raises:
        Conflict: a certificate has the name.
    """
    state = state_of(stored, now)
    if state is State.DELETED:
        raise deleted_but_recoverable(Collection.CERTIFICATES, name)
    if state is State.ACTIVE:
        noun = _NOUNS[collection]
        raise Conflict(
            f"A certificate with the name {name} already exists, and the {noun} of this name is the certificate's.",
            code="Conflict",
        )


def require_restorable(stored: StoredObject | None, collection: Collection, name: str, uri: str, now: int) -> None:
    """
    Refuse to restore over an object that exists.

    Raises:
        Conflict: the name is in use, or is that of a deleted object.
    """
    state = state_of(stored, now)
    if state is State.DELETED:
        raise deleted_but_recoverable(collection, name)
    if state is State.ACTIVE:
        noun = _NOUNS[collection]
        raise Conflict(
            f"There was a conflict restoring the {noun} '{uri}'. This can happen if either: a second {noun} with the"
            f" same name was created after the first {noun} was deleted; thus trying to restore a {noun} whose name is"
            f" already in use. To fix this, rename the second {noun} to something else so that the restore works. The"
            " second probable cause of this exception is when multiple operations are performed in parallel against"
            f" the {noun}. To avoid this error, perform operations against a {noun} in a sequential manner.",
            code="Conflict",
        )


def require_purgeable(*, purge_protection: bool, vault: str, location: str) -> None:
    """
    Refuse to purge in a vault with purge protection, whoever asks.

    Raises:
        Forbidden: purge protection is on.
    """
    if purge_protection:
        raise Forbidden(
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service'
            " will automatically purge it after the retention period has passed."
            f" Vault: {vault};location={location}",
            code="Forbidden",
            reason="purge protection",
        )


def require_backup_fits(versions: int, collection: Collection) -> None:
    """
    Refuse to back up an object with more versions than a backup holds.

    Raises:
        Invalid: over the limit (section 4.7 gives the limit; the words are ours).
    """
    if versions > VERSIONS_IN_BACKUP:
        noun = _NOUNS[collection]
        raise Invalid(
            f"The {noun} has {versions} versions, and a backup can hold at most {VERSIONS_IN_BACKUP}.",
            code="BadParameter",
        )


# ---- enabled, not before, expires -----------------------------------------------------------------------------------

_CRYPTOGRAPHY = frozenset({"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"})

REFUSED_WHILE_DISABLED: Mapping[Collection, frozenset[str]] = {
    Collection.SECRETS: frozenset({"get"}),
    # Whether GET of a disabled key is refused is uncertain: this is the switch (security.md "Corrections").
    Collection.KEYS: _CRYPTOGRAPHY | {"release"},
    Collection.CERTIFICATES: frozenset(),
}
"""What a disabled object refuses. A certificate stays readable; its key and its secret are what stops working."""

REFUSED_OUTSIDE_WINDOW: Mapping[Collection, frozenset[str]] = {
    # The dates of a secret are information: the real service answers 200 for an expired one.
    Collection.SECRETS: frozenset(),
    # What was encrypted, wrapped or signed in time can still be decrypted, unwrapped, verified and released.
    Collection.KEYS: frozenset({"encrypt", "wrapKey", "sign"}),
    Collection.CERTIFICATES: frozenset(),
}
"""What an object refuses before `nbf` and from `exp` on."""


def require_usable(
    collection: Collection, operation: str, *, enabled: bool, nbf: int | None, exp: int | None, now: int
) -> None:
    """
    Refuse an operation that the object's attributes forbid at this time: the table of section 4.2.

    Raises:
        Forbidden: `SecretDisabled` and its like, `KeyNotYetValid` or `KeyExpired`.
    """
    noun = _NOUNS[collection]
    if not enabled and operation in REFUSED_WHILE_DISABLED[collection]:
        raise Forbidden(
            f"Operation {operation} is not allowed on a disabled {noun}.",
            code="Forbidden",
            inner=f"{noun.capitalize()}Disabled",
        )
    if operation not in REFUSED_OUTSIDE_WINDOW[collection]:
        return
    if nbf is not None and now < nbf:
        raise Forbidden(
            f"Operation {operation} is not allowed on a {noun} that is not yet valid.",
            code="Forbidden",
            inner=f"{noun.capitalize()}NotYetValid",
        )
    if exp is not None and now >= exp:
        raise Forbidden(
            f"Operation {operation} is not allowed on an expired {noun}.",
            code="Forbidden",
            inner=f"{noun.capitalize()}Expired",
        )


# ---- words ----------------------------------------------------------------------------------------------------------

_NOUNS: Mapping[Collection, str] = {
    Collection.SECRETS: "secret",
    Collection.KEYS: "key",
    Collection.CERTIFICATES: "certificate",
}


def not_found(collection: Collection, name: str, version: str | None = None) -> NotFound:
    """Say that no active object, or no such version of it, exists."""
    noun = _NOUNS[collection]
    code = f"{noun.capitalize()}NotFound"
    wanted = name if version is None else f"{name}/{version}"
    return NotFound(
        f"A {noun} with (name/id) {wanted} was not found in this key vault. If you recently deleted this {noun} you may"
        " be able to recover it using the correct recovery command. For help resolving this issue, please see"
        " https://go.microsoft.com/fwlink/?linkid=2125182",
        code=code,
    )


def deleted_not_found(collection: Collection, name: str) -> NotFound:
    """Say that no deleted object has this name."""
    noun = _NOUNS[collection].capitalize()
    return NotFound(f"Deleted {noun} not found: {name}", code=f"{noun}NotFound")


def deleted_but_recoverable(collection: Collection, name: str) -> Conflict:
    """Say that a name is held by a deleted object."""
    noun = _NOUNS[collection]
    return Conflict(
        f"{noun.capitalize()} {name} is currently in a deleted but recoverable state, and its name cannot be reused; in"
        f" this state, the {noun} can only be recovered or purged.",
        code="Conflict",
        inner="ObjectIsDeletedButRecoverable",
    )
