"""
What happens to a key by itself: its rotation policy, and when it is to be rotated, is near its expiry, or has expired.

Pure: the times are computed from what is stored, and somebody else looks at the clock (`strongroom.app.upkeep`).
Rules from reference azure-key-vault.md section 5.1; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyAttributes

DAY_S = 86_400

# ---- durations ------------------------------------------------------------------------------------------------------

_DURATION = re.compile(r"P(?=\d)(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?", re.ASCII)
_CALENDAR_ENDS = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
"""Beyond this a month is taken as its days: no calendar here reaches as far as a number may."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Whole months and days, as ISO 8601 writes them: `P18M`, `P90D`, `P1Y6M`. `text` is as it was given."""

    text: str
    months: int = 0
    days: int = 0

    @property
    def nominal_days(self) -> int:
        """Its length by which limits are judged: a year of 365 days, other months of 30."""
        years, months = divmod(self.months, 12)
        return years * 365 + months * 30 + self.days


def parse_duration(text: str) -> Duration | None:
    """Read a duration of whole years, months, weeks and days, in that order; None if it is none, or is too long."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    duration = Duration(text, years * 12 + months, weeks * 7 + days)
    return duration if 1 <= duration.nominal_days <= limits.ROTATION_DURATION_DAYS else None


def moved(moment: int, duration: Duration, sign: int = 1) -> int:
    """
    Give the moment that is *duration* later, or earlier with a *sign* of -1.

    Months are the calendar's, in UTC, and are counted before days; where the month arrived at has no such day, it is
    that month's last.
    """
    if moment >= _CALENDAR_ENDS:
        return moment + sign * duration.nominal_days * DAY_S
    at = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + sign * duration.months, 12)
    at = at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))
    return int(at.timestamp()) + sign * duration.days * DAY_S


# ---- policies -------------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What a policy can have done."""

    ROTATE = "Rotate"
    NOTIFY = "Notify"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When: one of both."""

    after_create: Duration | None = None
    before_expiry: Duration | None = None


DEFAULT_NOTIFY = Duration("P30D", days=30)


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """A key's rotation policy. A notification is always part of it."""

    created: int
    updated: int
    expiry_time: Duration | None = None
    """How long the versions live that rotation makes; None for no end."""
    rotate: Trigger | None = None
    notify: Duration = DEFAULT_NOTIFY
    """How long before its expiry a version is near it."""


@dataclass(frozen=True, slots=True)
class GivenAction:
    """A lifetime action as a request has it."""

    type: str | None
    after_create: str | None
    before_expiry: str | None


def read_policy(
    actions: Sequence[GivenAction], expiry_time: str | None, old: RotationPolicy | None, now: int
) -> RotationPolicy:
    """
    Read a policy that is to replace *old*.

    Raises:
        Invalid: it breaks a rule of section 5.1.
    """
    expiry = _duration(expiry_time, "expiryTime") if expiry_time else None
    if expiry is not None and expiry.nominal_days < limits.KEY_EXPIRY_TIME_DAYS:
        raise _invalid(f"expiryTime must be at least {limits.KEY_EXPIRY_TIME_DAYS} days.")
    triggers: dict[Action, Trigger] = {}
    for given in actions:
        action = _action(given.type)
        if action in triggers:
            raise _invalid(f"a policy has at most one lifetime action of the type {action}.")
        triggers[action] = _trigger(given, action)
    rotate, notify = triggers.get(Action.ROTATE), triggers.get(Action.NOTIFY)
    if rotate is not None:
        _check_rotation(rotate, expiry)
    before = notify.before_expiry if notify is not None else None
    return RotationPolicy(old.created if old is not None else now, now, expiry, rotate, before or DEFAULT_NOTIFY)


def _action(word: str | None) -> Action:
    for action in Action:
        if word is not None and word.lower() == action.lower():
            return action
    raise _invalid("the type of a lifetime action must be Rotate or Notify.")


def _trigger(given: GivenAction, action: Action) -> Trigger:
    # Tools write the trigger that they do not mean as null or as an empty text.
    if bool(given.after_create) == bool(given.before_expiry):
        raise _invalid(f"the action {action} must have one trigger: timeAfterCreate or timeBeforeExpiry.")
    if given.after_create:
        if action is Action.NOTIFY:
            raise _invalid("the action Notify can only have the trigger timeBeforeExpiry.")
        return Trigger(after_create=_duration(given.after_create, "timeAfterCreate"))
    return Trigger(before_expiry=_duration(given.before_expiry or "", "timeBeforeExpiry"))


def _check_rotation(rotate: Trigger, expiry: Duration | None) -> None:
    """Demand that a rotation is some days away from both ends of a version's life."""
    days = limits.ROTATION_MARGIN_DAYS
    trigger = rotate.after_create or rotate.before_expiry
    if expiry is None and rotate.before_expiry is not None:
        raise _invalid("the action Rotate with the trigger timeBeforeExpiry needs an expiryTime.")
    if trigger is not None and trigger.nominal_days < days:
        end = "after creation" if rotate.after_create is not None else "before expiry"
        raise _invalid(f"the action Rotate must be at least {days} days {end}.")
    if trigger is not None and expiry is not None and expiry.nominal_days - trigger.nominal_days < days:
        end = "before expiry" if rotate.after_create is not None else "after creation"
        raise _invalid(f"the action Rotate must be at least {days} days {end}.")


def _duration(text: str, member: str) -> Duration:
    duration = parse_duration(text)
    if duration is None:
        raise _invalid(
            f"{member} must be an ISO 8601 duration of whole years, months, weeks or days, such as P90D,"
            f" of at most {limits.ROTATION_DURATION_DAYS} days."
        )
    return duration


def _invalid(sentence: str) -> Invalid:
    return Invalid(f"The key rotation policy is invalid: {sentence}", code="BadParameter")


# ---- when -----------------------------------------------------------------------------------------------------------

Noted = tuple[str, int]
"""A version and its expiry: what was said of the two is not said again; of another expiry it is."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to be done with a key by itself, and what of it was done."""

    policy: RotationPolicy | None = None
    near_expiry: Noted | None = None
    """The last version that was found near its expiry."""
    expired: Noted | None = None
    failures: int = 0
    """How often its rotation failed since it last succeeded."""
    retry_at: int | None = None
    """When its rotation is tried again."""


class Event(StrEnum):
    """What can be due, by the audit's names (section 7)."""

    ROTATE = "KeyRotateIfDue"
    NEAR_EXPIRY = "KeyNearExpiryEventGridNotification"
    EXPIRED = "KeyExpiredEventGridNotification"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due from a moment on."""

    at: int
    event: Event


def next_due(upkeep: Upkeep, version: str, attributes: KeyAttributes, *, managed: bool = False) -> Due | None:
    """
    Say what is due next of a key whose latest *version* has these attributes.

    A key that somebody disabled is left alone until it is enabled, so that nothing comes alive behind a name that was
    put out of use; a certificate's key is its certificate's. Of things due at once, rotation comes first: what it
    replaces is not near its expiry any more.
    """
    if managed or not attributes.enabled:
        return None
    found: list[Due] = []
    rotates_at = rotation_time(upkeep.policy, attributes)
    if rotates_at is not None:
        found.append(Due(max(rotates_at, upkeep.retry_at or rotates_at), Event.ROTATE))
    if attributes.exp is not None:
        noted = (version, attributes.exp)
        notify = upkeep.policy.notify if upkeep.policy is not None else DEFAULT_NOTIFY
        if noted != upkeep.near_expiry:
            found.append(Due(moved(attributes.exp, notify, -1), Event.NEAR_EXPIRY))
        if noted != upkeep.expired:
            found.append(Due(attributes.exp, Event.EXPIRED))
    return min(found, key=lambda due: due.at, default=None)


def rotation_time(policy: RotationPolicy | None, attributes: KeyAttributes) -> int | None:
    """Say when a version is to be rotated; None if never, and never sooner than some days after it was made."""
    if policy is None or policy.rotate is None:
        return None
    after, before = policy.rotate.after_create, policy.rotate.before_expiry
    if after is not None:
        at = moved(attributes.created, after)
    elif before is not None and attributes.exp is not None:
        at = moved(attributes.exp, before, -1)
    else:
        return None
    return max(at, attributes.created + limits.ROTATION_MARGIN_DAYS * DAY_S)


def expiry_of_new(policy: RotationPolicy | None, now: int) -> int | None:
    """Say when a version expires that rotation makes *now*."""
    return moved(now, policy.expiry_time) if policy is not None and policy.expiry_time is not None else None


def retry_delay(failures: int) -> int:
    """Say how many seconds to wait after a rotation failed for the *failures*th time: twice as long each time."""
    return min(limits.ROTATION_RETRY_S << min(failures - 1, 30), DAY_S)
