"""
Attestation authorities: on whose word a tenant's keys may be released, and the key that answers to it are signed with.

Two decisions have to meet. The instance's operator says which authorities a tenant has, and where their keys come from;
whoever makes a key says in its release policy what one of them must attest. One without the other releases nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from strongroom.core import release_limits as limits
from strongroom.core.federation import IssuerKey
from strongroom.core.records import Record, record, tenant_partition


@record
@dataclass(frozen=True, slots=True)
class ReleaseAuthority(Record):
    """An authority whose attestations count in a tenant. Without keys of its own here, they are fetched from it."""

    KIND: ClassVar[str] = "release_authority"
    id: str
    """The authority itself, without a slash at the end."""
    tenant: str
    created: int
    keys: tuple[IssuerKey, ...] = ()

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@record
@dataclass(frozen=True, slots=True)
class ReleaseSigningKey(Record):
    """A key that a tenant's released keys are signed with: another one than those of its tokens, in no key set."""

    KIND: ClassVar[str] = "release_signing_key"
    id: str
    """The thumbprint of its certificate."""
    tenant: str
    created: int
    certificate: bytes
    """DER."""
    sealed_private_key: bytes = field(repr=False)
    signs_from: int = 0
    """When it begins to sign; 0 of a tenant's first one, which signs from when it was made."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def began(self) -> int:
        """When it begins, or began, to sign."""
        return self.signs_from or self.created


def authority_id(authority: str) -> str:
    """Give the id of an authority, which one slash at its end does not change (ADR 0014)."""
    return authority.removesuffix("/")


# ---- one key after another ------------------------------------------------------------------------------------------
#
#     created ------------ began ------------ the next one's began ------------
#        shown: people tell environments         |   still shown, then removed
#                           |---- signs ---------|


def signs_now(keys: Iterable[ReleaseSigningKey], now: int) -> ReleaseSigningKey | None:
    """Choose the key that signs now, of those a tenant has; None if it has none."""
    ordered = sorted(keys, key=_order)
    begun = [key for key in ordered if key.began <= now]
    # After a clock that was ahead there may be none that has begun.
    return begun[-1] if begun else next(iter(ordered), None)


def next_begins(keys: Iterable[ReleaseSigningKey], now: int) -> int | None:
    """
    Say when a key is to begin that a tenant lacks now; None while it lacks none.

    A tenant without one needs none until it has an authority. However late this is asked, the next one is shown first.
    """
    signing, ahead = _parted(keys, now)
    if signing is None or ahead:
        return None
    ends = signing.began + limits.RELEASE_KEY_SIGNS_S
    return max(ends, now + limits.RELEASE_KEY_AHEAD_S) if now >= ends - limits.RELEASE_KEY_AHEAD_S else None


def shown_keys(keys: Iterable[ReleaseSigningKey], now: int) -> tuple[ReleaseSigningKey, ...]:
    """Choose the keys that environments are to accept now: what is signing, what will be, and what just was."""
    known = tuple(keys)
    signing, ahead = _parted(known, now)
    if signing is None:
        return ()
    lingering = now < signing.began + limits.RELEASE_KEY_LINGERS_S
    # Only the one before: it signed until this one began.
    before = sorted((key for key in known if _order(key) < _order(signing)), key=_order)[-1:] if lingering else []
    return (*before, signing, *ahead)


def revoked(
    keys: Iterable[ReleaseSigningKey], now: int
) -> tuple[tuple[ReleaseSigningKey, ...], ReleaseSigningKey | None]:
    """
    Say what becomes of the keys when the one that signs is not only ours: which end, and which signs from now on.

    That is the next one, which people have told environments already, or None if there is none yet. All that have begun
    end, the one before too: who accepts it has not heard of the one after it either.
    """
    known = tuple(keys)
    _, ahead = _parted(known, now)
    return tuple(key for key in known if key not in ahead), replace(ahead[0], signs_from=now) if ahead else None


def _parted(
    keys: Iterable[ReleaseSigningKey], now: int
) -> tuple[ReleaseSigningKey | None, tuple[ReleaseSigningKey, ...]]:
    """Give the key that signs, and the next one. One further ahead than any is made was made by a clock that was."""
    known = tuple(keys)
    signing, furthest = signs_now(known, now), now + limits.RELEASE_KEY_SIGNS_S
    ahead = sorted((key for key in known if key is not signing and now < key.began <= furthest), key=_order)
    return signing, tuple(ahead)


def _order(key: ReleaseSigningKey) -> tuple[int, str]:
    return key.began, key.id
