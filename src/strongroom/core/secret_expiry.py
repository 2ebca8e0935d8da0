"""
What happens to a secret by itself: it is near its expiry, and has expired.

Pure: the times are computed from what is stored, and somebody else looks at the clock (`strongroom.app.upkeep`). Rules
from reference azure-key-vault.md sections 5.1, 7 and 8; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from strongroom.core.key_rotation import DAY_S, Noted
from strongroom.core.secrets import SecretAttributes

NEAR_EXPIRY_S = 30 * DAY_S
"""How long before its expiry a secret is near it. Unlike a key's, nobody can set it."""


class Event(StrEnum):
    """What can be due, by the audit's names (section 7)."""

    NEAR_EXPIRY = "SecretNearExpiryEventGridNotification"
    EXPIRED = "SecretExpiredEventGridNotification"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was noted of a secret."""

    near_expiry: Noted | None = None
    """The last version that was found near its expiry, with that expiry."""
    expired: Noted | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due from a moment on."""

    at: int
    event: Event


def next_due(upkeep: Upkeep, version: str, attributes: SecretAttributes, *, managed: bool = False) -> Due | None:
    """
    Say what is due next of a secret whose latest *version* has these attributes.

    Like a key, one that somebody disabled is left alone until it is enabled; a certificate's is its certificate's.
    """
    if attributes.exp is None or managed or not attributes.enabled:
        return None
    noted = (version, attributes.exp)
    if noted == upkeep.expired:
        return None
    if noted != upkeep.near_expiry:
        return Due(attributes.exp - NEAR_EXPIRY_S, Event.NEAR_EXPIRY)
    return Due(attributes.exp, Event.EXPIRED)
