"""
What happens to a certificate by itself: the next step of its operation, its lifetime action, and that it expires.

Pure: the times are computed from what is stored, and somebody else looks at the clock (`vault.certificate_upkeep`).
Rules from reference azure-key-vault.md sections 4.5 and 8; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from strongroom.core import certificate_limits
from strongroom.core.certificate_policies import DEFAULT_PERCENTAGE
from strongroom.core.certificates import (
    CertificateUpkeep,
    CertificateVersionBody,
    LifetimeAction,
    LifetimeActionType,
    Pending,
    PendingStatus,
)

DAY_S = 86_400


class Event(StrEnum):
    """What can be due; what the audit has of it, by its names (section 7)."""

    STEP = "CertificateEnroll"
    RENEW = "CertificateRenew"
    WRITE = "CertificateEmailContacts"
    NEAR_EXPIRY = "CertificateNearExpiryEventGridNotification"
    EXPIRED = "CertificateExpiredEventGridNotification"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is due from a moment on."""

    at: int
    event: Event


def dues(upkeep: CertificateUpkeep, version: str, body: CertificateVersionBody) -> tuple[Due, ...]:
    """
    Say what will be due of a certificate whose latest *version* this is.

    A certificate that somebody disabled is left alone until it is enabled, so that nothing comes alive behind a name
    that was put out of use; only an operation that somebody began goes on. Of things due at once the first comes
    first: what a renewal replaces is not near its expiry any more.
    """
    found: list[Due] = []
    pending, own = upkeep.pending, body.attributes
    if pending is not None and pending.step_at is not None:
        found.append(Due(pending.step_at, Event.STEP))
    if body.cer is None or not own.enabled or own.nbf is None or own.exp is None:
        return tuple(found)
    noted = (version, own.exp)
    for action in upkeep.policy.lifetime_actions if upkeep.policy.enabled else ():
        at = action_time(action, own.nbf, own.exp, own.created)
        if action.type is LifetimeActionType.EMAIL_CONTACTS:
            if upkeep.acted != noted:
                found.append(Due(at, Event.WRITE))
        elif not is_under_way(pending):
            # An issuer that gave what is as good as over would otherwise be asked again without end.
            settled = own.created + max(min(certificate_limits.RENEWAL_RETRY_S, (own.exp - own.created) // 4), 0)
            found.append(Due(max(at, settled, upkeep.retry_at or at), Event.RENEW))
    if upkeep.near_expiry != noted:
        found.append(Due(max(own.exp - certificate_limits.NEAR_EXPIRY_S, own.created), Event.NEAR_EXPIRY))
    if upkeep.expired != noted:
        found.append(Due(own.exp, Event.EXPIRED))
    return tuple(found)


def next_due(upkeep: CertificateUpkeep, version: str, body: CertificateVersionBody) -> int | None:
    """Say when somebody has to look at a certificate next; None if never."""
    return min((due.at for due in dues(upkeep, version, body)), default=None)


def due_now(upkeep: CertificateUpkeep, version: str, body: CertificateVersionBody, now: int) -> Due | None:
    """Say what is to be done first of what is due; None if nothing is."""
    return next((due for due in dues(upkeep, version, body) if due.at <= now), None)


def action_time(action: LifetimeAction, nbf: int, exp: int, created: int) -> int:
    """
    Say when a lifetime action is due of a version; never before it was made, be it imported late in its life.

    An issuer can give a certificate a shorter life than the policy asks for. So many days before the end that this is
    before its beginning would have each version renewed as soon as it is there: then its default time counts.
    """
    before, life = (action.days_before_expiry or 0) * DAY_S, exp - nbf
    if action.percentage is None and before < life:
        return max(exp - before, created)
    percentage = DEFAULT_PERCENTAGE if action.percentage is None else action.percentage
    return max(nbf + life * percentage // 100, created)


def is_under_way(pending: Pending | None) -> bool:
    """Tell whether an operation has not ended."""
    return pending is not None and pending.status is PendingStatus.IN_PROGRESS


# ---- what fails -----------------------------------------------------------------------------------------------------


def step_delay(failures: int) -> int:
    """Say how many seconds to wait after a step failed for the *failures*th time in a row."""
    return min(certificate_limits.STEP_RETRY_S << min(failures - 1, 30), certificate_limits.STEP_RETRY_MAX_S)


def after_renewal_failed(upkeep: CertificateUpkeep, now: int, *, was_issued: bool = False) -> CertificateUpkeep:
    """
    Have a renewal that failed tried again later: twice as late each time, up to a day.

    One that was issued and not taken up to a week: a CA issues the same names a few times a week, and may be paid.
    """
    failures = upkeep.failures + 1
    first, most = certificate_limits.RENEWAL_RETRY_S, DAY_S
    if was_issued:
        first, most = certificate_limits.UNWANTED_RETRY_S, certificate_limits.UNWANTED_RETRY_MAX_S
    delay = min(first << min(failures - 1, 30), most)
    return replace(upkeep, failures=failures, retry_at=now + delay)


def as_if_new(upkeep: CertificateUpkeep) -> CertificateUpkeep:
    """Have what failed tried as if for the first time: somebody changed something, or it succeeded."""
    return replace(upkeep, failures=0, retry_at=None)


def set_right(upkeep: CertificateUpkeep, now: int) -> CertificateUpkeep:
    """Have what was put off by a clock that was ahead done now: little that fails is put off so far."""
    pending = upkeep.pending
    if pending is not None and pending.step_at is not None and pending.step_at > now + DAY_S:
        upkeep = replace(upkeep, pending=replace(pending, step_at=now))
    return as_if_new(upkeep) if upkeep.retry_at is not None and upkeep.retry_at > now + DAY_S else upkeep
